/*
 * A request on the caller's own multi handle: the same walk as exchange.c, one
 * transfer at a time, with the caller driving.
 */
#include <enclave_client_curl.h>
#include <stdlib.h>

#include "client/attempt.h"
#include "client/lookup.h"
#include "client/response.h"
#include "client/transfer.h"

enum round { ROUND_EVIDENCE, ROUND_REQUEST };

struct enclave_client_transfer {
	struct enclave_client *client;          /* owned reference */
	struct enclave_client_request *request; /* owned reference */
	struct cache_slot *slot;                /* owned reference */
	struct call call; /* never entered: it carries deadline and waker */
	struct learning learning;
	struct attempt attempt; /* its handle is the transfer's */
	struct transfer transfer;
	struct enclave_client_response *response; /* owned */
	struct binding_key refused_key;
	enum round round;
	unsigned int connections; /* made for this request */
	bool ended;
};

/*
 * The caller's pool must never hold a connection that was opened for evidence
 * alone, so it is a new one and closed afterwards; and after a refusal, which
 * on HTTP/2 leaves its connection in the pool, the next one is new as well.
 */
static enum enclave_client_status
use_new_connection(CURL *easy, bool keep, struct enclave_client_error *error)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);

	if (!code && !keep)
		code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	/* Others' transfers would join an HTTP/2 connection meanwhile. */
	if (!code && !keep)
		code = curl_easy_setopt(
		    easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	if (code)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl does not take a fresh connection");
	return ENCLAVE_CLIENT_OK;
}

/*
 * What the caller's multi handle connects lives in the caller's pool: longer
 * than this client, perhaps, and it is his to part with after a fork.
 */
static enum enclave_client_status
leave_sockets(CURL *easy, struct enclave_client_error *error)
{
	if (sockets_do_not_record(easy))
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl does not take its own way with sockets");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
begin_evidence(
    struct enclave_client_transfer *self, struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    attempt_check_limits(&self->learning, error);

	if (!status)
		status = attempt_prepare(&self->attempt, error);
	if (!status)
		status = leave_sockets(self->attempt.handle->easy, error);
	if (!status)
		status = use_new_connection(
		    self->attempt.handle->easy, false, error);
	self->round = ROUND_EVIDENCE;
	return status;
}

static enum enclave_client_status
begin_request(struct enclave_client_transfer *self, bool after_learning,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int64_t left_ms = self->call.until_boot_ms == INT64_MAX
			      ? 0
			      : call_left_ms(&self->call, INT64_MAX) + 1;

	response_reset(self->response);
	status = transfer_prepare(
	    &self->transfer, &self->client->transport, left_ms, error);
	if (!status)
		status = leave_sockets(self->attempt.handle->easy, error);
	if (!status && transfer_watch_sockets(&self->transfer))
		status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl does not ask before it connects");
	if (!status && after_learning)
		status =
		    use_new_connection(self->attempt.handle->easy, true, error);
	self->round = ROUND_REQUEST;
	return status;
}

static enum enclave_client_status
set_up(struct enclave_client_transfer *self, const char *name,
    struct enclave_client_error *error)
{
	struct enclave_client_request *request = self->request;
	enum enclave_client_status status;

	if (request->first_error.status) {
		error_copy(error, &request->first_error);
		return request->first_error.status;
	}
	if (!name && request->target[0] == '/')
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "without an enclave's name the target must be a URL");
	status = name ? lookup_name(self->client, name, &self->slot, error)
		      : lookup_url(
			    self->client, request->target, &self->slot, error);
	if (status)
		return status;
	status = handle_new(
	    &self->client->gate, self->slot, &self->attempt.handle, error);
	if (status)
		return status;
	self->learning = (struct learning){
	    .call = &self->call,
	    .slot = self->slot,
	    .lane = lane_of(self->slot),
	    .request = request,
	};
	if (!self->learning.lane)
		return error_memory(error);
	self->attempt.learning = &self->learning;
	self->attempt.limited = true;
	status = response_new(self->attempt.handle->gate.enclave,
	    request->body_max_bytes, &self->response, error);
	self->transfer.request = request;
	self->transfer.handle = self->attempt.handle;
	self->transfer.response = self->response;
	return status;
}

enum enclave_client_status
enclave_client_prepare(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_transfer **ret_transfer,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct enclave_client_transfer *self;

	if (!client || !request || !ret_transfer)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, a request and a place for the transfer are "
		    "needed");
	self = calloc(1, sizeof(*self));
	if (!self)
		return error_memory(error);
	status = client_enter(client, error);
	if (status) {
		free(self);
		return status;
	}
	waker_adopt(request->waker);
	client_ref(client);
	self->client = client;
	self->request = request_ref(request);
	self->call = (struct call){
	    .client = client,
	    .waker = request->waker,
	    .until_boot_ms = call_deadline(client, request->timeout_ms),
	};
	status = call_check(&self->call, error);
	if (!status)
		status = set_up(self, name, error);
	if (!status)
		status = !attempt_possible(self->slot) ||
				 cache_live_keys(self->slot,
				     clock_now(client->clock), NULL, NULL)
			     ? begin_request(self, false, error)
			     : begin_evidence(self, error);
	if (status) {
		enclave_client_transfer_free(self);
		/* Freed just now; the analyser loses it among its references:
		 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		return status;
	}
	*ret_transfer = self;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

CURL *
enclave_client_transfer_handle(struct enclave_client_transfer *transfer)
{
	return transfer ? transfer->attempt.handle->easy : NULL;
}

/* The key was refused before anything of an answer came. */
static bool
may_learn(struct enclave_client_transfer *self)
{
	CURL *easy = self->attempt.handle->easy;
	long redirects = 0;

	if (!self->attempt.handle->gate.key_refused ||
	    !enclave_fetches(self->attempt.handle->gate.enclave) ||
	    self->response->header_text.len > 0 ||
	    /* One for the evidence, which is not kept, and one after it. */
	    self->connections + 2 > LEARNING_CONNECTIONS_MAX)
		return false;
	(void)curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &redirects);
	return redirects == 0 && transfer_rewind(&self->transfer);
}

static enum enclave_client_status
end_evidence(struct enclave_client_transfer *self, CURLcode code,
    struct enclave_client_error *error)
{
	struct enclave_client_error reason = {0};
	enum enclave_client_status status =
	    attempt_judge(&self->attempt, code, &reason);

	if (!status) {
		appraisal_clear(&self->attempt.appraisal);
		return begin_request(self, true, error);
	}
	if (!call_check(&self->call, NULL))
		attempt_failed(&self->attempt, &reason);
	cache_mark_wanted(self->client->cache, self->slot);
	error_copy(error, &reason);
	return status;
}

static enum enclave_client_status
end_request(struct enclave_client_transfer *self, CURLcode code,
    bool *ret_again, struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct handle *handle = self->attempt.handle;
	enum enclave_client_status status;

	if (code && may_learn(self)) {
		self->refused_key = handle->gate.key;
		self->learning.refused_key = &self->refused_key;
		*ret_again = true;
		return begin_evidence(self, error);
	}
	if (code)
		return transfer_failure(&self->transfer, code, error);
	/* An answer that the second half did not let through is nobody's. */
	if (!handle->gate.ran || !handle->gate.hit.claims)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl answered without asking the gate");
	status = response_fill(
	    self->response, handle, self->client->insecure, error);
	if (status)
		return status;
	self->response->done = true;
	*ret_response = self->response;
	self->response = NULL;
	return ENCLAVE_CLIENT_OK;
}

static void
count_connections(struct enclave_client_transfer *self)
{
	long connects = 0;

	(void)curl_easy_getinfo(
	    self->attempt.handle->easy, CURLINFO_NUM_CONNECTS, &connects);
	self->connections += (unsigned int)connects;
}

static enum enclave_client_status
enter(struct enclave_client_transfer *self, struct enclave_client_error *error)
{
	enum enclave_client_status status = client_enter(self->client, error);

	if (!status && handle_inherited(self->attempt.handle))
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the transfer was prepared before this process was "
		    "forked");
	return status;
}

enum enclave_client_status
enclave_client_transfer_done(struct enclave_client_transfer *transfer,
    CURLcode code, bool *ret_again,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	bool again = false;

	if (!transfer || !ret_again || !ret_response || transfer->ended)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the transfer has ended, or a place for its result is "
		    "missing");
	status = enter(transfer, error);
	if (status)
		return status;
	count_connections(transfer);
	status = call_check(&transfer->call, error);
	if (!status && transfer->round == ROUND_EVIDENCE) {
		status = end_evidence(transfer, code, error);
		again = !status;
	} else if (!status) {
		status =
		    end_request(transfer, code, &again, ret_response, error);
	}
	transfer->ended = status || !again;
	if (status) {
		error_set_enclave(
		    error, transfer->attempt.handle->gate.enclave->name);
		return status;
	}
	*ret_again = again;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

void
enclave_client_transfer_free(struct enclave_client_transfer *transfer)
{
	if (!transfer || !client_enter_to_end(transfer->client))
		return;
	attempt_clear(&transfer->attempt);
	transfer_clear(&transfer->transfer);
	enclave_client_response_free(transfer->response);
	cache_slot_unref(transfer->slot);
	enclave_client_request_free(transfer->request);
	client_unref(transfer->client);
	free(transfer);
}
