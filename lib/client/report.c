#include "client/report.h"

#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/lookup.h"

const char *
enclave_client_state_name(enum enclave_client_state state)
{
	switch (state) {
	case ENCLAVE_CLIENT_STATE_COLD:
		return "cold";
	case ENCLAVE_CLIENT_STATE_ATTESTED:
		return "attested";
	case ENCLAVE_CLIENT_STATE_EXPIRED:
		return "expired";
	case ENCLAVE_CLIENT_STATE_REFUSED:
		return "refused";
	case ENCLAVE_CLIENT_STATE_UNREACHABLE:
		return "unreachable";
	}
	return "unknown";
}

#define COUNTER(NAME, HELP)                                                    \
	{                                                                      \
#NAME, HELP, offsetof(struct enclave_client_counters, NAME)    \
	}

const struct report_counter report_counters[] = {
    COUNTER(polls, "Evidence fetched by the background thread."),
    COUNTER(polls_failed, "Polls that brought no accepted evidence."),
    COUNTER(documents_accepted, "Documents accepted, from any source."),
    COUNTER(documents_refused, "Documents refused, from any source."),
    COUNTER(requests, "Requests that the gate let through."),
    COUNTER(refusals, "Connections or requests that the gate refused."),
    COUNTER(learnings, "Evidence fetched by requests."),
};
const size_t report_counters_count =
    sizeof(report_counters) / sizeof(report_counters[0]);

uint64_t
report_counter_value(const struct report_counter *counter,
    const struct enclave_client_report_enclave *enclave)
{
	uint64_t value;

	memcpy(&value, (const char *)&enclave->counters + counter->offset,
	    sizeof(value));
	return value;
}

static struct enclave_client_counters
read_counters(struct cache_slot *slot)
{
	return (struct enclave_client_counters){
	    .polls = cache_counted(slot, CACHE_POLLS),
	    .polls_failed = cache_counted(slot, CACHE_POLLS_FAILED),
	    .documents_accepted = cache_counted(slot, CACHE_DOCUMENTS_ACCEPTED),
	    .documents_refused = cache_counted(slot, CACHE_DOCUMENTS_REFUSED),
	    .requests = cache_counted(slot, CACHE_REQUESTS),
	    .refusals = cache_counted(slot, CACHE_REFUSALS),
	    .learnings = cache_counted(slot, CACHE_LEARNINGS),
	};
}

/* Evidence that was refused says more than a key that has ended before it. */
static enum enclave_client_state
state_of(const struct cache_inspection *inspection,
    const struct enclave_client_error *last)
{
	bool judged = last->status && last->step != ENCLAVE_CLIENT_STEP_FETCH;

	if (inspection->key_count)
		return ENCLAVE_CLIENT_STATE_ATTESTED;
	if (judged || (inspection->has_withdrawn && !inspection->was_attested))
		return ENCLAVE_CLIENT_STATE_REFUSED;
	if (inspection->was_attested)
		return ENCLAVE_CLIENT_STATE_EXPIRED;
	if (last->status)
		return ENCLAVE_CLIENT_STATE_UNREACHABLE;
	return ENCLAVE_CLIENT_STATE_COLD;
}

/*
 * On the wall clock of now.  Where that clock was set back since, the boot
 * clock ends the key before its wall time comes.  Less than a second is what
 * reading two clocks makes: a number that stands still is worth more.
 */
static int64_t
shown_deadline_ms(struct deadline deadline, struct moment now)
{
	int64_t end_ms = now.wall_ms + deadline_left_ms(deadline, now);

	return deadline.wall_ms - end_ms < 1000 ? deadline.wall_ms : end_ms;
}

static bool
fill_keys(struct report_item *item, struct moment now)
{
	size_t count = item->inspection.key_count;

	item->keys = calloc(count + 1, sizeof(item->keys[0]));
	if (!item->keys)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct cache_hit *hit = &item->inspection.keys[i];
		struct enclave_client_report_key *key = &item->keys[i];

		hex_encode(
		    (struct bytes){hit->key.sha256, sizeof(hit->key.sha256)},
		    key->sha256);
		key->module_id = claims_module_id(hit->claims);
		key->timestamp_ms = claims_timestamp_ms(hit->claims);
		key->deadline_ms = shown_deadline_ms(hit->deadline, now);
		key->set_label = policy_set_label(hit->policy, hit->set);
		key->set_index = hit->set;
	}
	return true;
}

static bool
fill_item(struct report_item *item, const struct enclave_client *client,
    struct cache_slot *slot)
{
	struct enclave_client_error last = {0};
	struct moment now = clock_now(client->clock);

	item->enclave = cache_slot_enclave(slot, NULL);
	cache_last_failure(slot, &last);
	item->message = strdup(last.status ? error_reason(&last) : "");
	if (!item->message || !cache_inspect(slot, now, &item->inspection) ||
	    !fill_keys(item, now))
		return false;
	item->shown = (struct enclave_client_report_enclave){
	    .name = item->enclave->name,
	    .url = item->enclave->url,
	    .state = state_of(&item->inspection, &last),
	    .insecure = client->insecure || item->enclave->insecure,
	    .generation = item->inspection.generation,
	    .keys = item->keys,
	    .key_count = item->inspection.key_count,
	    .last_poll_ms = item->inspection.last_poll_ms,
	    .next_poll_ms = client->polling ? item->inspection.next_poll_ms : 0,
	    .last_status = last.status,
	    .last_step = last.step,
	    .last_message = item->message,
	    .counters = read_counters(slot),
	};
	return true;
}

static struct enclave_client_report *
report_new(const struct enclave_client *client, size_t room)
{
	struct enclave_client_report *report =
	    calloc(1, sizeof(*report) + room * sizeof(report->items[0]));

	if (report)
		report->at_ms = clock_now(client->clock).wall_ms;
	return report;
}

void
enclave_client_report_free(struct enclave_client_report *report)
{
	for (size_t i = 0; report && i < report->count; i++) {
		struct report_item *item = &report->items[i];

		cache_inspection_clear(&item->inspection);
		enclave_unref(item->enclave);
		free(item->keys);
		free(item->message);
	}
	free(report);
}

static enum enclave_client_status
report_one(struct enclave_client *client, const char *name,
    struct enclave_client_report **ret_report,
    struct enclave_client_error *error)
{
	struct cache_slot *slot = NULL;
	enum enclave_client_status status =
	    lookup_name(client, name, &slot, error);
	struct enclave_client_report *report;

	if (status)
		return status;
	report = report_new(client, 1);
	if (report) {
		report->count = 1;
		if (!fill_item(&report->items[0], client, slot)) {
			enclave_client_report_free(report);
			report = NULL;
		}
	}
	cache_slot_unref(slot);
	if (!report)
		return error_memory(error);
	*ret_report = report;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
report_all(struct enclave_client *client,
    struct enclave_client_report **ret_report,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = client_enter(client, error);
	struct cache_slots slots;
	struct enclave_client_report *report;
	bool filled = true;

	if (status)
		return status;
	slots = cache_slots_begin(client->cache);
	report = report_new(client, slots.count);
	for (size_t i = 0; report && filled && i < slots.count; i++) {
		report->count = i + 1;
		filled = fill_item(&report->items[i], client, slots.slots[i]);
	}
	cache_slots_end(&slots);
	if (!report || !filled) {
		enclave_client_report_free(report);
		return error_memory(error);
	}
	*ret_report = report;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_report(struct enclave_client *client, const char *name,
    struct enclave_client_report **ret_report,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!client || !ret_report)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client and a place for the report are needed");
	status = name ? report_one(client, name, ret_report, error)
		      : report_all(client, ret_report, error);
	if (!status)
		error_clear(error);
	return status;
}

size_t
enclave_client_report_count(const struct enclave_client_report *report)
{
	return report ? report->count : 0;
}

const struct enclave_client_report_enclave *
enclave_client_report_at(
    const struct enclave_client_report *report, size_t index)
{
	return report && index < report->count ? &report->items[index].shown
					       : NULL;
}
