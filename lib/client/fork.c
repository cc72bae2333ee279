/*
 * A forked child's client (DESIGN section 8).  Noticed at each entry before
 * any lock; no pthread_atfork, which would run in children that only exec.
 *
 * What the child keeps is the evidence.  Handles, multi handles and the poll
 * thread are the parent's: they are abandoned as they lie, never cleaned up,
 * because that would write to the parent's connections or wake its threads.
 * Only the child's copies of their descriptors are closed.
 */
#include "base/id.h"
#include "client/client.h"
#include "client/lane.h"
#include "tls/trust_store.h"

/* What OpenSSL locks inside, made anew: its locks may be held for ever. */
struct renewed {
	struct evidence_roots *roots;
	struct chain_memory *memory;
	struct leaf_memory *leaves;
	struct trust_store *trust;
	struct sockets *sockets;
};

static enum enclave_client_status
make_renewed(const struct enclave_client *client, struct renewed *renewed,
    struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    evidence_roots_new_copy(client->roots, &renewed->roots, error);

	if (!status)
		status = trust_store_new(client->ca_file, client->ca_directory,
		    &renewed->trust, error);
	if (status)
		return status;
	renewed->memory = chain_memory_new();
	renewed->leaves = leaf_memory_new();
	renewed->sockets = sockets_new();
	if (!renewed->memory || !renewed->leaves || !renewed->sockets)
		return error_memory(error);
	return ENCLAVE_CLIENT_OK;
}

static void
clear_renewed(struct renewed *renewed)
{
	evidence_roots_unref(renewed->roots);
	chain_memory_free(renewed->memory);
	leaf_memory_free(renewed->leaves);
	trust_store_free(renewed->trust);
	sockets_free(renewed->sockets);
}

static void *
make_no_lane(struct cache_slot *slot, void *context)
{
	(void)slot, (void)context;
	return NULL;
}

static void
renew_lanes(struct enclave_client *client)
{
	struct cache_slot *slot;

	for (size_t i = 0; (slot = cache_slot_at(client->cache, i)); i++) {
		struct lane *lane =
		    cache_slot_attached(slot, make_no_lane, NULL, NULL);
		if (lane)
			lane_after_fork(lane);
		cache_slot_unref(slot);
	}
}

/* No other thread of this process is in the client yet. */
static enum enclave_client_status
adopt(struct enclave_client *client, struct enclave_client_error *error)
{
	struct renewed renewed = {0};
	enum enclave_client_status status =
	    make_renewed(client, &renewed, error);

	if (!status)
		status = cache_after_fork(client->cache, error);
	if (status) {
		clear_renewed(&renewed);
		return status;
	}
	sockets_close_inherited(client->transport.sockets);
	(void)pthread_mutex_init(&client->mutex, NULL);
	(void)pthread_cond_init(&client->idle, NULL);
	client->calls = NULL;
	client->poller = NULL;
	/* The former ones stay where they are: what was inherited may still
	 * point to them. */
	client->roots = renewed.roots;
	client->memory = renewed.memory;
	client->leaves = renewed.leaves;
	client->appraiser.roots = renewed.roots;
	client->appraiser.memory = renewed.memory;
	client->appraiser.leaves = renewed.leaves;
	client->gate.trust = renewed.trust;
	client->transport.sockets = renewed.sockets;
	/* No verdict on an inherited connection is this client's any more. */
	client->gate.client_id = id_next();
	renew_lanes(client);
	return ENCLAVE_CLIENT_OK;
}

/* The child's own poll thread, where the parent had or was to have one. */
static enum enclave_client_status
poll_too(struct enclave_client *client, struct enclave_client_error *error)
{
	if (!client->polling || atomic_load(&client->stopped))
		return ENCLAVE_CLIENT_OK;
	return client_start_polling(client, error);
}

static enum enclave_client_status
enter(struct enclave_client *client, enum fork_share wanted,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	enum fork_share has;

	if (!fork_mark_claim(&client->fork_mark, wanted, &has))
		return ENCLAVE_CLIENT_OK;
	if (has == FORK_SHARE_NONE) {
		status = adopt(client, error);
		if (!status)
			has = FORK_SHARE_PART;
	}
	if (!status && wanted == FORK_SHARE_WHOLE) {
		status = poll_too(client, error);
		if (!status)
			has = FORK_SHARE_WHOLE;
	}
	fork_mark_adopted(&client->fork_mark, has);
	return status;
}

enum enclave_client_status
client_enter(struct enclave_client *client, struct enclave_client_error *error)
{
	return enter(client, FORK_SHARE_WHOLE, error);
}

/* An exec or an end of the child is not worth a poll thread. */
bool
client_enter_to_end(struct enclave_client *client)
{
	return enter(client, FORK_SHARE_PART, NULL) == ENCLAVE_CLIENT_OK;
}

bool
client_enter_gate(void *context)
{
	return client_enter(context, NULL) == ENCLAVE_CLIENT_OK;
}
