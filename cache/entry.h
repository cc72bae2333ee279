/* One key of an enclave, and the evidence that speaks about it. */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "appraisal/appraisal.h"
#include "base/clock.h"
#include "binding/binding.h"
#include "cache/refusal.h"
#include "enclave/enclave.h"
#include "evidence/claims.h"

enum entry_state {
	ENTRY_ACCEPTED, /* live until its deadline */
	ENTRY_SPENT,    /* was accepted, its deadline was noticed */
	ENTRY_WITHDRAWN /* newer evidence, or a newer policy, refused it */
};

/*
 * A key stands in a snapshot once, whatever its state, and only evidence with
 * a newer timestamp than its entry's may change that state.
 */
struct entry {
	struct binding_key key;
	enum entry_state state;
	enum enclave_client_status end_status; /* what its deadline means */
	int64_t timestamp_ms;                  /* of the evidence */
	/*
	 * When the evidence was first judged, on both clocks.  Deadlines are
	 * always counted from here, so that judging it again after the wall
	 * clock was set back lengthens nothing.
	 */
	struct moment judged;
	struct deadline deadline;
	struct claims *claims;  /* NULL when spent */
	struct policy *policy;  /* accepted: what it was matched under */
	size_t set;             /* of the policy */
	struct refusal *reason; /* withdrawn: why */
};

/*
 * Values that borrow: a snapshot that takes them in counts references of its
 * own (entry_ref).
 */

/* What an accepted appraisal says, counted from judged. */
struct entry entry_accepted(const struct appraisal *appraisal,
    const struct enclave *enclave, struct moment judged);
/* The key that claims name is not to be trusted, for reason. */
struct entry entry_withdrawn(
    const struct appraisal *appraisal, struct refusal *reason);

void entry_ref(const struct entry *entry);
void entry_unref(const struct entry *entry);
bool entry_live(const struct entry *entry, struct moment now);

#endif
