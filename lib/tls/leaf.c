#include "tls/leaf.h"

#include <openssl/x509.h>

/* Appraised under the configuration of the moment, and published under it.  A
 * refusal is published, and so told, whoever shows what is refused. */
static enum enclave_client_status
appraise_carried(const struct gate *gate, struct cache_slot *slot,
    const struct leaf *shown, struct enclave_client_error *error)
{
	uint64_t policy_generation = 0;
	struct enclave *enclave = cache_slot_enclave(slot, &policy_generation);
	struct appraisal appraisal = {0};
	struct enclave_client_error reason = {0};
	enum enclave_client_status status;
	unsigned char *der = NULL;
	int len;

	len = i2d_X509(shown->certificate, &der);
	if (len <= 0) {
		enclave_unref(enclave);
		return error_memory(error);
	}
	status = appraise_leaf(gate->appraiser, enclave,
	    (struct bytes){der, (size_t)len}, &appraisal, &reason);
	OPENSSL_free(der);
	if (status)
		error_set_enclave(&reason, enclave->name);
	if (status || shown->proved)
		status = cache_publish(
		    gate->cache, slot, policy_generation, &appraisal, &reason);
	error_copy(error, &reason);
	appraisal_clear(&appraisal);
	enclave_unref(enclave);
	return status;
}

static bool
carries_evidence(struct cache_slot *slot)
{
	struct enclave *enclave = cache_slot_enclave(slot, NULL);
	bool carries = enclave->profile->source == PROFILE_CERTIFICATE;

	enclave_unref(enclave);
	return carries;
}

enum enclave_client_status
leaf_judge(const struct gate *gate, struct cache_slot *slot,
    const struct leaf *leaf, struct cache_hit *ret_hit,
    struct enclave_client_error *error)
{
	struct enclave_client_error first;
	enum enclave_client_status status;

	error_clear(&first);
	status = cache_judge(
	    slot, &leaf->key, clock_now(gate->clock), ret_hit, &first);
	if (!status)
		return status;
	/* An enclave that is gone takes no evidence. */
	if (status == ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE ||
	    !carries_evidence(slot) || !leaf->certificate || !gate->appraiser) {
		error_copy(error, &first);
		return status;
	}
	status = appraise_carried(gate, slot, leaf, error);
	if (status || !leaf->proved)
		return status;
	return cache_judge(
	    slot, &leaf->key, clock_now(gate->clock), ret_hit, error);
}
