#include "base/clock.h"

#include <time.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec now = {0};

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
system_wall_ms(void *context)
{
	(void)context;
	return read_ms(CLOCK_REALTIME);
}

static int64_t
system_boot_ms(void *context)
{
	(void)context;
	return read_ms(CLOCK_BOOTTIME);
}

const struct clock_source clock_system = {
    .wall_ms = system_wall_ms,
    .boot_ms = system_boot_ms,
};

struct moment
clock_now(const struct clock_source *clock)
{
	return (struct moment){
	    .wall_ms = clock->wall_ms(clock->context),
	    .boot_ms = clock->boot_ms(clock->context),
	};
}

struct deadline
deadline_at_wall(struct moment now, int64_t wall_ms)
{
	return (struct deadline){
	    .wall_ms = wall_ms,
	    .boot_ms = now.boot_ms + (wall_ms - now.wall_ms),
	};
}

struct deadline
deadline_after(struct moment now, int64_t delay_ms)
{
	return deadline_at_wall(now, now.wall_ms + delay_ms);
}

bool
deadline_passed(struct deadline deadline, struct moment now)
{
	return now.wall_ms >= deadline.wall_ms ||
	       now.boot_ms >= deadline.boot_ms;
}

int64_t
deadline_left_ms(struct deadline deadline, struct moment now)
{
	int64_t wall_ms = deadline.wall_ms - now.wall_ms;
	int64_t boot_ms = deadline.boot_ms - now.boot_ms;
	int64_t left_ms = wall_ms < boot_ms ? wall_ms : boot_ms;

	return left_ms > 0 ? left_ms : 0;
}
