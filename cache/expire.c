#include "cache/change.h"

/*
 * Spends every accepted entry whose deadline has passed: its document's
 * memory goes, what is needed to know the same evidence again stays.
 */
static bool
spend_passed(struct change *change)
{
	const struct snapshot *snapshot = change->slot->snapshot;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct entry *entry = &snapshot->entries[i];

		if (entry->state != ENTRY_ACCEPTED ||
		    entry_live(entry, change->now))
			continue;
		if (!change_draft(change))
			return false;
		snapshot_spend(change->draft, i);
	}
	return true;
}

void
cache_expire(struct cache *cache, struct cache_slot *slot, struct moment now)
{
	struct change change;

	pthread_mutex_lock(&cache->write);
	change_begin(&change, cache, slot);
	change.now = now;
	/* Short of memory, it is done later; readers ask the deadline. */
	if (!cache_slot_removed(slot) && spend_passed(&change) &&
	    change_expired(&change))
		change_commit(&change);
	pthread_mutex_unlock(&cache->write);
	change_finish(&change);
}
