#include "world.h"

Suite *
torture_suite(void)
{
	return suite_create("torture");
}
