/* The error as JSON: the members are always there, null where nothing is. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
set_plain(struct enclave_client_error *error)
{
	error_set(error, ENCLAVE_CLIENT_ERR_NETWORK, ENCLAVE_CLIENT_STEP_FETCH,
	    "no \"route\"");
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, 7);
	error_set_enclave(error, "payments");
}

static void
set_old(struct enclave_client_error *error)
{
	error_set(
	    error, ENCLAVE_CLIENT_ERR_TOO_OLD, ENCLAVE_CLIENT_STEP_TIME, "old");
	error_set_age(error, INT64_C(4000000000000));
	error_set_deadline(error, INT64_C(1800000000000));
}

static void
set_measured(struct enclave_client_error *error)
{
	static const uint8_t value[] = {0xaa, 0xbb};

	error_set(error, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY, "refused");
	error_set_pcr(error, 8, (struct bytes){value, 2});
	error_add_accepted(error, (struct bytes){value + 1, 1});
	error_add_accepted(error, (struct bytes){value, 1});
	error_set_age(error, -5);
}

static void
set_absent(struct enclave_client_error *error)
{
	error_set(error, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY, "refused");
	error_set_pcr(error, 0, (struct bytes){0});
	for (int i = 0; i <= ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX; i++)
		error_add_accepted(error, (struct bytes){(uint8_t[]){7}, 1});
}

static const struct {
	void (*set)(struct enclave_client_error *error);
	const char *json;
} forms[] = {
    {error_clear, "{\"status\":\"ENCLAVE_CLIENT_OK\",\"category\":\"none\","
		  "\"step\":\"none\",\"enclave\":\"\",\"message\":\"\","
		  "\"foreign\":\"none\",\"foreign_code\":0,"
		  "\"pcr\":null,\"age_ms\":null,\"deadline_ms\":null}"},
    {set_plain, "{\"status\":\"ENCLAVE_CLIENT_ERR_NETWORK\","
		"\"category\":\"network\",\"step\":\"fetch\","
		"\"enclave\":\"payments\","
		"\"message\":\"payments: no \\\"route\\\"\","
		"\"foreign\":\"curl\",\"foreign_code\":7,"
		"\"pcr\":null,\"age_ms\":null,\"deadline_ms\":null}"},
    {set_old, "{\"status\":\"ENCLAVE_CLIENT_ERR_TOO_OLD\","
	      "\"category\":\"time\",\"step\":\"time\",\"enclave\":\"\","
	      "\"message\":\"old\",\"foreign\":\"none\",\"foreign_code\":0,"
	      "\"pcr\":null,\"age_ms\":4000000000000,"
	      "\"deadline_ms\":1800000000000}"},
    {set_measured, "{\"status\":\"ENCLAVE_CLIENT_ERR_MEASUREMENT\","
		   "\"category\":\"measurement\",\"step\":\"policy\","
		   "\"enclave\":\"\",\"message\":\"refused\","
		   "\"foreign\":\"none\",\"foreign_code\":0,"
		   "\"pcr\":{\"index\":8,\"shown\":\"aabb\","
		   "\"accepted\":[\"bb\",\"aa\"],\"accepted_more\":false},"
		   "\"age_ms\":-5,\"deadline_ms\":null}"},
    {set_absent, "{\"status\":\"ENCLAVE_CLIENT_ERR_MEASUREMENT\","
		 "\"category\":\"measurement\",\"step\":\"policy\","
		 "\"enclave\":\"\",\"message\":\"refused\","
		 "\"foreign\":\"none\",\"foreign_code\":0,"
		 "\"pcr\":{\"index\":0,\"shown\":null,\"accepted\":"
		 "[\"07\",\"07\",\"07\",\"07\",\"07\",\"07\",\"07\",\"07\"],"
		 "\"accepted_more\":true},"
		 "\"age_ms\":null,\"deadline_ms\":null}"},
};

START_TEST(every_fact_is_a_member)
{
	struct enclave_client_error error = {0};
	char *json;

	forms[_i].set(&error);
	json = enclave_client_error_json(&error);
	ck_assert_str_eq(json, forms[_i].json);
	free(json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client/error_json");
	TCase *cases = tcase_create("error_json");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases, every_fact_is_a_member, 0, COUNT(forms));
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
