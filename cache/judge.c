/* What readers ask.  None of it waits for a writer. */
#include <inttypes.h>
#include <stdio.h>

#include "cache/key_name.h"
#include "cache/slot.h"

void
cache_hit_clear(struct cache_hit *hit)
{
	if (hit->claims)
		claims_unref(hit->claims);
	if (hit->policy)
		policy_unref(hit->policy);
	*hit = (struct cache_hit){0};
}

/* How long ago, on the clock that says longest. */
static int64_t
seconds_past(struct deadline deadline, struct moment now)
{
	int64_t wall_ms = now.wall_ms - deadline.wall_ms;
	int64_t boot_ms = now.boot_ms - deadline.boot_ms;
	int64_t past_ms = wall_ms > boot_ms ? wall_ms : boot_ms;

	return past_ms > 0 ? past_ms / 1000 : 0;
}

/* The entry that was live last; NULL when none ever was. */
static const struct entry *
last_to_end(const struct snapshot *snapshot, struct moment now)
{
	const struct entry *last = NULL;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct entry *entry = &snapshot->entries[i];

		if (entry->state == ENTRY_WITHDRAWN)
			continue;
		if (!last || seconds_past(entry->deadline, now) <
				 seconds_past(last->deadline, now))
			last = entry;
	}
	return last;
}

/* Some other key is live: then this one is simply not attested. */
static enum enclave_client_status
refuse_key(const struct binding_key *key, const struct entry *entry,
    size_t live, struct moment now, struct enclave_client_error *error)
{
	struct key_name name = key_name(key);

	if (entry) {
		(void)error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the evidence for key %s expired %" PRId64
		    " s ago; live keys: %zu",
		    name.hex, seconds_past(entry->deadline, now), live);
		error_set_deadline(error, entry->deadline.wall_ms);
		return ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED;
	}
	return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "key %s is in no accepted evidence; live keys: %zu", name.hex,
	    live);
}

/* No key is live: why not? */
static enum enclave_client_status
refuse_all(const struct snapshot *snapshot, const struct refusal *failure,
    const struct binding_key *key, struct moment now,
    struct enclave_client_error *error)
{
	const struct entry *last = last_to_end(snapshot, now);
	char prefix[96] = "no live key; last attempt: ";

	if (last)
		(void)snprintf(prefix, sizeof(prefix),
		    "evidence expired %" PRId64 " s ago; last attempt: ",
		    seconds_past(last->deadline, now));
	if (failure)
		return refusal_tell(failure, prefix, error);
	if (last) {
		(void)error_set(error, last->end_status,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "evidence expired %" PRId64 " s ago; none has come since",
		    seconds_past(last->deadline, now));
		error_set_deadline(error, last->deadline.wall_ms);
		return last->end_status;
	}
	return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "key %s is not attested: no evidence has come yet",
	    key_name(key).hex);
}

static enum enclave_client_status
refuse_withdrawn(
    const struct entry *entry, size_t live, struct enclave_client_error *error)
{
	char prefix[96];

	(void)snprintf(prefix, sizeof(prefix),
	    "key %s is withdrawn (live keys: %zu): ", key_name(&entry->key).hex,
	    live);
	return refusal_tell(entry->reason, prefix, error);
}

static enum enclave_client_status
hit_entry(const struct snapshot *snapshot, const struct entry *entry,
    struct cache_hit *ret_hit, struct enclave_client_error *error)
{
	if (ret_hit)
		*ret_hit = (struct cache_hit){
		    .generation = snapshot->generation,
		    .deadline = entry->deadline,
		    .key = entry->key,
		    .claims = claims_ref(entry->claims),
		    .policy = policy_ref(entry->policy),
		    .set = entry->set,
		};
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
cache_judge(struct cache_slot *slot, const struct binding_key *key,
    struct moment now, struct cache_hit *ret_hit,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct refusal *failure = NULL;
	struct snapshot *snapshot = slot_view(slot, &failure);
	const struct entry *entry = snapshot_find(snapshot, key);
	size_t live = snapshot_live(snapshot, now);

	if (cache_slot_removed(slot))
		status = error_set(error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the enclave was removed from the configuration");
	else if (entry && entry->state == ENTRY_WITHDRAWN)
		status = refuse_withdrawn(entry, live, error);
	else if (live == 0)
		status = refuse_all(snapshot, failure, key, now, error);
	else if (!entry || !entry_live(entry, now))
		status = refuse_key(key, entry, live, now, error);
	else
		status = hit_entry(snapshot, entry, ret_hit, error);
	if (status)
		error_set_enclave(error, snapshot->enclave->name);
	refusal_unref(failure);
	snapshot_unref(snapshot);
	return status;
}

bool
cache_judge_lasting(struct cache_slot *slot, const struct binding_key *key)
{
	struct snapshot *snapshot = slot_view(slot, NULL);
	const struct entry *entry = snapshot_find(snapshot, key);
	bool lasting = !cache_slot_removed(slot) && entry &&
		       entry->state != ENTRY_WITHDRAWN;

	snapshot_unref(snapshot);
	return lasting;
}

size_t
cache_live_keys(struct cache_slot *slot, struct moment now,
    struct deadline *ret_first_end, struct deadline *ret_last_end)
{
	struct snapshot *snapshot = slot_view(slot, NULL);
	const struct entry *first = NULL;
	const struct entry *last = NULL;
	size_t live = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct entry *entry = &snapshot->entries[i];
		int64_t left_ms = deadline_left_ms(entry->deadline, now);

		if (!entry_live(entry, now))
			continue;
		live++;
		if (!first || left_ms < deadline_left_ms(first->deadline, now))
			first = entry;
		if (!last || left_ms > deadline_left_ms(last->deadline, now))
			last = entry;
	}
	if (first && ret_first_end)
		*ret_first_end = first->deadline;
	if (last && ret_last_end)
		*ret_last_end = last->deadline;
	snapshot_unref(snapshot);
	return live;
}
