/* One X.509 certificate: DER, what is remembered of it, its profile. */
#ifndef EVIDENCE_CERTIFICATE_H
#define EVIDENCE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"
#include "evidence/key.h"

/* Longest name in a message; longer ones are cut there. */
#define LABEL_MAX_BYTES 160

struct certificate {
	X509 *x509;       /* owned */
	struct bytes der; /* borrowed */
	char *subject;    /* owned; RFC 2253, printable ASCII */
	int64_t not_before_ms;
	int64_t not_after_ms; /* valid before this millisecond, not at it */
	uint8_t sha256[32];
	char label[LABEL_MAX_BYTES]; /* "cabundle[2] (CN=...)" */
};

enum certificate_role { CERTIFICATE_CA, CERTIFICATE_LEAF };

/*
 * Exactly one certificate in DER and nothing after it: CERTIFICATE otherwise,
 * at the step structure.  place names it in messages.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status certificate_read(
    struct bytes der, const char *place, struct certificate *ret_certificate,
    struct enclave_client_error *error);
/* Another handle on the same certificate, with another label. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status certificate_share(
    const struct certificate *certificate, const char *place,
    struct certificate *ret_certificate, struct enclave_client_error *error);
void certificate_clear(struct certificate *certificate);

/*
 * What every certificate of this PKI has and X509_verify_cert does not ask
 * for, in the order of RFC 5280 4.1 and 4.2.  cas_below is the number of CA
 * certificates between this one and the leaf.  CHAIN on refusal.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status certificate_check_profile(
    const struct certificate *certificate, enum certificate_role role,
    size_t cas_below, struct enclave_client_error *error);

/* Borrowed from the certificate: DER of the names, the point, key ids. */
struct bytes certificate_subject_der(const struct certificate *certificate);
struct bytes certificate_issuer_der(const struct certificate *certificate);
struct bytes certificate_point(const struct certificate *certificate);
/* len 0 when absent. */
struct bytes certificate_key_id(const struct certificate *certificate);

/*
 * Milliseconds since the epoch of an RFC 5280 4.1.2.5 time: YYMMDDHHMMSSZ or
 * YYYYMMDDHHMMSSZ, nothing else.
 */
bool certificate_time(
    struct bytes text, bool generalized, int64_t *ret_time_ms);

#endif
