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

enum enclave_client_status
cache_wait_live(struct cache *cache, struct cache_slot *slot,
    int64_t until_boot_ms, const atomic_bool *cancelled)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_TIMEOUT;

	pthread_mutex_lock(&cache->wait_lock);
	for (;;) {
		struct moment now = clock_now(cache->appraiser->clock);
		int64_t left_ms = until_boot_ms - now.boot_ms;
		struct timespec at;

		if (cancelled && atomic_load(cancelled)) {
			status = ENCLAVE_CLIENT_ERR_CANCELLED;
			break;
		}
		if (cache_slot_removed(slot)) {
			status = ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE;
			break;
		}
		if (cache_live_keys(slot, now, NULL, NULL)) {
			status = ENCLAVE_CLIENT_OK;
			break;
		}
		if (until_boot_ms <= now.boot_ms)
			break;
		at = monotonic_after(
		    left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS);
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
