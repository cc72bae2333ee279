/* The harness for tests in C, against a real local enclave. */
#include "local_enclave/harness.h"

#include <check.h>
#include <curl/curl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char state[] = "/tmp/local-enclave-XXXXXX";
static struct local_enclave *enclave;

static void
make_state(void)
{
	ck_assert_ptr_nonnull(mkdtemp(state));
}

static int
remove_entry(
    const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static void
remove_state(void)
{
	ck_assert_int_eq(nftw(state, remove_entry, 8, FTW_DEPTH), 0);
}

static void
start(void)
{
	static const char *const arguments[] = {
	    "--instance", "c", "--host", "localhost", NULL};

	enclave = local_enclave_start(state, arguments);
	ck_assert_ptr_nonnull(enclave);
}

static void
stop(void)
{
	ck_assert_int_eq(local_enclave_stop(enclave), 0);
	enclave = NULL;
}

static size_t
drop(char *data, size_t size, size_t count, void *unused)
{
	(void)data;
	(void)unused;
	return size * count;
}

/* One GET, ordinarily verified; the HTTP status, or 0. */
static long
get(const char *path, const char *header, long tls_version)
{
	CURL *handle = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, header);
	char url[256];
	long status = 0;

	snprintf(url, sizeof(url), "%s%s", local_enclave_url(enclave), path);
	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_SSLVERSION, tls_version);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(
	    handle, CURLOPT_CAINFO, local_enclave_text(enclave, "web_ca"));
	if (curl_easy_perform(handle) == CURLE_OK)
		curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(handle);
	return status;
}

START_TEST(the_ready_line_can_be_read)
{
	ck_assert_int_gt(local_enclave_port(enclave), 0);
	ck_assert_uint_eq(strlen(local_enclave_pcr(enclave, "0")), 96);
	ck_assert_int_eq(
	    access(local_enclave_text(enclave, "nitro_root"), R_OK), 0);
	ck_assert_ptr_null(local_enclave_text(enclave, "unknown"));
	ck_assert_ptr_nonnull(cJSON_GetObjectItemCaseSensitive(
	    local_enclave_ready(enclave), "pid"));
}
END_TEST

START_TEST(the_log_tells_what_was_sent)
{
	cJSON *log;

	ck_assert_int_eq(get("/x", "X-Marker: marker-1", 0), 200);
	ck_assert_int_eq(
	    get("/.well-known/attestation", "X-Marker: marker-2", 0), 200);
	ck_assert(local_enclave_wait_for(enclave, "closed", 2, 10000));
	ck_assert(!local_enclave_wait_for(enclave, "closed", 3, 20));
	ck_assert_uint_eq(local_enclave_count(enclave, "request"), 1);
	ck_assert_uint_eq(local_enclave_count(enclave, "evidence"), 1);
	ck_assert(local_enclave_log_contains(enclave, "marker-1"));
	ck_assert(local_enclave_log_contains(enclave, "marker-2"));
	ck_assert(!local_enclave_log_contains(enclave, "marker-3"));
	log = local_enclave_log(enclave);
	ck_assert_uint_eq((size_t)cJSON_GetArraySize(log),
	    local_enclave_count(enclave, NULL));
	cJSON_Delete(log);
	ck_assert(local_enclave_clear_log(enclave));
	ck_assert_uint_eq(local_enclave_count(enclave, NULL), 0);
}
END_TEST

START_TEST(behaviour_is_switched_or_refused)
{
	ck_assert(local_enclave_set(
	    enclave, "{\"evidence\":{\"mode\":\"status\",\"status\":503}}"));
	ck_assert_int_eq(get("/.well-known/attestation", "A: b", 0), 503);
	ck_assert(!local_enclave_set(enclave, "{\"evidence\":\"unknown\"}"));
	ck_assert(!local_enclave_set(enclave, "not JSON"));
	ck_assert(local_enclave_set(enclave, "{\"evidence\":\"good\"}"));
	ck_assert_int_eq(get("/.well-known/attestation", "A: b", 0), 200);
	ck_assert_uint_eq(local_enclave_count(enclave, "behaviour"), 2);
}
END_TEST

START_TEST(a_key_is_rotated)
{
	ck_assert(local_enclave_rotate_key(enclave));
	ck_assert_uint_eq(local_enclave_count(enclave, "rotated"), 1);
	ck_assert_int_eq(get("/x", "A: b", 0), 200);
}
END_TEST

START_TEST(nobody_is_there_to_renegotiate)
{
	ck_assert_int_eq(local_enclave_renegotiate(enclave), 0);
}
END_TEST

START_TEST(an_enclave_that_is_gone_fails_each_call)
{
	kill((pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(
		 local_enclave_ready(enclave), "pid")),
	    SIGKILL);
	ck_assert(!local_enclave_rotate_key(enclave));
	ck_assert_int_eq(local_enclave_stop(enclave), -1);
	start();
}
END_TEST

START_TEST(a_document_is_minted)
{
	char path[64];
	const char *const good[] = {"--state", state, "--out", path, NULL};
	const char *const bad[] = {"--state", state, "--era", "1", NULL};

	snprintf(path, sizeof(path), "%s/document", state);
	ck_assert(local_enclave_mint(good));
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert(!local_enclave_mint(bad));
}
END_TEST

START_TEST(a_start_that_makes_no_sense_is_refused)
{
	static const char *const arguments[] = {"--era", "1", NULL};

	ck_assert_ptr_null(local_enclave_start(state, arguments));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("harness");
	TCase *tests = tcase_create("harness");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_unchecked_fixture(tests, make_state, remove_state);
	tcase_add_checked_fixture(tests, start, stop);
	tcase_add_test(tests, the_ready_line_can_be_read);
	tcase_add_test(tests, the_log_tells_what_was_sent);
	tcase_add_test(tests, behaviour_is_switched_or_refused);
	tcase_add_test(tests, a_key_is_rotated);
	tcase_add_test(tests, nobody_is_there_to_renegotiate);
	tcase_add_test(tests, an_enclave_that_is_gone_fails_each_call);
	tcase_add_test(tests, a_document_is_minted);
	tcase_add_test(tests, a_start_that_makes_no_sense_is_refused);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
