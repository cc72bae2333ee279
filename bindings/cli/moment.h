/* The argument of --at. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * "now", "document", whole seconds since the epoch, or RFC 3339 in UTC
 * ("2026-01-31T12:00:00Z", with up to three digits of a fraction); as
 * enclave_client_evidence wants it.
 */
bool moment_from_text(const char *text, int64_t *ret_at_ms);

#endif
