#include "help.h"

#include <stdio.h>
#include <string.h>

#include "option_table.h"

static void
print_option(const struct option *option)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "--%s%s%s", option->name,
	    option->argument ? " " : "",
	    option->argument ? option->argument : "");
	if (option->letter)
		(void)printf(" -%c, ", option->letter);
	else
		(void)printf("     ");
	(void)printf("%-27s %s\n", left, option->help);
}

static void
print_group(enum option_group group)
{
	(void)printf("\n%s (--help %s):\n", option_group_title(group),
	    option_group_name(group));
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].group == group)
			print_option(&option_table[i]);
}

static void
print_all(void)
{
	(void)printf("Usage: attest-curl [options] URL...\n"
		     "curl for services in AWS Nitro Enclaves: no byte of a "
		     "request leaves before the\n"
		     "enclave proved what code it runs.\n");
	for (int group = 0; group < GROUPS; group++)
		print_group((enum option_group)group);
	(void)printf(
	    "\nExit status: 0 when everything was verified and done, 2 usage "
	    "or configuration,\n111 evidence not served, 112 malformed, 113 "
	    "not trusted, 114 too old or not yet\nvalid, 115 measurement not "
	    "accepted, 116 connection key not attested; else\ncurl's own.\n");
}

/* As curl's --help category. */
static void
print_categories(void)
{
	for (int group = 0; group < GROUPS; group++)
		(void)printf(" %-11s %s\n",
		    option_group_name((enum option_group)group),
		    option_group_title((enum option_group)group));
}

int
help_print(const char *category, struct fault *fault)
{
	int group = 0;

	while (category && group < GROUPS &&
	       strcmp(category, option_group_name((enum option_group)group)))
		group++;
	if (!category || strcmp(category, "all") == 0)
		print_all();
	else if (strcmp(category, "category") == 0)
		print_categories();
	else if (group < GROUPS)
		print_group((enum option_group)group);
	else
		return fault_set(fault, EXIT_USAGE,
		    "--help %s: no such category; --help category lists them",
		    category);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRITE;
}
