/*
 * What a fetch asks the document to repeat, so that an older one is told from
 * an answer (AWS, attestation_process.md 2.2.2: "one-time token").
 */
#ifndef APPRAISAL_NONCE_H
#define APPRAISAL_NONCE_H

#include "base/error.h"
#include "enclave/profile.h"

#define NONCE_MAX_BYTES 64

struct nonce {
	size_t len; /* 0: none is asked for */
	uint8_t bytes[NONCE_MAX_BYTES];
};

/* A fresh one, as the profile wants it. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status nonce_make(
    const struct profile *profile, struct nonce *ret_nonce,
    struct enclave_client_error *error);

/* The evidence URL that asks for it.  New, free(); NULL: no memory. */
char *nonce_url(
    const struct profile *profile, const char *url, const struct nonce *nonce);

/*
 * TOO_OLD unless the claims repeat exactly this nonce: absent, null, empty and
 * any other are refused.  A profile without one asks nothing.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status nonce_check(
    const struct profile *profile, struct bytes nonce,
    const struct claims *claims, struct enclave_client_error *error);

#endif
