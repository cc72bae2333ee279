/* The known name that somebody may have meant. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/*
 * NULL when none is near: more than a third of the letters are wrong.
 * Counted as insertions, deletions, replacements (Levenshtein's distance).
 */
const char *nearest_name(const char *const *names, size_t names_count,
    const char *given, size_t given_len);

#endif
