/* When to poll: single steps as a table, then weeks with a pretended clock. */
#include <check.h>
#include <stdlib.h>

#include "base/limits.h"
#include "poller/schedule.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define WEEK_MS   (7 * 24 * HOUR_MS)

/* Jitter is taken modulo a span: 0 gives its least. */
#define LEAST_RANDOM 0u

/* Seconds since the last attempt started, which was at LAST_MS. */
#define LAST_MS (1000 * SECOND_MS)
#define NEVER   INT64_MIN

static const struct {
	const char *when;
	int64_t interval_s;
	unsigned int failures;
	bool wanted;
	unsigned int wanted_polls;
	int64_t end_s;  /* after the last attempt; NEVER: no live key */
	int64_t due_ms; /* after the last attempt, with the least jitter */
} steps[] = {
    {"a tenth before the interval", 300, 0, false, 0, 10800, 270000},
    {"the least interval never beats the floor", 10, 0, false, 0, 10800, 10000},
    {"long evidence: two minutes before its end", 10800, 0, false, 0, 3600,
	3480000},
    {"short evidence: a quarter before its end", 10800, 0, false, 0, 400,
	300000},
    {"the quarter is two minutes", 10800, 0, false, 0, 480, 360000},
    {"an end that is near counts though the interval is later", 300, 0, false,
	0, 100, 75000},
    {"an end that is far leaves the interval", 300, 0, false, 0, 1000, 270000},
    {"an end nearer than the floor waits for the floor", 300, 0, false, 0, 5,
	10000},
    {"an end that has passed counts for nothing", 300, 0, false, 0, -1, 270000},
    {"nothing lives: the floor", 300, 0, false, 0, NEVER, 10000},
    {"first failure: the floor", 300, 1, false, 0, NEVER, 10000},
    {"second failure: doubled", 300, 2, false, 0, NEVER, 18000},
    {"third failure: doubled again", 300, 3, false, 0, NEVER, 36000},
    {"fifth failure", 300, 5, false, 0, NEVER, 144000},
    {"sixth failure: the ceiling", 300, 6, false, 0, NEVER, 270000},
    {"very many failures: the ceiling", 300, 4000000000u, false, 0, NEVER,
	270000},
    {"a short interval is a lower ceiling", 20, 9, false, 0, NEVER, 18000},
    {"a long interval is no higher ceiling", 10800, 99, false, 0, NEVER,
	270000},
    {"failing while the end nears", 300, 9, false, 0, 100, 75000},
    {"failing at the very end", 300, 9, false, 0, 8, 10000},
    {"wanted after a good poll", 300, 0, true, 0, 10800, 1000},
    {"wanted a second time", 300, 0, true, 1, 10800, 2000},
    {"wanted a third time", 300, 0, true, 2, 10800, 4000},
    {"wanted a fourth time", 300, 0, true, 3, 10800, 8000},
    {"wanted a fifth time: the floor", 300, 0, true, 4, 10800, 10000},
    {"wanted for ever: the floor", 300, 0, true, 65535, 10800, 10000},
    {"wanted after a failure: the floor", 300, 1, true, 0, 10800, 10000},
    {"wanted after many failures: the floor", 300, 50, true, 0, NEVER, 10000},
    {"wanted while nothing lives", 300, 0, true, 0, NEVER, 1000},
};

static struct moment
moment_at(int64_t boot_ms)
{
	return (struct moment){
	    .wall_ms = 1700000000000 + boot_ms, .boot_ms = boot_ms};
}

START_TEST(each_step_is_due_when_the_table_says)
{
	struct schedule schedule = {
	    .last_boot_ms = LAST_MS,
	    .failures = steps[_i].failures,
	    .wanted = steps[_i].wanted,
	    .wanted_polls = (uint16_t)steps[_i].wanted_polls,
	};
	struct enclave_timing timing = {
	    .poll_interval_ms = steps[_i].interval_s * SECOND_MS,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT,
	};
	int64_t end_boot_ms = steps[_i].end_s == NEVER
				  ? 0
				  : LAST_MS + steps[_i].end_s * SECOND_MS;
	int64_t due_ms = schedule_next_boot_ms(&schedule, &timing, end_boot_ms,
	    moment_at(LAST_MS + 1), LEAST_RANDOM);

	ck_assert_msg(due_ms - LAST_MS == steps[_i].due_ms, "%s: due %lld",
	    steps[_i].when, (long long)(due_ms - LAST_MS));
	/* Asked later, when nothing else changed, it is the same. */
	ck_assert_msg(
	    schedule_next_boot_ms(&schedule, &timing, end_boot_ms,
		moment_at(LAST_MS + 3 * MINUTE_MS), LEAST_RANDOM) == due_ms,
	    "%s: moves with the time of asking", steps[_i].when);
}
END_TEST

/* The margin is the caller's, up to a quarter of the life that was left. */
START_TEST(the_margin_is_the_configured_one)
{
	struct schedule schedule = {.last_boot_ms = LAST_MS};
	struct enclave_timing timing = {
	    .poll_interval_ms = POLL_INTERVAL_MS_CEILING,
	    .poll_margin_ms = POLL_MARGIN_MS_FLOOR,
	};
	int64_t end_ms = LAST_MS + 10 * MINUTE_MS;

	ck_assert_int_eq(schedule_next_boot_ms(&schedule, &timing, end_ms,
			     moment_at(LAST_MS), LEAST_RANDOM),
	    end_ms - POLL_MARGIN_MS_FLOOR);
	timing.poll_margin_ms = POLL_MARGIN_MS_CEILING;
	ck_assert_int_eq(schedule_next_boot_ms(&schedule, &timing, end_ms,
			     moment_at(LAST_MS), LEAST_RANDOM),
	    end_ms - 10 * MINUTE_MS / 4);
}
END_TEST

START_TEST(the_first_poll_is_due_at_once)
{
	struct schedule schedule = {0};
	struct enclave_timing timing = {.poll_interval_ms = HOUR_MS,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	struct moment now = moment_at(77);

	for (uint32_t random = 0; random < 1000; random++) {
		int64_t due_ms =
		    schedule_next_boot_ms(&schedule, &timing, 0, now, random);
		ck_assert_int_ge(due_ms, now.boot_ms);
		ck_assert_int_lt(
		    due_ms, now.boot_ms + SCHEDULE_START_JITTER_MS);
	}
	/* Who is waited for goes before who is not. */
	schedule_want(&schedule);
	ck_assert_int_lt(
	    schedule_next_boot_ms(&schedule, &timing, 0, now, 0), now.boot_ms);
}
END_TEST

START_TEST(jitter_is_a_tenth_either_way)
{
	struct schedule schedule = {.last_boot_ms = LAST_MS};
	struct enclave_timing timing = {.poll_interval_ms = 300 * SECOND_MS,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	int64_t least_ms = INT64_MAX;
	int64_t most_ms = 0;

	for (uint32_t random = 0; random < 100000; random++) {
		int64_t pause_ms =
		    schedule_next_boot_ms(&schedule, &timing, LAST_MS + HOUR_MS,
			moment_at(LAST_MS), random) -
		    LAST_MS;
		least_ms = pause_ms < least_ms ? pause_ms : least_ms;
		most_ms = pause_ms > most_ms ? pause_ms : most_ms;
	}
	ck_assert_int_eq(least_ms, 270 * SECOND_MS);
	ck_assert_int_eq(most_ms, 330 * SECOND_MS);
	/* The highest number there is does not leave the span. */
	ck_assert_int_le(schedule_next_boot_ms(&schedule, &timing,
			     LAST_MS + HOUR_MS, moment_at(LAST_MS), UINT32_MAX),
	    LAST_MS + most_ms);
}
END_TEST

START_TEST(a_clock_that_starts_at_zero_still_counts_the_first_attempt)
{
	struct schedule schedule = {0};
	struct enclave_timing timing = {.poll_interval_ms = 300 * SECOND_MS,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};

	schedule_start(&schedule, moment_at(0));
	schedule_finish(&schedule, false);
	ck_assert_int_ge(
	    schedule_next_boot_ms(&schedule, &timing, 0, moment_at(0), 0),
	    POLL_INTERVAL_MS_FLOOR);
}
END_TEST

START_TEST(an_attempt_answers_what_was_wanted_before_it)
{
	struct schedule schedule = {0};

	schedule_want(&schedule);
	schedule_start(&schedule, moment_at(LAST_MS));
	ck_assert(!schedule.wanted);
	ck_assert_int_eq(schedule.wanted_polls, 1);
	/* What is wanted while it is under way may need another. */
	schedule_want(&schedule);
	schedule_finish(&schedule, true);
	ck_assert(schedule.wanted);
	schedule_start(&schedule, moment_at(LAST_MS + SECOND_MS));
	ck_assert_int_eq(schedule.wanted_polls, 2);
	/* A rest starts the row again, for who asks after it as well. */
	schedule_start(&schedule,
	    moment_at(LAST_MS + SECOND_MS + SCHEDULE_WANTED_REST_MS - 1));
	ck_assert_int_eq(schedule.wanted_polls, 2);
	schedule_want(&schedule);
	schedule_start(&schedule,
	    moment_at(LAST_MS + SECOND_MS + 2 * SCHEDULE_WANTED_REST_MS - 1));
	ck_assert_int_eq(schedule.wanted_polls, 1);
}
END_TEST

START_TEST(learned_evidence_counts_as_a_good_poll)
{
	struct schedule schedule = {.last_boot_ms = 5, .failures = 4};
	struct enclave_timing timing = {.poll_interval_ms = 300 * SECOND_MS,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};

	schedule_want(&schedule);
	schedule_learned(&schedule, moment_at(LAST_MS));
	ck_assert_int_eq(schedule.failures, 0);
	ck_assert_int_eq(
	    schedule_next_boot_ms(&schedule, &timing, LAST_MS + HOUR_MS,
		moment_at(LAST_MS), LEAST_RANDOM),
	    LAST_MS + 270 * SECOND_MS);
}
END_TEST

START_TEST(counters_stop_at_their_ends)
{
	struct schedule schedule = {
	    .last_boot_ms = LAST_MS,
	    .failures = UINT16_MAX,
	    .wanted_polls = UINT16_MAX,
	};

	schedule_finish(&schedule, false);
	ck_assert_int_eq(schedule.failures, UINT16_MAX);
	schedule_want(&schedule);
	schedule_start(&schedule, moment_at(LAST_MS));
	ck_assert_int_eq(schedule.wanted_polls, UINT16_MAX);
}
END_TEST

/*
 * ck_assert() writes to its parent at each call; these run a million times.
 */
static void
hold(bool holds, const char *what, int64_t at_ms)
{
	if (!holds)
		ck_abort_msg("%s (at %lld ms)", what, (long long)at_ms);
}

/* The same numbers in each run: xorshift64. */
static uint32_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* A service, and how it behaves over the weeks. */
struct service {
	const char *what;
	int64_t interval_ms;
	int64_t max_age_ms;
	int64_t leaf_ms;       /* life of its Nitro leaf */
	int64_t leaf_renew_ms; /* renewed so long before its end */
	int64_t cached_ms;     /* serves a document for so long */
	int64_t fetch_ms;      /* longest time that a fetch takes */
};

static const struct service services[] = {
    {"the defaults, a fresh document each time", 300000, 3600000, 10803000,
	900000, 0, 10000},
    {"Evervault: documents cached for five minutes", 300000, 3600000, 10803000,
	900000, 300000, 10000},
    {"the longest interval, the longest age", 10800000, 10803000, 10803000,
	900000, 0, 10000},
    {"the longest interval, cached documents", 10800000, 10803000, 10803000,
	900000, 300000, 10000},
    {"the longest interval, the least age", 10800000, 60000, 10803000, 900000,
	0, 10000},
    {"the least interval, the least age", 10000, 60000, 10803000, 900000, 0,
	10000},
    {"a leaf that is renewed late", 300000, 3600000, 10803000, 120000, 60000,
	5000},
    {"a fetch that may take a minute", 300000, 3600000, 10803000, 900000, 0,
	60000},
};

/* When the document ends that the service serves at at_ms. */
static int64_t
served_end_ms(const struct service *service, int64_t at_ms)
{
	int64_t made_ms =
	    service->cached_ms ? at_ms - at_ms % service->cached_ms : at_ms;
	int64_t period_ms = service->leaf_ms - service->leaf_renew_ms;
	int64_t leaf_end_ms = made_ms - made_ms % period_ms + service->leaf_ms;
	int64_t age_end_ms = made_ms + service->max_age_ms;

	return age_end_ms < leaf_end_ms ? age_end_ms : leaf_end_ms;
}

START_TEST(no_deadline_is_missed_while_the_server_answers)
{
	const struct service *service = &services[_i];
	struct enclave_timing timing = {
	    .poll_interval_ms = service->interval_ms,
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	struct schedule schedule = {0};
	uint64_t state = 88172645463325252u + (uint64_t)_i;
	int64_t end_ms = 0;
	int64_t now_ms = HOUR_MS;
	int64_t until_ms = now_ms + 4 * WEEK_MS;
	unsigned int polls = 0;

	while (now_ms < until_ms) {
		int64_t start_ms = schedule_next_boot_ms(&schedule, &timing,
		    end_ms, moment_at(now_ms), next_random(&state));
		int64_t took_ms =
		    next_random(&state) % (uint32_t)service->fetch_ms;
		hold(start_ms >= now_ms, "due in the past", start_ms);
		if (polls++)
			hold(start_ms + took_ms < end_ms, service->what,
			    start_ms);
		schedule_start(&schedule, moment_at(start_ms));
		schedule_finish(&schedule, true);
		end_ms = served_end_ms(service, start_ms);
		now_ms = start_ms + took_ms;
	}
	/* It was polled at all, and no more often than the floor. */
	ck_assert_uint_gt(polls, 4 * WEEK_MS / POLL_INTERVAL_MS_CEILING);
	ck_assert_uint_le(polls, 4 * WEEK_MS / POLL_INTERVAL_MS_FLOOR);
}
END_TEST

static const int64_t intervals_ms[] = {
    POLL_INTERVAL_MS_FLOOR, 11000, 60000, 300000, POLL_INTERVAL_MS_CEILING};

/*
 * Attempts fail or not, evidence of any life comes, clocks are asked at any
 * time; nobody wants anything: two attempts are never closer than the floor.
 */
START_TEST(no_setting_polls_hot)
{
	struct enclave_timing timing = {.poll_interval_ms = intervals_ms[_i],
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	struct schedule schedule = {0};
	uint64_t state = 424242 + (uint64_t)_i;
	int64_t last_ms = 0;
	int64_t now_ms = HOUR_MS;

	for (unsigned int i = 0; i < 200000; i++) {
		uint32_t dice = next_random(&state);
		int64_t life_ms = dice % 4 ? (int64_t)(dice % 600000) : 0;
		int64_t start_ms = schedule_next_boot_ms(&schedule, &timing,
		    life_ms ? last_ms + life_ms : 0, moment_at(now_ms),
		    next_random(&state));
		if (last_ms)
			hold(start_ms >= last_ms + POLL_INTERVAL_MS_FLOOR,
			    "hot", start_ms);
		hold(start_ms <=
			 now_ms + intervals_ms[_i] + intervals_ms[_i] / 10,
		    "late", start_ms);
		schedule_start(&schedule, moment_at(start_ms));
		schedule_finish(&schedule, next_random(&state) % 3 != 0);
		last_ms = start_ms;
		now_ms = start_ms + next_random(&state) % 10000;
	}
}
END_TEST

/*
 * Whoever makes us want evidence at the worst moments gets 25 seconds' worth of
 * polls ahead of one in ten seconds (gaps of 1, 2, 4 and 8), and never more.
 */
START_TEST(wanting_can_not_make_it_poll_hot)
{
	struct enclave_timing timing = {.poll_interval_ms = intervals_ms[_i],
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	struct schedule schedule = {0};
	uint64_t state = 1234567 + (uint64_t)_i;
	int64_t last_ms = 0;
	int64_t credit_ms = 0;
	int64_t now_ms = HOUR_MS;
	bool failed = false;

	for (unsigned int i = 0; i < 200000; i++) {
		/* At times often, at times hardly ever. */
		if (next_random(&state) % 64 >= i / 64 % 64)
			schedule_want(&schedule);
		int64_t start_ms = schedule_next_boot_ms(&schedule, &timing,
		    now_ms + HOUR_MS, moment_at(now_ms), next_random(&state));
		if (start_ms < now_ms)
			start_ms = now_ms;
		if (i > 0) {
			hold(start_ms - last_ms >=
				 (failed ? POLL_INTERVAL_MS_FLOOR
					 : SCHEDULE_WANTED_GAP_MS),
			    "too close", start_ms);
			credit_ms +=
			    POLL_INTERVAL_MS_FLOOR - (start_ms - last_ms);
			credit_ms = credit_ms > 0 ? credit_ms : 0;
			hold(credit_ms <= 25 * SECOND_MS, "too many", start_ms);
		}
		schedule_start(&schedule, moment_at(start_ms));
		failed = next_random(&state) % 16 == 0;
		schedule_finish(&schedule, !failed);
		last_ms = start_ms;
		now_ms = start_ms + next_random(&state) % 3 * SECOND_MS;
	}
}
END_TEST

/* However long a fault lasted, it is noticed soon that it is over. */
START_TEST(a_failing_server_is_asked_again_within_the_ceiling)
{
	struct enclave_timing timing = {.poll_interval_ms = intervals_ms[_i],
	    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT};
	struct schedule schedule = {0};
	uint64_t state = 99 + (uint64_t)_i;
	int64_t ceiling_ms = intervals_ms[_i] < SCHEDULE_BACKOFF_MS_MAX
				 ? intervals_ms[_i]
				 : SCHEDULE_BACKOFF_MS_MAX;
	int64_t now_ms = HOUR_MS;

	for (unsigned int i = 0; i < 10000; i++) {
		int64_t start_ms = schedule_next_boot_ms(&schedule, &timing, 0,
		    moment_at(now_ms), next_random(&state));
		hold(start_ms <= now_ms + ceiling_ms + ceiling_ms / 10, "late",
		    start_ms);
		schedule_start(&schedule, moment_at(start_ms));
		schedule_finish(&schedule, false);
		now_ms = start_ms;
	}
}
END_TEST

static Suite *
schedule_suite(void)
{
	Suite *suite = suite_create("schedule");
	TCase *one = tcase_create("steps");
	TCase *weeks = tcase_create("weeks");

	tcase_add_loop_test(
	    one, each_step_is_due_when_the_table_says, 0, (int)COUNT(steps));
	tcase_add_test(one, the_margin_is_the_configured_one);
	tcase_add_test(one, the_first_poll_is_due_at_once);
	tcase_add_test(one, jitter_is_a_tenth_either_way);
	tcase_add_test(
	    one, a_clock_that_starts_at_zero_still_counts_the_first_attempt);
	tcase_add_test(one, an_attempt_answers_what_was_wanted_before_it);
	tcase_add_test(one, learned_evidence_counts_as_a_good_poll);
	tcase_add_test(one, counters_stop_at_their_ends);
	suite_add_tcase(suite, one);

	tcase_add_loop_test(weeks,
	    no_deadline_is_missed_while_the_server_answers, 0,
	    (int)COUNT(services));
	tcase_add_loop_test(
	    weeks, no_setting_polls_hot, 0, (int)COUNT(intervals_ms));
	tcase_add_loop_test(weeks, wanting_can_not_make_it_poll_hot, 0,
	    (int)COUNT(intervals_ms));
	tcase_add_loop_test(weeks,
	    a_failing_server_is_asked_again_within_the_ceiling, 0,
	    (int)COUNT(intervals_ms));
	suite_add_tcase(suite, weeks);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(schedule_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
