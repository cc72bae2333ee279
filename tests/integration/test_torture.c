/*
 * Torture of requests: whichever one call below them fails, what comes back is
 * a clean error or the whole answer, never an acceptance of what is to be
 * refused, and nothing is left behind (the address sanitizer's build sees to
 * that).
 */
#include <string.h>

#include "integration/fixture.h"
#include "integration/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NO_ENCLAVE "{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}"
/* In every part of the request; for an enclave that is accepted alone. */
#define SECRET "c0ffee-secret"

/* What the scene's calls gave. */
static struct {
	struct enclave_client_request *request;
	struct enclave_client_response *response;
	struct enclave_client_cookies *cookies;
} given;

/* A client without polling that knows nothing of the enclave yet. */
static void
make_cold(void)
{
	if (!fixture.client)
		fixture_client_with_map(NO_ENCLAVE, false);
	/* A slot made anew has no evidence and no failure held against it. */
	fixture_update_map(NO_ENCLAVE);
	fixture_update(NULL, "");
}

/* Another PCR0 is wanted than the enclave has. */
static void
make_refused(void)
{
	make_cold();
	fixture_update(OTHER_PCR0, "");
}

static void
make_warm(void)
{
	make_cold();
	fixture_get_ok("/warm");
}

static void
trace(enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context)
{
	(void)kind, (void)data, (void)len, (void)context;
}

static enum enclave_client_status
post(void)
{
	enum enclave_client_status status =
	    enclave_client_request_new("POST", "/" SECRET, &given.request);

	if (status)
		return status;
	enclave_client_request_add_header(given.request, "X-Secret", SECRET);
	enclave_client_request_set_body(
	    given.request, SECRET, sizeof(SECRET) - 1);
	enclave_client_request_set_trace(given.request, trace, NULL);
	return enclave_client_request(fixture.client, FIXTURE_NAME,
	    given.request, &given.response, fixture.error);
}

static int64_t
read_part(void *buffer, size_t size, void *context)
{
	size_t *sent = context;
	size_t len = sizeof(SECRET) - 1 - *sent;

	if (len > size)
		len = size;
	memcpy(buffer, &SECRET[*sent], len);
	*sent += len;
	return (int64_t)len;
}

static bool
rewind_part(void *context)
{
	*(size_t *)context = 0;
	return true;
}

static void
add_parts(struct enclave_client_request *request, size_t *sent)
{
	const struct enclave_client_part parts[] = {
	    {.name = "first", .data = SECRET, .len = sizeof(SECRET) - 1},
	    {.name = "second",
		.file_name = "file",
		.content_type = "text/plain",
		.body = {read_part, rewind_part, sizeof(SECRET) - 1, sent}},
	};

	for (size_t i = 0; i < COUNT(parts); i++)
		enclave_client_request_add_part(request, &parts[i]);
}

/* Every wish that a request can have. */
static enum enclave_client_status
post_everything(void)
{
	size_t sent = 0;
	enum enclave_client_status status =
	    enclave_client_request_new("POST", "/" SECRET, &given.request);

	if (!status)
		status = enclave_client_cookies_new(&given.cookies);
	if (status)
		return status;
	enclave_client_request_set_user_agent(given.request, SECRET);
	enclave_client_request_set_referer(given.request, SECRET, true);
	enclave_client_request_set_range(given.request, "0-");
	enclave_client_request_set_basic_auth(given.request, SECRET, SECRET);
	enclave_client_request_set_compressed(given.request, true);
	enclave_client_request_set_expect_continue(given.request, true);
	enclave_client_request_set_redirects_max(given.request, 3);
	enclave_client_request_set_rate_max(given.request, 1 << 30, 1 << 30);
	enclave_client_request_set_cookie(given.request, "a=" SECRET);
	enclave_client_request_set_cookies(given.request, given.cookies);
	add_parts(given.request, &sent);
	return enclave_client_request(fixture.client, FIXTURE_NAME,
	    given.request, &given.response, fixture.error);
}

/* The answer in pieces, with a body of the caller's in a form. */
static enum enclave_client_status
stream(void)
{
	size_t sent = 0;
	const struct enclave_client_body body = {
	    read_part, rewind_part, -1, &sent};
	enum enclave_client_status status =
	    enclave_client_request_new("PUT", "/" SECRET, &given.request);
	char piece[64];
	size_t len = 1;

	if (status)
		return status;
	enclave_client_request_set_body_callback(given.request, &body);
	enclave_client_request_set_netrc(given.request, "/dev/null");
	status = enclave_client_open(fixture.client, FIXTURE_NAME,
	    given.request, &given.response, fixture.error);
	while (!status && len)
		status = enclave_client_response_read(
		    given.response, piece, sizeof(piece), &len, fixture.error);
	return status;
}

static bool
is_ok(void)
{
	return given.response &&
	       enclave_client_response_status(given.response) == 200;
}

/* What had come before the failure stays readable. */
static bool
anything(void)
{
	return true;
}

static bool
answer_is_whole(void)
{
	return given.response &&
	       enclave_client_response_status(given.response) == 200 &&
	       enclave_client_response_document(given.response) &&
	       strstr(
		   enclave_client_response_body(given.response, NULL), SECRET);
}

static bool
no_answer(void)
{
	return !given.response;
}

static void
clear(void)
{
	enclave_client_response_free(given.response);
	enclave_client_request_free(given.request);
	enclave_client_cookies_free(given.cookies);
	memset(&given, 0, sizeof(given));
}

static const struct torture_scene scenes[] = {
    {"a first request", make_cold, post, answer_is_whole, no_answer, clear, 100,
	false},
    {"a request on a warm connection", make_warm, post, answer_is_whole,
	no_answer, clear, 50, false},
    {"a first request with everything", make_cold, post_everything, is_ok,
	no_answer, clear, 100, false},
    {"an answer in pieces", make_warm, stream, is_ok, anything, clear, 50,
	false},
    {"a first request to an enclave that is refused", make_refused, post, NULL,
	no_answer, clear, 50, true},
};

START_TEST(whichever_call_fails_the_error_is_clean)
{
	torture_run(&scenes[_i]);
	ck_assert(local_enclave_log_contains(fixture.enclave, SECRET) !=
		  scenes[_i].refused);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("torture");
	TCase *tcase = tcase_create("torture");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(
	    tcase, whichever_call_fails_the_error_is_clean, 0, COUNT(scenes));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
