/*
 * One attempt to learn an enclave's evidence over one connection: fetch,
 * appraise, publish, and see whether it binds that connection.  Blocking calls
 * drive it themselves; a program's own multi handle may.
 */
#ifndef CLIENT_ATTEMPT_H
#define CLIENT_ATTEMPT_H

#include "client/client.h"
#include "client/handle.h"
#include "client/lane.h"
#include "client/request.h"
#include "fetch/fetch.h"

/* Borrowed things of the call that learns. */
struct learning {
	struct call *call;
	struct cache_slot *slot;
	struct lane *lane;
	/* For the trace; NULL: none. */
	const struct enclave_client_request *request;
	/* Key that a strict handshake just refused; NULL when cold. */
	const struct binding_key *refused_key;
};

struct attempt {
	const struct learning *learning;
	struct handle *handle; /* owned */
	struct fetch fetch;
	struct appraisal appraisal;
	/* As configured when the fetch began, and the policy's generation of
	 * that moment: what is judged and what is published belong together. */
	struct enclave *enclave; /* owned reference */
	uint64_t policy_generation;
	bool limited; /* a key that failed lately is refused unasked */
	bool fetched; /* a body came, so that what follows is about it */
};

/* The bucket, and the key that was just refused: may learning begin? */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status attempt_check_limits(
    const struct learning *learning, struct enclave_client_error *error);

/* Is there something to fetch?  Evidence in certificates needs no learning. */
bool attempt_possible(struct cache_slot *slot);
/* attempt->handle made ready for the evidence GET. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status attempt_prepare(
    struct attempt *attempt, struct enclave_client_error *error);
/* Its transfer ended with code: the verdict on what came. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status attempt_judge(
    struct attempt *attempt, CURLcode code, struct enclave_client_error *error);
/* It failed, not for want of the caller's patience: the limits remember. */
void attempt_failed(
    struct attempt *attempt, const struct enclave_client_error *error);
void attempt_clear(struct attempt *attempt);
/* Does the evidence lie where the enclave answers, so that its connection can
 * carry the request? */
bool attempt_same_origin(const struct handle *handle);

#endif
