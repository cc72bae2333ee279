/* A deadline on two clocks, of which the earlier counts (DESIGN section 7). */
#include <check.h>
#include <stdlib.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A moment of which no two numbers are alike. */
static const struct moment start = {
    .wall_ms = 1700000000123,
    .boot_ms = 5000077,
};

static const struct {
	const char *when;
	int64_t wall_moved_ms;
	int64_t boot_moved_ms;
	bool passed;
	int64_t left_ms;
} rows[] = {
    {"nothing moved", 0, 0, false, 1000},
    {"one ms before, on both", 999, 999, false, 1},
    {"at its very ms, on both", 1000, 1000, true, 0},
    {"one ms after, on both", 1001, 1001, true, 0},
    {"the wall alone one ms before", 999, 0, false, 1},
    {"the wall alone at its ms", 1000, 0, true, 0},
    {"boot time alone one ms before", 0, 999, false, 1},
    {"boot time alone at its ms", 0, 1000, true, 0},
    {"the clock set back an hour, before", -3600000, 999, false, 1},
    {"the clock set back an hour revives nothing", -3600000, 1000, true, 0},
    {"the clock set back to 1970", -1700000000123, 1000, true, 0},
    {"the clock set forward an hour", 3600000, 10, true, 0},
    {"suspended for a day", 86400000, 86400000, true, 0},
};

START_TEST(the_earlier_of_two_clocks_counts)
{
	struct deadline deadline = deadline_after(start, 1000);
	struct moment now = {
	    .wall_ms = start.wall_ms + rows[_i].wall_moved_ms,
	    .boot_ms = start.boot_ms + rows[_i].boot_moved_ms,
	};

	ck_assert_msg(deadline_passed(deadline, now) == rows[_i].passed, "%s",
	    rows[_i].when);
	ck_assert_msg(deadline_left_ms(deadline, now) == rows[_i].left_ms, "%s",
	    rows[_i].when);
}
END_TEST

START_TEST(a_wall_time_becomes_the_same_distance_in_boot_time)
{
	struct deadline ahead = deadline_at_wall(start, start.wall_ms + 77);
	struct deadline behind = deadline_at_wall(start, start.wall_ms - 77);

	ck_assert_int_eq(ahead.wall_ms, start.wall_ms + 77);
	ck_assert_int_eq(ahead.boot_ms, start.boot_ms + 77);
	ck_assert(!deadline_passed(ahead, start));
	ck_assert_int_eq(behind.boot_ms, start.boot_ms - 77);
	ck_assert(deadline_passed(behind, start));
	ck_assert_int_eq(deadline_left_ms(behind, start), 0);
}
END_TEST

START_TEST(a_deadline_after_nothing_has_passed)
{
	ck_assert(deadline_passed(deadline_after(start, 0), start));
	ck_assert(deadline_passed(deadline_after(start, -1), start));
	ck_assert(!deadline_passed(deadline_after(start, 1), start));
}
END_TEST

static int64_t
pretended_wall_ms(void *context)
{
	return *(int64_t *)context;
}

static int64_t
pretended_boot_ms(void *context)
{
	return *(int64_t *)context + 1;
}

START_TEST(both_clocks_are_read_through_the_source)
{
	int64_t time_ms = 41;
	struct clock_source source = {
	    .wall_ms = pretended_wall_ms,
	    .boot_ms = pretended_boot_ms,
	    .context = &time_ms,
	};
	struct moment now = clock_now(&source);

	ck_assert_int_eq(now.wall_ms, 41);
	ck_assert_int_eq(now.boot_ms, 42);
}
END_TEST

START_TEST(the_system_clocks_run_in_milliseconds)
{
	struct moment first = clock_now(&clock_system);
	struct moment second = clock_now(&clock_system);

	/* After the year 2020 and before 2200. */
	ck_assert_int_gt(first.wall_ms, INT64_C(1577836800000));
	ck_assert_int_lt(first.wall_ms, INT64_C(7258118400000));
	ck_assert_int_ge(first.boot_ms, 0);
	ck_assert_int_ge(second.boot_ms, first.boot_ms);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/clock");
	TCase *cases = tcase_create("deadlines");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(
	    cases, the_earlier_of_two_clocks_counts, 0, COUNT(rows));
	tcase_add_test(
	    cases, a_wall_time_becomes_the_same_distance_in_boot_time);
	tcase_add_test(cases, a_deadline_after_nothing_has_passed);
	tcase_add_test(cases, both_clocks_are_read_through_the_source);
	tcase_add_test(cases, the_system_clocks_run_in_milliseconds);
	suite_add_tcase(suite, cases);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
