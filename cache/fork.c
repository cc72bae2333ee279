/*
 * What a forked child makes of the cache it inherits.  The other threads of
 * the parent are gone, at any point of what they did, with locks held and
 * references counted: locks are made anew, and what lies between two of a
 * writer's steps is put right.
 */
#include "cache/state.h"

static void
renew_slot(struct cache_slot *slot)
{
	(void)pthread_mutex_init(&slot->lock, NULL);
	atomic_store(&slot->flight, false);
	/* The pointer is what counts; its copy may not have been stored yet. */
	atomic_store(&slot->generation, slot->snapshot->generation);
	slot->dirty_next = NULL;
	slot->dirty_bits = 0;
	for (size_t i = 0; i < CACHE_COUNTERS; i++)
		atomic_store(&slot->counters[i], 0);
	atomic_store(&slot->last_poll_ms, 0);
	atomic_store(&slot->next_poll_ms, 0);
}

static void
renew_locks(struct cache *cache)
{
	(void)pthread_mutex_init(&cache->write, NULL);
	(void)pthread_mutex_init(&cache->table_lock, NULL);
	(void)pthread_mutex_init(&cache->dirty_lock, NULL);
	(void)pthread_mutex_init(&cache->wait_lock, NULL);
	(void)pthread_cond_init(&cache->wake_idle, NULL);
	(void)cache_init_condition(&cache->changed);
	/* Whoever was in the list keeps a reference that nobody gives back. */
	cache->dirty_first = NULL;
	cache->dirty_last = NULL;
	cache->wake = NULL;
	cache->wake_context = NULL;
	cache->waking = 0;
}

/* The map was swapped, and those that go with it were not yet marked. */
static void
finish_removals(struct cache *cache)
{
	const struct table *former = cache->replaced;

	for (size_t i = 0; former && i < former->count; i++) {
		struct cache_slot *slot = former->slots[i];

		renew_slot(slot);
		if (former != cache->table &&
		    table_find(cache->table, slot->snapshot->enclave->name) !=
			slot)
			atomic_store(&slot->removed, true);
	}
}

enum enclave_client_status
cache_after_fork(struct cache *cache, struct enclave_client_error *error)
{
	struct table *table = cache->table;

	renew_locks(cache);
	for (size_t i = 0; table && i < table->count; i++)
		renew_slot(table->slots[i]);
	finish_removals(cache);
	/* Some enclaves had their new policy and some had not: the map decides,
	 * whichever it was, and what is known is matched again under it.  The
	 * mark of it goes with the update that succeeds: short of memory, the
	 * next attempt must find it. */
	if (cache->replaced && table)
		return cache_update(cache, table->map, error);
	return ENCLAVE_CLIENT_OK;
}
