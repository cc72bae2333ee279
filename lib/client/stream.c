/* enclave_client_response_read(): the rest of an answer, pulled. */
#include <string.h>

#include "client/response.h"
#include "client/transfer.h"

/* The transfer has ended: the handle may serve again, or never. */
static void
end_stream(struct enclave_client_response *response)
{
	struct lane *lane = lane_of(response->slot);

	if (handle_inherited(response->handle)) {
		response->handle = NULL;
		return;
	}
	response_refresh_info(response);
	handle_finish(response->handle);
	if (lane && !response->failure->status)
		lane_put(lane, response->handle);
	else
		handle_free(response->handle);
	response->handle = NULL;
}

static enum enclave_client_status
pull(struct enclave_client_response *response, struct call *call)
{
	struct drive drive = {.until = &response->body_ready};
	struct enclave_client_error *failure = response->failure;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	response->body_ready = false;
	if (response->paused) {
		CURLcode code;
		response->paused = false;
		/* Gives what it held back, through take_body, at once. */
		code = curl_easy_pause(response->handle->easy, CURLPAUSE_CONT);
		if (code)
			return transfer_failure(
			    response->transfer, code, failure);
	}
	if (!response->body_ready)
		status = call_drive(call, response->handle, &drive, failure);
	if (status)
		return status;
	response->done = drive.done;
	if (drive.done && drive.code)
		return transfer_failure(
		    response->transfer, drive.code, failure);
	return ENCLAVE_CLIENT_OK;
}

/* Two processes can't read from one connection. */
static enum enclave_client_status
refuse_inherited(struct enclave_client_response *response)
{
	return error_set(response->failure, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "the response was opened before this process was forked");
}

/* Bytes in the buffer, or the end; the failure stays for later reads. */
static enum enclave_client_status
fill(struct enclave_client_response *response)
{
	enum enclave_client_status status;
	struct call call;

	response->body.len = 0;
	response->body_read = 0;
	if (response->done)
		return ENCLAVE_CLIENT_OK;
	status = call_enter(&call, response->client, response->request->waker,
	    response->until_boot_ms, response->failure);
	if (!status) {
		status = handle_inherited(response->handle)
			     ? refuse_inherited(response)
			     : pull(response, &call);
		call_leave(&call);
	}
	if (status || response->done) {
		response->done = true;
		error_set_enclave(response->failure, response->enclave->name);
		end_stream(response);
	}
	return status;
}

enum enclave_client_status
enclave_client_response_read(struct enclave_client_response *response,
    void *buffer, size_t size, size_t *ret_len,
    struct enclave_client_error *error)
{
	size_t left;

	if (!response || !response->streaming || !ret_len ||
	    (!buffer && size > 0))
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "reading needs a response from enclave_client_open");
	if (!response->failure->status &&
	    response->body_read == response->body.len)
		(void)fill(response);
	left = response->body.len - response->body_read;
	/* What came before the failure is given first. */
	if (response->failure->status && left == 0) {
		error_copy(error, response->failure);
		return response->failure->status;
	}
	if (left > size)
		left = size;
	if (left)
		memcpy(buffer, response->body.data + response->body_read, left);
	response->body_read += left;
	*ret_len = left;
	error_reset(error);
	return ENCLAVE_CLIENT_OK;
}
