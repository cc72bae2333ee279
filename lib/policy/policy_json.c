/* Reference values out of JSON, in every form that DESIGN section 12 names. */
#include <stdlib.h>
#include <string.h>

#include "policy/json.h"
#include "policy/policy.h"
#include "policy/set.h"
#include "policy/time_text.h"

/* What a set is read under. */
struct reading {
	bool insecure_allow_debug;
	/* Registers as they are found; bit n of mask: values[n] is given. */
	uint32_t mask;
	uint8_t values[PCRS_MAX][PCR_BYTES];
	bool image_id_given;
	uint8_t image_id[IMAGE_ID_BYTES];
	const char *module_id;   /* NULL: any */
	const char *instance_id; /* NULL: any */
	const char *label;
	int64_t expires_ms;
};

/* The register of a PCRn, pcrn or pcr_n key; -1 when it is none. */
static int
pcr_index(const char *key)
{
	if (!strncmp(key, "pcr_", 4))
		key += 4;
	else if (!strncmp(key, "PCR", 3) || !strncmp(key, "pcr", 3))
		key += 3;
	else
		return -1;
	size_t len = strspn(key, "0123456789");
	if (len < 1 || len > 2 || key[len] || (len == 2 && key[0] == '0'))
		return -1;
	int index = key[0] - '0';
	if (len == 2)
		index = 10 * index + key[1] - '0';
	return index < PCRS_MAX ? index : -1;
}

static enum enclave_client_status
read_pcr(struct reading *reading, unsigned int index, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (reading->mask & UINT32_C(1) << index)
		return json_refuse(error, place,
		    "PCR%u is already given under another spelling", index);
	/* Whoever means "not compared" leaves the register out. */
	if (!cJSON_IsString(json))
		return json_refuse(error, place,
		    "%s, expected 96 hex digits in a string", json_kind(json));
	struct bytes digits = bytes_from_string(json->valuestring);
	if (digits.len != 2 * PCR_BYTES)
		return json_refuse(error, place,
		    "%zu characters, expected 96 hex digits", digits.len);
	if (!hex_decode(digits, reading->values[index], PCR_BYTES))
		return json_refuse(error, place,
		    "a character that is no hex digit, expected 96 hex "
		    "digits");
	reading->mask |= UINT32_C(1) << index;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_label(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!cJSON_IsString(json))
		return json_refuse(
		    error, place, "%s, expected a string", json_kind(json));
	if (strlen(json->valuestring) > POLICY_LABEL_MAX_BYTES)
		return json_refuse(error, place, "%zu bytes, at most %d",
		    strlen(json->valuestring), POLICY_LABEL_MAX_BYTES);
	/* Labels reach terminals and logs. */
	for (const char *byte = json->valuestring; *byte; byte++)
		if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
			return json_refuse(
			    error, place, "a control character in it");
	reading->label = json->valuestring;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_expires(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	int64_t seconds;

	if (cJSON_IsString(json) &&
	    time_from_rfc3339(json->valuestring, &reading->expires_ms))
		return ENCLAVE_CLIENT_OK;
	if (json_integer(json, 0, TIME_SECONDS_MAX, &seconds)) {
		reading->expires_ms = seconds * 1000;
		return ENCLAVE_CLIENT_OK;
	}
	return json_refuse(error, place,
	    "expected a time such as \"2027-01-31T00:00:00Z\", or seconds "
	    "since 1970");
}

/* What stands beside registers or beside Measurements. */
static bool
is_set_member(const char *name)
{
	static const char *const names[] = {
	    "label", "expires", "image_id", "module_id", "instance_id"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static enum enclave_client_status
read_image_id(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!cJSON_IsString(json) ||
	    !hex_decode(bytes_from_string(json->valuestring), reading->image_id,
		IMAGE_ID_BYTES))
		return json_refuse(
		    error, place, "expected 64 hex digits in a string");
	reading->image_id_given = true;
	return ENCLAVE_CLIENT_OK;
}

/* An instance id is "i-" and 8 or 17 hex digits; a module id goes on. */
static enum enclave_client_status
read_machine(const char **ret_id, bool module, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	const char *id = cJSON_IsString(json) ? json->valuestring : "";
	size_t digits =
	    strncmp(id, "i-", 2) ? 0 : strspn(id + 2, "0123456789abcdef");
	const char *rest = digits ? id + 2 + digits : "";
	bool instance = digits == 8 || digits == 17;

	if (instance && !module && !*rest) {
		*ret_id = id;
		return ENCLAVE_CLIENT_OK;
	}
	if (instance && module && !strncmp(rest, "-enc", 4) && rest[4] &&
	    !rest[4 + strspn(rest + 4, "0123456789abcdef")]) {
		*ret_id = id;
		return ENCLAVE_CLIENT_OK;
	}
	return json_refuse(error, place,
	    module ? "expected a module id such as "
		     "\"i-0123456789abcdef0-enc0123456789abcdef\""
		   : "expected an instance id such as "
		     "\"i-0123456789abcdef0\"");
}

static enum enclave_client_status
read_set_member(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	if (!strcmp(json->string, "label"))
		return read_label(reading, json, place, error);
	if (!strcmp(json->string, "image_id"))
		return read_image_id(reading, json, place, error);
	if (!strcmp(json->string, "module_id"))
		return read_machine(
		    &reading->module_id, true, json, place, error);
	if (!strcmp(json->string, "instance_id"))
		return read_machine(
		    &reading->instance_id, false, json, place, error);
	return read_expires(reading, json, place, error);
}

static enum enclave_client_status
refuse_unknown(const cJSON *json, const struct json_place *place,
    struct enclave_client_error *error)
{
	static const char *const known[] = {"PCR0", "PCR1", "PCR2", "PCR3",
	    "PCR4", "PCR8", "label", "expires", "image_id", "module_id",
	    "instance_id"};

	struct json_place at = json_place_member(place, json->string);

	if (!strncmp(json->string, "PCR", 3) ||
	    !strncmp(json->string, "pcr", 3))
		return json_refuse(error, &at,
		    "no such register; they are PCR0 to PCR31 (or pcr0, "
		    "pcr_0), without leading zeros");
	return json_refuse_unknown(error, place, json->string, known,
	    sizeof(known) / sizeof(known[0]));
}

/*
 * Gate rule 9.  Zero in PCR0, or in all that is given of PCR0, 1 and 2, is
 * what debug mode shows.  Zero everywhere says nothing about the code: any
 * enclave has zero in the registers that it does not use.
 */
static enum enclave_client_status
check_zero(const struct reading *reading, const struct json_place *place,
    struct enclave_client_error *error)
{
	const uint32_t image = 7; /* PCR0, 1 and 2 */
	uint32_t zero = 0;

	for (unsigned int i = 0; i < PCRS_MAX; i++)
		if (reading->mask & UINT32_C(1) << i &&
		    bytes_zero((struct bytes){reading->values[i], PCR_BYTES}))
			zero |= UINT32_C(1) << i;
	bool debug = zero & 1 || (reading->mask & image &&
				     (reading->mask & image) == (zero & image));
	if (debug && !reading->insecure_allow_debug)
		return json_refuse(error, place,
		    "an all-zero PCR0 (or PCR1 and PCR2) is what any enclave "
		    "in debug mode shows; only insecure_allow_debug accepts "
		    "it");
	if (reading->mask && zero == reading->mask && !debug)
		return json_refuse(error, place,
		    "every register in it is all zero, which any enclave may "
		    "show; name PCR0, PCR1 and PCR2");
	return ENCLAVE_CLIENT_OK;
}

static void
clear_set(struct pcr_set *set)
{
	free(set->values);
	free(set->label);
	free(set->module_id);
	free(set->instance_id);
}

static bool
copy_text(char **ret_copy, const char *text)
{
	*ret_copy = text ? strdup(text) : NULL;
	return *ret_copy || !text;
}

static enum enclave_client_status
store_set(const struct reading *reading, struct pcr_set *ret_set,
    struct enclave_client_error *error)
{
	struct pcr_set set = {.expires_ms = reading->expires_ms,
	    .image_id_given = reading->image_id_given};
	size_t count = (size_t)__builtin_popcount(reading->mask);

	memcpy(set.image_id, reading->image_id, sizeof(set.image_id));
	set.values = calloc(count ? count : 1, sizeof(*set.values));
	if (!set.values || !copy_text(&set.label, reading->label) ||
	    !copy_text(&set.module_id, reading->module_id) ||
	    !copy_text(&set.instance_id, reading->instance_id)) {
		clear_set(&set);
		return error_memory(error);
	}
	for (uint8_t i = 0; i < PCRS_MAX; i++) {
		if (!(reading->mask & UINT32_C(1) << i))
			continue;
		set.values[set.count].index = i;
		memcpy(
		    set.values[set.count].bytes, reading->values[i], PCR_BYTES);
		set.count++;
	}
	*ret_set = set;
	return ENCLAVE_CLIENT_OK;
}

/* An object of registers, with what stands beside them. */
static enum enclave_client_status
read_registers(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	const cJSON *member;

	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		int index = pcr_index(member->string);
		if (index >= 0)
			status = read_pcr(
			    reading, (unsigned int)index, member, &at, error);
		else if (is_set_member(member->string))
			status = read_set_member(reading, member, &at, error);
		else
			status = refuse_unknown(member, place, error);
		if (status)
			return status;
	}
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_not_false(const cJSON *json, const char *name,
    const struct json_place *place, struct enclave_client_error *error)
{
	const cJSON *member = json_member(json, name);

	/* nitro-cli prints null for the signature of an unsigned image. */
	if (!member || cJSON_IsNull(member) || cJSON_IsTrue(member))
		return ENCLAVE_CLIENT_OK;
	if (cJSON_IsFalse(member))
		return json_refuse(error, place,
		    "%s is false: nitro-cli found the image damaged or badly "
		    "signed",
		    name);
	return json_refuse(
	    error, place, "%s is %s, expected true", name, json_kind(member));
}

static enum enclave_client_status
read_measurements(struct reading *reading, const cJSON *measurements,
    const struct json_place *place, struct enclave_client_error *error)
{
	const cJSON *algorithm = json_member(measurements, "HashAlgorithm");
	enum enclave_client_status status;
	const cJSON *member;

	if (!cJSON_IsObject(measurements))
		return json_refuse(error, place, "%s, expected an object",
		    json_kind(measurements));
	if (!cJSON_IsString(algorithm) ||
	    strncmp(algorithm->valuestring, "Sha384", strlen("Sha384")))
		return json_refuse(error, place,
		    "HashAlgorithm is not Sha384, which nitro-cli prints and "
		    "documents use");
	cJSON_ArrayForEach(member, measurements)
	{
		struct json_place at = json_place_member(place, member->string);
		int index = pcr_index(member->string);
		if (member == algorithm)
			continue;
		if (index < 0)
			return refuse_unknown(member, place, error);
		status =
		    read_pcr(reading, (unsigned int)index, member, &at, error);
		if (status)
			return status;
	}
	return ENCLAVE_CLIENT_OK;
}

/*
 * What nitro-cli prints.  Of its members only Measurements and the two checks
 * are read; label and expires may be put beside them.
 */
static enum enclave_client_status
read_nitro_cli(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct json_place at = json_place_member(place, "Measurements");
	enum enclave_client_status status;
	const cJSON *member;

	status = check_not_false(json, "CheckCRC", place, error);
	if (!status)
		status = check_not_false(json, "SignatureCheck", place, error);
	if (!status)
		status = read_measurements(
		    reading, json_member(json, "Measurements"), &at, error);
	cJSON_ArrayForEach(member, json)
	{
		if (status)
			break;
		/* A register here would look accepted and not be compared. */
		if (pcr_index(member->string) >= 0)
			return json_refuse(error, place,
			    "\"%s\" stands beside Measurements, of which "
			    "alone registers are read",
			    member->string);
		if (!is_set_member(member->string))
			continue;
		at = json_place_member(place, member->string);
		status = read_set_member(reading, member, &at, error);
	}
	return status;
}

static enum enclave_client_status
read_set(const cJSON *json, const struct json_place *place,
    bool insecure_allow_debug, struct pcr_set *ret_set,
    struct enclave_client_error *error)
{
	struct reading reading = {.insecure_allow_debug = insecure_allow_debug,
	    .label = "",
	    .expires_ms = INT64_MAX};
	enum enclave_client_status status;

	if (!cJSON_IsObject(json))
		return json_refuse(error, place,
		    "%s, expected an object of PCRs", json_kind(json));
	if (json_member(json, "Measurements"))
		status = read_nitro_cli(&reading, json, place, error);
	else
		status = read_registers(&reading, json, place, error);
	if (status)
		return status;
	/* An empty set would accept any enclave. */
	if (!reading.mask && !reading.image_id_given)
		return json_refuse(
		    error, place, "no PCR in it; name PCR0, PCR1 and PCR2");
	status = check_zero(&reading, place, error);
	if (status)
		return status;
	return store_set(&reading, ret_set, error);
}

static enum enclave_client_status
read_list(struct policy *policy, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	size_t count = (size_t)cJSON_GetArraySize(json);
	enum enclave_client_status status;
	const cJSON *element;

	if (!count)
		return json_refuse(error, place,
		    "an empty list accepts nothing; name at least one PCR set");
	if (count > POLICY_SETS_MAX)
		return json_refuse(error, place, "%zu PCR sets, at most %d",
		    count, POLICY_SETS_MAX);
	policy->sets = calloc(count, sizeof(*policy->sets));
	if (!policy->sets)
		return error_memory(error);
	cJSON_ArrayForEach(element, json)
	{
		struct json_place at = json_place_element(place, policy->count);
		status = read_set(element, &at, policy->insecure_debug,
		    &policy->sets[policy->count], error);
		if (status)
			return status;
		policy->count++;
	}
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_one(struct policy *policy, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	policy->sets = calloc(1, sizeof(*policy->sets));
	if (!policy->sets)
		return error_memory(error);
	status = read_set(
	    json, place, policy->insecure_debug, &policy->sets[0], error);
	if (!status)
		policy->count = 1;
	return status;
}

enum enclave_client_status
policy_new_json(const struct cJSON *json, const char *where,
    bool insecure_allow_debug, struct policy **ret_policy,
    struct enclave_client_error *error)
{
	struct json_place place = json_place_root(where);
	struct policy *policy = calloc(1, sizeof(*policy));
	enum enclave_client_status status;

	if (!policy)
		return error_memory(error);
	atomic_init(&policy->references, 1);
	policy->insecure_debug = insecure_allow_debug;
	if (cJSON_IsArray(json))
		status = read_list(policy, json, &place, error);
	else
		status = read_one(policy, json, &place, error);
	if (status)
		goto out;
	*ret_policy = policy;
	policy = NULL; /* handed over */
out:
	policy_unref(policy);
	return status;
}
