#include "policy/policy.h"

#include <openssl/crypto.h>
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
set_equal(const struct pcr_set *a, const struct pcr_set *b)
{
	return a->count == b->count && a->expires_ms == b->expires_ms &&
	       !strcmp(a->label, b->label) &&
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
set_matches(const struct pcr_set *set, const struct claims *claims)
{
	bool matches = set->count > 0;

	for (size_t i = 0; i < set->count; i++)
		matches &= pcr_value_matches(&set->values[i], claims);
	return matches;
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
		return error_set(error, ENCLAVE_CLIENT_ERR_DEBUG,
		    ENCLAVE_CLIENT_STEP_POLICY,
		    "the enclave runs in debug mode (PCR0, PCR1 and PCR2 are "
		    "all zero): its host can read what it is sent; only "
		    "insecure_allow_debug accepts it");
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
