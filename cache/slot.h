/* One enclave of the map while it is configured, from the inside. */
#ifndef CACHE_SLOT_H
#define CACHE_SLOT_H

#include <pthread.h>

#include "cache/cache.h"
#include "cache/refusal.h"
#include "cache/snapshot.h"

/* What the caller was told last of things going wrong; zero: nothing. */
struct told {
	enum enclave_client_event_kind kind;
	enum enclave_client_status status;
	enum enclave_client_step step;
};

struct cache_slot {
	uint64_t id;
	atomic_uint references;
	atomic_uint_fast64_t generation; /* of the snapshot; no lock to read */
	atomic_bool removed;
	atomic_bool flight;

	/* For reports alone: no verdict looks at them. */
	atomic_uint_fast64_t counters[CACHE_COUNTERS];
	atomic_int_fast64_t last_poll_ms; /* wall clock; 0: none */
	atomic_int_fast64_t next_poll_ms;

	/*
	 * Held to copy or swap these pointers and count a reference, for
	 * nothing else.  Only the thread that holds the cache's write mutex
	 * swaps the first two, so it may read them without the lock.
	 */
	pthread_mutex_t lock;
	struct snapshot *snapshot; /* never NULL */
	struct refusal *failure;   /* the last one; NULL after a success */
	void *attached;
	void (*free_attached)(void *attached);

	/* Under the cache's write mutex. */
	bool attested; /* as the events said */
	struct told told;

	/* Under the cache's dirty mutex. */
	struct cache_slot *dirty_next;
	unsigned int dirty_bits; /* not 0: it is in the list */
};

/* New, with one reference; NULL when memory is short. */
struct cache_slot *slot_new(struct enclave *enclave);
/*
 * New references on the snapshot and, unless ret_failure is NULL, on the last
 * failure (NULL when there is none): both of the same moment.
 */
struct snapshot *slot_view(
    struct cache_slot *slot, struct refusal **ret_failure);
/* Gives back what was there; the caller frees it once no lock is held. */
struct snapshot *slot_swap_snapshot(
    struct cache_slot *slot, struct snapshot *next);
struct refusal *slot_swap_failure(
    struct cache_slot *slot, struct refusal *next);

#endif
