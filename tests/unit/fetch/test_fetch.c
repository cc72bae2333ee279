/*
 * The evidence GET over real TLS: what is sent, and what each answer means.
 * Gate and transport are pretended: they trust any certificate.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fetch/fetch.h"
#include "https_script.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BODY_MAX 1000
/* Nobody waits for it but the one test in which the server is silent. */
#define TIMEOUT_MS        30000
#define SILENT_TIMEOUT_MS 100

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

/* What the pretended gate does before the request. */
enum gate_does { GATE_PASSES, GATE_REFUSES, GATE_IS_NOT_ASKED };
static enum gate_does gate_does;

static struct profile profile = {.name = "test", .accepted_status = 200};
static char url[128];
static char name[] = "payments";
static struct enclave enclave = {
    .name = name,
    .evidence_url = url,
    .profile = &profile,
    .timing = {.body_max_bytes = BODY_MAX},
};

void
gate_attachment_begin(struct gate_attachment *attachment, enum gate_mode mode)
{
	attachment->mode = mode;
	attachment->ran = false;
	error_clear(&attachment->error);
}

static int
prereq(void *context, char *remote_ip, char *local_ip, int remote_port,
    int local_port)
{
	struct gate_attachment *attachment = context;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	attachment->ran = gate_does == GATE_PASSES;
	if (gate_does != GATE_REFUSES)
		return CURL_PREREQFUNC_OK;
	(void)error_set(&attachment->error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_NONE, "pretended refusal");
	return CURL_PREREQFUNC_ABORT;
}

static void
set(CURLcode code)
{
	ck_assert_int_eq(code, CURLE_OK);
}

/* With a user agent, which the real one has for requests. */
enum enclave_client_status
transport_prepare(const struct transport *transport,
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error)
{
	(void)transport;
	(void)error;
	curl_easy_reset(easy);
	set(curl_easy_setopt(easy, CURLOPT_USERAGENT, "marker-agent"));
	set(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L));
	set(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L));
	set(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
	set(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
	set(curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
	set(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, prereq));
	set(curl_easy_setopt(easy, CURLOPT_PREREQDATA, attachment));
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
transport_failure(const struct gate_attachment *attachment, CURL *easy,
    CURLcode code, const char *curl_error, struct enclave_client_error *error)
{
	enum enclave_client_status status = code == CURLE_OPERATION_TIMEDOUT
						? ENCLAVE_CLIENT_ERR_TIMEOUT
						: ENCLAVE_CLIENT_ERR_NETWORK;

	(void)easy;
	if (attachment->error.status) {
		error_copy(error, &attachment->error);
		return attachment->error.status;
	}
	(void)error_set(
	    error, status, ENCLAVE_CLIENT_STEP_NONE, "%s", curl_error);
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

/* One GET, from preparing to classifying. */
static struct {
	struct gate_attachment attachment;
	struct fetch fetch;
	CURL *easy;
	struct enclave_client_error error;
	struct bytes body;
} get;

static enum enclave_client_status
run_get(int64_t timeout_ms)
{
	static const struct transport transport;
	CURLcode code;

	error_clear(&get.error);
	get.body = (struct bytes){0};
	ck_assert_int_eq(fetch_prepare(&get.fetch, &transport, get.easy,
			     timeout_ms, &get.error),
	    ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(get.attachment.mode, GATE_EVIDENCE);
	code = curl_easy_perform(get.easy);
	return fetch_finish(&get.fetch, get.easy, code, &get.body, &get.error);
}

static struct https_server *
begin(const struct https_script *script)
{
	struct https_server *server = https_server_new(script);

	(void)snprintf(url, sizeof(url),
	    "https://127.0.0.1:%u/.well-known/attestation",
	    https_server_port(server));
	profile.accepted_status = 200;
	gate_does = GATE_PASSES;
	get.easy = curl_easy_init();
	ck_assert_ptr_nonnull(get.easy);
	get.attachment = (struct gate_attachment){.enclave = &enclave};
	fetch_init(&get.fetch, &get.attachment);
	return server;
}

static void
end(struct https_server *server)
{
	fetch_clear(&get.fetch);
	curl_easy_cleanup(get.easy);
	https_server_free(server);
}

static const struct {
	const char *when;
	struct https_script script;
	size_t body_len;
} accepted[] = {
    {"a body with its length",
	{.answer = OK_HEAD "Content-Length: 8\r\n\r\nevidence"}, 8},
    {"a body in chunks",
	{.answer = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
			   "4\r\nevid\r\n4\r\nence\r\n0\r\n\r\n"},
	8},
    {"a body up to the end of the connection",
	{.answer = OK_HEAD "\r\nevidence", .close_after = 1}, 8},
    {"a body as large as is allowed",
	{.answer = OK_HEAD "Content-Length: 1000\r\n\r\n",
	    .filler_len = BODY_MAX},
	BODY_MAX},
    {"as large, without a length",
	{.answer = OK_HEAD "\r\n", .filler_len = BODY_MAX, .close_after = 1},
	BODY_MAX},
    {"an encoding that nobody asked for is not undone",
	{.answer = OK_HEAD "Content-Encoding: gzip\r\n"
			   "Content-Length: 8\r\n\r\nevidence"},
	8},
    {"an interim answer before it",
	{.answer = "HTTP/1.1 103 Early Hints\r\n\r\n" OK_HEAD
		   "Content-Length: 8\r\n\r\nevidence"},
	8},
};

START_TEST(these_answers_are_evidence_to_appraise)
{
	struct https_server *server = begin(&accepted[_i].script);

	ck_assert_msg(run_get(TIMEOUT_MS) == ENCLAVE_CLIENT_OK, "%s: %s",
	    accepted[_i].when, get.error.message);
	ck_assert_uint_eq(get.body.len, accepted[_i].body_len);
	end(server);
}
END_TEST

#define REDIRECT(status)                                                       \
	{                                                                      \
		.answer = "HTTP/1.1 " status " Moved\r\nLocation: /moved\r\n"  \
			  "Content-Length: 0\r\n\r\n"                          \
	}
#define NO_BODY(status)                                                        \
	{                                                                      \
		.answer = "HTTP/1.1 " status " Status\r\n"                     \
			  "Content-Length: 0\r\n\r\n"                          \
	}
#define SAME_BODY(status)                                                      \
	{                                                                      \
		.answer = "HTTP/1.1 " status " Status\r\n"                     \
			  "Content-Length: 8\r\n\r\nevidence"                  \
	}

static const struct {
	const char *when;
	struct https_script script;
	long http_status;
	const char *message; /* part of it */
} not_served[] = {
    {"301", REDIRECT("301"), 301, "/moved"},
    {"302", REDIRECT("302"), 302, "/moved"},
    {"303", REDIRECT("303"), 303, "/moved"},
    {"307", REDIRECT("307"), 307, "/moved"},
    {"308", REDIRECT("308"), 308, "/moved"},
    {"a redirect without a place", NO_BODY("302"), 302, "nowhere"},
    {"a redirect with good evidence in its body", SAME_BODY("300"), 300,
	"redirect"},
    {"a place that would colour a terminal",
	{.answer = "HTTP/1.1 302 Found\r\nLocation: https://a/\x1b[31m\r\n"
		   "Content-Length: 0\r\n\r\n"},
	302, "redirect to https://a/"},
    {"not modified", {.answer = "HTTP/1.1 304 Same\r\n\r\n"}, 304, "304"},
    {"no content", {.answer = "HTTP/1.1 204 None\r\n\r\n"}, 204, "204"},
    {"201 with good evidence", SAME_BODY("201"), 201, "expected 200"},
    {"206 with good evidence", SAME_BODY("206"), 206, "expected 200"},
    {"unauthorised",
	{.answer = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n"
		   "Content-Length: 8\r\n\r\nevidence"},
	401, "401"},
    {"forbidden", SAME_BODY("403"), 403, "403"},
    {"not found", SAME_BODY("404"), 404, "404"},
    {"too many requests", SAME_BODY("429"), 429, "429"},
    {"broken", SAME_BODY("500"), 500, "500"},
    {"unavailable", NO_BODY("503"), 503, "503"},
    {"an error page of 1 GB",
	{.answer = "HTTP/1.1 500 Broken\r\nContent-Length: 1073741824\r\n\r\n",
	    .filler_len = 1073741824},
	500, "500"},
    {"an error page of 1 GB without a length",
	{.answer = "HTTP/1.1 500 Broken\r\n\r\n", .filler_len = 1073741824},
	500, "500"},
    {"empty", NO_BODY("200"), 200, "empty"},
    {"empty, in chunks",
	{.answer = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, 200,
	"empty"},
    {"one byte too large",
	{.answer = OK_HEAD "Content-Length: 1001\r\n\r\n",
	    .filler_len = BODY_MAX + 1},
	200, "more than body_max_bytes (1000)"},
    {"one byte too large, without a length",
	{.answer = OK_HEAD "\r\n",
	    .filler_len = BODY_MAX + 1,
	    .close_after = 1},
	200, "more than body_max_bytes (1000)"},
    {"1 GB", {.answer = OK_HEAD "\r\n", .filler_len = 1073741824}, 200,
	"more than body_max_bytes (1000)"},
    {"one header without end",
	{.answer = OK_HEAD "X: ", .filler_len = 1073741824}, 0, NULL},
};

START_TEST(these_answers_are_no_evidence)
{
	struct https_server *server = begin(&not_served[_i].script);
	const char *when = not_served[_i].when;
	enum enclave_client_status status = run_get(TIMEOUT_MS);

	ck_assert_msg(status != ENCLAVE_CLIENT_OK, "%s", when);
	ck_assert_int_eq(get.error.status, status);
	ck_assert_int_eq(get.error.step, ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_str_eq(get.error.enclave, name);
	ck_assert_ptr_null(get.body.data);
	if (not_served[_i].message) {
		ck_assert_msg(status == ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    "%s: %s", when, get.error.message);
		ck_assert_int_eq(
		    get.error.foreign, ENCLAVE_CLIENT_FOREIGN_HTTP);
		ck_assert_int_eq(
		    get.error.foreign_code, not_served[_i].http_status);
		ck_assert_msg(strstr(get.error.message, not_served[_i].message),
		    "%s: %s", when, get.error.message);
	}
	ck_assert_ptr_null(strchr(get.error.message, '\x1b'));
	/* Wherever it pointed, nobody went there. */
	ck_assert_ptr_null(strstr(https_server_received(server), "/moved "));
	end(server);
}
END_TEST

static const struct {
	const char *when;
	struct https_script script;
	enum enclave_client_status status;
	CURLcode code;
} broken[] = {
    {"cut in the body",
	{.answer = OK_HEAD "Content-Length: 9\r\n\r\nevidence",
	    .close_after = 1},
	ENCLAVE_CLIENT_ERR_NETWORK, CURLE_PARTIAL_FILE},
    {"cut in the chunks",
	{.answer = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n8\r\nevidence",
	    .close_after = 1},
	ENCLAVE_CLIENT_ERR_NETWORK, CURLE_PARTIAL_FILE},
    {"no answer", {.answer = "", .close_after = 1}, ENCLAVE_CLIENT_ERR_NETWORK,
	CURLE_GOT_NOTHING},
    {"no HTTP", {.answer = "evidence\r\n\r\n", .close_after = 1},
	ENCLAVE_CLIENT_ERR_NETWORK, CURLE_UNSUPPORTED_PROTOCOL},
    {"silence", {.answer = NULL}, ENCLAVE_CLIENT_ERR_TIMEOUT,
	CURLE_OPERATION_TIMEDOUT},
};

START_TEST(a_broken_transfer_has_the_transports_reason)
{
	struct https_server *server = begin(&broken[_i].script);
	bool silent = !broken[_i].script.answer;

	ck_assert_msg(run_get(silent ? SILENT_TIMEOUT_MS : TIMEOUT_MS) ==
			  broken[_i].status,
	    "%s: %s", broken[_i].when, get.error.message);
	ck_assert_int_eq(get.error.step, ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_int_eq(get.error.foreign, ENCLAVE_CLIENT_FOREIGN_CURL);
	ck_assert_int_eq(get.error.foreign_code, broken[_i].code);
	ck_assert_str_eq(get.error.enclave, name);
	end(server);
}
END_TEST

static const struct https_script good = {
    .answer = OK_HEAD "Content-Length: 8\r\n"
		      "Set-Cookie: marker-cookie=1\r\n"
		      "Strict-Transport-Security: max-age=1000\r\n"
		      "Alt-Svc: h2=\"127.0.0.1:1\"\r\n\r\nevidence",
};

START_TEST(headers_without_end_are_refused)
{
	size_t line_len = 1024;
	size_t len = 2 * RESPONSE_HEADERS_MAX_BYTES;
	char *text = malloc(len);
	struct https_script script = {.answer = text, .answer_len = len};
	struct https_server *server;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	memcpy(text, OK_HEAD, strlen(OK_HEAD));
	for (size_t at = strlen(OK_HEAD); at + line_len < len; at += line_len) {
		memcpy(text + at, "X: ", 3);
		memcpy(text + at + line_len - 2, "\r\n", 2);
	}
	server = begin(&script);
	ck_assert_int_eq(
	    run_get(TIMEOUT_MS), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED);
	ck_assert_ptr_nonnull(strstr(get.error.message, "bytes of headers"));
	end(server);
	free(text);
}
END_TEST

/* Every place in which a caller could have left something. */
static void
leave_markers(CURL *easy, struct curl_slist *headers, CURLSH *share)
{
	set(curl_easy_setopt(easy, CURLOPT_SHARE, share));
	set(curl_easy_setopt(easy, CURLOPT_COOKIELIST,
	    "Set-Cookie: marker-list=1; domain=127.0.0.1; path=/"));
	set(curl_easy_setopt(easy, CURLOPT_COOKIE, "marker-cookie=1"));
	set(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers));
	set(curl_easy_setopt(easy, CURLOPT_USERPWD, "marker-user:marker"));
	set(curl_easy_setopt(easy, CURLOPT_REFERER, "https://marker/"));
	set(curl_easy_setopt(easy, CURLOPT_RANGE, "0-marker"));
	set(curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip"));
	set(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "MARKER"));
	set(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "marker-body"));
	set(curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL));
}

static void
check_sent_once_each(struct https_server *server, unsigned int requests)
{
	char one[512];
	const char *received = https_server_received(server);
	int len = snprintf(one, sizeof(one),
	    "GET /.well-known/attestation HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "Accept: */*\r\n\r\n",
	    https_server_port(server));

	for (unsigned int i = 0; i < requests; i++) {
		ck_assert_msg(
		    !strncmp(received, one, (size_t)len), "%s", received);
		received += len;
	}
	ck_assert_str_eq(received, "");
}

START_TEST(nothing_of_the_callers_is_sent)
{
	struct https_server *server = begin(&good);
	struct curl_slist *headers =
	    curl_slist_append(NULL, "Authorization: marker");
	CURLSH *share = _i ? curl_share_init() : NULL;

	if (share)
		ck_assert_int_eq(curl_share_setopt(share, CURLSHOPT_SHARE,
				     CURL_LOCK_DATA_COOKIE),
		    CURLSHE_OK);
	leave_markers(get.easy, headers, share);
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_OK);
	/* Nor what the first answer wanted to be kept. */
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_OK);
	check_sent_once_each(server, 2);
	end(server);
	curl_slist_free_all(headers);
	curl_share_cleanup(share);
}
END_TEST

START_TEST(a_second_get_starts_anew_on_the_same_connection)
{
	struct https_server *server = begin(&good);

	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(get.body.len, 8);
	ck_assert_uint_eq(https_server_connections(server), 1);
	end(server);
}
END_TEST

START_TEST(a_profile_may_expect_another_status)
{
	static const struct https_script created = SAME_BODY("201");
	struct https_server *server = begin(&created);

	profile.accepted_status = 201;
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_OK);
	end(server);
}
END_TEST

START_TEST(the_gates_refusal_is_the_reason)
{
	struct https_server *server = begin(&good);

	gate_does = GATE_REFUSES;
	ck_assert_int_eq(
	    run_get(TIMEOUT_MS), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
	ck_assert_int_eq(get.error.step, ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_str_eq(https_server_received(server), "");
	end(server);
}
END_TEST

START_TEST(an_answer_without_the_gate_is_refused)
{
	struct https_server *server = begin(&good);

	gate_does = GATE_IS_NOT_ASKED;
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_ERR_INTERNAL);
	ck_assert_ptr_null(get.body.data);
	end(server);
}
END_TEST

START_TEST(only_https_is_spoken)
{
	struct https_server *server = begin(&good);

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
	    https_server_port(server));
	ck_assert_int_eq(run_get(TIMEOUT_MS), ENCLAVE_CLIENT_ERR_NETWORK);
	ck_assert_int_eq(get.error.foreign_code, CURLE_UNSUPPORTED_PROTOCOL);
	end(server);
}
END_TEST

START_TEST(an_error_object_is_not_needed)
{
	struct https_server *server = begin(&not_served[0].script);
	struct bytes body = {0};
	static const struct transport transport;
	CURLcode code;

	ck_assert_int_eq(
	    fetch_prepare(&get.fetch, &transport, get.easy, TIMEOUT_MS, NULL),
	    ENCLAVE_CLIENT_OK);
	code = curl_easy_perform(get.easy);
	ck_assert_int_eq(fetch_finish(&get.fetch, get.easy, code, &body, NULL),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED);
	end(server);
}
END_TEST

static Suite *
fetch_suite(void)
{
	Suite *suite = suite_create("fetch");
	TCase *answers = tcase_create("answers");
	TCase *requests = tcase_create("requests");

	tcase_add_loop_test(answers, these_answers_are_evidence_to_appraise, 0,
	    (int)COUNT(accepted));
	tcase_add_loop_test(
	    answers, these_answers_are_no_evidence, 0, (int)COUNT(not_served));
	tcase_add_loop_test(answers,
	    a_broken_transfer_has_the_transports_reason, 0, (int)COUNT(broken));
	tcase_add_test(answers, headers_without_end_are_refused);
	tcase_add_test(answers, a_profile_may_expect_another_status);
	tcase_add_test(answers, an_error_object_is_not_needed);
	suite_add_tcase(suite, answers);

	tcase_add_loop_test(requests, nothing_of_the_callers_is_sent, 0, 2);
	tcase_add_test(
	    requests, a_second_get_starts_anew_on_the_same_connection);
	tcase_add_test(requests, the_gates_refusal_is_the_reason);
	tcase_add_test(requests, an_answer_without_the_gate_is_refused);
	tcase_add_test(requests, only_https_is_spoken);
	suite_add_tcase(suite, requests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(fetch_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
