/*
 * One poll: the evidence GET of one enclave, and what becomes of its answer.
 * Sending and receiving need the thread that drives the multi handle; judging
 * does not, so it can move to a thread of its own.
 */
#ifndef POLLER_POLL_H
#define POLLER_POLL_H

#include "fetch/fetch.h"
#include "poller/poller.h"

/* All zero is an idle one. */
struct poll {
	CURL *easy; /* kept from poll to poll */
	/* Owned from begin to end. */
	struct cache_slot *slot; /* NULL: idle */
	struct enclave *enclave; /* as configured when the poll began */
	uint64_t policy_generation;
	struct gate_attachment attachment;
	struct fetch fetch;
	struct bytes body; /* borrowed from fetch, once received */
};

/*
 * Makes poll->easy ready to be added to a multi handle, for slot, whose flight
 * the caller has taken.  On failure too the poll has to be ended.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status poll_begin(
    struct poll *poll, const struct poller_options *options,
    struct cache_slot *slot, struct enclave_client_error *error);

/* After the transfer ended with code and left its multi handle. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status poll_receive(
    struct poll *poll, CURLcode code, struct enclave_client_error *error);

/*
 * Appraises what was received and publishes it.  OK: the evidence is good and
 * in the cache.  Touches neither easy nor multi handle; takes milliseconds.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status poll_judge(
    struct poll *poll, const struct poller_options *options,
    struct enclave_client_error *error);

/* Ends the flight and lets go of everything but the easy handle. */
void poll_end(struct poll *poll);
/* The easy handle as well.  The poll is idle. */
void poll_free(struct poll *poll);

#endif
