/* ES384 over Sig_structure (RFC 9052 4.4, RFC 9053 2.1). */
#ifndef EVIDENCE_SIGNATURE_H
#define EVIDENCE_SIGNATURE_H

#include <openssl/evp.h>

#include "base/error.h"
#include "evidence/cose.h"

/* New P-384 key, NULL when memory is short or it is no point of the curve. */
EVP_PKEY *signature_key_new(struct bytes point);

/* SIGNATURE unless the key at point signed this payload. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status signature_verify(
    struct bytes point, const struct envelope *envelope,
    struct enclave_client_error *error);

#endif
