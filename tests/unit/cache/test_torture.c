/*
 * The n-th allocation fails, for every n: MEMORY, nothing changed, no leak;
 * and the same call works once there is memory again.
 */
#include <string.h>

#include "world.h"

#define GOOD 1
#define BAD  2

struct scene {
	struct world world;
	struct cache_slot *slot;
	struct cache *made;
};

static const struct fake_enclave payments = {
    .name = "payments", .host = "h", .accepted = 1 << GOOD};

static struct document
document(char key, unsigned int build, int64_t timestamp_ms)
{
	return (struct document){
	    key, build, timestamp_ms, 3 * HOUR_MS, false, false};
}

static enum enclave_client_status
publish(struct scene *scene, struct document what)
{
	return world_publish(&scene->world, scene->slot, &what);
}

static int
make_cache(struct scene *scene)
{
	return (int)cache_new(
	    &fake_appraiser, NULL, &scene->made, &scene->world.error);
}

static int
accept_first(struct scene *scene)
{
	return (int)publish(scene, document('C', GOOD, 5));
}

static int
accept_newer(struct scene *scene)
{
	return (int)publish(scene, document('A', GOOD, 5));
}

static int
withdraw(struct scene *scene)
{
	return (int)publish(scene, document('A', BAD, 5));
}

static int
refuse_time(struct scene *scene)
{
	return (int)publish(scene, document('A', GOOD, -2 * HOUR_MS));
}

static int
recover(struct scene *scene)
{
	return (int)publish(scene, document('A', GOOD, 0));
}

static int
next_map(struct scene *scene)
{
	const struct fake_enclave next[] = {
	    {.name = "payments", .host = "h", .accepted = 1 << BAD},
	    {.name = "more",
		.host = "m",
		.accepted = 1,
		.insecure = true,
		.without_code = true},
	};

	return (int)world_update(&scene->world, next, COUNT(next));
}

static int
empty_map(struct scene *scene)
{
	return (int)world_update(&scene->world, NULL, 0);
}

/* What can't fail: done later, when there is memory; that it was, tells. */
static int
note_failure(struct scene *scene)
{
	struct enclave_client_error error = {0};

	error_set(&error, ERR(NETWORK), ENCLAVE_CLIENT_STEP_FETCH, "no route");
	cache_note_failure(scene->world.cache, scene->slot, &error);
	cache_last_failure(scene->slot, &error);
	return error.status == ERR(NETWORK) ? (int)OK : (int)ERR(MEMORY);
}

static int
expire(struct scene *scene)
{
	uint64_t generation = cache_slot_generation(scene->slot);

	fake_clock_set(HOUR_MS, HOUR_MS);
	cache_expire(scene->world.cache, scene->slot, fake_now());
	fake_clock_set(0, 0);
	return cache_slot_generation(scene->slot) != generation
		   ? (int)OK
		   : (int)ERR(MEMORY);
}

static const struct {
	const char *sentence;
	int (*call)(struct scene *scene);
	int want;
	int allocations_min;
	const char *told;
} calls[] = {
    {"a new cache", make_cache, OK, 1, ""},
    {"accepting a further key", accept_first, OK, 3, "key_added recovered"},
    {"accepting newer evidence", accept_newer, OK, 2, "recovered"},
    {"withdrawing a key", withdraw, ERR(MEASUREMENT), 4, "measurement"},
    {"refusing what is too old", refuse_time, ERR(TOO_OLD), 2, "refused"},
    {"known evidence after a refusal", recover, OK, 2, "recovered"},
    {"a map with another policy and a new enclave", next_map, OK, 10,
	"measurement measurement attested recovered insecure "
	"insecure"},
    {"a map without the enclave", empty_map, OK, 3, ""},
    {"noting a failure", note_failure, OK, 2, "poll_failed"},
    {"sweeping ends", expire, OK, 2, "expired"},
};

/* A and B are live, W was refused for its build and is remembered. */
static void
set_scene(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	world_init(&scene->world);
	ck_assert_int_eq(world_update(&scene->world, &payments, 1), OK);
	scene->slot = cache_find(scene->world.cache, "payments");
	ck_assert_int_eq(publish(scene, document('A', GOOD, 0)), OK);
	ck_assert_int_eq(publish(scene, document('B', GOOD, 0)), OK);
	ck_assert_int_eq(
	    publish(scene, document('W', BAD, 0)), ERR(MEASUREMENT));
	world_expect_events(
	    &scene->world, "attested key_added measurement", "scene");
}

static void
clear_scene(struct scene *scene)
{
	cache_free(scene->made);
	cache_slot_unref(scene->slot);
	world_end(&scene->world);
}

static void
expect_unchanged(struct scene *scene, uint64_t generation)
{
	struct cache_slot *found = cache_find(scene->world.cache, "payments");

	ck_assert_ptr_eq(found, scene->slot);
	ck_assert(!cache_slot_removed(found));
	cache_slot_unref(found);
	ck_assert_uint_eq(cache_slot_count(scene->world.cache), 1);
	ck_assert_uint_eq(cache_slot_generation(scene->slot), generation);
	ck_assert_int_eq(world_judge(&scene->world, scene->slot, 'A'), OK);
	ck_assert_int_eq(world_judge(&scene->world, scene->slot, 'B'), OK);
	ck_assert_int_eq(
	    world_judge(&scene->world, scene->slot, 'W'), ERR(MEASUREMENT));
	ck_assert_ptr_null(scene->made);
	world_expect_events(&scene->world, "", "after a failed allocation");
}

START_TEST(each_allocation_may_fail)
{
	for (long nth = 1; nth < 1000; nth++) {
		struct scene scene;
		uint64_t generation;
		int status;

		set_scene(&scene);
		generation = cache_slot_generation(scene.slot);
		fake_fail_allocation(nth);
		status = calls[_i].call(&scene);
		fake_fail_allocation(0);
		if (status == calls[_i].want) {
			world_expect_events(
			    &scene.world, calls[_i].told, calls[_i].sentence);
			clear_scene(&scene);
			ck_assert_int_gt(nth, calls[_i].allocations_min);
			return;
		}
		ck_assert_msg(status == (int)ERR(MEMORY),
		    "%s, allocation %ld: %d", calls[_i].sentence, nth, status);
		expect_unchanged(&scene, generation);
		ck_assert_int_eq(calls[_i].call(&scene), calls[_i].want);
		world_expect_events(
		    &scene.world, calls[_i].told, calls[_i].sentence);
		clear_scene(&scene);
	}
	ck_abort_msg("%s never succeeds", calls[_i].sentence);
}
END_TEST

Suite *
torture_suite(void)
{
	Suite *suite = suite_create("cache torture");
	TCase *memory = tcase_create("memory");

	tcase_add_loop_test(
	    memory, each_allocation_may_fail, 0, (int)COUNT(calls));
	suite_add_tcase(suite, memory);
	return suite;
}
