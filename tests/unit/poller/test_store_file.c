/* The evidence store's folder, and its lock where a fork comes between. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static const char *const ends[] = {"", "/", "//", "/.", "/./", "/.//./"};

START_TEST(a_link_is_refused_however_its_name_ends)
{
	char path[] = "/tmp/enclave-client-store-XXXXXX";
	char target[64];
	char link[64];
	char name[80];
	int directory = -1;

	ck_assert_ptr_nonnull(mkdtemp(path));
	(void)snprintf(target, sizeof(target), "%s/target", path);
	(void)snprintf(link, sizeof(link), "%s/link", path);
	ck_assert_int_eq(mkdir(target, 0700), 0);
	ck_assert_int_eq(symlink(target, link), 0);
	(void)snprintf(name, sizeof(name), "%s%s", link, ends[_i]);
	ck_assert_int_eq(store_file_open_directory(name, &directory, NULL),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	/* The folder itself is taken by any of these names. */
	(void)snprintf(name, sizeof(name), "%s%s", target, ends[_i]);
	ck_assert_int_eq(store_file_open_directory(name, &directory, NULL), 0);
	(void)close(directory);
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(rmdir(target), 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(short_names_stay_what_they_are)
{
	static const char *const names[] = {".", "./", "/", "//"};
	char path[] = "/tmp/enclave-client-store-XXXXXX";
	struct stat expected;
	struct stat opened;
	int directory = -1;

	/* "/" is open to others: refused as such, and not as a missing file. */
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
	ck_assert_int_eq(stat(".", &expected), 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    store_file_open_directory(names[i], &directory, NULL), 0);
		ck_assert_int_eq(fstat(directory, &opened), 0);
		ck_assert_uint_eq(opened.st_ino, expected.st_ino);
		(void)close(directory);
	}
	for (size_t i = 2; i < 4; i++) {
		struct enclave_client_error error = {0};
		ck_assert_int_eq(
		    store_file_open_directory(names[i], &directory, &error),
		    ENCLAVE_CLIENT_ERR_CONFIG);
		ck_assert_ptr_null(strstr(error.message, "No such file"));
	}
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store-file");
	TCase *cases = tcase_create("folder and lock");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, a_child_forked_under_the_lock_does_not_keep_it);
	tcase_add_loop_test(cases, a_link_is_refused_however_its_name_ends, 0,
	    sizeof(ends) / sizeof(ends[0]));
	tcase_add_test(cases, short_names_stay_what_they_are);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
