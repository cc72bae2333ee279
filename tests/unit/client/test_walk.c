/*
 * The table in lib/client/walk.h, row by row, and everything that is in none of
 * its rows; then every walk there is, with a pretended transport that counts
 * the connections it makes.
 */
#include <check.h>

#include "client/walk.h"

#define ANY_CONNECTIONS WALK_CONNECTIONS_MAX

static const struct row {
	enum walk_state state;
	enum walk_event event;
	enum walk_state next;
	/* At most so many may have been made; with more it is failed. */
	unsigned int connections_max[2]; /* learning costs one, two */
} rows[] = {
    {WALK_COLD, WALK_EVENT_LIVE_KEY, WALK_STRICT, {3, 3}},
    {WALK_COLD, WALK_EVENT_NO_LIVE_KEY, WALK_LEARNING, {3, 3}},
    {WALK_STRICT, WALK_EVENT_ANSWERED, WALK_ANSWERED, {3, 3}},
    {WALK_STRICT, WALK_EVENT_KEY_UNKNOWN, WALK_REFUSED, {3, 3}},
    {WALK_STRICT, WALK_EVENT_KEY_GONE, WALK_WITHDRAWN, {3, 3}},
    {WALK_BOUND, WALK_EVENT_ANSWERED, WALK_ANSWERED, {3, 3}},
    {WALK_BOUND, WALK_EVENT_KEY_UNKNOWN, WALK_REFUSED, {3, 3}},
    {WALK_BOUND, WALK_EVENT_KEY_GONE, WALK_WITHDRAWN, {3, 3}},
    {WALK_REFUSED, WALK_EVENT_AGAIN, WALK_LEARNING, {2, 1}},
    {WALK_WITHDRAWN, WALK_EVENT_AGAIN, WALK_LEARNING, {2, 1}},
    {WALK_LEARNING, WALK_EVENT_LEARNED_HERE, WALK_BOUND, {3, 3}},
    {WALK_LEARNING, WALK_EVENT_LEARNED, WALK_STRICT, {3, 3}},
};

static const struct row *
find_row(enum walk_state state, enum walk_event event)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].state == state && rows[i].event == event)
			return &rows[i];
	return NULL;
}

static enum walk_state
wanted_state(const struct walk *walk, enum walk_event event)
{
	const struct row *row = find_row(walk->state, event);

	if (walk->state == WALK_ANSWERED)
		return WALK_ANSWERED;
	if (!row || walk->connections >
			row->connections_max[walk->learning_connections - 1])
		return WALK_FAILED;
	return row->next;
}

/* Every state, event, count and cost: what no row allows has failed. */
START_TEST(table_is_what_the_header_draws)
{
	for (int state = 0; state < WALK_STATES; state++)
		for (int event = 0; event < WALK_EVENTS; event++)
			for (unsigned int connections = 0; connections <= 5;
			     connections++)
				for (unsigned int cost = 1; cost <= 2; cost++) {
					struct walk walk = {
					    .state = (enum walk_state)state,
					    .connections = connections,
					    .learning_connections = cost,
					};
					enum walk_state wanted;
					bool on;

					if (connections > ANY_CONNECTIONS &&
					    state != WALK_REFUSED &&
					    state != WALK_WITHDRAWN)
						continue;
					wanted = wanted_state(
					    &walk, (enum walk_event)event);
					on = walk_step(
					    &walk, (enum walk_event)event);
					ck_assert_int_eq(walk.state, wanted);
					ck_assert_int_eq(
					    on, wanted != WALK_ANSWERED &&
						    wanted != WALK_FAILED);
					ck_assert_uint_eq(
					    walk.connections, connections);
				}
}
END_TEST

START_TEST(walk_begins_cold_and_learning_is_thought_dear)
{
	struct walk walk = {.state = WALK_ANSWERED, .connections = 7};

	walk_init(&walk);
	ck_assert_int_eq(walk.state, WALK_COLD);
	ck_assert_uint_eq(walk.connections, 0);
	ck_assert_uint_eq(walk.learning_connections, 2);
}
END_TEST

START_TEST(connections_are_spent_at_three)
{
	struct walk walk;

	walk_init(&walk);
	for (unsigned int i = 0; i < 6; i++) {
		walk.connections = i;
		ck_assert_int_eq(
		    walk_connections_spent(&walk), i >= WALK_CONNECTIONS_MAX);
	}
}
END_TEST

/*
 * The pretended transport: what each step may do, and the connections that it
 * makes.  `kept`: learning's connection is there for the request.
 */
struct possibility {
	enum walk_event event;
	unsigned int connections;
};

static const struct possibility cold_ways[] = {
    {WALK_EVENT_LIVE_KEY, 0}, {WALK_EVENT_NO_LIVE_KEY, 0}};
static const struct possibility send_ways[] = {
    {WALK_EVENT_ANSWERED, 0}, /* pooled */
    {WALK_EVENT_ANSWERED, 1},
    {WALK_EVENT_KEY_UNKNOWN, 1},
    {WALK_EVENT_KEY_GONE, 0},
    {WALK_EVENT_FAILED, 1},
};
static const struct possibility learn_here_ways[] = {
    {WALK_EVENT_LEARNED_HERE, 1},
    {WALK_EVENT_LEARNED, 1}, /* another's flight: counted all the same */
    {WALK_EVENT_FAILED, 1},
};
static const struct possibility learn_elsewhere_ways[] = {
    {WALK_EVENT_LEARNED, 1},
    {WALK_EVENT_FAILED, 1},
};
static const struct possibility refused_ways[] = {
    {WALK_EVENT_AGAIN, 0},
    {WALK_EVENT_FAILED, 0},
};

struct ways {
	const struct possibility *ways;
	size_t count;
};

#define WAYS(list)                                                             \
	(struct ways)                                                          \
	{                                                                      \
		list, sizeof(list) / sizeof((list)[0])                         \
	}

static struct ways
ways_from(const struct walk *walk)
{
	switch (walk->state) {
	case WALK_COLD:
		return WAYS(cold_ways);
	case WALK_LEARNING:
		return walk->learning_connections == 1
			   ? WAYS(learn_here_ways)
			   : WAYS(learn_elsewhere_ways);
	case WALK_REFUSED:
	case WALK_WITHDRAWN:
		return WAYS(refused_ways);
	default:
		return WAYS(send_ways);
	}
}

static size_t walks_answered;
static size_t walks_failed;
static unsigned int connections_seen;

#define STEPS_MAX 16

/* Depth first, with a stack of its own: the ways taken so far. */
static void
walk_every_way(unsigned int cost)
{
	struct walk at[STEPS_MAX + 1];
	size_t tried[STEPS_MAX + 1] = {0};
	size_t depth = 0;

	walk_init(&at[0]);
	at[0].learning_connections = cost;
	for (;;) {
		struct ways ways = ways_from(&at[depth]);
		const struct possibility *way;
		struct walk next = at[depth];

		if (tried[depth] == ways.count) {
			if (depth == 0)
				return;
			depth--;
			continue;
		}
		way = &ways.ways[tried[depth]++];
		/* transfer.c opens no socket once they are spent. */
		if (next.state != WALK_COLD && next.state != WALK_LEARNING &&
		    way->connections && walk_connections_spent(&next))
			continue;
		next.connections += way->connections;
		ck_assert_uint_le(next.connections, WALK_CONNECTIONS_MAX);
		if (next.connections > connections_seen)
			connections_seen = next.connections;
		if (walk_step(&next, way->event)) {
			ck_assert_uint_lt(depth, STEPS_MAX);
			at[++depth] = next;
			tried[depth] = 0;
			continue;
		}
		/* Answered: the last step was a try that was let through. */
		if (next.state == WALK_ANSWERED) {
			ck_assert_int_eq(way->event, WALK_EVENT_ANSWERED);
			ck_assert(at[depth].state == WALK_STRICT ||
				  at[depth].state == WALK_BOUND);
			walks_answered++;
		} else {
			walks_failed++;
		}
	}
}

START_TEST(every_walk_ends_within_three_connections)
{
	walks_answered = 0;
	walks_failed = 0;
	connections_seen = 0;
	walk_every_way((unsigned int)_i);
	/* Three are used, and both ends are reached. */
	ck_assert_uint_eq(connections_seen, WALK_CONNECTIONS_MAX);
	ck_assert_uint_gt(walks_answered, 10);
	ck_assert_uint_gt(walks_failed, 10);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = tcase_create("walk");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, table_is_what_the_header_draws);
	tcase_add_test(tcase, walk_begins_cold_and_learning_is_thought_dear);
	tcase_add_test(tcase, connections_are_spent_at_three);
	tcase_add_loop_test(
	    tcase, every_walk_ends_within_three_connections, 1, 3);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
