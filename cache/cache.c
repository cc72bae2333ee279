#include "cache/cache.h"

#include <stdlib.h>

#include "cache/state.h"

int
cache_init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int failed = pthread_condattr_init(&attributes);

	if (failed)
		return failed;
	failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) ||
		 pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return failed;
}

enum enclave_client_status
cache_new(const struct appraiser *appraiser, const struct cache_hooks *hooks,
    struct cache **ret_cache, struct enclave_client_error *error)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return error_memory(error);
	/* With these attributes glibc's initialisers fail for no reason but
	 * memory, and then before any of them holds a resource. */
	if (pthread_mutex_init(&cache->write, NULL) ||
	    pthread_mutex_init(&cache->table_lock, NULL) ||
	    pthread_mutex_init(&cache->dirty_lock, NULL) ||
	    pthread_mutex_init(&cache->wait_lock, NULL) ||
	    pthread_cond_init(&cache->wake_idle, NULL) ||
	    cache_init_condition(&cache->changed)) {
		free(cache);
		return error_memory(error);
	}
	cache->appraiser = appraiser;
	if (hooks)
		cache->hooks = *hooks;
	cache->wake = cache->hooks.wake;
	cache->wake_context = cache->hooks.wake_context;
	error_clear(error);
	*ret_cache = cache;
	return ENCLAVE_CLIENT_OK;
}

void
cache_free(struct cache *cache)
{
	if (!cache)
		return;
	dirty_drop_all(cache);
	table_unref(cache->table);
	pthread_cond_destroy(&cache->changed);
	pthread_cond_destroy(&cache->wake_idle);
	pthread_mutex_destroy(&cache->wait_lock);
	pthread_mutex_destroy(&cache->dirty_lock);
	pthread_mutex_destroy(&cache->table_lock);
	pthread_mutex_destroy(&cache->write);
	free(cache);
}
