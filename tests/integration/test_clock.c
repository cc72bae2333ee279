/*
 * Clocks that jump, stand still or run ahead.  Verdicts follow the clocks as
 * they are; an error that a wrong clock explains says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "integration/fixture.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)
#define YEAR_MS   (365 * DAY_MS)

static const struct {
	int64_t wall_ms; /* how wrong this machine's clock is */
	enum enclave_client_status status;
} wrong_clocks[] = {
    {-30 * SECOND_MS, ENCLAVE_CLIENT_ERR_NOT_YET_VALID},
    {-2 * HOUR_MS, ENCLAVE_CLIENT_ERR_NOT_YET_VALID},
    {2 * HOUR_MS, ENCLAVE_CLIENT_ERR_TOO_OLD},
    {4 * HOUR_MS, ENCLAVE_CLIENT_ERR_EXPIRED},
    {-10 * YEAR_MS, ENCLAVE_CLIENT_ERR_NETWORK},
    {10 * YEAR_MS, ENCLAVE_CLIENT_ERR_NETWORK},
};

START_TEST(a_wrong_clock_is_named)
{
	fixture_client(NULL, "", false);
	fixture.wall_offset_ms += wrong_clocks[_i].wall_ms;
	fixture_expect(fixture_get("/one"), wrong_clocks[_i].status, "clock");
	ck_assert(!fixture_saw("/one"));
	/* Put right, it works at once but for the limits of learning. */
	fixture.wall_offset_ms -= wrong_clocks[_i].wall_ms;
	fixture.boot_offset_ms += 11 * SECOND_MS;
	fixture_get_ok("/two");
}
END_TEST

/* Both sides' clocks, as time passes or a machine sleeps. */
static void
sleep_through(int64_t delay_ms)
{
	char settings[64];

	fixture_advance_ms(delay_ms);
	(void)snprintf(settings, sizeof(settings), "{\"clock_offset_ms\":%lld}",
	    (long long)fixture.wall_offset_ms);
	fixture_set(settings);
}

START_TEST(a_clock_set_back_extends_nothing)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	fixture_set("{\"evidence\":\"never\"}");
	fixture.wall_offset_ms -= YEAR_MS;
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error), 0);
	fixture.boot_offset_ms += HOUR_MS;
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT);
}
END_TEST

START_TEST(a_clock_set_back_revives_nothing)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	fixture_advance_ms(HOUR_MS);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT);
	fixture.wall_offset_ms -= HOUR_MS;
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT);
}
END_TEST

START_TEST(a_clock_set_forward_ends_evidence_at_once)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	fixture.wall_offset_ms += HOUR_MS;
	fixture_expect(
	    fixture_get("/two"), ENCLAVE_CLIENT_ERR_TOO_OLD, "clock");
	ck_assert(!fixture_saw("/two"));
}
END_TEST

static const int64_t sleeps_ms[] = {
    10 * SECOND_MS, 5 * 60 * SECOND_MS, HOUR_MS, DAY_MS, 30 * DAY_MS};

/* Whatever was missed meanwhile, one poll makes up for it. */
START_TEST(a_machine_that_slept_catches_up_without_a_stampede)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	size_t before;

	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	before = fixture_evidence();
	sleep_through(sleeps_ms[_i]);
	fixture_get_ok("/after");
	for (int i = 0; i < 10; i++) {
		(void)nanosleep(&pause, NULL);
		fixture_get_ok("/still");
	}
	/* The request's own learning, and one poll. */
	ck_assert_uint_le(fixture_evidence(), before + 2);
}
END_TEST

START_TEST(a_poll_thread_that_was_starved_asks_the_clock_it_has_now)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	/* It sleeps on, while everything it planned has passed. */
	fixture_set("{\"evidence\":\"never\"}");
	fixture_advance_ms(60000);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT);
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_EXPIRED));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_EXPIRED), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *cases = tcase_create("clock");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, fixture_setup, fixture_teardown);
	tcase_add_loop_test(cases, a_wrong_clock_is_named, 0,
	    sizeof(wrong_clocks) / sizeof(wrong_clocks[0]));
	tcase_add_test(cases, a_clock_set_back_extends_nothing);
	tcase_add_test(cases, a_clock_set_back_revives_nothing);
	tcase_add_test(cases, a_clock_set_forward_ends_evidence_at_once);
	tcase_add_loop_test(cases,
	    a_machine_that_slept_catches_up_without_a_stampede, 0,
	    sizeof(sleeps_ms) / sizeof(sleeps_ms[0]));
	tcase_add_test(
	    cases, a_poll_thread_that_was_starved_asks_the_clock_it_has_now);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
