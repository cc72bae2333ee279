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
#include "poller/poller.h"
#include "poller/schedule.h"

#define REQUEST_TIMEOUT_MS 1500
/* A poll that a fault holds up must not hold up the test as long. */
#define ENCLAVE_MEMBERS ",\"fetch_timeout_ms\":3000"
/* Past every back-off with its jitter, gap and bucket of the client. */
#define RECOVERY_MS         (SCHEDULE_BACKOFF_MS_MAX * 11 / 10 + 10000)
#define RECOVERY_WAIT_S     30
#define BAD_KEYS_MAX        4096
#define DESCRIPTORS_SLACK   8
#define WARM_UP_ROUNDS      8
#define SOAK_WARM_UP_S      120
#define SOAK_GROWTH_BYTES   (256 * 1024)
#define FAULTS_GROWTH_BYTES (4 * 1024 * 1024)

#define UNACCEPTED_PCR0                                                        \
	"777777777777777777777777777777777777777777777777"                     \
	"777777777777777777777777777777777777777777777777"

static int seconds = 15;
static uint32_t random_state;

/* What a key is, is known when it is made. */
static char bad_keys[BAD_KEYS_MAX][65];
static size_t bad_count;
/* Each may drop every key, and the next brings them back. */
static size_t updates;

static uint32_t
read_number(const char *text)
{
	uint32_t number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (uint32_t)(*text - '0');
	return number;
}

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

/* What the client and the enclave hold to be the time. */
static int64_t
now_ms(void)
{
	return clock_now(&fixture.clock).wall_ms;
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

/* Both clocks of both sides; the poll thread need not wait for its next nap's
 * end to look at its own. */
static void
let_time_pass(int64_t delay_ms)
{
	char settings[64];

	fixture_advance_ms(delay_ms);
	(void)snprintf(settings, sizeof(settings), "{\"clock_offset_ms\":%lld}",
	    (long long)fixture.wall_offset_ms);
	fixture_set(settings);
	poller_wake(fixture.client->poller);
}

/* The enclave's part of the report; its texts are gone. */
static struct enclave_client_report_enclave
inspect(void)
{
	struct enclave_client_report *report = NULL;
	struct enclave_client_report_enclave shown;

	ck_assert_int_eq(enclave_client_report(fixture.client, FIXTURE_NAME,
			     &report, fixture.error),
	    0);
	shown = *enclave_client_report_at(report, 0);
	shown.name = shown.url = shown.last_message = NULL;
	shown.keys = NULL;
	enclave_client_report_free(report);
	return shown;
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

#define STATUSES_MAX 4

struct fault {
	void (*begin)(const char *what);
	const char *what;
	/* How requests may fail under it, but for want of time. */
	enum enclave_client_status statuses[STATUSES_MAX];
	/* What it broke may be good again, and fail again, within the round. */
	bool mends;
};

/* Where none is kept alive, no connection from before helps. */
static void
drop_connections(void)
{
	if (random_below(3))
		fixture_set("{\"keep_alive\":false}");
}

static void
fault_evidence(const char *mode)
{
	char settings[128];

	(void)snprintf(settings, sizeof(settings), "{\"evidence\":%s}", mode);
	fixture_set(settings);
	drop_connections();
	if (random_below(2))
		fixture_rotate();
}

static void
fault_certificate(const char *kind)
{
	char settings[64];

	(void)snprintf(settings, sizeof(settings),
	    "{\"web_ca\":\"%s\",\"keep_alive\":false}", kind);
	fixture_set(settings);
}

/* Another build, with a key of its own that accepted evidence never names. */
static void
fault_build(const char *settings)
{
	fixture_set(settings);
	drop_connections();
	fixture_rotate();
	note_bad_key();
}

static void
fault_clock(const char *jump)
{
	int64_t jump_ms = (int64_t)read_number(jump + 1);
	char settings[64];

	if (jump[0] == '-')
		jump_ms = -jump_ms;
	(void)snprintf(settings, sizeof(settings), "{\"clock_offset_ms\":%lld}",
	    (long long)(fixture.wall_offset_ms + jump_ms));
	fixture_set(settings);
	drop_connections();
	if (random_below(2))
		fixture_rotate();
}

static void
fault_policy(const char *pcr0)
{
	fixture_update(pcr0, ENCLAVE_MEMBERS);
	updates++;
}

/* It comes back at another port, which recover() puts into the map. */
static void
fault_restart(const char *path)
{
	check_truth();
	ck_assert_int_eq(local_enclave_stop(fixture.enclave), 0);
	ck_assert_int_eq(get(path), ENCLAVE_CLIENT_ERR_NETWORK);
	fixture.enclave = local_enclave_start(fixture.state, NULL);
	ck_assert_ptr_nonnull(fixture.enclave);
}

static void
fault_rotation(const char *what)
{
	(void)what;
	drop_connections();
	fixture_rotate();
}

#define S(NAME) ENCLAVE_CLIENT_ERR_##NAME

static const struct fault evidence_faults[] = {
    {fault_evidence, "\"other-key\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"null-user-data\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "{\"mode\":\"old\",\"age_ms\":4000000}",
	{S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"expired\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"future\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"broken-signature\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"foreign-root\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"truncated\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"nitrotpm\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"empty\"", {S(EVIDENCE_NOT_SERVED)}, false},
    {fault_evidence, "\"not-json\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"missing-member\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"bad-base64\"", {S(KEY_NOT_ATTESTED)}, false},
    {fault_evidence, "\"huge\"", {S(EVIDENCE_NOT_SERVED)}, false},
    {fault_evidence, "{\"mode\":\"slow\",\"interval_ms\":50}", {0}, false},
    {fault_evidence, "\"never\"", {0}, false},
    {fault_evidence, "{\"mode\":\"status\",\"status\":503}",
	{S(EVIDENCE_NOT_SERVED)}, false},
    {fault_evidence, "{\"mode\":\"redirect\",\"to\":\"https://localhost:1/\"}",
	{S(EVIDENCE_NOT_SERVED)}, false},
    {fault_evidence, "\"cut\"", {S(NETWORK)}, false},
    {fault_evidence, "\"close\"", {0}, false},
};

static const struct fault other_faults[] = {
    {fault_certificate, "foreign", {S(NETWORK)}, false},
    {fault_certificate, "expired", {S(NETWORK)}, false},
    {fault_certificate, "wrong-name", {S(NETWORK)}, false},
    {fault_certificate, "self-signed", {S(NETWORK)}, false},
    {fault_build, "{\"pcrs\":{\"0\":\"" UNACCEPTED_PCR0 "\"}}",
	{S(MEASUREMENT)}, false},
    {fault_build, "{\"debug\":true}", {S(DEBUG)}, false},
    {fault_clock, "-7200000", {S(KEY_NOT_ATTESTED)}, true},
    {fault_clock, "-60000", {0}, true},
    {fault_clock, "+60000", {S(KEY_NOT_ATTESTED)}, true},
    {fault_clock, "+7200000", {S(KEY_NOT_ATTESTED)}, true},
    {fault_policy, UNACCEPTED_PCR0, {S(MEASUREMENT)}, true},
    {fault_policy, UNACCEPTED_PCR0, {S(MEASUREMENT)}, true},
    {fault_restart, "/while-down", {S(NETWORK)}, true},
    {fault_restart, "/while-down", {S(NETWORK)}, true},
    {fault_rotation, "", {0}, false},
    {fault_rotation, "", {0}, false},
};

#define COUNT(TABLE) ((uint32_t)(sizeof(TABLE) / sizeof((TABLE)[0])))

static const struct fault *
choose_fault(void)
{
	if (random_below(3) == 0)
		return &evidence_faults[random_below(COUNT(evidence_faults))];
	return &other_faults[random_below(COUNT(other_faults))];
}

static bool
accepts(const struct fault *fault, enum enclave_client_status status)
{
	switch (status) {
	case ENCLAVE_CLIENT_OK:
		/* Another policy counts at once, on open connections too. */
		return fault->begin != fault_policy;
	case ENCLAVE_CLIENT_ERR_TIMEOUT:
		/* Of some faults; and any machine may be busy. */
		return true;
	default:
		break;
	}
	for (size_t i = 0; i < STATUSES_MAX; i++)
		if (fault->statuses[i] == status)
			return true;
	return false;
}

static void
get_under(const struct fault *fault, const char *path)
{
	enum enclave_client_status status = get(path);
	const char *message = enclave_client_error_message(fixture.error);

	ck_assert_msg(accepts(fault, status), "%s under %s: %s",
	    enclave_client_status_name(status), fault->what, message);
	if (status)
		ck_assert_str_ne(message, "");
}

/*
 * Until a poll that began at or after since_ms has ended, and the enclave is
 * attested: by a poll, for a request would learn by itself.
 */
static void
wait_until_polled(int64_t since_ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	double until_s = now_s() + RECOVERY_WAIT_S;
	struct enclave_client_report_enclave shown = inspect();
	bool moved_again = false;

	while (shown.last_poll_ms < since_ms ||
	       shown.next_poll_ms <= shown.last_poll_ms) {
		/* What was learned counts as a poll from when the thread saw
		 * it, and that may be after the clock moved. */
		if (!moved_again && shown.next_poll_ms > now_ms()) {
			let_time_pass(RECOVERY_MS);
			moved_again = true;
		}
		ck_assert_msg(now_s() < until_s,
		    "no poll ends: %llu were made, the next at %+lld ms",
		    (unsigned long long)shown.counters.polls,
		    (long long)(shown.next_poll_ms - now_ms()));
		(void)nanosleep(&pause, NULL);
		shown = inspect();
	}
	ck_assert_msg(!shown.last_status, "the poll failed: %s",
	    enclave_client_status_name(shown.last_status));
	ck_assert_int_eq(shown.state, ENCLAVE_CLIENT_STATE_ATTESTED);
}

/* Everything is right again; within one ceiling of time, so is the client. */
static void
recover(const struct fault *fault)
{
	int64_t since_ms;

	fixture_set("{\"evidence\":\"good\",\"web_ca\":\"good\","
		    "\"keep_alive\":true,\"pcrs\":null,\"debug\":false}");
	if (fault->begin == fault_build)
		fixture_rotate();
	if (fault->begin == fault_policy || fault->begin == fault_restart) {
		fixture_update(NULL, ENCLAVE_MEMBERS);
		updates++;
	}
	/* The enclave's clock first, if it was moved: one poll is to do. */
	let_time_pass(0);
	since_ms = now_ms() + RECOVERY_MS;
	let_time_pass(RECOVERY_MS);
	wait_until_polled(since_ms);
	ck_assert_msg(get("/recovered") == ENCLAVE_CLIENT_OK,
	    "not recovered: %s", enclave_client_error_message(fixture.error));
}

static size_t
ever(enum enclave_client_event_kind kind)
{
	return fixture_events_ever(kind);
}

static void
forget_events(void)
{
	(void)pthread_mutex_lock(&fixture.events_lock);
	fixture.event_count = 0;
	(void)pthread_mutex_unlock(&fixture.events_lock);
}

static bool
is_failure(enum enclave_client_event_kind kind)
{
	return kind == ENCLAVE_CLIENT_EVENT_REFUSED ||
	       kind == ENCLAVE_CLIENT_EVENT_POLL_FAILED ||
	       kind == ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED;
}

static bool
same_event(const struct fixture_event *a, const struct fixture_event *b)
{
	return a->kind == b->kind && a->status == b->status &&
	       a->step == b->step;
}

/* How many failures were told in this round; *ret_alike: all the same one? */
static size_t
count_failures(bool *ret_alike)
{
	const struct fixture_event *first = NULL;
	size_t count = 0;

	*ret_alike = true;
	(void)pthread_mutex_lock(&fixture.events_lock);
	ck_assert_uint_lt(fixture.event_count, FIXTURE_EVENTS_MAX);
	for (size_t i = 0; i < fixture.event_count; i++) {
		const struct fixture_event *event = &fixture.events[i];
		if (!is_failure(event->kind))
			continue;
		first = first ? first : event;
		if (!same_event(first, event))
			*ret_alike = false;
		/* Of measurements each key has its own. */
		if (event->kind == ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED)
			*ret_alike = false;
		count++;
	}
	(void)pthread_mutex_unlock(&fixture.events_lock);
	return count;
}

/*
 * One event a change: what failed was told, once unless in several ways, and
 * its end was told once.  The round began and ended without a failure.
 */
static void
check_round(
    const struct fault *fault, const struct enclave_client_counters *then)
{
	struct enclave_client_counters now = inspect().counters;
	size_t recovered = fixture_events(ENCLAVE_CLIENT_EVENT_RECOVERED);
	bool alike;
	size_t failures = count_failures(&alike);

	/* At its new port it is another enclave, of which nothing was told. */
	if (fault->begin == fault_restart)
		return;
	if (now.polls_failed > then->polls_failed ||
	    now.documents_refused > then->documents_refused)
		ck_assert_uint_ge(failures, 1);
	ck_assert_msg((recovered > 0) == (failures > 0),
	    "%s: %zu failures, %zu recoveries", fault->what, failures,
	    recovered);
	ck_assert_uint_le(recovered, failures);
	if (fault->mends)
		return;
	ck_assert_uint_le(recovered, 1);
	if (alike)
		ck_assert_uint_le(failures, 1);
}

/* Over all rounds: nothing begins again that did not end, nor the reverse. */
static void
check_all_rounds(void)
{
	ck_assert_uint_le(ever(ENCLAVE_CLIENT_EVENT_EXPIRED),
	    ever(ENCLAVE_CLIENT_EVENT_ATTESTED));
	ck_assert_uint_le(ever(ENCLAVE_CLIENT_EVENT_ATTESTED),
	    1 + ever(ENCLAVE_CLIENT_EVENT_EXPIRED) +
		ever(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED) + updates);
}

static void
round_of_faults(void)
{
	const struct fault *fault = choose_fault();
	struct enclave_client_counters then = inspect().counters;
	uint32_t tries = 1 + random_below(3);

	forget_events();
	fault->begin(fault->what);
	for (uint32_t i = 0; i < tries; i++)
		get_under(fault, "/under-fault");
	if (random_below(3) == 0)
		let_time_pass(random_below(20000));
	get_under(fault, "/under-fault-again");
	recover(fault);
	check_truth();
	check_round(fault, &then);
	check_all_rounds();
}

START_TEST(what_must_hold_holds_under_faults)
{
	double until_s = now_s() + seconds;
	size_t descriptors_then = 0;
	size_t resident_then = 0;
	size_t rounds = 0;

	fixture_client(NULL, ENCLAVE_MEMBERS, true);
	wait_until_polled(1);
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
