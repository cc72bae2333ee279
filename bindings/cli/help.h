/* --help, from the table. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "fault.h"

/* category NULL or "all": everything.  Gives 0, EXIT_USAGE or EXIT_WRITE. */
int help_print(const char *category, struct fault *fault);

#endif
