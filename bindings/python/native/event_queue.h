/*
 * Between the client's threads and Python (internally locked).
 *
 * The event callback runs on whatever thread the event happened on: the
 * poller's, which must never wait for the interpreter's lock, and which still
 * runs while the interpreter ends.  So the callback is C, copies the event and
 * returns; a Python thread takes the copies out.
 */
#ifndef EVENT_QUEUE_H
#define EVENT_QUEUE_H

#include <enclave_client.h>

/* An event's own copy.  Texts that do not fit are cut. */
struct queued_event {
	int kind;
	int status;
	int step;
	int64_t at_ms;
	uint64_t dropped; /* events before this one that found no room */
	char enclave[256];
	char message[1024];
};

struct event_queue;

/* New; NULL when memory is short. */
struct event_queue *event_queue_new(void);
/* When nobody pushes or pops any more. */
void event_queue_free(struct event_queue *queue);
/* An enclave_client_event_callback; context is the queue.  Never blocks for
 * long: where the queue is full the event is counted and dropped. */
void event_queue_push(const struct enclave_client_event *event, void *context);
/* Waits for an event; false when the queue was closed and is empty. */
bool event_queue_pop(struct event_queue *queue, struct queued_event *ret_event);
/*
 * In a forked child, before anything else: what was queued is the parent's to
 * tell, and threads that held or awaited the queue are not there any more.
 */
void event_queue_after_fork(struct event_queue *queue);
/* Whoever waits in event_queue_pop() returns.  Any number of times. */
void event_queue_close(struct event_queue *queue);

#endif
