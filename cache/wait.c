#include <time.h>

#include "cache/state.h"

/*
 * CLOCK_MONOTONIC, which the condition waits by, stands still in suspend;
 * CLOCK_BOOTTIME, by which we judge, does not.  Looking again once a second
 * keeps the difference small.
 */
#define LOOK_AGAIN_MS 1000

static struct timespec
monotonic_after(int64_t delay_ms)
{
	struct timespec at = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += delay_ms / 1000;
	at.tv_nsec += delay_ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Whether there is a reason to stop waiting other than the time. */
static bool
wait_ends(struct cache_slot *slot, struct moment now,
    const atomic_bool *cancelled, enum enclave_client_status *ret_status)
{
	if (cancelled && atomic_load(cancelled)) {
		*ret_status = ENCLAVE_CLIENT_ERR_CANCELLED;
		return true;
	}
	if (cache_slot_removed(slot)) {
		*ret_status = ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE;
		return true;
	}
	if (cache_live_keys(slot, now, NULL, NULL)) {
		*ret_status = ENCLAVE_CLIENT_OK;
		return true;
	}
	return false;
}

enum enclave_client_status
cache_wait_live(struct cache *cache, struct cache_slot *slot,
    int64_t until_boot_ms, const atomic_bool *cancelled)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_TIMEOUT;

	pthread_mutex_lock(&cache->wait_lock);
	for (;;) {
		struct moment now = clock_now(cache->appraiser->clock);
		int64_t delay_ms = LOOK_AGAIN_MS;
		struct timespec at;

		if (wait_ends(slot, now, cancelled, &status) ||
		    until_boot_ms <= now.boot_ms)
			break;
		if (until_boot_ms - now.boot_ms < delay_ms)
			delay_ms = until_boot_ms - now.boot_ms;
		at = monotonic_after(delay_ms);
		(void)pthread_cond_timedwait(
		    &cache->changed, &cache->wait_lock, &at);
	}
	pthread_mutex_unlock(&cache->wait_lock);
	return status;
}

void
cache_broadcast(struct cache *cache)
{
	pthread_mutex_lock(&cache->wait_lock);
	pthread_cond_broadcast(&cache->changed);
	pthread_mutex_unlock(&cache->wait_lock);
}
