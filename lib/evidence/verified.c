#include "evidence/verified.h"

#include <stdlib.h>
#include <string.h>

/* Copies to *next and moves it on. */
static struct bytes
store(uint8_t **next, struct bytes source)
{
	struct bytes stored = {*next, source.len};

	if (source.len)
		memcpy(*next, source.data, source.len);
	*next += source.len;
	return stored;
}

/* With the NUL. */
static struct bytes
subject_bytes(const struct certificate *certificate)
{
	return (struct bytes){(const uint8_t *)certificate->subject,
	    strlen(certificate->subject) + 1};
}

static struct claims_certificate
facts_of(const struct certificate *certificate, const char *subject)
{
	struct claims_certificate facts = {
	    .subject = subject,
	    .not_before_ms = certificate->not_before_ms,
	    .not_after_ms = certificate->not_after_ms,
	};

	memcpy(facts.sha256, certificate->sha256, sizeof(facts.sha256));
	return facts;
}

struct verified_chain *
verified_chain_new(const struct certificate *certificates, size_t count)
{
	const struct certificate *issuer = &certificates[count - 1];
	struct bytes subject = certificate_subject_der(issuer);
	struct bytes key_id = certificate_key_id(issuer);
	struct bytes point = certificate_point(issuer);
	size_t storage = subject.len + key_id.len + point.len;
	struct verified_chain *chain;
	uint8_t *next;

	for (size_t i = 0; i < count; i++)
		storage += subject_bytes(&certificates[i]).len;
	chain = calloc(1, sizeof(*chain) + storage);
	if (!chain)
		return NULL;
	atomic_init(&chain->references, 1);
	chain->count = count;
	next = chain->storage;
	chain->issuer_subject = store(&next, subject);
	chain->issuer_key_id = store(&next, key_id);
	chain->issuer_point = store(&next, point);
	for (size_t i = 0; i < count; i++) {
		struct bytes text =
		    store(&next, subject_bytes(&certificates[i]));
		chain->certificates[i] =
		    facts_of(&certificates[i], (const char *)text.data);
	}
	return chain;
}

struct verified_leaf *
verified_leaf_new(struct verified_chain *chain, const struct certificate *leaf)
{
	struct bytes subject = subject_bytes(leaf);
	struct bytes point = certificate_point(leaf);
	struct verified_leaf *verified;

	if (point.len != POINT_BYTES)
		return NULL;
	verified = calloc(1, sizeof(*verified) + subject.len);
	if (!verified)
		return NULL;
	atomic_init(&verified->references, 1);
	verified->chain = verified_chain_ref(chain);
	memcpy(verified->point, point.data, POINT_BYTES);
	memcpy(verified->subject, subject.data, subject.len);
	verified->certificate = facts_of(leaf, verified->subject);
	return verified;
}

struct verified_chain *
verified_chain_ref(struct verified_chain *chain)
{
	atomic_fetch_add_explicit(&chain->references, 1, memory_order_relaxed);
	return chain;
}

void
verified_chain_unref(struct verified_chain *chain)
{
	if (chain && atomic_fetch_sub_explicit(
			 &chain->references, 1, memory_order_acq_rel) == 1)
		free(chain);
}

struct verified_leaf *
verified_leaf_ref(struct verified_leaf *leaf)
{
	atomic_fetch_add_explicit(&leaf->references, 1, memory_order_relaxed);
	return leaf;
}

void
verified_leaf_unref(struct verified_leaf *leaf)
{
	if (!leaf || atomic_fetch_sub_explicit(
			 &leaf->references, 1, memory_order_acq_rel) != 1)
		return;
	verified_chain_unref(leaf->chain);
	free(leaf);
}
