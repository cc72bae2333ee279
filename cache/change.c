#include "cache/change.h"

#include "cache/key_name.h"

void
change_begin(
    struct change *change, struct cache *cache, struct cache_slot *slot)
{
	*change = (struct change){
	    .cache = cache,
	    /* Once the write mutex is released, another update can drop it
	     * from the table. */
	    .slot = cache_slot_ref(slot),
	    .now = clock_now(cache->appraiser->clock),
	    .attested = slot->attested,
	    .told = slot->told,
	};
}

const struct snapshot *
change_view(const struct change *change)
{
	return change->draft ? change->draft : change->slot->snapshot;
}

struct snapshot *
change_draft(struct change *change)
{
	struct snapshot *now = change->slot->snapshot;

	if (!change->draft)
		change->draft = snapshot_new(now, now->enclave, 1);
	return change->draft;
}

void
change_drop_draft(struct change *change)
{
	snapshot_unref(change->draft);
	change->draft = NULL;
}

bool
change_tell(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about)
{
	struct event_fact fact = {
	    .kind = kind,
	    .status = about->status,
	    .step = about->step,
	    .at_ms = change->now.wall_ms,
	    .message = refusal_words(about),
	};

	if (!change->cache->hooks.event)
		return true;
	return events_add(&change->events, change_view(change)->enclave, &fact);
}

const struct refusal *
change_failure(const struct change *change)
{
	return change->failure_changes ? change->failure
				       : change->slot->failure;
}

static bool
set_failure(struct change *change, const struct enclave_client_error *about)
{
	const struct refusal *former = change_failure(change);
	struct refusal *next;

	if (former && refusal_same(former, about))
		return true;
	next = refusal_new(about);
	if (!next)
		return false;
	refusal_unref(change->failure);
	change->failure = next;
	change->failure_changes = true;
	return true;
}

/*
 * A poll every few minutes repeats the same refusal; only a different one is
 * news.  Of a measurement the words count too: they name the PCR shown, so
 * that the next unaccepted build is told as well.
 */
static bool
told_before(const struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about)
{
	const struct told *told = &change->told;
	const struct refusal *former = change_failure(change);

	if (told->kind != kind || told->status != about->status ||
	    told->step != about->step)
		return false;
	return kind != ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED ||
	       (former && refusal_same(former, about));
}

bool
change_failed(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about)
{
	change->told = (struct told){kind, about->status, about->step};
	return set_failure(change, about);
}

bool
change_refused(struct change *change, enum enclave_client_event_kind kind,
    const struct enclave_client_error *about)
{
	if (!told_before(change, kind, about) &&
	    !change_tell(change, kind, about))
		return false;
	return change_failed(change, kind, about);
}

bool
change_recovered(struct change *change)
{
	struct enclave_client_error about = {0};

	if (!change_failure(change))
		return true;
	error_set(&about, ENCLAVE_CLIENT_OK, ENCLAVE_CLIENT_STEP_NONE,
	    "good again after %s",
	    enclave_client_status_name(change_failure(change)->status));
	if (!change_tell(change, ENCLAVE_CLIENT_EVENT_RECOVERED, &about))
		return false;
	refusal_unref(change->failure);
	change->failure = NULL;
	change->failure_changes = true;
	change->told = (struct told){0};
	return true;
}

bool
change_expired(struct change *change)
{
	const struct refusal *failure = change_failure(change);
	struct enclave_client_error about = {0};

	if (!change->attested ||
	    snapshot_live(change_view(change), change->now))
		return true;
	change->attested = false;
	error_set(&about, ENCLAVE_CLIENT_ERR_EXPIRED, ENCLAVE_CLIENT_STEP_TIME,
	    "no live key is left%s%s", failure ? "; last attempt: " : "",
	    failure ? failure->message : "");
	return change_tell(change, ENCLAVE_CLIENT_EVENT_EXPIRED, &about);
}

bool
change_attested(struct change *change, const struct entry *entry)
{
	enum enclave_client_event_kind kind =
	    change->attested ? ENCLAVE_CLIENT_EVENT_KEY_ADDED
			     : ENCLAVE_CLIENT_EVENT_ATTESTED;
	const char *label = policy_set_label(entry->policy, entry->set);
	struct enclave_client_error about = {0};

	change->attested = true;
	error_set(&about, ENCLAVE_CLIENT_OK, ENCLAVE_CLIENT_STEP_NONE,
	    "key %s is attested (PCR set %zu of %zu%s%s)",
	    key_name(&entry->key).hex, entry->set + 1,
	    policy_set_count(entry->policy), label[0] ? ", " : "", label);
	return change_tell(change, kind, &about);
}

bool
change_withdrawn(struct change *change, const struct entry *entry)
{
	const struct entry *former =
	    snapshot_find(change_view(change), &entry->key);
	bool was_live = former && entry_live(former, change->now);
	struct snapshot *draft = change_draft(change);
	struct enclave_client_error about = {0};

	if (!draft || !snapshot_put(draft, entry))
		return false;
	if (!was_live)
		return true;
	change->attested = snapshot_live(draft, change->now) > 0;
	error_set(&about, entry->reason->status, entry->reason->step,
	    "key %s is withdrawn: %s", key_name(&entry->key).hex,
	    entry->reason->message);
	return change_tell(
	    change, ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED, &about);
}

void
change_commit(struct change *change)
{
	struct cache_slot *slot = change->slot;

	/* First, so that no reader of the empty snapshot misses why. */
	if (change->removes)
		atomic_store_explicit(
		    &slot->removed, true, memory_order_release);
	if (change->draft)
		change->draft = slot_swap_snapshot(slot, change->draft);
	if (change->failure_changes)
		change->failure = slot_swap_failure(slot, change->failure);
	slot->attested = change->attested;
	slot->told = change->told;
	change->committed = true;
}

void
change_finish(struct change *change)
{
	snapshot_unref(change->draft);
	refusal_unref(change->failure);
	change->draft = NULL;
	change->failure = NULL;
	cache_slot_unref(change->slot);
	change->slot = NULL;
	if (change->committed)
		events_tell(&change->events, &change->cache->hooks);
	else
		events_clear(&change->events);
}
