/*
 * Learning: what happens when no live key of an enclave fits (DESIGN section
 * 4).  The states of one request, and what moves it from one to the next:
 *
 *   state      event                                   next
 *   ---------  --------------------------------------  ---------
 *   cold       no live key                             learning
 *   strict     live key, connection's key is live      bound
 *              connection's key is not live            refused
 *   refused    attempts left, within the limits        learning
 *              none left, or limited                   (fails)
 *   learning   evidence accepted, binds this key       bound
 *              evidence accepted, lies elsewhere       strict
 *              another's flight ended well             strict
 *              evidence refused, or binds another key  (fails)
 *   bound      request passes the gate                 (answer)
 *              connection was not kept                 strict
 *   withdrawn  as refused: newer evidence may vouch again
 *
 * At most LEARNING_CONNECTIONS_MAX connections for one request, inside the
 * caller's deadline.
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
