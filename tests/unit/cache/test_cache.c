#include "world.h"

int
main(void)
{
	SRunner *runner = srunner_create(rules_suite());
	int failed;

	srunner_add_suite(runner, plumbing_suite());
	srunner_add_suite(runner, threads_suite());
	srunner_add_suite(runner, torture_suite());
	srunner_add_suite(runner, fork_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
