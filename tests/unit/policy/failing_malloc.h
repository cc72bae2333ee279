/*
 * Torture: the n-th allocation fails.  What is linked into the test is caught
 * with the linker's --wrap (failing_malloc_args), cJSON, libcurl and OpenSSL
 * through their own hooks; so it works below address sanitizer and valgrind.
 */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Call it before anything of those libraries. */
void failing_malloc_setup(void);
/* This thread's nth allocation from now on fails, counted from 1; the others
 * do not. */
void failing_malloc_arm(size_t nth);
/* Nothing fails any more.  True when one failed. */
bool failing_malloc_disarm(void);
/* For other calls that are to be counted with the allocations: whether this one
 * is the one that fails. */
bool failing_malloc_is_next(void);

#endif
