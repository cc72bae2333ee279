/* The one flight of learning: who leads, who waits, who hears how it ended. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "client/lane.h"

static struct cache *cache;
static struct cache_slot *slot;
static struct lane *lane;
/* Idle handles point at it until the cache is freed. */
static struct gate gate;

static void
setup(void)
{
	static const char map_json[] =
	    "{\"enclave.example\":{\"PCR0\":\""
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
	    "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\"}}";
	static const struct enclave_map_options options = {0};
	static const struct appraiser appraiser = {.clock = &clock_system};
	static const struct cache_hooks hooks = {0};
	struct enclave_map *map = NULL;

	ck_assert_int_eq(enclave_map_new_json(
			     bytes_from_string(map_json), &options, &map, NULL),
	    0);
	ck_assert_int_eq(cache_new(&appraiser, &hooks, &cache, NULL), 0);
	ck_assert_int_eq(cache_update(cache, map, NULL), 0);
	enclave_map_unref(map);
	slot = cache_slot_at(cache, 0);
	lane = lane_of(slot);
	ck_assert_ptr_nonnull(lane);
	gate = (struct gate){
	    .client_id = 1, .cache = cache, .clock = &clock_system};
}

static void
teardown(void)
{
	cache_slot_unref(slot);
	cache_free(cache);
}

static bool
is_set(void *context)
{
	return atomic_load((atomic_bool *)context);
}

static enum lane_role
begin(int64_t timeout_ms, atomic_bool *cancelled,
    struct enclave_client_error *ret_error)
{
	const struct lane_patience patience = {
	    .clock = &clock_system,
	    .until_boot_ms = clock_system.boot_ms(NULL) + timeout_ms,
	    .cancelled = is_set,
	    .context = cancelled,
	};

	return lane_learning_begin(lane, &patience, ret_error);
}

/* Another thread that wants the flight. */
struct waiter {
	pthread_t thread;
	atomic_bool cancelled;
	atomic_bool begun;
	enum lane_role role;
	struct enclave_client_error error;
};

static void *
wait_for_flight(void *argument)
{
	struct waiter *waiter = argument;

	atomic_store(&waiter->begun, true);
	waiter->role = begin(20000, &waiter->cancelled, &waiter->error);
	return NULL;
}

static void
start_waiter(struct waiter *waiter)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	memset(waiter, 0, sizeof(*waiter));
	ck_assert_int_eq(
	    pthread_create(&waiter->thread, NULL, wait_for_flight, waiter), 0);
	for (int i = 0; i < 500 && !atomic_load(&waiter->begun); i++)
		(void)nanosleep(&pause, NULL);
	/* Likely asleep by now; where it is not, it meets the end as a new
	 * leader or as an ended flight's waiter all the same. */
	(void)nanosleep(&pause, NULL);
}

static void
join(struct waiter *waiter)
{
	ck_assert_int_eq(pthread_join(waiter->thread, NULL), 0);
}

START_TEST(first_comer_leads_and_the_next_after_it_too)
{
	struct enclave_client_error error = {0};
	atomic_bool cancelled = false;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(begin(1000, &cancelled, &error), LANE_LEADER);
		lane_learning_end(lane, &error, false);
	}
}
END_TEST

START_TEST(waiter_hears_how_the_flight_ended)
{
	struct enclave_client_error error = {0};
	atomic_bool cancelled = false;
	struct waiter waiter;

	ck_assert_int_eq(begin(1000, &cancelled, &error), LANE_LEADER);
	start_waiter(&waiter);
	(void)error_set(&error, ENCLAVE_CLIENT_ERR_SIGNATURE,
	    ENCLAVE_CLIENT_STEP_SIGNATURE, "broken");
	lane_learning_end(lane, &error, false);
	join(&waiter);
	/* A waiter that came too late to wait leads: it owes the end. */
	if (waiter.role == LANE_LEADER)
		lane_learning_end(lane, &error, false);
	else
		ck_assert_int_eq(waiter.role, LANE_ENDED);
	if (waiter.role == LANE_ENDED)
		ck_assert_int_eq(
		    waiter.error.status, ENCLAVE_CLIENT_ERR_SIGNATURE);
}
END_TEST

START_TEST(abandoned_flight_is_nobodys_answer)
{
	struct enclave_client_error error = {0};
	atomic_bool cancelled = false;
	struct waiter waiter;

	ck_assert_int_eq(begin(1000, &cancelled, &error), LANE_LEADER);
	start_waiter(&waiter);
	(void)error_set(&error, ENCLAVE_CLIENT_ERR_CANCELLED,
	    ENCLAVE_CLIENT_STEP_NONE, "the leader gave up");
	lane_learning_end(lane, &error, true);
	join(&waiter);
	ck_assert_int_eq(waiter.role, LANE_LEADER);
	lane_learning_end(lane, &error, false);
}
END_TEST

START_TEST(cancelled_waiter_leaves_and_the_leader_goes_on)
{
	struct enclave_client_error error = {0};
	atomic_bool cancelled = false;
	struct waiter waiter;

	ck_assert_int_eq(begin(1000, &cancelled, &error), LANE_LEADER);
	start_waiter(&waiter);
	atomic_store(&waiter.cancelled, true);
	lane_broadcast(lane);
	join(&waiter);
	ck_assert_int_eq(waiter.role, LANE_CANCELLED);
	lane_learning_end(lane, &error, false);
}
END_TEST

static void *
wait_no_time(void *argument)
{
	struct waiter *waiter = argument;

	waiter->role = begin(0, &waiter->cancelled, &waiter->error);
	return NULL;
}

START_TEST(waiter_without_time_leaves)
{
	struct enclave_client_error error = {0};
	struct waiter waiter = {0};
	atomic_bool cancelled = false;

	ck_assert_int_eq(begin(1000, &cancelled, &error), LANE_LEADER);
	ck_assert_int_eq(
	    pthread_create(&waiter.thread, NULL, wait_no_time, &waiter), 0);
	join(&waiter);
	ck_assert_int_eq(waiter.role, LANE_TIMEOUT);
	lane_learning_end(lane, &error, false);
}
END_TEST

static struct handle *
new_handle(void)
{
	struct handle *handle = NULL;

	ck_assert_int_eq(handle_new(&gate, slot, &handle, NULL), 0);
	return handle;
}

START_TEST(idle_handles_are_bounded_and_hold_no_slot)
{
	struct handle *handle;

	for (size_t i = 0; i < HANDLES_IDLE_PER_ENCLAVE_MAX + 2; i++)
		lane_put(lane, new_handle());
	ck_assert_uint_eq(lane->idle_count, HANDLES_IDLE_PER_ENCLAVE_MAX);
	ck_assert_ptr_null(lane->idle->gate.slot);
	handle = lane_take(lane, slot);
	ck_assert_ptr_eq(handle->gate.slot, slot);
	handle_free(handle);
	ck_assert_uint_eq(lane->idle_count, HANDLES_IDLE_PER_ENCLAVE_MAX - 1);
}
END_TEST

START_TEST(idle_handle_forgets_its_request)
{
	struct handle *handle = new_handle();
	const char *url = NULL;

	ck_assert_int_eq(curl_easy_setopt(handle->easy, CURLOPT_URL,
			     "https://enclave.example/secret"),
	    CURLE_OK);
	lane_put(lane, handle);
	ck_assert_int_eq(
	    curl_easy_getinfo(lane->idle->easy, CURLINFO_EFFECTIVE_URL, &url),
	    CURLE_OK);
	ck_assert_str_eq(url, "");
}
END_TEST

START_TEST(closed_lane_keeps_nothing)
{
	lane_put(lane, new_handle());
	lane_close(lane);
	ck_assert_ptr_null(lane->idle);
	lane_put(lane, new_handle());
	ck_assert_ptr_null(lane->idle);
	ck_assert_ptr_null(lane_take(lane, slot));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client-lane");
	TCase *tcase = tcase_create("lane");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, first_comer_leads_and_the_next_after_it_too);
	tcase_add_test(tcase, waiter_hears_how_the_flight_ended);
	tcase_add_test(tcase, abandoned_flight_is_nobodys_answer);
	tcase_add_test(tcase, cancelled_waiter_leaves_and_the_leader_goes_on);
	tcase_add_test(tcase, waiter_without_time_leaves);
	tcase_add_test(tcase, idle_handles_are_bounded_and_hold_no_slot);
	tcase_add_test(tcase, idle_handle_forgets_its_request);
	tcase_add_test(tcase, closed_lane_keeps_nothing);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
