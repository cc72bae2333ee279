/*
 * What a caller sees: every misbehaviour of an endpoint with its own status,
 * requests of every kind, streams, deadlines, cancelling, stopping.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "integration/fixture.h"

static atomic_uint foreign_lookups;

/* In place of libc's: which names does libcurl look up? */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
	int (*next)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = NULL;

	if (node && strstr(node, ".invalid")) {
		atomic_fetch_add(&foreign_lookups, 1);
		return EAI_NONAME;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	return next(node, service, hints, result);
}

static struct enclave_client_request *
new_request(const char *method, const char *target)
{
	struct enclave_client_request *request = NULL;

	ck_assert_int_eq(
	    enclave_client_request_new(method, target, &request), 0);
	return request;
}

static struct enclave_client_response *
send_request(struct enclave_client_request *request)
{
	struct enclave_client_response *response = NULL;

	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	return response;
}

static void
expect_in_body(const struct enclave_client_response *response, const char *text)
{
	const char *body = enclave_client_response_body(response, NULL);

	ck_assert_msg(strstr(body, text) != NULL, "no %s in: %s", text, body);
}

static const struct {
	const char *settings;
	enum enclave_client_status status;
	enum enclave_client_step step;
	const char *text;
} misbehaviours[] = {
    {"{\"evidence\":{\"mode\":\"status\",\"status\":503}}",
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, ENCLAVE_CLIENT_STEP_FETCH,
	"503"},
    {"{\"evidence\":{\"mode\":\"redirect\",\"to\":\"https://evil.example/\"}}",
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, ENCLAVE_CLIENT_STEP_FETCH,
	"redirect"},
    {"{\"evidence\":\"empty\"}", ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	ENCLAVE_CLIENT_STEP_FETCH, "empty"},
    {"{\"evidence\":\"huge\"}", ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	ENCLAVE_CLIENT_STEP_FETCH, "body_max_bytes"},
    {"{\"evidence\":\"cut\"}", ENCLAVE_CLIENT_ERR_NETWORK,
	ENCLAVE_CLIENT_STEP_FETCH, NULL},
    {"{\"evidence\":\"not-json\"}", ENCLAVE_CLIENT_ERR_ENCODING,
	ENCLAVE_CLIENT_STEP_DECODE, NULL},
    {"{\"evidence\":\"missing-member\"}", ENCLAVE_CLIENT_ERR_ENCODING,
	ENCLAVE_CLIENT_STEP_DECODE, "attestation_doc"},
    {"{\"evidence\":\"bad-base64\"}", ENCLAVE_CLIENT_ERR_ENCODING,
	ENCLAVE_CLIENT_STEP_DECODE, NULL},
    {"{\"evidence\":\"truncated\"}", ENCLAVE_CLIENT_ERR_COSE,
	ENCLAVE_CLIENT_STEP_STRUCTURE, NULL},
    {"{\"evidence\":\"nitrotpm\"}", ENCLAVE_CLIENT_ERR_FIELD,
	ENCLAVE_CLIENT_STEP_STRUCTURE, "nitrotpm_pcrs"},
    {"{\"evidence\":\"foreign-root\"}", ENCLAVE_CLIENT_ERR_ROOT,
	ENCLAVE_CLIENT_STEP_CHAIN, NULL},
    {"{\"evidence\":\"broken-signature\"}", ENCLAVE_CLIENT_ERR_SIGNATURE,
	ENCLAVE_CLIENT_STEP_SIGNATURE, NULL},
    {"{\"evidence\":\"expired\"}", ENCLAVE_CLIENT_ERR_EXPIRED,
	ENCLAVE_CLIENT_STEP_TIME, NULL},
    {"{\"evidence\":{\"mode\":\"old\",\"age_ms\":4000000}}",
	ENCLAVE_CLIENT_ERR_TOO_OLD, ENCLAVE_CLIENT_STEP_TIME, NULL},
    {"{\"evidence\":\"future\"}", ENCLAVE_CLIENT_ERR_FROM_FUTURE,
	ENCLAVE_CLIENT_STEP_TIME, "clock"},
    {"{\"debug\":true}", ENCLAVE_CLIENT_ERR_DEBUG, ENCLAVE_CLIENT_STEP_POLICY,
	NULL},
    {"{\"pcrs\":{\"0\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}}",
	ENCLAVE_CLIENT_ERR_MEASUREMENT, ENCLAVE_CLIENT_STEP_POLICY,
	"only if you built it"},
    {"{\"evidence\":\"null-user-data\"}", ENCLAVE_CLIENT_ERR_BINDING,
	ENCLAVE_CLIENT_STEP_BINDING, "user_data"},
    {"{\"evidence\":\"other-key\"}", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	ENCLAVE_CLIENT_STEP_BINDING, "another key"},
};

START_TEST(misbehaviour_has_its_own_status_and_nothing_is_sent)
{
	fixture_client(NULL, "", false);
	fixture_set(misbehaviours[_i].settings);
	fixture_expect(fixture_get("/secret-path"), misbehaviours[_i].status,
	    misbehaviours[_i].text);
	ck_assert_int_eq(
	    enclave_client_error_step(fixture.error), misbehaviours[_i].step);
	ck_assert_str_eq(
	    enclave_client_error_enclave(fixture.error), FIXTURE_NAME);
	ck_assert_ptr_eq(strstr(enclave_client_error_message(fixture.error),
			     FIXTURE_NAME ": "),
	    enclave_client_error_message(fixture.error));
	ck_assert_uint_eq(fixture_requests(), 0);
	ck_assert(!fixture_saw("secret-path"));
}
END_TEST

/* On a connection that is there: nothing but the answer is missing. */
START_TEST(silent_answers_end_at_the_deadline)
{
	struct enclave_client_request *request = new_request("GET", "/never");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	enclave_client_request_set_timeout_ms(request, 300);
	fixture_expect((_i == 0 ? enclave_client_request : enclave_client_open)(
			   fixture.client, FIXTURE_NAME, request, &response,
			   fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, "the call's deadline has passed");
	ck_assert_ptr_null(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(slow_and_silent_endpoints_end_at_the_deadline)
{
	static const char *const settings[] = {
	    "{\"evidence\":{\"mode\":\"slow\",\"interval_ms\":200}}",
	    "{\"evidence\":\"never\"}",
	};
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	fixture_set(settings[_i]);
	enclave_client_request_set_timeout_ms(request, 500);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, NULL);
	ck_assert_ptr_null(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(nobody_listens)
{
	fixture_client(NULL, "", false);
	ck_assert_int_eq(local_enclave_stop(fixture.enclave), 0);
	fixture.enclave = NULL;
	fixture_expect(fixture_get("/x"), ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_COULDNT_CONNECT);
	fixture.enclave = local_enclave_start(fixture.state, NULL);
}
END_TEST

START_TEST(methods_headers_and_bodies_arrive_as_given)
{
	static const struct {
		const char *method;
		const char *body;
		const char *wanted;
	} rows[] = {
	    {"GET", NULL, "\"method\":\"GET\""},
	    {"POST", "a=1", "\"body\":\"a=1\""},
	    {"POST", "", "\"body_length\":0"},
	    {"PUT", "whole", "\"method\":\"PUT\""},
	    {"PATCH", "part", "\"method\":\"PATCH\""},
	    {"DELETE", NULL, "\"method\":\"DELETE\""},
	    {"DELETE", "why", "\"body\":\"why\""},
	    {"OPTIONS", NULL, "\"method\":\"OPTIONS\""},
	};
	struct enclave_client_request *request =
	    new_request(rows[_i].method, "/echo?q=1&r=%20");
	struct enclave_client_response *response;

	fixture_client(NULL, "", false);
	enclave_client_request_add_header(request, "X-One", "1");
	enclave_client_request_add_header(request, "X-Empty", "");
	enclave_client_request_add_header(request, "Accept", NULL);
	if (rows[_i].body)
		enclave_client_request_set_body(
		    request, rows[_i].body, strlen(rows[_i].body));
	/* Twice: a request can be sent again. */
	for (int i = 0; i < 2; i++) {
		response = send_request(request);
		expect_in_body(response, rows[_i].wanted);
		expect_in_body(response, "\"path\":\"/echo?q=1&r=%20\"");
		expect_in_body(response, "\"x-one\":\"1\"");
		expect_in_body(response, "\"x-empty\":\"\"");
		ck_assert_ptr_null(
		    strstr(enclave_client_response_body(response, NULL),
			"\"accept\""));
		ck_assert_ptr_null(
		    strstr(enclave_client_response_body(response, NULL),
			"form-urlencoded"));
		enclave_client_response_free(response);
	}
	enclave_client_request_free(request);
}
END_TEST

START_TEST(head_gives_headers_and_no_body)
{
	struct enclave_client_request *request = new_request("HEAD", "/x");
	struct enclave_client_response *response;
	size_t len = 1;

	fixture_client(NULL, "", false);
	response = send_request(request);
	ck_assert_str_eq(enclave_client_response_body(response, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_nonnull(
	    enclave_client_response_header(response, "content-type", 0));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(an_error_status_is_an_answer)
{
	struct enclave_client_request *request =
	    new_request("GET", "/status/404");
	struct enclave_client_response *response;

	fixture_client(NULL, "", false);
	response = send_request(request);
	ck_assert_int_eq(enclave_client_response_status(response), 404);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(response_tells_what_it_was_sent_under)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response;
	const struct enclave_client_document *document;
	size_t len = 0;
	const char *text;

	fixture_client(NULL, "", false);
	response = send_request(request);
	document = enclave_client_response_document(response);
	ck_assert_ptr_nonnull(document);
	ck_assert(enclave_client_document_authentic(document));
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	ck_assert_int_eq(enclave_client_document_set_index(document), 0);
	ck_assert_str_eq(
	    enclave_client_response_enclave(response), FIXTURE_NAME);
	ck_assert_str_eq(enclave_client_response_http_version(response), "1.1");
	text = enclave_client_response_header_text(response, &len);
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 200", 12), 0);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_ptr_null(
	    enclave_client_response_header(response, "content-typ", 0));
	ck_assert_ptr_null(
	    enclave_client_response_header(response, "Content-Type", 1));
	ck_assert_int_gt(enclave_client_response_info(
			     response, ENCLAVE_CLIENT_INFO_SIZE_DOWNLOAD_BYTES),
	    0);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

static int64_t
timestamp_of(const struct enclave_client_response *response)
{
	return enclave_client_document_timestamp_ms(
	    enclave_client_response_document(response));
}

static const char *
label_of(const struct enclave_client_response *response)
{
	return enclave_client_document_set_label(
	    enclave_client_response_document(response));
}

static void
update_labelled(const char *label)
{
	char map[1024];

	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" FIXTURE_NAME
	    "\":{\"url\":\"%s\",\"pcrs\":[{\"label\":\"%s\","
	    "\"PCR0\":\"%s\"}]}}}",
	    local_enclave_url(fixture.enclave), label,
	    local_enclave_pcr(fixture.enclave, "0"));
	fixture_update_map(map);
}

/* On one connection: the document, and the set's label, are of the moment. */
START_TEST(each_answer_shows_what_it_was_sent_under)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_document *document = NULL;
	struct enclave_client_response *first;
	struct enclave_client_response *second;
	struct enclave_client_response *third;

	fixture_client(NULL, "", false);
	first = send_request(request);
	second = send_request(request);
	ck_assert_int_eq(timestamp_of(second), timestamp_of(first));
	enclave_client_response_free(second);
	ck_assert_int_eq(enclave_client_attest(fixture.client, FIXTURE_NAME,
			     30000, &document, fixture.error),
	    0);
	second = send_request(request);
	ck_assert_int_eq(timestamp_of(second),
	    enclave_client_document_timestamp_ms(document));
	ck_assert_int_gt(timestamp_of(second), timestamp_of(first));
	update_labelled("release 7");
	third = send_request(request);
	ck_assert_str_eq(label_of(third), "release 7");
	ck_assert_str_eq(label_of(second), "");
	/* Of the requests, and of attesting. */
	ck_assert_uint_eq(fixture_handshakes(), 2);
	enclave_client_document_free(document);
	enclave_client_response_free(first);
	enclave_client_response_free(second);
	enclave_client_response_free(third);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(whole_answer_is_capped)
{
	struct enclave_client_request *request =
	    new_request("GET", "/bytes/1001");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	enclave_client_request_set_body_max_bytes(request, 1000);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE, "1000 bytes");
	ck_assert_ptr_null(response);
	enclave_client_request_set_body_max_bytes(request, 1001);
	response = send_request(request);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(stream_gives_every_byte_and_keeps_the_connection)
{
	static const char *const targets[] = {
	    "/bytes/3000000", "/length/3000000", "/bytes/0", "/length/1"};
	static const size_t sizes[] = {3000000, 3000000, 0, 1};
	struct enclave_client_request *request =
	    new_request("GET", targets[_i]);
	struct enclave_client_response *response = NULL;
	char buffer[7001];
	size_t total = 0;
	size_t len = 1;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	/* What the response needs of it, it keeps. */
	enclave_client_request_free(request);
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	while (len > 0) {
		ck_assert_msg(enclave_client_response_read(response, buffer,
				  sizeof(buffer), &len, fixture.error) == 0,
		    "%s", enclave_client_error_message(fixture.error));
		total += len;
	}
	ck_assert_uint_eq(total, sizes[_i]);
	ck_assert_int_eq(enclave_client_response_read(response, buffer,
			     sizeof(buffer), &len, fixture.error),
	    0);
	ck_assert_uint_eq(len, 0);
	enclave_client_response_free(response);
	fixture_get_ok("/after");
	ck_assert_uint_eq(fixture_connections(), 1);
}
END_TEST

START_TEST(stream_that_is_cut_fails_for_good)
{
	struct enclave_client_request *request = new_request("GET", "/cut");
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	char buffer[4096];
	size_t len = 1;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	for (int i = 0; i < 1000 && !status && len > 0; i++)
		status = enclave_client_response_read(
		    response, buffer, sizeof(buffer), &len, fixture.error);
	fixture_expect(status, ENCLAVE_CLIENT_ERR_NETWORK, FIXTURE_NAME);
	fixture_expect(enclave_client_response_read(response, buffer,
			   sizeof(buffer), &len, fixture.error),
	    ENCLAVE_CLIENT_ERR_NETWORK, FIXTURE_NAME);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(stream_outlives_its_client)
{
	struct enclave_client_request *request =
	    new_request("GET", "/bytes/3000000");
	struct enclave_client_response *response = NULL;
	char buffer[100];
	size_t len = 0;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	/* What is there may still come; then it ends, with the reason. */
	for (int i = 0; i < 100000; i++)
		if (enclave_client_response_read(
			response, buffer, sizeof(buffer), &len, fixture.error))
			break;
	ck_assert_int_eq(enclave_client_error_status(fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

struct piecewise {
	size_t sent;
	size_t size;
	int rewinds;
	bool fail;
};

static int64_t
give(void *buffer, size_t size, void *context)
{
	struct piecewise *body = context;
	size_t left = body->size - body->sent;

	if (body->fail)
		return -1;
	if (size > left)
		size = left;
	memset(buffer, 'x', size);
	body->sent += size;
	return (int64_t)size;
}

static bool
start_again(void *context)
{
	struct piecewise *body = context;

	body->sent = 0;
	body->rewinds++;
	return true;
}

START_TEST(body_callback_with_and_without_a_length)
{
	static const struct {
		const char *method;
		int64_t len;
	} rows[] = {{"POST", 100000}, {"POST", -1}, {"PUT", 100000},
	    {"PUT", -1}, {"PATCH", 100000}, {"PATCH", -1}};
	struct piecewise source = {.size = 100000};
	struct enclave_client_body body = {.read = give,
	    .rewind = start_again,
	    .len = rows[_i].len,
	    .context = &source};
	struct enclave_client_request *request =
	    new_request(rows[_i].method, "/upload");
	struct enclave_client_response *response;

	fixture_client(NULL, "", false);
	enclave_client_request_set_body_callback(request, &body);
	response = send_request(request);
	expect_in_body(response, "\"body_length\":100000");
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(body_callback_that_fails_is_named)
{
	struct piecewise source = {.size = 10, .fail = true};
	struct enclave_client_body body = {
	    .read = give, .len = 10, .context = &source};
	struct enclave_client_request *request = new_request("PUT", "/upload");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	enclave_client_request_set_body_callback(request, &body);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_BODY_CALLBACK, NULL);
	enclave_client_request_free(request);
}
END_TEST

static const struct {
	const char *method;
	const char *target;
} misuses[] = {
    {"GE T", "/"},
    {"", "/"},
    {"GET\r\nX: y", "/"},
    {"GET", ""},
    {"GET", "hello"},
    {"GET", "@evil.example/"},
    {"GET", ".evil.example/"},
    {"GET", ":1234/"},
    {"GET", "/a b"},
    {"GET", "/a\r\nX-Injected: 1"},
    {"GET", "/a\nb"},
    {"GET", "http://localhost/"},
    {"GET", "https://evil.example/"},
    {"GET", "https://localhost/"},
    {"GET", "https://user:pass@localhost/"},
};

START_TEST(misuse_is_refused_before_anything_happens)
{
	struct enclave_client_request *request =
	    new_request(misuses[_i].method, misuses[_i].target);
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	/* With live evidence, so that only the misuse stands in the way. */
	fixture_get_ok("/before");
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	ck_assert_ptr_null(response);
	ck_assert_uint_eq(fixture_requests(), 1);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(header_misuse_is_refused)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {{"X\r\nY", "1"}, {"X Y", "1"}, {"", "1"}, {"X:", "1"},
	    {"X", "1\r\nY: 2"}, {"X", "1\n2"}, {"X", "\x01"}};
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	enclave_client_request_add_header(
	    request, rows[_i].name, rows[_i].value);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	ck_assert_uint_eq(fixture_connections(), 0);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(paths_stay_on_the_enclave)
{
	static const struct {
		const char *target;
		const char *path;
	} rows[] = {
	    {"/@evil.example/x", "\"path\":\"/@evil.example/x\""},
	    {"//evil.example/x", "\"path\":\"//evil.example/x\""},
	    {"/..//evil.example", "\"path\":\"//evil.example\""},
	    {"/x#fragment", "\"path\":\"/x\""},
	    {"/x?a=https://evil.example/#f",
		"\"path\":\"/x?a=https://evil.example/\""},
	    {"/\\evil.example", "\"path\":\"/\\\\evil.example\""},
	};
	struct enclave_client_request *request =
	    new_request("GET", rows[_i].target);
	struct enclave_client_response *response;

	fixture_client(NULL, "", false);
	response = send_request(request);
	expect_in_body(response, rows[_i].path);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(a_url_finds_its_enclave_or_none)
{
	static const struct {
		const char *before; /* the port */
		const char *after;
		enum enclave_client_status status;
	} rows[] = {
	    {"https://localhost:", "/x", ENCLAVE_CLIENT_OK},
	    {"https://LOCALHOST:", "/x", ENCLAVE_CLIENT_OK},
	    {"https://localhost.:", "/x", ENCLAVE_CLIENT_OK},
	    {"https://127.0.0.1:", "/x", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
	    {"https://localhost:1", "/x", ENCLAVE_CLIENT_ERR_CONFIG},
	    {"https://localhost/x?", "", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
	    {"https://localhost.evil.example:", "/",
		ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
	    {"/path/", "", ENCLAVE_CLIENT_ERR_USAGE},
	};
	struct enclave_client_request *request;
	struct enclave_client_response *response = NULL;
	char url[128];

	(void)snprintf(url, sizeof(url), "%s%d%s", rows[_i].before,
	    local_enclave_port(fixture.enclave), rows[_i].after);
	request = new_request("GET", url);
	fixture_client(NULL, "", false);
	ck_assert_msg(enclave_client_request(fixture.client, NULL, request,
			  &response, fixture.error) == rows[_i].status,
	    "%s: %s", url, enclave_client_error_message(fixture.error));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(unknown_name_is_refused)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", false);
	fixture_expect(enclave_client_request(fixture.client, "paymentz",
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "paymentz");
	fixture_expect(enclave_client_attest(fixture.client, "paymentz", 1000,
			   &document, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "paymentz");
	fixture_expect(
	    enclave_client_wait(fixture.client, "paymentz", 10, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "paymentz");
	enclave_client_request_free(request);
}
END_TEST

START_TEST(redirects_stay_within_the_origin)
{
	static const struct {
		const char *target;
		unsigned int max;
		enum enclave_client_status status;
		long http_status;
	} rows[] = {
	    {"/redirect?to=/there", 0, ENCLAVE_CLIENT_OK, 302},
	    {"/redirect?to=/there", 3, ENCLAVE_CLIENT_OK, 200},
	    {"/redirect-307?to=/there", 3, ENCLAVE_CLIENT_OK, 200},
	    {"/redirect?to=https://127.0.0.1:1/there", 3,
		ENCLAVE_CLIENT_ERR_REDIRECT, 0},
	    {"/redirect?to=http://localhost:1/there", 3,
		ENCLAVE_CLIENT_ERR_NETWORK, 0},
	    {"/redirect?to=https://evil.invalid/there", 3,
		ENCLAVE_CLIENT_ERR_REDIRECT, 0},
	};
	struct enclave_client_request *request =
	    new_request("GET", rows[_i].target);
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status;

	fixture_client(NULL, "", false);
	enclave_client_request_set_redirects_max(request, rows[_i].max);
	status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);
	/* A name can carry out what stands in the answer. */
	ck_assert_uint_eq(atomic_load(&foreign_lookups), 0);
	ck_assert_msg(status == rows[_i].status, "%s",
	    enclave_client_error_message(fixture.error));
	if (response) {
		ck_assert_int_eq(enclave_client_response_status(response),
		    rows[_i].http_status);
		/* Headers are the last answer's alone. */
		ck_assert(!enclave_client_response_header(response, "Location",
			      0) == (rows[_i].http_status != 302));
		ck_assert_ptr_nonnull(enclave_client_response_header(
		    response, "Content-Length", 0));
	}
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

/* The clock's, for who waits for it: five seconds. */
static void
take_long_to_learn(enum enclave_client_trace_kind kind, const char *data,
    size_t len, void *context)
{
	(void)kind, (void)context;
	if (len >= 8 && !memcmp(data, "learning", 8))
		fixture_advance_ms(5000);
}

START_TEST(time_of_learning_belongs_to_the_total)
{
	struct enclave_client_request *request = new_request("GET", "/cold");
	int64_t total_us[2];

	fixture_client(NULL, "", false);
	enclave_client_request_set_trace(request, take_long_to_learn, NULL);
	for (int i = 0; i < 2; i++) {
		struct enclave_client_response *response = NULL;

		ck_assert_msg(
		    enclave_client_request(fixture.client, FIXTURE_NAME,
			request, &response, fixture.error) == 0,
		    "%s", enclave_client_error_message(fixture.error));
		total_us[i] = enclave_client_response_info(
		    response, ENCLAVE_CLIENT_INFO_TIME_TOTAL_US);
		enclave_client_response_free(response);
	}
	ck_assert_int_ge(total_us[0], 5000000);
	/* The second knew the key. */
	ck_assert_int_gt(total_us[1], 0);
	ck_assert_int_lt(total_us[1], 5000000);
	enclave_client_request_free(request);
}
END_TEST

static void *
cancel_soon(void *argument)
{
	struct timespec pause = {.tv_nsec = 100000000};

	(void)nanosleep(&pause, NULL);
	enclave_client_request_cancel(argument);
	return NULL;
}

static void *
stop_soon(void *argument)
{
	struct timespec pause = {.tv_nsec = 100000000};

	(void)nanosleep(&pause, NULL);
	enclave_client_stop(argument);
	return NULL;
}

static const char *const waits[] = {"/never", "/delay/20000"};

START_TEST(another_thread_cancels)
{
	struct enclave_client_request *request = new_request("GET", waits[_i]);
	struct enclave_client_response *response = NULL;
	pthread_t thread;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, cancel_soon, request), 0);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "cancelled");
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	/* For good. */
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	enclave_client_request_free(request);
	fixture_get_ok("/others-go-on");
}
END_TEST

START_TEST(cancelling_ends_learning_too)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;
	pthread_t thread;

	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"never\"}");
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, cancel_soon, request), 0);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(stopping_ends_calls_and_refuses_later_ones)
{
	struct enclave_client_request *request = new_request("GET", "/never");
	struct enclave_client_response *response = NULL;
	pthread_t thread;

	fixture_client(NULL, "", _i == 1);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, stop_soon, fixture.client), 0);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "stopped");
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	fixture_expect(
	    fixture_get("/later"), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	fixture_expect(
	    enclave_client_wait(fixture.client, NULL, 1000, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(polling_makes_ready_without_a_request)
{
	fixture_client(NULL, "", true);
	ck_assert_msg(enclave_client_wait(fixture.client, FIXTURE_NAME, 20000,
			  fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error), 0);
	fixture_get_ok("/hello");
	/* Told once all locks are released: a little after the wait ends. */
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_ATTESTED));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
}
END_TEST

START_TEST(waiting_says_who_is_not_ready_and_why)
{
	fixture_set("{\"evidence\":\"broken-signature\"}");
	fixture_client(NULL, "", true);
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_REFUSED));
	fixture_expect(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, FIXTURE_NAME ": no attested key yet");
	fixture_expect(enclave_client_wait(
			   fixture.client, FIXTURE_NAME, 50, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, "last attempt: document is not signed");
}
END_TEST

START_TEST(many_threads_share_one_client)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	extern void *many_requests(void *argument);

	fixture_client(NULL, "", true);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     many_requests, fixture.client),
		    0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failure = NULL;
		ck_assert_int_eq(pthread_join(threads[i], &failure), 0);
		ck_assert_ptr_null(failure);
	}
	ck_assert_uint_eq(fixture_requests(), THREADS * 20);
}
END_TEST

void *many_requests(void *argument);

void *
many_requests(void *argument)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_request *request = NULL;
	void *failure = NULL;

	if (enclave_client_request_new("GET", "/shared", &request))
		failure = argument;
	for (int i = 0; i < 20 && !failure; i++) {
		struct enclave_client_response *response = NULL;
		if (enclave_client_request(
			argument, FIXTURE_NAME, request, &response, error))
			failure = argument;
		enclave_client_response_free(response);
	}
	if (failure)
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	enclave_client_request_free(request);
	enclave_client_error_free(error);
	return failure;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("request");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_loop_test(tcase,
	    misbehaviour_has_its_own_status_and_nothing_is_sent, 0,
	    COUNT(misbehaviours));
	tcase_add_loop_test(
	    tcase, slow_and_silent_endpoints_end_at_the_deadline, 0, 2);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_loop_test(
	    tcase, methods_headers_and_bodies_arrive_as_given, 0, 8);
	tcase_add_test(tcase, head_gives_headers_and_no_body);
	tcase_add_test(tcase, an_error_status_is_an_answer);
	tcase_add_test(tcase, response_tells_what_it_was_sent_under);
	tcase_add_test(tcase, each_answer_shows_what_it_was_sent_under);
	tcase_add_test(tcase, whole_answer_is_capped);
	tcase_add_loop_test(
	    tcase, stream_gives_every_byte_and_keeps_the_connection, 0, 4);
	tcase_add_test(tcase, stream_that_is_cut_fails_for_good);
	tcase_add_test(tcase, stream_outlives_its_client);
	tcase_add_loop_test(
	    tcase, body_callback_with_and_without_a_length, 0, 6);
	tcase_add_test(tcase, body_callback_that_fails_is_named);
	tcase_add_loop_test(tcase, misuse_is_refused_before_anything_happens, 0,
	    COUNT(misuses));
	tcase_add_loop_test(tcase, header_misuse_is_refused, 0, 7);
	tcase_add_loop_test(tcase, paths_stay_on_the_enclave, 0, 6);
	tcase_add_loop_test(tcase, a_url_finds_its_enclave_or_none, 0, 8);
	tcase_add_test(tcase, unknown_name_is_refused);
	tcase_add_loop_test(tcase, redirects_stay_within_the_origin, 0, 6);
	tcase_add_test(tcase, time_of_learning_belongs_to_the_total);
	tcase_add_loop_test(tcase, silent_answers_end_at_the_deadline, 0, 2);
	tcase_add_loop_test(tcase, another_thread_cancels, 0, 2);
	tcase_add_test(tcase, cancelling_ends_learning_too);
	tcase_add_loop_test(
	    tcase, stopping_ends_calls_and_refuses_later_ones, 0, 2);
	tcase_add_test(tcase, polling_makes_ready_without_a_request);
	tcase_add_test(tcase, waiting_says_who_is_not_ready_and_why);
	tcase_add_test(tcase, many_threads_share_one_client);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
