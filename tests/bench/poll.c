/*
 * What ten thousand enclaves cost (issue: cache and poller), against one local
 * server that is all of them.  Ratios are measured within this one run:
 *
 *   poll_cpu_ratio   CPU of a poll in steady state, over that of a libcurl
 *                    multi fetch of the same (no CA path, no sessions) and one
 *                    raw ES384 verification
 *   start_ratio      CPU from nothing to all ready, over that of the fetches
 *                    and the cost of a document under a new leaf
 *   memory_per_enclave_bytes, lookup_ratio, publish_stall_ms
 *
 *   bench-poll SERVER [COUNT]
 */
#include <curl/curl.h>
#include <malloc.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "client/lookup.h"

#define FEW           10
#define FETCHES       600 /* of each baseline round */
#define IN_FLIGHT     32
#define LOOKUP_ROUNDS 9
#define VERIFICATIONS 400
#define LOOKUPS       200000
#define STEADY_POLLS  3000
#define STALL_ROUNDS  7
/*
 * A document under a new leaf and a known chain, in raw verifications: the
 * leaf's 2.28 and its own 1 (see verify.c).
 */
#define NEW_LEAF_RAW    3.28
#define PAUSE_MS        200
#define READY_WITHIN_MS 600000

static _Atomic int64_t clock_moved_ms;
static _Atomic bool pause_next_verification;

static int64_t
moved_wall_ms(void *context)
{
	(void)context;
	return clock_system.wall_ms(NULL) + clock_moved_ms;
}

static int64_t
moved_boot_ms(void *context)
{
	(void)context;
	return clock_system.boot_ms(NULL) + clock_moved_ms;
}

static const struct clock_source bench_clock = {
    moved_wall_ms, moved_boot_ms, NULL};

_Noreturn static void
give_up(const char *why)
{
	(void)fprintf(stderr, "bench-poll: %s\n", why);
	exit(EXIT_FAILURE);
}

static void
print_figure(const char *name, double value, const char *unit)
{
	(void)printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", name,
	    value, unit);
	(void)fflush(stdout);
}

static long
read_number(const char *text)
{
	long number = 0;

	for (; *text >= '0' && *text <= '9' && number < 100000000; text++)
		number = number * 10 + (*text - '0');
	return number;
}

static double
cpu_s(void)
{
	struct rusage used;

	(void)getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double
now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
sleep_ms(long ms)
{
	const struct timespec pause = {
	    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* The verifier, paused where a test of stalls wants it. */

enum enclave_client_status __real_evidence_verify(struct bytes document,
    const struct evidence_check *check, struct claims **ret_claims,
    struct enclave_client_error *error);
enum enclave_client_status __wrap_evidence_verify(struct bytes document,
    const struct evidence_check *check, struct claims **ret_claims,
    struct enclave_client_error *error);

enum enclave_client_status
__wrap_evidence_verify(struct bytes document,
    const struct evidence_check *check, struct claims **ret_claims,
    struct enclave_client_error *error)
{
	if (pause_next_verification) {
		pause_next_verification = false;
		sleep_ms(PAUSE_MS);
	}
	return __real_evidence_verify(document, check, ret_claims, error);
}

/* The server. */

struct server {
	pid_t pid;
	int input; /* closing it ends the server */
	int port;
	char root[256];
	char web_ca[256];
};

static struct server
start_server(const char *program, const char *state, const char *count)
{
	struct server server = {0};
	char line[32] = "";
	FILE *output;
	int in[2];
	int out[2];

	if (pipe(in) || pipe(out))
		give_up("no pipes");
	server.pid = fork();
	if (server.pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execl(program, program, state, count, (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	server.input = in[1];
	output = fdopen(out[0], "r");
	if (server.pid < 0 || !output || !fgets(line, sizeof(line), output))
		give_up("no server");
	server.port = (int)read_number(line);
	(void)fclose(output);
	(void)snprintf(
	    server.root, sizeof(server.root), "%s/nitro-root.pem", state);
	(void)snprintf(
	    server.web_ca, sizeof(server.web_ca), "%s/web-ca.pem", state);
	return server;
}

/* Baseline: the same fetches by libcurl alone. */

static size_t
count_body(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	*(size_t *)context += size * count;
	return size * count;
}

struct baseline {
	const struct server *server;
	struct curl_slist *connect_to;
	CURLM *multi;
	CURL *easy[IN_FLIGHT];
	size_t bytes;
	size_t next;
	size_t count;
};

static void
set_url(struct baseline *baseline, CURL *easy)
{
	char url[128];

	(void)snprintf(url, sizeof(url),
	    "https://e%zu.test:%d/.well-known/attestation",
	    baseline->next++ % baseline->count, baseline->server->port);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
}

static void
baseline_open(
    struct baseline *baseline, const struct server *server, size_t count)
{
	char connect_to[64];

	*baseline = (struct baseline){.server = server, .count = count};
	(void)snprintf(
	    connect_to, sizeof(connect_to), "::127.0.0.1:%d", server->port);
	baseline->connect_to = curl_slist_append(NULL, connect_to);
	baseline->multi = curl_multi_init();
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		CURL *easy = curl_easy_init();
		baseline->easy[i] = easy;
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, server->web_ca);
		(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		(void)curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
		(void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		(void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
		(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
		(void)curl_easy_setopt(
		    easy, CURLOPT_CONNECT_TO, baseline->connect_to);
		(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_body);
		(void)curl_easy_setopt(
		    easy, CURLOPT_WRITEDATA, &baseline->bytes);
	}
}

/* CPU seconds of one fetch. */
static double
baseline_round(struct baseline *baseline)
{
	double start_s = cpu_s();
	size_t started = IN_FLIGHT;
	size_t done = 0;

	for (size_t i = 0; i < IN_FLIGHT; i++) {
		set_url(baseline, baseline->easy[i]);
		(void)curl_multi_add_handle(baseline->multi, baseline->easy[i]);
	}
	while (done < FETCHES) {
		CURLMsg *message;
		int left = 0;
		(void)curl_multi_perform(baseline->multi, &left);
		while (
		    (message = curl_multi_info_read(baseline->multi, &left))) {
			CURL *easy = message->easy_handle;
			if (message->data.result)
				give_up(
				    curl_easy_strerror(message->data.result));
			done++;
			(void)curl_multi_remove_handle(baseline->multi, easy);
			if (started++ >= FETCHES)
				continue;
			set_url(baseline, easy);
			(void)curl_multi_add_handle(baseline->multi, easy);
		}
		(void)curl_multi_poll(baseline->multi, NULL, 0, 100, NULL);
	}
	return (cpu_s() - start_s) / FETCHES;
}

static void
baseline_close(struct baseline *baseline)
{
	for (size_t i = 0; i < IN_FLIGHT; i++)
		curl_easy_cleanup(baseline->easy[i]);
	(void)curl_multi_cleanup(baseline->multi);
	curl_slist_free_all(baseline->connect_to);
}

/* CPU seconds of one raw ES384 verification with a decoded key. */
static double
raw_verification_s(void)
{
	static const unsigned char digest[48] = {1};
	EVP_PKEY *key = EVP_EC_gen("P-384");
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char signature[128];
	size_t len = sizeof(signature);
	double start_s;
	int good = EVP_PKEY_sign_init(context) == 1 &&
		   EVP_PKEY_sign(
		       context, signature, &len, digest, sizeof(digest)) == 1 &&
		   EVP_PKEY_verify_init(context) == 1;

	start_s = cpu_s();
	for (int i = 0; good && i < VERIFICATIONS; i++)
		good = EVP_PKEY_verify(context, signature, len, digest,
			   sizeof(digest)) == 1;
	if (!good)
		give_up("OpenSSL does not verify");
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	return (cpu_s() - start_s) / VERIFICATIONS;
}

/* Configuration and clients. */

static struct enclave_client_config *
make_config(const struct server *server, size_t count, bool polling)
{
	struct enclave_client_config *config = NULL;
	struct buffer map;
	char piece[512];
	char pcr0[97];

	memset(pcr0, 0, sizeof(pcr0));
	for (size_t i = 0; i < 48; i++)
		memcpy(pcr0 + 2 * i, "a0", 2);
	buffer_init(&map, CONFIG_JSON_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		int len = snprintf(piece, sizeof(piece),
		    "%s\"e%zu\":{\"url\":\"https://e%zu.test:%d\","
		    "\"pcrs\":{\"PCR0\":\"%s\"}}",
		    i ? "," : "{\"enclaves\":{", i, i, server->port, pcr0);
		if (buffer_append(&map,
			(struct bytes){(const uint8_t *)piece, (size_t)len}))
			give_up("no memory");
	}
	if (buffer_append(&map, bytes_from_string("}}")) ||
	    enclave_client_config_new(&config))
		give_up("no memory");
	(void)snprintf(piece, sizeof(piece), "::127.0.0.1:%d", server->port);
	enclave_client_config_add_connect_to(config, piece);
	enclave_client_config_set_proxy(config, "");
	enclave_client_config_set_insecure_nitro_root_file(
	    config, server->root);
	enclave_client_config_set_ca_file(config, server->web_ca);
	enclave_client_config_set_polling(config, polling);
	if (enclave_client_config_load_text(
		config, (const char *)map.data, map.len, NULL))
		give_up("the map was refused");
	buffer_clear(&map);
	return config;
}

static void
wait_ready(struct enclave_client *client)
{
	struct enclave_client_error *error = enclave_client_error_new();

	if (enclave_client_wait(client, NULL, READY_WITHIN_MS, error))
		give_up(enclave_client_error_message(error));
	enclave_client_error_free(error);
}

static size_t
polls(struct enclave_client *client)
{
	struct cache_slots slots = cache_slots_begin(client->cache);
	size_t sum = 0;

	for (size_t i = 0; i < slots.count; i++)
		sum += cache_counted(slots.slots[i], CACHE_POLLS);
	cache_slots_end(&slots);
	return sum;
}

static long
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128] = "";
	const char *second;

	(void)malloc_trim(0);
	if (!file || !fgets(line, sizeof(line), file))
		give_up("no /proc");
	(void)fclose(file);
	second = strchr(line, ' ');
	return second ? read_number(second + 1) * sysconf(_SC_PAGESIZE) : 0;
}

/* CPU seconds of a lookup by name among count. */
static double
lookup_s(struct enclave_client *client, size_t count)
{
	static char names[1024][16];
	double start_s;

	/* The names that one program uses in turn. */
	for (size_t i = 0; i < 1024; i++)
		(void)snprintf(
		    names[i], sizeof(names[i]), "e%zu", i * 7919 % count);
	start_s = cpu_s();
	for (size_t i = 0; i < LOOKUPS; i++) {
		struct cache_slot *slot = NULL;
		if (lookup_name(client, names[i % 1024], &slot, NULL))
			give_up("a name is missing");
		cache_slot_unref(slot);
	}
	return (cpu_s() - start_s) / LOOKUPS;
}

static int
compare_doubles(const void *left, const void *right)
{
	double one = *(const double *)left;
	double other = *(const double *)right;

	return (one > other) - (one < other);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

static void
measure_lookup(
    const struct server *server, struct enclave_client *many, size_t count)
{
	struct enclave_client_config *config = make_config(server, FEW, false);
	struct enclave_client *few = NULL;
	double many_s[LOOKUP_ROUNDS];
	double ratios[LOOKUP_ROUNDS];

	if (client_new(config, &bench_clock, &few, NULL))
		give_up("no client");
	for (int i = 0; i < LOOKUP_ROUNDS; i++) {
		double few_s = lookup_s(few, FEW);
		many_s[i] = lookup_s(many, count);
		ratios[i] = many_s[i] / few_s;
	}
	print_figure("lookup_ns", median(many_s, LOOKUP_ROUNDS) * 1e9, "ns");
	print_figure("lookup_ratio", median(ratios, LOOKUP_ROUNDS), "ratio");
	enclave_client_free(few);
	enclave_client_config_free(config);
}

/*
 * How often this thread lost its processor to another that wanted it.  Who
 * waits for a lock gives it up, which is not counted here.
 */
static long
preemptions(void)
{
	struct rusage used;

	(void)getrusage(RUSAGE_THREAD, &used);
	return used.ru_nivcsw;
}

/* The longest that the gate's question takes while a publisher stands still. */
static double
stall_round(struct enclave_client *client, struct cache_slot *slot,
    const struct binding_key *key)
{
	double longest_s = 0;
	double until_s;

	pause_next_verification = true;
	clock_moved_ms += 61000;
	cache_mark_wanted(client->cache, slot);
	while (pause_next_verification)
		sleep_ms(1);
	until_s = now_s() + (PAUSE_MS - 20) / 1000.0;
	while (now_s() < until_s) {
		long preempted = preemptions();
		double start_s = now_s();
		double took_s;
		if (cache_judge(slot, key, clock_now(&bench_clock), NULL, NULL))
			give_up("the gate refused");
		took_s = now_s() - start_s;
		if (took_s > longest_s && preemptions() == preempted)
			longest_s = took_s;
	}
	return longest_s;
}

/*
 * A machine that runs other things takes the processor away now and then; what
 * the publisher holds up is there in every round, so the best one counts.
 */
static void
measure_stall(struct enclave_client *client)
{
	struct cache_slot *slot = cache_slot_at(client->cache, 0);
	struct cache_inspection known = {0};
	double best_s = PAUSE_MS;

	if (!cache_inspect(slot, clock_now(&bench_clock), &known) ||
	    !known.key_count)
		give_up("nothing is known");
	for (int i = 0; i < STALL_ROUNDS; i++) {
		double longest_s =
		    stall_round(client, slot, &known.keys[0].key);
		if (longest_s < best_s)
			best_s = longest_s;
	}
	print_figure("publish_stall_ms", best_s * 1000, "ms");
	cache_inspection_clear(&known);
	cache_slot_unref(slot);
}

/* Until no poll has ended for a second: what others measure is then theirs. */
static void
wait_quiet(struct enclave_client *client)
{
	size_t before = polls(client);
	size_t quiet = 0;

	for (int i = 0; quiet < 10 && i < READY_WITHIN_MS / 100; i++) {
		size_t now;
		sleep_ms(100);
		now = polls(client);
		quiet = now == before ? quiet + 1 : 0;
		before = now;
	}
	if (quiet < 10)
		give_up("the polls do not end");
}

/* CPU seconds of one poll, with everything due at once. */
static double
steady_round(struct enclave_client *client, size_t count)
{
	size_t before = polls(client);
	size_t wanted = count < STEADY_POLLS ? count : STEADY_POLLS;
	size_t done;
	double start_s = cpu_s();

	clock_moved_ms += 331000;
	poller_wake(client->poller);
	do {
		sleep_ms(50);
		done = polls(client) - before;
	} while (done < wanted * 9 / 10);
	return (cpu_s() - start_s) / (double)done;
}

static struct enclave_client *
start_with(const struct server *server, size_t count)
{
	struct enclave_client_config *config = make_config(server, count, true);
	struct enclave_client *client = NULL;

	if (client_new(config, &bench_clock, &client, NULL))
		give_up("no client");
	enclave_client_config_free(config);
	wait_ready(client);
	return client;
}

static void
grow_to(
    const struct server *server, struct enclave_client *client, size_t count)
{
	struct enclave_client_config *config = make_config(server, count, true);

	if (enclave_client_update(client, config, NULL))
		give_up("no update");
	enclave_client_config_free(config);
	wait_ready(client);
}

static void
measure(const struct server *server, size_t count)
{
	struct enclave_client *client;
	struct baseline baseline;
	double raw_s;
	double fetch_s;
	double poll_s;
	double start_s;
	long small_bytes;
	size_t few = count / 10;

	baseline_open(&baseline, server, count);
	(void)baseline_round(&baseline);
	client = start_with(server, few);
	sleep_ms(1000);
	small_bytes = resident_bytes();
	start_s = cpu_s();
	grow_to(server, client, count);
	start_s = (cpu_s() - start_s) / (double)(count - few);
	sleep_ms(1000);
	print_figure("memory_per_enclave_bytes",
	    (double)(resident_bytes() - small_bytes) / (double)(count - few),
	    "bytes");
	measure_lookup(server, client, count);
	measure_stall(client);
	wait_quiet(client);
	fetch_s = baseline_round(&baseline);
	raw_s = raw_verification_s();
	poll_s = steady_round(client, count);
	enclave_client_free(client);
	fetch_s = (fetch_s + baseline_round(&baseline)) / 2;
	raw_s = (raw_s + raw_verification_s()) / 2;
	baseline_close(&baseline);
	print_figure("raw_verification_us", raw_s * 1e6, "us");
	print_figure("fetch_us", fetch_s * 1e6, "us");
	print_figure("poll_us", poll_s * 1e6, "us");
	print_figure("poll_cpu_ratio", poll_s / (fetch_s + raw_s), "ratio");
	print_figure("start_us", start_s * 1e6, "us");
	print_figure(
	    "start_ratio", start_s / (fetch_s + NEW_LEAF_RAW * raw_s), "ratio");
}

int
main(int argc, char **argv)
{
	char state[] = "/tmp/bench-poll-XXXXXX";
	const char *count = argc > 2 ? argv[2] : "10000";
	struct server server;
	char command[64];

	if (argc < 2 || !mkdtemp(state))
		give_up("usage: bench-poll SERVER [COUNT]");
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	server = start_server(argv[1], state, count);
	measure(&server, (size_t)read_number(count));
	(void)close(server.input);
	(void)waitpid(server.pid, NULL, 0);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", state);
	return system(command) ? EXIT_FAILURE : EXIT_SUCCESS;
}
