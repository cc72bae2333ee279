/*
 * Slots that the poller should look at, and the call that tells it so.  A
 * higher layer is reached through the wake hook alone.
 */
#include "cache/state.h"

bool
dirty_add(struct cache *cache, struct cache_slot *slot, unsigned int why)
{
	bool polled;

	pthread_mutex_lock(&cache->dirty_lock);
	polled = cache->wake != NULL;
	/* Without a poller nobody would ever empty the list. */
	if (polled && !slot->dirty_bits) {
		(void)cache_slot_ref(slot);
		slot->dirty_next = NULL;
		if (cache->dirty_last)
			cache->dirty_last->dirty_next = slot;
		else
			cache->dirty_first = slot;
		cache->dirty_last = slot;
	}
	if (polled)
		slot->dirty_bits |= why;
	pthread_mutex_unlock(&cache->dirty_lock);
	return polled;
}

void
dirty_wake(struct cache *cache)
{
	void (*wake)(void *context);
	void *context;

	pthread_mutex_lock(&cache->dirty_lock);
	wake = cache->wake;
	context = cache->wake_context;
	cache->waking++;
	pthread_mutex_unlock(&cache->dirty_lock);

	if (wake)
		wake(context);

	pthread_mutex_lock(&cache->dirty_lock);
	if (--cache->waking == 0)
		pthread_cond_broadcast(&cache->wake_idle);
	pthread_mutex_unlock(&cache->dirty_lock);
}

struct cache_slot *
cache_next_dirty(struct cache *cache, unsigned int *ret_why)
{
	struct cache_slot *slot;

	pthread_mutex_lock(&cache->dirty_lock);
	slot = cache->dirty_first;
	if (slot) {
		cache->dirty_first = slot->dirty_next;
		if (!cache->dirty_first)
			cache->dirty_last = NULL;
		slot->dirty_next = NULL;
		if (ret_why)
			*ret_why = slot->dirty_bits;
		slot->dirty_bits = 0;
	}
	pthread_mutex_unlock(&cache->dirty_lock);
	return slot;
}

void
dirty_drop_all(struct cache *cache)
{
	struct cache_slot *slot;

	while ((slot = cache_next_dirty(cache, NULL)))
		cache_slot_unref(slot);
}

void
cache_mark_wanted(struct cache *cache, struct cache_slot *slot)
{
	if (dirty_add(cache, slot, CACHE_DIRTY_WANTED))
		dirty_wake(cache);
}

void
cache_set_wake(struct cache *cache, void (*wake)(void *context), void *context)
{
	struct table *table;

	pthread_mutex_lock(&cache->dirty_lock);
	cache->wake = wake;
	cache->wake_context = context;
	/* The former hook's owner may free itself once we are back. */
	while (cache->waking)
		pthread_cond_wait(&cache->wake_idle, &cache->dirty_lock);
	pthread_mutex_unlock(&cache->dirty_lock);

	if (!wake) {
		dirty_drop_all(cache);
		return;
	}
	/* Who comes after the map finds every enclave marked. */
	table = table_current(cache);
	for (size_t i = 0; table && i < table->count; i++)
		(void)dirty_add(cache, table->slots[i], CACHE_DIRTY_CONFIGURED);
	if (table && table->count)
		dirty_wake(cache);
	table_unref(table);
}
