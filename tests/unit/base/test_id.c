/* Ids are never 0 and never given twice, whatever thread asks. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/id.h"

#define IDS_PER_THREAD 10000

START_TEST(ids_rise_and_are_never_zero)
{
	uint64_t last = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t id = id_next();
		ck_assert_uint_gt(id, last);
		last = id;
	}
}
END_TEST

static void *
take_ids(void *context)
{
	uint64_t *ids = context;

	for (size_t i = 0; i < IDS_PER_THREAD; i++)
		ids[i] = id_next();
	return NULL;
}

static int
compare_ids(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

START_TEST(two_threads_are_never_given_the_same_id)
{
	static uint64_t ids[2 * IDS_PER_THREAD];
	pthread_t other;

	ck_assert_int_eq(
	    pthread_create(&other, NULL, take_ids, ids + IDS_PER_THREAD), 0);
	take_ids(ids);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	qsort(ids, 2 * IDS_PER_THREAD, sizeof(ids[0]), compare_ids);
	for (size_t i = 1; i < 2 * IDS_PER_THREAD; i++)
		ck_assert_uint_lt(ids[i - 1], ids[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/id");
	TCase *cases = tcase_create("ids");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, ids_rise_and_are_never_zero);
	tcase_add_test(cases, two_threads_are_never_given_the_same_id);
	suite_add_tcase(suite, cases);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
