/* For TLS stacks that the library does not hook into: a leaf certificate in,
 * a verdict out; and evidence that the caller fetched by himself. */
#include "client/lookup.h"

/* The key of the leaf under the enclave's rule; a refusal names the enclave. */
static enum enclave_client_status
read_leaf(const struct enclave_client *client, struct cache_slot *slot,
    struct enclave_client_bytes leaf, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct enclave *enclave = cache_slot_enclave(slot, NULL);

	status = appraisal_leaf_key(&client->appraiser, enclave,
	    (struct bytes){leaf.data, leaf.len}, ret_key, error);
	if (status)
		error_set_enclave(error, enclave->name);
	enclave_unref(enclave);
	return status;
}

static enum enclave_client_status
judge(struct enclave_client *client, struct cache_slot *slot,
    const struct binding_key *key,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_hit hit = {0};

	status = cache_judge(slot, key, clock_now(client->clock), &hit, error);
	if (status) {
		cache_mark_wanted(client->cache, slot);
		return status;
	}
	if (ret_document) {
		struct enclave_client_document *document =
		    lookup_document(client, slot, &hit);
		if (document)
			*ret_document = document;
		else
			status = error_memory(error);
	}
	cache_hit_clear(&hit);
	return status;
}

static enum enclave_client_status
check_running(
    const struct enclave_client *client, struct enclave_client_error *error)
{
	if (!atomic_load(&client->stopped))
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_CANCELLED,
	    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
}

enum enclave_client_status
enclave_client_check_certificate(struct enclave_client *client,
    const char *name, struct enclave_client_bytes leaf,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct binding_key key;

	status = lookup_name(client, name, &slot, error);
	if (status)
		return status;
	status = check_running(client, error);
	if (!status)
		status = read_leaf(client, slot, leaf, &key, error);
	if (!status)
		status = judge(client, slot, &key, ret_document, error);
	cache_slot_unref(slot);
	if (!status)
		error_clear(error);
	return status;
}

static enum enclave_client_status
publish(struct enclave_client *client, struct cache_slot *slot,
    struct enclave_client_bytes body, struct enclave_client_error *error)
{
	uint64_t policy_generation = 0;
	struct enclave *enclave = cache_slot_enclave(slot, &policy_generation);
	struct appraisal appraisal = {0};
	struct enclave_client_error reason = {0};
	enum enclave_client_status status;

	status = appraise(&client->appraiser, enclave,
	    (struct answer){.body = {body.data, body.len}}, &appraisal,
	    &reason);
	if (status)
		error_set_enclave(&reason, enclave->name);
	/* The cache keeps the reason, wanted or not. */
	status = cache_publish(
	    client->cache, slot, policy_generation, &appraisal, &reason);
	error_copy(error, &reason);
	/* What is offered is not kept; what it withdraws must not come back. */
	if (status)
		store_withdraw(client->store, enclave, &appraisal,
		    (struct bytes){body.data, body.len});
	appraisal_clear(&appraisal);
	enclave_unref(enclave);
	return status;
}

enum enclave_client_status
enclave_client_evidence_offer(struct enclave_client *client, const char *name,
    const struct enclave_client_offer *offer,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct binding_key key;

	if (!offer || !offer->body.data)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "no evidence is offered");
	status = lookup_name(client, name, &slot, error);
	if (status)
		return status;
	status = check_running(client, error);
	if (!status)
		status = read_leaf(client, slot, offer->leaf, &key, error);
	if (!status)
		status = publish(client, slot, offer->body, error);
	if (!status)
		status = judge(client, slot, &key, ret_document, error);
	cache_slot_unref(slot);
	if (!status)
		error_clear(error);
	return status;
}
