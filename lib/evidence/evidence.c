#include "evidence/evidence.h"

#include <string.h>

#include "evidence/chain.h"
#include "evidence/chain_memory.h"
#include "evidence/claims_new.h"
#include "evidence/openssl_error.h"
#include "evidence/signature.h"
#include "evidence/validity.h"

/* One document on its way through the steps. */
struct verification {
	struct bytes bytes;
	const struct evidence_check *check;
	struct judgement judgement;
	bool at_document;
	struct envelope envelope;
	struct document document;
	uint8_t payload_sha256[DIGEST_BYTES];
	struct memory_keys keys;
	struct verified_leaf *leaf; /* counted */
	bool signature_known;
	struct enclave_client_error *error;
};

/* Structure: the envelope (RFC 9052 4.2). */
static enum enclave_client_status
check_envelope(struct verification *verification)
{
	return envelope_read(
	    verification->bytes, &verification->envelope, verification->error);
}

/* Structure: the payload's fields (AWS, 3.2.2). */
static enum enclave_client_status
check_payload(struct verification *verification)
{
	struct bytes payload = verification->envelope.payload;
	enum enclave_client_status status = document_read(
	    payload, &verification->document, verification->error);

	if (status)
		return status;
	if (!digest_of(payload, verification->payload_sha256))
		return error_memory(verification->error);
	if (verification->at_document)
		verification->judgement.now_ms =
		    verification->document.timestamp_ms;
	return ENCLAVE_CLIENT_OK;
}

/*
 * The signature is part of the key: a payload that is known is not a document
 * that is known.
 */
static bool
make_document_key(struct verification *verification)
{
	const struct evidence_roots *roots = verification->check->roots;
	struct digest digest;
	bool done =
	    digest_begin(&digest, "enclave-client document") &&
	    digest_add(&digest, (struct bytes){roots->digest, DIGEST_BYTES}) &&
	    digest_add(&digest,
		(struct bytes){verification->payload_sha256, DIGEST_BYTES}) &&
	    digest_add(&digest, verification->envelope.signature);

	return digest_end(&digest, done, verification->keys.document);
}

static bool
make_chain_keys(struct verification *verification)
{
	const struct evidence_roots *roots = verification->check->roots;
	const struct document *document = &verification->document;
	struct memory_keys *keys = &verification->keys;
	struct digest digest;
	bool done =
	    digest_begin(&digest, "enclave-client chain") &&
	    digest_add(&digest, (struct bytes){roots->digest, DIGEST_BYTES});

	for (size_t i = 0; i < document->cabundle_count; i++)
		done = done && digest_add(&digest, document->cabundle[i]);
	if (!digest_end(&digest, done, keys->chain))
		return false;
	done = digest_begin(&digest, "enclave-client leaf") &&
	       digest_add(&digest, (struct bytes){keys->chain, DIGEST_BYTES}) &&
	       digest_add(&digest, document->certificate);
	return digest_end(&digest, done, keys->leaf);
}

/*
 * Chain: from the memory as much as it has, the rest verified (AWS, 3.2.3).
 * What is found was verified under the same anchors, with the same
 * certificates in the same places.
 */
static enum enclave_client_status
check_chain(struct verification *verification)
{
	struct chain_memory *memory = verification->check->memory;
	struct memory_keys *keys = &verification->keys;
	struct verified_chain *chain;
	enum enclave_client_status status;

	if (!memory)
		return chain_verify(verification->check->roots,
		    &verification->document, &verification->leaf,
		    verification->error);
	if (!make_document_key(verification))
		return error_memory(verification->error);
	verification->leaf = chain_memory_find_document(memory, keys->document);
	verification->signature_known = verification->leaf != NULL;
	if (verification->leaf)
		return ENCLAVE_CLIENT_OK;
	if (!make_chain_keys(verification))
		return error_memory(verification->error);
	verification->leaf = chain_memory_find_leaf(memory, keys->leaf);
	if (verification->leaf)
		return ENCLAVE_CLIENT_OK;
	chain = chain_memory_find_chain(memory, keys->chain);
	if (!chain)
		return chain_verify(verification->check->roots,
		    &verification->document, &verification->leaf,
		    verification->error);
	status = chain_verify_leaf(chain, verification->document.certificate,
	    &verification->leaf, verification->error);
	verified_chain_unref(chain);
	return status;
}

/* Signature: ES384 with the leaf's key (RFC 9052 4.4). */
static enum enclave_client_status
check_signature(struct verification *verification)
{
	struct bytes point = {verification->leaf->point, POINT_BYTES};

	if (verification->signature_known)
		return ENCLAVE_CLIENT_OK;
	return signature_verify(
	    point, &verification->envelope, verification->error);
}

/* Time: judged each time, whatever is remembered. */
static enum enclave_client_status
check_time(struct verification *verification)
{
	return validity_check(verification->leaf,
	    verification->document.timestamp_ms, &verification->judgement,
	    verification->error);
}

/* Only what passed every step, so that nobody fills the memory with less. */
static void
remember(struct verification *verification)
{
	const struct judgement *judgement = &verification->judgement;

	if (verification->check->memory && !verification->signature_known)
		chain_memory_remember(verification->check->memory,
		    &verification->keys, verification->leaf,
		    judgement->live ? judgement->now_ms : INT64_MIN);
}

static struct claims *
make_claims(const struct verification *verification)
{
	const struct verified_chain *chain = verification->leaf->chain;
	struct claims_source source = {
	    .document = &verification->document,
	    .payload_sha256 = verification->payload_sha256,
	    .certificate_count = chain->count + 1,
	    .authentic = true,
	    .replayed = !verification->judgement.live,
	};

	for (size_t i = 0; i < chain->count; i++)
		source.certificates[i] = &chain->certificates[i];
	source.certificates[chain->count] = &verification->leaf->certificate;
	return claims_new(&source);
}

static enum enclave_client_status
run(struct verification *verification, struct claims **ret_claims)
{
	static enum enclave_client_status (*const steps[])(
	    struct verification *) = {
	    check_envelope,
	    check_payload,
	    check_chain,
	    check_signature,
	    check_time,
	};
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	struct claims *claims = NULL;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		status = steps[i](verification);
		if (status)
			return status;
	}
	claims = make_claims(verification);
	if (!claims)
		return error_memory(verification->error);
	remember(verification);
	error_clear(verification->error);
	*ret_claims = claims;
	return ENCLAVE_CLIENT_OK;
}

/* Within these no sum of times overflows, and no skew hides an expiry. */
static const char *
argument_fault(const struct evidence_check *check, int64_t now_ms)
{
	if (!check || !check->roots)
		return "no roots are given";
	if (now_ms < 0 || now_ms > TIMESTAMP_MAX_MS)
		return "the time is not between 1970 and 9999";
	if (check->max_age_ms <= 0 || check->max_age_ms > MAX_AGE_MS_CEILING)
		return "max_age_ms is out of range";
	if (check->clock_skew_ms < 0 ||
	    check->clock_skew_ms > CLOCK_SKEW_MS_CEILING)
		return "clock_skew_ms is out of range";
	return NULL;
}

static enum enclave_client_status
verify(struct verification *verification, struct claims **ret_claims)
{
	const struct evidence_check *check = verification->check;
	struct judgement *judgement = &verification->judgement;
	const char *fault = argument_fault(check, judgement->now_ms);
	enum enclave_client_status status;

	if (fault)
		return error_set(verification->error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "evidence can't be judged: %s",
		    fault);
	judgement->max_age_ms = check->max_age_ms;
	judgement->clock_skew_ms = check->clock_skew_ms;
	openssl_errors_begin();
	status = run(verification, ret_claims);
	verified_leaf_unref(verification->leaf);
	openssl_errors_end();
	return status;
}

enum enclave_client_status
evidence_verify(struct bytes document, const struct evidence_check *check,
    struct claims **ret_claims, struct enclave_client_error *error)
{
	struct verification verification = {
	    .bytes = document,
	    .check = check,
	    .judgement = {.now_ms = check ? check->now_ms : 0, .live = true},
	    .error = error,
	};

	return verify(&verification, ret_claims);
}

enum enclave_client_status
evidence_verify_replay(struct bytes document,
    const struct evidence_check *check, int64_t at_ms,
    struct claims **ret_claims, struct enclave_client_error *error)
{
	bool at_document = at_ms == EVIDENCE_AT_DOCUMENT;
	struct verification verification = {
	    .bytes = document,
	    .check = check,
	    .judgement = {.now_ms = at_document ? 0 : at_ms},
	    .at_document = at_document,
	    .error = error,
	};

	return verify(&verification, ret_claims);
}

/* The facts of every certificate that is one; subjects are borrowed. */
struct unverified {
	struct certificate certificates[CLAIMS_CERTIFICATES_MAX];
	struct claims_certificate facts[CLAIMS_CERTIFICATES_MAX];
	size_t count;
};

static void
read_unverified(struct unverified *unverified, struct bytes der)
{
	struct certificate *certificate =
	    &unverified->certificates[unverified->count];
	struct claims_certificate *facts =
	    &unverified->facts[unverified->count];

	if (!der.len || certificate_read(der, "", certificate, NULL))
		return;
	facts->subject = certificate->subject;
	facts->not_before_ms = certificate->not_before_ms;
	facts->not_after_ms = certificate->not_after_ms;
	memcpy(facts->sha256, certificate->sha256, sizeof(facts->sha256));
	unverified->count++;
}

struct claims *
evidence_read_unverified(struct bytes document)
{
	struct bytes payload = envelope_payload_unverified(document);
	struct unverified unverified = {0};
	struct document fields;
	uint8_t payload_sha256[DIGEST_BYTES];
	struct claims_source source = {
	    .document = &fields,
	    .payload_sha256 = payload_sha256,
	};
	struct claims *claims = NULL;

	if (!payload.len || !digest_of(payload, payload_sha256))
		return NULL;
	document_read_unverified(payload, &fields);
	openssl_errors_begin();
	for (size_t i = 0; i < fields.cabundle_count; i++)
		read_unverified(&unverified, fields.cabundle[i]);
	read_unverified(&unverified, fields.certificate);
	source.certificate_count = unverified.count;
	for (size_t i = 0; i < unverified.count; i++)
		source.certificates[i] = &unverified.facts[i];
	claims = claims_new(&source);
	for (size_t i = 0; i < unverified.count; i++)
		certificate_clear(&unverified.certificates[i]);
	openssl_errors_end();
	return claims;
}
