#include "client/learning.h"

/* On a connection in a private handle, driven here. */
static enum enclave_client_status
run_attempt(struct attempt *attempt, struct enclave_client_error *error)
{
	struct call *call = attempt->learning->call;
	struct drive drive = {0};
	enum enclave_client_status status;

	status = handle_new(&call->client->gate, attempt->learning->slot,
	    &attempt->handle, error);
	if (!status)
		status = attempt_prepare(attempt, error);
	if (!status)
		status = handle_start(attempt->handle, error);
	if (!status)
		status = call_drive(call, attempt->handle, &drive, error);
	/* As libcurl's own, which comes at about the same moment: of what. */
	if (status == ENCLAVE_CLIENT_ERR_TIMEOUT)
		(void)error_set(error, status, ENCLAVE_CLIENT_STEP_FETCH,
		    "the call's deadline has passed while evidence was "
		    "fetched");
	if (!status)
		status = attempt_judge(attempt, drive.code, error);
	if (attempt->handle)
		handle_finish(attempt->handle);
	return status;
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
	if (status && !abandoned)
		attempt_failed(&attempt, &scratch);
	lane_learning_end(learning->lane, &scratch, abandoned);
	if (status) {
		cache_mark_wanted(
		    learning->call->client->cache, learning->slot);
		error_copy(error, &scratch);
	} else if (attempt_same_origin(attempt.handle)) {
		*ret_handle = attempt.handle;
		attempt.handle = NULL;
	}
	attempt_clear(&attempt);
	return status;
}

static struct moment
now_of(const struct learning *learning)
{
	return clock_now(learning->call->client->clock);
}

static bool
call_over(void *context)
{
	const struct call *call = context;

	return call_check(call, NULL) == ENCLAVE_CLIENT_ERR_CANCELLED;
}

/* An event told on the way may make the caller ask for the same enclave. */
static enum enclave_client_status
refuse_own(struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_LEARNING_LIMITED,
	    ENCLAVE_CLIENT_STEP_FETCH,
	    "its evidence is being learned by the very call from whose "
	    "callback this one was made");
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
	const struct lane_patience patience = {
	    .clock = call->client->clock,
	    .until_boot_ms = call->until_boot_ms,
	    .cancelled = call_over,
	    .context = call,
	};
	struct enclave_client_error ended;
	enum enclave_client_status status =
	    attempt_check_limits(learning, error);
	enum lane_role role;

	if (status)
		return status;
	error_clear(&ended);
	waker_set(call->waker, NULL, learning->lane);
	role = lane_learning_begin(learning->lane, &patience, &ended);
	waker_set(call->waker, NULL, NULL);
	switch (role) {
	case LANE_LEADER:
		return lead(learning, ret_handle, error);
	case LANE_ENDED:
		*ret_handle = NULL;
		return follow(learning, &ended, error);
	case LANE_OWN:
		return refuse_own(error);
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
	attempt_clear(&attempt);
	return status;
}
