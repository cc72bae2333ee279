#include "torture.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* Counts down to the failure; below 0: none is wanted, or it is over. */
static atomic_int left = -1;

void
torture_begin(unsigned int n)
{
	atomic_store(&left, (int)n);
}

bool
torture_end(void)
{
	return atomic_exchange(&left, -1) < 0;
}

static bool
fails_now(void)
{
	if (atomic_load(&left) < 0)
		return false;
	return atomic_fetch_sub(&left, 1) == 0;
}

/* The names are the linker's: --wrap=calloc calls these. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
void *__wrap_realloc(void *data, size_t size);
CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURLM *__real_curl_multi_init(void);
CURLM *__wrap_curl_multi_init(void);
CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);
int __real_pthread_create(pthread_t *ret_thread,
    const pthread_attr_t *attributes, void *(*run)(void *context),
    void *context);
int __wrap_pthread_create(pthread_t *ret_thread,
    const pthread_attr_t *attributes, void *(*run)(void *context),
    void *context);

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *data, size_t size)
{
	return fails_now() ? NULL : __real_realloc(data, size);
}

CURL *
__wrap_curl_easy_init(void)
{
	return fails_now() ? NULL : __real_curl_easy_init();
}

CURLM *
__wrap_curl_multi_init(void)
{
	return fails_now() ? NULL : __real_curl_multi_init();
}

CURLMcode
__wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	return fails_now() ? CURLM_OUT_OF_MEMORY
			   : __real_curl_multi_add_handle(multi, easy);
}

int
__wrap_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attributes,
    void *(*run)(void *context), void *context)
{
	if (fails_now())
		return EAGAIN;
	return __real_pthread_create(ret_thread, attributes, run, context);
}
