/* The payload: AWS, attestation_process.md 2.2 and 3.2.2. */
#ifndef EVIDENCE_DOCUMENT_H
#define EVIDENCE_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "evidence/claims.h"

/* Borrowed from the payload. */
struct document {
	struct bytes module_id;
	struct bytes digest;
	int64_t timestamp_ms;
	struct bytes pcrs[PCRS_MAX];
	uint32_t pcr_mask; /* bit n set: pcrs[n] is there */
	struct bytes certificate;
	struct bytes cabundle[BUNDLE_CERTIFICATES_MAX];
	size_t cabundle_count;
	struct bytes fields[CLAIMS_FIELDS];
	bool field_present[CLAIMS_FIELDS]; /* neither absent nor null */
};

/* The last millisecond of the year 9999: beyond it no date can be written. */
#define TIMESTAMP_MAX_MS INT64_C(253402300799999)

/*
 * CBOR when the payload is not the map it should be, FIELD when a field is
 * missing, unknown, of another type, or beyond its limits.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status document_read(
    struct bytes payload, struct document *ret_document,
    struct enclave_client_error *error);

/* The fields before the first fault, for showing what can't be believed. */
void document_read_unverified(
    struct bytes payload, struct document *ret_document);

#endif
