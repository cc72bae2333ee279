#include "cache/change.h"

void
cache_note_failure(struct cache *cache, struct cache_slot *slot,
    const struct enclave_client_error *error)
{
	struct enclave_client_error unknown = {0};
	struct change change;

	if (!error) {
		error_set(&unknown, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_FETCH, "the fetch failed");
		error = &unknown;
	}
	pthread_mutex_lock(&cache->write);
	change_begin(&change, cache, slot);
	/* Short of memory, it is told at the next failure. */
	if (!cache_slot_removed(slot) && change_expired(&change) &&
	    change_refused(&change, ENCLAVE_CLIENT_EVENT_POLL_FAILED, error))
		change_commit(&change);
	pthread_mutex_unlock(&cache->write);
	change_finish(&change);
}

void
cache_last_failure(
    struct cache_slot *slot, struct enclave_client_error *ret_error)
{
	struct refusal *failure = NULL;
	struct snapshot *snapshot = slot_view(slot, &failure);

	error_clear(ret_error);
	if (failure) {
		(void)refusal_tell(failure, "", ret_error);
		error_set_enclave(ret_error, snapshot->enclave->name);
	}
	refusal_unref(failure);
	snapshot_unref(snapshot);
}
