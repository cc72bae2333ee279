#include "poller/schedule.h"

#include "base/limits.h"

/* Shifts past this would overflow; the ceilings are reached long before. */
#define DOUBLINGS_MAX 16

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
doubled(int64_t value_ms, unsigned int times, int64_t ceiling_ms)
{
	if (times > DOUBLINGS_MAX)
		times = DOUBLINGS_MAX;
	return least(value_ms << times, ceiling_ms);
}

/* value_ms, up to a tenth less or more. */
static int64_t
jittered(int64_t value_ms, uint32_t random)
{
	int64_t span_ms = value_ms / 5 + 1;

	return value_ms - value_ms / 10 + (int64_t)random % span_ms;
}

void
schedule_start(struct schedule *schedule, struct moment now)
{
	if (now.boot_ms - schedule->last_boot_ms >= SCHEDULE_WANTED_REST_MS)
		schedule->wanted_polls = 0;
	if (schedule->wanted && schedule->wanted_polls < UINT16_MAX)
		schedule->wanted_polls++;
	schedule->wanted = false;
	/* 0 means never, and a clock may start there. */
	schedule->last_boot_ms = now.boot_ms > 0 ? now.boot_ms : 1;
}

void
schedule_finish(struct schedule *schedule, bool good)
{
	if (good)
		schedule->failures = 0;
	else if (schedule->failures < UINT16_MAX)
		schedule->failures++;
}

void
schedule_learned(struct schedule *schedule, struct moment now)
{
	schedule->last_boot_ms = now.boot_ms > 0 ? now.boot_ms : 1;
	schedule->failures = 0;
	schedule->wanted = false;
}

void
schedule_want(struct schedule *schedule)
{
	schedule->wanted = true;
}

/* Before any regard to the end of the evidence. */
static int64_t
pause_ms(const struct schedule *schedule, const struct enclave_timing *timing,
    int64_t end_boot_ms, uint32_t random)
{
	int64_t ceiling_ms =
	    least(timing->poll_interval_ms, SCHEDULE_BACKOFF_MS_MAX);

	if (schedule->failures)
		return jittered(doubled(POLL_INTERVAL_MS_FLOOR,
				    schedule->failures - 1, ceiling_ms),
		    random);
	if (!end_boot_ms)
		return POLL_INTERVAL_MS_FLOOR;
	return jittered(timing->poll_interval_ms, random);
}

static int64_t
wanted_gap_ms(const struct schedule *schedule)
{
	if (schedule->failures)
		return POLL_INTERVAL_MS_FLOOR;
	return doubled(SCHEDULE_WANTED_GAP_MS, schedule->wanted_polls,
	    POLL_INTERVAL_MS_FLOOR);
}

int64_t
schedule_next_boot_ms(const struct schedule *schedule,
    const struct enclave_timing *timing, int64_t end_boot_ms, struct moment now,
    uint32_t random)
{
	int64_t last_ms = schedule->last_boot_ms;
	int64_t floor_ms = last_ms + POLL_INTERVAL_MS_FLOOR;
	int64_t due_ms;

	if (!last_ms)
		return schedule->wanted
			   ? 0
			   : now.boot_ms + random % SCHEDULE_START_JITTER_MS;
	due_ms = last_ms + pause_ms(schedule, timing, end_boot_ms, random);
	if (end_boot_ms > last_ms)
		due_ms = least(
		    due_ms, end_boot_ms - least(timing->poll_margin_ms,
					      (end_boot_ms - last_ms) / 4));
	if (due_ms < floor_ms)
		due_ms = floor_ms;
	if (schedule->wanted)
		due_ms = least(due_ms, last_ms + wanted_gap_ms(schedule));
	return due_ms;
}
