/*
 * Stopping with a thousand transfers in flight: each on a connection of its
 * own, to a server that never says a word, or still with a resolver that hangs.
 */
#include <arpa/inet.h>
#include <check.h>
#include <dlfcn.h>
#include <enclave_client.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Sanitizers take the seconds that learning may have to start them. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define CONNECTING 100
#else
#define CONNECTING 1000
#endif
#define RESOLVING 8
#define CALLS     (CONNECTING + RESOLVING)
/* Of each call: what stops it must be stop. */
#define TIMEOUT_MS  300000
#define PATIENCE_MS 60000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t resolving;
static bool resolver_released;

static struct enclave_client *client;
static atomic_bool stopped;
static int listener;
static int accepted[CONNECTING];

/* In place of the C library's: names of "hang" wait, all others are here. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **ret_list)
{
	int (*next)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = NULL;

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!node || strncmp(node, "hang", 4) != 0)
		return next("127.0.0.1", service, hints, ret_list);
	(void)pthread_mutex_lock(&lock);
	resolving++;
	(void)pthread_cond_broadcast(&changed);
	while (!resolver_released)
		(void)pthread_cond_wait(&changed, &lock);
	resolving--;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	return EAI_FAIL;
}

static void
wait_resolving(size_t count)
{
	(void)pthread_mutex_lock(&lock);
	while (resolving != count)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static void
release_resolver(void)
{
	(void)pthread_mutex_lock(&lock);
	resolver_released = true;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	wait_resolving(0);
}

static int
listen_on_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, SOMAXCONN), 0);
	ck_assert_int_eq(
	    getsockname(listener, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/* The map has an enclave for each call. */
static struct enclave_client_config *
make_config(int port)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client_error *error = enclave_client_error_new();
	char *map = NULL;
	size_t len = 0;
	FILE *text = open_memstream(&map, &len);

	ck_assert_ptr_nonnull(text);
	(void)fprintf(text, "{\"enclaves\":{");
	for (int i = 0; i < CALLS; i++)
		(void)fprintf(text,
		    "%s\"%d\":{\"url\":\"https://%s%d.test:%d\","
		    "\"pcrs\":{\"PCR8\":\"%096d\"}}",
		    i ? "," : "", i, i < CONNECTING ? "e" : "hang", i, port, 8);
	(void)fprintf(text, "}}");
	ck_assert_int_eq(fclose(text), 0);
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_polling(config, false);
	enclave_client_config_set_proxy(config, "");
	ck_assert_msg(
	    enclave_client_config_load_text(config, map, len, error) == 0, "%s",
	    enclave_client_error_message(error));
	free(map);
	enclave_client_error_free(error);
	return config;
}

struct call {
	pthread_t thread;
	char name[16];
	enum enclave_client_status status;
	/* By learning's own timeout, on a machine that is too slow. */
	bool ended_before;
};

static void *
run_call(void *argument)
{
	struct call *call = argument;
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	call->status = enclave_client_request_new("GET", "/", &request);
	enclave_client_request_set_timeout_ms(request, TIMEOUT_MS);
	enclave_client_request_set_connect_timeout_ms(request, TIMEOUT_MS);
	if (!call->status)
		call->status = enclave_client_request(
		    client, call->name, request, &response, NULL);
	call->ended_before = !atomic_load(&stopped);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return NULL;
}

static void
start_calls(struct call *calls)
{
	for (int i = 0; i < CALLS; i++) {
		(void)snprintf(calls[i].name, sizeof(calls[i].name), "%d", i);
		ck_assert_int_eq(
		    pthread_create(&calls[i].thread, NULL, run_call, &calls[i]),
		    0);
	}
}

/* Every one of them has connected, and gets no answer. */
static void
accept_all(void)
{
	struct pollfd event = {.fd = listener, .events = POLLIN};

	for (int i = 0; i < CONNECTING; i++) {
		ck_assert_int_eq(poll(&event, 1, PATIENCE_MS), 1);
		accepted[i] = accept(listener, NULL, NULL);
		ck_assert_int_ge(accepted[i], 0);
	}
}

static double
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

START_TEST(a_thousand_transfers_end_with_the_client)
{
	static struct call calls[CALLS];
	struct enclave_client_config *config =
	    make_config(listen_on_loopback());
	double start_ms;
	int ended = 0;

	ck_assert_int_eq(enclave_client_new(config, &client, NULL), 0);
	enclave_client_config_free(config);
	start_calls(calls);
	accept_all();
	wait_resolving(RESOLVING);
	start_ms = now_ms();
	atomic_store(&stopped, true);
	enclave_client_stop(client);
	(void)fprintf(
	    stderr, "# stop returned after %.1f ms\n", now_ms() - start_ms);
	for (int i = 0; i < CALLS; i++) {
		ck_assert_int_eq(pthread_join(calls[i].thread, NULL), 0);
		if (calls[i].ended_before)
			continue;
		ended++;
		ck_assert_msg(calls[i].status == ENCLAVE_CLIENT_ERR_CANCELLED,
		    "call %d: %s", i,
		    enclave_client_status_name(calls[i].status));
	}
	(void)fprintf(stderr, "# %d calls were stopped\n", ended);
	ck_assert_int_gt(ended, 0);
	(void)fprintf(stderr, "# the last call ended after %.1f ms\n",
	    now_ms() - start_ms);
	/* The resolver hangs yet: nobody has waited for it. */
	wait_resolving(RESOLVING);
	enclave_client_free(client);
	release_resolver();
	for (int i = 0; i < CONNECTING; i++)
		(void)close(accepted[i]);
	(void)close(listener);
}
END_TEST

/* Two descriptors a call, and what waits beside them. */
static bool
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	if (limit.rlim_cur < 10000)
		limit.rlim_cur =
		    limit.rlim_max < 10000 ? limit.rlim_max : 10000;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 10000;
}

int
main(void)
{
	Suite *suite = suite_create("stop");
	TCase *tcase = tcase_create("stop");
	SRunner *runner;
	int failed;

	if (!raise_limit()) {
		(void)printf("1..0 # SKIP fewer than 10,000 descriptors\n");
		return 0;
	}
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, a_thousand_transfers_end_with_the_client);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
