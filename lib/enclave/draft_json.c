/* The members of an enclave object. */
#include <stddef.h>
#include <string.h>

#include "enclave/draft.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An answer smaller than this holds no document of any service. */
#define BODY_MAX_BYTES_FLOOR 1024

/* Every member of an enclave object; the first seven stand in defaults too. */
static const char *const members[] = {"poll_interval_ms", "poll_margin_ms",
    "max_age_ms", "clock_skew_ms", "fetch_timeout_ms", "body_max_bytes",
    "cut_on_expiry", "url", "pcrs", "profile", "trust", "evidence_url",
    "evidence_of", "insecure_allow_debug", "insecure_keep_withdrawn"};
#define DEFAULTS_MEMBERS 7

/* What "evidence_of" says of the enclave that vouches. */
static const char *const vouching_members[] = {
    "pcrs", "evidence_url", "profile"};

static const struct {
	const char *name;
	size_t offset;
	int64_t min;
	int64_t max;
} numbers[] = {
    {"poll_interval_ms", offsetof(struct draft, timing.poll_interval_ms),
	POLL_INTERVAL_MS_FLOOR, POLL_INTERVAL_MS_CEILING},
    {"poll_margin_ms", offsetof(struct draft, timing.poll_margin_ms),
	POLL_MARGIN_MS_FLOOR, POLL_MARGIN_MS_CEILING},
    {"max_age_ms", offsetof(struct draft, timing.max_age_ms), MAX_AGE_MS_FLOOR,
	MAX_AGE_MS_CEILING},
    {"clock_skew_ms", offsetof(struct draft, timing.clock_skew_ms), 0,
	CLOCK_SKEW_MS_CEILING},
    {"fetch_timeout_ms", offsetof(struct draft, timing.fetch_timeout_ms),
	FETCH_TIMEOUT_MS_FLOOR, FETCH_TIMEOUT_MS_CEILING},
    {"body_max_bytes", offsetof(struct draft, timing.body_max_bytes),
	BODY_MAX_BYTES_FLOOR, EVIDENCE_BODY_MAX_BYTES_CEILING},
};

static const struct {
	const char *name;
	size_t offset;
} booleans[] = {
    {"cut_on_expiry", offsetof(struct draft, cut_on_expiry)},
    {"insecure_allow_debug", offsetof(struct draft, insecure_allow_debug)},
    {"insecure_keep_withdrawn",
	offsetof(struct draft, insecure_keep_withdrawn)},
};

static const struct {
	const char *name;
	size_t offset;
} strings[] = {
    {"url", offsetof(struct draft, url)},
    {"evidence_url", offsetof(struct draft, evidence_url)},
    {"trust", offsetof(struct draft, trust)},
};

static void *
at_offset(struct draft *draft, size_t offset)
{
	return (char *)draft + offset;
}

static enum enclave_client_status
read_number(struct draft *draft, size_t which, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	int64_t *ret_value = at_offset(draft, numbers[which].offset);

	if (json_integer(
		json, numbers[which].min, numbers[which].max, ret_value))
		return ENCLAVE_CLIENT_OK;
	if (!cJSON_IsNumber(json))
		return json_refuse(error, place,
		    "%s, expected a whole number of %s", json_kind(json),
		    strstr(numbers[which].name, "_ms") ? "milliseconds"
						       : "bytes");
	return json_refuse(error, place,
	    "%.15g, expected a whole number from %lld to %lld",
	    json->valuedouble, (long long)numbers[which].min,
	    (long long)numbers[which].max);
}

static enum enclave_client_status
read_boolean(bool *ret_value, const cJSON *json, const struct json_place *place,
    struct enclave_client_error *error)
{
	if (!cJSON_IsBool(json))
		return json_refuse(error, place, "%s, expected true or false",
		    json_kind(json));
	*ret_value = cJSON_IsTrue(json);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_string(const char **ret_value, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!cJSON_IsString(json))
		return json_refuse(
		    error, place, "%s, expected a string", json_kind(json));
	*ret_value = json->valuestring;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_profile(struct draft *draft, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!cJSON_IsString(json) && !cJSON_IsObject(json))
		return json_refuse(error, place,
		    "%s, expected a string or an object", json_kind(json));
	draft->profile = json;
	return ENCLAVE_CLIENT_OK;
}

/*
 * The evidence of another enclave, a certificate generator say, with its own
 * policy.  What serves is not measured itself.
 */
static enum enclave_client_status
read_vouching(struct draft *draft, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	const cJSON *member;

	if (!cJSON_IsObject(json))
		return json_refuse(
		    error, place, "%s, expected an object", json_kind(json));
	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		if (!strcmp(member->string, "pcrs"))
			draft->pcrs = member;
		else if (!strcmp(member->string, "profile"))
			status = read_profile(draft, member, &at, error);
		else if (!strcmp(member->string, "evidence_url"))
			status = read_string(
			    &draft->evidence_url, member, &at, error);
		else
			status =
			    json_refuse_unknown(error, place, member->string,
				vouching_members, COUNT(vouching_members));
		if (status)
			return status;
	}
	draft->pcrs_member = true;
	draft->delegated = true;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_member(struct draft *draft, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (!strcmp(json->string, numbers[i].name))
			return read_number(draft, i, json, place, error);
	for (size_t i = 0; i < COUNT(booleans); i++)
		if (!strcmp(json->string, booleans[i].name))
			return read_boolean(
			    at_offset(draft, booleans[i].offset), json, place,
			    error);
	for (size_t i = 0; i < COUNT(strings); i++)
		if (!strcmp(json->string, strings[i].name))
			return read_string(at_offset(draft, strings[i].offset),
			    json, place, error);
	if (!strcmp(json->string, "profile"))
		return read_profile(draft, json, place, error);
	if (!strcmp(json->string, "evidence_of"))
		return read_vouching(draft, json, place, error);
	draft->pcrs = json; /* the one that is left */
	draft->pcrs_member = true;
	return ENCLAVE_CLIENT_OK;
}

static bool
is_member(const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, members[i]))
			return true;
	return false;
}

static bool
is_register(const char *name)
{
	return !strncmp(name, "PCR", 3) ||
	       (!strncmp(name, "pcr", 3) && strcmp(name, "pcrs"));
}

/* The first count of members are the known ones. */
static enum enclave_client_status
read_members(struct draft *draft, const cJSON *json, size_t count,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	const cJSON *member;

	if (!cJSON_IsObject(json))
		return json_refuse(
		    error, place, "%s, expected an object", json_kind(json));
	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		if (!is_member(member->string, count)) {
			if (is_register(member->string))
				return json_refuse(error, &at,
				    "registers stand under \"pcrs\" when "
				    "other members are given");
			return json_refuse_unknown(
			    error, place, member->string, members, count);
		}
		status = read_member(draft, member, &at, error);
		if (status)
			return status;
	}
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
draft_read_defaults(struct draft *draft, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	return read_members(draft, json, DEFAULTS_MEMBERS, place, error);
}

/* One of the two is measured: what serves, or what vouches for it. */
static enum enclave_client_status
check_vouching(const cJSON *json, const struct json_place *place,
    struct enclave_client_error *error)
{
	if (!json_member(json, "evidence_of"))
		return ENCLAVE_CLIENT_OK;
	for (size_t i = 0; i < COUNT(vouching_members); i++)
		if (json_member(json, vouching_members[i]))
			return json_refuse(error, place,
			    "\"%s\" beside \"evidence_of\": the enclave that "
			    "vouches has its own, and no other is judged",
			    vouching_members[i]);
	return ENCLAVE_CLIENT_OK;
}

/*
 * One member that only an enclave has makes an object an enclave.  An object
 * of unknown members is one too, so that the message speaks of its members.
 */
static bool
is_enclave_object(const cJSON *json)
{
	const cJSON *member;
	bool pcrs = !json->child;

	if (!cJSON_IsObject(json))
		return false;
	cJSON_ArrayForEach(member, json)
	{
		if (is_member(member->string, COUNT(members)))
			return true;
		pcrs = pcrs || is_register(member->string) ||
		       !strcmp(member->string, "Measurements");
	}
	return !pcrs;
}

enum enclave_client_status
draft_read(struct draft *draft, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!cJSON_IsObject(json) && !cJSON_IsArray(json))
		return json_refuse(error, place,
		    "%s, expected PCRs, a list of them, or an enclave object",
		    json_kind(json));
	if (!is_enclave_object(json)) {
		draft->pcrs = json;
		return ENCLAVE_CLIENT_OK;
	}
	status = read_members(draft, json, COUNT(members), place, error);
	if (!status)
		status = check_vouching(json, place, error);
	if (status)
		return status;
	draft->url_member = draft->url != NULL;
	/* Without reference values any enclave would do. */
	if (!draft->pcrs)
		return json_refuse(error, place,
		    "\"pcrs\" is missing: the PCR sets that are accepted");
	return ENCLAVE_CLIENT_OK;
}
