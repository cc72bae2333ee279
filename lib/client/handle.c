#include "client/handle.h"

#include <stdlib.h>

#include "client/document.h"
#include "tls/transport.h"

enum enclave_client_status
handle_new(const struct gate *gate, struct cache_slot *slot,
    struct handle **ret_handle, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return error_memory(error);
	handle->client_id = gate->client_id;
	status = gate_attachment_init(&handle->gate, gate, slot, error);
	if (status)
		goto fail;
	handle->easy = curl_easy_init();
	handle->multi = curl_multi_init();
	if (!handle->easy || !handle->multi) {
		status = error_memory(error);
		goto fail;
	}
	*ret_handle = handle;
	return ENCLAVE_CLIENT_OK;
fail:
	handle_free(handle);
	return status;
}

bool
handle_inherited(const struct handle *handle)
{
	return handle->gate.gate &&
	       handle->client_id != handle->gate.gate->client_id;
}

void
handle_free(struct handle *handle)
{
	if (!handle || handle_inherited(handle))
		return;
	handle_finish(handle);
	transport_free(handle->easy);
	(void)curl_multi_cleanup(handle->multi);
	/* Last: closing connections may still reach the attachment. */
	gate_attachment_clear(&handle->gate);
	enclave_client_document_free(handle->document);
	free(handle);
}

enum enclave_client_status
handle_start(struct handle *handle, struct enclave_client_error *error)
{
	CURLMcode code = curl_multi_add_handle(handle->multi, handle->easy);

	if (code)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE, "libcurl: %s",
		    curl_multi_strerror(code));
	handle->added = true;
	return ENCLAVE_CLIENT_OK;
}

void
handle_finish(struct handle *handle)
{
	if (!handle->added)
		return;
	(void)curl_multi_remove_handle(handle->multi, handle->easy);
	/* Cookies are the request's; the handle goes on to serve others. */
	(void)curl_easy_setopt(handle->easy, CURLOPT_SHARE, NULL);
	handle->added = false;
}
