/* Evidence alone: waiting for it, or fetching it now. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "client/client.h"
#include "client/document.h"
#include "client/lane.h"
#include "client/learning.h"
#include "client/lookup.h"

static enum enclave_client_status
attest_slot(struct call *call, struct cache_slot *slot,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	const struct learning learning = {
	    .call = call,
	    .slot = slot,
	    .lane = lane_of(slot),
	};
	struct appraisal appraisal = {0};
	struct enclave_client_document *document;
	enum enclave_client_status status;
	struct enclave *enclave = cache_slot_enclave(slot, NULL);

	if (!learning.lane) {
		status = error_memory(error);
		goto out;
	}
	status = learning_attest(&learning, &appraisal, error);
	if (status)
		goto out;
	document = document_new(appraisal.claims, enclave->policy,
	    appraisal.set, appraisal.deadline_ms,
	    enclave->insecure || call->client->insecure);
	if (document)
		*ret_document = document;
	else
		status = error_memory(error);
out:
	error_set_enclave(error, enclave->name);
	appraisal_clear(&appraisal);
	enclave_unref(enclave);
	return status;
}

enum enclave_client_status
enclave_client_attest(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct waker *waker;
	struct call call;

	if (!client || !name || !ret_document || timeout_ms < 0)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, a name, a timeout that is not negative and a "
		    "place for the document are needed");
	status = strncmp(name, "https://", 8)
		     ? lookup_name(client, name, &slot, error)
		     : lookup_url(client, name, &slot, error);
	if (status)
		return status;
	waker = waker_new();
	if (!waker) {
		cache_slot_unref(slot);
		return error_memory(error);
	}
	status = call_enter(
	    &call, client, waker, call_deadline(client, timeout_ms), error);
	if (!status) {
		status = attest_slot(&call, slot, ret_document, error);
		call_leave(&call);
	}
	waker_unref(waker);
	cache_slot_unref(slot);
	if (!status)
		error_clear(error);
	return status;
}

/* "payments: no attested key yet; last attempt: ..." */
static enum enclave_client_status
not_ready(struct cache_slot *slot, enum enclave_client_status status,
    struct enclave_client_error *error)
{
	struct enclave_client_error last;
	struct enclave *enclave = cache_slot_enclave(slot, NULL);

	error_clear(&last);
	cache_last_failure(slot, &last);
	(void)error_set(error, status, last.step,
	    status == ENCLAVE_CLIENT_ERR_TIMEOUT ? "no attested key yet; %s%s"
						 : "stopped waiting; %s%s",
	    last.status ? "last attempt: " : "no attempt has ended",
	    error_reason(&last));
	error_set_enclave(error, enclave->name);
	enclave_unref(enclave);
	return status;
}

/*
 * Where polls have failed, the pause before the next may be minutes: somebody
 * waits now.  A first poll is under way without being asked for.
 */
static void
want_again(struct enclave_client *client, struct cache_slot *slot)
{
	struct enclave_client_error last;

	error_clear(&last);
	cache_last_failure(slot, &last);
	if (last.status &&
	    !cache_live_keys(slot, clock_now(client->clock), NULL, NULL))
		cache_mark_wanted(client->cache, slot);
}

static enum enclave_client_status
wait_slot(struct enclave_client *client, struct cache_slot *slot,
    int64_t until_boot_ms, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int64_t slice_boot_ms;

	do {
		slice_boot_ms =
		    call_moment_after(client, POLL_INTERVAL_MS_FLOOR);
		if (until_boot_ms < slice_boot_ms)
			slice_boot_ms = until_boot_ms;
		/* Not who only asks. */
		if (call_moment_after(client, 0) < until_boot_ms)
			want_again(client, slot);
		status = cache_wait_live(
		    client->cache, slot, slice_boot_ms, &client->stopped);
	} while (status == ENCLAVE_CLIENT_ERR_TIMEOUT &&
		 slice_boot_ms < until_boot_ms);
	return status ? not_ready(slot, status, error) : ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
wait_these(struct enclave_client *client, const struct cache_slots *slots,
    int64_t until_boot_ms, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	for (size_t i = 0; !status && i < slots->count; i++) {
		/* What comes with handshakes alone is not waited for. */
		if (attempt_possible(slots->slots[i]))
			status = wait_slot(
			    client, slots->slots[i], until_boot_ms, error);
		/* Nor what is gone by now. */
		if (status == ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE)
			status = ENCLAVE_CLIENT_OK;
	}
	return status;
}

/* Every enclave of one map: where it was changed meanwhile, of the next. */
static enum enclave_client_status
wait_all(struct enclave_client *client, int64_t until_boot_ms,
    struct enclave_client_error *error)
{
	struct cache_slots slots = cache_slots_begin(client->cache);
	enum enclave_client_status status;
	bool changed;

	do {
		struct cache_slots next;

		status = wait_these(client, &slots, until_boot_ms, error);
		next = cache_slots_begin(client->cache);
		changed = next.table != slots.table;
		cache_slots_end(&slots);
		slots = next;
	} while (!status && changed);
	cache_slots_end(&slots);
	return status;
}

enum enclave_client_status
enclave_client_wait(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;
	struct waker *waker;
	struct call call;
	int64_t until_boot_ms;

	if (!client || timeout_ms < 0)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client and a timeout that is not negative are needed");
	until_boot_ms = call_moment_after(client, timeout_ms);
	status =
	    name ? lookup_name(client, name, &slot, error) : ENCLAVE_CLIENT_OK;
	if (status)
		return status;
	waker = waker_new();
	if (!waker) {
		cache_slot_unref(slot);
		return error_memory(error);
	}
	status = call_enter(&call, client, waker, INT64_MAX, error);
	if (!status) {
		status = slot ? wait_slot(client, slot, until_boot_ms, error)
			      : wait_all(client, until_boot_ms, error);
		call_leave(&call);
	}
	waker_unref(waker);
	cache_slot_unref(slot);
	if (!status)
		error_clear(error);
	return status;
}
