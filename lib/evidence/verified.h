/*
 * What is kept of certificates once they were verified: enough to verify what
 * they sign and to report them, a tenth of what OpenSSL's objects take.
 * Immutable, counted, shared between threads.
 */
#ifndef EVIDENCE_VERIFIED_H
#define EVIDENCE_VERIFIED_H

#include <stdatomic.h>

#include "evidence/certificate.h"
#include "evidence/claims.h"

/* An issuing chain, anchor first. */
struct verified_chain {
	atomic_uint references;
	size_t count;
	struct claims_certificate certificates[BUNDLE_CERTIFICATES_MAX];
	/* Of the last certificate, the leaf's issuer. */
	struct bytes issuer_subject; /* DER */
	struct bytes issuer_key_id;  /* len 0 when it has none */
	struct bytes issuer_point;
	uint8_t storage[];
};

/* A leaf under one issuing chain. */
struct verified_leaf {
	atomic_uint references;
	struct verified_chain *chain; /* counted */
	struct claims_certificate certificate;
	uint8_t point[POINT_BYTES];
	char subject[];
};

/* New, or NULL when memory is short. */
struct verified_chain *verified_chain_new(
    const struct certificate *certificates, size_t count);
struct verified_leaf *verified_leaf_new(
    struct verified_chain *chain, const struct certificate *leaf);

struct verified_chain *verified_chain_ref(struct verified_chain *chain);
void verified_chain_unref(struct verified_chain *chain);
struct verified_leaf *verified_leaf_ref(struct verified_leaf *leaf);
void verified_leaf_unref(struct verified_leaf *leaf);

#endif
