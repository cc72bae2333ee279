/* When to poll next: pure functions, tested with a pretended clock. */
#ifndef POLLER_SCHEDULE_H
#define POLLER_SCHEDULE_H

#include <stdint.h>

#include "base/clock.h"
#include "enclave/enclave.h"

/* What one enclave's schedule remembers. */
struct schedule {
	int64_t last_boot_ms;  /* start of the last attempt; 0: none yet */
	unsigned int failures; /* in a row */
};

/*
 * CLOCK_BOOTTIME at which the next poll is due (DESIGN section 7):
 *   max(last + 10 s, min(interval +-10 %, end - min(120 s, life left / 4)))
 * and after failures an exponential back-off with a ceiling instead of the
 * interval.  random: uniform 32 bits, for the jitter.  end_boot_ms: earliest
 * end of a live key, 0 when there is none.
 */
int64_t schedule_next_boot_ms(const struct schedule *schedule,
    const struct enclave_timing *timing, int64_t end_boot_ms, struct moment now,
    uint32_t random);

#endif
