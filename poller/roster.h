/*
 * Every enclave that is polled: slot -> entry.  About 100 bytes an enclave, in
 * the thread's hands alone.
 */
#ifndef POLLER_ROSTER_H
#define POLLER_ROSTER_H

#include "cache/cache.h"
#include "poller/heap.h"
#include "poller/schedule.h"

struct roster_entry {
	struct cache_slot *slot; /* owned reference, so its address is unique */
	struct roster_entry *next;
	struct schedule schedule;
	struct heap_node poll; /* in no heap while its poll is in flight */
	struct heap_node end;  /* of its first key; in no heap without one */
	/* Of the slot after our own last publish: others' show as a change. */
	uint64_t generation;
};

struct roster {
	struct roster_entry **buckets;
	size_t bucket_count; /* a power of two, or 0 */
	size_t count;
};

/* All zero is an empty roster. */
void roster_clear(struct roster *roster);
struct roster_entry *roster_find(
    const struct roster *roster, const struct cache_slot *slot);
/* New entry, which takes a reference; NULL when memory is short. */
struct roster_entry *roster_add(struct roster *roster, struct cache_slot *slot);
/* Drops the reference and frees the entry. */
void roster_remove(struct roster *roster, struct roster_entry *entry);

#endif
