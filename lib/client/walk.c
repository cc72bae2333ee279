#include "client/walk.h"

void
walk_init(struct walk *walk)
{
	*walk = (struct walk){.state = WALK_COLD, .learning_connections = 2};
}

/* (1) of the table. */
static bool
may_learn(const struct walk *walk)
{
	return walk->connections <= WALK_CONNECTIONS_MAX &&
	       WALK_CONNECTIONS_MAX - walk->connections >=
		   walk->learning_connections;
}

static enum walk_state
after_sending(enum walk_event event)
{
	switch (event) {
	case WALK_EVENT_ANSWERED:
		return WALK_ANSWERED;
	case WALK_EVENT_KEY_UNKNOWN:
		return WALK_REFUSED;
	case WALK_EVENT_KEY_GONE:
		return WALK_WITHDRAWN;
	default:
		return WALK_FAILED;
	}
}

static enum walk_state
after_learning(enum walk_event event)
{
	switch (event) {
	case WALK_EVENT_LEARNED_HERE:
		return WALK_BOUND;
	case WALK_EVENT_LEARNED:
		return WALK_STRICT;
	default:
		return WALK_FAILED;
	}
}

static enum walk_state
after_looking(enum walk_event event)
{
	switch (event) {
	case WALK_EVENT_LIVE_KEY:
		return WALK_STRICT;
	case WALK_EVENT_NO_LIVE_KEY:
		return WALK_LEARNING;
	default:
		return WALK_FAILED;
	}
}

static enum walk_state
next_state(const struct walk *walk, enum walk_event event)
{
	switch (walk->state) {
	case WALK_COLD:
		return after_looking(event);
	case WALK_STRICT:
	case WALK_BOUND:
		return after_sending(event);
	case WALK_REFUSED:
	case WALK_WITHDRAWN:
		return event == WALK_EVENT_AGAIN && may_learn(walk)
			   ? WALK_LEARNING
			   : WALK_FAILED;
	case WALK_LEARNING:
		return after_learning(event);
	case WALK_ANSWERED:
		return WALK_ANSWERED;
	default:
		return WALK_FAILED;
	}
}

bool
walk_step(struct walk *walk, enum walk_event event)
{
	walk->state = next_state(walk, event);
	return walk->state != WALK_ANSWERED && walk->state != WALK_FAILED;
}

bool
walk_connections_spent(const struct walk *walk)
{
	return walk->connections >= WALK_CONNECTIONS_MAX;
}
