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
#include "client/walk.h"

struct enclave_client_transfer {
	struct enclave_client *client;          /* owned reference */
	struct enclave_client_request *request; /* owned reference */
	struct url_kept url;                    /* others may run beside it */
	struct cache_slot *slot;                /* owned reference */
	struct call call; /* never entered: it carries deadline and waker */
	struct learning learning;
	struct attempt attempt; /* its handle is the transfer's */
	struct transfer transfer;
	struct enclave_client_response *response; /* owned */
	struct binding_key refused_key;
	struct walk walk;
	bool connected; /* the last round made a connection */
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
	return status;
}

static enum enclave_client_status
begin_request(
    struct enclave_client_transfer *self, struct enclave_client_error *error)
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
	if (!status && transfer_watch_sockets(self->attempt.handle))
		status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl does not ask before it connects");
	/* Not the first round. */
	if (!status && self->walk.connections > 0)
		status =
		    use_new_connection(self->attempt.handle->easy, true, error);
	return status;
}

/*
 * The handle made ready for what the walk has come to (walk.h).  What the
 * caller knows it by stays with it.
 */
static enum enclave_client_status
begin(struct enclave_client_transfer *self, struct enclave_client_error *error)
{
	CURL *easy = self->attempt.handle->easy;
	enum enclave_client_status status;
	char *callers = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &callers);
	status = self->walk.state == WALK_LEARNING ? begin_evidence(self, error)
						   : begin_request(self, error);
	if (!status && curl_easy_setopt(easy, CURLOPT_PRIVATE, callers))
		status = error_memory(error);
	return status;
}

static enum walk_event
look_for_key(const struct enclave_client_transfer *self)
{
	return attempt_possible(self->slot) &&
		       !cache_live_keys(self->slot,
			   clock_now(self->client->clock), NULL, NULL)
		   ? WALK_EVENT_NO_LIVE_KEY
		   : WALK_EVENT_LIVE_KEY;
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
	    request->body_max_bytes, false, &self->response, error);
	self->transfer.request = request;
	self->transfer.url = &self->url;
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
	waker_adopt(request->waker, fork_mark_pid(&client->fork_mark));
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
	if (!status) {
		walk_init(&self->walk);
		(void)walk_step(&self->walk, look_for_key(self));
		status = begin(self, error);
	}
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

static enum enclave_client_status
judge_evidence(struct enclave_client_transfer *self, CURLcode code,
    struct enclave_client_error *error)
{
	struct enclave_client_error reason = {0};
	enum enclave_client_status status =
	    attempt_judge(&self->attempt, code, &reason);

	if (!status) {
		appraisal_clear(&self->attempt.appraisal);
		return ENCLAVE_CLIENT_OK;
	}
	if (!call_check(&self->call, NULL))
		attempt_failed(&self->attempt, &reason);
	cache_mark_wanted(self->client->cache, self->slot);
	error_copy(error, &reason);
	return status;
}

static enum enclave_client_status
judge_request(struct enclave_client_transfer *self, CURLcode code,
    struct enclave_client_error *error)
{
	struct handle *handle = self->attempt.handle;

	if (code)
		return transfer_failure(&self->transfer, code, error);
	/* An answer that the second half did not let through is nobody's. */
	if (!handle->gate.ran || !handle->gate.hit.claims)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl answered without asking the gate");
	return response_fill(
	    self->response, handle, self->client->insecure, error);
}

/* What the round that ended is to the walk; the status is its own. */
static enum walk_event
judge_round(struct enclave_client_transfer *self, CURLcode code,
    enum enclave_client_status *ret_status, struct enclave_client_error *error)
{
	if (self->walk.state == WALK_LEARNING) {
		*ret_status = judge_evidence(self, code, error);
		/* Its connection was not kept: see use_new_connection(). */
		return *ret_status ? WALK_EVENT_FAILED : WALK_EVENT_LEARNED;
	}
	*ret_status = judge_request(self, code, error);
	if (!*ret_status)
		return WALK_EVENT_ANSWERED;
	if (!self->attempt.handle->gate.key_refused)
		return WALK_EVENT_FAILED;
	return self->connected ? WALK_EVENT_KEY_UNKNOWN : WALK_EVENT_KEY_GONE;
}

/* Nothing of an answer came, and the body can start again. */
static enum walk_event
weigh_repeating(struct enclave_client_transfer *self)
{
	const struct handle *handle = self->attempt.handle;
	long redirects = 0;

	self->refused_key = handle->gate.key;
	self->learning.refused_key = &self->refused_key;
	if (!enclave_fetches(handle->gate.enclave) ||
	    self->response->header_text.len > 0)
		return WALK_EVENT_FAILED;
	(void)curl_easy_getinfo(
	    handle->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	return redirects == 0 && transfer_rewind(&self->transfer)
		   ? WALK_EVENT_AGAIN
		   : WALK_EVENT_FAILED;
}

/* The table in walk.h; *ret_again: the handle is ready for another round. */
static enum enclave_client_status
go_on(struct enclave_client_transfer *self, CURLcode code, bool *ret_again,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_INTERNAL;
	bool again =
	    walk_step(&self->walk, judge_round(self, code, &status, error));

	if (self->walk.state == WALK_REFUSED ||
	    self->walk.state == WALK_WITHDRAWN) {
		again = walk_step(&self->walk, weigh_repeating(self));
		/* What this request can't learn is the poller's to fetch. */
		if (!again)
			cache_mark_wanted(self->client->cache, self->slot);
	}
	if (again)
		status = begin(self, error);
	*ret_again = again && !status;
	return status;
}

static void
count_connections(struct enclave_client_transfer *self)
{
	long connects = 0;

	(void)curl_easy_getinfo(
	    self->attempt.handle->easy, CURLINFO_NUM_CONNECTS, &connects);
	self->walk.connections += (unsigned int)connects;
	self->connected = connects > 0;
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
	if (!status)
		status = go_on(transfer, code, &again, error);
	transfer->ended = !again;
	if (status) {
		error_set_enclave(
		    error, transfer->attempt.handle->gate.enclave->name);
		return status;
	}
	if (!again) {
		transfer->response->done = true;
		*ret_response = transfer->response;
		transfer->response = NULL;
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
	url_kept_clear(&transfer->url);
	enclave_client_response_free(transfer->response);
	cache_slot_unref(transfer->slot);
	enclave_client_request_free(transfer->request);
	client_unref(transfer->client);
	free(transfer);
}
