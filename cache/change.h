/*
 * One writer's work on one slot: everything that can fail happens before
 * change_commit(), everything that the caller is told comes after it.
 *
 *   begin; [draft, refused, recovered, tell ...]; commit   (write mutex held)
 *   finish                                                  (no lock held)
 *
 * Without a commit nothing changes and nothing is told.
 */
#ifndef CACHE_CHANGE_H
#define CACHE_CHANGE_H

#include "cache/events.h"
#include "cache/state.h"

struct change {
	struct cache *cache;
	struct cache_slot *slot;
	struct moment now;
	bool committed;
	bool configured;        /* the poller should look at the slot */
	bool removes;           /* the slot goes with this change */
	struct snapshot *draft; /* NULL: stays; after commit: the former */
	bool failure_changes;
	struct refusal *failure; /* the next; after commit: the former */
	bool attested;           /* the slot's, next */
	struct told told;        /* the slot's, next */
	struct events events;
};

void change_begin(
    struct change *change, struct cache *cache, struct cache_slot *slot);
/* What the slot will hold: the draft, or else what it holds now. */
const struct snapshot *change_view(const struct change *change);
/* The last failure as it will be; NULL: none. */
const struct refusal *change_failure(const struct change *change);
/* The draft, made at first use with room for one more; NULL: no memory. */
struct snapshot *change_draft(struct change *change);
void change_drop_draft(struct change *change);

/* Each is false when memory is short. */
bool change_tell(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about);
/* Remembers a failure as the last one, and as told. */
bool change_failed(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about);
/* The same, and tells it unless it was told before. */
bool change_refused(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about);
/* Forgets the failure, and tells RECOVERED if there was one. */
bool change_recovered(struct change *change);
/* Tells EXPIRED when the last live key has passed its end untold. */
bool change_expired(struct change *change);
/* Tells ATTESTED or KEY_ADDED: this entry is live and was not before. */
bool change_attested(struct change *change, const struct entry *entry);
/*
 * Puts a withdrawn entry into the draft; tells MEASUREMENT_REFUSED when the
 * key was live until now.
 */
bool change_withdrawn(struct change *change, const struct entry *entry);

void change_commit(struct change *change);
void change_finish(struct change *change);

#endif
