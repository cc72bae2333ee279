/*
 * Torture of whole calls: whichever one call below them fails, what comes back
 * is a clean error or the whole answer, never an acceptance of what is to be
 * refused, and nothing is left behind (the address sanitizer's build sees to
 * that).
 *
 * Inside an armed scene nothing is asserted: Check allocates too.
 */
#include <string.h>

#include "integration/failing_calls.h"
#include "integration/fixture.h"
#include "integration/line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Far more than any scene needs. */
#define CALLS_MAX 5000
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
never(void)
{
	return false;
}

struct scene {
	const char *sentence;
	void (*prepare)(void);
	enum enclave_client_status (*call)(void);
	bool (*succeeded)(void); /* what OK promises */
	size_t calls_min;
};

static const struct scene scenes[] = {
    {"a first request", make_cold, post, answer_is_whole, 100},
    {"a request on a warm connection", make_warm, post, answer_is_whole, 50},
    {"a first request to an enclave that is refused", make_refused, post, never,
	50},
};

static void
clear(void)
{
	enclave_client_response_free(given.response);
	enclave_client_request_free(given.request);
	memset(&given, 0, sizeof(given));
}

static void
expect_clean(const struct scene *scene, size_t nth,
    enum enclave_client_status status, bool failed)
{
	const char *message = enclave_client_error_message(fixture.error);

	if (status == ENCLAVE_CLIENT_OK) {
		ck_assert_msg(scene->succeeded(), "%s, call %zu (%s): accepted",
		    scene->sentence, nth, failing_calls_name());
		return;
	}
	ck_assert_msg(failed || scene->succeeded == never, "%s: %s",
	    scene->sentence, message);
	ck_assert_ptr_null(given.response);
}

static void
run(const struct scene *scene)
{
	size_t nth = 1;
	bool failed = true;

	for (; failed && nth < CALLS_MAX; nth++) {
		enum enclave_client_status status;

		scene->prepare();
		failing_calls_arm(nth);
		status = scene->call();
		failed = failing_calls_disarm();
		expect_clean(scene, nth, status, failed);
		clear();
	}
	ck_assert_uint_lt(nth, CALLS_MAX);
	ck_assert_uint_gt(nth, scene->calls_min);
	ck_assert(local_enclave_log_contains(fixture.enclave, SECRET) ==
		  (scene->succeeded != never));
}

START_TEST(whichever_call_fails_the_error_is_clean)
{
	run(&scenes[_i]);
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
