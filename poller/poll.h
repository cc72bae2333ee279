/*
 * One poll: the evidence GET of one enclave, and what becomes of its answer.
 * Beginning, receiving and ending are the poll thread's, which drives the
 * multi handle; judging is the verification thread's.
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
	/* Once received: with the verification thread, and what it found. */
	bool judging;
	enum enclave_client_status status;
	struct poll *next; /* in its queue */
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
 * Appraises what was received, publishes and stores it.  Status OK: the
 * evidence is good and in the cache; why not else, the cache was told.
 * Touches neither easy nor multi handle; takes milliseconds.
 */
void poll_judge(struct poll *poll, const struct poller_options *options);

/* Ends the flight and lets go of everything but the easy handle. */
void poll_end(struct poll *poll);
/* The easy handle as well.  The poll is idle. */
void poll_free(struct poll *poll);

#endif
