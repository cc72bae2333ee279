/* Due times in order, against a plain search. */
#include <check.h>
#include <stdlib.h>

#include "poller/heap.h"

#define NODES_MAX 300

static struct heap heap;
static struct heap_node nodes[NODES_MAX];

static void
set_up(void)
{
	ck_assert(heap_reserve(&heap, NODES_MAX));
}

static void
tear_down(void)
{
	heap_clear(&heap);
	ck_assert_ptr_null(heap.nodes);
}

static int64_t
least_due_ms(void)
{
	int64_t least_ms = INT64_MAX;

	for (size_t i = 0; i < NODES_MAX; i++)
		if (nodes[i].place && nodes[i].due_ms < least_ms)
			least_ms = nodes[i].due_ms;
	return least_ms;
}

/* Every node knows its place, and nothing is due before its parent. */
static bool
in_order(void)
{
	for (size_t i = 0; i < heap.count; i++)
		if (heap.nodes[i]->place != i + 1 ||
		    (i && heap.nodes[i]->due_ms <
			      heap.nodes[(i - 1) / 2]->due_ms))
			return false;
	return true;
}

START_TEST(an_empty_heap_has_no_first)
{
	ck_assert_ptr_null(heap_first(&heap));
	/* What is in no heap is taken out without harm. */
	heap_remove(&heap, &nodes[0]);
	ck_assert_uint_eq(heap.count, 0);
}
END_TEST

START_TEST(nodes_come_out_in_the_order_of_their_due_times)
{
	int64_t before_ms = INT64_MIN;

	srand(1);
	for (size_t i = 0; i < NODES_MAX; i++)
		heap_set(&heap, &nodes[i], rand() % 1000);
	for (size_t i = 0; i < NODES_MAX; i++) {
		struct heap_node *first = heap_first(&heap);
		ck_assert_ptr_nonnull(first);
		ck_assert_int_ge(first->due_ms, before_ms);
		before_ms = first->due_ms;
		heap_remove(&heap, first);
		ck_assert_uint_eq(first->place, 0);
	}
	ck_assert_ptr_null(heap_first(&heap));
}
END_TEST

START_TEST(any_mix_of_moves_keeps_the_order)
{
	srand((unsigned int)_i);
	for (size_t i = 0; i < 20000; i++) {
		struct heap_node *node = &nodes[rand() % NODES_MAX];
		if (rand() % 4)
			heap_set(&heap, node, rand() % 5000 - 2500);
		else
			heap_remove(&heap, node);
		if (heap.count && heap_first(&heap)->due_ms != least_due_ms())
			ck_abort_msg("wrong first after %zu moves", i);
		if (!in_order())
			ck_abort_msg("out of order after %zu moves", i);
	}
}
END_TEST

START_TEST(due_times_at_the_ends_of_their_range)
{
	heap_set(&heap, &nodes[0], INT64_MAX);
	heap_set(&heap, &nodes[1], INT64_MIN);
	heap_set(&heap, &nodes[2], 0);
	ck_assert_ptr_eq(heap_first(&heap), &nodes[1]);
	heap_set(&heap, &nodes[1], INT64_MAX);
	ck_assert_ptr_eq(heap_first(&heap), &nodes[2]);
}
END_TEST

START_TEST(room_that_no_memory_can_give_is_refused)
{
	size_t count = heap.capacity;

	ck_assert(!heap_reserve(&heap, SIZE_MAX));
	ck_assert_uint_eq(heap.capacity, count);
}
END_TEST

static Suite *
heap_suite(void)
{
	Suite *suite = suite_create("poller-heap");
	TCase *all = tcase_create("heap");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, an_empty_heap_has_no_first);
	tcase_add_test(all, nodes_come_out_in_the_order_of_their_due_times);
	tcase_add_loop_test(all, any_mix_of_moves_keeps_the_order, 1, 5);
	tcase_add_test(all, due_times_at_the_ends_of_their_range);
	tcase_add_test(all, room_that_no_memory_can_give_is_refused);
	suite_add_tcase(suite, all);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(heap_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
