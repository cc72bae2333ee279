/*
 * enclave_client_prepare() and its kin: requests of this library's on a multi
 * handle of the caller's, judged by what the enclave's log says.
 */
#include <enclave_client_curl.h>
#include <stdio.h>
#include <string.h>

#include "integration/fixture.h"
#include "integration/handles.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static CURLM *multi;
static struct enclave_client_request *request;
static struct enclave_client_transfer *transfer;
static struct enclave_client_response *response;
static size_t rounds;

static void
forget(void)
{
	request = NULL;
	transfer = NULL;
	response = NULL;
	rounds = 0;
}

static void
setup(void)
{
	fixture_setup();
	multi = curl_multi_init();
	forget();
}

static void
setup_tls12(void)
{
	fixture_setup_tls12();
	multi = curl_multi_init();
	forget();
}

static void
teardown(void)
{
	enclave_client_response_free(response);
	enclave_client_transfer_free(transfer);
	enclave_client_request_free(request);
	ck_assert_int_eq(curl_multi_cleanup(multi), CURLM_OK);
	fixture_teardown();
}

static enum enclave_client_status
prepare(const char *method, const char *target)
{
	if (!request)
		ck_assert_int_eq(
		    enclave_client_request_new(method, target, &request), 0);
	return enclave_client_prepare(fixture.client,
	    target[0] == '/' ? FIXTURE_NAME : NULL, request, &transfer,
	    fixture.error);
}

/* The loop of the header, to the end. */
static enum enclave_client_status
run(void)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	bool again = true;

	while (!status && again) {
		CURL *easy = enclave_client_transfer_handle(transfer);
		ck_assert_uint_lt(rounds, 8);
		rounds++;
		status = enclave_client_transfer_done(transfer,
		    handles_run(multi, easy), &again, &response, fixture.error);
	}
	ck_assert_int_eq(status == ENCLAVE_CLIENT_OK, response != NULL);
	return status;
}

static enum enclave_client_status
get(const char *target)
{
	enum enclave_client_status status = prepare("GET", target);

	return status ? status : run();
}

static void
next(void)
{
	enclave_client_response_free(response);
	enclave_client_transfer_free(transfer);
	enclave_client_request_free(request);
	forget();
}

START_TEST(cold_transfer_learns_and_answers)
{
	fixture_client(NULL, "", false);
	fixture_expect(get("/cold"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_uint_eq(rounds, 2);
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	ck_assert_ptr_nonnull(enclave_client_response_document(response));
	ck_assert_str_eq(
	    enclave_client_response_enclave(response), FIXTURE_NAME);
	ck_assert_uint_eq(fixture_evidence(), 1);
	ck_assert_uint_eq(fixture_requests(), 1);
	/* The evidence's connection was never pooled. */
	ck_assert_uint_eq(fixture_connections(), 2);
}
END_TEST

struct runner {
	struct enclave_client_transfer *transfer;
	struct enclave_client_error *error;
	enum enclave_client_status status;
};

static void *
run_in_a_thread(void *argument)
{
	struct runner *self = argument;
	struct enclave_client_response *answer = NULL;
	CURLM *own = curl_multi_init();
	bool again = true;

	for (int i = 0; i < 8 && again && !self->status; i++) {
		CURL *easy = enclave_client_transfer_handle(self->transfer);

		self->status = enclave_client_transfer_done(self->transfer,
		    handles_run(own, easy), &again, &answer, self->error);
	}
	enclave_client_response_free(answer);
	(void)curl_multi_cleanup(own);
	return NULL;
}

/* Each builds its URL when its learning has ended: none is the request's. */
START_TEST(transfers_of_one_request_run_on_two_threads)
{
	struct runner runners[2] = {0};
	pthread_t threads[2];

	fixture_client(NULL, "", false);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(prepare("GET", "/twice"), 0);
		runners[i].transfer = transfer;
		runners[i].error = enclave_client_error_new();
		transfer = NULL;
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     run_in_a_thread, &runners[i]),
		    0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(runners[i].status, ENCLAVE_CLIENT_OK);
		enclave_client_transfer_free(runners[i].transfer);
		enclave_client_error_free(runners[i].error);
	}
	ck_assert_uint_eq(fixture_requests(), 2);
}
END_TEST

/* Of a transfer that its caller tells by CURLOPT_PRIVATE, as handles_run()
 * does: so without that. */
static CURLcode
run_alone(CURL *easy, char **ret_known)
{
	const struct CURLMsg *message = NULL;
	CURLcode code;
	int running = 1;
	int left;

	ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
	while (!message) {
		ck_assert_int_eq(curl_multi_perform(multi, &running), CURLM_OK);
		message = curl_multi_info_read(multi, &left);
		if (!message)
			(void)curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	code = message->data.result;
	ck_assert_int_eq(
	    curl_easy_getinfo(easy, CURLINFO_PRIVATE, ret_known), 0);
	ck_assert_int_eq(curl_multi_remove_handle(multi, easy), CURLM_OK);
	return code;
}

START_TEST(what_the_caller_knows_the_handle_by_stays)
{
	char mark;
	char *known = NULL;
	bool again = true;

	fixture_client(NULL, "", false);
	fixture_expect(prepare("GET", "/cold"), ENCLAVE_CLIENT_OK, NULL);
	handles_set_pointer(
	    enclave_client_transfer_handle(transfer), CURLOPT_PRIVATE, &mark);
	for (; again; rounds++) {
		CURL *easy = enclave_client_transfer_handle(transfer);
		CURLcode code = run_alone(easy, &known);
		ck_assert_ptr_eq(known, &mark);
		fixture_expect(enclave_client_transfer_done(transfer, code,
				   &again, &response, fixture.error),
		    ENCLAVE_CLIENT_OK, NULL);
	}
	ck_assert_uint_eq(rounds, 2);
}
END_TEST

START_TEST(warm_transfers_share_the_callers_pool)
{
	fixture_client(NULL, "", false);
	ck_assert_int_eq(get("/first"), 0);
	next();
	ck_assert_int_eq(get("/second"), 0);
	ck_assert_uint_eq(rounds, 1);
	ck_assert_uint_eq(fixture_connections(), 2);
	ck_assert_uint_eq(fixture_evidence(), 1);
}
END_TEST

START_TEST(rotated_key_costs_two_rounds_more)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	fixture_rotate();
	ck_assert_int_eq(get("/after"), 0);
	ck_assert_uint_eq(rounds, 3);
	ck_assert(fixture_saw("/after"));
	ck_assert_uint_eq(fixture_evidence(), 2);
}
END_TEST

START_TEST(pooled_connection_is_judged_again)
{
	fixture_client(NULL, "", false);
	ck_assert_int_eq(get("/before"), 0);
	next();
	fixture_update(OTHER_PCR0, "");
	fixture_expect(get("/after"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/after"));
	next();
	fixture_update(NULL, "");
	ck_assert_int_eq(get("/changed-back"), 0);
}
END_TEST

START_TEST(connection_of_a_plain_handle_is_refused_and_another_opened)
{
	CURL *plain = curl_easy_init();

	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	handles_get(plain, "/plain");
	ck_assert_int_eq(handles_run(multi, plain), CURLE_OK);
	/* What libcurl finds in the pool differs in its TLS options. */
	ck_assert_int_eq(get("/ours"), 0);
	ck_assert_uint_eq(fixture_connections(), 3);
	curl_easy_cleanup(plain);
}
END_TEST

enum { TRANSFERS = 5 };

START_TEST(several_transfers_go_at_once)
{
	struct enclave_client_transfer *transfers[TRANSFERS];
	struct enclave_client_request *requests[TRANSFERS];
	bool again[TRANSFERS];
	size_t left = TRANSFERS;
	char path[16];

	fixture_client(NULL, "", false);
	for (size_t i = 0; i < TRANSFERS; i++) {
		(void)snprintf(path, sizeof(path), "/several-%zu", i);
		ck_assert_int_eq(
		    enclave_client_request_new("GET", path, &requests[i]), 0);
		ck_assert_int_eq(
		    enclave_client_prepare(fixture.client, FIXTURE_NAME,
			requests[i], &transfers[i], fixture.error),
		    0);
		again[i] = true;
	}
	for (int round = 0; left && round < 4; round++) {
		for (size_t i = 0; i < TRANSFERS; i++)
			if (again[i])
				ck_assert_int_eq(
				    curl_multi_add_handle(
					multi, enclave_client_transfer_handle(
						   transfers[i])),
				    CURLM_OK);
		for (size_t i = 0; i < TRANSFERS; i++) {
			CURL *easy =
			    enclave_client_transfer_handle(transfers[i]);
			CURLcode code;
			if (!again[i])
				continue;
			code = handles_wait(multi, easy);
			ck_assert_int_eq(
			    curl_multi_remove_handle(multi, easy), CURLM_OK);
			fixture_expect(
			    enclave_client_transfer_done(transfers[i], code,
				&again[i], &response, fixture.error),
			    ENCLAVE_CLIENT_OK, NULL);
			if (again[i])
				continue;
			left--;
			enclave_client_response_free(response);
			response = NULL;
		}
	}
	ck_assert_uint_eq(left, 0);
	ck_assert_uint_eq(fixture_requests(), TRANSFERS);
	for (size_t i = 0; i < TRANSFERS; i++) {
		enclave_client_transfer_free(transfers[i]);
		enclave_client_request_free(requests[i]);
	}
}
END_TEST

START_TEST(removing_the_handle_cancels)
{
	CURL *easy;

	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	ck_assert_int_eq(prepare("GET", "/never"), 0);
	easy = enclave_client_transfer_handle(transfer);
	ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
	for (int i = 0; !fixture_saw("/never") && i < 1000; i++)
		handles_turn(multi);
	ck_assert(fixture_saw("/never"));
	ck_assert_int_eq(curl_multi_remove_handle(multi, easy), CURLM_OK);
	enclave_client_transfer_free(transfer);
	transfer = NULL;
	/* In the middle of learning, too. */
	fixture_rotate();
	fixture_set("{\"evidence\":\"never\"}");
	ck_assert_int_eq(prepare("GET", "/never"), 0);
	easy = enclave_client_transfer_handle(transfer);
	ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
	handles_turn(multi);
	ck_assert_int_eq(curl_multi_remove_handle(multi, easy), CURLM_OK);
}
END_TEST

START_TEST(cancelled_request_and_stopped_client_end_it)
{
	bool again = true;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(prepare("GET", "/cancelled"), 0);
	enclave_client_request_cancel(request);
	fixture_expect(run(), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	fixture_expect(enclave_client_transfer_done(
			   transfer, 0, &again, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "has ended");
	next();
	ck_assert_int_eq(prepare("GET", "/stopped"), 0);
	enclave_client_stop(fixture.client);
	fixture_expect(run(), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	ck_assert(!fixture_saw("/cancelled"));
	ck_assert(!fixture_saw("/stopped"));
	enclave_client_transfer_free(transfer);
	transfer = NULL;
	fixture_expect(
	    prepare("GET", "/stopped"), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	ck_assert_ptr_null(transfer);
}
END_TEST

START_TEST(transfer_outlives_client_and_request)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	ck_assert_int_eq(prepare("GET", "/late"), 0);
	enclave_client_request_free(request);
	request = NULL;
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	fixture_expect(run(), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	ck_assert(!fixture_saw("/late"));
}
END_TEST

static const struct {
	const char *settings;
	const char *target;
	enum enclave_client_status status;
} failures[] = {
    {"{\"evidence\":\"broken-signature\"}", "/cold",
	ENCLAVE_CLIENT_ERR_SIGNATURE},
    {"{\"evidence\":\"empty\"}", "/cold",
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED},
    {"{\"evidence\":\"other-key\"}", "/cold",
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED},
    {"{\"debug\":true}", "/cold", ENCLAVE_CLIENT_ERR_DEBUG},
    {"{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}", "/cold",
	ENCLAVE_CLIENT_ERR_MEASUREMENT},
    {"{\"web_ca\":\"foreign\"}", "/cold", ENCLAVE_CLIENT_ERR_NETWORK},
    {"{}", "/cut", ENCLAVE_CLIENT_ERR_NETWORK},
    {"{}", "/bytes/30000000", ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE},
    {"{}", "https://localhost:1/cold", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
};

START_TEST(failures_are_typed)
{
	fixture_client(NULL, "", false);
	fixture_set(failures[_i].settings);
	fixture_expect(get(failures[_i].target), failures[_i].status, NULL);
	ck_assert(!fixture_saw("\"/cold\""));
}
END_TEST

START_TEST(failed_learning_is_limited)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"empty\"}");
	for (int i = 0; i < 20; i++) {
		status = get("/limited");
		next();
	}
	ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_LEARNING_LIMITED);
	/* Six from a full bucket; less, for a key that failed is not asked. */
	ck_assert_uint_le(fixture_evidence(), 7);
}
END_TEST

START_TEST(timeout_covers_learning)
{
	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"never\"}");
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/late", &request), 0);
	enclave_client_request_set_timeout_ms(request, 300);
	fixture_expect(get("/late"), ENCLAVE_CLIENT_ERR_TIMEOUT, NULL);
	ck_assert(!fixture_saw("/late"));
}
END_TEST

START_TEST(body_is_sent_once_and_only_to_the_attested)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	fixture_rotate();
	ck_assert_int_eq(
	    enclave_client_request_new("POST", "/upload", &request), 0);
	enclave_client_request_set_body(request, "the-body", 8);
	ck_assert_int_eq(get("/upload"), 0);
	ck_assert(fixture_saw("the-body"));
	ck_assert_uint_eq(fixture_requests(), 2);
}
END_TEST

START_TEST(missing_arguments_are_usage)
{
	bool again = false;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_request_new("GET", "/x", &request), 0);
	fixture_expect(enclave_client_prepare(NULL, FIXTURE_NAME, request,
			   &transfer, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_prepare(fixture.client, FIXTURE_NAME,
			   NULL, &transfer, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_prepare(fixture.client, FIXTURE_NAME,
			   request, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_prepare(fixture.client, NULL, request,
			   &transfer, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_prepare(fixture.client, "nobody", request,
			   &transfer, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	ck_assert_ptr_null(transfer);
	fixture_expect(enclave_client_transfer_done(
			   NULL, 0, &again, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	ck_assert_ptr_null(enclave_client_transfer_handle(NULL));
	enclave_client_transfer_free(NULL);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, cold_transfer_learns_and_answers);
	tcase_add_test(tcase, transfers_of_one_request_run_on_two_threads);
	tcase_add_test(tcase, what_the_caller_knows_the_handle_by_stays);
	tcase_add_test(tcase, warm_transfers_share_the_callers_pool);
	tcase_add_test(tcase, rotated_key_costs_two_rounds_more);
	tcase_add_test(tcase, pooled_connection_is_judged_again);
	tcase_add_test(
	    tcase, connection_of_a_plain_handle_is_refused_and_another_opened);
	tcase_add_test(tcase, several_transfers_go_at_once);
	tcase_add_test(tcase, body_is_sent_once_and_only_to_the_attested);
}

int
main(void)
{
	Suite *suite = suite_create("prepare");
	TCase *tls13 = tcase_create("TLS 1.3");
	TCase *tls12 = tcase_create("TLS 1.2");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls13, setup, teardown);
	add_tests(tls13);
	tcase_add_test(tls13, removing_the_handle_cancels);
	tcase_add_test(tls13, cancelled_request_and_stopped_client_end_it);
	tcase_add_test(tls13, transfer_outlives_client_and_request);
	tcase_add_loop_test(tls13, failures_are_typed, 0,
	    sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tls13, failed_learning_is_limited);
	tcase_add_test(tls13, timeout_covers_learning);
	tcase_add_test(tls13, missing_arguments_are_usage);
	suite_add_tcase(suite, tls13);
	tcase_add_checked_fixture(tls12, setup_tls12, teardown);
	add_tests(tls12);
	suite_add_tcase(suite, tls12);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
