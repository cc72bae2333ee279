#include "client/attempt.h"

static struct moment
now_of(const struct learning *learning)
{
	return clock_now(learning->call->client->clock);
}

/* gate_attachment.key_allowed: a key that failed is not asked again for 10 s. */
static bool
key_allowed(void *context, const struct binding_key *key,
    struct enclave_client_error *ret_error)
{
	const struct learning *learning = context;
	enum enclave_client_status status;

	(void)pthread_mutex_lock(&learning->lane->mutex);
	status = learning_limits_check_key(
	    &learning->lane->limits, key, now_of(learning).boot_ms, ret_error);
	(void)pthread_mutex_unlock(&learning->lane->mutex);
	return status == ENCLAVE_CLIENT_OK;
}

/* Its lines alone: the headers in a trace are those of the request. */
static int
show_text(
    CURL *easy, curl_infotype type, char *data, size_t len, void *argument)
{
	const struct enclave_client_request *request = argument;

	(void)easy;
	if (type == CURLINFO_TEXT && request->trace)
		request->trace(ENCLAVE_CLIENT_TRACE_TEXT, data, len,
		    request->trace_context);
	return 0;
}

/*
 * The connection that evidence comes over is mostly the request's as well.
 * libcurl that has no function to call prints.
 */
static CURLcode
trace_connection(const struct attempt *attempt)
{
	const struct enclave_client_request *request =
	    attempt->learning->request;
	CURL *easy = attempt->handle->easy;
	CURLcode code;

	if (!request || !request->trace)
		return CURLE_OK;
	code = curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, show_text);
	if (!code)
		code =
		    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, (void *)request);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
	return code;
}

enum enclave_client_status
attempt_prepare(struct attempt *attempt, struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct handle *handle = attempt->handle;
	enum enclave_client_status status;

	enclave_unref(attempt->enclave);
	attempt->enclave =
	    cache_slot_enclave(learning->slot, &attempt->policy_generation);
	if (!enclave_fetches(attempt->enclave))
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "its evidence is in its certificate: it is judged in the "
		    "handshake of a request, and there is nothing to fetch");
	fetch_init(&attempt->fetch, &handle->gate);
	request_trace(learning->request, "fetching evidence from %s",
	    handle->gate.enclave->evidence_url);
	status = fetch_prepare(&attempt->fetch,
	    &learning->call->client->transport, handle->easy,
	    call_left_ms(learning->call, LEARNING_TIMEOUT_MS), error);
	if (status)
		return status;
	if (attempt->limited) {
		handle->gate.key_allowed = key_allowed;
		handle->gate.key_context = (void *)learning;
	}
	if (trace_connection(attempt))
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_FETCH, "libcurl takes no trace");
	return ENCLAVE_CLIENT_OK;
}

bool
attempt_possible(struct cache_slot *slot)
{
	struct enclave *enclave = cache_slot_enclave(slot, NULL);
	bool possible = enclave_fetches(enclave);

	enclave_unref(enclave);
	return possible;
}

bool
attempt_same_origin(const struct handle *handle)
{
	const struct gate_attachment *gate = &handle->gate;

	return origin_equal(&gate->evidence_origin, &gate->enclave->origin);
}

static bool
binds_connection(const struct attempt *attempt)
{
	return attempt->handle->gate.key_seen &&
	       appraisal_names(&attempt->appraisal, &attempt->handle->gate.key);
}

static enum enclave_client_status
refuse_other_key(
    const struct attempt *attempt, struct enclave_client_error *error)
{
	char shown[17];
	char named[17];

	hex_encode((struct bytes){attempt->handle->gate.key.sha256, 8}, shown);
	hex_encode((struct bytes){attempt->appraisal.key.sha256, 8}, named);
	(void)error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "the connection's key (%s...) is in no accepted evidence; the "
	    "evidence served over it is another key's (%s...): whoever answers "
	    "relays it; nothing but the evidence GET was sent",
	    shown, named);
	error_set_enclave(error, attempt->handle->gate.enclave->name);
	return ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED;
}

/*
 * Whose refusal it is (DESIGN section 9): evidence for this very key gives its
 * own step; else the key's when accepted evidence binds another; else the
 * attempt's own.
 */
static enum enclave_client_status
weigh_refusal(struct attempt *attempt, enum enclave_client_status status,
    struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct enclave_client_error reason;

	if (binds_connection(attempt) || !attempt->fetched ||
	    !attempt->handle->gate.key_seen ||
	    !cache_live_keys(learning->slot, now_of(learning), NULL, NULL))
		return status;
	error_copy(&reason, error);
	(void)error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "the connection's key is in no accepted evidence, and what was "
	    "served as evidence over it was refused: %s",
	    error_reason(&reason));
	if (error) {
		error->times = reason.times;
		error->pcr = reason.pcr;
	}
	error_set_enclave(error, attempt->handle->gate.enclave->name);
	return ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED;
}

static enum enclave_client_status
appraise_and_publish(struct attempt *attempt, struct bytes body,
    struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct enclave_client *client = learning->call->client;
	const struct nonce *nonce = &attempt->fetch.nonce;
	const struct answer answer = {
	    .body = body,
	    .nonce = {nonce->bytes, nonce->len},
	};
	struct enclave_client_error scratch;
	enum enclave_client_status status;

	/* The cache keeps the reason, wanted or not. */
	error_clear(&scratch);
	status = appraise(&client->appraiser, attempt->enclave, answer,
	    &attempt->appraisal, &scratch);
	if (status)
		error_set_enclave(
		    &scratch, attempt->handle->gate.enclave->name);
	status = cache_publish(client->cache, learning->slot,
	    attempt->policy_generation, &attempt->appraisal, &scratch);
	error_copy(error, &scratch);
	if (status) {
		store_withdraw(
		    client->store, attempt->enclave, &attempt->appraisal, body);
		return weigh_refusal(attempt, status, error);
	}
	store_save(client->store, attempt->enclave, &attempt->appraisal, body);
	request_trace(learning->request,
	    "evidence accepted: %s, %lld ms old, PCR set %zu",
	    claims_module_id(attempt->appraisal.claims),
	    (long long)(attempt->appraisal.judged.wall_ms -
			claims_timestamp_ms(attempt->appraisal.claims)),
	    attempt->appraisal.set + 1);
	if (attempt_same_origin(attempt->handle) && !binds_connection(attempt))
		return refuse_other_key(attempt, error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
attempt_judge(
    struct attempt *attempt, CURLcode code, struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct enclave_client_error scratch;
	enum enclave_client_status status;
	struct bytes body = {0};

	error_clear(&scratch);
	(void)curl_easy_setopt(attempt->handle->easy, CURLOPT_VERBOSE, 0L);
	/* A connection that was refused at its handshake carried no GET. */
	if (attempt->handle->gate.ran)
		cache_count(learning->slot, CACHE_LEARNINGS);
	status = fetch_finish(
	    &attempt->fetch, attempt->handle->easy, code, &body, &scratch);
	if (!status) {
		attempt->fetched = true;
		return appraise_and_publish(attempt, body, error);
	}
	/* A caller that gave up says nothing about the enclave. */
	if (!call_check(learning->call, NULL))
		cache_note_failure(
		    learning->call->client->cache, learning->slot, &scratch);
	error_copy(error, &scratch);
	return status;
}

void
attempt_failed(
    struct attempt *attempt, const struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	const struct gate_attachment *gate =
	    attempt->handle ? &attempt->handle->gate : NULL;

	(void)pthread_mutex_lock(&learning->lane->mutex);
	learning_limits_failed(&learning->lane->limits,
	    gate && gate->key_seen ? &gate->key : NULL,
	    now_of(learning).boot_ms, error);
	(void)pthread_mutex_unlock(&learning->lane->mutex);
}

void
attempt_clear(struct attempt *attempt)
{
	fetch_clear(&attempt->fetch);
	appraisal_clear(&attempt->appraisal);
	enclave_unref(attempt->enclave);
	attempt->enclave = NULL;
	handle_free(attempt->handle);
	attempt->handle = NULL;
	attempt->fetched = false;
}

enum enclave_client_status
attempt_check_limits(
    const struct learning *learning, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int64_t now_boot_ms = now_of(learning).boot_ms;

	(void)pthread_mutex_lock(&learning->lane->mutex);
	status =
	    learning_limits_check(&learning->lane->limits, now_boot_ms, error);
	if (!status && learning->refused_key)
		status = learning_limits_check_key(&learning->lane->limits,
		    learning->refused_key, now_boot_ms, error);
	(void)pthread_mutex_unlock(&learning->lane->mutex);
	return status;
}
