/*
 * What the client keeps for each enclave beside its evidence: idle handles,
 * and the limits and the one flight of learning.  Internally locked; hangs on
 * the cache's slot.
 */
#ifndef CLIENT_LANE_H
#define CLIENT_LANE_H

#include <pthread.h>

#include "base/error.h"
#include "base/limits.h"
#include "binding/binding.h"
#include "cache/cache.h"
#include "client/handle.h"
#include "client/learning_limits.h"

struct lane {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct handle *idle; /* last in, first out */
	size_t idle_count;
	bool closed; /* the client stopped: nothing is kept any more */

	struct learning_limits limits;
	bool learning;    /* somebody is at it: */
	pthread_t leader; /* this thread */
	uint64_t flights; /* that have ended */
	/* How the last flight ended; OK or why not. */
	struct enclave_client_error last;
};

/* The slot's lane, made at first use; NULL when memory is short. */
struct lane *lane_of(struct cache_slot *slot);
void lane_broadcast(struct lane *lane);

/*
 * NULL when none is idle.  slot is the lane's own: an idle handle holds no
 * reference on it, because it hangs on the slot itself.
 */
struct handle *lane_take(struct lane *lane, struct cache_slot *slot);
/* Gives a handle back after a transfer that went well; takes it over. */
void lane_put(struct lane *lane, struct handle *handle);
/* Frees what is idle and keeps nothing from now on. */
void lane_close(struct lane *lane);

/*
 * In a forked child, before any other call: idle handles are the parent's and
 * are left where they lie.
 */
void lane_after_fork(struct lane *lane);

enum lane_role {
	LANE_LEADER, /* nobody else is at it: lane_learning_end is owed */
	LANE_ENDED,  /* another's flight ended while this one waited */
	LANE_OWN,    /* this very thread is at it: called from its callbacks */
	LANE_TIMEOUT,
	LANE_CANCELLED
};

/* How long, and for whom, to wait. */
struct lane_patience {
	const struct clock_source *clock;
	int64_t until_boot_ms;
	bool (*cancelled)(void *context);
	void *context;
};

/*
 * Takes the flight or waits for the one that is under way.  LANE_ENDED gives
 * how that ended, in ret_error.
 */
enum lane_role lane_learning_begin(struct lane *lane,
    const struct lane_patience *patience,
    struct enclave_client_error *ret_error);
/*
 * error: how it ended.  An abandoned flight (its caller gave up) is nobody's
 * answer: the next waiter becomes the leader.
 */
void lane_learning_end(struct lane *lane,
    const struct enclave_client_error *error, bool abandoned);

#endif
