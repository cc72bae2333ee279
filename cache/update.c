/*
 * The whole map at once.  Everything that can fail, and everything that takes
 * time, is done on drafts; then pointers are swapped.
 */
#include <stdlib.h>

#include "base/id.h"
#include "cache/change.h"

struct update {
	struct cache *cache;
	const struct table *former; /* NULL at first */
	struct table *next;
	/* One for each enclave of the next map, then one for each slot that
	 * goes; none for what could not be begun. */
	struct change *changes;
	size_t count;
};

static bool
same_slot(const struct enclave *a, const struct enclave *b)
{
	return enclave_same_judgement(a, b);
}

/* A spent entry has no claims to match again. */
static bool
withdraw_spent(struct change *change, const struct entry *former)
{
	struct enclave_client_error about = {0};
	struct entry entry = *former;
	bool done;

	error_set(&about, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY,
	    "the policy changed after the evidence had expired");
	entry.state = ENTRY_WITHDRAWN;
	entry.reason = refusal_new(&about);
	if (!entry.reason)
		return false;
	done = change_withdrawn(change, &entry);
	refusal_unref(entry.reason);
	return done;
}

static bool
rematch_refused(struct change *change, const struct entry *former,
    const struct enclave_client_error *about)
{
	struct entry entry = *former;
	bool done;

	entry.state = ENTRY_WITHDRAWN;
	entry.policy = NULL;
	entry.reason = refusal_new(about);
	if (!entry.reason)
		return false;
	done = change_withdrawn(change, &entry);
	refusal_unref(entry.reason);
	if (done && entry_live(former, change->now))
		done = change_failed(
		    change, ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED, about);
	return done;
}

static bool
failed_by_measurement(const struct change *change)
{
	const struct refusal *failure = change_failure(change);

	return failure && enclave_client_status_category(failure->status) ==
			      ENCLAVE_CLIENT_CATEGORY_MEASUREMENT;
}

static bool
rematch_accepted(struct change *change, const struct entry *former,
    struct appraisal *appraisal)
{
	struct entry entry;

	appraisal->key = former->key;
	entry =
	    entry_accepted(appraisal, change->draft->enclave, former->judged);
	if (!snapshot_put(change->draft, &entry))
		return false;
	if (!entry_live(&entry, change->now) || entry_live(former, change->now))
		return true;
	if (!change_attested(change, &entry))
		return false;
	/* A network that failed still fails; a refused build is accepted. */
	return !failed_by_measurement(change) || change_recovered(change);
}

/* Refused for its time, or for want of something else than a match. */
static bool
rematch_ended(struct change *change, size_t index)
{
	struct entry *entry = &change->draft->entries[index];

	if (entry->state != ENTRY_ACCEPTED)
		return true;
	snapshot_spend(change->draft, index);
	if (!deadline_passed(entry->deadline, change->now))
		entry->deadline = deadline_after(change->now, 0);
	return true;
}

/* The draft's entry at index is still former. */
static bool
rematch(struct change *change, size_t index)
{
	const struct entry *former = &change->slot->snapshot->entries[index];
	struct enclave_client_error about = {0};
	struct appraisal appraisal = {0};
	enum enclave_client_status status =
	    appraise_claims(change->cache->appraiser, change->draft->enclave,
		former->claims, &appraisal, &about);
	bool done = false;

	if (status == ENCLAVE_CLIENT_OK)
		done = rematch_accepted(change, former, &appraisal);
	else if (enclave_client_status_category(status) ==
		 ENCLAVE_CLIENT_CATEGORY_MEASUREMENT)
		done = rematch_refused(change, former, &about);
	else if (status != ENCLAVE_CLIENT_ERR_MEMORY)
		done = rematch_ended(change, index);
	appraisal_clear(&appraisal);
	return done;
}

/*
 * Keys first, then those that were withdrawn, so that one that comes back is
 * told as the first or as a further one.
 */
static bool
rematch_all(struct change *change)
{
	const struct snapshot *former = change->slot->snapshot;
	bool same_policy = policy_equal(
	    former->enclave->policy, change->draft->enclave->policy);

	if (!change_expired(change))
		return false;
	for (size_t i = 0; i < former->count; i++) {
		const struct entry *entry = &former->entries[i];

		if (entry->state == ENTRY_ACCEPTED && !rematch(change, i))
			return false;
		if (entry->state == ENTRY_SPENT && !same_policy &&
		    !withdraw_spent(change, entry))
			return false;
	}
	for (size_t i = 0; i < former->count; i++) {
		const struct entry *entry = &former->entries[i];

		if (entry->state == ENTRY_WITHDRAWN && entry->claims &&
		    !rematch(change, i))
			return false;
	}
	snapshot_trim(change->draft, change->now);
	return change_expired(change);
}

/* Nothing that a verdict rests on changed: only the map's own objects do. */
static void
adopt(struct change *change)
{
	struct snapshot *draft = change->draft;

	draft->generation = change->slot->snapshot->generation;
	for (size_t i = 0; i < draft->count; i++) {
		struct entry *entry = &draft->entries[i];

		if (entry->state != ENTRY_ACCEPTED)
			continue;
		policy_unref(entry->policy);
		entry->policy = policy_ref(draft->enclave->policy);
	}
}

static bool
tell_insecure(struct change *change)
{
	struct enclave_client_error about = {0};

	error_set(&about, ENCLAVE_CLIENT_OK, ENCLAVE_CLIENT_STEP_NONE,
	    "a switch that weakens this enclave's verdicts is on");
	return change_tell(change, ENCLAVE_CLIENT_EVENT_INSECURE, &about);
}

/* A policy is told of once, when it comes into force. */
static bool
tell_without_code(struct change *change, const struct policy *policy)
{
	struct enclave_client_error about = {0};

	return !policy_without_code(policy, &about) ||
	       change_tell(change, ENCLAVE_CLIENT_EVENT_INSECURE, &about);
}

/* The enclave keeps its slot. */
static bool
plan_kept(struct change *change, struct enclave *enclave)
{
	const struct snapshot *former = change->slot->snapshot;

	change->draft = snapshot_new(former, enclave, 0);
	if (!change->draft)
		return false;
	if (enclave_equal(former->enclave, enclave)) {
		adopt(change);
		return true;
	}
	change->configured = true;
	change->draft->policy_generation = id_next();
	if (enclave->insecure && !former->enclave->insecure &&
	    !tell_insecure(change))
		return false;
	if (!policy_equal(former->enclave->policy, enclave->policy) &&
	    !tell_without_code(change, enclave->policy))
		return false;
	return rematch_all(change);
}

static bool
plan_enclave(struct update *update, struct enclave *enclave)
{
	struct cache_slot *slot = table_find(update->former, enclave->name);
	struct change *change = &update->changes[update->count];

	if (slot && same_slot(slot->snapshot->enclave, enclave)) {
		update->next->slots[enclave->index] = cache_slot_ref(slot);
		update->count++;
		change_begin(change, update->cache, slot);
		return plan_kept(change, enclave);
	}
	slot = slot_new(enclave);
	if (!slot)
		return false;
	update->next->slots[enclave->index] = slot;
	update->count++;
	change_begin(change, update->cache, slot);
	change->configured = true;
	if (enclave->insecure && !tell_insecure(change))
		return false;
	return tell_without_code(change, enclave->policy);
}

/* What is left of an enclave that is no longer configured: no key. */
static bool
plan_removed(struct update *update, struct cache_slot *slot)
{
	struct change *change = &update->changes[update->count];
	struct snapshot *former = slot->snapshot;

	if (table_find(update->next, former->enclave->name) == slot)
		return true;
	update->count++;
	change_begin(change, update->cache, slot);
	change->configured = true;
	change->removes = true;
	change->attested = false;
	change->draft = snapshot_new(NULL, former->enclave, 0);
	return change->draft != NULL;
}

static bool
plan(struct update *update, struct enclave_map *map)
{
	size_t count = enclave_map_count(map);
	size_t former = update->former ? update->former->count : 0;

	update->changes =
	    calloc(count + former + 1, sizeof(update->changes[0]));
	update->next = table_new(map, count);
	if (!update->changes || !update->next)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!plan_enclave(update, enclave_map_at(map, i)))
			return false;
	for (size_t i = 0; i < former; i++)
		if (!plan_removed(update, update->former->slots[i]))
			return false;
	return true;
}

/*
 * Enclaves that stay, then the map, then those that go: who finds an enclave
 * in the new map finds it under its new policy, and an origin that moved from
 * one name to another is never without an owner.
 */
static void
apply(struct update *update)
{
	update->cache->replaced = update->former;
	for (size_t i = 0; i < update->count; i++)
		if (!update->changes[i].removes)
			change_commit(&update->changes[i]);
	update->next = table_swap(update->cache, update->next);
	for (size_t i = 0; i < update->count; i++)
		if (update->changes[i].removes)
			change_commit(&update->changes[i]);
	update->cache->replaced = NULL;
}

/* No lock is held: another update may be changing the same slots. */
static void
finish(struct update *update)
{
	bool wake = false;

	for (size_t i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];

		if (change->committed && change->configured)
			wake |= dirty_add(update->cache, change->slot,
			    CACHE_DIRTY_CONFIGURED);
	}
	if (wake)
		dirty_wake(update->cache);
	cache_broadcast(update->cache);
	for (size_t i = 0; i < update->count; i++)
		change_finish(&update->changes[i]);
	table_unref(update->next);
	free(update->changes);
}

enum enclave_client_status
cache_update(struct cache *cache, struct enclave_map *map,
    struct enclave_client_error *error)
{
	struct update update = {.cache = cache};
	bool planned;

	pthread_mutex_lock(&cache->write);
	update.former = cache->table;
	planned = plan(&update, map);
	if (planned)
		apply(&update);
	pthread_mutex_unlock(&cache->write);
	finish(&update);
	if (!planned)
		return error_memory(error);
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}
