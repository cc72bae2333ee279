/*
 * What lives how long: requests that are changed while they are sent, answers
 * that go on where nothing more is expected, callbacks that call back.
 */
#include <arpa/inet.h>
#include <enclave_client_curl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "integration/fixture.h"
#include "integration/scripted.h"

#include "client/request.h"
#include "tls/sockets.h"

/* A PCR that no enclave has. */
#define NO_BUILD                                                               \
	"111111111111111111111111111111111111111111111111"                     \
	"111111111111111111111111111111111111111111111111"

static struct scripted *server;

static void
setup(void)
{
	server = NULL;
	fixture_setup();
}

static void
teardown(void)
{
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	scripted_free(server);
	fixture_teardown();
}

/* Without polling; a client is made of it by start_client(). */
static struct enclave_client_config *
new_config(const char *map)
{
	struct enclave_client_config *config = NULL;

	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_insecure_allowed(config, true);
	enclave_client_config_set_insecure_nitro_root_file(
	    config, local_enclave_text(fixture.enclave, "nitro_root"));
	enclave_client_config_set_ca_file(
	    config, local_enclave_text(fixture.enclave, "web_ca"));
	enclave_client_config_set_polling(config, false);
	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	return config;
}

static void
start_client(struct enclave_client_config *config)
{
	ck_assert_msg(client_new(config, &fixture.clock, &fixture.client,
			  fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	enclave_client_config_free(config);
}

/* A client of the scripted server, which answers so. */
static void
start_scripted(const char *answer)
{
	server = scripted_new(fixture.state, answer);
	start_client(new_config(fixture_map_at(scripted_url(server))));
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
open_stream(struct enclave_client_request *request)
{
	struct enclave_client_response *response = NULL;

	ck_assert_msg(enclave_client_open(fixture.client, FIXTURE_NAME, request,
			  &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	return response;
}

/* Bytes until the end. */
static size_t
read_all(struct enclave_client_response *response)
{
	char buffer[16384];
	size_t total = 0;
	size_t len = 1;

	while (len > 0) {
		ck_assert_msg(enclave_client_response_read(response, buffer,
				  sizeof(buffer), &len, fixture.error) == 0,
		    "%s", enclave_client_error_message(fixture.error));
		total += len;
	}
	return total;
}

/* The body is longer than what libcurl hands out at a time, so that trailers
 * come when the header text was given out long ago. */
enum { CHUNK_BYTES = 200000 };

START_TEST(trailers_do_not_change_the_header_text)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Trailer: X-Late\r\n\r\n"
	    "30d40\r\n";
	static const char tail[] = "\r\n0\r\n"
				   "HTTP/1.1: 1\r\nX-Late: 1\r\n"
				   "X-Filler: ";
	enum { FILLER_BYTES = 3000 };
	char *answer = calloc(
	    1, sizeof(head) + CHUNK_BYTES + sizeof(tail) + FILLER_BYTES + 8);
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response;
	const char *text;
	char *before;
	char *end;
	size_t len = 0;

	ck_assert_ptr_nonnull(answer);
	end = answer + sizeof(head) - 1;
	memcpy(answer, head, sizeof(head) - 1);
	memset(end, 'b', CHUNK_BYTES);
	end += CHUNK_BYTES;
	memcpy(end, tail, sizeof(tail) - 1);
	end += sizeof(tail) - 1;
	memset(end, 'f', FILLER_BYTES);
	memcpy(end + FILLER_BYTES, "\r\n\r\n", 4);
	start_scripted(answer);
	response = open_stream(request);
	text = enclave_client_response_header_text(response, &len);
	before = strdup(text);
	ck_assert_ptr_nonnull(before);
	ck_assert_uint_eq(read_all(response), CHUNK_BYTES);
	/* Borrowed until the response is freed: the very same bytes. */
	ck_assert_ptr_eq(
	    enclave_client_response_header_text(response, &len), text);
	ck_assert_str_eq(text, before);
	ck_assert_uint_eq(len, strlen(before));
	free(before);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	scripted_free(server);
	server = NULL;
	free(answer);
}
END_TEST

static void
ignore_trace(enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context)
{
	(void)kind, (void)data, (void)len;
	++*(size_t *)context;
}

/* libcurl gives up a handle's sixth, if they are counted together. */
START_TEST(connections_that_die_idle_are_replaced_however_many)
{
	start_scripted("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	scripted_answer_once(server);
	for (int i = 0; i < 12; i++)
		fixture_get_ok("/x");
}
END_TEST

/* Cancelling later would reach into a handle that is gone. */
START_TEST(nothing_is_left_to_wake_once_a_call_is_over)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_request(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	ck_assert_ptr_null(request->waker->multi);
	ck_assert_ptr_null(request->waker->lane);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(trailers_of_a_redirect_are_no_headers)
{
	static const char first[] =
	    "HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n"
	    "Location: /y\r\nTrailer: X-A, X-B\r\n\r\n"
	    "0\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
	static const char second[] = "HTTP/1.1 200 OK\r\nX-Which: second\r\n"
				     "Content-Length: 2\r\n\r\nok";
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	start_scripted(first);
	scripted_then(server, second);
	enclave_client_request_set_redirects_max(request, 1);
	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	ck_assert_str_eq(
	    enclave_client_response_header(response, "X-Which", 0), "second");
	ck_assert_ptr_null(enclave_client_response_header(response, "X-A", 0));
	ck_assert_ptr_null(enclave_client_response_header(response, "X-B", 0));
	ck_assert_ptr_null(strstr(
	    enclave_client_response_header_text(response, NULL), "X-B: 2"));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

/* No redirect is followed, and libcurl has nothing to send again: the 417 is
 * the answer. */
START_TEST(trailers_of_a_417_are_no_headers)
{
	static const char answer[] =
	    "HTTP/1.1 417 Expectation Failed\r\nX-Which: only\r\n"
	    "Transfer-Encoding: chunked\r\nTrailer: X-A, X-B\r\n\r\n"
	    "0\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	start_scripted(answer);
	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	ck_assert_int_eq(enclave_client_response_status(response), 417);
	ck_assert_str_eq(
	    enclave_client_response_header(response, "X-Which", 0), "only");
	ck_assert_ptr_null(enclave_client_response_header(response, "X-B", 0));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

/* A server that knows no Expect: libcurl asks again without it.  libcurl 8.14
 * sends it with a body of unknown length, but with no small one of a known. */
START_TEST(header_text_after_a_417_is_that_of_the_answer)
{
	static const char first[] = "HTTP/1.1 417 Expectation Failed\r\n"
				    "Content-Length: 0\r\n\r\n";
	static const char second[] = "HTTP/1.1 200 OK\r\nX-Which: second\r\n"
				     "Content-Length: 2\r\n\r\nok";
	struct enclave_client_request *request = new_request("PUT", "/x");
	struct enclave_client_response *response;
	bool given = false;
	const struct enclave_client_body body = {.read = fixture_give_once,
	    .rewind = fixture_give_again,
	    .len = -1,
	    .context = &given};
	char text[64] = "";
	size_t len = 0;

	start_scripted(first);
	scripted_then(server, second);
	enclave_client_request_set_expect_continue(request, true);
	enclave_client_request_set_body_callback(request, &body);
	response = open_stream(request);
	ck_assert_ptr_nonnull(
	    strstr(enclave_client_response_header_text(response, &len),
		"X-Which: second"));
	ck_assert_int_eq(enclave_client_response_read(
			     response, text, sizeof(text), &len, fixture.error),
	    0);
	ck_assert_str_eq(text, "ok");
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(trace_taken_away_while_a_stream_flows)
{
	struct enclave_client_request *request =
	    new_request("GET", "/bytes/3000000");
	struct enclave_client_response *response;
	size_t lines = 0;

	fixture_client(NULL, "", false);
	enclave_client_request_set_trace(request, ignore_trace, &lines);
	response = open_stream(request);
	ck_assert_uint_gt(lines, 0);
	enclave_client_request_set_trace(request, NULL, NULL);
	ck_assert_uint_eq(read_all(response), 3000000);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(cookies_taken_away_while_a_stream_flows)
{
	struct enclave_client_request *request =
	    new_request("GET", "/bytes/3000000");
	struct enclave_client_response *response;
	struct enclave_client_cookies *cookies = NULL;

	ck_assert_int_eq(enclave_client_cookies_new(&cookies), 0);
	fixture_client(NULL, "", false);
	enclave_client_request_set_cookies(request, cookies);
	enclave_client_cookies_free(cookies);
	response = open_stream(request);
	/* The transfer's is the last reference. */
	enclave_client_request_set_cookies(request, NULL);
	ck_assert_uint_eq(read_all(response), 3000000);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	fixture_get_ok("/next-on-the-same-handle");
}
END_TEST

enum { BODY_BYTES = 30000000 };

/* Drives the handle until libcurl says that it ended. */
static CURLcode
drive(CURLM *multi, CURL *easy, struct enclave_client_request *request,
    void (*meanwhile)(struct enclave_client_request *request))
{
	curl_off_t sent = 0;
	int running = 0;
	int left = 0;
	CURLMsg *message;

	ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
	for (int i = 0; i < 1000000; i++) {
		ck_assert_int_eq(curl_multi_perform(multi, &running), CURLM_OK);
		(void)curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
		if (meanwhile && sent > 100000) {
			ck_assert_int_lt(sent, BODY_BYTES);
			meanwhile(request);
			meanwhile = NULL;
		}
		message = curl_multi_info_read(multi, &left);
		if (message) {
			CURLcode code = message->data.result;
			(void)curl_multi_remove_handle(multi, easy);
			return code;
		}
		(void)curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	ck_abort_msg("the transfer did not end");
	return CURLE_OK;
}

static void
give_another_body(struct enclave_client_request *request)
{
	enclave_client_request_set_body(request, "x", 1);
}

START_TEST(body_replaced_while_it_is_sent)
{
	struct enclave_client_request *request = new_request("POST", "/upload");
	struct enclave_client_response *response = NULL;
	struct enclave_client_transfer *transfer = NULL;
	enum enclave_client_status status;
	uint8_t *body = malloc(BODY_BYTES);
	CURLM *multi = curl_multi_init();
	bool again = false;

	ck_assert_ptr_nonnull(body);
	ck_assert_ptr_nonnull(multi);
	memset(body, 'u', BODY_BYTES);
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	enclave_client_request_set_body(request, body, BODY_BYTES);
	free(body);
	ck_assert_int_eq(enclave_client_prepare(fixture.client, FIXTURE_NAME,
			     request, &transfer, fixture.error),
	    0);
	status = enclave_client_transfer_done(transfer,
	    drive(multi, enclave_client_transfer_handle(transfer), request,
		give_another_body),
	    &again, &response, fixture.error);
	ck_assert_msg(status == 0 && !again, "%s",
	    enclave_client_error_message(fixture.error));
	ck_assert_ptr_nonnull(
	    strstr(enclave_client_response_body(response, NULL),
		"\"body_length\":30000000"));
	enclave_client_response_free(response);
	enclave_client_transfer_free(transfer);
	enclave_client_request_free(request);
	(void)curl_multi_cleanup(multi);
}
END_TEST

/* Round by round, to the end. */
static enum enclave_client_status
run_prepared(struct enclave_client_request *request)
{
	struct enclave_client_response *response = NULL;
	struct enclave_client_transfer *transfer = NULL;
	enum enclave_client_status status;
	CURLM *multi = curl_multi_init();
	bool again = true;

	ck_assert_ptr_nonnull(multi);
	status = enclave_client_prepare(
	    fixture.client, FIXTURE_NAME, request, &transfer, fixture.error);
	while (!status && again)
		status = enclave_client_transfer_done(transfer,
		    drive(multi, enclave_client_transfer_handle(transfer),
			request, NULL),
		    &again, &response, fixture.error);
	ck_assert_int_eq(status == ENCLAVE_CLIENT_OK, response != NULL);
	enclave_client_response_free(response);
	enclave_client_transfer_free(transfer);
	(void)curl_multi_cleanup(multi);
	return status;
}

START_TEST(prepared_redirect_connects_to_no_other_origin)
{
	struct enclave_client_request *request;
	char target[128];

	(void)snprintf(target, sizeof(target),
	    "/redirect?to=https://127.0.0.1:%d/there",
	    local_enclave_port(fixture.enclave));
	request = new_request("GET", target);
	enclave_client_request_set_redirects_max(request, 3);
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert(local_enclave_clear_log(fixture.enclave));
	fixture_expect(
	    run_prepared(request), ENCLAVE_CLIENT_ERR_REDIRECT, NULL);
	ck_assert_uint_eq(fixture_connections(), 1);
	enclave_client_request_free(request);
}
END_TEST

/*
 * A name that libcurl has already is not looked up, so that nothing but the
 * question before each connect stands between a redirect and its host.
 */
START_TEST(prepared_redirect_connects_to_no_known_origin_either)
{
	struct enclave_client_request *request;
	struct enclave_client_config *config =
	    new_config(fixture_map(NULL, ""));
	char text[128];
	int port = local_enclave_port(fixture.enclave);

	(void)snprintf(text, sizeof(text), "elsewhere.test:%d:127.0.0.1", port);
	enclave_client_config_add_resolve(config, text);
	start_client(config);
	fixture_get_ok("/before");
	ck_assert(local_enclave_clear_log(fixture.enclave));
	(void)snprintf(text, sizeof(text),
	    "/redirect?to=https://elsewhere.test:%d/there", port);
	request = new_request("GET", text);
	enclave_client_request_set_redirects_max(request, 3);
	fixture_expect(
	    run_prepared(request), ENCLAVE_CLIENT_ERR_REDIRECT, NULL);
	ck_assert_uint_eq(fixture_connections(), 1);
	enclave_client_request_free(request);
}
END_TEST

static void *
get_slowly(void *context)
{
	struct enclave_client_request *request =
	    new_request("GET", "/delay/500");
	struct enclave_client_response *response = NULL;

	(void)context;
	ck_assert_int_eq(enclave_client_request(fixture.client, FIXTURE_NAME,
			     request, &response, NULL),
	    0);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return NULL;
}

START_TEST(handle_that_nobody_wants_for_long_is_closed)
{
	pthread_t thread;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert_int_eq(pthread_create(&thread, NULL, get_slowly, NULL), 0);
	(void)get_slowly(NULL);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(fixture_connections(), 2);
	/* One of the two is enough from here on. */
	fixture_get_ok("/soon");
	ck_assert_uint_eq(local_enclave_count(fixture.enclave, "closed"), 0);
	fixture_advance_ms(HANDLE_IDLE_MS_MAX + 1000);
	fixture_get_ok("/late");
	ck_assert(local_enclave_wait_for(fixture.enclave, "closed", 1, 10000));
}
END_TEST

/* An event callback may call anything but free and stop. */
struct reentry {
	struct enclave_client_error *error;
	enum enclave_client_event_kind kind;
	enum enclave_client_status status;
	size_t calls;
};

static struct reentry reentry;

static void
request_from_event(const struct enclave_client_event *event, void *context)
{
	struct enclave_client_request *request;
	struct enclave_client_response *response = NULL;

	(void)context;
	/* Its own events are not answered with requests again. */
	if (event->kind != reentry.kind || reentry.calls++)
		return;
	request = new_request("GET", "/from-event");
	enclave_client_request_set_timeout_ms(request, 3000);
	reentry.status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, reentry.error);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}

static void
client_that_requests_from_events(enum enclave_client_event_kind kind)
{
	struct enclave_client_config *config =
	    new_config(fixture_map(NULL, ""));

	reentry =
	    (struct reentry){.kind = kind, .error = enclave_client_error_new()};
	enclave_client_config_set_event_callback(
	    config, request_from_event, NULL);
	start_client(config);
}

START_TEST(request_from_the_event_that_attests)
{
	client_that_requests_from_events(ENCLAVE_CLIENT_EVENT_ATTESTED);
	fixture_get_ok("/outer");
	ck_assert_uint_eq(reentry.calls, 1);
	ck_assert_msg(reentry.status == ENCLAVE_CLIENT_OK, "%s",
	    enclave_client_error_message(reentry.error));
	ck_assert(fixture_saw("/from-event"));
	enclave_client_error_free(reentry.error);
}
END_TEST

START_TEST(request_from_the_event_that_refuses_waits_for_nobody)
{
	fixture_set("{\"evidence\":\"broken-signature\"}");
	client_that_requests_from_events(ENCLAVE_CLIENT_EVENT_REFUSED);
	fixture_expect(
	    fixture_get("/outer"), ENCLAVE_CLIENT_ERR_SIGNATURE, NULL);
	ck_assert_uint_eq(reentry.calls, 1);
	/* It would be waiting for the learning that it was called from. */
	ck_assert_int_ne(reentry.status, ENCLAVE_CLIENT_OK);
	ck_assert_msg(reentry.status != ENCLAVE_CLIENT_ERR_TIMEOUT, "%s",
	    enclave_client_error_message(reentry.error));
	ck_assert(!fixture_saw("/from-event"));
	enclave_client_error_free(reentry.error);
}
END_TEST

/* Each time that evidence was accepted, the key changes again. */
static void
rotate_when_accepted(enum enclave_client_trace_kind kind, const char *data,
    size_t len, void *context)
{
	static const char accepted[] = "evidence accepted";

	(void)context;
	if (kind == ENCLAVE_CLIENT_TRACE_ATTESTATION &&
	    len >= sizeof(accepted) - 1 &&
	    !memcmp(data, accepted, sizeof(accepted) - 1))
		fixture_rotate();
}

START_TEST(request_makes_three_connections_at_most)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"close\"}");
	enclave_client_request_set_trace(request, rotate_when_accepted, NULL);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_ptr_null(response);
	ck_assert_uint_eq(
	    local_enclave_count(fixture.enclave, "client_hello"), 3);
	ck_assert_uint_eq(fixture_requests(), 0);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(warm_request_makes_three_connections_at_most)
{
	struct enclave_client_request *request = new_request("GET", "/x");
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"close\",\"keep_alive\":false}");
	fixture_get_ok("/before");
	fixture_rotate();
	ck_assert(local_enclave_clear_log(fixture.enclave));
	/* Strictly, to learn, strictly: the key is another one each time. */
	enclave_client_request_set_trace(request, rotate_when_accepted, NULL);
	fixture_expect(enclave_client_request(fixture.client, FIXTURE_NAME,
			   request, &response, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_ptr_null(response);
	ck_assert_uint_eq(
	    local_enclave_count(fixture.enclave, "client_hello"), 3);
	ck_assert_uint_eq(fixture_requests(), 0);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(prepared_request_makes_three_connections_at_most)
{
	struct enclave_client_request *request = new_request("GET", "/x");

	fixture_client(NULL, "", false);
	enclave_client_request_set_trace(request, rotate_when_accepted, NULL);
	fixture_expect(
	    run_prepared(request), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_uint_le(
	    local_enclave_count(fixture.enclave, "client_hello"), 3);
	ck_assert_uint_eq(fixture_requests(), 0);
	enclave_client_request_free(request);
}
END_TEST

/* Descriptors of this process that are connected to the enclave. */
static size_t
connected_descriptors(void)
{
	size_t count = 0;

	for (int descriptor = 0; descriptor < 1024; descriptor++) {
		struct sockaddr_in peer = {0};
		socklen_t len = sizeof(peer);
		if (!getpeername(descriptor, (struct sockaddr *)&peer, &len) &&
		    peer.sin_family == AF_INET &&
		    ntohs(peer.sin_port) == local_enclave_port(fixture.enclave))
			count++;
	}
	return count;
}

START_TEST(connections_of_requests_are_closed_in_a_child)
{
	fixture_client(NULL, "", false);
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/learned-on");
	fixture_set("{\"keep_alive\":true}");
	/* Opened for the request itself. */
	fixture_get_ok("/strict");
	ck_assert_uint_eq(connected_descriptors(), 1);
	sockets_close_inherited(fixture.client->transport.sockets);
	ck_assert_uint_eq(connected_descriptors(), 0);
}
END_TEST

/* An event callback that ends the client, once it has seen its kind. */
static struct {
	enum enclave_client_event_kind kind;
	_Atomic(struct enclave_client *) client;
	atomic_bool begun;
	atomic_bool ended;
} ending;

static void
end_from_event(const struct enclave_client_event *event, void *context)
{
	struct enclave_client *client;

	(void)context;
	if (event->kind != ending.kind || atomic_exchange(&ending.begun, true))
		return;
	while (!(client = atomic_load(&ending.client)))
		(void)sched_yield();
	enclave_client_stop(client);
	enclave_client_free(client); /* forbidden: it only stops */
	atomic_store(&ending.ended, true);
}

/* Port 1 refuses; what it is told of comes from the poll thread, and what the
 * evidence is, from the verification thread. */
static const struct {
	enum enclave_client_event_kind kind;
	const char *map; /* NULL: the enclave's */
} endings[] = {
    {ENCLAVE_CLIENT_EVENT_ATTESTED, NULL},
    {ENCLAVE_CLIENT_EVENT_POLL_FAILED,
	"{\"enclaves\":{\"" FIXTURE_NAME
	"\":{\"url\":\"https://127.0.0.1:1\",\"pcrs\":{\"PCR0\":\"" NO_BUILD
	"\"}}}}"},
};

START_TEST(client_that_is_ended_from_its_own_event)
{
	const char *map =
	    endings[_i].map ? endings[_i].map : fixture_map(NULL, "");
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;

	ending.kind = endings[_i].kind;
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_insecure_allowed(config, true);
	enclave_client_config_set_insecure_nitro_root_file(
	    config, local_enclave_text(fixture.enclave, "nitro_root"));
	enclave_client_config_set_ca_file(
	    config, local_enclave_text(fixture.enclave, "web_ca"));
	enclave_client_config_set_event_callback(config, end_from_event, NULL);
	ck_assert_int_eq(enclave_client_config_load_text(
			     config, map, strlen(map), fixture.error),
	    0);
	ck_assert_int_eq(
	    client_new(config, &fixture.clock, &client, fixture.error), 0);
	enclave_client_config_free(config);
	atomic_store(&ending.client, client);
	while (!atomic_load(&ending.ended))
		(void)sched_yield();
	fixture.client = client;
	ck_assert_int_eq(fixture_get("/after"), ENCLAVE_CLIENT_ERR_CANCELLED);
	/* From here it may be waited for; the teardown frees it. */
	enclave_client_stop(client);
}
END_TEST

/* Waiting for all, while the map changes. */

static const char *
map_with(const char *first, const char *last)
{
	static char map[2048];

	ck_assert(snprintf(map, sizeof(map),
		      "{\"enclaves\":{%s\"" FIXTURE_NAME
		      "\":{\"url\":\"%s\",\"pcrs\":{\"PCR0\":\"%s\"}}%s}}",
		      first, local_enclave_url(fixture.enclave),
		      local_enclave_pcr(fixture.enclave, "0"),
		      last) < (int)sizeof(map));
	return map;
}

#define COLD_AT(url)                                                           \
	"{\"url\":\"" url "\",\"pcrs\":{\"PCR0\":\"" NO_BUILD "\"}}"

/* Nobody listens there. */
#define COLD_FIRST "\"a-cold\":" COLD_AT("https://127.0.0.1:1") ","
#define COLD_LAST  ",\"z-cold\":" COLD_AT("https://127.0.0.1:1")

struct waiting_for_all {
	pthread_t thread;
	int64_t timeout_ms;
	enum enclave_client_status status;
};

static void *
wait_for_all(void *context)
{
	struct waiting_for_all *waiting = context;

	waiting->status = enclave_client_wait(
	    fixture.client, NULL, waiting->timeout_ms, NULL);
	return NULL;
}

/* It is in the call, and most likely asleep there. */
static void
start_waiting(struct waiting_for_all *waiting)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	bool in = false;

	ck_assert_int_eq(
	    pthread_create(&waiting->thread, NULL, wait_for_all, waiting), 0);
	while (!in) {
		(void)pthread_mutex_lock(&fixture.client->mutex);
		in = fixture.client->calls != NULL;
		(void)pthread_mutex_unlock(&fixture.client->mutex);
		(void)nanosleep(&pause, NULL);
	}
}

START_TEST(waiting_for_all_waits_for_what_was_added_meanwhile)
{
	struct waiting_for_all waiting = {.timeout_ms = 3000};

	fixture_client_with_map(map_with("", ""), false);
	start_waiting(&waiting);
	fixture_update_map(map_with(COLD_FIRST, ""));
	fixture_get_ok("/learns");
	(void)pthread_join(waiting.thread, NULL);
	ck_assert_int_eq(waiting.status, ENCLAVE_CLIENT_ERR_TIMEOUT);
}
END_TEST

START_TEST(waiting_for_all_does_not_wait_for_what_was_removed)
{
	struct waiting_for_all waiting = {.timeout_ms = 30000};

	fixture_client_with_map(map_with("", COLD_LAST), false);
	fixture_get_ok("/learns");
	start_waiting(&waiting);
	fixture_update_map(map_with("", ""));
	(void)pthread_join(waiting.thread, NULL);
	ck_assert_int_eq(waiting.status, ENCLAVE_CLIENT_OK);
}
END_TEST

static void
wait_for_failed_polls(uint64_t count)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	uint64_t failed = 0;

	for (int i = 0; i < 500 && failed < count; i++) {
		struct enclave_client_report *report = NULL;

		ck_assert_int_eq(enclave_client_report(fixture.client,
				     FIXTURE_NAME, &report, fixture.error),
		    0);
		failed =
		    enclave_client_report_at(report, 0)->counters.polls_failed;
		enclave_client_report_free(report);
		(void)nanosleep(&pause, NULL);
	}
	ck_assert_uint_eq(failed, count);
}

START_TEST(who_waits_is_not_kept_by_the_pause_after_failures)
{
	fixture_set("{\"evidence\":\"empty\"}");
	fixture_client(NULL, "", true);
	for (uint64_t i = 1; i <= 3; i++) {
		wait_for_failed_polls(i);
		fixture_advance_ms(i < 3 ? 25000 : 11000);
	}
	fixture_set("{\"evidence\":\"good\"}");
	/* Who only asks makes nobody hurry. */
	fixture_expect(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, NULL);
	/* 40 seconds of pause less a tenth, less 11: 25 are left of it. */
	fixture_expect(
	    enclave_client_wait(fixture.client, NULL, 15000, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lifetimes");
	TCase *tcase = tcase_create("lifetimes");
	SRunner *runner;
	int failed;

	/* The scripted server's writes may meet a client that is gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, trailers_do_not_change_the_header_text);
	tcase_add_test(
	    tcase, connections_that_die_idle_are_replaced_however_many);
	tcase_add_test(tcase, nothing_is_left_to_wake_once_a_call_is_over);
	tcase_add_test(tcase, trailers_of_a_redirect_are_no_headers);
	tcase_add_test(tcase, trailers_of_a_417_are_no_headers);
	tcase_add_test(tcase, header_text_after_a_417_is_that_of_the_answer);
	tcase_add_test(tcase, trace_taken_away_while_a_stream_flows);
	tcase_add_test(tcase, cookies_taken_away_while_a_stream_flows);
	tcase_add_test(tcase, body_replaced_while_it_is_sent);
	tcase_add_test(tcase, request_from_the_event_that_attests);
	tcase_add_test(
	    tcase, request_from_the_event_that_refuses_waits_for_nobody);
	tcase_add_test(tcase, request_makes_three_connections_at_most);
	tcase_add_test(tcase, warm_request_makes_three_connections_at_most);
	tcase_add_test(tcase, prepared_request_makes_three_connections_at_most);
	tcase_add_test(tcase, prepared_redirect_connects_to_no_other_origin);
	tcase_add_test(
	    tcase, prepared_redirect_connects_to_no_known_origin_either);
	tcase_add_test(tcase, handle_that_nobody_wants_for_long_is_closed);
	tcase_add_test(tcase, connections_of_requests_are_closed_in_a_child);
	tcase_add_test(
	    tcase, waiting_for_all_waits_for_what_was_added_meanwhile);
	tcase_add_test(
	    tcase, waiting_for_all_does_not_wait_for_what_was_removed);
	tcase_add_test(
	    tcase, who_waits_is_not_kept_by_the_pause_after_failures);
	tcase_add_loop_test(tcase, client_that_is_ended_from_its_own_event, 0,
	    (int)(sizeof(endings) / sizeof(endings[0])));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
