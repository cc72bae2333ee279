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
	memset(&given, 0, sizeof(given));
}

static const struct torture_scene scenes[] = {
    {"a first request", make_cold, post, answer_is_whole, no_answer, clear, 100,
	false},
    {"a request on a warm connection", make_warm, post, answer_is_whole,
	no_answer, clear, 50, false},
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
