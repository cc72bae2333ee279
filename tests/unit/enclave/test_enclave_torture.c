/* Every allocation of reading a configuration fails once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/enclave.h"
#include "failing_malloc.h"
#include "json_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PCRS         "{" PCR(0, "a") "," PCR(8, "b") ",\"label\":\"v1\"}"
/* Far more than any of the texts needs. */
#define ALLOCATIONS_MAX 5000

static const struct enclave_map_options strict;

static const char *const texts[] = {
    "{\"payments.example.com\":" PCRS ",\"[::1]:444\":[" PCRS "," PCRS "]}",
    "{\"version\":1,\"domain\":\"d.example\",\"defaults\":{\"max_age_ms\":"
    "70000},\"enclaves\":{\"app_1\":" PCRS ",\"b\":{\"url\":\"https://h\","
    "\"evidence_url\":\"https://e/x?y\",\"profile\":\"evervault\",\"pcrs\":["
    "{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\"," PCR(
	0, "c") "}}]}}}",
};

static void
check_memory(enum enclave_client_status status, const struct enclave_map *map,
    const struct enclave_client_error *error, size_t nth)
{
	ck_assert_msg(status == ENCLAVE_CLIENT_ERR_MEMORY,
	    "allocation %zu: %d %s", nth, status, error->message);
	ck_assert_int_eq(error->status, ENCLAVE_CLIENT_ERR_MEMORY);
	ck_assert_ptr_null(map);
}

START_TEST(a_map_is_read_whole_or_memory_is_short)
{
	size_t nth = 1;

	for (; nth < ALLOCATIONS_MAX; nth++) {
		struct enclave_client_error error;
		struct enclave_map *map = NULL;
		failing_malloc_arm(nth);
		enum enclave_client_status status = enclave_map_new_json(
		    bytes_from_string(texts[_i]), &strict, &map, &error);
		if (!failing_malloc_disarm()) {
			ck_assert_int_eq(status, ENCLAVE_CLIENT_OK);
			enclave_map_unref(map);
			break;
		}
		check_memory(status, map, &error, nth);
	}
	ck_assert_uint_gt(nth, 20);
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
}
END_TEST

START_TEST(a_single_enclave_is_read_whole_or_memory_is_short)
{
	const struct enclave_single single = {
	    NULL, "https://h:8443/x", bytes_from_string("[" PCRS "]")};
	size_t nth = 1;

	for (; nth < ALLOCATIONS_MAX; nth++) {
		struct enclave_client_error error;
		struct enclave_map *map = NULL;
		failing_malloc_arm(nth);
		enum enclave_client_status status =
		    enclave_map_new_single(&single, &strict, &map, &error);
		if (!failing_malloc_disarm()) {
			ck_assert_int_eq(status, ENCLAVE_CLIENT_OK);
			enclave_map_unref(map);
			break;
		}
		check_memory(status, map, &error, nth);
	}
	ck_assert_uint_gt(nth, 20);
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("enclave-torture");
	TCase *tcase = tcase_create("enclave-torture");
	SRunner *runner = srunner_create(suite);

	failing_malloc_setup();
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, a_map_is_read_whole_or_memory_is_short, 0, COUNT(texts));
	tcase_add_test(
	    tcase, a_single_enclave_is_read_whole_or_memory_is_short);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
