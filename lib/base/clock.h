/* The two clocks, through one struct of functions (DESIGN section 7). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * wall_ms: milliseconds since the epoch, UTC; can jump either way.
 * boot_ms: CLOCK_BOOTTIME; never goes back and counts while suspended.
 * Both are called from any thread.
 */
struct clock_source {
	int64_t (*wall_ms)(void *context);
	int64_t (*boot_ms)(void *context);
	void *context;
};

/* One reading of both. */
struct moment {
	int64_t wall_ms;
	int64_t boot_ms;
};

/* The end of something, on both clocks; the earlier counts. */
struct deadline {
	int64_t wall_ms;
	int64_t boot_ms;
};

extern const struct clock_source clock_system;

struct moment clock_now(const struct clock_source *clock);
/* The deadline that wall time wall_ms is, seen from now. */
struct deadline deadline_at_wall(struct moment now, int64_t wall_ms);
struct deadline deadline_after(struct moment now, int64_t delay_ms);
/* A deadline has passed at its very millisecond. */
bool deadline_passed(struct deadline deadline, struct moment now);
/* Milliseconds left on the clock that ends first; never negative. */
int64_t deadline_left_ms(struct deadline deadline, struct moment now);

#endif
