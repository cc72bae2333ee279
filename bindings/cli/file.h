/* Whole files, with a ceiling. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stddef.h>

#include "fault.h"

/* A policy, an evidence file, headers: the library's own ceiling. */
#define FILE_MAX_BYTES ((size_t)8 * 1024 * 1024)
/* A request body, which is held in memory. */
#define FILE_BODY_MAX_BYTES ((size_t)1024 * 1024 * 1024)

struct file_contents {
	char *data; /* owned; NUL after the last byte */
	size_t len;
};

/* "-" is standard input.  Gives 0, or EXIT_USAGE or EXIT_MEMORY. */
int file_read(const char *path, size_t max, struct file_contents *ret_contents,
    struct fault *fault);
void file_contents_clear(struct file_contents *contents);

#endif
