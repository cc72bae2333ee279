/* Options from a file, in the form of curl's -K. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "options.h"

/* "-" is standard input.  Gives 0, EXIT_USAGE or EXIT_MEMORY. */
int config_file_read(
    struct options *options, const char *path, struct fault *fault);

/* $XDG_CONFIG_HOME/attest-curl/config, or ~/.config/...; none is fine. */
int config_file_read_default(struct options *options, struct fault *fault);

/*
 * A file of attest-curl's in the user's configuration; new.  NULL: there is
 * none, or memory is short.
 */
char *config_file_path(const char *name);

#endif
