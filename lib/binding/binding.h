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

/* Bytes that must stand at an offset of the field, a multihash prefix say. */
struct binding_mark {
	size_t offset;
	struct bytes bytes; /* len 0: no mark */
};
#define BINDING_MARKS_MAX 2

/* What 1,024 bytes of a field can hold of SHA-256. */
#define BINDING_KEYS_MAX 32

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
	struct binding_mark marks[BINDING_MARKS_MAX];
	/*
	 * Digests one after the other from offset on, at most so many; zeros
	 * are places not used.  0 or 1: one value alone.
	 */
	size_t keys_max;
	/* The layout of older versions, told by its field_length; NULL: none.
	 * Only where in the field the value stands may differ. */
	const struct binding_rule *older;
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

struct binding_keys {
	size_t count; /* at least 1 */
	struct binding_key keys[BINDING_KEYS_MAX];
};
bool binding_keys_hold(
    const struct binding_keys *keys, const struct binding_key *key);

/* Same field, layout, object, transform. */
bool binding_rule_equal(
    const struct binding_rule *a, const struct binding_rule *b);

/*
 * The keys that evidence names.  BINDING when the field is absent, empty, too
 * short, of the wrong length, without its marks, or (SPKI, identity) no
 * SubjectPublicKeyInfo.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_keys_from_claims(
    const struct binding_rule *rule, const struct claims *claims,
    struct binding_keys *ret_keys, struct enclave_client_error *error);
/* The first of them. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_from_claims(
    const struct binding_rule *rule, const struct claims *claims,
    struct binding_key *ret_key, struct enclave_client_error *error);

/* The key that a peer's leaf certificate (DER) presents under the rule. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_from_leaf(
    const struct binding_rule *rule, struct bytes leaf_der,
    struct binding_key *ret_key, struct enclave_client_error *error);
/*
 * The same of a leaf that OpenSSL has parsed already, an X509: parsing once
 * more costs a tenth of a handshake.
 */
struct x509_st;
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status binding_from_certificate(
    const struct binding_rule *rule, struct x509_st *leaf,
    struct binding_key *ret_key, struct enclave_client_error *error);

#endif
