/* Where an answer goes: standard output, or the file of an -o. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/*
 * A file is opened at the first write, so that a refused request leaves none
 * behind and an old one alone.
 */
struct output {
	char *path;       /* NULL: standard output; owned */
	bool create_dirs; /* those of path, before it is opened */
	int descriptor;   /* -1: not opened yet */
	bool guard_terminal;
};

/*
 * For the number-th URL: what -o, -O, --output-dir say.  Without them, and for
 * "-", standard output, which is even a terminal's with "-".
 */
int output_choose(const struct options *options, size_t number, const char *url,
    struct output *ret_output, struct fault *fault);
void output_clear(struct output *output);
/* Opens it now, so that an empty answer makes an empty file. */
int output_open(struct output *output, struct fault *fault);
int output_write(
    struct output *output, const char *data, size_t len, struct fault *fault);
/* Nothing of a refused answer stays under the file's name. */
void output_discard(struct output *output);
/* What was written is written once more (--retry). */
void output_restart(struct output *output);
/* Full disks may only show here. */
int output_close(struct output *output, struct fault *fault);

/* All of it, also to a pipe that does not block; false with errno. */
bool output_write_all(int descriptor, const char *data, size_t len);

#endif
