/*
 * What evidence does to the keys of an enclave (DESIGN section 3).  Every
 * function here runs under the write mutex, and works on a change that is
 * committed only when all of it was possible.
 */
#include <stdio.h>

#include "base/limits.h"
#include "cache/change.h"
#include "cache/key_name.h"

struct publication {
	struct change change;
	uint64_t policy_generation; /* under which it was matched */
	struct appraisal *appraisal;
	/* Why not, while and unless the verdict is OK.  The caller's own
	 * error object may be NULL, and events need the words. */
	struct enclave_client_error reason;
};

static bool
category_measurement(enum enclave_client_status status)
{
	return enclave_client_status_category(status) ==
	       ENCLAVE_CLIENT_CATEGORY_MEASUREMENT;
}

/* A refusal that leaves every key as it is. */
static enum enclave_client_status
refuse(struct publication *publication, enum enclave_client_event_kind kind)
{
	if (!change_refused(&publication->change, kind, &publication->reason))
		return error_memory(&publication->reason);
	return publication->reason.status;
}

static enum enclave_client_status
refuse_older(struct publication *publication, const struct refusal *refusal)
{
	char prefix[96];

	(void)snprintf(prefix, sizeof(prefix),
	    "key %s was withdrawn by newer evidence: ",
	    key_name(&publication->appraisal->key).hex);
	(void)refusal_tell(refusal, prefix, &publication->reason);
	return refuse(publication, ENCLAVE_CLIENT_EVENT_REFUSED);
}

static enum enclave_client_status
refuse_forgotten(struct publication *publication)
{
	error_set(&publication->reason, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY,
	    "key %s may have been withdrawn by newer evidence: more "
	    "withdrawals came than can be remembered",
	    key_name(&publication->appraisal->key).hex);
	return refuse(publication, ENCLAVE_CLIENT_EVENT_REFUSED);
}

static enum enclave_client_status
refuse_ended(struct publication *publication, const struct entry *entry)
{
	error_set(&publication->reason, entry->end_status,
	    ENCLAVE_CLIENT_STEP_TIME,
	    "the evidence for key %s has expired already",
	    key_name(&entry->key).hex);
	error_set_deadline(&publication->reason, entry->deadline.wall_ms);
	return refuse(publication, ENCLAVE_CLIENT_EVENT_REFUSED);
}

static enum enclave_client_status
succeed(struct publication *publication)
{
	if (!change_recovered(&publication->change))
		return error_memory(&publication->reason);
	error_clear(&publication->reason);
	return ENCLAVE_CLIENT_OK;
}

/* Every key that is live ends later than this one would. */
static enum enclave_client_status
refuse_room(struct publication *publication)
{
	change_drop_draft(&publication->change);
	error_set(&publication->reason, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "no room for key %s: %d keys with later ends are live",
	    key_name(&publication->appraisal->key).hex, KEYS_PER_ENCLAVE_MAX);
	return refuse(publication, ENCLAVE_CLIENT_EVENT_REFUSED);
}

static enum enclave_client_status
put_accepted(struct publication *publication, const struct entry *entry)
{
	struct change *change = &publication->change;
	const struct entry *former =
	    snapshot_find(change_view(change), &entry->key);
	bool was_live = former && entry_live(former, change->now);
	struct snapshot *draft = change_draft(change);

	if (!draft || !snapshot_put(draft, entry))
		return error_memory(&publication->reason);
	snapshot_trim(draft, change->now);
	if (!snapshot_find(draft, &entry->key))
		return refuse_room(publication);
	if (!was_live && !change_attested(change, entry))
		return error_memory(&publication->reason);
	return succeed(publication);
}

/* Accepted evidence that is not newer than what is known of its key. */
static enum enclave_client_status
publish_known(struct publication *publication, const struct entry *known)
{
	struct change *change = &publication->change;
	struct entry entry;

	if (known->state == ENTRY_WITHDRAWN)
		return refuse_older(publication, known->reason);
	if (deadline_passed(known->deadline, change->now))
		return refuse_ended(publication, known);
	if (known->state == ENTRY_ACCEPTED)
		return succeed(publication);
	/*
	 * Spent by a wall clock that was wrong and is right again.  Counted
	 * from where it was first judged, so no end moves.
	 */
	entry = entry_accepted(publication->appraisal,
	    change_view(change)->enclave, known->judged);
	if (deadline_passed(entry.deadline, change->now))
		return refuse_ended(publication, &entry);
	return put_accepted(publication, &entry);
}

static enum enclave_client_status
publish_accepted(struct publication *publication)
{
	struct change *change = &publication->change;
	const struct snapshot *snapshot = change_view(change);
	const struct appraisal *appraisal = publication->appraisal;
	const struct entry *known = snapshot_find(snapshot, &appraisal->key);
	struct entry entry =
	    entry_accepted(appraisal, snapshot->enclave, appraisal->judged);

	if (known && entry.timestamp_ms <= known->timestamp_ms)
		return publish_known(publication, known);
	if (!known && entry.timestamp_ms <= snapshot->forgotten_ms)
		return refuse_forgotten(publication);
	if (deadline_passed(entry.deadline, change->now))
		return refuse_ended(publication, &entry);
	return put_accepted(publication, &entry);
}

static bool
withdraw(struct publication *publication)
{
	struct change *change = &publication->change;
	struct refusal *reason = refusal_new(&publication->reason);
	struct entry entry;
	bool done;

	if (!reason)
		return false;
	entry = entry_withdrawn(publication->appraisal, reason);
	done = change_withdrawn(change, &entry);
	if (done)
		snapshot_trim(change->draft, change->now);
	refusal_unref(reason);
	return done;
}

/*
 * Authentic, names a key, and no accepted set matches.  Where it is newer
 * than what is known of the key, the key goes, held or not: an unaccepted
 * build has it, and older evidence must not bring it back.
 */
static enum enclave_client_status
publish_unaccepted(struct publication *publication)
{
	struct change *change = &publication->change;
	const struct snapshot *snapshot = change_view(change);
	const struct appraisal *appraisal = publication->appraisal;
	const struct entry *known = snapshot_find(snapshot, &appraisal->key);
	int64_t timestamp_ms = claims_timestamp_ms(appraisal->claims);
	bool held = known && entry_live(known, change->now);

	if (snapshot->enclave->insecure_keep_withdrawn ||
	    (known && timestamp_ms <= known->timestamp_ms))
		return refuse(
		    publication, ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED);
	if (!withdraw(publication))
		return error_memory(&publication->reason);
	if (!held)
		return refuse(
		    publication, ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED);
	if (!change_failed(change, ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED,
		&publication->reason))
		return error_memory(&publication->reason);
	return publication->reason.status;
}

static void
set_reason(struct publication *publication, enum enclave_client_status status,
    const struct enclave_client_error *error)
{
	error_clear(&publication->reason);
	if (status == ENCLAVE_CLIENT_OK)
		return;
	if (error && error->status == status)
		error_copy(&publication->reason, error);
	else
		error_set(&publication->reason, status,
		    ENCLAVE_CLIENT_STEP_NONE, "%s",
		    enclave_client_status_text(status));
}

/*
 * What the appraisal and the error beside it amount to.  An appraisal without
 * claims was refused, whatever its status says.
 */
static void
take_reason(
    struct publication *publication, const struct enclave_client_error *error)
{
	const struct appraisal *appraisal = publication->appraisal;
	enum enclave_client_status status = appraisal->status;

	if (!appraisal->claims && status == ENCLAVE_CLIENT_OK)
		status = error && error->status ? error->status
						: ENCLAVE_CLIENT_ERR_INTERNAL;
	set_reason(publication, status, error);
}

/* The enclave's policy is another one than the evidence was matched under. */
static void
match_again(struct publication *publication)
{
	struct appraisal *appraisal = publication->appraisal;
	struct appraisal again = {0};
	struct enclave_client_error error = {0};

	appraisal->status =
	    appraise_claims(publication->change.cache->appraiser,
		change_view(&publication->change)->enclave, appraisal->claims,
		&again, &error);
	set_reason(publication, appraisal->status, &error);
	if (appraisal->status == ENCLAVE_CLIENT_OK) {
		/* A slot keeps its rule, so a key that was named stands. */
		if (!appraisal->key_named)
			appraisal->key = again.key;
		appraisal->key_named = again.key_named;
		appraisal->set = again.set;
		appraisal->deadline_ms = again.deadline_ms;
	}
	appraisal_clear(&again);
}

/* OK and measurement refusals say something about a key; nothing else does. */
static bool
judged_by_policy(const struct appraisal *appraisal)
{
	return appraisal->claims &&
	       (appraisal->status == ENCLAVE_CLIENT_OK ||
		   category_measurement(appraisal->status));
}

static enum enclave_client_status
publish_judged(struct publication *publication)
{
	struct appraisal *appraisal = publication->appraisal;

	if (!claims_authentic(appraisal->claims) ||
	    claims_replayed(appraisal->claims))
		return error_set(&publication->reason, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "evidence that was not judged now serves no connection");
	if (publication->policy_generation !=
	    change_view(&publication->change)->policy_generation)
		match_again(publication);
	if (appraisal->status == ENCLAVE_CLIENT_OK && appraisal->key_named)
		return publish_accepted(publication);
	if (appraisal->status == ENCLAVE_CLIENT_OK)
		return error_set(&publication->reason,
		    ENCLAVE_CLIENT_ERR_INTERNAL, ENCLAVE_CLIENT_STEP_BINDING,
		    "accepted evidence names no key");
	if (category_measurement(appraisal->status) && appraisal->key_named)
		return publish_unaccepted(publication);
	return refuse(
	    publication, category_measurement(appraisal->status)
			     ? ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED
			     : ENCLAVE_CLIENT_EVENT_REFUSED);
}

/* Under the write mutex.  Commits unless the cache itself failed. */
static enum enclave_client_status
publish_locked(struct publication *publication)
{
	struct change *change = &publication->change;
	enum enclave_client_status status;

	if (cache_slot_removed(change->slot))
		return error_set(&publication->reason,
		    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the enclave was removed from the configuration");
	if (!change_expired(change))
		return error_memory(&publication->reason);
	status = judged_by_policy(publication->appraisal)
		     ? publish_judged(publication)
		     : refuse(publication, ENCLAVE_CLIENT_EVENT_REFUSED);
	if (enclave_client_status_category(status) !=
	    ENCLAVE_CLIENT_CATEGORY_MEMORY)
		change_commit(change);
	return status;
}

/* Readers that wait for this, and the poller, which need not poll now. */
static void
announce(struct cache *cache, struct cache_slot *slot)
{
	cache_broadcast(cache);
	if (dirty_add(cache, slot, CACHE_DIRTY_PUBLISHED))
		dirty_wake(cache);
}

static enum enclave_client_status
publish_key(struct cache *cache, struct cache_slot *slot,
    uint64_t policy_generation, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	struct publication publication = {
	    .policy_generation = policy_generation,
	    .appraisal = appraisal,
	};
	enum enclave_client_status status;
	struct enclave *enclave;

	take_reason(&publication, error);
	pthread_mutex_lock(&cache->write);
	change_begin(&publication.change, cache, slot);
	enclave = enclave_ref(slot->snapshot->enclave);
	status = publish_locked(&publication);
	pthread_mutex_unlock(&cache->write);

	error_set_enclave(&publication.reason, enclave->name);
	error_copy(error, &publication.reason);
	enclave_unref(enclave);
	if (status == ENCLAVE_CLIENT_OK && publication.change.draft)
		announce(cache, slot);
	change_finish(&publication.change);
	return status;
}

/* A document once, whatever number of keys it names.  Want of memory and an
 * enclave that has gone say nothing about it. */
static void
count_document(struct cache_slot *slot, enum enclave_client_status status)
{
	if (status == ENCLAVE_CLIENT_OK)
		cache_count(slot, CACHE_DOCUMENTS_ACCEPTED);
	else if (status != ENCLAVE_CLIENT_ERR_MEMORY &&
		 status != ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE)
		cache_count(slot, CACHE_DOCUMENTS_REFUSED);
}

enum enclave_client_status
cache_publish(struct cache *cache, struct cache_slot *slot,
    uint64_t policy_generation, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	struct appraisal further = *appraisal;
	struct enclave_client_error given = {0};
	enum enclave_client_status status;

	error_copy(&given, error);
	status = publish_key(cache, slot, policy_generation, appraisal, error);
	for (size_t i = 0; i < further.more_count; i++) {
		struct appraisal other = further;
		struct enclave_client_error reason = given;
		enum enclave_client_status one;
		if (status == ENCLAVE_CLIENT_ERR_MEMORY)
			break;
		other.key = further.more[i];
		one = publish_key(
		    cache, slot, policy_generation, &other, &reason);
		/* Any live key is a success; want of memory is none. */
		if (one == ENCLAVE_CLIENT_ERR_MEMORY ||
		    (one == ENCLAVE_CLIENT_OK && status)) {
			status = one;
			error_copy(error, &reason);
		}
	}
	count_document(slot, status);
	return status;
}
