/*
 * A child that is forked in the middle of something.  The locks and unlocks of
 * the cache are where one step of a writer ends and the next begins: a fork is
 * made at each in turn, and the child goes on in the very state that it finds.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/state.h"
#include "world.h"

#define GOOD 1
#define BAD  2

/* Far above what it takes; ends a child that met a lock of the parent's. */
#define CHILD_LIFE_S 20

static const struct fake_enclave before[] = {
    {.name = "goes", .host = "g", .accepted = 1 << GOOD},
    {.name = "one", .host = "h1", .accepted = 1 << GOOD},
    {.name = "two", .host = "h2", .accepted = 1 << GOOD},
};
static const struct fake_enclave after[] = {
    {.name = "comes", .host = "c", .accepted = 1 << GOOD},
    {.name = "one", .host = "h1", .accepted = 1 << BAD},
    {.name = "two", .host = "h2", .accepted = 1 << BAD},
};

/* What a child says by its exit status. */
enum {
	CHILD_OLD_MAP = 100,
	CHILD_NEW_MAP,
	CHILD_WRONG, /* plus the place */
};

static struct {
	struct world world;
	struct cache_slot *slots[COUNT(before)]; /* of the map before */
	int countdown; /* to the lock or unlock that forks; 0: none does */
	bool short_of_memory; /* the child is, the first time */
	pid_t child;
} scene;

/* In the child.  Not check's assertions: they would run on as the parent. */
#define EXPECT(what)                                                           \
	do {                                                                   \
		if (!(what)) {                                                 \
			(void)fprintf(stderr, "# child: line %d: %s\n",        \
			    __LINE__, #what);                                  \
			_exit(CHILD_WRONG);                                    \
		}                                                              \
	} while (0)

static enum enclave_client_status
judge(struct cache_slot *slot, char key)
{
	struct binding_key wanted = fake_key(key);
	struct cache_hit hit = {0};
	enum enclave_client_status status =
	    cache_judge(slot, &wanted, fake_now(), &hit, NULL);

	cache_hit_clear(&hit);
	return status;
}

/* All of one map, or all of the other. */
static bool
expect_one_map(void)
{
	struct cache_slot *comes = cache_find(scene.world.cache, "comes");
	struct cache_slot *goes = cache_find(scene.world.cache, "goes");
	bool new_map = comes != NULL;

	EXPECT(new_map == !goes);
	EXPECT(cache_slot_removed(scene.slots[0]) == new_map);
	EXPECT(judge(scene.slots[0], 'A') ==
	       (new_map ? ERR(UNKNOWN_ENCLAVE) : OK));
	for (size_t i = 1; i < COUNT(before); i++)
		EXPECT(judge(scene.slots[i], 'A') ==
		       (new_map ? ERR(MEASUREMENT) : OK));
	cache_slot_unref(comes);
	cache_slot_unref(goes);
	return new_map;
}

/* Counters are of what this process did. */
static void
expect_nothing_counted(void)
{
	for (size_t i = 0; i < COUNT(before); i++) {
		struct cache_slot *slot = scene.slots[i];
		struct cache_inspection inspection;

		/* Of what is gone nobody reports. */
		if (cache_slot_removed(slot))
			continue;
		for (int which = 0; which < CACHE_COUNTERS; which++)
			EXPECT(cache_counted(slot, (enum cache_counter)which) ==
			       0);
		EXPECT(cache_inspect(slot, fake_now(), &inspection));
		EXPECT(!inspection.last_poll_ms && !inspection.next_poll_ms);
		cache_inspection_clear(&inspection);
	}
}

static void
child_wake(void *context)
{
	++*(int *)context;
}

/* The poller of the parent is told nothing; one of the child's, everything. */
static void
expect_own_poller(void)
{
	struct cache *cache = scene.world.cache;
	int former = atomic_load(&scene.world.wakes);
	struct cache_slot *slot;
	size_t found = 0;
	/* The hook stays. */
	static int wakes;

	EXPECT(!cache_next_dirty(cache, NULL));
	cache_mark_wanted(cache, scene.slots[1]);
	EXPECT(atomic_load(&scene.world.wakes) == former);
	cache_set_wake(cache, child_wake, &wakes);
	EXPECT(wakes > 0);
	while ((slot = cache_next_dirty(cache, NULL))) {
		found++;
		cache_slot_unref(slot);
	}
	EXPECT(found == cache_slot_count(cache));
}

/* The evidence of the build that the other map accepts, newer. */
static void
expect_usable(bool new_map)
{
	const struct document next = {
	    'B', new_map ? BAD : GOOD, 1, 3 * HOUR_MS, false, false};
	struct cache_slot *slot = scene.slots[1];
	uint64_t generation = cache_slot_generation(slot);

	EXPECT(cache_flight_begin(slot));
	EXPECT(world_publish(&scene.world, slot, &next) == OK);
	EXPECT(cache_slot_generation(slot) != generation);
	EXPECT(judge(slot, 'B') == OK);
	cache_flight_end(slot);
	EXPECT(cache_wait_live(scene.world.cache, slot, INT64_MIN, NULL) == OK);
	cache_broadcast(scene.world.cache);
	EXPECT(world_update(&scene.world, after, COUNT(after)) == OK);
	EXPECT(cache_find(scene.world.cache, "comes"));
}

/* What is torn is put right when there is memory again, not forgotten. */
static void
adopt_without_memory(void)
{
	bool torn = scene.world.cache->replaced != NULL;
	enum enclave_client_status status;

	fake_fail_allocation(1);
	status = cache_after_fork(scene.world.cache, NULL);
	EXPECT(fake_allocation_failed() == torn);
	fake_fail_allocation(0);
	EXPECT(status == (torn ? ERR(MEMORY) : OK));
}

static void
live_as_child(void)
{
	struct enclave_client_error error;
	bool new_map;

	(void)alarm(CHILD_LIFE_S);
	if (scene.short_of_memory)
		adopt_without_memory();
	EXPECT(cache_after_fork(scene.world.cache, &error) == OK);
	new_map = expect_one_map();
	expect_nothing_counted();
	expect_own_poller();
	expect_usable(new_map);
	_exit(new_map ? CHILD_NEW_MAP : CHILD_OLD_MAP);
}

static void
fork_here(void)
{
	(void)fflush(NULL);
	scene.child = fork();
	if (scene.child == 0)
		live_as_child();
}

static bool
of_the_cache(const pthread_mutex_t *mutex)
{
	struct cache *cache = scene.world.cache;

	for (size_t i = 0; i < COUNT(scene.slots); i++)
		if (scene.slots[i] && mutex == &scene.slots[i]->lock)
			return true;
	return cache &&
	       (mutex == &cache->write || mutex == &cache->dirty_lock ||
		   mutex == &cache->table_lock || mutex == &cache->wait_lock);
}

static void
step(const pthread_mutex_t *mutex)
{
	if (scene.countdown && of_the_cache(mutex) && --scene.countdown == 0)
		fork_here();
}

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int
__wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int result = __real_pthread_mutex_lock(mutex);

	step(mutex);
	return result;
}

int
__wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int result = __real_pthread_mutex_unlock(mutex);

	step(mutex);
	return result;
}

static void
begin(void)
{
	const struct document good = {'A', GOOD, 0, 3 * HOUR_MS, false, false};

	world_init(&scene.world);
	ck_assert_int_eq(world_update(&scene.world, before, COUNT(before)), OK);
	for (size_t i = 0; i < COUNT(before); i++) {
		struct cache_slot *slot =
		    cache_find(scene.world.cache, before[i].name);

		ck_assert_int_eq(world_publish(&scene.world, slot, &good), OK);
		cache_note_poll_times(slot, 1, 2);
		scene.slots[i] = slot;
	}
}

static void
end(void)
{
	for (size_t i = 0; i < COUNT(before); i++) {
		cache_slot_unref(scene.slots[i]);
		scene.slots[i] = NULL;
	}
	world_end(&scene.world);
}

/* The exit status of the child. */
static int
end_of_child(void)
{
	int how = 0;

	ck_assert_int_gt(scene.child, 0);
	ck_assert_int_eq(waitpid(scene.child, &how, 0), scene.child);
	scene.child = 0;
	ck_assert_msg(
	    WIFEXITED(how), "the child ended by signal %d", WTERMSIG(how));
	return WEXITSTATUS(how);
}

START_TEST(a_flight_of_the_parent_is_not_the_childs)
{
	begin();
	ck_assert(cache_flight_begin(scene.slots[1]));
	fork_here();
	ck_assert_int_eq(end_of_child(), CHILD_OLD_MAP);
	ck_assert(cache_flight_busy(scene.slots[1]));
	cache_flight_end(scene.slots[1]);
	end();
}
END_TEST

/* At every step of an update the child has one map, whole. */
static void
fork_at_each_step(void)
{
	int ended[2] = {0};
	bool forked = true;

	for (int at = 1; forked; at++) {
		int said;

		begin();
		scene.countdown = at;
		ck_assert_int_eq(
		    world_update(&scene.world, after, COUNT(after)), OK);
		forked = !scene.countdown;
		scene.countdown = 0;
		if (forked) {
			said = end_of_child();
			ck_assert_msg(
			    said == CHILD_OLD_MAP || said == CHILD_NEW_MAP,
			    "step %d: the child said %d", at, said);
			ended[said == CHILD_NEW_MAP]++;
		}
		ck_assert(expect_one_map());
		end();
	}
	/* Under the write lock, between the slots, after the map. */
	ck_assert_int_gt(ended[0], 3);
	ck_assert_int_gt(ended[1], 3);
}

START_TEST(an_update_under_way_leaves_the_child_one_map)
{
	fork_at_each_step();
}
END_TEST

START_TEST(a_child_short_of_memory_puts_the_map_right_later)
{
	scene.short_of_memory = true;
	fork_at_each_step();
	scene.short_of_memory = false;
}
END_TEST

Suite *
fork_suite(void)
{
	Suite *suite = suite_create("cache fork");
	TCase *cases = tcase_create("fork");

	tcase_add_test(cases, a_flight_of_the_parent_is_not_the_childs);
	tcase_add_test(cases, an_update_under_way_leaves_the_child_one_map);
	tcase_add_test(cases, a_child_short_of_memory_puts_the_map_right_later);
	suite_add_tcase(suite, cases);
	return suite;
}
