#include "cache/events.h"

#include <stdlib.h>
#include <string.h>

#include "cache/state.h"

struct event_node {
	struct event_node *next;
	struct enclave *enclave;
	struct event_fact fact; /* its message is the one below */
	char message[];
};

bool
events_add(struct events *events, struct enclave *enclave,
    const struct event_fact *fact)
{
	size_t size_bytes = strlen(fact->message) + 1;
	struct event_node *node = malloc(sizeof(*node) + size_bytes);

	if (!node)
		return false;
	node->next = NULL;
	node->enclave = enclave_ref(enclave);
	node->fact = *fact;
	memcpy(node->message, fact->message, size_bytes);
	node->fact.message = node->message;
	*(events->last ? events->last : &events->first) = node;
	events->last = &node->next;
	return true;
}

static struct event_node *
take_first(struct events *events)
{
	struct event_node *node = events->first;

	if (!node)
		return NULL;
	events->first = node->next;
	if (!events->first)
		events->last = NULL;
	return node;
}

static void
node_free(struct event_node *node)
{
	enclave_unref(node->enclave);
	free(node);
}

void
events_tell(struct events *events, const struct cache_hooks *hooks)
{
	struct event_node *node;

	while ((node = take_first(events))) {
		struct enclave_client_event event = {
		    .kind = node->fact.kind,
		    .enclave = node->enclave->name,
		    .status = node->fact.status,
		    .step = node->fact.step,
		    .message = node->message,
		    .at_ms = node->fact.at_ms,
		};

		if (hooks->event)
			hooks->event(&event, hooks->event_context);
		node_free(node);
	}
}

void
events_clear(struct events *events)
{
	struct event_node *node;

	while ((node = take_first(events)))
		node_free(node);
}

void
cache_tell(struct cache *cache, const struct enclave *enclave,
    enum enclave_client_event_kind kind,
    const struct enclave_client_error *about)
{
	const struct enclave_client_event event = {
	    .kind = kind,
	    .enclave = enclave ? enclave->name : "",
	    .status = about->status,
	    .step = about->step,
	    .message = about->message,
	    .at_ms = clock_now(cache->appraiser->clock).wall_ms,
	};

	if (cache->hooks.event)
		cache->hooks.event(&event, cache->hooks.event_context);
}
