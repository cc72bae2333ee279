#include "policy/policy.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "policy/set.h"
#include "policy/text.h"

struct policy *
policy_ref(struct policy *policy)
{
	if (policy)
		atomic_fetch_add_explicit(
		    &policy->references, 1, memory_order_relaxed);
	return policy;
}

void
policy_unref(struct policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(
			   &policy->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < policy->count; i++) {
		free(policy->sets[i].values);
		free(policy->sets[i].label);
		free(policy->sets[i].module_id);
		free(policy->sets[i].instance_id);
	}
	free(policy->sets);
	free(policy);
}

size_t
policy_set_count(const struct policy *policy)
{
	return policy->count;
}

const char *
policy_set_label(const struct policy *policy, size_t set)
{
	return set < policy->count ? policy->sets[set].label : "";
}

bool
policy_insecure_debug(const struct policy *policy)
{
	return policy->insecure_debug;
}

int64_t
policy_set_expires_ms(const struct policy *policy, size_t set)
{
	/* A set that is not there never counts. */
	return set < policy->count ? policy->sets[set].expires_ms : INT64_MIN;
}

static bool
same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool
identity_equal(const struct pcr_set *a, const struct pcr_set *b)
{
	return a->image_id_given == b->image_id_given &&
	       !memcmp(a->image_id, b->image_id, sizeof(a->image_id)) &&
	       same_text(a->module_id, b->module_id) &&
	       same_text(a->instance_id, b->instance_id);
}

static bool
set_equal(const struct pcr_set *a, const struct pcr_set *b)
{
	return a->count == b->count && a->expires_ms == b->expires_ms &&
	       !strcmp(a->label, b->label) && identity_equal(a, b) &&
	       !memcmp(a->values, b->values, a->count * sizeof(*a->values));
}

bool
policy_equal(const struct policy *a, const struct policy *b)
{
	if (a->count != b->count || a->insecure_debug != b->insecure_debug)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!set_equal(&a->sets[i], &b->sets[i]))
			return false;
	return true;
}

void
set_name(
    const struct policy *policy, size_t set, char ret_name[SET_NAME_MAX_BYTES])
{
	struct text name;

	text_init(&name, ret_name, SET_NAME_MAX_BYTES);
	text_append(&name, "set %zu of %zu", set + 1, policy->count);
	if (!*policy->sets[set].label)
		return;
	text_append(&name, " \"");
	text_append_escaped(&name, policy->sets[set].label);
	text_append(&name, "\"");
}

/*
 * PCR0, 1 and 2 measure the image, PCR8 who signed it (AWS, "Cryptographic
 * attestation").  Zero in the first three is debug mode, which has a switch of
 * its own; zero in PCR8 is that of every image without a signature.
 */
static bool
names_code(const struct pcr_set *set)
{
	if (set->image_id_given)
		return true;
	for (size_t i = 0; i < set->count; i++) {
		const struct pcr_value *value = &set->values[i];

		if (value->index <= 2)
			return true;
		if (value->index == 8 &&
		    !bytes_zero(
			(struct bytes){value->bytes, sizeof(value->bytes)}))
			return true;
	}
	return false;
}

bool
policy_without_code(
    const struct policy *policy, struct enclave_client_error *ret_about)
{
	char name[SET_NAME_MAX_BYTES];

	for (size_t i = 0; i < policy->count; i++) {
		if (names_code(&policy->sets[i]))
			continue;
		set_name(policy, i, name);
		error_set(ret_about, ENCLAVE_CLIENT_OK,
		    ENCLAVE_CLIENT_STEP_POLICY,
		    "%s names no code (PCR0, 1, 2, 8 or image_id), so any "
		    "image that its operator starts passes",
		    name);
		return true;
	}
	return false;
}

bool
set_expired(const struct pcr_set *set, int64_t now_ms)
{
	return now_ms >= set->expires_ms && set->expires_ms != INT64_MAX;
}

bool
pcr_value_matches(const struct pcr_value *value, const struct claims *claims)
{
	struct bytes shown;

	/* Absent never matches (CVE-2025-64186). */
	return claims_pcr(claims, value->index, &shown) &&
	       shown.len == sizeof(value->bytes) &&
	       !CRYPTO_memcmp(shown.data, value->bytes, shown.len);
}

bool
set_registers_match(const struct pcr_set *set, const struct claims *claims)
{
	bool matches = true;

	for (size_t i = 0; i < set->count; i++)
		matches &= pcr_value_matches(&set->values[i], claims);
	return matches;
}

bool
image_id_of(const struct claims *claims, uint8_t ret_image_id[IMAGE_ID_BYTES])
{
	/* Bits 0, 1, 2 and 16, big-endian. */
	uint8_t text[4 + 4 * PCR_BYTES] = {0x00, 0x01, 0x00, 0x07};
	static const unsigned int registers[] = {0, 1, 2, 16};

	for (size_t i = 0; i < 4; i++) {
		struct bytes shown;
		if (claims_pcr(claims, registers[i], &shown))
			memcpy(text + 4 + i * PCR_BYTES, shown.data, PCR_BYTES);
		else if (registers[i] != 16)
			return false;
	}
	return SHA256(text, sizeof(text), ret_image_id) != NULL;
}

bool
image_id_matches(const struct pcr_set *set, const struct claims *claims)
{
	uint8_t shown[IMAGE_ID_BYTES];

	return !set->image_id_given ||
	       (image_id_of(claims, shown) &&
		   !CRYPTO_memcmp(shown, set->image_id, sizeof(shown)));
}

/* "i-0123456789abcdef0-enc0123456789abcdef": the instance, then the enclave. */
static bool
instance_matches(const char *instance_id, const char *module_id)
{
	size_t len = strlen(instance_id);

	return !strncmp(module_id, instance_id, len) &&
	       !strncmp(module_id + len, "-enc", 4);
}

bool
module_matches(const struct pcr_set *set, const struct claims *claims)
{
	const char *shown;

	if (!set->module_id && !set->instance_id)
		return true;
	shown = claims_module_id(claims);
	if (!shown)
		return false;
	return (!set->module_id || !strcmp(set->module_id, shown)) &&
	       (!set->instance_id || instance_matches(set->instance_id, shown));
}

bool
set_matches(const struct pcr_set *set, const struct claims *claims)
{
	/* One that names nothing would match everything.  None is read; see
	 * policy_without_code() for those that name something else. */
	if (!set->count && !set->image_id_given)
		return false;
	return set_registers_match(set, claims) &&
	       image_id_matches(set, claims) && module_matches(set, claims);
}

enum enclave_client_status
policy_match(const struct policy *policy, const struct claims *claims,
    int64_t now_ms, size_t *ret_set, struct enclave_client_error *error)
{
	/*
	 * Whoever starts an enclave in debug mode reads its console, and its
	 * PCR0, 1 and 2 are zero (AWS, "Cryptographic attestation").
	 */
	if (claims_debug(claims) && !policy->insecure_debug)
		return policy_refuse_debug(policy, claims, now_ms, error);
	for (size_t i = 0; i < policy->count; i++) {
		if (set_expired(&policy->sets[i], now_ms))
			continue;
		if (!set_matches(&policy->sets[i], claims))
			continue;
		*ret_set = i;
		return ENCLAVE_CLIENT_OK;
	}
	return policy_refuse(policy, claims, now_ms, error);
}
