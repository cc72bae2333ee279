/* The last step: what is authentic, is it of now?  (RFC 5280 4.1.2.5.) */
#ifndef EVIDENCE_VALIDITY_H
#define EVIDENCE_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/verified.h"

struct judgement {
	int64_t now_ms;
	int64_t max_age_ms;
	int64_t clock_skew_ms;
	bool live; /* now_ms is this machine's clock */
};

ENCLAVE_CLIENT_NODISCARD enum enclave_client_status validity_check(
    const struct verified_leaf *leaf, int64_t timestamp_ms,
    const struct judgement *judgement, struct enclave_client_error *error);

#endif
