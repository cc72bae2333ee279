/*
 * How these test programs fail. A stand-in that limps on would make a security
 * test pass for the wrong reason, so whatever cannot be done ends the process
 * with a message and status 2.
 */
#ifndef LOCAL_ENCLAVE_FATAL_H
#define LOCAL_ENCLAVE_FATAL_H

#include <stdbool.h>
#include <stddef.h>

__attribute__((noreturn, format(printf, 1, 2))) void die(
    const char *format, ...);

/* For calls that fail only when memory or OpenSSL does. */
#define must(condition) must_hold((condition), #condition)
__attribute__((noreturn)) void die_because(const char *text);

static inline void
must_hold(bool condition, const char *text)
{
	if (!condition)
		die_because(text);
}

/* Memory, text or death: the result is never NULL. */
void *must_alloc(size_t size_bytes);
char *must_copy_text(const char *text);
__attribute__((format(printf, 1, 2))) char *must_format(
    const char *format, ...);

#endif
