#include "binding/binding.h"

#include <openssl/crypto.h>
#include <string.h>

#include "binding/object.h"

bool
binding_key_equal(const struct binding_key *a, const struct binding_key *b)
{
	return !CRYPTO_memcmp(a->sha256, b->sha256, sizeof(a->sha256));
}

static const char *
field_name(enum claims_field field)
{
	switch (field) {
	case CLAIMS_PUBLIC_KEY:
		return "public_key";
	case CLAIMS_USER_DATA:
		return "user_data";
	case CLAIMS_NONCE:
		return "nonce";
	case CLAIMS_FIELDS:
		break;
	}
	return "no field";
}

static enum enclave_client_status
make_key(const uint8_t *value, size_t len, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	uint8_t digest[DIGEST_MAX_BYTES];
	enum enclave_client_status status = object_digest(
	    BINDING_SHA256, NULL, (struct bytes){value, len}, digest, error);

	if (!status)
		memcpy(ret_key->sha256, digest, sizeof(ret_key->sha256));
	return status;
}

static enum enclave_client_status
refuse_field(const struct binding_rule *rule, size_t len, const char *fact,
    struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_BINDING,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "the document names no TLS key: %s %s (%zu bytes)",
	    field_name(rule->field), fact, len);
}

/* The part of the field that the rule points at; never empty. */
static enum enclave_client_status
find_value(const struct binding_rule *rule, const struct claims *claims,
    struct bytes *ret_value, struct enclave_client_error *error)
{
	struct bytes field;
	size_t length = rule->length;

	/* Absent, null and empty: nothing equals them, least of all nothing
	 * (CVE-2026-92702). */
	if (!claims_field(claims, rule->field, &field))
		return error_set(error, ENCLAVE_CLIENT_ERR_BINDING,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the document names no TLS key: it has no %s",
		    field_name(rule->field));
	if (rule->field_length && field.len != rule->field_length)
		return refuse_field(
		    rule, field.len, "has another length", error);
	if (field.len <= rule->offset)
		return refuse_field(rule, field.len,
		    field.len ? "is too short" : "is empty", error);
	if (!length)
		length = field.len - rule->offset;
	if (length > field.len - rule->offset)
		return refuse_field(rule, field.len, "is too short", error);
	*ret_value = (struct bytes){field.data + rule->offset, length};
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
binding_from_claims(const struct binding_rule *rule,
    const struct claims *claims, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	size_t digest_len = transform_bytes(rule->transform);
	enum enclave_client_status status;
	struct bytes value = {0};

	status = find_value(rule, claims, &value, error);
	if (status)
		return status;
	if (digest_len && value.len != digest_len)
		return refuse_field(rule, value.len,
		    "does not have the length of the digest", error);
	if (!digest_len && rule->object == BINDING_SPKI && !rule->prefix) {
		status = object_check_spki(value, error);
		if (status)
			return status;
	}
	return make_key(value.data, value.len, ret_key, error);
}

enum enclave_client_status
binding_from_leaf(const struct binding_rule *rule, struct bytes leaf_der,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	uint8_t digest[DIGEST_MAX_BYTES];
	enum enclave_client_status status;
	struct bytes object;

	status = object_of_leaf(rule->object, leaf_der, &object, error);
	if (status)
		return status;
	status =
	    object_digest(rule->transform, rule->prefix, object, digest, error);
	OPENSSL_free((void *)(uintptr_t)object.data);
	if (status)
		return status;
	if (rule->transform == BINDING_IDENTITY) {
		memcpy(ret_key->sha256, digest, sizeof(ret_key->sha256));
		return ENCLAVE_CLIENT_OK;
	}
	return make_key(
	    digest, transform_bytes(rule->transform), ret_key, error);
}
