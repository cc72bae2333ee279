/*
 * Torture: the n-th call that can fail does.  Counted together: allocations
 * (failing_malloc.h), and what the library's own objects ask of OpenSSL,
 * libcurl, cJSON and the system, all caught with the linker's --wrap.  Only the
 * calls of the thread that armed it count.
 */
#ifndef INTEGRATION_FAILING_CALLS_H
#define INTEGRATION_FAILING_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/* The nth call from now on fails, counted from 1; the others do not. */
void failing_calls_arm(size_t nth);
/* Nothing fails any more.  True when one failed. */
bool failing_calls_disarm(void);
/* Which one did; "allocation" for those of failing_malloc.h. */
const char *failing_calls_name(void);

#endif
