/*
 * What an attestation document says, once it is known who says it.  Immutable
 * after it was made, counted, shared between threads.
 */
#ifndef EVIDENCE_CLAIMS_H
#define EVIDENCE_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The three optional fields of the payload. */
enum claims_field {
	CLAIMS_PUBLIC_KEY,
	CLAIMS_USER_DATA,
	CLAIMS_NONCE,
	CLAIMS_FIELDS /* how many there are */
};

/* One certificate of the chain, as a report shows it. */
struct claims_certificate {
	const char *subject; /* RFC 2253, escaped to printable ASCII */
	int64_t not_before_ms;
	int64_t not_after_ms;
	uint8_t sha256[32]; /* of the DER */
};

struct claims;

struct claims *claims_ref(struct claims *claims);
void claims_unref(struct claims *claims);

/*
 * False for claims read from bytes that nothing vouches for; nothing but a
 * report that calls them unverified may use those.
 */
bool claims_authentic(const struct claims *claims);
/* Judged at a time other than now: never good for a connection. */
bool claims_replayed(const struct claims *claims);

/* Borrowed until the claims are freed.  NULL / 0 only when unverified. */
const char *claims_module_id(const struct claims *claims);
const char *claims_digest(const struct claims *claims);
int64_t claims_timestamp_ms(const struct claims *claims);
/* False when absent or null; true with len 0 when present and empty. */
bool claims_field(const struct claims *claims, enum claims_field field,
    struct bytes *ret_value);
/* False when the register is not in the document.  48 bytes otherwise. */
bool claims_pcr(
    const struct claims *claims, unsigned int index, struct bytes *ret_value);
/* Bit n set: PCRn is in the document. */
uint32_t claims_pcr_mask(const struct claims *claims);
/* PCR0, 1 and 2 present and all zero: started with --debug-mode. */
bool claims_debug(const struct claims *claims);
/* Root first, leaf last. */
size_t claims_certificate_count(const struct claims *claims);
const struct claims_certificate *claims_certificate(
    const struct claims *claims, size_t index);
/* The earliest notAfter of the chain. */
int64_t claims_not_after_ms(const struct claims *claims);
/* SHA-256 of the payload bytes that were signed: equal means same evidence. */
const uint8_t *claims_payload_sha256(const struct claims *claims);

#endif
