/*
 * A body of evidence is judged for one enclave: decode, structure, chain,
 * signature, time, policy, binding, in this order; the first refusal decides.
 * The only caller of evidence, policy and binding together.
 */
#ifndef APPRAISAL_APPRAISAL_H
#define APPRAISAL_APPRAISAL_H

#include "base/clock.h"
#include "binding/leaf_memory.h"
#include "enclave/enclave.h"
#include "evidence/evidence.h"

/* What every appraisal of one client shares. */
struct appraiser {
	const struct evidence_roots *roots;
	struct chain_memory *memory;
	struct leaf_memory *leaves; /* NULL: none */
	const struct clock_source *clock;
};

/*
 * The verdict.  status says whether it was accepted; it starts as refusal.
 * After a refusal at the policy step the claims are authentic and stay here,
 * with the key they name, so that the cache can withdraw that key; nothing
 * else may be done with them.
 */
struct appraisal {
	enum enclave_client_status status;
	struct claims *claims; /* owned; NULL unless authentic */
	bool key_named;
	struct binding_key key;
	/* Further keys that the same document names (binding_rule.keys_max). */
	size_t more_count;
	struct binding_key more[BINDING_KEYS_MAX - 1];
	size_t set;           /* of the policy; meaningful when accepted */
	struct moment judged; /* when */
	int64_t deadline_ms;  /* wall clock; when it stops counting */
};

/* Borrowed: what a fetch brought, and what it had asked for. */
struct answer {
	struct bytes body;
	/* The document must repeat it where the profile has one; len 0: none
	 * was asked for. */
	struct bytes nonce;
	/* The body is the document itself, as the evidence store keeps it. */
	bool decoded;
};

/* Judges the body as the enclave's profile encodes it, now. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraise(
    const struct appraiser *appraiser, const struct enclave *enclave,
    struct answer answer, struct appraisal *ret_appraisal,
    struct enclave_client_error *error);
/*
 * Judges the document that a peer's leaf carries, for a profile whose evidence
 * is in the certificate.  The document must bind that very leaf.  The key is
 * the leaf's, as appraisal_leaf_key() has it; a refusal names none: nothing
 * can be withdrawn by showing certificates.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraise_leaf(
    const struct appraiser *appraiser, const struct enclave *enclave,
    struct bytes leaf_der, struct appraisal *ret_appraisal,
    struct enclave_client_error *error);
/*
 * What the cache knows a peer's leaf by: what the binding rule makes of it, or,
 * where it carries its own evidence, the digest of the whole certificate.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraisal_leaf_key(
    const struct appraiser *appraiser, const struct enclave *enclave,
    struct bytes leaf_der, struct binding_key *ret_key,
    struct enclave_client_error *error);
/* The same of a leaf that OpenSSL has parsed already, an X509. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraisal_certificate_key(
    const struct enclave *enclave, struct x509_st *leaf,
    struct binding_key *ret_key, struct enclave_client_error *error);

void appraisal_clear(struct appraisal *appraisal);
/* Is it one of the keys that the document names? */
bool appraisal_names(
    const struct appraisal *appraisal, const struct binding_key *key);

/*
 * Policy and binding again for claims that are already authentic: after a
 * policy change.  The claims are shared, not copied.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraise_claims(
    const struct appraiser *appraiser, const struct enclave *enclave,
    struct claims *claims, struct appraisal *ret_appraisal,
    struct enclave_client_error *error);

/*
 * Document bytes out of raw, base64, hex or an endpoint's JSON body, whichever
 * it is; for files that a person names.  New, in *ret_document.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status appraisal_decode_any(
    struct bytes body, struct buffer *ret_document,
    struct enclave_client_error *error);

#endif
