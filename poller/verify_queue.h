/*
 * The verification thread: judges polls in the order of their answers, so that
 * the poll thread's transfers and timeouts never wait for a verification or the
 * evidence store, nor for the event callbacks of what was judged.  (That a poll
 * failed or a key ended is told on the poll thread itself, which waits for the
 * callback.)  It begins with what the store holds, between whose documents
 * polls take their turn.
 *
 * From add to take a poll is that thread's; it keeps its place in flight, so
 * the queue is never longer than POLLS_IN_FLIGHT_MAX and needs no memory.
 */
#ifndef POLLER_VERIFY_QUEUE_H
#define POLLER_VERIFY_QUEUE_H

#include "poller/poll.h"

struct poll_list {
	struct poll *first;
	struct poll *last;
};

struct verify_queue {
	const struct poller_options *options; /* borrowed */
	void (*wake)(void *context);          /* verdicts came; on the thread */
	void *wake_context;
	bool running; /* the starter's alone: the thread is to be joined */
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t added;
	bool stop;
	bool loaded; /* what the store held has been judged */
	struct poll_list waiting;
	struct poll_list judged;
};

/* options and wake are set, all else is zero. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status verify_queue_start(
    struct verify_queue *queue, struct enclave_client_error *error);
/* A poll that was received. */
void verify_queue_add(struct verify_queue *queue, struct poll *poll);
/* One that was judged: its status is set.  NULL: none. */
struct poll *verify_queue_take(struct verify_queue *queue);
/* Has the store been read?  Wake is called when it has; true without one. */
bool verify_queue_loaded(struct verify_queue *queue);
/*
 * Ends the thread, after the verification under way.  Polls that were added
 * are the caller's again, judged or not.  Any number of times.
 */
void verify_queue_stop(struct verify_queue *queue);

#endif
