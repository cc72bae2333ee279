/*
 * When to poll next: pure functions, tested with a pretended clock.
 *
 * Three rules meet here (DESIGN section 7):
 *   - evidence is renewed well before its end;
 *   - attempts start at least POLL_INTERVAL_MS_FLOOR (10 s) apart;
 *   - somebody who waits for fresh evidence ("wanted") gets it sooner: 1 s
 *     after the last attempt, if that was good.  Each further wanted poll
 *     doubles the gap up to the floor, and a failed attempt raises it to the
 *     floor at once, so that who can show us unknown keys, or break our polls,
 *     still can't make us poll hot.  A minute without any attempt makes the
 *     gap 1 s again.
 */
#ifndef POLLER_SCHEDULE_H
#define POLLER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "enclave/enclave.h"

/* First polls are spread over this much, so that they go in random order. */
#define SCHEDULE_START_JITTER_MS 20
/* Back-off: the floor, doubled for each failure up to the poll interval, and
 * never past this. */
#define SCHEDULE_BACKOFF_MS_MAX 300000
/* Between the last good attempt and a wanted one. */
#define SCHEDULE_WANTED_GAP_MS 1000
/* Without any attempt, after which wanted polls start with that gap again. */
#define SCHEDULE_WANTED_REST_MS 60000

/* What one enclave's schedule remembers.  All zero is a new one. */
struct schedule {
	int64_t last_boot_ms;  /* start of the last attempt; 0: none yet */
	unsigned int failures; /* in a row */
	uint16_t wanted_polls; /* since the last rest */
	bool wanted;           /* asked for since the last attempt started */
};

/* An attempt starts. */
void schedule_start(struct schedule *schedule, struct moment now);
/* It ended, well or not. */
void schedule_finish(struct schedule *schedule, bool good);
/* Good evidence came in by another way: it counts as a poll. */
void schedule_learned(struct schedule *schedule, struct moment now);
void schedule_want(struct schedule *schedule);

/*
 * CLOCK_BOOTTIME at which the next poll is due (DESIGN section 7):
 *   max(last + 10 s, min(interval +-10 %, end - min(margin, life left / 4)))
 * where life left is what was left when the last attempt started, so that the
 * result does not move when it is asked again later; and after failures an
 * exponential back-off with a ceiling instead of the interval.  Without any
 * live key, and no failure that explains it (a clock jump, a new policy), last
 * + 10 s.  Earlier when wanted: see above.  random: uniform 32 bits, for the
 * jitter.  end_boot_ms: earliest end of a live key, 0 when there is none.  The
 * result may lie in the past: the longer ago, the more urgent.
 */
int64_t schedule_next_boot_ms(const struct schedule *schedule,
    const struct enclave_timing *timing, int64_t end_boot_ms, struct moment now,
    uint32_t random);

#endif
