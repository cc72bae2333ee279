/*
 * Readers beside writers.  Where a test would hang if a rule were broken, the
 * runner's time limit ends it; no other time decides anything.
 */
#include <sched.h>
#include <time.h>

#include "world.h"

#define GOOD 1
#define BAD  2

static const struct fake_enclave payments = {
    .name = "payments", .host = "h", .accepted = 1 << GOOD};

static struct document
document(char key, unsigned int build, int64_t timestamp_ms)
{
	return (struct document){
	    key, build, timestamp_ms, 3 * HOUR_MS, false, false};
}

static pthread_t
start(void *(*run)(void *argument), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
	return thread;
}

static struct cache_slot *
begin(struct world *world)
{
	world_init(world);
	ck_assert_int_eq(world_update(world, &payments, 1), OK);
	return cache_find(world->cache, "payments");
}

/* One thread that publishes what it was given. */
struct publisher {
	struct world *world;
	struct cache_slot *slot;
	struct document document;
	uint64_t generation; /* none: it is matched again, and pauses there */
	enum enclave_client_status status;
};

static void *
run_publisher(void *argument)
{
	struct publisher *publisher = argument;
	struct appraisal appraisal = {.status = ERR(INTERNAL)};
	struct enclave_client_error error = {0};

	appraisal.claims = fake_claims(&publisher->document);
	appraisal.status = OK;
	appraisal.key_named = true;
	appraisal.key = fake_key(publisher->document.key);
	appraisal.set = publisher->document.build;
	appraisal.judged = fake_now();
	appraisal.deadline_ms = claims_timestamp_ms(appraisal.claims) + HOUR_MS;
	publisher->status = cache_publish(publisher->world->cache,
	    publisher->slot, publisher->generation, &appraisal, &error);
	appraisal_clear(&appraisal);
	fake_thread_ended();
	return NULL;
}

static void
use_as_reader(struct world *world, struct cache_slot *slot)
{
	struct binding_key key = fake_key('A');
	struct enclave_client_error error;
	struct cache_slot *found = cache_find(world->cache, "payments");
	struct enclave *enclave = cache_slot_enclave(slot, NULL);

	ck_assert_ptr_eq(found, slot);
	ck_assert_int_eq(world_judge(world, slot, 'A'), OK);
	ck_assert(cache_judge_lasting(slot, &key));
	ck_assert_uint_eq(world_live(slot), 1);
	ck_assert_uint_ne(cache_slot_generation(slot), 0);
	ck_assert_int_eq(
	    cache_wait_live(world->cache, slot, INT64_MAX, NULL), OK);
	cache_last_failure(slot, &error);
	cache_mark_wanted(world->cache, slot);
	enclave_unref(enclave);
	cache_slot_unref(found);
}

START_TEST(readers_do_not_wait_for_a_publisher_that_matches_again)
{
	struct world world;
	struct cache_slot *slot = begin(&world);
	struct document first = document('A', GOOD, 0);
	struct publisher publisher = {
	    &world, slot, document('B', GOOD, 0), UINT64_MAX, ERR(INTERNAL)};
	pthread_t thread;

	ck_assert_int_eq(world_publish(&world, slot, &first), OK);
	fake_pause();
	thread = start(run_publisher, &publisher); /* a policy long gone */
	ck_assert(fake_wait_paused());
	use_as_reader(&world, slot);
	fake_resume();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(publisher.status, OK);
	ck_assert_uint_eq(world_live(slot), 2);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

static void *
run_update(void *argument)
{
	struct world *world = argument;
	const struct fake_enclave next = {
	    .name = "payments", .host = "h", .accepted = 1 << BAD};

	if (world_update(world, &next, 1) != OK)
		abort();
	fake_thread_ended();
	return NULL;
}

START_TEST(readers_do_not_wait_for_an_update_and_see_all_of_it)
{
	struct world world;
	struct cache_slot *slot = begin(&world);
	struct document first = document('A', GOOD, 0);
	pthread_t thread;

	ck_assert_int_eq(world_publish(&world, slot, &first), OK);
	fake_pause();
	thread = start(run_update, &world);
	ck_assert(fake_wait_paused());
	use_as_reader(&world, slot); /* the former map, whole */
	fake_resume();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(world_judge(&world, slot, 'A'), ERR(MEASUREMENT));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/*
 * The first publisher stops while its evidence is matched again; the second
 * brings newer evidence of the same key, and a failure and a sweep come by.
 */
START_TEST(two_publishers_leave_the_newer_evidence)
{
	struct world world;
	struct cache_slot *slot = begin(&world);
	struct publisher older = {
	    &world, slot, document('A', GOOD, 1), UINT64_MAX, ERR(INTERNAL)};
	struct publisher newer = {
	    &world, slot, document('A', GOOD, 2), UINT64_MAX, ERR(INTERNAL)};
	struct binding_key key = fake_key('A');
	struct cache_hit hit = {0};
	pthread_t threads[2];

	fake_pause();
	threads[_i] = start(run_publisher, _i ? &newer : &older);
	ck_assert(fake_wait_paused());
	threads[!_i] = start(run_publisher, _i ? &older : &newer);
	fake_resume();
	ck_assert_int_eq(pthread_join(threads[0], NULL), 0);
	ck_assert_int_eq(pthread_join(threads[1], NULL), 0);
	ck_assert_int_eq(older.status, OK);
	ck_assert_int_eq(newer.status, OK);
	ck_assert_int_eq(cache_judge(slot, &key, fake_now(), &hit, NULL), OK);
	ck_assert_int_eq(claims_timestamp_ms(hit.claims), START_WALL_MS + 2);
	cache_hit_clear(&hit);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* Withdrawal against judge */

struct race {
	struct cache_slot *slot;
	atomic_bool withdrawn; /* publishing it has returned */
	atomic_bool stop;
	atomic_int late;  /* verdicts for the key that began after that */
	atomic_int stale; /* the generation had not moved */
	atomic_int after; /* verdicts of either kind after that */
};

static void *
run_gate(void *argument)
{
	struct race *race = argument;
	struct binding_key key = fake_key('A');
	uint64_t verdict = 0;

	while (!atomic_load(&race->stop)) {
		bool withdrawn = atomic_load(&race->withdrawn);
		uint64_t generation = cache_slot_generation(race->slot);
		struct cache_hit hit = {0};
		bool live =
		    cache_judge(race->slot, &key, fake_now(), &hit, NULL) == OK;

		if (live && withdrawn)
			atomic_fetch_add(&race->late, 1);
		/* What a gate that compares generations would let through. */
		if (withdrawn && verdict && generation == verdict)
			atomic_fetch_add(&race->stale, 1);
		if (live)
			verdict = hit.generation;
		if (withdrawn)
			atomic_fetch_add(&race->after, 1);
		cache_hit_clear(&hit);
	}
	return NULL;
}

START_TEST(no_verdict_begins_after_a_withdrawal)
{
	for (int round = 0; round < 10; round++) {
		struct world world;
		struct race race = {.slot = begin(&world)};
		struct document good = document('A', GOOD, 0);
		struct document bad = document('A', BAD, 1);
		pthread_t gates[2];

		ck_assert_int_eq(world_publish(&world, race.slot, &good), OK);
		gates[0] = start(run_gate, &race);
		gates[1] = start(run_gate, &race);
		for (int i = 0; i < round; i++)
			(void)sched_yield();
		ck_assert_int_eq(
		    world_publish(&world, race.slot, &bad), ERR(MEASUREMENT));
		atomic_store(&race.withdrawn, true);
		while (atomic_load(&race.after) < 100)
			(void)sched_yield();
		atomic_store(&race.stop, true);
		ck_assert_int_eq(pthread_join(gates[0], NULL), 0);
		ck_assert_int_eq(pthread_join(gates[1], NULL), 0);
		ck_assert_int_eq(atomic_load(&race.late), 0);
		ck_assert_int_eq(atomic_load(&race.stale), 0);
		cache_slot_unref(race.slot);
		world_end(&world);
	}
}
END_TEST

/* Waiting */

struct waiter {
	struct world *world;
	struct cache_slot *slot;
	atomic_bool cancelled;
	atomic_bool waiting;
	enum enclave_client_status status;
};

static void *
run_waiter(void *argument)
{
	struct waiter *waiter = argument;

	atomic_store(&waiter->waiting, true);
	waiter->status = cache_wait_live(waiter->world->cache, waiter->slot,
	    START_BOOT_MS + 1000, &waiter->cancelled);
	return NULL;
}

static void
publish_live(struct waiter *waiter)
{
	struct document good = document('A', GOOD, 0);

	ck_assert_int_eq(world_publish(waiter->world, waiter->slot, &good), OK);
}

static void
cancel(struct waiter *waiter)
{
	atomic_store(&waiter->cancelled, true);
	cache_broadcast(waiter->world->cache);
}

static void
remove_enclave(struct waiter *waiter)
{
	ck_assert_int_eq(world_update(waiter->world, NULL, 0), OK);
}

static void
remember_live(struct waiter *waiter)
{
	struct document bad = document('A', BAD, 0);
	const struct fake_enclave next = {
	    .name = "payments", .host = "h", .accepted = 1 << BAD};

	ck_assert_int_eq(
	    world_publish(waiter->world, waiter->slot, &bad), ERR(MEASUREMENT));
	ck_assert_int_eq(world_update(waiter->world, &next, 1), OK);
}

static const struct {
	void (*act)(struct waiter *waiter);
	enum enclave_client_status want;
} endings[] = {
    {publish_live, OK},
    {remember_live, OK},
    {cancel, ERR(CANCELLED)},
    {remove_enclave, ERR(UNKNOWN_ENCLAVE)},
};

START_TEST(who_waits_is_woken)
{
	struct world world;
	struct waiter waiter = {.world = &world, .slot = begin(&world)};
	pthread_t thread = start(run_waiter, &waiter);

	while (!atomic_load(&waiter.waiting))
		(void)sched_yield();
	endings[_i].act(&waiter);
	/* Who missed it ends too, and says so. */
	fake_clock_set(1000, 1000);
	cache_broadcast(world.cache);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(waiter.status, endings[_i].want);
	cache_slot_unref(waiter.slot);
	world_end(&world);
}
END_TEST

START_TEST(waiting_ends_at_its_time)
{
	struct world world;
	struct cache_slot *slot = begin(&world);
	atomic_bool cancelled = true;

	ck_assert_int_eq(
	    cache_wait_live(world.cache, slot, START_BOOT_MS, NULL),
	    ERR(TIMEOUT));
	ck_assert_int_eq(
	    cache_wait_live(world.cache, slot, INT64_MIN, NULL), ERR(TIMEOUT));
	ck_assert_int_eq(
	    cache_wait_live(world.cache, slot, INT64_MIN, &cancelled),
	    ERR(CANCELLED));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* The wake hook's owner may free itself after cache_set_wake(). */

struct hook {
	struct world *world;
	struct cache_slot *slot;
	atomic_bool entered;
	atomic_bool release;
	atomic_bool left;
	atomic_bool freed_early;
};

static void
slow_wake(void *context)
{
	struct hook *hook = context;

	atomic_store(&hook->entered, true);
	while (!atomic_load(&hook->release))
		(void)sched_yield();
	atomic_store(&hook->left, true);
}

static void *
run_mark(void *argument)
{
	struct hook *hook = argument;

	cache_mark_wanted(hook->world->cache, hook->slot);
	return NULL;
}

static void *
run_unhook(void *argument)
{
	struct hook *hook = argument;

	cache_set_wake(hook->world->cache, NULL, NULL);
	atomic_store(&hook->freed_early, !atomic_load(&hook->left));
	return NULL;
}

START_TEST(unhooking_waits_for_a_call_under_way)
{
	const struct timespec while_it_could_return = {0, 50000000};
	struct world world;
	struct hook hook = {.world = &world};
	pthread_t marker;
	pthread_t unhooker;

	world_init(&world);
	cache_set_wake(world.cache, slow_wake, &hook);
	atomic_store(&hook.release, true);
	ck_assert_int_eq(world_update(&world, &payments, 1), OK);
	hook.slot = cache_find(world.cache, "payments");
	atomic_store(&hook.entered, false);
	atomic_store(&hook.release, false);
	atomic_store(&hook.left, false);
	marker = start(run_mark, &hook);
	while (!atomic_load(&hook.entered))
		(void)sched_yield();
	unhooker = start(run_unhook, &hook);
	(void)nanosleep(&while_it_could_return, NULL);
	atomic_store(&hook.release, true);
	ck_assert_int_eq(pthread_join(marker, NULL), 0);
	ck_assert_int_eq(pthread_join(unhooker, NULL), 0);
	ck_assert(!atomic_load(&hook.freed_early));
	cache_slot_unref(hook.slot);
	world_end(&world);
}
END_TEST

/* Everything at once */

#define STRESS_ROUNDS 1500

struct stress {
	struct world world;
	atomic_int wrong;
};

struct stress_thread {
	struct stress *stress;
	uint32_t random;
	pthread_t thread;
};

static uint32_t
next_random(struct stress_thread *thread, uint32_t below)
{
	thread->random = thread->random * 1664525 + 1013904223;
	return (thread->random >> 16) % below;
}

static void
stress_publish(struct stress_thread *thread, struct cache_slot *slot)
{
	struct document what = document((char)('A' + next_random(thread, 6)),
	    next_random(thread, 4), next_random(thread, 1000));
	struct appraisal appraisal = {0};
	struct enclave_client_error error = {0};
	enum enclave_client_status status;
	uint64_t generation;
	struct enclave *enclave = cache_slot_enclave(slot, &generation);

	what.not_after_ms = 1000 + next_random(thread, 1000);
	(void)fake_appraise(enclave, &what, &appraisal, &error);
	status = cache_publish(
	    thread->stress->world.cache, slot, generation, &appraisal, &error);
	if (status != error.status)
		atomic_fetch_add(&thread->stress->wrong, 1);
	appraisal_clear(&appraisal);
	enclave_unref(enclave);
}

static void
stress_judge(struct stress_thread *thread, struct cache_slot *slot)
{
	struct binding_key key = fake_key((char)('A' + next_random(thread, 6)));
	struct moment now = fake_now();
	struct cache_hit hit = {0};
	struct enclave_client_error error;

	(void)cache_judge_lasting(slot, &key);
	(void)cache_live_keys(slot, now, NULL, NULL);
	cache_last_failure(slot, &error);
	if (cache_judge(slot, &key, now, &hit, &error) != OK)
		return;
	if (!fake_policy_accepts(hit.policy, hit.claims) ||
	    deadline_passed(hit.deadline, now) ||
	    !binding_key_equal(&hit.key, &key))
		atomic_fetch_add(&thread->stress->wrong, 1);
	cache_hit_clear(&hit);
}

static void
stress_update(struct stress_thread *thread)
{
	const struct fake_enclave next[] = {
	    {.name = "a", .host = "ha", .accepted = next_random(thread, 16)},
	    {.name = "b",
		.host = "hb",
		.accepted = next_random(thread, 16),
		.insecure = next_random(thread, 2)},
	};
	struct enclave_map *map = fake_map(next, 1 + next_random(thread, 2));

	if (cache_update(thread->stress->world.cache, map, NULL) != OK)
		atomic_fetch_add(&thread->stress->wrong, 1);
	enclave_map_unref(map);
}

static void
stress_slot(struct stress_thread *thread, struct cache_slot *slot)
{
	struct cache *cache = thread->stress->world.cache;
	struct enclave_client_error error = {0};

	switch (next_random(thread, 8)) {
	case 0:
		cache_expire(cache, slot, fake_now());
		break;
	case 1:
		error_set(&error, ERR(NETWORK), ENCLAVE_CLIENT_STEP_FETCH,
		    "failure %u", (unsigned int)next_random(thread, 3));
		cache_note_failure(cache, slot, &error);
		break;
	case 2:
		cache_mark_wanted(cache, slot);
		if (cache_wait_live(cache, slot, INT64_MIN, NULL) ==
		    ERR(CANCELLED))
			atomic_fetch_add(&thread->stress->wrong, 1);
		break;
	case 3:
	case 4:
		stress_publish(thread, slot);
		break;
	default:
		stress_judge(thread, slot);
	}
}

static void *
run_stress(void *argument)
{
	struct stress_thread *thread = argument;
	struct cache *cache = thread->stress->world.cache;

	for (int i = 0; i < STRESS_ROUNDS; i++) {
		struct cache_slot *slot =
		    cache_find(cache, next_random(thread, 2) ? "a" : "b");

		if (slot)
			stress_slot(thread, slot);
		cache_slot_unref(slot);
		if (next_random(thread, 20) == 0)
			stress_update(thread);
		if (next_random(thread, 10) == 0)
			cache_slot_unref(cache_next_dirty(cache, NULL));
		if (next_random(thread, 10) == 0)
			fake_clock_set(next_random(thread, 1500),
			    next_random(thread, 1500));
	}
	return NULL;
}

static void
forget_log(struct world *world)
{
	pthread_mutex_lock(&world->log_lock);
	world->log[0] = '\0';
	pthread_mutex_unlock(&world->log_lock);
}

START_TEST(everything_at_once_holds_together)
{
	struct stress stress = {0};
	struct stress_thread threads[4];

	world_init(&stress.world);
	stress.world.on_event = forget_log;
	for (size_t i = 0; i < COUNT(threads); i++)
		threads[i] = (struct stress_thread){
		    .stress = &stress, .random = 7 + (uint32_t)i};
	stress_update(&threads[0]);
	for (size_t i = 0; i < COUNT(threads); i++)
		threads[i].thread = start(run_stress, &threads[i]);
	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_join(threads[i].thread, NULL), 0);
	ck_assert_int_eq(atomic_load(&stress.wrong), 0);
	world_end(&stress.world);
}
END_TEST

Suite *
threads_suite(void)
{
	Suite *suite = suite_create("cache threads");
	TCase *readers = tcase_create("readers");
	TCase *waiting = tcase_create("waiting");
	TCase *stress = tcase_create("stress");

	tcase_add_test(
	    readers, readers_do_not_wait_for_a_publisher_that_matches_again);
	tcase_add_test(
	    readers, readers_do_not_wait_for_an_update_and_see_all_of_it);
	tcase_add_loop_test(
	    readers, two_publishers_leave_the_newer_evidence, 0, 2);
	tcase_add_test(readers, no_verdict_begins_after_a_withdrawal);
	suite_add_tcase(suite, readers);
	tcase_add_loop_test(
	    waiting, who_waits_is_woken, 0, (int)COUNT(endings));
	tcase_add_test(waiting, waiting_ends_at_its_time);
	tcase_add_test(waiting, unhooking_waits_for_a_call_under_way);
	suite_add_tcase(suite, waiting);
	tcase_add_test(stress, everything_at_once_holds_together);
	suite_add_tcase(suite, stress);
	return suite;
}
