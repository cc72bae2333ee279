#include "poller/verify_queue.h"

#include "poller/thread.h"

static void
append(struct poll_list *list, struct poll *poll)
{
	poll->next = NULL;
	*(list->last ? &list->last->next : &list->first) = poll;
	list->last = poll;
}

static struct poll *
take_first(struct poll_list *list)
{
	struct poll *poll = list->first;

	if (!poll)
		return NULL;
	list->first = poll->next;
	if (!list->first)
		list->last = NULL;
	return poll;
}

/* The next to judge; NULL: it is over, or none is there to be waited for. */
static struct poll *
next_poll(struct verify_queue *queue, bool wait)
{
	struct poll *poll = NULL;

	(void)pthread_mutex_lock(&queue->lock);
	while (wait && !queue->stop && !queue->waiting.first)
		(void)pthread_cond_wait(&queue->added, &queue->lock);
	if (!queue->stop)
		poll = take_first(&queue->waiting);
	(void)pthread_mutex_unlock(&queue->lock);
	return poll;
}

static void
hand_back(struct verify_queue *queue, struct poll *poll)
{
	bool unseen;

	(void)pthread_mutex_lock(&queue->lock);
	unseen = queue->judged.first != NULL;
	append(&queue->judged, poll);
	(void)pthread_mutex_unlock(&queue->lock);
	/* Who was woken for the one before finds this one too. */
	if (!unseen)
		queue->wake(queue->wake_context);
}

static void
judge_polls(struct verify_queue *queue, bool wait)
{
	struct poll *poll;

	while ((poll = next_poll(queue, wait))) {
		poll_judge(poll, queue->options);
		hand_back(queue, poll);
	}
}

/* Between two stored documents. */
static bool
polls_first(void *context)
{
	struct verify_queue *queue = context;
	bool stop;

	judge_polls(queue, false);
	(void)pthread_mutex_lock(&queue->lock);
	stop = queue->stop;
	(void)pthread_mutex_unlock(&queue->lock);
	return !stop;
}

static void
load(struct verify_queue *queue)
{
	store_load(queue->options->store, polls_first, queue);
	(void)pthread_mutex_lock(&queue->lock);
	queue->loaded = true;
	(void)pthread_mutex_unlock(&queue->lock);
	queue->wake(queue->wake_context);
}

static void *
run(void *context)
{
	struct verify_queue *queue = context;

	(void)pthread_setname_np(pthread_self(), "enclave-verify");
	thread_serve(queue);
	if (queue->options->store)
		load(queue);
	judge_polls(queue, true);
	return NULL;
}

enum enclave_client_status
verify_queue_start(
    struct verify_queue *queue, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int result;

	if (pthread_mutex_init(&queue->lock, NULL))
		return error_memory(error);
	if (pthread_cond_init(&queue->added, NULL)) {
		(void)pthread_mutex_destroy(&queue->lock);
		return error_memory(error);
	}
	queue->loaded = !queue->options->store;
	result = thread_start(run, queue, &queue->thread);
	if (!result) {
		queue->running = true;
		return ENCLAVE_CLIENT_OK;
	}
	(void)pthread_cond_destroy(&queue->added);
	(void)pthread_mutex_destroy(&queue->lock);
	status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_NONE, "can't start the verification thread");
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, result);
	return status;
}

void
verify_queue_add(struct verify_queue *queue, struct poll *poll)
{
	(void)pthread_mutex_lock(&queue->lock);
	append(&queue->waiting, poll);
	(void)pthread_cond_signal(&queue->added);
	(void)pthread_mutex_unlock(&queue->lock);
}

struct poll *
verify_queue_take(struct verify_queue *queue)
{
	struct poll *poll;

	(void)pthread_mutex_lock(&queue->lock);
	poll = take_first(&queue->judged);
	(void)pthread_mutex_unlock(&queue->lock);
	return poll;
}

bool
verify_queue_loaded(struct verify_queue *queue)
{
	bool loaded;

	(void)pthread_mutex_lock(&queue->lock);
	loaded = queue->loaded;
	(void)pthread_mutex_unlock(&queue->lock);
	return loaded;
}

void
verify_queue_stop(struct verify_queue *queue)
{
	if (!queue->running)
		return;
	(void)pthread_mutex_lock(&queue->lock);
	queue->stop = true;
	(void)pthread_cond_signal(&queue->added);
	(void)pthread_mutex_unlock(&queue->lock);
	(void)pthread_join(queue->thread, NULL);
	(void)pthread_cond_destroy(&queue->added);
	(void)pthread_mutex_destroy(&queue->lock);
	queue->running = false;
}
