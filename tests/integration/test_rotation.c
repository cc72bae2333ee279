/*
 * Keys that come and go under load, and replicas behind a balancer: nothing
 * but typed errors before the first byte, and no learning in crowds.
 *
 *   ROTATION_SECONDS  how long the keys rotate: 5 by default, and 60 in the
 *                     long suite
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "integration/fixture.h"
#include "integration/servers.h"

#define THREADS  16
#define REPLICAS 4

static atomic_uint answered;
static atomic_uint refused;
static atomic_uint refused_otherwise;
static atomic_bool over;

static void
sleep_ms(long delay_ms)
{
	const struct timespec delay = {
	    .tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000};

	(void)nanosleep(&delay, NULL);
}

/* A refusal that belongs to a rotation: nothing was sent. */
static bool
is_refusal(enum enclave_client_status status)
{
	switch (status) {
	case ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED:
	case ENCLAVE_CLIENT_ERR_LEARNING_LIMITED:
		return true;
	default:
		return false;
	}
}

static void *
ask_until_it_is_over(void *argument)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_request *request = NULL;

	(void)argument;
	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/under-load", &request), 0);
	/* Each on a new connection: a rotation changes those alone. */
	enclave_client_request_add_header(request, "Connection", "close");
	while (!over) {
		struct enclave_client_response *response = NULL;
		enum enclave_client_status status = enclave_client_request(
		    fixture.client, FIXTURE_NAME, request, &response, error);
		if (!status)
			answered++;
		else if (is_refusal(status))
			refused++;
		else if (refused_otherwise++ == 0)
			fprintf(stderr, "%s\n",
			    enclave_client_error_message(error));
		enclave_client_response_free(response);
		sleep_ms(5);
	}
	enclave_client_request_free(request);
	enclave_client_error_free(error);
	return NULL;
}

static long
rotation_seconds(void)
{
	const char *text = getenv("ROTATION_SECONDS");
	long seconds = 0;

	for (; text && *text >= '0' && *text <= '9' && seconds < 3600; text++)
		seconds = 10 * seconds + (*text - '0');
	return seconds > 0 ? seconds : 5;
}

START_TEST(keys_rotate_each_second_under_threads)
{
	pthread_t threads[THREADS];
	long seconds = rotation_seconds();

	fixture_client(NULL, "", true);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     ask_until_it_is_over, NULL),
		    0);
	for (long i = 0; i < seconds; i++) {
		sleep_ms(1000);
		fixture_rotate();
	}
	sleep_ms(1000);
	over = true;
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	fprintf(stderr, "answered %u, refused %u, otherwise %u, evidence %zu\n",
	    answered, refused, refused_otherwise, fixture_evidence());
	ck_assert_uint_eq(refused_otherwise, 0);
	ck_assert_uint_ge(100 * answered, 99 * (answered + refused));
	/* One flight at a time: sixteen threads do not learn sixteen times. */
	ck_assert_uint_le(fixture_evidence(), 4 * (size_t)(seconds + 1));
	/* What the server got is what was answered: nothing in vain. */
	ck_assert_uint_eq(fixture_requests(), answered);
}
END_TEST

/* Four enclaves of one build, each with a key of its own, behind haproxy. */
static struct local_enclave *replicas[REPLICAS];
static struct server balancer;

static void
start_replicas(void)
{
	char name[16];
	char folder[128];
	int ports[REPLICAS];

	for (size_t i = 0; i < REPLICAS; i++) {
		const char *const arguments[] = {"--instance", name, NULL};
		(void)snprintf(name, sizeof(name), "replica-%zu", i);
		replicas[i] = local_enclave_start(fixture.state, arguments);
		ck_assert_ptr_nonnull(replicas[i]);
		ports[i] = local_enclave_port(replicas[i]);
	}
	(void)snprintf(folder, sizeof(folder), "%s/balancer", fixture.state);
	(void)mkdir(folder, 0700);
	balancer = servers_start_haproxy(folder, NULL, ports, REPLICAS);
}

static void
stop_replicas(void)
{
	servers_stop(&balancer);
	for (size_t i = 0; i < REPLICAS; i++)
		ck_assert_int_eq(local_enclave_stop(replicas[i]), 0);
}

static size_t
live_keys(void)
{
	struct cache_slot *slot =
	    cache_find(fixture.client->cache, FIXTURE_NAME);
	size_t count =
	    cache_live_keys(slot, clock_now(&fixture.clock), NULL, NULL);

	cache_slot_unref(slot);
	return count;
}

static size_t
count_alerts(void)
{
	size_t count = 0;

	for (size_t i = 0; i < REPLICAS; i++)
		count += local_enclave_count(replicas[i], "alert");
	return count;
}

/* The loop's number: with Connection: close or kept alive. */
START_TEST(replicas_settle_to_no_refusals)
{
	char map[512];
	size_t alerts;

	/* A skip here would take the case of the rotations along. */
	ck_assert_msg(servers_have("haproxy"), "haproxy is needed");
	start_replicas();
	if (_i)
		for (size_t i = 0; i < REPLICAS; i++)
			ck_assert(local_enclave_set(
			    replicas[i], "{\"keep_alive\":false}"));
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" FIXTURE_NAME
	    "\":{\"url\":\"https://localhost:%d\","
	    "\"pcrs\":{\"PCR0\":\"%s\"}}}}",
	    balancer.port, local_enclave_pcr(fixture.enclave, "0"));
	fixture_client_with_map(map, false);
	/* Each shows one key, and the balancer takes turns. */
	for (int i = 0; live_keys() < REPLICAS && i < 60; i++) {
		struct enclave_client_document *document = NULL;
		ck_assert_int_eq(
		    enclave_client_attest(fixture.client, FIXTURE_NAME, 10000,
			&document, fixture.error),
		    0);
		enclave_client_document_free(document);
	}
	ck_assert_uint_eq(live_keys(), REPLICAS);
	alerts = count_alerts();
	for (int i = 0; i < 40; i++)
		fixture_get_ok("/steady");
	ck_assert_uint_eq(count_alerts(), alerts);
	ck_assert_uint_eq(live_keys(), REPLICAS);
	stop_replicas();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rotation");
	TCase *tcase = tcase_create("keys under load");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 240);
	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_test(tcase, keys_rotate_each_second_under_threads);
	tcase_add_loop_test(tcase, replicas_settle_to_no_refusals, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
