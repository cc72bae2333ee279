/*
 * A server that forks: parent and child share a client that was made before,
 * with requests, polls and attached handles under way.  Whatever a child finds
 * wrong it tells by its exit status.
 */
#include <curl/curl.h>
#include <dirent.h>
#include <enclave_client_curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "integration/fixture.h"

#include "client/request.h"

#define CHILD_TIMEOUT_S 30
#define BUSY_THREADS    4
#define FORKS           12

/* Of a daemon's child. */
#define DESCRIPTORS_FIRST 3
#define DESCRIPTORS_END   64

#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#endif

/* What a child is asked to do; 0 is good, anything else says where not. */
typedef int child_work(void *context);

static void
end_child(int signal_number)
{
	(void)signal_number;
	_exit(99);
}

static pid_t
fork_when_quiet(void)
{
#ifdef __SANITIZE_ADDRESS__
	/* Other threads asleep: see add_cases_with_threads(). */
	const struct timespec pause = {.tv_nsec = 300000000};
	(void)nanosleep(&pause, NULL);
#endif
	return fork();
}

static pid_t
start_child(child_work *work, void *context)
{
	pid_t pid = fork_when_quiet();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	/* A child that hangs says so by itself. */
	(void)signal(SIGALRM, end_child);
	(void)alarm(CHILD_TIMEOUT_S);
	fixture_end_child(work(context));
}

static int
wait_child(pid_t pid)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return 1000 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int
run_child(child_work *work, void *context)
{
	return wait_child(start_child(work, context));
}

/* Without Check's assertions, which belong to the parent. */
static enum enclave_client_status
get(const char *path)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status =
	    enclave_client_request_new("GET", path, &request);

	if (!status)
		status = enclave_client_request(
		    fixture.client, FIXTURE_NAME, request, &response, NULL);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

static int
work_get(void *context)
{
	(void)context;
	return get("/child") ? 1 : 0;
}

static int
work_get_and_free(void *context)
{
	(void)context;
	if (get("/child"))
		return 1;
	enclave_client_free(fixture.client);
	return 0;
}

static int
work_free(void *context)
{
	(void)context;
	enclave_client_free(fixture.client);
	return 0;
}

static void
nap_ms(int delay_ms)
{
	const struct timespec pause = {
	    .tv_sec = delay_ms / 1000,
	    .tv_nsec = delay_ms % 1000 * 1000000L,
	};

	(void)nanosleep(&pause, NULL);
}

static int
work_wait_for_poll(void *context)
{
	size_t polls = local_enclave_count(fixture.enclave, "evidence");

	(void)context;
	/* The first entry starts the child's own thread. */
	if (enclave_client_wait(fixture.client, NULL, 5000, NULL))
		return 1;
	/* The parent's evidence is as good as a poll of the child's. */
	nap_ms(1000);
	if (local_enclave_count(fixture.enclave, "evidence") != polls)
		return 2;
	/* The evidence nears its end: only a poll renews it in time. */
	fixture_advance_ms(50000);
	for (int i = 0; i < 500; i++) {
		if (local_enclave_count(fixture.enclave, "evidence") > polls)
			return 0;
		nap_ms(20);
	}
	return 3;
}

/* What only ends something starts no thread; what comes next does. */
static int
work_end_and_wait_for_poll(void *context)
{
	enclave_client_response_free(context);
	return work_wait_for_poll(NULL);
}

static int
work_grandchild(void *context)
{
	pid_t pid;
	int status = 0;

	(void)context;
	if (get("/child"))
		return 1;
	pid = fork_when_quiet();
	if (pid == 0)
		fixture_end_child(get("/grandchild") ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 2;
	return get("/child-again") ? 3 : 0;
}

static int
work_refused(void *context)
{
	(void)context;
	return get("/child") == ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED ? 0 : 1;
}

START_TEST(the_child_keeps_the_evidence)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	ck_assert_uint_eq(fixture_evidence(), 1);
	ck_assert_int_eq(run_child(work_get, NULL), 0);
	/* Strictly, on a connection of its own, and without asking again. */
	ck_assert_uint_eq(fixture_evidence(), 1);
	ck_assert_uint_eq(fixture_connections(), 2);
}
END_TEST

START_TEST(a_cold_child_learns_by_itself)
{
	fixture_client(NULL, "", false);
	ck_assert_int_eq(run_child(work_get, NULL), 0);
	ck_assert_uint_eq(fixture_evidence(), 1);
	fixture_get_ok("/parent");
	ck_assert_uint_eq(fixture_evidence(), 2);
}
END_TEST

static void
parent_keeps_its_connection_after(child_work *work)
{
	size_t connections;

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	connections = fixture_connections();
	ck_assert_int_eq(run_child(work, NULL), 0);
	connections = fixture_connections() - connections;
	fixture_get_ok("/parent-again");
	fixture_get_ok("/parent-again");
	/* One of the child's at most, and none more of the parent's. */
	ck_assert_uint_le(connections, 1);
	ck_assert_uint_eq(fixture_connections(), 1 + connections);
}

START_TEST(the_parents_connections_survive_a_childs_use)
{
	parent_keeps_its_connection_after(work_get_and_free);
}
END_TEST

START_TEST(the_parents_connections_survive_a_childs_free)
{
	parent_keeps_its_connection_after(work_free);
}
END_TEST

START_TEST(the_child_polls_with_a_thread_of_its_own)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	ck_assert_int_eq(run_child(work_wait_for_poll, NULL), 0);
}
END_TEST

START_TEST(the_child_polls_after_a_first_call_that_ends_something)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, ",\"max_age_ms\":60000", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/bytes/3000000", &request), 0);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	ck_assert_int_eq(run_child(work_end_and_wait_for_poll, response), 0);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

START_TEST(a_child_of_a_child_works)
{
	fixture_client(NULL, "", true);
	fixture_get_ok("/parent");
	ck_assert_int_eq(run_child(work_grandchild, NULL), 0);
	fixture_get_ok("/parent-again");
}
END_TEST

START_TEST(a_child_refuses_what_its_parent_would)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	fixture_set("{\"evidence\":\"other-key\"}");
	fixture_rotate();
	ck_assert_int_eq(run_child(work_refused, NULL), 0);
	ck_assert(!fixture_saw("/child"));
}
END_TEST

static int
work_stopped(void *context)
{
	(void)context;
	return get("/child") == ENCLAVE_CLIENT_ERR_CANCELLED ? 0 : 1;
}

START_TEST(a_stopped_client_stays_stopped_in_the_child)
{
	fixture_client(NULL, "", true);
	enclave_client_stop(fixture.client);
	ck_assert_int_eq(run_child(work_stopped, NULL), 0);
}
END_TEST

/* Requests in flight. */

#ifndef __SANITIZE_ADDRESS__
struct server {
	_Atomic bool stop;
	_Atomic size_t failed;
	_Atomic size_t done;
	pthread_t threads[BUSY_THREADS];
};

static void *
serve(void *context)
{
	struct server *server = context;

	while (!server->stop) {
		if (get("/delay/5"))
			server->failed++;
		else
			server->done++;
	}
	return NULL;
}

START_TEST(a_forking_server_with_requests_in_flight)
{
	struct server server = {0};
	pid_t children[FORKS];
	const struct timespec pause = {.tv_nsec = 30000000};

	fixture_client(NULL, ",\"poll_interval_ms\":10000", true);
	fixture_get_ok("/parent");
	for (int i = 0; i < BUSY_THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&server.threads[i], NULL, serve, &server),
		    0);
	for (int i = 0; i < FORKS; i++) {
		(void)nanosleep(&pause, NULL);
		children[i] =
		    start_child(i % 2 ? work_get_and_free : work_get, NULL);
	}
	for (int i = 0; i < FORKS; i++)
		ck_assert_int_eq(wait_child(children[i]), 0);
	server.stop = true;
	for (int i = 0; i < BUSY_THREADS; i++)
		(void)pthread_join(server.threads[i], NULL);
	ck_assert_uint_eq(server.failed, 0);
	ck_assert_uint_gt(server.done, FORKS);
	fixture_get_ok("/parent-again");
}
END_TEST
#endif

static void *
wait_long(void *context)
{
	(void)context;
	(void)get("/never");
	return NULL;
}

static int
work_free_and_linger(void *context)
{
	char go = 0;
	const int *pipes = context;

	enclave_client_free(fixture.client);
	return read(pipes[0], &go, 1) == 1 ? 0 : 1;
}

START_TEST(a_child_holds_no_connection_of_its_parent_open)
{
	pthread_t thread;
	int pipes[2];
	pid_t child;

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_long, NULL), 0);
	ck_assert(local_enclave_wait_for(
	    fixture.enclave, "request_started", 3, 10000));
	ck_assert_int_eq(pipe(pipes), 0);
	child = start_child(work_free_and_linger, pipes);
	enclave_client_stop(fixture.client);
	(void)pthread_join(thread, NULL);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	/* Only when nobody has it open does the server see its end. */
	ck_assert(local_enclave_wait_for(fixture.enclave, "closed", 1, 10000));
	ck_assert_int_eq(write(pipes[1], "g", 1), 1);
	ck_assert_int_eq(wait_child(child), 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}
END_TEST

/* What a daemon does: it closes all that it inherits and opens its own. */
static int
work_as_daemon(void *context)
{
	char *name = NULL;
	const char *url = context;

	for (int i = DESCRIPTORS_FIRST; i < DESCRIPTORS_END; i++)
		(void)close(i);
	for (int i = DESCRIPTORS_FIRST; i < DESCRIPTORS_END; i++)
		if (socket(AF_UNIX, SOCK_STREAM, 0) != i)
			return 1;
	if (enclave_client_find(fixture.client, url, &name, NULL))
		return 2;
	free(name);
	for (int i = DESCRIPTORS_FIRST; i < DESCRIPTORS_END; i++)
		if (fcntl(i, F_GETFD) < 0)
			return 3;
	return 0;
}

START_TEST(a_child_keeps_the_descriptors_that_are_its_own)
{
	char url[64];

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	(void)snprintf(url, sizeof(url), "https://localhost:%d/",
	    local_enclave_port(fixture.enclave));
	ck_assert_int_eq(run_child(work_as_daemon, url), 0);
}
END_TEST

/* Cookies that another thread is using at the fork: it reads a file that gives
 * nothing yet. */

struct reading {
	struct enclave_client_cookies *cookies;
	char path[96];
};

static void *
read_cookies(void *context)
{
	struct reading *reading = context;

	return enclave_client_cookies_load_file(
		   reading->cookies, reading->path, false, NULL)
		   ? context
		   : NULL;
}

static int
work_cookies(void *context)
{
	struct reading *reading = context;

	return (int)enclave_client_cookies_load_file(
	    reading->cookies, "/dev/null", false, NULL);
}

START_TEST(cookies_can_be_used_whoever_held_them_at_the_fork)
{
	struct reading reading = {.cookies = NULL};
	pthread_t thread;
	void *failed = NULL;
	int writer;

	ck_assert_int_eq(enclave_client_cookies_new(&reading.cookies), 0);
	(void)snprintf(
	    reading.path, sizeof(reading.path), "%s/cookies", fixture.state);
	ck_assert_int_eq(mkfifo(reading.path, 0600), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, read_cookies, &reading), 0);
	/* Opens once the other end is open. */
	writer = open(reading.path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	ck_assert_int_eq(run_child(work_cookies, &reading), 0);
	(void)close(writer);
	ck_assert_int_eq(pthread_join(thread, &failed), 0);
	ck_assert_ptr_null(failed);
	enclave_client_cookies_free(reading.cookies);
}
END_TEST

/* What was made before the fork and is used after it. */

static int
work_read_stream(void *context)
{
	struct enclave_client_response *response = context;
	char buffer[256];
	size_t len = 0;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	/* What had come already may still be read. */
	for (int i = 0; i < 1000 && !status; i++)
		status = enclave_client_response_read(
		    response, buffer, sizeof(buffer), &len, NULL);
	if (status != ENCLAVE_CLIENT_ERR_USAGE)
		return 1;
	enclave_client_response_free(response);
	return get("/child") ? 2 : 0;
}

START_TEST(a_stream_is_the_processs_that_opened_it)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	char buffer[4096];
	size_t len = 1;
	size_t total = 0;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/bytes/3000000", &request), 0);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	ck_assert_int_eq(run_child(work_read_stream, response), 0);
	while (len) {
		ck_assert_msg(enclave_client_response_read(response, buffer,
				  sizeof(buffer), &len, fixture.error) == 0,
		    "%s", enclave_client_error_message(fixture.error));
		total += len;
	}
	ck_assert_uint_eq(total, 3000000);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

static size_t
discard(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

struct attached {
	CURL *easy;
	struct enclave_client_curl *attachment;
};

static int
work_attached(void *context)
{
	struct attached *attached = context;

	/* The pooled connection is the parent's: nothing is sent on it. */
	if (enclave_client_curl_perform(attached->attachment, NULL) !=
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED)
		return 1;
	/* A connection of the child's own passes. */
	if (enclave_client_curl_perform(attached->attachment, NULL))
		return 2;
	enclave_client_curl_detach(attached->attachment);
	return 0;
}

START_TEST(an_attached_handle_sends_nothing_on_its_parents_connection)
{
	struct attached attached = {.easy = curl_easy_init()};
	char url[256];

	fixture_client(NULL, "", true);
	fixture_get_ok("/parent");
	ck_assert_ptr_nonnull(attached.easy);
	ck_assert(snprintf(url, sizeof(url), "%s/attached",
		      local_enclave_url(fixture.enclave)) < (int)sizeof(url));
	(void)curl_easy_setopt(attached.easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(attached.easy, CURLOPT_CAINFO,
	    local_enclave_text(fixture.enclave, "web_ca"));
	(void)curl_easy_setopt(attached.easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(attached.easy, CURLOPT_WRITEFUNCTION, discard);
	ck_assert_int_eq(
	    enclave_client_curl_attach(fixture.client, attached.easy, NULL,
		&attached.attachment, fixture.error),
	    0);
	ck_assert_int_eq(
	    enclave_client_curl_perform(attached.attachment, fixture.error), 0);
	ck_assert_int_eq(run_child(work_attached, &attached), 0);
	ck_assert_int_eq(
	    enclave_client_curl_perform(attached.attachment, fixture.error), 0);
	enclave_client_curl_detach(attached.attachment);
	curl_easy_cleanup(attached.easy);
}
END_TEST

static int
work_cancel(void *context)
{
	enclave_client_request_cancel(context);
	return 0;
}

/* What its parent's threads may have held is made anew. */
static int
work_with_an_inherited_request(void *context)
{
	struct enclave_client_request *request = context;
	struct enclave_client_response *response = NULL;

	if (enclave_client_request(
		fixture.client, FIXTURE_NAME, request, &response, NULL))
		return 1;
	enclave_client_response_free(response);
	return atomic_load(&request->waker->owner) == getpid() ? 0 : 2;
}

START_TEST(a_request_that_was_inherited_is_the_childs)
{
	struct enclave_client_request *request = NULL;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/inherited", &request), 0);
	/* Another's lock that is never given back. */
	ck_assert_int_eq(pthread_mutex_lock(&request->waker->mutex), 0);
	ck_assert_int_eq(run_child(work_with_an_inherited_request, request), 0);
	ck_assert_int_eq(pthread_mutex_unlock(&request->waker->mutex), 0);
	enclave_client_request_free(request);
}
END_TEST

struct waiting {
	struct enclave_client_request *request;
	enum enclave_client_status status;
};

static void *
wait_for_answer(void *context)
{
	struct waiting *waiting = context;
	struct enclave_client_response *response = NULL;

	waiting->status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, waiting->request, &response, NULL);
	enclave_client_response_free(response);
	return NULL;
}

START_TEST(a_child_that_cancels_does_not_wake_its_parent)
{
	struct waiting waiting = {0};
	pthread_t thread;

	fixture_client(NULL, "", false);
	fixture_get_ok("/parent");
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/delay/500", &waiting.request),
	    0);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, wait_for_answer, &waiting), 0);
	ck_assert(local_enclave_wait_for(
	    fixture.enclave, "request_started", 3, 10000));
	ck_assert_int_eq(run_child(work_cancel, waiting.request), 0);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(waiting.status, ENCLAVE_CLIENT_OK);
	enclave_client_request_free(waiting.request);
}
END_TEST

/* Threads of the child that come at once: one adopts, the others wait. */

static void *
get_once(void *context)
{
	_Atomic int *failed = context;

	if (get("/child"))
		(*failed)++;
	return NULL;
}

static int
work_threads(void *context)
{
	_Atomic int failed = 0;
	pthread_t threads[BUSY_THREADS];

	(void)context;
	for (int i = 0; i < BUSY_THREADS; i++)
		if (pthread_create(&threads[i], NULL, get_once, &failed))
			return 1;
	for (int i = 0; i < BUSY_THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return failed ? 2 : 0;
}

START_TEST(threads_of_a_child_come_at_once)
{
	fixture_client(NULL, "", true);
	fixture_get_ok("/parent");
	ck_assert_int_eq(run_child(work_threads, NULL), 0);
}
END_TEST

/*
 * Not for sanitizers that do not follow into a child: the thread sanitizer
 * takes its list of threads along and finds each new one in it; the address
 * sanitizer's allocator takes its locks along, held by threads that are not
 * there.
 */
static void
add_cases_with_threads(TCase *cases)
{
#ifndef __SANITIZE_THREAD__
	tcase_add_test(cases, the_child_polls_with_a_thread_of_its_own);
	tcase_add_test(
	    cases, the_child_polls_after_a_first_call_that_ends_something);
	tcase_add_test(cases, a_child_of_a_child_works);
	tcase_add_test(
	    cases, an_attached_handle_sends_nothing_on_its_parents_connection);
	tcase_add_test(cases, threads_of_a_child_come_at_once);
	tcase_add_test(
	    cases, cookies_can_be_used_whoever_held_them_at_the_fork);
	tcase_add_test(cases, a_request_that_was_inherited_is_the_childs);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(cases, a_forking_server_with_requests_in_flight);
#endif
#else
	(void)cases;
#endif
}

static Suite *
fork_suite(void)
{
	const TTest *tests[] = {
	    the_child_keeps_the_evidence,
	    a_cold_child_learns_by_itself,
	    the_parents_connections_survive_a_childs_use,
	    the_parents_connections_survive_a_childs_free,
	    a_child_refuses_what_its_parent_would,
	    a_stopped_client_stays_stopped_in_the_child,
	    a_child_holds_no_connection_of_its_parent_open,
	    a_child_keeps_the_descriptors_that_are_its_own,
	    a_stream_is_the_processs_that_opened_it,
	    a_child_that_cancels_does_not_wake_its_parent,
	};
	Suite *suite = suite_create("fork");
	TCase *cases = tcase_create("fork");

	tcase_add_checked_fixture(cases, fixture_setup, fixture_teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	add_cases_with_threads(cases);
	suite_add_tcase(suite, cases);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(fork_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
