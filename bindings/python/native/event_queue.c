#include "event_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A reader that lags so far behind reads nothing; later events would only
 * say the same again. */
#define EVENTS_MAX 256

struct event_queue {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool closed;
	size_t first;
	size_t count;
	uint64_t dropped;
	struct queued_event events[EVENTS_MAX];
};

struct event_queue *
event_queue_new(void)
{
	struct event_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	(void)pthread_mutex_init(&queue->mutex, NULL);
	(void)pthread_cond_init(&queue->changed, NULL);
	return queue;
}

void
event_queue_free(struct event_queue *queue)
{
	if (!queue)
		return;
	(void)pthread_cond_destroy(&queue->changed);
	(void)pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

/* The destination stays terminated: the queue was zeroed and the last byte is
 * never written. */
static void
copy_text(char *destination, size_t size, const char *text)
{
	size_t len = text ? strnlen(text, size - 1) : 0;

	if (len)
		memcpy(destination, text, len);
	destination[len] = '\0';
}

void
event_queue_push(const struct enclave_client_event *event, void *context)
{
	struct event_queue *queue = context;
	struct queued_event *place;

	(void)pthread_mutex_lock(&queue->mutex);
	if (queue->closed || queue->count == EVENTS_MAX) {
		queue->dropped++;
		goto out;
	}
	place = &queue->events[(queue->first + queue->count) % EVENTS_MAX];
	place->kind = (int)event->kind;
	place->status = (int)event->status;
	place->step = (int)event->step;
	place->at_ms = event->at_ms;
	place->dropped = queue->dropped;
	copy_text(place->enclave, sizeof(place->enclave), event->enclave);
	copy_text(place->message, sizeof(place->message), event->message);
	queue->dropped = 0;
	queue->count++;
	(void)pthread_cond_signal(&queue->changed);
out:
	(void)pthread_mutex_unlock(&queue->mutex);
}

bool
event_queue_pop(struct event_queue *queue, struct queued_event *ret_event)
{
	bool found;

	(void)pthread_mutex_lock(&queue->mutex);
	while (queue->count == 0 && !queue->closed)
		(void)pthread_cond_wait(&queue->changed, &queue->mutex);
	found = queue->count > 0;
	if (found) {
		*ret_event = queue->events[queue->first];
		queue->first = (queue->first + 1) % EVENTS_MAX;
		queue->count--;
	}
	(void)pthread_mutex_unlock(&queue->mutex);
	return found;
}

void
event_queue_after_fork(struct event_queue *queue)
{
	(void)pthread_mutex_init(&queue->mutex, NULL);
	(void)pthread_cond_init(&queue->changed, NULL);
	queue->first = 0;
	queue->count = 0;
	queue->dropped = 0;
}

void
event_queue_close(struct event_queue *queue)
{
	(void)pthread_mutex_lock(&queue->mutex);
	queue->closed = true;
	(void)pthread_cond_broadcast(&queue->changed);
	(void)pthread_mutex_unlock(&queue->mutex);
}
