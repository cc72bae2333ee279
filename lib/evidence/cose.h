/* The envelope: COSE_Sign1 (RFC 9052 4.2) in the one form that AWS issues. */
#ifndef EVIDENCE_COSE_H
#define EVIDENCE_COSE_H

#include "base/bytes.h"
#include "base/error.h"

/* ES384: r and s, 48 bytes each (RFC 9053 2.1). */
#define COSE_SIGNATURE_BYTES 96

/* Borrowed from the document. */
struct envelope {
	struct bytes payload;
	struct bytes signature;
};

/*
 * Untagged, or behind the one byte of tag 18; then [h'a1013822', {}, payload,
 * signature] in shortest form, and nothing after it.  A looser reader would
 * let a document be rewritten without touching what is signed.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status envelope_read(
    struct bytes document, struct envelope *ret_envelope,
    struct enclave_client_error *error);

/*
 * The payload as far as there is one, for showing what a broken document
 * seems to say; empty when the envelope does not begin as it should.
 */
struct bytes envelope_payload_unverified(struct bytes document);

/* What precedes the payload in Sig_structure (RFC 9052 4.4). */
#define SIG_STRUCTURE_HEAD_MAX_BYTES 32

/* Gives the number of bytes written. */
size_t sig_structure_head(
    size_t payload_len, uint8_t ret_head[SIG_STRUCTURE_HEAD_MAX_BYTES]);

#endif
