/*
 * The fault run: the local enclave misbehaves at random in the ways it knows,
 * rotates its key, is replaced by another build or an impostor, restarts, and
 * has its clock moved, while a client polls and sends.  And the soak: the same
 * client, long and gently.
 *
 *   test-faults faults|soak SECONDS
 *
 * What holds throughout is checked against the enclave's own log.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "integration/fixture.h"

#define REQUEST_TIMEOUT_MS 1500
/* Past every back-off, gap and bucket of the client. */
#define RECOVERY_MS         310000
#define BAD_KEYS_MAX        4096
#define DESCRIPTORS_SLACK   8
#define WARM_UP_ROUNDS      8
#define SOAK_WARM_UP_S      120
#define SOAK_GROWTH_BYTES   (256 * 1024)
#define FAULTS_GROWTH_BYTES (4 * 1024 * 1024)

static const char unaccepted_pcr0[] =
    "777777777777777777777777777777777777777777777777"
    "777777777777777777777777777777777777777777777777";

static int seconds = 15;
static uint32_t random_state;

/* What a key is, is known when it is made. */
static char bad_keys[BAD_KEYS_MAX][65];
static size_t bad_count;
/* Each may drop every key, and the next brings them back. */
static size_t updates;

static uint32_t
random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % limit;
}

static double
now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t
descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

/* Sanitizers keep what was freed: there the figure says nothing, and is 0. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static size_t
resident_bytes(void)
{
	return 0;
}
#else
static size_t
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128] = "";
	size_t pages = 0;
	const char *digit;

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	(void)fclose(file);
	for (digit = strchr(line, ' ') + 1; *digit >= '0' && *digit <= '9';
	     digit++)
		pages = pages * 10 + (size_t)(*digit - '0');
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}
#endif

/* The sanitizers keep what was freed, to know it again. */
static void
check_growth(size_t resident_then, size_t growth_max_bytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_uint_le(resident_bytes(), resident_then + growth_max_bytes);
#endif
	(void)resident_then, (void)growth_max_bytes;
}

/* Both clocks of both sides. */
static void
let_time_pass(int64_t delay_ms)
{
	char settings[64];

	fixture_advance_ms(delay_ms);
	(void)snprintf(settings, sizeof(settings), "{\"clock_offset_ms\":%lld}",
	    (long long)fixture.wall_offset_ms);
	fixture_set(settings);
}

static enum enclave_client_status
get(const char *path)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status;

	ck_assert_int_eq(enclave_client_request_new("GET", path, &request), 0);
	enclave_client_request_set_timeout_ms(request, REQUEST_TIMEOUT_MS);
	status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

/* Generic failures tell nobody what to do. */
static void
expect_specific(enum enclave_client_status status)
{
	switch (enclave_client_status_category(status)) {
	case ENCLAVE_CLIENT_CATEGORY_USAGE:
	case ENCLAVE_CLIENT_CATEGORY_MEMORY:
	case ENCLAVE_CLIENT_CATEGORY_INTERNAL:
		ck_abort_msg("%s: %s", enclave_client_status_name(status),
		    enclave_client_error_message(fixture.error));
	default:
		break;
	}
	if (status)
		ck_assert_str_ne(
		    enclave_client_error_message(fixture.error), "");
}

/* The ground truth: which key each request that began was sent to. */

static bool
is_bad(const char *key)
{
	for (size_t i = 0; i < bad_count; i++)
		if (!strcmp(bad_keys[i], key))
			return true;
	return false;
}

static const char *
text_of(const cJSON *event, const char *member)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, member);

	return cJSON_IsString(value) ? value->valuestring : "";
}

static int
connection_of(const cJSON *event)
{
	const cJSON *value =
	    cJSON_GetObjectItemCaseSensitive(event, "connection");

	return cJSON_IsNumber(value) ? value->valueint : -1;
}

static const char *
key_of_connection(const cJSON *log, int connection)
{
	const cJSON *event;

	cJSON_ArrayForEach(event,
	    log) if (connection_of(event) == connection &&
		     !strcmp(text_of(event, "event"),
			 "handshake")) return text_of(event, "spki_sha256");
	return "";
}

/* No request, whole or begun, reached a key that is not attested. */
static void
check_truth(void)
{
	cJSON *log = local_enclave_log(fixture.enclave);
	const cJSON *event;

	ck_assert_ptr_nonnull(log);
	cJSON_ArrayForEach(event, log)
	{
		const char *path = text_of(event, "path");
		if (strcmp(text_of(event, "event"), "request_started") != 0 ||
		    !strncmp(path, "/.well-known/", 13))
			continue;
		ck_assert_msg(
		    !is_bad(key_of_connection(log, connection_of(event))),
		    "%s was sent to a key that is not attested", path);
	}
	cJSON_Delete(log);
	ck_assert(local_enclave_clear_log(fixture.enclave));
}

/* The key in use now, from the log of its rotation. */
static void
note_bad_key(void)
{
	cJSON *log = local_enclave_log(fixture.enclave);
	const cJSON *event;
	const char *key = "";

	cJSON_ArrayForEach(
	    event, log) if (!strcmp(text_of(event, "event"), "rotated")) key =
	    text_of(event, "spki_sha256");
	ck_assert_uint_eq(strlen(key), 64);
	ck_assert_uint_lt(bad_count, BAD_KEYS_MAX);
	memcpy(bad_keys[bad_count++], key, 65);
	cJSON_Delete(log);
}

/* Faults.  Each is undone by recover(). */

static const char *const evidence_modes[] = {
    "\"other-key\"",
    "\"null-user-data\"",
    "{\"mode\":\"old\",\"age_ms\":4000000}",
    "\"expired\"",
    "\"future\"",
    "\"broken-signature\"",
    "\"foreign-root\"",
    "\"truncated\"",
    "\"nitrotpm\"",
    "\"empty\"",
    "\"not-json\"",
    "\"missing-member\"",
    "\"bad-base64\"",
    "\"huge\"",
    "{\"mode\":\"slow\",\"interval_ms\":50}",
    "\"never\"",
    "{\"mode\":\"status\",\"status\":503}",
    "{\"mode\":\"redirect\",\"to\":\"https://localhost:1/\"}",
    "\"cut\"",
    "\"close\"",
};

static void
fault_evidence(void)
{
	size_t count = sizeof(evidence_modes) / sizeof(evidence_modes[0]);
	char settings[128];

	/* Without keep-alive, no connection from before helps. */
	(void)snprintf(settings, sizeof(settings),
	    "{\"evidence\":%s,\"keep_alive\":%s}",
	    evidence_modes[random_below((uint32_t)count)],
	    random_below(3) ? "false" : "true");
	fixture_set(settings);
	if (random_below(2))
		fixture_rotate();
}

static void
fault_certificate(void)
{
	static const char *const kinds[] = {
	    "foreign", "expired", "wrong-name", "self-signed"};
	char settings[64];

	(void)snprintf(settings, sizeof(settings),
	    "{\"web_ca\":\"%s\",\"keep_alive\":false}", kinds[random_below(4)]);
	fixture_set(settings);
}

/* Another build, with a key of its own that accepted evidence never names. */
static void
fault_build(void)
{
	char settings[160];

	if (random_below(4))
		(void)snprintf(settings, sizeof(settings),
		    "{\"pcrs\":{\"0\":\"%s\"}}", unaccepted_pcr0);
	else
		(void)snprintf(settings, sizeof(settings), "{\"debug\":true}");
	fixture_set(settings);
	fixture_rotate();
	note_bad_key();
}

static void
fault_clock(void)
{
	static const int64_t jumps_ms[] = {-7200000, -60000, 60000, 7200000};
	char settings[64];

	(void)snprintf(settings, sizeof(settings), "{\"clock_offset_ms\":%lld}",
	    (long long)(fixture.wall_offset_ms + jumps_ms[random_below(4)]));
	fixture_set(settings);
	if (random_below(2))
		fixture_rotate();
}

static void
fault_policy(void)
{
	fixture_update(unaccepted_pcr0, "");
}

static void
fault_restart(void)
{
	check_truth();
	ck_assert_int_eq(local_enclave_stop(fixture.enclave), 0);
	(void)get("/while-down");
	fixture.enclave = local_enclave_start(fixture.state, NULL);
	ck_assert_ptr_nonnull(fixture.enclave);
}

static void
fault_rotation(void)
{
	fixture_rotate();
}

static void (*const faults[])(void) = {
    fault_evidence,
    fault_evidence,
    fault_evidence,
    fault_certificate,
    fault_build,
    fault_clock,
    fault_policy,
    fault_restart,
    fault_rotation,
};

/* Everything is right again; within one ceiling of time, so is the client. */
static void
recover(bool bad_key)
{
	fixture_set("{\"evidence\":\"good\",\"web_ca\":\"good\","
		    "\"keep_alive\":true,\"pcrs\":null,\"debug\":false}");
	if (bad_key)
		fixture_rotate();
	fixture_update(NULL, "");
	updates++;
	let_time_pass(RECOVERY_MS);
	ck_assert_msg(get("/recovered") == ENCLAVE_CLIENT_OK,
	    "not recovered: %s", enclave_client_error_message(fixture.error));
}

static size_t
ever(enum enclave_client_event_kind kind)
{
	return fixture_events_ever(kind);
}

/* Once per change: nothing begins again that did not end, nor the reverse. */
static void
check_events(void)
{
	size_t measurements = ever(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED);
	size_t failures = ever(ENCLAVE_CLIENT_EVENT_REFUSED) +
			  ever(ENCLAVE_CLIENT_EVENT_POLL_FAILED) + measurements;

	ck_assert_uint_le(ever(ENCLAVE_CLIENT_EVENT_RECOVERED), failures);
	ck_assert_uint_le(ever(ENCLAVE_CLIENT_EVENT_EXPIRED),
	    ever(ENCLAVE_CLIENT_EVENT_ATTESTED));
	ck_assert_uint_le(ever(ENCLAVE_CLIENT_EVENT_ATTESTED),
	    1 + ever(ENCLAVE_CLIENT_EVENT_EXPIRED) + measurements + updates);
}

static void
round_of_faults(void)
{
	size_t bad_before = bad_count;
	uint32_t tries = 1 + random_below(3);

	faults[random_below(sizeof(faults) / sizeof(faults[0]))]();
	for (uint32_t i = 0; i < tries; i++)
		expect_specific(get("/under-fault"));
	if (random_below(3) == 0)
		let_time_pass(random_below(20000));
	expect_specific(get("/under-fault-again"));
	recover(bad_count != bad_before);
	check_truth();
	check_events();
}

START_TEST(what_must_hold_holds_under_faults)
{
	double until_s = now_s() + seconds;
	size_t descriptors_then = 0;
	size_t resident_then = 0;
	size_t rounds = 0;

	fixture_client(NULL, "", true);
	while (now_s() < until_s || rounds <= WARM_UP_ROUNDS) {
		round_of_faults();
		if (++rounds == WARM_UP_ROUNDS) {
			descriptors_then = descriptors();
			resident_then = resident_bytes();
		}
	}
	ck_assert_uint_le(descriptors(), descriptors_then + DESCRIPTORS_SLACK);
	check_growth(resident_then, FAULTS_GROWTH_BYTES);
	(void)fprintf(stderr, "# %zu rounds\n", rounds);
}
END_TEST

/* An hour of the client's time each second. */
START_TEST(nothing_grows)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	double start_s = now_s();
	double warm_s =
	    seconds > 2 * SOAK_WARM_UP_S ? SOAK_WARM_UP_S : seconds / 3.0;
	size_t descriptors_then = 0;
	size_t resident_then = 0;
	size_t rounds = 0;

	fixture_client(NULL, "", true);
	while (now_s() < start_s + seconds || !descriptors_then) {
		if (rounds++ % 32 == 0)
			fixture_rotate();
		let_time_pass(72000);
		ck_assert_msg(get("/soak") == ENCLAVE_CLIENT_OK, "%s",
		    enclave_client_error_message(fixture.error));
		(void)nanosleep(&pause, NULL);
		/* Its growth is the enclave's and the harness's. */
		ck_assert(local_enclave_clear_log(fixture.enclave));
		if (!descriptors_then && now_s() > start_s + warm_s) {
			descriptors_then = descriptors();
			resident_then = resident_bytes();
		}
	}
	ck_assert_uint_le(descriptors(), descriptors_then + DESCRIPTORS_SLACK);
	check_growth(resident_then, SOAK_GROWTH_BYTES);
	(void)fprintf(stderr, "# %zu rounds\n", rounds);
}
END_TEST

static uint32_t
read_number(const char *text)
{
	uint32_t number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (uint32_t)(*text - '0');
	return number;
}

int
main(int argc, char **argv)
{
	const char *wanted = getenv("ENCLAVE_CLIENT_SEED");
	bool soak = argc > 1 && !strcmp(argv[1], "soak");
	Suite *suite = suite_create("faults");
	TCase *cases = tcase_create("faults");
	SRunner *runner;
	int failed;

	if (argc > 2)
		seconds = (int)read_number(argv[2]);
	random_state =
	    wanted ? read_number(wanted) : (uint32_t)time(NULL) * 2654435761u;
	if (!random_state)
		random_state = 1;
	(void)fprintf(stderr, "# ENCLAVE_CLIENT_SEED=%u\n", random_state);
	tcase_set_timeout(cases, seconds + 100);
	tcase_add_checked_fixture(cases, fixture_setup, fixture_teardown);
	tcase_add_test(
	    cases, soak ? nothing_grows : what_must_hold_holds_under_faults);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
