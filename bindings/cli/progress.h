/* How far a download is, on standard error, once it takes a second. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct progress {
	bool wanted;
	bool bar;
	bool shown;
	int64_t total_bytes; /* -1: not known */
	int64_t received_bytes;
	int64_t started_us;
	int64_t shown_us;
};

/* Now, by a clock that only goes on. */
int64_t progress_now_us(void);

/* to_terminal: the answer itself goes there, and the meter would spoil it. */
struct progress progress_begin(const struct options *options, bool to_terminal);
void progress_add(struct progress *progress, size_t len);
void progress_end(struct progress *progress);

#endif
