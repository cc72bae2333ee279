/*
 * Learning: the evidence GET on a new connection, for one call at a time of
 * each enclave (DESIGN section 4).  Where it stands in a request's way is drawn
 * in walk.h.
 *
 * The others wait for the flight and judge again what it found.  A leader that
 * is given up by its caller leaves no answer: the next waiter leads, and the
 * poller, where there is one, is told to fetch.
 */
#ifndef CLIENT_LEARNING_H
#define CLIENT_LEARNING_H

#include "client/attempt.h"

/*
 * OK: the slot has evidence to go on with.  *ret_handle is the connection that
 * it binds, to send the request on, owned by the caller; or NULL: connect
 * strictly.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status learning_run(
    const struct learning *learning, struct handle **ret_handle,
    struct enclave_client_error *error);

/*
 * Fetch and appraisal alone, for whoever only wants the evidence: no limits,
 * no sharing.  *ret_appraisal is accepted and bound to the connection.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status learning_attest(
    const struct learning *learning, struct appraisal *ret_appraisal,
    struct enclave_client_error *error);

#endif
