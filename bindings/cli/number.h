/* Numbers as curl's options take them. */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Digits alone, at most max. */
bool number_count(const char *text, int64_t max, int64_t *ret_count);

/* "5", "0.25", ".5"; what is above 0 is never made 0. */
enum number_verdict { NUMBER_OK, NUMBER_WRONG, NUMBER_TOO_LARGE };
#define NUMBER_SECONDS_MAX (INT32_MAX / 1000)
enum number_verdict number_seconds(const char *text, int64_t *ret_ms);

/* Bytes, with one letter of bBkKmMgGtTpP for powers of 1024. */
bool number_bytes(const char *text, int64_t *ret_bytes);

#endif
