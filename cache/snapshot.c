#include "cache/snapshot.h"

#include <stdlib.h>

#include "base/id.h"
#include "base/limits.h"

struct snapshot *
snapshot_new(const struct snapshot *from, struct enclave *enclave, size_t more)
{
	size_t count = from ? from->count : 0;
	struct snapshot *draft =
	    malloc(sizeof(*draft) + (count + more) * sizeof(draft->entries[0]));

	if (!draft)
		return NULL;
	atomic_init(&draft->references, 1);
	draft->generation = id_next();
	draft->policy_generation =
	    from ? from->policy_generation : draft->generation;
	draft->enclave = enclave_ref(enclave);
	draft->forgotten_ms = from ? from->forgotten_ms : INT64_MIN;
	draft->count = count;
	draft->room = count + more;
	for (size_t i = 0; i < count; i++) {
		draft->entries[i] = from->entries[i];
		entry_ref(&draft->entries[i]);
	}
	return draft;
}

struct snapshot *
snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add_explicit(
	    &snapshot->references, 1, memory_order_relaxed);
	return snapshot;
}

void
snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1,
			     memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		entry_unref(&snapshot->entries[i]);
	enclave_unref(snapshot->enclave);
	free(snapshot);
}

const struct entry *
snapshot_find(const struct snapshot *snapshot, const struct binding_key *key)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (binding_key_equal(&snapshot->entries[i].key, key))
			return &snapshot->entries[i];
	return NULL;
}

size_t
snapshot_live(const struct snapshot *snapshot, struct moment now)
{
	size_t live = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		live += entry_live(&snapshot->entries[i], now);
	return live;
}

bool
snapshot_put(struct snapshot *draft, const struct entry *entry)
{
	size_t i = 0;

	while (i < draft->count &&
	       !binding_key_equal(&draft->entries[i].key, &entry->key))
		i++;
	if (i == draft->room)
		return false;
	entry_ref(entry);
	if (i < draft->count)
		entry_unref(&draft->entries[i]);
	else
		draft->count++;
	draft->entries[i] = *entry;
	return true;
}

void
snapshot_spend(struct snapshot *draft, size_t index)
{
	struct entry *entry = &draft->entries[index];

	entry_unref(entry);
	entry->state = ENTRY_SPENT;
	entry->claims = NULL;
	entry->policy = NULL;
	entry->reason = NULL;
}

static void
drop(struct snapshot *draft, size_t index)
{
	entry_unref(&draft->entries[index]);
	draft->count--;
	for (size_t i = index; i < draft->count; i++)
		draft->entries[i] = draft->entries[i + 1];
}

/* Unlike deadline_left_ms, tells one passed deadline from another. */
static int64_t
ends_in_ms(const struct entry *entry, struct moment now)
{
	int64_t wall_ms = entry->deadline.wall_ms - now.wall_ms;
	int64_t boot_ms = entry->deadline.boot_ms - now.boot_ms;

	return wall_ms < boot_ms ? wall_ms : boot_ms;
}

/* True when a goes before b, both withdrawn or neither. */
static bool
goes_before(const struct entry *a, const struct entry *b, struct moment now)
{
	if (a->state == ENTRY_WITHDRAWN)
		return a->timestamp_ms < b->timestamp_ms;
	return ends_in_ms(a, now) < ends_in_ms(b, now);
}

/* Drops the first to go of those that are withdrawn, or not, above max. */
static bool
drop_one_above(
    struct snapshot *draft, bool withdrawn, size_t max, struct moment now)
{
	const struct entry *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < draft->count; i++) {
		const struct entry *entry = &draft->entries[i];

		if ((entry->state == ENTRY_WITHDRAWN) != withdrawn)
			continue;
		count++;
		if (!first || goes_before(entry, first, now))
			first = entry;
	}
	if (!first || count <= max)
		return false;
	/*
	 * A forgotten withdrawal must not let older evidence back in, or an
	 * attacker who owns an enclave would push it out with withdrawals of
	 * his own.  From now on no unknown key enters on evidence as old.
	 */
	if (withdrawn && first->timestamp_ms > draft->forgotten_ms)
		draft->forgotten_ms = first->timestamp_ms;
	drop(draft, (size_t)(first - draft->entries));
	return true;
}

void
snapshot_trim(struct snapshot *draft, struct moment now)
{
	while (drop_one_above(draft, false, KEYS_PER_ENCLAVE_MAX, now))
		continue;
	while (drop_one_above(draft, true, WITHDRAWN_PER_ENCLAVE_MAX, now))
		continue;
}
