/*
 * The cache from the inside.
 *
 * Order of locks: write, then any one of table, dirty, wait, slot; wait may be
 * followed by slot.  Readers take only table and slot, which are held to copy
 * a pointer and count a reference.  Hooks are called with none held.
 */
#ifndef CACHE_STATE_H
#define CACHE_STATE_H

#include <pthread.h>

#include "cache/cache.h"
#include "cache/slot.h"

/* One map and the slot of each of its enclaves.  Immutable, counted. */
struct table {
	atomic_uint references;
	struct enclave_map *map;
	size_t count;
	struct cache_slot *slots[]; /* by the enclave's index */
};

struct cache {
	const struct appraiser *appraiser;
	struct cache_hooks hooks; /* but for wake: see below */

	/* Serialises publish, failure, expire and update. */
	pthread_mutex_t write;

	pthread_mutex_t table_lock;
	struct table *table; /* NULL until the first map */
	/* Under write: the map that an update is replacing at this moment, or
	 * was when a forked child was made and is not put right yet. */
	const struct table *replaced;

	pthread_mutex_t dirty_lock;
	pthread_cond_t wake_idle;
	unsigned int waking; /* calls of the wake hook under way */
	void (*wake)(void *context);
	void *wake_context;
	struct cache_slot *dirty_first; /* references; first in, first out */
	struct cache_slot *dirty_last;

	pthread_mutex_t wait_lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
};

/* Waits are by CLOCK_MONOTONIC.  Not 0: memory is short. */
int cache_init_condition(pthread_cond_t *condition);

/* Room for count slots, all NULL; takes a reference on map. */
struct table *table_new(struct enclave_map *map, size_t count);
/* Lets go of the slots that are not NULL. */
void table_unref(struct table *table);
/* New reference on the table of the moment, or NULL. */
struct table *table_current(struct cache *cache);
/* Gives back the former one. */
struct table *table_swap(struct cache *cache, struct table *next);
/* Borrowed from the table; NULL when it (or the table) has none. */
struct cache_slot *table_find(const struct table *table, const char *name);

/* Marks without waking; false when nobody polls. */
bool dirty_add(struct cache *cache, struct cache_slot *slot, unsigned int why);
void dirty_wake(struct cache *cache);
void dirty_drop_all(struct cache *cache);

#endif
