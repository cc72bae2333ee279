/* Reports of a client that talks: keys, counters, times, states. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

static struct enclave_client_report *kept;

static const struct enclave_client_report_enclave *
look(void)
{
	enclave_client_report_free(kept);
	kept = NULL;
	ck_assert_msg(enclave_client_report(fixture.client, FIXTURE_NAME, &kept,
			  fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	return enclave_client_report_at(kept, 0);
}

static void
teardown(void)
{
	enclave_client_report_free(kept);
	kept = NULL;
	fixture_teardown();
}

START_TEST(an_attested_enclave_shows_its_key)
{
	const struct enclave_client_report_enclave *shown;
	int64_t now_ms;

	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	fixture_get_ok("/two");
	now_ms = fixture.clock.wall_ms(&fixture);
	shown = look();
	ck_assert_int_eq(shown->state, ENCLAVE_CLIENT_STATE_ATTESTED);
	ck_assert_uint_eq(shown->key_count, 1);
	ck_assert_str_eq(shown->keys[0].sha256,
	    local_enclave_text(fixture.enclave, "spki_sha256"));
	ck_assert_int_gt(shown->keys[0].deadline_ms, now_ms);
	ck_assert_int_le(shown->keys[0].timestamp_ms, now_ms);
	ck_assert_uint_eq(shown->keys[0].set_index, 0);
	/* The fixture's root is the caller's own. */
	ck_assert(shown->insecure);
	ck_assert_uint_eq(shown->counters.requests, 2);
	ck_assert_uint_eq(shown->counters.learnings, 1);
	ck_assert_uint_eq(shown->counters.documents_accepted, 1);
	ck_assert_uint_eq(shown->counters.refusals, 0);
	ck_assert_uint_eq(shown->counters.polls, 0);
	ck_assert_int_eq(shown->last_poll_ms, 0);
	ck_assert_int_eq(shown->next_poll_ms, 0);
}
END_TEST

START_TEST(a_poll_shows_when_and_how_often)
{
	const struct enclave_client_report_enclave *shown;
	int64_t now_ms;

	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	now_ms = fixture.clock.wall_ms(&fixture);
	/* Published first, counted right after. */
	do {
		shown = look();
	} while (!shown->counters.polls || shown->next_poll_ms <= now_ms);
	ck_assert_uint_eq(shown->counters.polls, 1);
	ck_assert_uint_eq(shown->counters.polls_failed, 0);
	ck_assert_int_le(shown->last_poll_ms, now_ms);
	ck_assert_int_gt(shown->last_poll_ms, now_ms - 60000);
	ck_assert_int_gt(shown->next_poll_ms, now_ms + 200000);
}
END_TEST

START_TEST(what_has_expired_says_so)
{
	const struct enclave_client_report_enclave *shown;

	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/one");
	fixture_advance_ms(61000);
	shown = look();
	ck_assert_int_eq(shown->state, ENCLAVE_CLIENT_STATE_EXPIRED);
	ck_assert_uint_eq(shown->key_count, 0);
	ck_assert_int_eq(shown->last_status, ENCLAVE_CLIENT_OK);
}
END_TEST

/* Seen from the new time: no more is left than the boot clock leaves. */
START_TEST(a_wall_clock_set_back_shows_no_longer_life)
{
	static const int64_t half_an_hour_ms = 1800000;
	int64_t before_ms;
	int64_t deadline_ms;

	fixture_client(NULL, ",\"max_age_ms\":3600000", false);
	fixture_get_ok("/one");
	before_ms = look()->keys[0].deadline_ms;
	fixture.wall_offset_ms -= half_an_hour_ms;
	deadline_ms = look()->keys[0].deadline_ms;
	ck_assert_int_le(deadline_ms, before_ms - half_an_hour_ms + 1000);
	ck_assert_int_gt(deadline_ms, before_ms - half_an_hour_ms - 60000);
	/* Right again, it shows what it showed. */
	fixture.wall_offset_ms += half_an_hour_ms;
	ck_assert_int_eq(look()->keys[0].deadline_ms, before_ms);
}
END_TEST

START_TEST(a_withdrawn_build_is_refused_and_counted)
{
	const struct enclave_client_report_enclave *shown;
	static const char none[] =
	    "777777777777777777777777777777777777777777777777"
	    "777777777777777777777777777777777777777777777777";
	uint64_t generation;

	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	generation = look()->generation;
	fixture_update(none, "");
	fixture_expect(
	    fixture_get("/two"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	shown = look();
	ck_assert_int_eq(shown->state, ENCLAVE_CLIENT_STATE_REFUSED);
	ck_assert_int_eq(shown->last_status, ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_int_eq(shown->last_step, ENCLAVE_CLIENT_STEP_POLICY);
	ck_assert_uint_ne(shown->generation, generation);
	ck_assert_uint_eq(shown->counters.documents_refused, 1);
	ck_assert_uint_eq(shown->counters.requests, 1);
}
END_TEST

/* Each GET that the server saw, and nothing else. */
START_TEST(learnings_are_gets_of_evidence)
{
	const struct enclave_client_report_enclave *shown;
	static const char none[] =
	    "777777777777777777777777777777777777777777777777"
	    "777777777777777777777777777777777777777777777777";

	fixture_client(none, "", true);
	while (!look()->counters.polls)
		(void)sched_yield();
	for (int i = 0; i < 5; i++)
		fixture_expect(
		    fixture_get("/x"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	shown = look();
	ck_assert_uint_gt(shown->counters.learnings, 0);
	ck_assert_uint_eq(shown->counters.learnings + shown->counters.polls,
	    fixture_evidence());
}
END_TEST

START_TEST(a_refusal_at_the_gate_is_counted)
{
	const struct enclave_client_report_enclave *shown;

	fixture_client(NULL, "", false);
	fixture_get_ok("/one");
	fixture_set("{\"evidence\":\"other-key\",\"keep_alive\":false}");
	fixture_rotate();
	fixture_get_ok("/on-the-old-connection");
	fixture_expect(
	    fixture_get("/two"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	shown = look();
	ck_assert_uint_ge(shown->counters.refusals, 1);
	ck_assert_int_eq(shown->state, ENCLAVE_CLIENT_STATE_ATTESTED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("report");
	TCase *cases = tcase_create("report");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, fixture_setup, teardown);
	tcase_add_test(cases, an_attested_enclave_shows_its_key);
	tcase_add_test(cases, a_poll_shows_when_and_how_often);
	tcase_add_test(cases, what_has_expired_says_so);
	tcase_add_test(cases, a_wall_clock_set_back_shows_no_longer_life);
	tcase_add_test(cases, a_withdrawn_build_is_refused_and_counted);
	tcase_add_test(cases, learnings_are_gets_of_evidence);
	tcase_add_test(cases, a_refusal_at_the_gate_is_counted);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
