/* Where an answer goes: standard output, or the file of an -o. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

/*
 * A file is opened at the first write, so that a refused request leaves none
 * behind and an old one alone.
 */
struct output {
	const char *path; /* NULL: standard output; borrowed */
	int descriptor;   /* -1: not opened yet */
	bool guard_terminal;
};

/* path NULL: standard output; "-" too, and then even to a terminal. */
struct output output_to(const char *path);
/* Opens it now, so that an empty answer makes an empty file. */
int output_open(struct output *output, struct fault *fault);
int output_write(
    struct output *output, const char *data, size_t len, struct fault *fault);
/* Full disks may only show here. */
int output_close(struct output *output, struct fault *fault);

/* All of it, also to a pipe that does not block; false with errno. */
bool output_write_all(int descriptor, const char *data, size_t len);

#endif
