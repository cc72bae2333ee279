#include "client/lane.h"

#include <stdlib.h>
#include <time.h>

#include "tls/transport.h"

/* A waiter looks at its clock at least this often. */
#define WAIT_SLICE_MS 1000

static bool
init_locks(struct lane *lane)
{
	pthread_condattr_t attributes;
	bool done;

	if (pthread_condattr_init(&attributes))
		return false;
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	done = !pthread_cond_init(&lane->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&lane->mutex, NULL);
	return done;
}

static void *
make_lane(struct cache_slot *slot, void *context)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	(void)slot, (void)context;
	if (!lane || init_locks(lane))
		return lane;
	free(lane);
	return NULL;
}

void
lane_after_fork(struct lane *lane)
{
	(void)init_locks(lane);
	lane->idle = NULL;
	lane->idle_count = 0;
	lane->learning = false;
	/* The parent's thread may have been writing it. */
	error_clear(&lane->last);
}

static void
free_lane(void *attached)
{
	struct lane *lane = attached;

	lane_close(lane);
	(void)pthread_cond_destroy(&lane->changed);
	(void)pthread_mutex_destroy(&lane->mutex);
	free(lane);
}

struct lane *
lane_of(struct cache_slot *slot)
{
	return cache_slot_attached(slot, make_lane, NULL, free_lane);
}

void
lane_broadcast(struct lane *lane)
{
	(void)pthread_mutex_lock(&lane->mutex);
	(void)pthread_cond_broadcast(&lane->changed);
	(void)pthread_mutex_unlock(&lane->mutex);
}

struct handle *
lane_take(struct lane *lane, struct cache_slot *slot)
{
	struct handle *handle;

	(void)pthread_mutex_lock(&lane->mutex);
	handle = lane->idle;
	if (handle) {
		lane->idle = handle->next;
		lane->idle_count--;
		handle->next = NULL;
	}
	(void)pthread_mutex_unlock(&lane->mutex);
	if (handle)
		handle->gate.slot = cache_slot_ref(slot);
	return handle;
}

static void
free_all(struct handle *handle)
{
	while (handle) {
		struct handle *next = handle->next;
		handle_free(handle);
		handle = next;
	}
}

/*
 * Takes off those that nobody has wanted for long: the last, because the last
 * in is the first out.  Each would keep its connection open for nothing.
 */
static struct handle *
take_stale(struct lane *lane, int64_t now_boot_ms)
{
	struct handle **link = &lane->idle;
	struct handle *stale;
	size_t kept = 0;

	while (*link && now_boot_ms - (*link)->idle_since_boot_ms <=
			    HANDLE_IDLE_MS_MAX) {
		link = &(*link)->next;
		kept++;
	}
	stale = *link;
	*link = NULL;
	lane->idle_count = kept;
	return stale;
}

void
lane_put(struct lane *lane, struct handle *handle)
{
	const struct clock_source *clock = handle->gate.gate->clock;
	int64_t now_boot_ms = clock->boot_ms(clock->context);
	struct handle *stale;

	/* What waits here holds no header, no secret, and no pointer to what
	 * the transfer was made of. */
	if (!handle->ready)
		transport_forget(handle->easy);
	handle->transfer = NULL;
	cache_slot_unref(handle->gate.slot);
	handle->gate.slot = NULL;
	handle->idle_since_boot_ms = now_boot_ms;
	(void)pthread_mutex_lock(&lane->mutex);
	stale = take_stale(lane, now_boot_ms);
	if (!lane->closed && lane->idle_count < HANDLES_IDLE_PER_ENCLAVE_MAX) {
		handle->next = lane->idle;
		lane->idle = handle;
		lane->idle_count++;
		handle = NULL;
	}
	(void)pthread_mutex_unlock(&lane->mutex);
	free_all(stale);
	handle_free(handle);
}

void
lane_close(struct lane *lane)
{
	struct handle *idle;

	(void)pthread_mutex_lock(&lane->mutex);
	idle = lane->idle;
	lane->idle = NULL;
	lane->idle_count = 0;
	lane->closed = true;
	(void)pthread_cond_broadcast(&lane->changed);
	(void)pthread_mutex_unlock(&lane->mutex);
	free_all(idle);
}

/* Sleeps until something changed, at most a slice; the mutex is held. */
static void
wait_slice(struct lane *lane, int64_t left_ms)
{
	struct timespec until;
	int64_t slice_ms = left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(slice_ms % 1000) * 1000000;
	until.tv_sec += (time_t)(slice_ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&lane->changed, &lane->mutex, &until);
}

/* Until the flight that is under way ends, or patience does; mutex held. */
static enum lane_role
wait_for_flight(struct lane *lane, const struct lane_patience *patience)
{
	const struct clock_source *clock = patience->clock;
	uint64_t flights = lane->flights;

	/* It would wait for itself. */
	if (lane->learning && pthread_equal(lane->leader, pthread_self()))
		return LANE_OWN;
	while (lane->learning) {
		int64_t left_ms =
		    patience->until_boot_ms - clock->boot_ms(clock->context);
		if (patience->cancelled(patience->context))
			return LANE_CANCELLED;
		if (left_ms <= 0)
			return LANE_TIMEOUT;
		wait_slice(lane, left_ms);
		if (lane->flights != flights)
			return LANE_ENDED;
	}
	return LANE_LEADER;
}

enum lane_role
lane_learning_begin(struct lane *lane, const struct lane_patience *patience,
    struct enclave_client_error *ret_error)
{
	enum lane_role role;

	(void)pthread_mutex_lock(&lane->mutex);
	role = wait_for_flight(lane, patience);
	if (role == LANE_LEADER) {
		lane->learning = true;
		lane->leader = pthread_self();
	}
	if (role == LANE_ENDED)
		error_copy(ret_error, &lane->last);
	(void)pthread_mutex_unlock(&lane->mutex);
	return role;
}

void
lane_learning_end(
    struct lane *lane, const struct enclave_client_error *error, bool abandoned)
{
	(void)pthread_mutex_lock(&lane->mutex);
	lane->learning = false;
	if (!abandoned) {
		lane->flights++;
		error_copy(&lane->last, error);
	}
	(void)pthread_cond_broadcast(&lane->changed);
	(void)pthread_mutex_unlock(&lane->mutex);
}
