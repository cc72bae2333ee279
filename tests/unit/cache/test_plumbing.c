/* The map, ids, marks for the poller, attached things, and who is told. */
#include <string.h>

#include "base/limits.h"
#include "world.h"

#define GOOD 1

static const struct fake_enclave a = {
    .name = "a", .host = "ha", .accepted = 1 << GOOD};
static const struct fake_enclave b = {
    .name = "b", .host = "hb", .accepted = 1 << GOOD};

static struct document
good(char key, int64_t timestamp_ms)
{
	return (struct document){
	    key, GOOD, timestamp_ms, 3 * HOUR_MS, false, false};
}

static enum enclave_client_status
publish_good(struct world *world, struct cache_slot *slot, char key)
{
	struct document document = good(key, 0);

	return world_publish(world, slot, &document);
}

/* What reports count */

/* A document that names three keys is published, in a cache of one slot. */
static enum enclave_client_status
publish_three(struct world *world, struct cache_slot *slot)
{
	const struct document document = good('A', 0);
	struct appraisal appraisal = {0};
	struct enclave_client_error error = {0};
	enum enclave_client_status status;
	uint64_t generation;
	struct enclave *enclave = cache_slot_enclave(slot, &generation);

	(void)fake_appraise(enclave, &document, &appraisal, &error);
	appraisal.more_count = 2;
	appraisal.more[0] = fake_key('B');
	appraisal.more[1] = fake_key('C');
	status =
	    cache_publish(world->cache, slot, generation, &appraisal, &error);
	enclave_unref(enclave);
	appraisal_clear(&appraisal);
	return status;
}

START_TEST(a_document_counts_once_whatever_it_names)
{
	struct world world;
	struct cache_slot *slot;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_int_eq(publish_three(&world, slot), OK);
	ck_assert_uint_eq(cache_live_keys(slot, fake_now(), NULL, NULL), 3);
	ck_assert_uint_eq(cache_counted(slot, CACHE_DOCUMENTS_ACCEPTED), 1);
	ck_assert_uint_eq(cache_counted(slot, CACHE_DOCUMENTS_REFUSED), 0);
	/* What can't be used is not the document's fault. */
	ck_assert_int_eq(world_update(&world, NULL, 0), OK);
	ck_assert_int_eq(publish_three(&world, slot), ERR(UNKNOWN_ENCLAVE));
	ck_assert_uint_eq(cache_counted(slot, CACHE_DOCUMENTS_REFUSED), 0);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* The map */

START_TEST(an_empty_cache_finds_nothing)
{
	struct world world;
	struct origin origin = {.host = (char[]){"ha"}};

	world_init(&world);
	ck_assert_uint_eq(cache_slot_count(world.cache), 0);
	ck_assert_ptr_null(cache_find(world.cache, "a"));
	ck_assert_ptr_null(cache_find_origin(world.cache, &origin));
	ck_assert_ptr_null(cache_slot_at(world.cache, 0));
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));
	world_end(&world);
}
END_TEST

START_TEST(a_slot_is_found_by_name_origin_and_place)
{
	struct world world;
	struct origin origin = {.host = (char[]){"hb"}};
	struct cache_slot *found[3];

	world_init(&world);
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){a, b}, 2), OK);
	found[0] = cache_find(world.cache, "b");
	found[1] = cache_find_origin(world.cache, &origin);
	found[2] = cache_slot_at(world.cache, 1);
	for (size_t i = 0; i < COUNT(found); i++) {
		ck_assert_ptr_nonnull(found[i]);
		ck_assert_ptr_eq(found[i], found[0]);
		cache_slot_unref(found[i]);
	}
	ck_assert_uint_eq(cache_slot_count(world.cache), 2);
	ck_assert_ptr_null(cache_find(world.cache, "c"));
	ck_assert_ptr_null(cache_slot_at(world.cache, 2));
	world_end(&world);
}
END_TEST

/* What a change of the map does to the slot of name "a". */
static const struct {
	const char *sentence;
	struct fake_enclave next[2];
	size_t count;
	bool keeps_slot;
	bool keeps_key;
} updates[] = {
    {"the same map again keeps slot and key",
	{{.name = "a", .host = "ha", .accepted = 1 << GOOD}}, 1, true, true},
    {"another place in the map keeps slot and key",
	{{.name = "b", .host = "hb", .accepted = 1 << GOOD},
	    {.name = "a", .host = "ha", .accepted = 1 << GOOD}},
	2, true, true},
    {"a wider policy keeps slot and key",
	{{.name = "a", .host = "ha", .accepted = 1 << GOOD | 1 << 2}}, 1, true,
	true},
    {"another policy keeps the slot and not the key",
	{{.name = "a", .host = "ha", .accepted = 1 << 2}}, 1, true, false},
    {"another origin is another enclave",
	{{.name = "a", .host = "hb", .accepted = 1 << GOOD}}, 1, false, false},
    {"another way of binding is another enclave",
	{{.name = "a",
	    .host = "ha",
	    .accepted = 1 << GOOD,
	    .profile = &fake_profiles[1]}},
	1, false, false},
};

START_TEST(a_map_keeps_what_it_may)
{
	struct world world;
	struct cache_slot *former;
	struct cache_slot *slot;
	struct enclave *enclave;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	former = cache_find(world.cache, "a");
	ck_assert_int_eq(publish_good(&world, former, 'A'), OK);
	ck_assert_int_eq(
	    world_update(&world, updates[_i].next, updates[_i].count), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_int_eq(slot == former, updates[_i].keeps_slot);
	ck_assert_int_eq(cache_slot_id(slot) == cache_slot_id(former),
	    updates[_i].keeps_slot);
	ck_assert_int_eq(cache_slot_removed(former), !updates[_i].keeps_slot);
	ck_assert_uint_eq(world_live(slot), updates[_i].keeps_key);
	ck_assert_uint_eq(world_live(former),
	    updates[_i].keeps_slot && updates[_i].keeps_key);
	/* The enclave that a slot gives is the new map's. */
	enclave = cache_slot_enclave(slot, NULL);
	ck_assert_uint_eq(enclave->index, updates[_i].count - 1);
	enclave_unref(enclave);
	cache_slot_unref(slot);
	cache_slot_unref(former);
	world_end(&world);
}
END_TEST

START_TEST(a_name_that_comes_back_has_a_new_id)
{
	struct world world;
	struct cache_slot *former;
	struct cache_slot *slot;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	former = cache_find(world.cache, "a");
	ck_assert_int_eq(world_update(&world, &b, 1), OK);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_uint_ne(cache_slot_id(slot), cache_slot_id(former));
	ck_assert(cache_slot_removed(former));
	ck_assert(!cache_slot_removed(slot));
	cache_slot_unref(slot);
	cache_slot_unref(former);
	world_end(&world);
}
END_TEST

START_TEST(a_slot_outlives_its_cache)
{
	struct world world;
	struct cache_slot *slot;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	cache_free(world.cache);
	world.cache = NULL;
	ck_assert_int_eq(world_judge(&world, slot, 'A'), OK);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* Hits and ends */

START_TEST(a_hit_says_under_what_the_key_is_live)
{
	struct world world;
	struct cache_slot *slot;
	struct cache_hit hit = {0};
	struct binding_key key = fake_key('A');
	struct enclave *enclave;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	enclave = cache_slot_enclave(slot, NULL);
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	ck_assert_int_eq(cache_judge(slot, &key, fake_now(), &hit, NULL), OK);
	ck_assert_uint_eq(hit.generation, cache_slot_generation(slot));
	ck_assert_int_eq(hit.deadline.wall_ms, START_WALL_MS + HOUR_MS);
	ck_assert_int_eq(hit.deadline.boot_ms, START_BOOT_MS + HOUR_MS);
	ck_assert_ptr_eq(hit.policy, enclave->policy);
	ck_assert_uint_eq(hit.set, GOOD);
	ck_assert_int_eq(claims_timestamp_ms(hit.claims), START_WALL_MS);
	cache_hit_clear(&hit);
	cache_hit_clear(&hit);
	ck_assert_int_eq(cache_judge(slot, &key, fake_now(), NULL, NULL), OK);
	enclave_unref(enclave);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

START_TEST(first_and_last_end_are_those_of_live_keys)
{
	struct world world;
	struct cache_slot *slot;
	struct deadline first = {1, 1};
	struct deadline last = {2, 2};
	const int64_t ends_ms[] = {1000, 30000, 20000, 10000};

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_uint_eq(cache_live_keys(slot, fake_now(), &first, &last), 0);
	ck_assert_int_eq(first.wall_ms, 1); /* untouched */
	ck_assert_int_eq(last.wall_ms, 2);
	for (size_t i = 0; i < COUNT(ends_ms); i++) {
		struct document document = good((char)('A' + i), 0);

		document.not_after_ms = ends_ms[i];
		ck_assert_int_eq(world_publish(&world, slot, &document), OK);
	}
	fake_clock_set(1000, 1000);
	ck_assert_uint_eq(cache_live_keys(slot, fake_now(), &first, &last), 3);
	ck_assert_int_eq(first.wall_ms, START_WALL_MS + 10000);
	ck_assert_int_eq(last.boot_ms, START_BOOT_MS + 30000);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

START_TEST(the_last_failure_is_kept_whole_until_a_success)
{
	static const uint8_t shown[] = {1, 2, 0xff};
	struct world world;
	struct cache_slot *slot;
	struct enclave_client_error error = {0};
	struct enclave_client_error last = {0};

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	cache_last_failure(slot, &last);
	ck_assert_int_eq(last.status, OK);
	error_set(&error, ERR(NETWORK), ENCLAVE_CLIENT_STEP_FETCH, "no route");
	error_set_foreign(&error, ENCLAVE_CLIENT_FOREIGN_CURL, 7);
	error_set_pcr(&error, 8, (struct bytes){shown, sizeof(shown)});
	error_add_accepted(&error, (struct bytes){shown, 1});
	error_set_age(&error, 12);
	error_set_deadline(&error, 34);
	error_set_enclave(&error, "a");
	cache_note_failure(world.cache, slot, &error);
	cache_last_failure(slot, &last);
	ck_assert_int_eq(last.status, ERR(NETWORK));
	ck_assert_int_eq(last.step, ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_int_eq(last.foreign, ENCLAVE_CLIENT_FOREIGN_CURL);
	ck_assert_int_eq(last.foreign_code, 7);
	ck_assert_str_eq(last.message, "a: no route");
	ck_assert_int_eq(enclave_client_error_pcr(&last), 8);
	ck_assert_str_eq(enclave_client_error_pcr_shown(&last), "0102ff");
	ck_assert_str_eq(enclave_client_error_pcr_accepted(&last, 0), "01");
	ck_assert_int_eq(enclave_client_error_age_ms(&last), 12);
	ck_assert_int_eq(enclave_client_error_deadline_ms(&last), 34);
	cache_note_failure(world.cache, slot, NULL);
	cache_last_failure(slot, &last);
	ck_assert_int_eq(last.status, ERR(INTERNAL));
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	cache_last_failure(slot, &last);
	ck_assert_int_eq(last.status, OK);
	ck_assert_str_eq(last.message, "");
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/*
 * An appraisal that never came to claims says OK when nobody set it; what it
 * stands for is a refusal all the same.
 */
START_TEST(an_appraisal_without_claims_is_a_refusal)
{
	struct world world;
	struct cache_slot *slot;
	struct appraisal appraisal = {0};
	struct enclave_client_error error = {0};
	uint64_t generation;
	struct enclave *enclave;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	enclave = cache_slot_enclave(slot, &generation);
	error_set(&error, ERR(SIGNATURE), ENCLAVE_CLIENT_STEP_SIGNATURE, "bad");
	ck_assert_int_eq(
	    cache_publish(world.cache, slot, generation, &appraisal, &error),
	    ERR(SIGNATURE));
	ck_assert_str_eq(error.message, "a: bad");
	error_clear(&error);
	ck_assert_int_eq(
	    cache_publish(world.cache, slot, generation, &appraisal, NULL),
	    ERR(INTERNAL));
	/* Accepted, they say, but no key is named. */
	appraisal.claims = fake_claims(&(struct document){.key = 'A'});
	ck_assert_int_eq(
	    cache_publish(world.cache, slot, generation, &appraisal, &error),
	    ERR(INTERNAL));
	ck_assert_uint_eq(world_live(slot), 0);
	appraisal_clear(&appraisal);
	enclave_unref(enclave);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* Marks for the poller */

static void
expect_dirty(struct world *world, const char *name, unsigned int why)
{
	unsigned int got = 0;
	struct cache_slot *slot = cache_next_dirty(world->cache, &got);
	struct enclave *enclave;

	ck_assert_ptr_nonnull(slot);
	enclave = cache_slot_enclave(slot, NULL);
	ck_assert_str_eq(enclave->name, name);
	ck_assert_uint_eq(got, why);
	enclave_unref(enclave);
	cache_slot_unref(slot);
}

START_TEST(each_reason_to_look_is_marked_once_and_wakes)
{
	struct world world;
	struct cache_slot *slot;
	struct fake_enclave quicker = a;

	world_init(&world);
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){a, b}, 2), OK);
	ck_assert_int_eq(atomic_load(&world.wakes), 1);
	slot = cache_find(world.cache, "a");
	cache_mark_wanted(world.cache, slot);
	ck_assert_int_eq(atomic_load(&world.wakes), 2);
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	ck_assert_int_eq(atomic_load(&world.wakes), 3);
	expect_dirty(&world, "a",
	    CACHE_DIRTY_CONFIGURED | CACHE_DIRTY_WANTED |
		CACHE_DIRTY_PUBLISHED);
	expect_dirty(&world, "b", CACHE_DIRTY_CONFIGURED);
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));

	/* Known evidence is no news; neither is the same map. */
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){a, b}, 2), OK);
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));
	ck_assert_int_eq(atomic_load(&world.wakes), 3);

	/* One changed, one removed. */
	quicker.interval_ms = 1000;
	ck_assert_int_eq(world_update(&world, &quicker, 1), OK);
	expect_dirty(&world, "a", CACHE_DIRTY_CONFIGURED);
	expect_dirty(&world, "b", CACHE_DIRTY_CONFIGURED);
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

static void
count_wake(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

START_TEST(without_a_poller_nothing_is_marked_and_a_later_one_finds_all)
{
	struct world world;
	struct cache_slot *slot;
	atomic_int wakes = 0;

	world_init(&world);
	cache_set_wake(world.cache, NULL, NULL);
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){a, b}, 2), OK);
	slot = cache_find(world.cache, "a");
	cache_mark_wanted(world.cache, slot);
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));
	cache_set_wake(world.cache, count_wake, &wakes);
	ck_assert_int_eq(atomic_load(&wakes), 1);
	ck_assert_int_eq(atomic_load(&world.wakes), 0);
	expect_dirty(&world, "a", CACHE_DIRTY_CONFIGURED);
	/* Who goes takes his marks along. */
	cache_set_wake(world.cache, NULL, NULL);
	ck_assert_ptr_null(cache_next_dirty(world.cache, NULL));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/* Flights and attached things */

START_TEST(one_flight_at_a_time)
{
	struct world world;
	struct cache_slot *slot;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert(!cache_flight_busy(slot));
	ck_assert(cache_flight_begin(slot));
	ck_assert(!cache_flight_begin(slot));
	ck_assert(cache_flight_busy(slot));
	cache_flight_end(slot);
	ck_assert(!cache_flight_busy(slot));
	ck_assert(cache_flight_begin(slot));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

struct attachments {
	int made;
	int freed;
	bool refuse;
	bool race;
};
static struct attachments attachments;
static int things[8];

static void
free_thing(void *attached)
{
	(void)attached;
	attachments.freed++;
}

static void *
make_thing(struct cache_slot *slot, void *context)
{
	if (attachments.refuse)
		return NULL;
	if (attachments.race) {
		/* Another thread is quicker while this one makes its own. */
		attachments.race = false;
		(void)cache_slot_attached(
		    slot, make_thing, context, free_thing);
	}
	return &things[attachments.made++];
}

START_TEST(a_thing_is_attached_once_and_freed_with_the_slot)
{
	struct world world;
	struct cache_slot *slot;

	attachments = (struct attachments){.refuse = true};
	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	ck_assert_ptr_null(
	    cache_slot_attached(slot, make_thing, NULL, free_thing));
	attachments.refuse = false;
	attachments.race = true;
	ck_assert_ptr_eq(
	    cache_slot_attached(slot, make_thing, NULL, free_thing),
	    &things[0]);
	ck_assert_int_eq(attachments.made, 2);
	ck_assert_int_eq(attachments.freed, 1);
	ck_assert_ptr_eq(
	    cache_slot_attached(slot, make_thing, NULL, free_thing),
	    &things[0]);
	ck_assert_int_eq(attachments.made, 2);
	cache_slot_unref(slot);
	world_end(&world);
	ck_assert_int_eq(attachments.freed, 2);
}
END_TEST

/* Events */

START_TEST(a_weakening_is_told_when_it_comes_into_force)
{
	struct world world;
	struct fake_enclave weak = a;

	weak.insecure = true;
	world_init(&world);
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){weak, b}, 2), OK);
	world_expect_events(&world, "insecure", "added");
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){weak, b}, 2), OK);
	world_expect_events(&world, "", "unchanged");
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){a, b}, 2), OK);
	world_expect_events(&world, "", "switched off");
	ck_assert_int_eq(
	    world_update(&world, (struct fake_enclave[]){weak, b}, 2), OK);
	world_expect_events(&world, "insecure", "switched on");
	world_end(&world);
}
END_TEST

START_TEST(sets_that_name_no_code_are_told_once_for_each_policy)
{
	struct world world;
	struct fake_enclave any = a, others = a;

	any.without_code = true;
	others.without_code = true;
	others.accepted = ~a.accepted;
	world_init(&world);
	ck_assert_int_eq(world_update(&world, &any, 1), OK);
	world_expect_events(&world, "insecure", "added");
	ck_assert_str_eq(world.message, "no code");
	ck_assert_int_eq(world_update(&world, &any, 1), OK);
	world_expect_events(&world, "", "unchanged");
	any.interval_ms = 1;
	ck_assert_int_eq(world_update(&world, &any, 1), OK);
	world_expect_events(&world, "", "the same policy");
	ck_assert_int_eq(world_update(&world, &others, 1), OK);
	world_expect_events(&world, "insecure", "another such policy");
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	world_expect_events(&world, "", "code is named");
	ck_assert_int_eq(world_update(&world, &any, 1), OK);
	world_expect_events(&world, "insecure", "no more");
	world_end(&world);
}
END_TEST

/* Every function of the cache, from inside a callback. */
static void
use_everything(struct world *world)
{
	struct cache_slot *slot = cache_find(world->cache, "a");
	struct enclave_client_error error = {0};
	struct enclave_client_error scratch = {0};

	world->on_event = NULL; /* not from the events that this makes */
	error_set(&error, ERR(NETWORK), ENCLAVE_CLIENT_STEP_FETCH, "no route");
	cache_note_failure(world->cache, slot, &error);
	ck_assert_int_eq(publish_good(world, slot, 'B'), OK);
	ck_assert_int_eq(world_judge(world, slot, 'B'), OK);
	cache_expire(world->cache, slot, fake_now());
	cache_mark_wanted(world->cache, slot);
	cache_last_failure(slot, &scratch);
	ck_assert_int_eq(
	    cache_wait_live(world->cache, slot, INT64_MAX, NULL), OK);
	cache_broadcast(world->cache);
	cache_set_wake(world->cache, NULL, NULL);
	ck_assert_int_eq(world_update(world, &b, 1), OK);
	cache_slot_unref(slot);
}

START_TEST(a_callback_may_call_any_function)
{
	struct world world;
	struct cache_slot *slot;

	world_init(&world);
	ck_assert_int_eq(world_update(&world, &a, 1), OK);
	slot = cache_find(world.cache, "a");
	world.on_event = use_everything;
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	world_expect_events(
	    &world, "attested poll_failed key_added recovered", "callback");
	ck_assert(cache_slot_removed(slot));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

START_TEST(without_a_callback_everything_still_works)
{
	struct world world;
	struct cache *cache = NULL;
	struct cache_slot *slot;
	struct enclave_map *map = fake_map(&a, 1);
	struct cache *former;

	world_init(&world);
	ck_assert_int_eq(cache_new(&fake_appraiser, NULL, &cache, NULL), OK);
	former = world.cache;
	world.cache = cache;
	ck_assert_int_eq(cache_update(cache, map, NULL), OK);
	enclave_map_unref(map);
	slot = cache_find(cache, "a");
	cache_note_failure(cache, slot, NULL);
	ck_assert_int_eq(publish_good(&world, slot, 'A'), OK);
	cache_slot_unref(slot);
	cache_free(former);
	world_end(&world);
}
END_TEST

Suite *
plumbing_suite(void)
{
	Suite *suite = suite_create("cache plumbing");
	TCase *map = tcase_create("map");
	TCase *slot = tcase_create("slot");
	TCase *hooks = tcase_create("hooks");

	tcase_add_test(map, a_document_counts_once_whatever_it_names);
	tcase_add_test(map, an_empty_cache_finds_nothing);
	tcase_add_test(map, a_slot_is_found_by_name_origin_and_place);
	tcase_add_loop_test(
	    map, a_map_keeps_what_it_may, 0, (int)COUNT(updates));
	tcase_add_test(map, a_name_that_comes_back_has_a_new_id);
	tcase_add_test(map, a_slot_outlives_its_cache);
	suite_add_tcase(suite, map);
	tcase_add_test(slot, a_hit_says_under_what_the_key_is_live);
	tcase_add_test(slot, first_and_last_end_are_those_of_live_keys);
	tcase_add_test(slot, the_last_failure_is_kept_whole_until_a_success);
	tcase_add_test(slot, an_appraisal_without_claims_is_a_refusal);
	tcase_add_test(slot, one_flight_at_a_time);
	tcase_add_test(slot, a_thing_is_attached_once_and_freed_with_the_slot);
	suite_add_tcase(suite, slot);
	tcase_add_test(hooks, each_reason_to_look_is_marked_once_and_wakes);
	tcase_add_test(hooks,
	    without_a_poller_nothing_is_marked_and_a_later_one_finds_all);
	tcase_add_test(hooks, a_weakening_is_told_when_it_comes_into_force);
	tcase_add_test(
	    hooks, sets_that_name_no_code_are_told_once_for_each_policy);
	tcase_add_test(hooks, a_callback_may_call_any_function);
	tcase_add_test(hooks, without_a_callback_everything_still_works);
	suite_add_tcase(suite, hooks);
	return suite;
}
