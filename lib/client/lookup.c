#include "client/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "client/document.h"

enum enclave_client_status
lookup_name(struct enclave_client *client, const char *name,
    struct cache_slot **ret_slot, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot;

	if (!client || !name)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client and an enclave's name are needed");
	status = client_enter(client, error);
	if (status)
		return status;
	slot = cache_find(client->cache, name);
	if (!slot)
		return error_set(error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "no enclave is configured under the name \"%s\"", name);
	*ret_slot = slot;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
lookup_url(struct enclave_client *client, const char *url,
    struct cache_slot **ret_slot, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct origin origin = {0};
	struct cache_slot *slot;
	char *written;

	status = client_enter(client, error);
	if (!status)
		status = origin_from_url(url, &origin, error);
	if (status)
		return status;
	slot = cache_find_origin(client->cache, &origin);
	written = origin_string(&origin);
	origin_clear(&origin);
	if (!slot)
		status = error_set(error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "no accepted PCR set is configured for %s; nothing was "
		    "sent",
		    written ? written : "this origin");
	else
		*ret_slot = slot;
	free(written);
	return status;
}

struct enclave_client_document *
lookup_document(struct enclave_client *client, struct cache_slot *slot,
    const struct cache_hit *hit)
{
	struct enclave_client_document *document;
	struct enclave *enclave = cache_slot_enclave(slot, NULL);
	bool insecure = client->insecure || enclave->insecure;

	document = document_new(hit->claims, hit->policy, hit->set,
	    hit->deadline.wall_ms, insecure);
	enclave_unref(enclave);
	return document;
}

enum enclave_client_status
enclave_client_find(struct enclave_client *client, const char *url,
    char **ret_name, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct enclave *enclave;
	char *name;

	if (!client || !url || !ret_name)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, a URL and a place for the name are needed");
	status = lookup_url(client, url, &slot, error);
	if (status)
		return status;
	enclave = cache_slot_enclave(slot, NULL);
	name = strdup(enclave->name);
	enclave_unref(enclave);
	cache_slot_unref(slot);
	if (!name)
		return error_memory(error);
	*ret_name = name;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_evidence_url(struct enclave_client *client, const char *name,
    char **ret_url, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct enclave *enclave;
	char *url;

	if (!ret_url)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "a place for the URL is needed");
	status = lookup_name(client, name, &slot, error);
	if (status)
		return status;
	enclave = cache_slot_enclave(slot, NULL);
	url = strdup(enclave->evidence_url);
	enclave_unref(enclave);
	cache_slot_unref(slot);
	if (!url)
		return error_memory(error);
	*ret_url = url;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}
