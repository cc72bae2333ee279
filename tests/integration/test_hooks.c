/*
 * What the client does when a part of the gate does not do its own: the hooks,
 * the self-test and the judges are wrapped at link time (meson.build).
 */
#include <string.h>

#include "integration/fixture.h"

static bool drop_second_half;
static bool fail_self_test;
static bool judge_everything_live;
static bool trust_every_certificate;

enum enclave_client_status __real_gate_attach(
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error);
enum enclave_client_status __wrap_gate_attach(
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error);
enum enclave_client_status __real_gate_self_test(
    const struct clock_source *clock, struct enclave_client_error *error);
enum enclave_client_status __wrap_gate_self_test(
    const struct clock_source *clock, struct enclave_client_error *error);
enum enclave_client_status __real_cache_judge(struct cache_slot *slot,
    const struct binding_key *key, struct moment now, struct cache_hit *ret_hit,
    struct enclave_client_error *error);
enum enclave_client_status __wrap_cache_judge(struct cache_slot *slot,
    const struct binding_key *key, struct moment now, struct cache_hit *ret_hit,
    struct enclave_client_error *error);
int __real_X509_verify_cert(X509_STORE_CTX *context);
int __wrap_X509_verify_cert(X509_STORE_CTX *context);

/* A libcurl that forgets to call the second half. */
enum enclave_client_status
__wrap_gate_attach(struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    __real_gate_attach(attachment, easy, error);

	if (!status && drop_second_half)
		ck_assert_int_eq(
		    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, NULL),
		    CURLE_OK);
	return status;
}

enum enclave_client_status
__wrap_gate_self_test(
    const struct clock_source *clock, struct enclave_client_error *error)
{
	if (!fail_self_test)
		return __real_gate_self_test(clock, error);
	return error_set(error, ENCLAVE_CLIENT_ERR_SELF_TEST,
	    ENCLAVE_CLIENT_STEP_NONE, "it does not hold");
}

enum enclave_client_status
__wrap_cache_judge(struct cache_slot *slot, const struct binding_key *key,
    struct moment now, struct cache_hit *ret_hit,
    struct enclave_client_error *error)
{
	if (judge_everything_live)
		return ENCLAVE_CLIENT_OK;
	return __real_cache_judge(slot, key, now, ret_hit, error);
}

int
__wrap_X509_verify_cert(X509_STORE_CTX *context)
{
	if (!trust_every_certificate)
		return __real_X509_verify_cert(context);
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

static void
setup(void)
{
	drop_second_half = false;
	fail_self_test = false;
	judge_everything_live = false;
	trust_every_certificate = false;
	fixture_setup();
}

/* So that evidence is known.  After a HEAD a handle is reset, and given its
 * hooks anew. */
static void
send_head(void)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	ck_assert_int_eq(
	    enclave_client_request_new("HEAD", "/before", &request), 0);
	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}

/* Without a body: with one, the first piece of it would already be refused. */
START_TEST(answer_that_the_gate_did_not_judge_is_nobodys)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	send_head();
	drop_second_half = true;
	ck_assert_int_eq(
	    enclave_client_request_new("HEAD", "/after", &request), 0);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_INTERNAL, "without asking the gate");
	ck_assert_ptr_null(response);
	enclave_client_request_free(request);
	ck_assert_int_ne(fixture_get("/after"), 0);
}
END_TEST

START_TEST(stream_that_the_gate_did_not_judge_is_nobodys)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	send_head();
	drop_second_half = true;
	ck_assert_int_eq(
	    enclave_client_request_new("HEAD", "/after", &request), 0);
	fixture_expect(enclave_client_open(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_INTERNAL, "without asking the gate");
	ck_assert_ptr_null(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(body_is_not_even_read_when_the_gate_was_not_asked)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	send_head();
	drop_second_half = true;
	ck_assert_int_eq(
	    enclave_client_request_new("POST", "/after", &request), 0);
	enclave_client_request_set_body(request, "secret-body", 11);
	ck_assert_int_ne(enclave_client_request(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	ck_assert_ptr_null(response);
	ck_assert(!fixture_saw("secret-body"));
	enclave_client_request_free(request);
}
END_TEST

START_TEST(evidence_that_the_gate_did_not_judge_is_none)
{
	fixture_client(NULL, "", false);
	drop_second_half = true;
	fixture_expect(fixture_get("/cold"), ENCLAVE_CLIENT_ERR_INTERNAL,
	    "without asking the gate");
	ck_assert_int_eq(enclave_client_error_step(fixture.error),
	    ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_uint_eq(fixture_requests(), 0);
}
END_TEST

START_TEST(client_whose_self_test_fails_does_not_start)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	static const char map[] =
	    "{\"enclave.example\":{\"PCR0\":\""
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"}}";

	fail_self_test = true;
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	ck_assert_int_eq(enclave_client_config_load_text(
			     config, map, strlen(map), fixture.error),
	    0);
	fixture_expect(enclave_client_new(config, &client, fixture.error),
	    ENCLAVE_CLIENT_ERR_SELF_TEST, "it does not hold");
	ck_assert_ptr_null(client);
	enclave_client_config_free(config);
}
END_TEST

START_TEST(self_test_notices_a_gate_that_takes_any_key)
{
	judge_everything_live = true;
	fixture_expect(gate_self_test(&clock_system, fixture.error),
	    ENCLAVE_CLIENT_ERR_SELF_TEST,
	    "a key that is not attested was not refused");
}
END_TEST

START_TEST(self_test_notices_a_gate_that_trusts_any_certificate)
{
	trust_every_certificate = true;
	fixture_expect(gate_self_test(&clock_system, fixture.error),
	    ENCLAVE_CLIENT_ERR_SELF_TEST,
	    "an untrusted certificate was not refused");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hooks");
	TCase *tcase = tcase_create("hooks");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, fixture_teardown);
	tcase_add_test(tcase, answer_that_the_gate_did_not_judge_is_nobodys);
	tcase_add_test(tcase, stream_that_the_gate_did_not_judge_is_nobodys);
	tcase_add_test(
	    tcase, body_is_not_even_read_when_the_gate_was_not_asked);
	tcase_add_test(tcase, evidence_that_the_gate_did_not_judge_is_none);
	tcase_add_test(tcase, client_whose_self_test_fails_does_not_start);
	tcase_add_test(tcase, self_test_notices_a_gate_that_takes_any_key);
	tcase_add_test(
	    tcase, self_test_notices_a_gate_that_trusts_any_certificate);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
