/* ES384 over Sig_structure (RFC 9052 4.4, RFC 9053 2.1). */
#ifndef EVIDENCE_SIGNATURE_H
#define EVIDENCE_SIGNATURE_H

#include "base/error.h"
#include "evidence/cose.h"

/* SIGNATURE unless the key at point signed this payload. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status signature_verify(
    struct bytes point, const struct envelope *envelope,
    struct enclave_client_error *error);

#endif
