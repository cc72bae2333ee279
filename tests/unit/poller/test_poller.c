/*
 * The poller's threads, over a pretended cache and clock and a real libcurl.  Each
 * test ends with every reference, flight and attachment given back.
 */
#include <check.h>
#include <stdlib.h>

#include "base/limits.h"
#include "fakes.h"
#include "poller/roster.h"
#include "torture.h"

#define INTERVAL_MS 300000
/* More than any jitter adds. */
#define INTERVAL_PASSED_MS 331000
#define FLOOR_PASSED_MS    12000

static struct poller *
begin(size_t slots)
{
	fakes_begin(slots, INTERVAL_MS);
	return fakes_start_poller();
}

static void
end(struct poller *poller)
{
	poller_free(poller);
	fakes_end();
}

START_TEST(every_enclave_is_polled_at_once_and_again_after_its_interval)
{
	struct poller *poller = begin(3);

	for (size_t i = 0; i < 3; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	for (size_t i = 0; i < 3; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 2);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->failures), 0);
	/* One connection for each poll: none was kept for the next. */
	ck_assert_uint_eq(fake_server_counts(fakes_server()).connections, 6);
	end(poller);
}
END_TEST

/* The first poll of enclave 0 is over. */
static struct poller *
begin_polled(size_t slots)
{
	struct poller *poller = begin(slots);

	for (size_t i = 0; i < slots; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	fakes_settle(poller);
	return poller;
}

START_TEST(nothing_is_polled_before_it_is_due)
{
	struct poller *poller = begin_polled(1);

	fakes_advance(poller, INTERVAL_MS - INTERVAL_MS / 10 - 1);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 1);
	end(poller);
}
END_TEST

START_TEST(evidence_in_certificates_is_not_polled)
{
	struct poller *poller;

	fakes_begin(2, INTERVAL_MS);
	fakes_carry_evidence(fakes_slot(0));
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(1)->published >= 1);
	fakes_mark(fakes_slot(0), CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(1)->fetches >= 2);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 0);
	end(poller);
}
END_TEST

START_TEST(a_failed_fetch_publishes_nothing_and_is_tried_again)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fake_server_set_status(fakes_server(), 503);
	poller = fakes_start_poller();
	for (unsigned int i = 1; i <= 5; i++) {
		WAIT_UNTIL(fakes_slot(0)->failures == i);
		fakes_settle(poller);
		fakes_advance(poller, INTERVAL_PASSED_MS);
	}
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 0);
	fake_lock();
	ck_assert_int_eq(fakes_slot(0)->error.status,
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED);
	fake_unlock();
	/* And it recovers. */
	fake_server_set_status(fakes_server(), 200);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(0)->published >= 1);
	end(poller);
}
END_TEST

START_TEST(a_failed_attempt_is_not_repeated_before_the_floor)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fake_server_set_status(fakes_server(), 503);
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(0)->failures == 1);
	fakes_settle(poller);
	fakes_advance(poller, POLL_INTERVAL_MS_FLOOR - 1);
	/* Not even when somebody waits for it. */
	fakes_mark(fakes_slot(0), CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 1);
	fakes_advance(poller, 1);
	WAIT_UNTIL(fakes_slot(0)->failures == 2);
	end(poller);
}
END_TEST

START_TEST(refused_evidence_is_handed_on_and_tried_again)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_slot(0)->appraise_status = ENCLAVE_CLIENT_ERR_CHAIN;
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	fake_lock();
	ck_assert_int_eq(fakes_slot(0)->error.status, ENCLAVE_CLIENT_ERR_CHAIN);
	ck_assert_str_eq(fakes_slot(0)->error.enclave, "payments");
	fake_unlock();
	fakes_settle(poller);
	fakes_advance(poller, FLOOR_PASSED_MS);
	WAIT_UNTIL(fakes_slot(0)->published == 2);
	/* A refusal is a failure: the pause doubles. */
	fakes_settle(poller);
	fakes_advance(poller, FLOOR_PASSED_MS);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 2);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->failures), 0);
	end(poller);
}
END_TEST

START_TEST(a_poll_that_can_not_start_is_a_failure_and_is_tried_again)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_slot(0)->attach_fails = true;
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(0)->failures == 1);
	fakes_settle(poller);
	fakes_advance(poller, FLOOR_PASSED_MS);
	WAIT_UNTIL(fakes_slot(0)->failures == 2);
	end(poller);
}
END_TEST

START_TEST(evidence_is_published_under_the_policy_of_the_polls_start)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), 1);
	fakes_change_policy(fakes_slot(0));
	fakes_settle(poller);
	fake_server_hold(fakes_server(), false);
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	fake_lock();
	ck_assert_uint_eq(fakes_slot(0)->published_under, 10);
	fake_unlock();
	/* A poll that starts later names the new one. */
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(0)->published == 2);
	fake_lock();
	ck_assert_uint_eq(fakes_slot(0)->published_under, 11);
	fake_unlock();
	end(poller);
}
END_TEST

START_TEST(an_enclave_that_is_removed_in_flight_loses_its_transfer)
{
	struct poller *poller;

	fakes_begin(2, INTERVAL_MS);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), 2);
	fakes_remove(poller, 0);
	fake_server_wait_gone(fakes_server(), 1);
	/* The cache's own is the last reference, the flight is free. */
	WAIT_UNTIL(fakes_slot(0)->references == 1 && !fakes_slot(0)->flight);
	fake_server_hold(fakes_server(), false);
	WAIT_UNTIL(fakes_slot(1)->published == 1);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 0);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(1)->published == 2);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 1);
	end(poller);
}
END_TEST

/* A poll of slot starts now, though it was polled before. */
static void
poll_now(struct poller *poller, struct cache_slot *slot)
{
	unsigned int fetches = LOOK(slot->fetches);

	fakes_mark(slot, CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	/* More than any gap between wanted polls; where it has passed already,
	 * it would bring a second poll. */
	if (LOOK(slot->fetches) == fetches)
		fakes_advance(poller, POLL_INTERVAL_MS_FLOOR);
	WAIT_UNTIL(slot->fetches == fetches + 1);
}

/* All were polled once; the next document of slot 0 is being judged. */
static struct poller *
begin_judging(size_t slots)
{
	struct poller *poller = begin_polled(slots);

	fakes_pause_appraise(true);
	poll_now(poller, fakes_slot(0));
	fakes_wait_paused();
	return poller;
}

/* And that of slot 1 waits behind it. */
static struct poller *
begin_queued(size_t slots)
{
	struct poller *poller = begin_judging(slots);

	poll_now(poller, fakes_slot(1));
	/* The answer is in once its connection is closed. */
	fake_server_wait_closed(fakes_server(), slots + 2);
	fakes_settle(poller);
	return poller;
}

START_TEST(while_a_document_is_judged_another_poll_times_out)
{
	struct poller *poller = begin_judging(2);
	struct cache_slot *slot = fakes_slot(1);

	fake_server_hold(fakes_server(), true);
	fakes_set_fetch_timeout(slot, 50);
	poll_now(poller, slot);
	WAIT_UNTIL(slot->failures == 1);
	fake_lock();
	ck_assert_str_eq(
	    slot->error.message, curl_easy_strerror(CURLE_OPERATION_TIMEDOUT));
	ck_assert_uint_eq(fakes_slot(0)->published, 1);
	fake_unlock();
	fakes_pause_appraise(false);
	WAIT_UNTIL(fakes_slot(0)->published == 2);
	end(poller);
}
END_TEST

START_TEST(while_a_document_is_judged_other_polls_start_and_end)
{
	struct poller *poller = begin_judging(3);

	fake_server_set_status(fakes_server(), 503);
	for (unsigned int i = 1; i <= 5; i++) {
		poll_now(poller, fakes_slot(1));
		WAIT_UNTIL(fakes_slot(1)->failures == i);
	}
	fake_server_set_status(fakes_server(), 200);
	poll_now(poller, fakes_slot(2));
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 1);
	fakes_pause_appraise(false);
	WAIT_UNTIL(fakes_slot(0)->published == 2);
	WAIT_UNTIL(fakes_slot(2)->published == 2);
	end(poller);
}
END_TEST

START_TEST(while_a_document_is_judged_keys_expire)
{
	struct poller *poller = begin_judging(2);

	fakes_advance(poller, fakes_slot(1)->life_ms);
	WAIT_UNTIL(fakes_slot(1)->expired >= 1);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 1);
	fakes_pause_appraise(false);
	end(poller);
}
END_TEST

START_TEST(of_a_thousand_documents_each_is_judged_once)
{
	struct poller *poller;
	size_t fetched = 0;

	fakes_begin(1000, INTERVAL_MS);
	fakes_pause_appraise(true);
	poller = fakes_start_poller();
	fakes_wait_paused();
	fake_server_wait_closed(fakes_server(), POLLS_IN_FLIGHT_MAX);
	fakes_settle(poller);
	/* Those that wait for their verdict keep their places in flight. */
	for (size_t i = 0; i < 1000; i++)
		fetched += LOOK(fakes_slot(i)->fetches);
	ck_assert_uint_eq(fetched, POLLS_IN_FLIGHT_MAX);
	fakes_pause_appraise(false);
	for (size_t i = 0; i < 1000; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	fakes_settle(poller);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(LOOK(fakes_slot(i)->fetches), 1);
	end(poller);
}
END_TEST

START_TEST(an_enclave_that_is_removed_while_it_is_judged_is_let_go)
{
	struct poller *poller = begin_queued(3);

	fakes_remove(poller, 0);
	fakes_remove(poller, 1);
	fakes_settle(poller);
	/* The verification thread is in the middle of them. */
	ck_assert(fakes_slot(0)->flight && fakes_slot(1)->flight);
	fakes_pause_appraise(false);
	for (size_t i = 0; i < 2; i++) {
		WAIT_UNTIL(
		    fakes_slot(i)->references == 1 && !fakes_slot(i)->flight);
		ck_assert_uint_eq(LOOK(fakes_slot(i)->published), 2);
	}
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(2)->published == 2);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 2);
	ck_assert_uint_eq(LOOK(fakes_slot(1)->fetches), 2);
	end(poller);
}
END_TEST

START_TEST(a_policy_that_changes_while_a_document_is_judged_is_seen)
{
	struct poller *poller = begin_judging(1);
	struct cache_slot *slot = fakes_slot(0);

	fakes_change_policy(slot);
	fakes_settle(poller);
	fakes_pause_appraise(false);
	WAIT_UNTIL(slot->published == 2);
	fakes_settle(poller);
	/* The cache is told which policy it was matched under: the former. */
	fake_lock();
	ck_assert_uint_eq(slot->published_under, 10);
	fake_unlock();
	poll_now(poller, slot);
	WAIT_UNTIL(slot->published == 3);
	fake_lock();
	ck_assert_uint_eq(slot->published_under, 11);
	fake_unlock();
	end(poller);
}
END_TEST

START_TEST(what_is_wanted_while_a_document_is_judged_is_fetched_after_it)
{
	struct poller *poller = begin_judging(1);
	struct cache_slot *slot = fakes_slot(0);

	fakes_mark(slot, CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	fakes_advance(poller, POLL_INTERVAL_MS_FLOOR);
	fakes_settle(poller);
	/* Not beside it: they are one flight. */
	ck_assert_uint_eq(LOOK(slot->fetches), 2);
	fakes_pause_appraise(false);
	WAIT_UNTIL(slot->published == 3);
	end(poller);
}
END_TEST

static void *
stop_poller(void *context)
{
	poller_stop(context);
	return NULL;
}

START_TEST(it_stops_after_the_verification_under_way)
{
	struct poller *poller = begin_queued(2);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, stop_poller, poller), 0);
	/* The poll thread ends, and waits for the verification thread. */
	fakes_wait_joining(2);
	fakes_pause_appraise(false);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 2);
	ck_assert_uint_eq(LOOK(fakes_slot(1)->published), 1);
	end(poller);
}
END_TEST

/* The first of the store's documents is being read. */
static struct poller *
begin_reading(size_t slots)
{
	struct poller *poller;

	fakes_begin(slots, INTERVAL_MS);
	fakes_hold_store();
	poller = fakes_start_poller();
	fakes_wait_store(1);
	return poller;
}

START_TEST(while_the_store_is_read_only_what_is_wanted_is_fetched)
{
	struct poller *poller = begin_reading(2);
	struct cache_slot *slot = fakes_slot(0);

	fake_server_set_status(fakes_server(), 503);
	poll_now(poller, slot);
	WAIT_UNTIL(slot->failures == 1);
	ck_assert_uint_eq(LOOK(fakes_slot(1)->fetches), 0);
	fakes_end_store();
	fake_server_set_status(fakes_server(), 200);
	for (int i = 0; i < 3; i++) {
		fakes_settle(poller);
		fakes_advance(poller, INTERVAL_PASSED_MS);
	}
	WAIT_UNTIL(fakes_slot(1)->published >= 1);
	end(poller);
}
END_TEST

START_TEST(between_two_stored_documents_polls_are_judged)
{
	struct poller *poller = begin_reading(1);

	poll_now(poller, fakes_slot(0));
	/* Its answer is in, and waits for the document that is being read. */
	fake_server_wait_closed(fakes_server(), 1);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->published), 0);
	for (int i = 0; i < 1000 && !LOOK(fakes_slot(0)->published); i++) {
		fakes_pass_document();
		fakes_wait_store((unsigned int)i + 2);
	}
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	fakes_end_store();
	end(poller);
}
END_TEST

START_TEST(it_stops_between_two_stored_documents)
{
	struct poller *poller = begin_reading(1);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, stop_poller, poller), 0);
	/* The poll thread has ended. */
	fakes_wait_joining(2);
	/* The queue's own mark comes just before that. */
	fakes_pass_document();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	end(poller);
}
END_TEST

START_TEST(a_new_enclave_is_polled_when_it_is_configured)
{
	struct poller *poller;

	fakes_begin(2, INTERVAL_MS);
	/* The map has one at first. */
	fakes_hide(1);
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	ck_assert_uint_eq(LOOK(fakes_slot(1)->fetches), 0);
	fakes_show(1);
	fakes_mark(fakes_slot(1), CACHE_DIRTY_CONFIGURED);
	fakes_settle(poller);
	fakes_advance(poller, SCHEDULE_START_JITTER_MS);
	WAIT_UNTIL(fakes_slot(1)->published == 1);
	end(poller);
}
END_TEST

START_TEST(while_a_request_learns_no_poll_starts)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_set_flight(fakes_slot(0), true);
	poller = fakes_start_poller();
	for (unsigned int i = 0; i < 10; i++) {
		fakes_settle(poller);
		fakes_advance(poller, 1000);
	}
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 0);
	/* It gave up: the poll takes over. */
	fakes_set_flight(fakes_slot(0), false);
	fakes_advance(poller, 1000);
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	end(poller);
}
END_TEST

START_TEST(what_a_request_learned_counts_as_the_poll)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_set_flight(fakes_slot(0), true);
	poller = fakes_start_poller();
	fakes_settle(poller);
	fakes_learn(fakes_slot(0));
	fakes_set_flight(fakes_slot(0), false);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_MS - INTERVAL_MS / 10 - 1);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 0);
	fakes_advance(poller, INTERVAL_MS / 5 + 2);
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	end(poller);
}
END_TEST

/* As the parent of a forked child did. */
START_TEST(what_lived_before_the_poller_counts_as_the_poll)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_learn(fakes_slot(0));
	poller = fakes_start_poller();
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_MS - INTERVAL_MS / 10 - 1000);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->fetches), 0);
	fakes_advance(poller, INTERVAL_MS / 5 + 1001);
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	end(poller);
}
END_TEST

START_TEST(what_lived_before_the_poller_and_ends_soon_is_renewed_at_once)
{
	struct poller *poller;

	fakes_begin(1, INTERVAL_MS);
	fakes_slot(0)->life_ms = 2 * POLL_INTERVAL_MS_FLOOR - 1;
	fakes_learn(fakes_slot(0));
	poller = fakes_start_poller();
	WAIT_UNTIL(fakes_slot(0)->published == 1);
	ck_assert_uint_eq(LOOK(fakes_slot(0)->expired), 0);
	end(poller);
}
END_TEST

START_TEST(what_the_poll_itself_published_is_not_taken_for_learned)
{
	struct poller *poller = begin_polled(1);
	struct cache_slot *slot = fakes_slot(0);

	/* Its own mark is seen an hour of pretended time later. */
	fakes_mark(slot, CACHE_DIRTY_PUBLISHED);
	fakes_advance(poller, INTERVAL_MS - INTERVAL_MS / 10 - 1);
	fakes_mark(slot, CACHE_DIRTY_PUBLISHED);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_MS / 5 + 2);
	WAIT_UNTIL(slot->published == 2);
	end(poller);
}
END_TEST

START_TEST(wanted_evidence_is_fetched_at_once_and_then_more_slowly)
{
	static const int64_t gaps_ms[] = {1000, 2000, 4000, 8000, 10000, 10000};
	struct poller *poller = begin_polled(1);
	struct cache_slot *slot = fakes_slot(0);

	for (unsigned int i = 0; i < 6; i++) {
		fakes_mark(slot, CACHE_DIRTY_WANTED);
		fakes_settle(poller);
		fakes_advance(poller, gaps_ms[i] - 1);
		fakes_settle(poller);
		ck_assert_uint_eq(LOOK(slot->fetches), i + 1);
		fakes_advance(poller, 1);
		WAIT_UNTIL(slot->published == i + 2);
		fakes_settle(poller);
	}
	end(poller);
}
END_TEST

START_TEST(what_is_wanted_during_a_poll_is_fetched_after_it)
{
	struct poller *poller;
	struct cache_slot *slot;

	fakes_begin(1, INTERVAL_MS);
	slot = fakes_slot(0);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), 1);
	/* The key may have changed after this poll's answer was made. */
	fakes_mark(slot, CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	fake_server_hold(fakes_server(), false);
	WAIT_UNTIL(slot->published == 1);
	fakes_settle(poller);
	fakes_advance(poller, 1000);
	WAIT_UNTIL(slot->published == 2);
	end(poller);
}
END_TEST

START_TEST(no_more_are_in_flight_than_the_limit_and_all_get_their_turn)
{
	struct poller *poller;

	fakes_begin(200, INTERVAL_MS);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), POLLS_IN_FLIGHT_MAX);
	fakes_settle(poller);
	ck_assert_uint_eq(fake_server_counts(fakes_server()).connections,
	    POLLS_IN_FLIGHT_MAX);
	fake_server_hold(fakes_server(), false);
	for (size_t i = 0; i < 200; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	ck_assert_uint_le(
	    fake_server_counts(fakes_server()).held_most, POLLS_IN_FLIGHT_MAX);
	end(poller);
}
END_TEST

START_TEST(as_many_are_in_flight_as_the_map_says)
{
	struct poller *poller;

	fakes_begin(20, INTERVAL_MS);
	fakes_set_polls_in_flight(2);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), 2);
	fakes_settle(poller);
	ck_assert_uint_eq(fake_server_counts(fakes_server()).connections, 2);
	/* Another map says more. */
	fakes_set_polls_in_flight(5);
	poller_wake(poller);
	fake_server_wait_held(fakes_server(), 5);
	fakes_settle(poller);
	ck_assert_uint_eq(fake_server_counts(fakes_server()).connections, 5);
	/* And one less: those in flight end as they would have. */
	fakes_set_polls_in_flight(1);
	fake_server_hold(fakes_server(), false);
	for (size_t i = 0; i < 20; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	end(poller);
}
END_TEST

START_TEST(keys_expire_though_every_place_in_flight_is_taken)
{
	struct poller *poller;
	struct cache_slot *last;

	fakes_begin(POLLS_IN_FLIGHT_MAX + 1, INTERVAL_MS);
	last = fakes_slot(POLLS_IN_FLIGHT_MAX);
	last->life_ms = 60000;
	poller = fakes_start_poller();
	for (size_t i = 0; i <= POLLS_IN_FLIGHT_MAX; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 1);
	fakes_settle(poller);
	/* All others are wanted, and their endpoint hangs. */
	fake_server_hold(fakes_server(), true);
	for (size_t i = 0; i < POLLS_IN_FLIGHT_MAX; i++)
		fakes_mark(fakes_slot(i), CACHE_DIRTY_WANTED);
	fakes_settle(poller);
	fakes_advance(poller, 1000);
	fake_server_wait_held(fakes_server(), POLLS_IN_FLIGHT_MAX);
	fakes_advance(poller, 59000);
	WAIT_UNTIL(last->expired >= 1);
	end(poller);
}
END_TEST

START_TEST(a_key_is_renewed_before_its_end)
{
	struct poller *poller;
	struct cache_slot *slot;

	fakes_begin(1, POLL_INTERVAL_MS_CEILING);
	slot = fakes_slot(0);
	slot->life_ms = 600000;
	poller = fakes_start_poller();
	WAIT_UNTIL(slot->published == 1);
	fakes_settle(poller);
	fakes_advance(poller, 600000 - POLL_MARGIN_MS_DEFAULT - 1);
	fakes_settle(poller);
	ck_assert_uint_eq(LOOK(slot->fetches), 1);
	fakes_advance(poller, 1);
	WAIT_UNTIL(slot->published == 2);
	ck_assert_uint_eq(LOOK(slot->expired), 0);
	end(poller);
}
END_TEST

START_TEST(a_wall_clock_set_forward_ends_keys_at_once)
{
	struct poller *poller = begin_polled(1);
	struct cache_slot *slot = fakes_slot(0);

	fakes_jump_wall(poller, 2 * 3600000);
	WAIT_UNTIL(slot->expired >= 1);
	fakes_settle(poller);
	/* New evidence is fetched as soon as the floor allows. */
	fakes_advance(poller, POLL_INTERVAL_MS_FLOOR);
	WAIT_UNTIL(slot->published == 2);
	end(poller);
}
END_TEST

START_TEST(a_wall_clock_set_back_does_not_put_a_poll_off)
{
	struct poller *poller = begin_polled(1);
	struct cache_slot *slot = fakes_slot(0);

	fakes_jump_wall(poller, INT64_C(-10) * 365 * 86400 * 1000);
	fakes_settle(poller);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(slot->published == 2);
	end(poller);
}
END_TEST

START_TEST(a_slow_drift_of_the_clocks_is_noticed)
{
	struct poller *poller = begin_polled(1);
	struct cache_slot *slot = fakes_slot(0);

	/* An hour of evidence, less by half a second at each turn. */
	for (unsigned int i = 0; i < 7; i++) {
		fakes_jump_wall(poller, 500);
		fakes_settle(poller);
	}
	ck_assert_uint_ge(LOOK(slot->expired), 2);
	end(poller);
}
END_TEST

START_TEST(after_a_suspend_each_enclave_is_polled_once)
{
	struct poller *poller = begin_polled(100);

	fakes_advance(poller, INT64_C(86400) * 1000);
	for (size_t i = 0; i < 100; i++)
		WAIT_UNTIL(fakes_slot(i)->published == 2);
	fakes_settle(poller);
	for (size_t i = 0; i < 100; i++)
		ck_assert_uint_eq(LOOK(fakes_slot(i)->fetches), 2);
	ck_assert_uint_le(
	    fake_server_counts(fakes_server()).held_most, POLLS_IN_FLIGHT_MAX);
	end(poller);
}
END_TEST

START_TEST(its_threads_have_names_and_take_no_signal)
{
	struct poller *poller = begin_polled(1);
	struct fakes_thread poll = fakes_fetching_thread();
	struct fakes_thread verify = fakes_appraising_thread();

	ck_assert_str_eq(poll.name, "enclave-poll");
	ck_assert(poll.signals_blocked);
	ck_assert_str_eq(verify.name, "enclave-verify");
	ck_assert(verify.signals_blocked);
	end(poller);
}
END_TEST

/* That it returns at all is the test: the transfers would last minutes. */
START_TEST(it_stops_while_every_server_hangs)
{
	struct poller *poller;

	fakes_begin(100, INTERVAL_MS);
	fake_server_hold(fakes_server(), true);
	poller = fakes_start_poller();
	fake_server_wait_held(fakes_server(), POLLS_IN_FLIGHT_MAX);
	end(poller);
}
END_TEST

START_TEST(it_stops_while_the_resolver_hangs)
{
	struct poller *poller;

	fakes_begin(3, INTERVAL_MS);
	for (size_t i = 0; i < 3; i++)
		fakes_slot(i)->host = "hang.invalid";
	poller = fakes_start_poller();
	fakes_wait_resolving(3);
	poller_free(poller);
	/* Only now does the resolver come back. */
	fakes_release_resolver();
	fakes_end();
}
END_TEST

START_TEST(a_removed_enclave_does_not_wait_for_the_resolver)
{
	struct poller *poller;

	fakes_begin(2, INTERVAL_MS);
	fakes_slot(0)->host = "hang.invalid";
	poller = fakes_start_poller();
	fakes_wait_resolving(1);
	WAIT_UNTIL(fakes_slot(1)->published == 1);
	fakes_remove(poller, 0);
	WAIT_UNTIL(fakes_slot(0)->references == 1);
	fakes_advance(poller, INTERVAL_PASSED_MS);
	WAIT_UNTIL(fakes_slot(1)->published == 2);
	poller_free(poller);
	fakes_release_resolver();
	fakes_end();
}
END_TEST

START_TEST(it_may_be_stopped_twice_and_woken_after)
{
	struct poller *poller = begin_polled(1);

	poller_stop(poller);
	poller_stop(poller);
	poller_wake(poller);
	fakes_mark(fakes_slot(0), CACHE_DIRTY_WANTED);
	end(poller);
	poller_stop(NULL);
	poller_free(NULL);
}
END_TEST

static void *
stop_from_another_thread(void *context)
{
	for (unsigned int i = 0; i < 100; i++)
		poller_wake(context);
	poller_stop(context);
	return NULL;
}

START_TEST(many_threads_wake_and_stop_it_at_once)
{
	pthread_t threads[8];
	struct poller *poller = begin(50);

	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     stop_from_another_thread, poller),
		    0);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	end(poller);
}
END_TEST

/*
 * Whichever call fails: either there is no poller, and it says why, or every
 * enclave is polled in the end.
 */
START_TEST(no_failing_call_makes_it_lose_an_enclave)
{
	unsigned int started = 0;
	bool failed = true;

	for (unsigned int n = 0; failed; n++) {
		struct poller *poller;
		fakes_begin(20, INTERVAL_MS);
		torture_begin(n);
		poller = fakes_try_poller();
		for (size_t i = 0; poller && i < 20; i++) {
			WAIT_UNTIL(fakes_slot(i)->published ||
				   fakes_slot(i)->failures);
			/* What failed is due again after the floor. */
			if (!LOOK(fakes_slot(i)->published)) {
				fakes_settle(poller);
				fakes_advance(poller, FLOOR_PASSED_MS);
			}
			WAIT_UNTIL(fakes_slot(i)->published);
		}
		started += poller != NULL;
		failed = torture_end();
		end(poller);
	}
	/* Handles, entries, buckets, heaps. */
	ck_assert_uint_gt(started, 20);
}
END_TEST

/* As a night goes: everything at once, in any order. */
START_TEST(any_mix_of_events_ends_with_everything_given_back)
{
	struct poller *poller = begin(60);

	srand((unsigned int)_i);
	for (unsigned int i = 0; i < 600; i++) {
		size_t index = (size_t)(rand() % 60);
		switch (rand() % 8) {
		case 0:
			fakes_mark(fakes_slot(index), CACHE_DIRTY_WANTED);
			break;
		case 1:
			fakes_learn(fakes_slot(index));
			break;
		case 2:
			fakes_remove(poller, index);
			break;
		case 3:
			fake_server_hold(fakes_server(), rand() % 2);
			break;
		case 4:
			fake_server_set_status(
			    fakes_server(), rand() % 2 ? 200 : 503);
			break;
		case 5:
			fakes_jump_wall(poller, (rand() % 3 - 1) * 3600000);
			break;
		case 6:
			fakes_settle(poller);
			break;
		default:
			fakes_advance(poller, rand() % 400000);
		}
	}
	end(poller);
}
END_TEST

START_TEST(a_waiting_enclave_costs_little_memory)
{
	/* With its places in two heaps and a table: about 100 bytes. */
	ck_assert_uint_le(sizeof(struct roster_entry), 72);
}
END_TEST

static void
add_polling(Suite *suite)
{
	TCase *polls = tcase_create("polls");
	TCase *races = tcase_create("races");

	tcase_add_test(polls,
	    every_enclave_is_polled_at_once_and_again_after_its_interval);
	tcase_add_test(polls, nothing_is_polled_before_it_is_due);
	tcase_add_test(polls, evidence_in_certificates_is_not_polled);
	tcase_add_test(
	    polls, a_failed_fetch_publishes_nothing_and_is_tried_again);
	tcase_add_test(
	    polls, a_failed_attempt_is_not_repeated_before_the_floor);
	tcase_add_test(polls, refused_evidence_is_handed_on_and_tried_again);
	tcase_add_test(
	    polls, a_poll_that_can_not_start_is_a_failure_and_is_tried_again);
	tcase_add_test(polls, a_new_enclave_is_polled_when_it_is_configured);
	tcase_add_test(
	    polls, wanted_evidence_is_fetched_at_once_and_then_more_slowly);
	tcase_add_test(
	    polls, no_more_are_in_flight_than_the_limit_and_all_get_their_turn);
	tcase_add_test(polls, a_key_is_renewed_before_its_end);
	tcase_add_test(polls, a_waiting_enclave_costs_little_memory);
	suite_add_tcase(suite, polls);

	tcase_add_test(
	    races, evidence_is_published_under_the_policy_of_the_polls_start);
	tcase_add_test(
	    races, an_enclave_that_is_removed_in_flight_loses_its_transfer);
	tcase_add_test(races, while_a_request_learns_no_poll_starts);
	tcase_add_test(races, what_a_request_learned_counts_as_the_poll);
	tcase_add_test(races, what_lived_before_the_poller_counts_as_the_poll);
	tcase_add_test(races,
	    what_lived_before_the_poller_and_ends_soon_is_renewed_at_once);
	tcase_add_test(
	    races, what_the_poll_itself_published_is_not_taken_for_learned);
	tcase_add_test(races, what_is_wanted_during_a_poll_is_fetched_after_it);
	tcase_add_test(races, as_many_are_in_flight_as_the_map_says);
	tcase_add_test(
	    races, keys_expire_though_every_place_in_flight_is_taken);
	suite_add_tcase(suite, races);
}

static void
add_verification(Suite *suite)
{
	TCase *cases = tcase_create("verification");

	tcase_add_test(
	    cases, while_a_document_is_judged_another_poll_times_out);
	tcase_add_test(
	    cases, while_a_document_is_judged_other_polls_start_and_end);
	tcase_add_test(cases, while_a_document_is_judged_keys_expire);
	tcase_add_test(cases, of_a_thousand_documents_each_is_judged_once);
	tcase_add_test(
	    cases, an_enclave_that_is_removed_while_it_is_judged_is_let_go);
	tcase_add_test(
	    cases, a_policy_that_changes_while_a_document_is_judged_is_seen);
	tcase_add_test(cases,
	    what_is_wanted_while_a_document_is_judged_is_fetched_after_it);
	tcase_add_test(cases, it_stops_after_the_verification_under_way);
	tcase_add_test(
	    cases, while_the_store_is_read_only_what_is_wanted_is_fetched);
	tcase_add_test(cases, between_two_stored_documents_polls_are_judged);
	tcase_add_test(cases, it_stops_between_two_stored_documents);
	suite_add_tcase(suite, cases);
}

static void
add_surroundings(Suite *suite)
{
	TCase *clocks = tcase_create("clocks");
	TCase *thread = tcase_create("thread");

	tcase_add_test(clocks, a_wall_clock_set_forward_ends_keys_at_once);
	tcase_add_test(clocks, a_wall_clock_set_back_does_not_put_a_poll_off);
	tcase_add_test(clocks, a_slow_drift_of_the_clocks_is_noticed);
	tcase_add_test(clocks, after_a_suspend_each_enclave_is_polled_once);
	suite_add_tcase(suite, clocks);

	tcase_add_test(thread, its_threads_have_names_and_take_no_signal);
	tcase_add_test(thread, it_stops_while_every_server_hangs);
	tcase_add_test(thread, it_stops_while_the_resolver_hangs);
	tcase_add_test(
	    thread, a_removed_enclave_does_not_wait_for_the_resolver);
	tcase_add_test(thread, it_may_be_stopped_twice_and_woken_after);
	tcase_add_test(thread, many_threads_wake_and_stop_it_at_once);
	tcase_add_test(thread, no_failing_call_makes_it_lose_an_enclave);
	tcase_add_loop_test(
	    thread, any_mix_of_events_ends_with_everything_given_back, 1, 6);
	suite_add_tcase(suite, thread);
}

int
main(void)
{
	Suite *suite = suite_create("poller");
	SRunner *runner;
	int failed;

	add_polling(suite);
	add_verification(suite);
	add_surroundings(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
