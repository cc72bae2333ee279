#include "world.h"

#include <stdio.h>
#include <string.h>

static const char *
kind_name(enum enclave_client_event_kind kind)
{
	static const char *const names[] = {"?", "attested", "refused",
	    "measurement", "key_added", "expired", "poll_failed", "recovered",
	    "insecure"};

	return (size_t)kind < COUNT(names) ? names[kind] : "?";
}

static void
on_event(const struct enclave_client_event *event, void *context)
{
	struct world *world = context;
	size_t len;

	pthread_mutex_lock(&world->log_lock);
	len = strlen(world->log);
	(void)snprintf(world->log + len, sizeof(world->log) - len, "%s%s",
	    len ? " " : "", kind_name(event->kind));
	(void)snprintf(
	    world->message, sizeof(world->message), "%s", event->message);
	pthread_mutex_unlock(&world->log_lock);
	if (world->on_event)
		world->on_event(world);
}

static void
wake(void *context)
{
	atomic_fetch_add(&((struct world *)context)->wakes, 1);
}

void
world_init(struct world *world)
{
	struct cache_hooks hooks = {wake, world, on_event, world};

	memset(world, 0, sizeof(*world));
	ck_assert_int_eq(pthread_mutex_init(&world->log_lock, NULL), 0);
	fake_clock_set(0, 0);
	ck_assert_int_eq(
	    cache_new(&fake_appraiser, &hooks, &world->cache, NULL), OK);
}

void
world_end(struct world *world)
{
	cache_free(world->cache);
	pthread_mutex_destroy(&world->log_lock);
	ck_assert_int_eq(fake_objects(), 0);
}

enum enclave_client_status
world_update(
    struct world *world, const struct fake_enclave *enclaves, size_t count)
{
	struct enclave_map *map = fake_map(enclaves, count);
	enum enclave_client_status status =
	    cache_update(world->cache, map, &world->error);

	enclave_map_unref(map);
	return status;
}

enum enclave_client_status
world_publish(struct world *world, struct cache_slot *slot,
    const struct document *document)
{
	struct appraisal appraisal = {0};
	struct enclave_client_error error = {0};
	enum enclave_client_status status;
	uint64_t generation;
	struct enclave *enclave = cache_slot_enclave(slot, &generation);

	(void)fake_appraise(enclave, document, &appraisal, &error);
	status =
	    cache_publish(world->cache, slot, generation, &appraisal, &error);
	enclave_unref(enclave);
	appraisal_clear(&appraisal);
	/* Check's own marks take memory, which may be failing on purpose. */
	if (status != error.status)
		ck_abort_msg("%d, but the error says %d", status, error.status);
	world->error = error;
	return status;
}

enum enclave_client_status
world_judge(struct world *world, struct cache_slot *slot, char key)
{
	struct cache_hit hit = {0};
	struct binding_key wanted = fake_key(key);
	enum enclave_client_status status =
	    cache_judge(slot, &wanted, fake_now(), &hit, &world->error);

	ck_assert_int_eq(status, world->error.status);
	if (status) {
		ck_assert_ptr_null(hit.claims); /* untouched */
		ck_assert_ptr_null(strstr(world->error.message, "%"));
		return status;
	}
	ck_assert(binding_key_equal(&hit.key, &wanted));
	ck_assert(!deadline_passed(hit.deadline, fake_now()));
	cache_hit_clear(&hit);
	return status;
}

size_t
world_live(struct cache_slot *slot)
{
	return cache_live_keys(slot, fake_now(), NULL, NULL);
}

void
world_expect_events(
    struct world *world, const char *expected, const char *where)
{
	pthread_mutex_lock(&world->log_lock);
	ck_assert_msg(!strcmp(world->log, expected),
	    "%s: told \"%s\", not \"%s\"", where, world->log, expected);
	world->log[0] = '\0';
	pthread_mutex_unlock(&world->log_lock);
}
