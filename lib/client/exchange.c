/*
 * A request's way: name -> enclave -> handle -> gate -> wire.  Both verbs run
 * it; enclave_client_open() stops at the headers.
 */
#include <stdlib.h>
#include <strings.h>

#include "client/client.h"
#include "client/document.h"
#include "client/lane.h"
#include "client/learning.h"
#include "client/lookup.h"
#include "client/response.h"
#include "client/transfer.h"
#include "client/walk.h"

/* One run of a verb; confined, on the caller's stack. */
struct exchange {
	struct enclave_client *client;
	struct enclave_client_request *request;
	struct cache_slot *slot; /* owned reference */
	struct lane *lane;
	struct call call;
	struct enclave_client_response *response; /* owned */
	struct transfer own_transfer;             /* but of a stream's */
	struct transfer *transfer;                /* a stream's is owned */
	struct handle *handle;                    /* owned */
	struct walk walk;
	struct binding_key refused_key; /* WALK_LEARNING: when key_refused */
	bool key_refused;
	bool connected;  /* the last try made a connection */
	bool went_round; /* by more than one try, or after learning */
	int64_t started_boot_ms;
	bool streaming;
};

static struct moment
now_of(const struct exchange *exchange)
{
	return clock_now(exchange->client->clock);
}

static void
discard_handle(struct exchange *exchange)
{
	handle_free(exchange->handle);
	exchange->handle = NULL;
}

static enum enclave_client_status
find_slot(struct exchange *exchange, const char *name,
    struct enclave_client_error *error)
{
	const char *target = exchange->request->target;

	if (name)
		return lookup_name(
		    exchange->client, name, &exchange->slot, error);
	if (target[0] == '/')
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "without an enclave's name the target must be a URL");
	return lookup_url(exchange->client, target, &exchange->slot, error);
}

static enum enclave_client_status
prepare(struct exchange *exchange, const char *name,
    struct enclave_client_error *error)
{
	struct enclave_client_request *request = exchange->request;
	enum enclave_client_status status;
	struct enclave *enclave;

	if (request->first_error.status) {
		error_copy(error, &request->first_error);
		return request->first_error.status;
	}
	status = find_slot(exchange, name, error);
	if (status)
		return status;
	exchange->lane = lane_of(exchange->slot);
	exchange->transfer = exchange->streaming
				 ? calloc(1, sizeof(*exchange->transfer))
				 : &exchange->own_transfer;
	if (!exchange->lane || !exchange->transfer)
		return error_memory(error);
	enclave = cache_slot_enclave(exchange->slot, NULL);
	status = response_new(enclave,
	    exchange->streaming ? STREAM_BUFFER_MAX_BYTES
				: request->body_max_bytes,
	    exchange->streaming, &exchange->response, error);
	enclave_unref(enclave);
	if (status)
		return status;
	exchange->transfer->request = request;
	exchange->transfer->url = &request->url;
	exchange->transfer->response = exchange->response;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
learn(struct exchange *exchange, struct enclave_client_error *error)
{
	const struct learning learning = {
	    .call = &exchange->call,
	    .slot = exchange->slot,
	    .lane = exchange->lane,
	    .request = exchange->request,
	    .refused_key =
		exchange->key_refused ? &exchange->refused_key : NULL,
	};
	enum enclave_client_status status;

	exchange->walk.connections++;
	status = learning_run(&learning, &exchange->handle, error);
	/* Evidence was fetched without the client certificate: the request
	 * gets a connection that shows it, judged strictly. */
	if (!status && exchange->client->transport.identity.certificate.data)
		discard_handle(exchange);
	return status;
}

/* What learning bound, or warm from the lane, or new. */
static enum enclave_client_status
take_handle(struct exchange *exchange, struct enclave_client_error *error)
{
	if (exchange->handle)
		return ENCLAVE_CLIENT_OK;
	exchange->handle = lane_take(exchange->lane, exchange->slot);
	if (exchange->handle)
		return ENCLAVE_CLIENT_OK;
	return handle_new(
	    &exchange->client->gate, exchange->slot, &exchange->handle, error);
}

/*
 * The headers are what open() waits for; for the rest of the answer the handle
 * goes on in the response.
 */
static enum enclave_client_status
send_request(struct exchange *exchange, struct enclave_client_error *error)
{
	struct handle *handle = exchange->handle;
	struct enclave_client_response *response = exchange->response;
	struct drive drive = {
	    .until = exchange->streaming ? &response->headers_done : NULL,
	};
	enum enclave_client_status status;
	long connects = 0;

	response_reset(response);
	exchange->transfer->handle = handle;
	exchange->transfer->sockets = exchange->client->transport.sockets;
	exchange->transfer->connections_spent =
	    walk_connections_spent(&exchange->walk);
	/* No timeout of libcurl's: driving ends with the call's deadline. */
	status = transfer_prepare(
	    exchange->transfer, &exchange->client->transport, 0, error);
	if (!status)
		status = handle_start(handle, error);
	if (!status)
		status = call_drive(&exchange->call, handle, &drive, error);
	if (status)
		return status;
	(void)curl_easy_getinfo(handle->easy, CURLINFO_NUM_CONNECTS, &connects);
	exchange->walk.connections += (unsigned int)connects;
	exchange->connected = connects > 0;
	response->done = drive.done;
	/* A stream whose headers came is opened; reading meets the failure. */
	if (drive.done && drive.code && exchange->streaming &&
	    response->headers_done && handle->gate.ran)
		(void)transfer_failure(
		    exchange->transfer, drive.code, response->failure);
	else if (drive.done && drive.code)
		return transfer_failure(exchange->transfer, drive.code, error);
	/* An answer that the second half did not let through is nobody's. */
	if (!handle->gate.ran || !handle->gate.hit.claims)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl answered without asking the gate");
	return ENCLAVE_CLIENT_OK;
}

/* What became of a try, to the walk. */
static enum walk_event
judge_try(const struct exchange *exchange, enum enclave_client_status status)
{
	if (!status)
		return WALK_EVENT_ANSWERED;
	if (!exchange->handle || !exchange->handle->gate.key_refused)
		return WALK_EVENT_FAILED;
	return exchange->connected ? WALK_EVENT_KEY_UNKNOWN
				   : WALK_EVENT_KEY_GONE;
}

/* Nothing of an answer came, and the body can start again. */
static bool
can_repeat(struct exchange *exchange)
{
	long redirects = 0;

	if (!enclave_fetches(exchange->handle->gate.enclave) ||
	    exchange->response->header_text.len > 0)
		return false;
	(void)curl_easy_getinfo(
	    exchange->handle->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	return redirects == 0 && transfer_rewind(exchange->transfer);
}

/* The refused handle is gone afterwards: its connection may still be there. */
static enum walk_event
weigh_repeating(struct exchange *exchange)
{
	enum walk_event event =
	    can_repeat(exchange) ? WALK_EVENT_AGAIN : WALK_EVENT_FAILED;

	if (!exchange->client->transport.identity.certificate.data &&
	    attempt_same_origin(exchange->handle))
		exchange->walk.learning_connections = 1;
	exchange->refused_key = exchange->handle->gate.key;
	exchange->key_refused = true;
	request_trace(exchange->request,
	    exchange->walk.state == WALK_REFUSED
		? "the connection's key is not attested yet"
		: "the connection's key is no longer attested");
	discard_handle(exchange);
	return event;
}

/* What the state asks for; *ret_status and error: why the last thing failed. */
static enum walk_event
take_step(struct exchange *exchange, enum enclave_client_status *ret_status,
    struct enclave_client_error *error)
{
	switch (exchange->walk.state) {
	case WALK_LEARNING:
		request_trace(exchange->request, "learning");
		*ret_status = learn(exchange, error);
		if (*ret_status)
			return WALK_EVENT_FAILED;
		return exchange->handle ? WALK_EVENT_LEARNED_HERE
					: WALK_EVENT_LEARNED;
	case WALK_REFUSED:
	case WALK_WITHDRAWN:
		return weigh_repeating(exchange);
	default:
		*ret_status = take_handle(exchange, error);
		if (!*ret_status)
			*ret_status = send_request(exchange, error);
		return judge_try(exchange, *ret_status);
	}
}

static enum walk_event
look_for_key(const struct exchange *exchange)
{
	return enclave_fetches(exchange->response->enclave) &&
		       !cache_live_keys(
			   exchange->slot, now_of(exchange), NULL, NULL)
		   ? WALK_EVENT_NO_LIVE_KEY
		   : WALK_EVENT_LIVE_KEY;
}

/* The table in walk.h. */
static enum enclave_client_status
run(struct exchange *exchange, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_INTERNAL;
	enum walk_event event = look_for_key(exchange);

	if (exchange->request->trace && event == WALK_EVENT_LIVE_KEY &&
	    enclave_fetches(exchange->response->enclave))
		request_trace(exchange->request,
		    "its evidence is at hand, from the store, a poll or an "
		    "earlier request");
	walk_init(&exchange->walk);
	while (walk_step(&exchange->walk, event)) {
		exchange->went_round |= exchange->walk.state != WALK_STRICT;
		event = take_step(exchange, &status, error);
	}
	/* A key that this call could not learn is the poller's to fetch. */
	if (exchange->walk.state == WALK_FAILED && exchange->key_refused)
		cache_mark_wanted(exchange->client->cache, exchange->slot);
	return status;
}

/* Time spent in learning, and in a try before this, belongs to the total. */
static void
add_learning_time(struct exchange *exchange)
{
	int64_t elapsed_us = (exchange->client->clock->boot_ms(
				  exchange->client->clock->context) -
				 exchange->started_boot_ms) *
			     1000;
	struct enclave_client_response *response = exchange->response;
	int64_t *total_us = &response->info[ENCLAVE_CLIENT_INFO_TIME_TOTAL_US];

	if (elapsed_us <= *total_us)
		return;
	response->before_us = elapsed_us - *total_us;
	*total_us = elapsed_us;
}

static void
trace_verdict(const struct exchange *exchange)
{
	const struct cache_hit *hit = &exchange->handle->gate.hit;
	const char *label = policy_set_label(hit->policy, hit->set);
	char hex[17];

	hex_encode((struct bytes){hit->key.sha256, 8}, hex);
	request_trace(exchange->request,
	    "sent under attested key %s... of %s, PCR set %zu%s%s, good for "
	    "%lld s",
	    hex, claims_module_id(hit->claims), hit->set + 1, *label ? " " : "",
	    label,
	    (long long)(deadline_left_ms(hit->deadline, now_of(exchange)) /
			1000));
}

/* The response takes what it needs to go on being read. */
static void
hand_over_stream(struct exchange *exchange)
{
	struct enclave_client_response *response = exchange->response;

	response->client = exchange->client;
	client_ref(exchange->client);
	response->slot = cache_slot_ref(exchange->slot);
	response->request = request_ref(exchange->request);
	response->until_boot_ms = exchange->call.until_boot_ms;
	response->transfer = exchange->transfer;
	exchange->transfer = NULL;
	response->handle = exchange->handle;
	exchange->handle = NULL;
}

/* A stream whose headers came, and whose transfer then broke. */
static bool
failed_early(const struct enclave_client_response *response)
{
	return response->failure && response->failure->status;
}

static enum enclave_client_status
finish(struct exchange *exchange, struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	status = response_fill(exchange->response, exchange->handle,
	    exchange->client->insecure, error);
	if (status)
		return status;
	if (exchange->went_round)
		add_learning_time(exchange);
	if (exchange->request->trace)
		trace_verdict(exchange);
	if (failed_early(exchange->response)) {
		discard_handle(exchange);
	} else if (exchange->response->done) {
		handle_finish(exchange->handle);
		transfer_leave(exchange->transfer);
		lane_put(exchange->lane, exchange->handle);
		exchange->handle = NULL;
	} else {
		hand_over_stream(exchange);
	}
	*ret_response = exchange->response;
	exchange->response = NULL;
	return ENCLAVE_CLIENT_OK;
}

static void
clear(struct exchange *exchange)
{
	/* A handle that is still here met a failure: never pooled. */
	discard_handle(exchange);
	if (exchange->transfer)
		transfer_clear(exchange->transfer);
	if (exchange->streaming)
		free(exchange->transfer);
	enclave_client_response_free(exchange->response);
	cache_slot_unref(exchange->slot);
}

static enum enclave_client_status
exchange_run(struct exchange *exchange, const char *name,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct enclave_client *client = exchange->client;
	enum enclave_client_status status;

	if (!client || !exchange->request || !ret_response)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, a request and a place for the response are "
		    "needed");
	exchange->started_boot_ms =
	    client->clock->boot_ms(client->clock->context);
	status = call_enter(&exchange->call, client, exchange->request->waker,
	    call_deadline(client, exchange->request->timeout_ms), error);
	if (status)
		return status;
	status = prepare(exchange, name, error);
	if (!status)
		status = run(exchange, error);
	if (!status)
		status = finish(exchange, ret_response, error);
	if (status && exchange->slot && error) {
		struct enclave *enclave =
		    cache_slot_enclave(exchange->slot, NULL);

		error_set_enclave(error, enclave->name);
		enclave_unref(enclave);
	}
	clear(exchange);
	call_leave(&exchange->call);
	if (!status)
		error_reset(error);
	return status;
}

enum enclave_client_status
enclave_client_request(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct exchange exchange = {.client = client, .request = request};

	return exchange_run(&exchange, name, ret_response, error);
}

enum enclave_client_status
enclave_client_open(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct exchange exchange = {
	    .client = client,
	    .request = request,
	    .streaming = true,
	};

	return exchange_run(&exchange, name, ret_response, error);
}
