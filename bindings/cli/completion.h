/* --completion: what a shell needs to complete a line, from the table. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "options.h"

/* bash, zsh or fish.  Gives 0, EXIT_USAGE or EXIT_WRITE. */
int completion_print(const char *shell, struct fault *fault);

#endif
