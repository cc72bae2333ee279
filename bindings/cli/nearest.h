/* The known name that somebody may have meant. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* The beginning of more names says too little to list them. */
#define NAMES_LISTED_MAX 6

/*
 * NULL when none is near: more than a third of the letters are wrong.
 * Counted as insertions, deletions, replacements (Levenshtein's distance).
 */
const char *nearest_name(const char *const *names, size_t names_count,
    const char *given, size_t given_len);

/*
 * How many names begin with what was given, as curl lets options be cut short;
 * one alone when it is a whole name.  The places of the first of them.
 */
size_t names_that_begin(const char *const *names, size_t names_count,
    const char *given, size_t given_len, size_t ret_indices[NAMES_LISTED_MAX]);

#endif
