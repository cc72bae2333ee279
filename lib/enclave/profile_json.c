#include "enclave/profile_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding/object.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Room for the guess to be hard, and for the field to hold it. */
#define NONCE_BYTES_FLOOR   16
#define NONCE_BYTES_CEILING 64

/* What is composed; strings are the JSON's until the end. */
struct composition {
	struct profile profile;
	const struct json_place *place;
	const struct profile *base; /* NULL: none was named */
	bool encoding_given;
	bool member_given;
	bool binding_given;
	bool key_given;
	bool nonce_bytes_given;
	/* The first member that only an endpoint, or only a leaf, has. */
	const char *endpoint_member;
	const char *certificate_member;
};

struct word {
	const char *name;
	int value;
};

struct words {
	const struct word *words;
	size_t count;
};
#define WORDS(array) ((struct words){(array), COUNT(array)})

static const struct word sources[] = {
    {"endpoint", PROFILE_ENDPOINT}, {"certificate", PROFILE_CERTIFICATE}};
static const struct word wrappings[] = {
    {"cmw", PROFILE_CMW}, {"dstack", PROFILE_DSTACK}, {"san", PROFILE_SAN}};
static const struct word nonces[] = {{"none", PROFILE_NONCE_NONE},
    {"query", PROFILE_NONCE_QUERY}, {"path", PROFILE_NONCE_PATH}};
static const struct word encodings[] = {{"raw", PROFILE_RAW},
    {"hex", PROFILE_HEX}, {"base64", PROFILE_BASE64},
    {"json", PROFILE_JSON_BASE64}};
static const struct word fields[] = {{"user_data", CLAIMS_USER_DATA},
    {"public_key", CLAIMS_PUBLIC_KEY}, {"nonce", CLAIMS_NONCE}};
static const struct word objects[] = {{"spki", BINDING_SPKI},
    {"certificate", BINDING_CERTIFICATE}, {"key", BINDING_RAW_KEY}};
static const struct word transforms[] = {{"identity", BINDING_IDENTITY},
    {"sha256", BINDING_SHA256}, {"sha384", BINDING_SHA384},
    {"sha512", BINDING_SHA512}};

static enum enclave_client_status
refuse_word(struct words words, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	char known[96] = "";
	size_t len = 0;

	for (size_t i = 0; i < words.count; i++) {
		size_t left = sizeof(known) - len;
		int more = snprintf(known + len, left, "%s%s", i ? ", " : "",
		    words.words[i].name);
		if (more < 0 || (size_t)more >= left)
			break;
		len += (size_t)more;
	}
	return json_refuse(error, place, "%s, expected one of: %s",
	    cJSON_IsString(json) ? "an unknown word" : json_kind(json), known);
}

/* The word's value, or 0 with *ret_status a refusal. */
static int
read_word(struct words words, const cJSON *json, const struct json_place *place,
    enum enclave_client_status *ret_status, struct enclave_client_error *error)
{
	for (size_t i = 0; cJSON_IsString(json) && i < words.count; i++)
		if (!strcmp(json->valuestring, words.words[i].name))
			return words.words[i].value;
	*ret_status = refuse_word(words, json, place, error);
	return 0;
}

static enum enclave_client_status
read_size(size_t *ret_size, int64_t max, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	int64_t value;

	if (!json_integer(json, 0, max, &value))
		return json_refuse(error, place,
		    "expected a whole number from 0 to %lld", (long long)max);
	*ret_size = (size_t)value;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_text(const char **ret_text, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!cJSON_IsString(json) || !json->valuestring[0])
		return json_refuse(error, place,
		    "%s, expected a string that is not empty", json_kind(json));
	*ret_text = json->valuestring;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_path(struct composition *composition, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	const char *path = cJSON_IsString(json) ? json->valuestring : "";

	if (path[0] != '/')
		return json_refuse(
		    error, place, "expected a path that begins with \"/\"");
	for (const char *byte = path; *byte; byte++)
		if (*byte <= 0x20 || *byte >= 0x7f || strchr("#\\\"<>", *byte))
			return json_refuse(error, place,
			    "a fragment, or a character that must be "
			    "percent-encoded");
	composition->profile.evidence_path = path;
	return ENCLAVE_CLIENT_OK;
}

/*
 * Of the keys that Oyster attests some can be a leaf's.  The raw key is the
 * contents of subjectPublicKey: RFC 8410 4 for Ed25519, the uncompressed point
 * of RFC 5480 2.2 for P-256.
 */
static enum enclave_client_status
read_key(struct composition *composition, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	const char *key = cJSON_IsString(json) ? json->valuestring : "";
	struct binding_rule rule = {
	    .field = CLAIMS_PUBLIC_KEY,
	    .object = BINDING_RAW_KEY,
	    .transform = BINDING_IDENTITY,
	};

	if (!strcmp(key, "ed25519"))
		rule.field_length = 32;
	else if (!strcmp(key, "p256"))
		rule.field_length = 65;
	else if (!strcmp(key, "x25519"))
		return json_refuse(error, place,
		    "an X25519 key agrees on secrets and signs nothing: no TLS "
		    "leaf has one, so it can't gate a connection");
	else if (!strcmp(key, "secp256k1"))
		return json_refuse(error, place,
		    "secp256k1 is no curve of TLS 1.3: no TLS leaf has such a "
		    "key, so it can't gate a connection");
	else
		return json_refuse(
		    error, place, "expected \"ed25519\" or \"p256\"");
	rule.length = rule.field_length;
	composition->profile.binding = rule;
	composition->profile.ungated = NULL;
	composition->key_given = true;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_binding_member(struct binding_rule *rule, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	const char *name = json->string;

	if (!strcmp(name, "field")) {
		rule->field = (enum claims_field)read_word(
		    WORDS(fields), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "object")) {
		rule->object = (enum binding_object)read_word(
		    WORDS(objects), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "transform")) {
		rule->transform = (enum binding_transform)read_word(
		    WORDS(transforms), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "prefix"))
		return read_text(&rule->prefix, json, place, error);
	if (!strcmp(name, "keys"))
		return read_size(
		    &rule->keys_max, BINDING_KEYS_MAX, json, place, error);
	if (!strcmp(name, "offset"))
		return read_size(
		    &rule->offset, FIELD_MAX_BYTES - 1, json, place, error);
	if (!strcmp(name, "length"))
		return read_size(
		    &rule->length, FIELD_MAX_BYTES, json, place, error);
	return read_size(
	    &rule->field_length, FIELD_MAX_BYTES, json, place, error);
}

static const char *const binding_members[] = {"field", "object", "transform",
    "prefix", "keys", "offset", "length", "field_length"};
/* Nobody should have to guess these: the first three. */
#define BINDING_MEMBERS_NEEDED 3

static bool
is_known(const char *name, const char *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

/* Whole: nothing of a named profile's binding is mixed into it. */
static enum enclave_client_status
read_binding(struct composition *composition, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct binding_rule rule = {.field = CLAIMS_USER_DATA};
	enum enclave_client_status status;
	const cJSON *member;

	if (!cJSON_IsObject(json))
		return json_refuse(
		    error, place, "%s, expected an object", json_kind(json));
	for (size_t i = 0; i < BINDING_MEMBERS_NEEDED; i++)
		if (!json_member(json, binding_members[i]))
			return json_refuse(error, place, "\"%s\" is missing",
			    binding_members[i]);
	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		if (!is_known(member->string, binding_members,
			COUNT(binding_members)))
			return json_refuse_unknown(error, place, member->string,
			    binding_members, COUNT(binding_members));
		status = read_binding_member(&rule, member, &at, error);
		if (status)
			return status;
	}
	composition->profile.binding = rule;
	composition->profile.ungated = NULL;
	composition->binding_given = true;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_endpoint_member(struct composition *composition, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	struct profile *profile = &composition->profile;
	const char *name = json->string;
	int64_t accepted;

	composition->endpoint_member = name;
	if (!strcmp(name, "path"))
		return read_path(composition, json, place, error);
	if (!strcmp(name, "nonce")) {
		profile->nonce = (enum profile_nonce)read_word(
		    WORDS(nonces), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "nonce_bytes")) {
		composition->nonce_bytes_given = true;
		return read_size(&profile->nonce_bytes, NONCE_BYTES_CEILING,
		    json, place, error);
	}
	if (!strcmp(name, "member")) {
		composition->member_given = true;
		return read_text(&profile->json_member, json, place, error);
	}
	if (!strcmp(name, "encoding")) {
		composition->encoding_given = true;
		profile->encoding = (enum profile_encoding)read_word(
		    WORDS(encodings), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "plain_http")) {
		if (!cJSON_IsBool(json))
			return json_refuse(error, place,
			    "%s, expected true or false", json_kind(json));
		profile->plain_http = cJSON_IsTrue(json);
		return ENCLAVE_CLIENT_OK;
	}
	if (!json_integer(json, 200, 299, &accepted))
		return json_refuse(error, place,
		    "expected the HTTP status of a good answer, 200 to 299");
	profile->accepted_status = (long)accepted;
	return ENCLAVE_CLIENT_OK;
}

static const char *const profile_members[] = {"name", "binding", "key",
    "evidence", "wrapping", "path", "nonce", "nonce_bytes", "member",
    "encoding", "plain_http", "status"};

static enum enclave_client_status
read_profile_member(struct composition *composition, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct profile *profile = &composition->profile;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	const char *name = json->string;

	if (!strcmp(name, "name"))
		return ENCLAVE_CLIENT_OK; /* read first */
	if (!strcmp(name, "binding"))
		return read_binding(composition, json, place, error);
	if (!strcmp(name, "key"))
		return read_key(composition, json, place, error);
	if (!strcmp(name, "evidence")) {
		profile->source = (enum profile_source)read_word(
		    WORDS(sources), json, place, &status, error);
		return status;
	}
	if (!strcmp(name, "wrapping")) {
		composition->certificate_member = name;
		profile->wrapping = (enum profile_wrapping)read_word(
		    WORDS(wrappings), json, place, &status, error);
		return status;
	}
	return read_endpoint_member(composition, json, place, error);
}

/*
 * Digests fill what stands between the offset and the field's end, unless
 * "length" says where a single one ends: a layout in which they can't would
 * refuse every document.
 */
static enum enclave_client_status
check_digests(const struct composition *composition,
    const struct binding_rule *rule, struct enclave_client_error *error)
{
	size_t digest_len = transform_bytes(rule->transform);
	size_t keys = rule->keys_max > 1 ? rule->keys_max : 1;
	size_t room = rule->field_length - rule->offset;

	if (!digest_len || (rule->length && keys == 1))
		return ENCLAVE_CLIENT_OK;
	if (rule->offset + digest_len > FIELD_MAX_BYTES)
		return json_refuse(error, composition->place,
		    "a digest of %zu bytes behind the \"offset\" ends at %zu, "
		    "and no field has more than %d bytes",
		    digest_len, rule->offset + digest_len, FIELD_MAX_BYTES);
	if (!rule->field_length)
		return ENCLAVE_CLIENT_OK;
	if (keys == 1 && room != digest_len)
		return json_refuse(error, composition->place,
		    "\"offset\" and \"field_length\" leave %zu bytes, and the "
		    "digest has %zu; say \"length\" where more follows it",
		    room, digest_len);
	if (room % digest_len || room / digest_len > keys)
		return json_refuse(error, composition->place,
		    "\"offset\" and \"field_length\" leave %zu bytes, "
		    "which are not 1 to %zu digests of %zu",
		    room, keys, digest_len);
	return ENCLAVE_CLIENT_OK;
}

/* Where members stand in the field, and how much of it they need. */
static enum enclave_client_status
check_layout(const struct composition *composition,
    const struct binding_rule *rule, struct enclave_client_error *error)
{
	size_t digest_len = transform_bytes(rule->transform);
	size_t end = rule->offset + rule->length;

	if (digest_len && rule->length && rule->length != digest_len)
		return json_refuse(error, composition->place,
		    "\"length\" is %zu, and the digest has %zu bytes",
		    rule->length, digest_len);
	if (end > FIELD_MAX_BYTES)
		return json_refuse(error, composition->place,
		    "\"offset\" and \"length\" end at %zu, and no field has "
		    "more than %d bytes",
		    end, FIELD_MAX_BYTES);
	if (rule->field_length && rule->field_length < end)
		return json_refuse(error, composition->place,
		    "\"field_length\" is %zu, and the value ends at %zu",
		    rule->field_length, end);
	if (rule->field_length && rule->field_length <= rule->offset)
		return json_refuse(error, composition->place,
		    "\"offset\" lies behind \"field_length\"");
	if (rule->keys_max > 1 && !digest_len)
		return json_refuse(error, composition->place,
		    "\"keys\" counts digests of one length, and the transform "
		    "\"identity\" makes none");
	return check_digests(composition, rule, error);
}

static enum enclave_client_status
check_certificate(const struct composition *composition,
    const struct profile *profile, struct enclave_client_error *error)
{
	if (composition->endpoint_member)
		return json_refuse(error, composition->place,
		    "\"%s\" belongs to an endpoint, and the evidence is in the "
		    "certificate",
		    composition->endpoint_member);
	if (!composition->base && !composition->certificate_member)
		return json_refuse(error, composition->place,
		    "\"wrapping\" is missing: how the certificate carries the "
		    "evidence");
	if (profile->binding.object == BINDING_CERTIFICATE)
		return json_refuse(error, composition->place,
		    "a document inside the certificate can't name that whole "
		    "certificate: bind \"spki\" or \"key\"");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_nonce(const struct composition *composition,
    const struct profile *profile, struct enclave_client_error *error)
{
	const struct json_place *place = composition->place;

	if (profile->nonce == PROFILE_NONCE_PATH &&
	    strchr(profile->evidence_path, '?'))
		return json_refuse(error, place,
		    "the nonce ends the \"path\", and a query stands there");
	if (profile->nonce != PROFILE_NONCE_QUERY &&
	    composition->nonce_bytes_given)
		return json_refuse(error, place,
		    "\"nonce_bytes\" goes with the nonce \"query\" alone");
	if (profile->nonce == PROFILE_NONCE_QUERY &&
	    profile->nonce_bytes < NONCE_BYTES_FLOOR)
		return json_refuse(error, place,
		    "\"nonce_bytes\" is %zu, at least %d: a short nonce can be "
		    "guessed",
		    profile->nonce_bytes, NONCE_BYTES_FLOOR);
	if (profile->nonce != PROFILE_NONCE_NONE &&
	    profile->binding.field == CLAIMS_NONCE)
		return json_refuse(error, place,
		    "the field \"nonce\" can't name the key and repeat our "
		    "nonce as well");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_endpoint(const struct composition *composition,
    const struct profile *profile, struct enclave_client_error *error)
{
	const struct json_place *place = composition->place;

	if (composition->certificate_member)
		return json_refuse(error, place,
		    "\"%s\" says how a certificate carries evidence, and the "
		    "evidence comes from an endpoint",
		    composition->certificate_member);
	if (profile->encoding == PROFILE_JSON_BASE64 && !profile->json_member)
		return json_refuse(error, place,
		    "the encoding \"json\" needs \"member\": which one holds "
		    "the document");
	if (profile->encoding != PROFILE_JSON_BASE64 && profile->json_member)
		return json_refuse(error, place,
		    "\"member\" goes with the encoding \"json\" alone");
	return check_nonce(composition, profile, error);
}

static enum enclave_client_status
check(const struct composition *composition, struct enclave_client_error *error)
{
	const struct profile *profile = &composition->profile;
	enum enclave_client_status status;

	if (composition->base && composition->base->source != profile->source)
		return json_refuse(error, composition->place,
		    "the profile \"%s\" has its evidence elsewhere: compose "
		    "without \"name\"",
		    profile->name);
	if (composition->key_given && composition->binding_given)
		return json_refuse(error, composition->place,
		    "\"key\" and \"binding\" both say how evidence names the "
		    "key");
	if (!composition->key_given && !composition->binding_given &&
	    !composition->base)
		return json_refuse(error, composition->place,
		    "\"binding\" is missing: how evidence names the key");
	status = check_layout(composition, &profile->binding, error);
	if (status)
		return status;
	if (profile->source == PROFILE_CERTIFICATE)
		return check_certificate(composition, profile, error);
	if (!composition->base && !composition->encoding_given)
		return json_refuse(
		    error, composition->place, "\"encoding\" is missing");
	return check_endpoint(composition, profile, error);
}

/* A named profile to begin with, or one that says as little as possible. */
static enum enclave_client_status
begin(struct composition *composition, const cJSON *json,
    struct enclave_client_error *error)
{
	const cJSON *name = json_member(json, "name");
	struct json_place at = json_place_member(composition->place, "name");
	const struct profile *base;

	if (!name) {
		composition->profile = (struct profile){
		    .evidence_path = "/.well-known/attestation",
		    .accepted_status = 200,
		    .nonce_bytes = 20,
		};
		return ENCLAVE_CLIENT_OK;
	}
	base = cJSON_IsString(name) ? profile_find(name->valuestring) : NULL;
	if (!base)
		return json_refuse(error, &at,
		    "no profile of that name; leave \"name\" out to compose "
		    "one");
	composition->profile = *base;
	composition->base = base;
	return ENCLAVE_CLIENT_OK;
}

/* Another encoding than the named profile's has no use for its member. */
static void
settle_member(struct composition *composition)
{
	struct profile *profile = &composition->profile;

	if (profile->encoding != PROFILE_JSON_BASE64 &&
	    !composition->member_given)
		profile->json_member = NULL;
}

static bool
own_text(const char **text)
{
	if (!*text)
		return true;
	*text = strdup(*text);
	return *text != NULL;
}

/* What was borrowed from the JSON or from a row becomes the profile's own. */
static enum enclave_client_status
make_profile(const struct composition *composition,
    struct profile **ret_profile, struct enclave_client_error *error)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	bool owned = profile != NULL;

	if (!profile)
		return error_memory(error);
	*profile = composition->profile;
	if (!profile->name)
		profile->name = "composed";
	/* All four are tried, so that each is NULL or owned. */
	owned = own_text(&profile->name);
	owned = own_text(&profile->evidence_path) && owned;
	owned = own_text(&profile->json_member) && owned;
	owned = own_text(&profile->binding.prefix) && owned;
	if (!owned) {
		profile_free(profile);
		return error_memory(error);
	}
	*ret_profile = profile;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
profile_compose(const cJSON *json, const struct json_place *place,
    struct profile **ret_profile, struct enclave_client_error *error)
{
	struct composition composition = {.place = place};
	enum enclave_client_status status;
	const cJSON *member;

	status = begin(&composition, json, error);
	if (status)
		return status;
	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		if (!is_known(member->string, profile_members,
			COUNT(profile_members)))
			return json_refuse_unknown(error, place, member->string,
			    profile_members, COUNT(profile_members));
		status = read_profile_member(&composition, member, &at, error);
		if (status)
			return status;
	}
	settle_member(&composition);
	status = check(&composition, error);
	if (status)
		return status;
	return make_profile(&composition, ret_profile, error);
}

void
profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free((char *)(uintptr_t)profile->name);
	free((char *)(uintptr_t)profile->evidence_path);
	free((char *)(uintptr_t)profile->json_member);
	free((char *)(uintptr_t)profile->binding.prefix);
	free(profile);
}
