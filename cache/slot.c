#include "cache/slot.h"

#include <stdlib.h>

#include "base/id.h"

struct cache_slot *
slot_new(struct enclave *enclave)
{
	struct cache_slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->snapshot = snapshot_new(NULL, enclave, 0);
	if (!slot->snapshot)
		goto out;
	if (pthread_mutex_init(&slot->lock, NULL))
		goto out;
	slot->id = id_next();
	atomic_init(&slot->references, 1);
	atomic_init(&slot->generation, slot->snapshot->generation);
	atomic_init(&slot->removed, false);
	atomic_init(&slot->flight, false);
	return slot;
out:
	snapshot_unref(slot->snapshot);
	free(slot);
	return NULL;
}

struct cache_slot *
cache_slot_ref(struct cache_slot *slot)
{
	atomic_fetch_add_explicit(&slot->references, 1, memory_order_relaxed);
	return slot;
}

void
cache_slot_unref(struct cache_slot *slot)
{
	if (!slot || atomic_fetch_sub_explicit(
			 &slot->references, 1, memory_order_acq_rel) != 1)
		return;
	if (slot->attached)
		slot->free_attached(slot->attached);
	snapshot_unref(slot->snapshot);
	refusal_unref(slot->failure);
	pthread_mutex_destroy(&slot->lock);
	free(slot);
}

uint64_t
cache_slot_id(const struct cache_slot *slot)
{
	return slot->id;
}

uint64_t
cache_slot_generation(const struct cache_slot *slot)
{
	return atomic_load_explicit(&slot->generation, memory_order_acquire);
}

bool
cache_slot_removed(const struct cache_slot *slot)
{
	return atomic_load_explicit(&slot->removed, memory_order_acquire);
}

struct snapshot *
slot_view(struct cache_slot *slot, struct refusal **ret_failure)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&slot->lock);
	snapshot = snapshot_ref(slot->snapshot);
	if (ret_failure)
		*ret_failure = refusal_ref(slot->failure);
	pthread_mutex_unlock(&slot->lock);
	return snapshot;
}

struct snapshot *
slot_swap_snapshot(struct cache_slot *slot, struct snapshot *next)
{
	struct snapshot *former;

	pthread_mutex_lock(&slot->lock);
	former = slot->snapshot;
	slot->snapshot = next;
	atomic_store_explicit(
	    &slot->generation, next->generation, memory_order_release);
	pthread_mutex_unlock(&slot->lock);
	return former;
}

struct refusal *
slot_swap_failure(struct cache_slot *slot, struct refusal *next)
{
	struct refusal *former;

	pthread_mutex_lock(&slot->lock);
	former = slot->failure;
	slot->failure = next;
	pthread_mutex_unlock(&slot->lock);
	return former;
}

struct enclave *
cache_slot_enclave(struct cache_slot *slot, uint64_t *ret_policy_generation)
{
	struct snapshot *snapshot = slot_view(slot, NULL);
	struct enclave *enclave = enclave_ref(snapshot->enclave);

	if (ret_policy_generation)
		*ret_policy_generation = snapshot->policy_generation;
	snapshot_unref(snapshot);
	return enclave;
}

bool
cache_flight_begin(struct cache_slot *slot)
{
	return !atomic_exchange_explicit(
	    &slot->flight, true, memory_order_acq_rel);
}

void
cache_flight_end(struct cache_slot *slot)
{
	atomic_store_explicit(&slot->flight, false, memory_order_release);
}

bool
cache_flight_busy(struct cache_slot *slot)
{
	return atomic_load_explicit(&slot->flight, memory_order_acquire);
}

static void *
attached_of(struct cache_slot *slot)
{
	void *attached;

	pthread_mutex_lock(&slot->lock);
	attached = slot->attached;
	pthread_mutex_unlock(&slot->lock);
	return attached;
}

void *
cache_slot_attached(struct cache_slot *slot,
    void *(*make)(struct cache_slot *slot, void *context), void *context,
    void (*free_attached)(void *attached))
{
	void *attached = attached_of(slot);
	void *made;

	if (attached)
		return attached;
	/* Made outside the lock: of two makers, the second to come yields. */
	made = make(slot, context);
	if (!made)
		return NULL;
	pthread_mutex_lock(&slot->lock);
	if (!slot->attached) {
		slot->attached = made;
		slot->free_attached = free_attached;
		made = NULL; /* the slot's now */
	}
	attached = slot->attached;
	pthread_mutex_unlock(&slot->lock);
	if (made)
		free_attached(made);
	return attached;
}
