/*
 * Torture of the first call in a forked child: where memory is too short to
 * make the client the child's own the call fails, nothing of the parent's is
 * touched, and the same call works once there is memory.
 */
#include <enclave_client_curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/failing_calls.h"
#include "integration/fixture.h"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define CHILD_TIMEOUT_S 30
/* Far more than any verb needs. */
#define CALLS_MAX 2000

/* What a child says by its exit status. */
enum {
	CHILD_DONE = 0,      /* nothing failed any more, and it worked */
	CHILD_FAILED = 1,    /* cleanly, and it worked the next time */
	CHILD_WENT_ON = 2,   /* without what failed */
	CHILD_NEVER = 3,     /* nothing failed, and it did not work */
	CHILD_NOT_AGAIN = 4, /* it did not work the next time */
};

static enum enclave_client_status
get(void)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status =
	    enclave_client_request_new("GET", "/child", &request);

	if (!status)
		status = enclave_client_request(fixture.client, FIXTURE_NAME,
		    request, &response, fixture.error);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

static enum enclave_client_status
prepare(void)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_transfer *transfer = NULL;
	enum enclave_client_status status =
	    enclave_client_request_new("GET", "/child", &request);

	if (!status)
		status = enclave_client_prepare(fixture.client, FIXTURE_NAME,
		    request, &transfer, fixture.error);
	enclave_client_transfer_free(transfer);
	enclave_client_request_free(request);
	return status;
}

static enum enclave_client_status
report(void)
{
	struct enclave_client_report *made = NULL;
	enum enclave_client_status status =
	    enclave_client_report(fixture.client, NULL, &made, fixture.error);

	enclave_client_report_free(made);
	return status;
}

static enum enclave_client_status
find(void)
{
	char *name = NULL;
	enum enclave_client_status status = enclave_client_find(fixture.client,
	    local_enclave_url(fixture.enclave), &name, fixture.error);

	free(name);
	return status;
}

static enum enclave_client_status
update(void)
{
	return enclave_client_update(
	    fixture.client, fixture.config, fixture.error);
}

static enum enclave_client_status
wait_for_it(void)
{
	return enclave_client_wait(
	    fixture.client, FIXTURE_NAME, 0, fixture.error);
}

static enum enclave_client_status
attach(void)
{
	CURL *easy = curl_easy_init();
	struct enclave_client_curl *attachment = NULL;
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_MEMORY;

	if (easy)
		status = enclave_client_curl_attach(
		    fixture.client, easy, NULL, &attachment, fixture.error);
	enclave_client_curl_detach(attachment);
	curl_easy_cleanup(easy);
	return status;
}

static const struct {
	const char *sentence;
	enum enclave_client_status (*call)(void);
} verbs[] = {
    {"a request", get},
    {"preparing one", prepare},
    {"a report", report},
    {"finding a name", find},
    {"another map", update},
    {"waiting", wait_for_it},
    {"attaching", attach},
};

static void
end_child(int signal_number)
{
	(void)signal_number;
	_exit(99);
}

static int
work(enum enclave_client_status (*call)(void), size_t nth)
{
	enum enclave_client_status status;

	failing_calls_arm(nth);
	status = call();
	if (!failing_calls_disarm())
		return status ? CHILD_NEVER : CHILD_DONE;
	if (!status)
		return CHILD_WENT_ON;
	return call() ? CHILD_NOT_AGAIN : CHILD_FAILED;
}

static int
in_child(enum enclave_client_status (*call)(void), size_t nth)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		/* A child that hangs says so by itself. */
		(void)signal(SIGALRM, end_child);
		(void)alarm(CHILD_TIMEOUT_S);
		fixture_end_child(work(call, nth));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

START_TEST(a_child_without_memory_tries_again)
{
	int result = CHILD_FAILED;
	size_t nth = 1;

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	for (; result != CHILD_DONE && nth < CALLS_MAX; nth++) {
		result = in_child(verbs[_i].call, nth);
		ck_assert_msg(result <= CHILD_WENT_ON, "%s, call %zu: %d",
		    verbs[_i].sentence, nth, result);
	}
	ck_assert_int_eq(result, CHILD_DONE);
	ck_assert_uint_gt(nth, 10);
	fixture_get_ok("/parent");
}
END_TEST

/* The parent's is left as it lies; that the child ends well is all. */
static enum enclave_client_status
free_client(void)
{
	enclave_client_free(fixture.client);
	return ENCLAVE_CLIENT_OK;
}

START_TEST(a_child_without_memory_frees_nothing_that_is_its_parents)
{
	int result = CHILD_FAILED;
	size_t nth = 1;

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	for (; result != CHILD_DONE && nth < CALLS_MAX; nth++) {
		result = in_child(free_client, nth);
		ck_assert_msg(result == CHILD_DONE || result == CHILD_WENT_ON,
		    "call %zu: %d", nth, result);
	}
	ck_assert_uint_gt(nth, 10);
	fixture_get_ok("/parent");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("torture-fork");
	TCase *tcase = tcase_create("torture-fork");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(
	    tcase, a_child_without_memory_tries_again, 0, COUNT(verbs));
	tcase_add_test(
	    tcase, a_child_without_memory_frees_nothing_that_is_its_parents);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
