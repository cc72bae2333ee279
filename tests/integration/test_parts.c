/*
 * The parts of a form with files: each piece is judged as any other body's,
 * failures of callers' callbacks are named, and a redirect sends them again.
 */
#include <stdio.h>
#include <string.h>

#include "integration/fixture.h"
#include "integration/scripted.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PIECE_BYTES 1000

static struct enclave_client_request *request;
static struct enclave_client_response *response;

/* A part's contents, given in pieces of one letter each. */
struct source {
	size_t pieces;
	size_t given;
	int64_t fault;    /* what the read gives instead; 0: nothing is wrong */
	size_t refuse_at; /* the piece at which the policy changes; 0: none */
	unsigned int rewinds;
	bool rewind_fails;
};

static int64_t
give(void *buffer, size_t size, void *context)
{
	struct source *source = context;

	if (source->fault)
		return source->fault < 0 ? -1 : (int64_t)size + 1;
	if (source->given == source->pieces)
		return 0;
	source->given++;
	if (source->given == source->refuse_at)
		fixture_update(OTHER_PCR0, "");
	ck_assert_uint_ge(size, PIECE_BYTES);
	memset(buffer, source->given == source->refuse_at ? 'v' : 'u',
	    PIECE_BYTES);
	return PIECE_BYTES;
}

static bool
start_again(void *context)
{
	struct source *source = context;

	source->given = 0;
	source->rewinds++;
	return !source->rewind_fails;
}

static void
add_source(struct source *source, bool rewinds)
{
	const struct enclave_client_part part = {
	    .name = "file",
	    .file_name = "a.bin",
	    .body = {give, rewinds ? start_again : NULL, -1, source},
	};

	enclave_client_request_add_part(request, &part);
}

static void
add_text(const char *text)
{
	const struct enclave_client_part part = {
	    .name = "text", .data = text, .len = strlen(text)};

	enclave_client_request_add_part(request, &part);
}

static void
begin(const char *target)
{
	ck_assert_int_eq(
	    enclave_client_request_new("POST", target, &request), 0);
	enclave_client_request_set_redirects_max(request, 3);
}

static enum enclave_client_status
send_form(void)
{
	return enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);
}

static void
setup(void)
{
	fixture_setup();
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	request = NULL;
	response = NULL;
}

static void
teardown(void)
{
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	fixture_teardown();
}

/* Not even the piece that was being made when it happened. */
START_TEST(parts_stop_when_the_policy_changes)
{
	struct source source = {.pieces = 9, .refuse_at = (size_t)_i};

	begin("/upload");
	add_source(&source, true);
	fixture_expect(send_form(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_ptr_null(response);
	ck_assert_uint_eq(source.given, source.refuse_at);
	ck_assert(!fixture_saw("vvvvvvvv"));
}
END_TEST

static void
refuse_after_headers(enum enclave_client_trace_kind kind, const char *data,
    size_t len, void *context)
{
	bool *refused = context;

	(void)data, (void)len;
	if (kind != ENCLAVE_CLIENT_TRACE_HEADER_OUT || *refused)
		return;
	*refused = true;
	fixture_update(OTHER_PCR0, "");
}

/* More than libcurl reads at once, and nothing of the caller's is called. */
START_TEST(a_part_in_memory_stops_when_the_policy_changes)
{
	static char text[200001];
	bool refused = false;

	memset(text, 'w', sizeof(text) - 1);
	begin("/upload");
	add_text(text);
	enclave_client_request_set_trace(
	    request, refuse_after_headers, &refused);
	fixture_expect(send_form(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(refused);
	ck_assert_ptr_null(response);
	/* The one before alone became whole. */
	ck_assert_uint_eq(local_enclave_count(fixture.enclave, "request"), 1);
}
END_TEST

/* The last piece of one part; the text of the next is the library's own. */
START_TEST(a_part_that_follows_is_not_sent_either)
{
	struct source source = {.pieces = 1, .refuse_at = 1};

	begin("/upload");
	add_source(&source, true);
	add_text("wwwwwwww");
	fixture_expect(send_form(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("vvvvvvvv"));
	ck_assert(!fixture_saw("wwwwwwww"));
}
END_TEST

START_TEST(a_callback_that_fails_is_named)
{
	struct source source = {.fault = _i};

	begin("/upload");
	add_source(&source, true);
	fixture_expect(send_form(), ENCLAVE_CLIENT_ERR_BODY_CALLBACK, NULL);
	ck_assert_ptr_null(response);
}
END_TEST

START_TEST(a_redirect_sends_the_parts_again)
{
	struct source source = {.pieces = 3};
	size_t len = 0;

	begin("/redirect-307?to=/echo");
	add_source(&source, true);
	add_text("a text");
	fixture_expect(send_form(), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_uint_eq(source.rewinds, 1);
	ck_assert_uint_eq(source.given, 3);
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	ck_assert_ptr_nonnull(
	    strstr(enclave_client_response_body(response, &len), "a text"));
	ck_assert_uint_gt(len, 3 * PIECE_BYTES);
}
END_TEST

START_TEST(what_can_not_be_sent_again_is_not_half_sent)
{
	struct source source = {.pieces = 3, .rewind_fails = _i == 1};

	begin("/redirect-307?to=/echo");
	add_source(&source, _i == 1);
	ck_assert_int_ne(send_form(), ENCLAVE_CLIENT_OK);
	ck_assert_ptr_null(response);
	/* The one before, and the one that was redirected. */
	ck_assert_uint_eq(fixture_requests(), 2);
}
END_TEST

/*
 * A server that is redeployed while the form is on its way: libcurl tries again
 * on a new connection, whose key is learned, and the form starts again too.
 */
START_TEST(a_form_that_was_read_is_sent_whole_after_learning)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	const bool rewinds = _i == 0;
	struct source source = {.pieces = 3};
	struct scripted *server = scripted_new(fixture.state, answer);

	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture_client_with_map(fixture_map_at(scripted_url(server)), false);
	fixture_get_ok("/warm");
	scripted_turn_away(server);
	begin("/form");
	add_source(&source, rewinds);
	if (rewinds) {
		fixture_expect(send_form(), ENCLAVE_CLIENT_OK, NULL);
		ck_assert_uint_eq(source.rewinds, 1);
		ck_assert_uint_eq(source.given, 3);
		ck_assert_uint_gt(scripted_read_bytes(server), 3 * PIECE_BYTES);
	} else {
		ck_assert_int_ne(send_form(), ENCLAVE_CLIENT_OK);
	}
	scripted_free(server);
}
END_TEST

/* More than libcurl has room for at once. */
START_TEST(a_text_larger_than_a_buffer)
{
	static char text[200001];

	memset(text, 'x', sizeof(text) - 1);
	begin("/upload");
	add_text(text);
	add_text("");
	fixture_expect(send_form(), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	ck_assert_int_gt(enclave_client_response_info(
			     response, ENCLAVE_CLIENT_INFO_SIZE_UPLOAD_BYTES),
	    200000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parts");
	TCase *tcase = tcase_create("parts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, parts_stop_when_the_policy_changes, 1, 3);
	tcase_add_test(tcase, a_part_in_memory_stops_when_the_policy_changes);
	tcase_add_test(tcase, a_part_that_follows_is_not_sent_either);
	tcase_add_loop_test(tcase, a_callback_that_fails_is_named, -1, 0);
	tcase_add_loop_test(tcase, a_callback_that_fails_is_named, 1, 2);
	tcase_add_test(tcase, a_redirect_sends_the_parts_again);
	tcase_add_loop_test(
	    tcase, what_can_not_be_sent_again_is_not_half_sent, 0, 2);
	tcase_add_loop_test(
	    tcase, a_form_that_was_read_is_sent_whole_after_learning, 0, 2);
	tcase_add_test(tcase, a_text_larger_than_a_buffer);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
