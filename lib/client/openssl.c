/* enclave_client_openssl.h: TLS objects that callers own. */
#include <enclave_client_openssl.h>
#include <stdlib.h>

#include "client/lookup.h"

/* What hangs on the caller's object, and keeps the client's memory alive. */
struct owned_attachment {
	struct enclave_client *client; /* owned reference */
	struct gate_attachment gate;
};

static void
release(void *context)
{
	struct owned_attachment *owned = context;

	if (!client_enter_to_end(owned->client))
		return;
	gate_attachment_clear(&owned->gate);
	client_unref(owned->client);
	free(owned);
}

static enum enclave_client_status
make_attachment(struct enclave_client *client, const char *name,
    struct gate_owned *ret_owned, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct owned_attachment *owned;

	status = lookup_name(client, name, &slot, error);
	if (status)
		return status;
	owned = calloc(1, sizeof(*owned));
	if (!owned) {
		cache_slot_unref(slot);
		return error_memory(error);
	}
	status = gate_attachment_init(&owned->gate, &client->gate, slot, error);
	cache_slot_unref(slot);
	if (status) {
		free(owned);
		return status;
	}
	owned->gate.kind = GATE_OPENSSL;
	owned->client = client;
	client_ref(client);
	*ret_owned = (struct gate_owned){
	    .attachment = &owned->gate,
	    .release = release,
	    .context = owned,
	};
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_ssl_ctx_attach(struct enclave_client *client, const char *name,
    SSL_CTX *ssl_ctx, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct gate_owned owned;

	if (!ssl_ctx)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "an SSL_CTX is needed");
	status = make_attachment(client, name, &owned, error);
	if (!status)
		status = gate_attach_ssl_ctx(&owned, ssl_ctx, error);
	if (!status)
		error_clear(error);
	return status;
}

static enum enclave_client_status
check_carries(
    const struct gate_owned *owned, struct enclave_client_error *error)
{
	const struct enclave *enclave = owned->attachment->enclave;

	if (!enclave_fetches(enclave))
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "a server judges what its clients' certificates carry, and "
	    "evidence of the profile \"%s\" is fetched",
	    enclave->profile->name);
}

enum enclave_client_status
enclave_client_ssl_ctx_attach_server(struct enclave_client *client,
    const char *name, SSL_CTX *ssl_ctx, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct gate_owned owned;

	if (!ssl_ctx)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "an SSL_CTX is needed");
	status = make_attachment(client, name, &owned, error);
	if (status)
		return status;
	status = check_carries(&owned, error);
	if (status) {
		owned.release(owned.context);
		return status;
	}
	owned.attachment->kind = GATE_SERVER;
	status = gate_attach_server(&owned, ssl_ctx, error);
	if (!status)
		error_clear(error);
	return status;
}

enum enclave_client_status
enclave_client_ssl_attach(struct enclave_client *client, const char *name,
    SSL *ssl, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct gate_owned owned;

	if (!ssl)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "an SSL is needed");
	status = make_attachment(client, name, &owned, error);
	if (!status)
		status = gate_attach_ssl(&owned, ssl, error);
	if (!status)
		error_clear(error);
	return status;
}

enum enclave_client_status
enclave_client_ssl_check(struct enclave_client *client, SSL *ssl,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_hit hit = {0};

	if (!client || !ssl)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "a client and an SSL are needed");
	status = client_enter(client, error);
	if (status)
		return status;
	status = gate_check_ssl(&client->gate, ssl, &hit, error);
	if (status)
		return status;
	if (ret_document) {
		struct enclave_client_document *document =
		    lookup_document(client, gate_ssl_slot(ssl), &hit);
		if (document)
			*ret_document = document;
		else
			status = error_memory(error);
	}
	cache_hit_clear(&hit);
	if (!status)
		error_clear(error);
	return status;
}
