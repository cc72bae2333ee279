/* The rows of --watch, cut to a width. */
#ifndef CLI_WATCH_TABLE_H
#define CLI_WATCH_TABLE_H

#include <enclave_client.h>

#define WATCH_COLUMNS_MAX 512

struct watch_line {
	char text[WATCH_COLUMNS_MAX + 1];
};

/*
 * Fits columns, at least 20; control characters are "?", and what is cut ends
 * with "...".
 */
void watch_heading(size_t columns, struct watch_line *ret_line);
void watch_row(const struct enclave_client_report_enclave *enclave,
    int64_t now_ms, size_t columns, struct watch_line *ret_line);

/* "45s", "12m", "3h", "2d"; "-" for what has ended. */
void watch_span(int64_t ms, char *text, size_t size);

#endif
