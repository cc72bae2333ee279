#include "binding/binding.h"

#include <openssl/crypto.h>
#include <string.h>

#include "binding/object.h"

bool
binding_key_equal(const struct binding_key *a, const struct binding_key *b)
{
	/* Public on both sides: there is nothing for the time to tell. */
	return !memcmp(a->sha256, b->sha256, sizeof(a->sha256));
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

/* The layout whose length the field has; the first says what is wrong else. */
static const struct binding_rule *
choose_layout(const struct binding_rule *rule, size_t field_len)
{
	const struct binding_rule *layout = rule;

	while (
	    layout && layout->field_length && layout->field_length != field_len)
		layout = layout->older;
	return layout ? layout : rule;
}

static bool
has_marks(const struct binding_rule *layout, struct bytes field)
{
	for (size_t i = 0; i < BINDING_MARKS_MAX; i++) {
		const struct binding_mark *mark = &layout->marks[i];
		size_t len = mark->bytes.len;
		if (!len)
			continue;
		if (mark->offset > field.len ||
		    len > field.len - mark->offset ||
		    memcmp(field.data + mark->offset, mark->bytes.data, len))
			return false;
	}
	return true;
}

/* The part of the field that the rule points at; never empty. */
static enum enclave_client_status
find_value(const struct binding_rule *rule, const struct claims *claims,
    struct bytes *ret_value, struct enclave_client_error *error)
{
	const struct binding_rule *layout;
	struct bytes field;
	size_t length;

	/* Absent, null and empty: nothing equals them, least of all nothing
	 * (CVE-2026-92702). */
	if (!claims_field(claims, rule->field, &field))
		return error_set(error, ENCLAVE_CLIENT_ERR_BINDING,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the document names no TLS key: it has no %s",
		    field_name(rule->field));
	layout = choose_layout(rule, field.len);
	length = layout->length;
	if (layout->field_length && field.len != layout->field_length)
		return refuse_field(
		    rule, field.len, "has another length", error);
	if (field.len <= layout->offset)
		return refuse_field(rule, field.len,
		    field.len ? "is too short" : "is empty", error);
	if (!has_marks(layout, field))
		return refuse_field(rule, field.len,
		    "does not say that a digest follows", error);
	if (!length || rule->keys_max > 1)
		length = field.len - layout->offset;
	if (length > field.len - layout->offset)
		return refuse_field(rule, field.len, "is too short", error);
	*ret_value = (struct bytes){field.data + layout->offset, length};
	return ENCLAVE_CLIENT_OK;
}

static bool
all_zero(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i])
			return false;
	return true;
}

/* One digest after the other; places that are all zero are not used. */
static enum enclave_client_status
read_digests(const struct binding_rule *rule, struct bytes value,
    struct binding_keys *keys, struct enclave_client_error *error)
{
	size_t digest_len = transform_bytes(rule->transform);
	enum enclave_client_status status;

	if (!digest_len || value.len % digest_len ||
	    value.len / digest_len > rule->keys_max)
		return refuse_field(rule, value.len,
		    "does not hold digests one after the other", error);
	for (size_t at = 0; at < value.len; at += digest_len) {
		struct bytes digest = {value.data + at, digest_len};
		if (all_zero(digest))
			continue;
		status = make_key(
		    digest.data, digest.len, &keys->keys[keys->count], error);
		if (status)
			return status;
		keys->count++;
	}
	if (!keys->count)
		return refuse_field(
		    rule, value.len, "holds zeros alone", error);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_value(const struct binding_rule *rule, struct bytes value,
    struct binding_keys *keys, struct enclave_client_error *error)
{
	size_t digest_len = transform_bytes(rule->transform);
	enum enclave_client_status status;

	if (digest_len && value.len != digest_len)
		return refuse_field(rule, value.len,
		    "does not have the length of the digest", error);
	if (!digest_len && rule->object == BINDING_SPKI && !rule->prefix) {
		status = object_check_spki(value, error);
		if (status)
			return status;
	}
	keys->count = 1;
	return make_key(value.data, value.len, &keys->keys[0], error);
}

enum enclave_client_status
binding_keys_from_claims(const struct binding_rule *rule,
    const struct claims *claims, struct binding_keys *ret_keys,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct binding_keys keys = {0};
	struct bytes value = {0};

	status = find_value(rule, claims, &value, error);
	if (status)
		return status;
	status = rule->keys_max > 1 ? read_digests(rule, value, &keys, error)
				    : read_value(rule, value, &keys, error);
	if (status)
		return status;
	*ret_keys = keys;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
binding_from_claims(const struct binding_rule *rule,
    const struct claims *claims, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	struct binding_keys keys;
	enum enclave_client_status status =
	    binding_keys_from_claims(rule, claims, &keys, error);

	if (status)
		return status;
	*ret_key = keys.keys[0];
	return ENCLAVE_CLIENT_OK;
}

bool
binding_keys_hold(
    const struct binding_keys *keys, const struct binding_key *key)
{
	for (size_t i = 0; i < keys->count; i++)
		if (binding_key_equal(&keys->keys[i], key))
			return true;
	return false;
}

static bool
marks_equal(const struct binding_rule *a, const struct binding_rule *b)
{
	for (size_t i = 0; i < BINDING_MARKS_MAX; i++)
		if (a->marks[i].offset != b->marks[i].offset ||
		    !bytes_equal(a->marks[i].bytes, b->marks[i].bytes))
			return false;
	return true;
}

static bool
layout_equal(const struct binding_rule *a, const struct binding_rule *b)
{
	return a->offset == b->offset && a->length == b->length &&
	       a->field_length == b->field_length &&
	       a->keys_max == b->keys_max && marks_equal(a, b);
}

bool
binding_rule_equal(const struct binding_rule *a, const struct binding_rule *b)
{
	const char *a_prefix = a->prefix ? a->prefix : "";
	const char *b_prefix = b->prefix ? b->prefix : "";

	return a->field == b->field && a->object == b->object &&
	       a->transform == b->transform && !strcmp(a_prefix, b_prefix) &&
	       a->older == b->older && layout_equal(a, b);
}

/* Takes the object over. */
static enum enclave_client_status
key_of_object(const struct binding_rule *rule, struct bytes object,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	uint8_t digest[DIGEST_MAX_BYTES];
	enum enclave_client_status status;

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

enum enclave_client_status
binding_from_leaf(const struct binding_rule *rule, struct bytes leaf_der,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	struct bytes object;
	enum enclave_client_status status =
	    object_of_leaf(rule->object, leaf_der, &object, error);

	return status ? status : key_of_object(rule, object, ret_key, error);
}

enum enclave_client_status
binding_from_certificate(const struct binding_rule *rule, struct x509_st *leaf,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	struct bytes object;
	enum enclave_client_status status =
	    object_of_certificate(rule->object, leaf, &object, error);

	return status ? status : key_of_object(rule, object, ret_key, error);
}
