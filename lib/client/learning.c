#include "client/learning.h"

#include "fetch/fetch.h"

/* One attempt, on a connection in a private handle. */
struct attempt {
	const struct learning *learning;
	struct handle *handle;
	struct fetch fetch;
	struct appraisal appraisal;
	bool limited; /* a key that failed lately is refused unasked */
	bool fetched; /* a body came, so that what follows is about it */
};

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

static enum enclave_client_status
fetch_evidence(struct attempt *attempt, struct bytes *ret_body,
    struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct call *call = learning->call;
	struct handle *handle = attempt->handle;
	struct drive drive = {0};
	enum enclave_client_status status;

	status = fetch_prepare(&attempt->fetch, &call->client->transport,
	    handle->easy, call_left_ms(call, LEARNING_TIMEOUT_MS), error);
	if (status)
		return status;
	if (attempt->limited) {
		handle->gate.key_allowed = key_allowed;
		handle->gate.key_context = (void *)learning;
	}
	status = handle_start(handle, error);
	if (status)
		return status;
	status = call_drive(call, handle, &drive, error);
	if (status) {
		handle_finish(handle);
		return status;
	}
	status = fetch_finish(
	    &attempt->fetch, handle->easy, drive.code, ret_body, error);
	handle_finish(handle);
	return status;
}

/* Does the evidence lie where the enclave answers, so that its connection can
 * carry the request? */
static bool
same_origin(const struct handle *handle)
{
	return origin_equal(
	    &handle->gate.evidence_origin, &handle->gate.enclave->origin);
}

static bool
binds_connection(const struct attempt *attempt)
{
	return attempt->appraisal.key_named && attempt->handle->gate.key_seen &&
	       binding_key_equal(
		   &attempt->appraisal.key, &attempt->handle->gate.key);
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
	error_set_enclave(error, attempt->handle->gate.enclave->name);
	return ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED;
}

static enum enclave_client_status
appraise_and_publish(struct attempt *attempt, struct bytes body,
    uint64_t policy_generation, struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct enclave_client *client = learning->call->client;
	struct enclave_client_error scratch;
	enum enclave_client_status status;

	/* The cache keeps the reason, wanted or not. */
	error_clear(&scratch);
	status = appraise(&client->appraiser, attempt->handle->gate.enclave,
	    body, &attempt->appraisal, &scratch);
	if (status)
		error_set_enclave(
		    &scratch, attempt->handle->gate.enclave->name);
	status = cache_publish(client->cache, learning->slot, policy_generation,
	    &attempt->appraisal, &scratch);
	error_copy(error, &scratch);
	if (status)
		return weigh_refusal(attempt, status, error);
	request_trace(learning->request,
	    "evidence accepted: %s, %lld ms old, PCR set %zu",
	    claims_module_id(attempt->appraisal.claims),
	    (long long)(attempt->appraisal.judged.wall_ms -
			claims_timestamp_ms(attempt->appraisal.claims)),
	    attempt->appraisal.set + 1);
	if (same_origin(attempt->handle) && !binds_connection(attempt))
		return refuse_other_key(attempt, error);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
run_attempt(struct attempt *attempt, struct enclave_client_error *error)
{
	const struct learning *learning = attempt->learning;
	struct enclave_client *client = learning->call->client;
	struct enclave_client_error scratch;
	enum enclave_client_status status;
	struct enclave *enclave;
	uint64_t policy_generation = 0;
	struct bytes body = {0};

	status =
	    handle_new(&client->gate, learning->slot, &attempt->handle, error);
	if (status)
		return status;
	/* Before the fetch: a change from here on is noticed when publishing. */
	enclave = cache_slot_enclave(learning->slot, &policy_generation);
	enclave_unref(enclave);
	fetch_init(&attempt->fetch, &attempt->handle->gate);
	request_trace(learning->request, "fetching evidence from %s",
	    attempt->handle->gate.enclave->evidence_url);
	error_clear(&scratch);
	status = fetch_evidence(attempt, &body, &scratch);
	if (!status) {
		attempt->fetched = true;
		return appraise_and_publish(
		    attempt, body, policy_generation, error);
	}
	/* A caller that gave up says nothing about the enclave. */
	if (status != ENCLAVE_CLIENT_ERR_CANCELLED &&
	    !call_check(learning->call, NULL))
		cache_note_failure(client->cache, learning->slot, &scratch);
	error_copy(error, &scratch);
	return status;
}

static void
clear_attempt(struct attempt *attempt)
{
	fetch_clear(&attempt->fetch);
	appraisal_clear(&attempt->appraisal);
	handle_free(attempt->handle);
}

/* The leader's part, its flight taken. */
static enum enclave_client_status
lead(const struct learning *learning, struct handle **ret_handle,
    struct enclave_client_error *error)
{
	struct attempt attempt = {.learning = learning, .limited = true};
	struct enclave_client_error scratch;
	enum enclave_client_status status;
	bool abandoned;
	/* The poller stays away meanwhile; a poll under way is not waited for. */
	bool flight = cache_flight_begin(learning->slot);

	error_clear(&scratch);
	status = run_attempt(&attempt, &scratch);
	if (flight)
		cache_flight_end(learning->slot);
	abandoned = status && call_check(learning->call, NULL);
	if (status && !abandoned) {
		(void)pthread_mutex_lock(&learning->lane->mutex);
		learning_limits_failed(&learning->lane->limits,
		    attempt.handle && attempt.handle->gate.key_seen
			? &attempt.handle->gate.key
			: NULL,
		    now_of(learning).boot_ms, &scratch);
		(void)pthread_mutex_unlock(&learning->lane->mutex);
	}
	lane_learning_end(learning->lane, &scratch, abandoned);
	if (status) {
		cache_mark_wanted(
		    learning->call->client->cache, learning->slot);
		error_copy(error, &scratch);
	} else if (same_origin(attempt.handle)) {
		*ret_handle = attempt.handle;
		attempt.handle = NULL;
	}
	clear_attempt(&attempt);
	return status;
}

static bool
call_over(void *context)
{
	const struct call *call = context;

	return call_check(call, NULL) == ENCLAVE_CLIENT_ERR_CANCELLED;
}

static enum enclave_client_status
check_limits(
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

/* A waiter judges again what the leader found; the leader's failure is its
 * own unless a live key says otherwise. */
static enum enclave_client_status
follow(const struct learning *learning,
    const struct enclave_client_error *ended,
    struct enclave_client_error *error)
{
	if (!ended->status ||
	    cache_live_keys(learning->slot, now_of(learning), NULL, NULL))
		return ENCLAVE_CLIENT_OK;
	error_copy(error, ended);
	return ended->status;
}

enum enclave_client_status
learning_run(const struct learning *learning, struct handle **ret_handle,
    struct enclave_client_error *error)
{
	struct call *call = learning->call;
	struct enclave_client_error ended;
	enum enclave_client_status status = check_limits(learning, error);
	enum lane_role role;

	if (status)
		return status;
	error_clear(&ended);
	waker_set(call->waker, NULL, learning->lane);
	role = lane_learning_begin(learning->lane, call->client->clock,
	    call->until_boot_ms, call_over, call, &ended);
	waker_set(call->waker, NULL, NULL);
	switch (role) {
	case LANE_LEADER:
		return lead(learning, ret_handle, error);
	case LANE_ENDED:
		*ret_handle = NULL;
		return follow(learning, &ended, error);
	default:
		return call_check(call, error);
	}
}

enum enclave_client_status
learning_attest(const struct learning *learning,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	struct attempt attempt = {.learning = learning};
	enum enclave_client_status status = run_attempt(&attempt, error);

	if (!status) {
		*ret_appraisal = attempt.appraisal;
		attempt.appraisal = (struct appraisal){0};
	}
	clear_attempt(&attempt);
	return status;
}
