/* The evidence store's lock, where a fork comes between. */
#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "poller/store_file.h"

START_TEST(a_child_forked_under_the_lock_does_not_keep_it)
{
	char path[] = "/tmp/enclave-client-store-XXXXXX";
	int directory = -1;
	int pipes[2];
	int lock;
	pid_t child;
	char byte = 0;

	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(store_file_open_directory(path, &directory, NULL), 0);
	ck_assert_int_eq(pipe(pipes), 0);
	lock = store_file_lock(directory);
	ck_assert_int_ge(lock, 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		/* It lives until the parent has tried, or is gone. */
		(void)close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) == 1 ? 0 : 1);
	}
	store_file_unlock(lock);
	lock = store_file_lock(directory);
	ck_assert_int_ge(lock, 0);
	store_file_unlock(lock);
	ck_assert_int_eq(write(pipes[1], "g", 1), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(directory);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store-file");
	TCase *cases = tcase_create("lock");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, a_child_forked_under_the_lock_does_not_keep_it);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
