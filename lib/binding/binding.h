/*
 * How evidence names a TLS key or certificate: the rule as data, one function
 * for each side that applies it (wire-formats of deployed services).
 */
#ifndef BINDING_BINDING_H
#define BINDING_BINDING_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "evidence/claims.h"

enum binding_object {
	BINDING_SPKI,        /* DER SubjectPublicKeyInfo of the leaf */
	BINDING_CERTIFICATE, /* DER of the whole leaf */
	BINDING_RAW_KEY      /* contents of its subjectPublicKey BIT STRING */
};

enum binding_transform {
	BINDING_IDENTITY,
	BINDING_SHA256,
	BINDING_SHA384,
	BINDING_SHA512
};

/* field[offset, offset + length) == transform(prefix || object) */
struct binding_rule {
	enum claims_field field;
	size_t offset;
	size_t length; /* 0: to the end of the field */
	/* The field must have exactly this length; 0: no such demand. */
	size_t field_length;
	enum binding_object object;
	enum binding_transform transform;
	const char *prefix; /* NULL: none */
};

#define BINDING_KEY_BYTES 32
/*
 * Either side's value, as SHA-256 of what the field must hold: constant size
 * whatever the rule, so the cache compares one kind of thing.
 */
struct binding_key {
	uint8_t sha256[BINDING_KEY_BYTES];
};

bool binding_key_equal(
    const struct binding_key *a, const struct binding_key *b);

/*
 * The key that evidence names.  BINDING when the field is absent, empty, too
 * short, of the wrong length, or (SPKI, identity) no SubjectPublicKeyInfo.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_from_claims(
    const struct binding_rule *rule, const struct claims *claims,
    struct binding_key *ret_key, struct enclave_client_error *error);

/* The key that a peer's leaf certificate (DER) presents under the rule. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_from_leaf(
    const struct binding_rule *rule, struct bytes leaf_der,
    struct binding_key *ret_key, struct enclave_client_error *error);

#endif
