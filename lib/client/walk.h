/*
 * A request's way, one step at a time (DESIGN section 4).  Pure: a blocking
 * call (exchange.c) and a transfer on a program's own multi handle (prepare.c)
 * both ask this table what comes next, and do it.
 *
 *   state      what is done in it           event          next
 *   ---------  ---------------------------  -------------  ---------
 *   cold       look for a live key          live key       strict
 *                                           no live key    learning
 *   strict     send, on any connection      answered       answered
 *              whose key is live            key unknown    refused
 *                                           key gone       withdrawn
 *   bound      send, on the connection      answered       answered
 *              that evidence was fetched    key unknown    refused
 *              over                         key gone       withdrawn
 *   refused    can it be sent again?        again          learning (1)
 *   withdrawn  likewise: newer evidence     again          learning (1)
 *              may vouch for it once more
 *   learning   fetch evidence, appraise,    learned here   bound
 *              publish                      learned        strict
 *   answered   -                            -              -
 *   failed     -                            -              -
 *
 * Whatever stands in no row is failed; so is `failed` in every state: a
 * network's failure, evidence that was refused or binds another key, the
 * limits of learning, the caller's deadline, his cancelling.
 *
 * (1) If learning and the request after it fit in WALK_CONNECTIONS_MAX
 *     connections; else failed.
 *
 * `key unknown`: a handshake showed a key that is not live.  `key gone`: the
 * key of a connection that was kept no longer is.  `learned`: there is
 * evidence, but no connection that it was fetched over: it lies elsewhere, a
 * client certificate is to be shown, or another call's flight brought it.
 */
#ifndef CLIENT_WALK_H
#define CLIENT_WALK_H

#include <stdbool.h>

#include "base/limits.h"

#define WALK_CONNECTIONS_MAX LEARNING_CONNECTIONS_MAX

enum walk_state {
	WALK_COLD,
	WALK_STRICT,
	WALK_BOUND,
	WALK_REFUSED,
	WALK_WITHDRAWN,
	WALK_LEARNING,
	WALK_ANSWERED,
	WALK_FAILED,
	WALK_STATES
};

enum walk_event {
	WALK_EVENT_LIVE_KEY, /* or none that could be learned */
	WALK_EVENT_NO_LIVE_KEY,
	WALK_EVENT_ANSWERED,
	WALK_EVENT_KEY_UNKNOWN,
	WALK_EVENT_KEY_GONE,
	/* Nothing of an answer came, the body can start again, and the
	 * enclave's evidence is fetched. */
	WALK_EVENT_AGAIN,
	WALK_EVENT_LEARNED_HERE,
	WALK_EVENT_LEARNED,
	WALK_EVENT_FAILED,
	WALK_EVENTS
};

struct walk {
	enum walk_state state;
	/* Made for this request, learning's included; the caller counts. */
	unsigned int connections;
	/* What learning and the request after it take: one, where the request
	 * goes over the connection that the evidence came by; else two, as it
	 * is at first. */
	unsigned int learning_connections;
};

void walk_init(struct walk *walk);
/* Takes the event in; false: the walk has ended, answered or failed. */
bool walk_step(struct walk *walk, enum walk_event event);
/* No further connection may be made: the next try must use one that is there. */
bool walk_connections_spent(const struct walk *walk);

#endif
