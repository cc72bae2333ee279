/*
 * What the gate costs, against plain libcurl in the same run: one JSON line a
 * figure, {"name","value","unit"}.  Costs are the client's CPU time; the two
 * sides take turns, and the median of the turns' ratios counts.  Several pairs
 * of handles are made for it, one after the other: of one pair each may cost a
 * hundredth more than its like.  The server is nginx on another core.  The
 * limits are in README.md.
 */
#include <enclave_client_curl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "integration/fixture.h"
#include "integration/handles.h"
#include "integration/servers.h"

#include "client/handle.h"
#include "tls/handshake.h"

#define PAIRS          9
#define TURNS          9 /* of each pair */
#define THREADS        8
#define AWAKE_S_MAX    600
#define CALLS          20000
#define SYSTEM_BUNDLE  "/etc/ssl/certs/ca-certificates.crt"
#define SYSTEM_CA_PATH "/etc/ssl/certs"

static struct server nginx;
static char origin[64];
static char bundle[192];

static void
report(const char *name, double value, const char *unit)
{
	printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name,
	    value, unit);
	(void)fflush(stdout);
}

static double
seconds(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/*
 * Check writes to a file at each of its assertions, a microsecond each: while
 * time runs, nothing but a failure may reach it.
 */
static void
must(bool good, const char *what)
{
	if (!good)
		ck_abort_msg("%s", what);
}

/* One side of a comparison: so many requests; prepared before. */
struct side {
	void (*run)(struct side *side, int count);
	CURL *easy;
	struct enclave_client_curl *attachment;
	struct enclave_client_request *request;
};

static double
cpu_of(struct side *side, int count)
{
	double start = seconds(CLOCK_PROCESS_CPUTIME_ID);

	side->run(side, count);
	return (seconds(CLOCK_PROCESS_CPUTIME_ID) - start) / count;
}

/* How the two sides of a comparison are made. */
struct pair {
	struct side (*ours)(void);
	struct side (*plain)(void);
	int count; /* requests a turn */
};

static void
end_side(struct side *side)
{
	enclave_client_curl_detach(side->attachment);
	curl_easy_cleanup(side->easy);
	enclave_client_request_free(side->request);
	*side = (struct side){0};
}

static void
measure_pair(const struct pair *pair, double *ratios, double *costs)
{
	struct side ours = pair->ours();
	struct side plain = pair->plain();

	(void)cpu_of(&plain, pair->count);
	(void)cpu_of(&ours, pair->count);
	for (int i = 0; i < TURNS; i++) {
		costs[i] = cpu_of(&plain, pair->count);
		ratios[i] = cpu_of(&ours, pair->count) / costs[i];
	}
	end_side(&ours);
	end_side(&plain);
}

/* ours / plain; *ret_plain_s is what one request of the plain side costs. */
static double
ratio(const struct pair *pair, double *ret_plain_s)
{
	double ratios[PAIRS * TURNS];
	double costs[PAIRS * TURNS];

	for (int i = 0; i < PAIRS; i++)
		measure_pair(pair, &ratios[i * TURNS], &costs[i * TURNS]);
	if (ret_plain_s)
		*ret_plain_s = median(costs, PAIRS * TURNS);
	return median(ratios, PAIRS * TURNS);
}

static void
run_plain(struct side *side, int count)
{
	for (int i = 0; i < count; i++)
		must(curl_easy_perform(side->easy) == CURLE_OK, "plain");
}

static void
run_attached(struct side *side, int count)
{
	for (int i = 0; i < count; i++)
		must(enclave_client_curl_result(side->attachment,
			 curl_easy_perform(side->easy),
			 fixture.error) == ENCLAVE_CLIENT_OK,
		    enclave_client_error_message(fixture.error));
}

/* Headers and body kept, as a program would that wants the answer. */
struct kept {
	char *data;
	size_t len;
};

static size_t
keep(char *data, size_t size, size_t count, void *context)
{
	struct kept *kept = context;
	char *grown = realloc(kept->data, kept->len + size * count + 1);

	must(grown, "no memory");
	memcpy(grown + kept->len, data, size * count);
	kept->data = grown;
	kept->len += size * count;
	kept->data[kept->len] = '\0';
	return size * count;
}

static void
run_collecting(struct side *side, int count)
{
	for (int i = 0; i < count; i++) {
		struct kept headers = {0};
		struct kept body = {0};
		(void)curl_easy_setopt(
		    side->easy, CURLOPT_HEADERDATA, &headers);
		(void)curl_easy_setopt(side->easy, CURLOPT_WRITEDATA, &body);
		must(curl_easy_perform(side->easy) == CURLE_OK, "plain");
		free(headers.data);
		free(body.data);
	}
}

static void
run_request(struct side *side, int count)
{
	for (int i = 0; i < count; i++) {
		struct enclave_client_response *response = NULL;
		must(enclave_client_request(fixture.client, FIXTURE_NAME,
			 side->request, &response,
			 fixture.error) == ENCLAVE_CLIENT_OK,
		    enclave_client_error_message(fixture.error));
		enclave_client_response_free(response);
	}
}

static CURL *
new_easy(void)
{
	CURL *easy = curl_easy_init();

	handles_get_from(easy, origin, "/");
	return easy;
}

static struct side
plain_side(void)
{
	return (struct side){.run = run_plain, .easy = new_easy()};
}

static struct side
attached_side(void)
{
	struct side side = {.run = run_attached, .easy = new_easy()};

	ck_assert_int_eq(enclave_client_curl_attach(fixture.client, side.easy,
			     NULL, &side.attachment, fixture.error),
	    0);
	return side;
}

static struct side
request_side(void)
{
	struct side side = {.run = run_request};

	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/", &side.request), 0);
	return side;
}

static struct side
collecting_side(void)
{
	struct side side = {.run = run_collecting, .easy = new_easy()};
	char agent[64];

	/* The same bytes to the server. */
	(void)snprintf(agent, sizeof(agent), "enclave-client/%s",
	    enclave_client_version());
	handles_set_pointer(side.easy, CURLOPT_USERAGENT, agent);
	ck_assert_int_eq(
	    curl_easy_setopt(side.easy, CURLOPT_HEADERFUNCTION, keep), 0);
	ck_assert_int_eq(
	    curl_easy_setopt(side.easy, CURLOPT_WRITEFUNCTION, keep), 0);
	return side;
}

static void
bench_keepalive(void)
{
	const struct pair attached = {attached_side, plain_side, 250};
	const struct pair request = {request_side, collecting_side, 250};
	double plain_s = 0;

	report("keepalive_attached_ratio", ratio(&attached, &plain_s), "ratio");
	report("keepalive_plain_us", plain_s * 1e6, "us");
	report("keepalive_request_ratio", ratio(&request, NULL), "ratio");
}

static struct curl_slist *close_header;

static struct side
closing_request_side(void)
{
	struct side side = request_side();

	enclave_client_request_add_header(side.request, "Connection", "close");
	return side;
}

/* A new connection for each request, as the three kinds of plain user. */
static struct side
closing_side(bool system_store, bool sessions)
{
	struct side side = collecting_side();

	handles_set_pointer(side.easy, CURLOPT_HTTPHEADER, close_header);
	handles_set_long(side.easy, CURLOPT_SSL_SESSIONID_CACHE, sessions);
	if (system_store) {
		handles_set_pointer(side.easy, CURLOPT_CAINFO, bundle);
		handles_set_pointer(
		    side.easy, CURLOPT_CAPATH, (void *)SYSTEM_CA_PATH);
	}
	return side;
}

static struct side
system_store_side(void)
{
	return closing_side(true, false);
}

static struct side
best_side(void)
{
	return closing_side(false, false);
}

static struct side
resuming_side(void)
{
	return closing_side(false, true);
}

static double
bench_new_connections(void)
{
	const struct pair usual = {closing_request_side, system_store_side, 2};
	const struct pair best = {closing_request_side, best_side, 20};
	const struct pair resuming = {closing_request_side, resuming_side, 20};
	double handshake_s = 0;

	report("new_connection_ratio", ratio(&usual, NULL), "ratio");
	report(
	    "new_connection_best_ratio", ratio(&best, &handshake_s), "ratio");
	report("new_connection_plain_us", handshake_s * 1e6, "us");
	/* The gate never resumes: a resumed handshake shows no certificate. */
	report(
	    "new_connection_resuming_ratio", ratio(&resuming, NULL), "ratio");
	return handshake_s;
}

/* The gate's halves alone, many times on one connection. */
static struct handle *measured;
static double prereq_s;
static double judge_s;

static int
measure(
    void *argument, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct gate_attachment *gate = argument;
	struct curl_tlssessioninfo *session = NULL;
	X509 *leaf;
	int refused = 0;
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < CALLS; i++)
		refused += gate_before_request(gate, peer_ip, own_ip, peer_port,
			       own_port) != CURL_PREREQFUNC_OK;
	prereq_s = (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / CALLS;
	ck_assert_int_eq(
	    curl_easy_getinfo(measured->easy, CURLINFO_TLS_SSL_PTR, &session),
	    0);
	leaf = SSL_get1_peer_certificate(session->internals);
	start = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < CALLS; i++)
		refused +=
		    handshake_judge_key(gate, leaf, session->internals) != 0;
	judge_s = (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / CALLS;
	ck_assert_int_eq(refused, 0);
	X509_free(leaf);
	return CURL_PREREQFUNC_OK;
}

static void
bench_halves(double handshake_s)
{
	struct cache_slot *slot =
	    cache_find(fixture.client->cache, FIXTURE_NAME);

	ck_assert_int_eq(
	    handle_new(&fixture.client->gate, slot, &measured, NULL), 0);
	gate_attachment_begin(&measured->gate, GATE_REQUEST);
	ck_assert_int_eq(transport_prepare(&fixture.client->transport,
			     &measured->gate, measured->easy, fixture.error),
	    0);
	handles_get_from(measured->easy, origin, "/");
	ck_assert_int_eq(
	    curl_easy_setopt(measured->easy, CURLOPT_PREREQFUNCTION, measure),
	    0);
	ck_assert_int_eq(curl_easy_perform(measured->easy), CURLE_OK);
	report("gate_prereq_us", prereq_s * 1e6, "us");
	report("gate_prereq_ratio", prereq_s / handshake_s, "ratio");
	report("gate_handshake_us", judge_s * 1e6, "us");
	report("gate_handshake_ratio", judge_s / handshake_s, "ratio");
	handle_free(measured);
	cache_slot_unref(slot);
}

#define REQUESTS_PER_THREAD 200

static void *
thread_main(void *argument)
{
	struct side *side = argument;

	side->run(side, REQUESTS_PER_THREAD);
	return NULL;
}

/* Eight threads that each bring a side; requests a second. */
static double
throughput(struct side *sides)
{
	pthread_t threads[THREADS];
	double start = seconds(CLOCK_MONOTONIC);

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, thread_main, &sides[i]),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	return THREADS * REQUESTS_PER_THREAD /
	       (seconds(CLOCK_MONOTONIC) - start);
}

static void
measure_threads(double *ratios)
{
	struct side ours[THREADS];
	struct side plain[THREADS];

	for (size_t i = 0; i < THREADS; i++) {
		ours[i] = request_side();
		plain[i] = collecting_side();
	}
	(void)throughput(plain);
	(void)throughput(ours);
	for (int i = 0; i < TURNS; i++) {
		double without = throughput(plain);
		ratios[i] = throughput(ours) / without;
	}
	for (size_t i = 0; i < THREADS; i++) {
		end_side(&ours[i]);
		end_side(&plain[i]);
	}
}

static void
bench_threads(void)
{
	double ratios[PAIRS * TURNS];

	for (int i = 0; i < PAIRS; i++)
		measure_threads(&ratios[i * TURNS]);
	report(
	    "threads_throughput_ratio", median(ratios, PAIRS * TURNS), "ratio");
}

/* Against the local enclave, whose log counts. */
static void
bench_learning(void)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/cold");
	report("learn_extra_requests", (double)fixture_evidence(), "requests");
	report("learn_cold_handshakes", (double)fixture_handshakes(),
	    "handshakes");
	fixture_rotate();
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/last-on-the-old-connection");
	fixture_set("{\"keep_alive\":true}");
	fixture_get_ok("/rotated");
	report("learn_rotated_handshakes", (double)fixture_handshakes() - 1,
	    "handshakes");
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture.client = NULL;
	fixture.config = NULL;
}

static void
pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	/* A machine with one core measures as well as it can. */
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

/*
 * A core with nothing to do is halted, and what it costs to wake it, which the
 * client pays at each send, changes from moment to moment by more than the gate
 * takes.  So something runs there that gives way to everything.
 */
static pid_t
keep_awake(int cpu)
{
	const struct sched_param lowest = {0};
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(AWAKE_S_MAX);
	pin(cpu);
	if (sched_setscheduler(0, SCHED_IDLE, &lowest))
		_exit(1);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void
let_sleep(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void
write_bundle(void)
{
	char command[512];

	(void)snprintf(bundle, sizeof(bundle), "%s/bundle.pem", fixture.state);
	(void)snprintf(command, sizeof(command),
	    "cat '%s' '" SYSTEM_BUNDLE "' >'%s' 2>/dev/null || "
	    "cat '%s' >'%s'",
	    local_enclave_text(fixture.enclave, "web_ca"), bundle,
	    local_enclave_text(fixture.enclave, "web_ca"), bundle);
	ck_assert_int_eq(system(command), 0);
}

static void
start_nginx(void)
{
	char prefix[192];
	char certificate[224];
	char evidence[224];
	char folder[192];
	const struct nginx_options options = {
	    .tls = "TLSv1.3",
	    .certificate_prefix = prefix,
	    .evidence = evidence,
	    .http1_only = true,
	};

	(void)snprintf(prefix, sizeof(prefix), "%s/server", fixture.state);
	(void)snprintf(certificate, sizeof(certificate), "%s.pem", prefix);
	(void)snprintf(evidence, sizeof(evidence), "%s.json", prefix);
	(void)snprintf(folder, sizeof(folder), "%s/nginx", fixture.state);
	servers_mint_certificate(fixture.state, "localhost", prefix);
	servers_mint_evidence(fixture.state, certificate, evidence);
	(void)mkdir(folder, 0700);
	pin(1);
	nginx = servers_start_nginx(folder, &options);
	pin(0);
	(void)snprintf(
	    origin, sizeof(origin), "https://localhost:%d", nginx.port);
}

/* A test, for the fixture asserts; it fails only when nothing can be measured. */
START_TEST(figures)
{
	struct side first;
	pid_t awake[2];

	/* As a program's client has it: no test moves it here. */
	fixture.clock = clock_system;
	bench_learning();
	write_bundle();
	start_nginx();
	fixture_client_with_map(fixture_map_at(origin), false);
	close_header = curl_slist_append(NULL, "Connection: close");
	for (int cpu = 0; cpu < 2; cpu++)
		awake[cpu] = keep_awake(cpu);
	/* Evidence is learned once, before anything is measured. */
	first = request_side();
	run_request(&first, 1);
	end_side(&first);
	bench_keepalive();
	bench_halves(bench_new_connections());
	bench_threads();
	for (int cpu = 0; cpu < 2; cpu++)
		let_sleep(awake[cpu]);
	curl_slist_free_all(close_header);
	servers_stop(&nginx);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bench");
	TCase *tcase = tcase_create("figures");
	SRunner *runner;
	int failed;

	if (!servers_have("nginx")) {
		fputs("nginx is needed\n", stderr);
		return 77;
	}
	/* Standard output is for figures. */
	(void)unsetenv("CK_TAP_LOG_FILE_NAME");
	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_test(tcase, figures);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
