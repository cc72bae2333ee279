/* A blocking call: entering, leaving, driving a transfer until it ends. */
#include "client/client.h"
#include "client/handle.h"

#define DRIVE_SLICE_MS 1000

enum enclave_client_status
call_enter(struct call *call, struct enclave_client *client,
    struct waker *waker, int64_t until_boot_ms,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	*call = (struct call){
	    .client = client,
	    .waker = waker,
	    .until_boot_ms = until_boot_ms,
	};
	status = client_enter(client, error);
	if (status)
		return status;
	waker_adopt(waker, fork_mark_pid(&client->fork_mark));
	(void)pthread_mutex_lock(&client->mutex);
	call->next = client->calls;
	if (call->next)
		call->next->previous = call;
	client->calls = call;
	(void)pthread_mutex_unlock(&client->mutex);
	status = call_check(call, error);
	if (status)
		call_leave(call);
	return status;
}

int64_t
call_moment_after(const struct enclave_client *client, int64_t delay_ms)
{
	int64_t boot_ms = client->clock->boot_ms(client->clock->context);

	/* INT64_MAX as a timeout is a caller's "for ever". */
	return delay_ms < INT64_MAX - boot_ms ? boot_ms + delay_ms : INT64_MAX;
}

int64_t
call_deadline(const struct enclave_client *client, int64_t timeout_ms)
{
	return timeout_ms ? call_moment_after(client, timeout_ms) : INT64_MAX;
}

void
call_leave(struct call *call)
{
	struct enclave_client *client = call->client;

	(void)pthread_mutex_lock(&client->mutex);
	if (call->previous)
		call->previous->next = call->next;
	else
		client->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	if (!client->calls)
		(void)pthread_cond_broadcast(&client->idle);
	(void)pthread_mutex_unlock(&client->mutex);
}

/* *ret_left_ms: at most max_ms, and above 0 where the call goes on. */
static enum enclave_client_status
check(const struct call *call, int64_t max_ms, int64_t *ret_left_ms,
    struct enclave_client_error *error)
{
	const struct enclave_client *client = call->client;

	if (atomic_load(&client->stopped))
		return error_set(error, ENCLAVE_CLIENT_ERR_CANCELLED,
		    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
	if (atomic_load(&call->waker->cancelled))
		return error_set(error, ENCLAVE_CLIENT_ERR_CANCELLED,
		    ENCLAVE_CLIENT_STEP_NONE, "the request was cancelled");
	*ret_left_ms = call_left_ms(call, max_ms);
	if (!*ret_left_ms)
		return error_set(error, ENCLAVE_CLIENT_ERR_TIMEOUT,
		    ENCLAVE_CLIENT_STEP_NONE, "the call's deadline has passed");
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
call_check(const struct call *call, struct enclave_client_error *error)
{
	int64_t left_ms;

	return check(call, INT64_MAX, &left_ms, error);
}

int64_t
call_left_ms(const struct call *call, int64_t max_ms)
{
	const struct clock_source *clock = call->client->clock;
	int64_t left_ms;

	if (call->until_boot_ms == INT64_MAX)
		return max_ms;
	left_ms = call->until_boot_ms - clock->boot_ms(clock->context);
	if (left_ms < 0)
		return 0;
	return left_ms < max_ms ? left_ms : max_ms;
}

static bool
transfer_ended(CURLM *multi, CURLcode *ret_code)
{
	int left = 0;
	CURLMsg *message = curl_multi_info_read(multi, &left);

	if (!message || message->msg != CURLMSG_DONE)
		return false;
	*ret_code = message->data.result;
	return true;
}

static enum enclave_client_status
multi_failed(CURLMcode code, struct enclave_client_error *error)
{
	if (code == CURLM_OUT_OF_MEMORY)
		return error_memory(error);
	return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_NONE, "libcurl: %s", curl_multi_strerror(code));
}

enum enclave_client_status
call_drive(struct call *call, struct handle *handle, struct drive *drive,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	waker_set(call->waker, handle->multi, NULL);
	while (!status) {
		int64_t left_ms = 0;
		int running = 0;
		CURLMcode code = curl_multi_perform(handle->multi, &running);
		if (code) {
			status = multi_failed(code, error);
			break;
		}
		drive->done = transfer_ended(handle->multi, &drive->code);
		if (drive->done || (drive->until && *drive->until))
			break;
		status = check(call, DRIVE_SLICE_MS, &left_ms, error);
		if (status)
			break;
		code =
		    curl_multi_poll(handle->multi, NULL, 0, (int)left_ms, NULL);
		if (code)
			status = multi_failed(code, error);
	}
	waker_set(call->waker, NULL, NULL);
	return status;
}
