/* The path from a root to the leaf (RFC 5280 6; AWS, 3.2.3). */
#ifndef EVIDENCE_CHAIN_H
#define EVIDENCE_CHAIN_H

#include "evidence/document.h"
#include "evidence/roots.h"
#include "evidence/verified.h"

/*
 * Every certificate of the document, but for times, which are judged later so
 * that a forgery is never called expired.  New.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status chain_verify(
    const struct evidence_roots *roots, const struct document *document,
    struct verified_leaf **ret_leaf, struct enclave_client_error *error);

/* A leaf that is not known under an issuing chain that is.  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status chain_verify_leaf(
    struct verified_chain *chain, struct bytes der,
    struct verified_leaf **ret_leaf, struct enclave_client_error *error);

#endif
