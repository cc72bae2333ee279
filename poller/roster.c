#include "poller/roster.h"

#include <stdlib.h>

#define BUCKETS_MIN 16

static size_t
bucket_of(size_t bucket_count, const struct cache_slot *slot)
{
	/* Fibonacci hashing: addresses differ in their middle bits. */
	uint64_t hash = (uint64_t)(uintptr_t)slot * 0x9e3779b97f4a7c15u;

	return (size_t)(hash >> 32) & (bucket_count - 1);
}

static void
entry_free(struct roster_entry *entry)
{
	cache_slot_unref(entry->slot);
	free(entry);
}

void
roster_clear(struct roster *roster)
{
	for (size_t i = 0; i < roster->bucket_count; i++) {
		struct roster_entry *entry = roster->buckets[i];
		while (entry) {
			struct roster_entry *next = entry->next;
			entry_free(entry);
			entry = next;
		}
	}
	free(roster->buckets);
	*roster = (struct roster){0};
}

struct roster_entry *
roster_find(const struct roster *roster, const struct cache_slot *slot)
{
	struct roster_entry *entry;

	if (!roster->bucket_count)
		return NULL;
	entry = roster->buckets[bucket_of(roster->bucket_count, slot)];
	while (entry && entry->slot != slot)
		entry = entry->next;
	return entry;
}

static void
insert(struct roster *roster, struct roster_entry *entry)
{
	size_t bucket = bucket_of(roster->bucket_count, entry->slot);

	entry->next = roster->buckets[bucket];
	roster->buckets[bucket] = entry;
}

static bool
grow(struct roster *roster)
{
	size_t count =
	    roster->bucket_count ? roster->bucket_count * 2 : BUCKETS_MIN;
	struct roster grown = {
	    .buckets = calloc(count, sizeof(struct roster_entry *)),
	    .bucket_count = count,
	    .count = roster->count,
	};

	if (!grown.buckets)
		return false;
	for (size_t i = 0; i < roster->bucket_count; i++) {
		struct roster_entry *entry = roster->buckets[i];
		while (entry) {
			struct roster_entry *next = entry->next;
			insert(&grown, entry);
			entry = next;
		}
	}
	free(roster->buckets);
	*roster = grown;
	return true;
}

struct roster_entry *
roster_add(struct roster *roster, struct cache_slot *slot)
{
	struct roster_entry *entry;

	if (roster->count >= roster->bucket_count && !grow(roster))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->slot = cache_slot_ref(slot);
	insert(roster, entry);
	roster->count++;
	return entry;
}

void
roster_remove(struct roster *roster, struct roster_entry *entry)
{
	size_t bucket = bucket_of(roster->bucket_count, entry->slot);
	struct roster_entry **link = &roster->buckets[bucket];

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	roster->count--;
	entry_free(entry);
}
