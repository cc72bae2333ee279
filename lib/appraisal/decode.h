/* Document bytes out of what a service sent or a person saved. */
#ifndef APPRAISAL_DECODE_H
#define APPRAISAL_DECODE_H

#include "base/bytes.h"
#include "base/error.h"
#include "enclave/profile.h"

/*
 * As the profile encodes it, strictly.  ENCODING at step decode, with what
 * was found instead; DOCUMENT_SIZE past 16 KiB; EVIDENCE_NOT_SERVED at step
 * fetch for an empty body.  ret_document is initialised here; buffer_clear().
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status decode_body(
    const struct profile *profile, struct bytes body,
    struct buffer *ret_document, struct enclave_client_error *error);

#endif
