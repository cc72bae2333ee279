#include "world.h"

Suite *
threads_suite(void)
{
	return suite_create("threads");
}
