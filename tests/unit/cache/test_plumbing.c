#include "world.h"

Suite *
plumbing_suite(void)
{
	return suite_create("plumbing");
}
