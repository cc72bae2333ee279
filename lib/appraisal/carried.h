/* The document that a TLS leaf certificate carries. */
#ifndef APPRAISAL_CARRIED_H
#define APPRAISAL_CARRIED_H

#include "base/bytes.h"
#include "base/error.h"
#include "enclave/profile.h"

/*
 * Out of the wrapping that the profile names.  The certificate is one DER
 * certificate without unknown critical extensions, and carries exactly one
 * document: EVIDENCE_NOT_SERVED when it carries none, CERTIFICATE for the rest
 * of that, ENCODING when the wrapping can't be read.  ret_document is
 * initialised here; buffer_clear().
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status carried_document(
    const struct profile *profile, struct bytes leaf_der,
    struct buffer *ret_document, struct enclave_client_error *error);

#endif
