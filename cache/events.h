/*
 * Events are collected while locks are held and told once none is, on the
 * thread that made the change.
 */
#ifndef CACHE_EVENTS_H
#define CACHE_EVENTS_H

#include <stdbool.h>

#include "cache/cache.h"

struct event_node;

struct events {
	struct event_node *first;
	struct event_node **last; /* NULL while empty */
};

/* What is to be told; message is copied. */
struct event_fact {
	enum enclave_client_event_kind kind;
	enum enclave_client_status status;
	enum enclave_client_step step;
	int64_t at_ms;
	const char *message;
};

/* False when memory is short. */
bool events_add(struct events *events, struct enclave *enclave,
    const struct event_fact *fact);
/* Tells in order, and frees.  No lock may be held. */
void events_tell(struct events *events, const struct cache_hooks *hooks);
void events_clear(struct events *events);

#endif
