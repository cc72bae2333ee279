/* Times as people write them. */
#ifndef POLICY_TIME_TEXT_H
#define POLICY_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* The last second of the year 9999, the last that RFC 3339 can write. */
#define TIME_SECONDS_MAX INT64_C(253402300799)

/*
 * "2027-01-31T23:59:59Z", with an optional fraction of a second (RFC 3339
 * 5.6), since 1970; in UTC only, so that nobody need know an offset to tell
 * when.  A leap second is refused.
 */
bool time_from_rfc3339(const char *text, int64_t *ret_ms);

#endif
