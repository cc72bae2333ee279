#include "enclave/enclave.h"

#include <stdlib.h>
#include <string.h>

#include "enclave/profile_json.h"

struct enclave *
enclave_ref(struct enclave *enclave)
{
	if (enclave)
		atomic_fetch_add_explicit(
		    &enclave->references, 1, memory_order_relaxed);
	return enclave;
}

void
enclave_unref(struct enclave *enclave)
{
	if (!enclave || atomic_fetch_sub_explicit(
			    &enclave->references, 1, memory_order_acq_rel) != 1)
		return;
	free(enclave->name);
	origin_clear(&enclave->origin);
	free(enclave->url);
	free(enclave->evidence_url);
	policy_unref(enclave->policy);
	profile_free(enclave->own_profile);
	free(enclave);
}

static bool
timing_equal(const struct enclave_timing *a, const struct enclave_timing *b)
{
	return a->poll_interval_ms == b->poll_interval_ms &&
	       a->poll_margin_ms == b->poll_margin_ms &&
	       a->max_age_ms == b->max_age_ms &&
	       a->clock_skew_ms == b->clock_skew_ms &&
	       a->fetch_timeout_ms == b->fetch_timeout_ms &&
	       a->body_max_bytes == b->body_max_bytes;
}

bool
enclave_fetches(const struct enclave *enclave)
{
	return enclave->profile->source == PROFILE_ENDPOINT;
}

bool
enclave_same_judgement(const struct enclave *a, const struct enclave *b)
{
	return origin_equal(&a->origin, &b->origin) &&
	       profile_equal(a->profile, b->profile) &&
	       a->web_pki == b->web_pki;
}

bool
enclave_equal(const struct enclave *a, const struct enclave *b)
{
	return !strcmp(a->name, b->name) && enclave_same_judgement(a, b) &&
	       !strcmp(a->evidence_url, b->evidence_url) &&
	       policy_equal(a->policy, b->policy) &&
	       timing_equal(&a->timing, &b->timing) &&
	       a->cut_on_expiry == b->cut_on_expiry &&
	       a->insecure_keep_withdrawn == b->insecure_keep_withdrawn &&
	       a->insecure == b->insecure;
}
