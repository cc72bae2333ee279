/*
 * Verified evidence in memory.
 *
 * A slot is one enclave of the map while it is configured; it holds one
 * snapshot of live keys at a time.  Readers take a reference on the snapshot
 * under the slot's mutex, held for nanoseconds; nobody verifies, allocates or
 * waits inside it.  Writers (publish, update, failure) are serialised by one
 * mutex of the cache and build the next snapshot outside the slot's.
 *
 * Rules (DESIGN section 3):
 *   - what failed to be fetched or is not authentic changes nothing;
 *   - a key lives until its own deadline, on both clocks, and nothing extends
 *     a deadline but newer evidence;
 *   - authentic evidence for a key, newer than what vouched for it, that
 *     matches no accepted set, withdraws the key at once, and older evidence
 *     does not bring it back;
 *   - evidence is published under the policy it was matched under: if that
 *     changed meanwhile it is matched again; if the enclave is gone, dropped.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "appraisal/appraisal.h"
#include "base/clock.h"
#include "base/error.h"
#include "enclave/enclave.h"

struct cache;
struct cache_slot;

/* Functions the cache was built with; called with no lock held. */
struct cache_hooks {
	/* A slot became dirty (see cache_next_dirty); NULL: nobody polls. */
	void (*wake)(void *context);
	void *wake_context;
	enclave_client_event_callback event; /* NULL: none */
	void *event_context;
};

/* appraiser: borrowed until the cache is freed.  New, empty. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_new(
    const struct appraiser *appraiser, const struct cache_hooks *hooks,
    struct cache **ret_cache, struct enclave_client_error *error);
void cache_free(struct cache *cache);
/*
 * Another wake hook, or none (NULL).  On return no call of the former is under
 * way, so that its owner may free itself; not from inside the hook.  A new one
 * finds every slot of the map marked CONFIGURED.
 */
void cache_set_wake(
    struct cache *cache, void (*wake)(void *context), void *context);

/*
 * The whole map, atomically.  An enclave of the same name and origin keeps its
 * slot, and its evidence is matched again when its policy changed.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_update(
    struct cache *cache, struct enclave_map *map,
    struct enclave_client_error *error);

/*
 * In a forked child, before anything else: new locks, no flights, no wake
 * hook.  The evidence stays.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_after_fork(
    struct cache *cache, struct enclave_client_error *error);

/* New reference, or NULL when there is none. */
struct cache_slot *cache_find(struct cache *cache, const char *name);
struct cache_slot *cache_find_origin(
    struct cache *cache, const struct origin *origin);
/* By place in the map of the moment; NULL past its end. */
struct cache_slot *cache_slot_at(struct cache *cache, size_t index);
size_t cache_slot_count(struct cache *cache);
/* All of one map, borrowed until the end; the map may change meanwhile. */
struct cache_slots {
	struct cache_slot *const *slots;
	size_t count;
	void *table;
};
struct cache_slots cache_slots_begin(struct cache *cache);
void cache_slots_end(struct cache_slots *slots);
struct cache_slot *cache_slot_ref(struct cache_slot *slot);
void cache_slot_unref(struct cache_slot *slot);

/* Never reused in this process. */
uint64_t cache_slot_id(const struct cache_slot *slot);
/* Changes with every published change, so that a reader can tell cheaply. */
uint64_t cache_slot_generation(const struct cache_slot *slot);
bool cache_slot_removed(const struct cache_slot *slot);
/*
 * New reference on the enclave as configured now, never NULL: one that was
 * removed keeps its last description, and judging says that it is gone.
 * *ret_policy_generation (NULL allowed) is what publishing must name.
 */
struct enclave *cache_slot_enclave(
    struct cache_slot *slot, uint64_t *ret_policy_generation);

/* One key that is live, or was found. */
struct cache_hit {
	uint64_t generation;
	struct deadline deadline;
	struct binding_key key;
	struct claims *claims; /* owned reference */
	struct policy *policy; /* owned reference: what it was matched under */
	size_t set;
};
void cache_hit_clear(struct cache_hit *hit);

/*
 * The question of the gate: is this key live now?  KEY_NOT_ATTESTED when other
 * keys are live or nothing is known; the reason of its withdrawal; the reason
 * of the last failure once everything has expired; UNKNOWN_ENCLAVE once
 * removed.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_judge(
    struct cache_slot *slot, const struct binding_key *key, struct moment now,
    struct cache_hit *ret_hit, struct enclave_client_error *error);
/*
 * The same for bytes that flow already under a verdict: a key whose deadline
 * has passed still counts, a withdrawn or removed one does not.
 */
bool cache_judge_lasting(
    struct cache_slot *slot, const struct binding_key *key);

/* How many keys are live; the earliest and latest of their ends. */
size_t cache_live_keys(struct cache_slot *slot, struct moment now,
    struct deadline *ret_first_end, struct deadline *ret_last_end);

/*
 * Takes an appraisal, accepted or refused (error tells why), and does what the
 * rules say.  policy_generation is what cache_slot_enclave() gave together
 * with the very enclave that it was matched for: taken later, it would hide a
 * change.  Where the policy did change, status, set and deadline become those
 * of the new match; the caller clears the appraisal as ever.
 *
 * The result is the verdict that stands: OK when the key is live now (of
 * several that one document names: one of them), else the refusal, in error.  MEMORY: nothing changed.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_publish(
    struct cache *cache, struct cache_slot *slot, uint64_t policy_generation,
    struct appraisal *appraisal, struct enclave_client_error *error);
/* Evidence could not be fetched. */
void cache_note_failure(struct cache *cache, struct cache_slot *slot,
    const struct enclave_client_error *error);
/* An event about an enclave, NULL for all, that changes nothing here.  No lock
 * is held. */
void cache_tell(struct cache *cache, const struct enclave *enclave,
    enum enclave_client_event_kind kind,
    const struct enclave_client_error *about);
/*
 * Gives back the documents of keys whose end has passed and tells EXPIRED when
 * the last one went.  Called by the poller when a deadline comes; verdicts do
 * not depend on it.
 */
void cache_expire(
    struct cache *cache, struct cache_slot *slot, struct moment now);

/*
 * One flight for each enclave: whoever fetches its evidence takes it.  False
 * when another has it.
 */
bool cache_flight_begin(struct cache_slot *slot);
void cache_flight_end(struct cache_slot *slot);
bool cache_flight_busy(struct cache_slot *slot);

/* Why the poller should look at a slot; bits. */
enum cache_dirty {
	CACHE_DIRTY_WANTED = 1,     /* a request met an unknown key */
	CACHE_DIRTY_PUBLISHED = 2,  /* evidence came in by another way */
	CACHE_DIRTY_CONFIGURED = 4, /* added, changed or removed */
};
void cache_mark_wanted(struct cache *cache, struct cache_slot *slot);
/*
 * New reference on a dirty slot, or NULL; its bits are taken off.  Nothing is
 * marked while there is no wake hook.
 */
struct cache_slot *cache_next_dirty(struct cache *cache, unsigned int *ret_why);

/* What is counted for each slot in this process, for reports alone. */
enum cache_counter {
	CACHE_POLLS,
	CACHE_POLLS_FAILED,
	CACHE_DOCUMENTS_ACCEPTED,
	CACHE_DOCUMENTS_REFUSED,
	CACHE_REQUESTS, /* that the gate let through */
	CACHE_REFUSALS, /* of the gate */
	CACHE_LEARNINGS,
	CACHE_COUNTERS
};
void cache_count(struct cache_slot *slot, enum cache_counter counter);
uint64_t cache_counted(struct cache_slot *slot, enum cache_counter counter);
/* Wall clock; 0 leaves the former value. */
void cache_note_poll_times(
    struct cache_slot *slot, int64_t last_ms, int64_t next_ms);

/* One slot at one moment. */
struct cache_inspection {
	uint64_t generation;
	/* Keys that were live once, or were withdrawn. */
	bool was_attested;
	bool has_withdrawn;
	int64_t last_poll_ms;
	int64_t next_poll_ms;
	struct cache_hit *keys; /* live ones, owned */
	size_t key_count;
};
/* False when memory is short. */
bool cache_inspect(struct cache_slot *slot, struct moment now,
    struct cache_inspection *ret_inspection);
void cache_inspection_clear(struct cache_inspection *inspection);

/*
 * Blocks until at least one key is live in slot, until until_boot_ms, or until
 * *cancelled (checked whenever cache_broadcast is called).  OK, TIMEOUT,
 * CANCELLED, or UNKNOWN_ENCLAVE once the slot is removed; the caller says why.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status cache_wait_live(
    struct cache *cache, struct cache_slot *slot, int64_t until_boot_ms,
    const atomic_bool *cancelled);
void cache_broadcast(struct cache *cache);
/* The last failure or refusal since the last success, or cleared. */
void cache_last_failure(
    struct cache_slot *slot, struct enclave_client_error *ret_error);

/*
 * A thing that a higher layer keeps for each slot; made at first use, freed
 * with the slot.  NULL when memory is short.
 */
void *cache_slot_attached(struct cache_slot *slot,
    void *(*make)(struct cache_slot *slot, void *context), void *context,
    void (*free_attached)(void *attached));

#endif
