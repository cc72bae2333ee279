/* What reports ask; nothing here decides anything. */
#include <stdlib.h>

#include "cache/slot.h"

void
cache_count(struct cache_slot *slot, enum cache_counter counter)
{
	atomic_fetch_add_explicit(
	    &slot->counters[counter], 1, memory_order_relaxed);
}

uint64_t
cache_counted(struct cache_slot *slot, enum cache_counter counter)
{
	return atomic_load_explicit(
	    &slot->counters[counter], memory_order_relaxed);
}

void
cache_note_poll_times(struct cache_slot *slot, int64_t last_ms, int64_t next_ms)
{
	if (last_ms)
		atomic_store_explicit(
		    &slot->last_poll_ms, last_ms, memory_order_relaxed);
	if (next_ms)
		atomic_store_explicit(
		    &slot->next_poll_ms, next_ms, memory_order_relaxed);
}

static void
inspect_entry(const struct entry *entry, struct moment now, uint64_t generation,
    struct cache_inspection *inspection)
{
	if (entry->state == ENTRY_WITHDRAWN)
		inspection->has_withdrawn = true;
	else
		inspection->was_attested = true;
	if (!entry_live(entry, now))
		return;
	inspection->keys[inspection->key_count++] = (struct cache_hit){
	    .generation = generation,
	    .deadline = entry->deadline,
	    .key = entry->key,
	    .claims = claims_ref(entry->claims),
	    .policy = policy_ref(entry->policy),
	    .set = entry->set,
	};
}

bool
cache_inspect(struct cache_slot *slot, struct moment now,
    struct cache_inspection *ret_inspection)
{
	struct snapshot *snapshot = slot_view(slot, NULL);
	struct cache_inspection inspection = {
	    .generation = snapshot->generation,
	    .last_poll_ms =
		atomic_load_explicit(&slot->last_poll_ms, memory_order_relaxed),
	    .next_poll_ms =
		atomic_load_explicit(&slot->next_poll_ms, memory_order_relaxed),
	};

	if (snapshot->count) {
		inspection.keys =
		    calloc(snapshot->count, sizeof(inspection.keys[0]));
		if (!inspection.keys) {
			snapshot_unref(snapshot);
			return false;
		}
	}
	for (size_t i = 0; i < snapshot->count; i++)
		inspect_entry(&snapshot->entries[i], now, snapshot->generation,
		    &inspection);
	snapshot_unref(snapshot);
	*ret_inspection = inspection;
	return true;
}

void
cache_inspection_clear(struct cache_inspection *inspection)
{
	for (size_t i = 0; i < inspection->key_count; i++)
		cache_hit_clear(&inspection->keys[i]);
	free(inspection->keys);
	*inspection = (struct cache_inspection){0};
}
