/*
 * What is known of an enclave's keys at one moment.  Built as a draft by one
 * writer, then published and immutable, counted, shared with readers.
 */
#ifndef CACHE_SNAPSHOT_H
#define CACHE_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"

struct snapshot {
	atomic_uint references;
	uint64_t generation;
	uint64_t policy_generation;
	struct enclave *enclave;
	/*
	 * Evidence for a key that has no entry must be newer than this: the
	 * newest timestamp of the withdrawals that there was no room for.
	 */
	int64_t forgotten_ms;
	size_t count;
	size_t room;
	struct entry entries[];
};

/*
 * A draft with the entries of from (NULL: none) and room for more.  Its
 * generation is new.  NULL when memory is short.
 */
struct snapshot *snapshot_new(
    const struct snapshot *from, struct enclave *enclave, size_t more);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* NULL when the key has none. */
const struct entry *snapshot_find(
    const struct snapshot *snapshot, const struct binding_key *key);
size_t snapshot_live(const struct snapshot *snapshot, struct moment now);

/* On drafts only. */

/*
 * Replaces the key's entry or adds one; takes references of its own.  False
 * when the draft was made without room for one more.
 */
bool snapshot_put(struct snapshot *draft, const struct entry *entry);
/* Keeps only what is needed to know its evidence again. */
void snapshot_spend(struct snapshot *draft, size_t index);
/*
 * Back within KEYS_PER_ENCLAVE_MAX (the earliest deadline goes) and
 * WITHDRAWN_PER_ENCLAVE_MAX (the oldest timestamp goes).
 */
void snapshot_trim(struct snapshot *draft, struct moment now);

#endif
