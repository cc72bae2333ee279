/*
 * The verifier: bytes, time and roots in; claims or a typed refusal out.
 * Pure: no I/O, no clock, no globals.  Evidence of other hardware can join
 * behind this interface without touching what lies to the right of it.
 *
 * Steps run in this order and the first refusal decides (AWS,
 * attestation_process.md 3.2, with authenticity before time, so that a forgery
 * is never called expired):
 *   structure  COSE_Sign1 envelope (RFC 9052 4.2), payload, fields
 *   chain      every certificate's profile, path to a root (RFC 5280 6)
 *   signature  ES384 over Sig_structure (RFC 9052 4.4)
 *   time       each certificate's validity, the document's age
 */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "evidence/claims.h"

/* Trust anchors.  Immutable, counted. */
struct evidence_roots;

/* AWS Nitro Enclaves root G1, commercial partition.  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status evidence_roots_new_aws(
    struct evidence_roots **ret_roots, struct enclave_client_error *error);
/* "aws", or "aws-us-gov" (GovCloud, which is never trusted by default).  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status evidence_roots_new_named(
    const char *name, struct evidence_roots **ret_roots,
    struct enclave_client_error *error);
/* One or more PEM certificates instead of AWS's (local enclaves).  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
evidence_roots_new_insecure_pem(struct bytes pem,
    struct evidence_roots **ret_roots, struct enclave_client_error *error);
/* The same anchors, sharing nothing: OpenSSL's objects have locks inside.  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status evidence_roots_new_copy(
    const struct evidence_roots *roots, struct evidence_roots **ret_roots,
    struct enclave_client_error *error);
struct evidence_roots *evidence_roots_ref(struct evidence_roots *roots);
void evidence_roots_unref(struct evidence_roots *roots);

/*
 * Issuing chains that were verified before, by SHA-256 of (anchor set, every
 * certificate of the bundle in order).  Owned by the caller, internally
 * locked, bounded.  Validity is checked again at each use.
 */
struct chain_memory;
struct chain_memory *chain_memory_new(void);
void chain_memory_free(struct chain_memory *memory);

struct evidence_check {
	const struct evidence_roots *roots;
	struct chain_memory *memory; /* NULL: the pure path */
	int64_t now_ms;              /* wall clock, since the epoch */
	int64_t max_age_ms;
	int64_t clock_skew_ms; /* moves only "not yet valid" */
};

/* Live: judged at check->now_ms. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status evidence_verify(
    struct bytes document, const struct evidence_check *check,
    struct claims **ret_claims, struct enclave_client_error *error);

/* Judge at the document's own timestamp. */
#define EVIDENCE_AT_DOCUMENT INT64_MIN

/*
 * Replay, for archives and tests: judged at at_ms (or EVIDENCE_AT_DOCUMENT)
 * instead of check->now_ms.  The claims say so for ever.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status evidence_verify_replay(
    struct bytes document, const struct evidence_check *check, int64_t at_ms,
    struct claims **ret_claims, struct enclave_client_error *error);

/*
 * As much as can be read of a document that was refused.  New claims that are
 * not authentic, or NULL when nothing could be read.
 */
struct claims *evidence_read_unverified(struct bytes document);

#endif
