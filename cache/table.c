/* The map of the moment: swapped whole, so that no reader sees half of it. */
#include <stdlib.h>

#include "cache/state.h"

struct table *
table_new(struct enclave_map *map, size_t count)
{
	struct table *table =
	    calloc(1, sizeof(*table) + count * sizeof(table->slots[0]));

	if (!table)
		return NULL;
	atomic_init(&table->references, 1);
	table->map = enclave_map_ref(map);
	table->count = count;
	return table;
}

void
table_unref(struct table *table)
{
	if (!table || atomic_fetch_sub_explicit(
			  &table->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < table->count; i++)
		cache_slot_unref(table->slots[i]);
	enclave_map_unref(table->map);
	free(table);
}

struct table *
table_current(struct cache *cache)
{
	struct table *table;

	pthread_mutex_lock(&cache->table_lock);
	table = cache->table;
	if (table)
		atomic_fetch_add_explicit(
		    &table->references, 1, memory_order_relaxed);
	pthread_mutex_unlock(&cache->table_lock);
	return table;
}

struct table *
table_swap(struct cache *cache, struct table *next)
{
	struct table *former;

	pthread_mutex_lock(&cache->table_lock);
	former = cache->table;
	cache->table = next;
	pthread_mutex_unlock(&cache->table_lock);
	return former;
}

struct cache_slot *
table_find(const struct table *table, const char *name)
{
	struct enclave *enclave =
	    table ? enclave_map_find(table->map, name) : NULL;

	return enclave ? table->slots[enclave->index] : NULL;
}

struct cache_slot *
cache_find(struct cache *cache, const char *name)
{
	struct table *table = table_current(cache);
	struct cache_slot *slot = table_find(table, name);

	if (slot)
		(void)cache_slot_ref(slot);
	table_unref(table);
	return slot;
}

struct cache_slot *
cache_find_origin(struct cache *cache, const struct origin *origin)
{
	struct table *table = table_current(cache);
	struct cache_slot *slot = NULL;
	struct enclave *enclave =
	    table ? enclave_map_find_origin(table->map, origin) : NULL;

	if (enclave)
		slot = cache_slot_ref(table->slots[enclave->index]);
	table_unref(table);
	return slot;
}

struct cache_slot *
cache_slot_at(struct cache *cache, size_t index)
{
	struct table *table = table_current(cache);
	struct cache_slot *slot = NULL;

	if (table && index < table->count)
		slot = cache_slot_ref(table->slots[index]);
	table_unref(table);
	return slot;
}

size_t
cache_slot_count(struct cache *cache)
{
	struct table *table = table_current(cache);
	size_t count = table ? table->count : 0;

	table_unref(table);
	return count;
}

struct cache_slots
cache_slots_begin(struct cache *cache)
{
	struct table *table = table_current(cache);

	return (struct cache_slots){
	    .slots = table ? table->slots : NULL,
	    .count = table ? table->count : 0,
	    .table = table,
	};
}

void
cache_slots_end(struct cache_slots *slots)
{
	table_unref(slots->table);
	*slots = (struct cache_slots){0};
}
