/* How claims are made; only the verifier does. */
#ifndef EVIDENCE_CLAIMS_NEW_H
#define EVIDENCE_CLAIMS_NEW_H

#include "evidence/claims.h"
#include "evidence/document.h"

/* The bundle and the leaf. */
#define CLAIMS_CERTIFICATES_MAX (BUNDLE_CERTIFICATES_MAX + 1)

struct claims_source {
	const struct document *document;
	const uint8_t *payload_sha256;
	const struct claims_certificate *certificates[CLAIMS_CERTIFICATES_MAX];
	size_t certificate_count;
	bool authentic;
	bool replayed;
};

/* Copies everything.  New, or NULL when memory is short. */
struct claims *claims_new(const struct claims_source *source);

#endif
