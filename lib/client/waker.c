#include "client/waker.h"

#include <stdlib.h>
#include <unistd.h>

#include "client/lane.h"

struct waker *
waker_new(void)
{
	struct waker *waker = calloc(1, sizeof(*waker));

	if (!waker)
		return NULL;
	if (pthread_mutex_init(&waker->mutex, NULL)) {
		free(waker);
		return NULL;
	}
	atomic_init(&waker->refs, 1);
	atomic_init(&waker->owner, getpid());
	return waker;
}

struct waker *
waker_ref(struct waker *waker)
{
	(void)atomic_fetch_add(&waker->refs, 1);
	return waker;
}

void
waker_unref(struct waker *waker)
{
	if (!waker || atomic_fetch_sub(&waker->refs, 1) != 1)
		return;
	(void)pthread_mutex_destroy(&waker->mutex);
	free(waker);
}

void
waker_adopt(struct waker *waker, long pid)
{
	if (atomic_load(&waker->owner) == pid)
		return;
	(void)pthread_mutex_init(&waker->mutex, NULL);
	waker->multi = NULL;
	waker->lane = NULL;
	atomic_store(&waker->owner, pid);
}

void
waker_set(struct waker *waker, CURLM *multi, struct lane *lane)
{
	(void)pthread_mutex_lock(&waker->mutex);
	waker->multi = multi;
	waker->lane = lane;
	(void)pthread_mutex_unlock(&waker->mutex);
}

void
waker_wake(struct waker *waker)
{
	if (atomic_load(&waker->owner) != getpid())
		return;
	(void)pthread_mutex_lock(&waker->mutex);
	if (waker->multi)
		(void)curl_multi_wakeup(waker->multi);
	if (waker->lane)
		lane_broadcast(waker->lane);
	(void)pthread_mutex_unlock(&waker->mutex);
}

void
waker_cancel(struct waker *waker)
{
	atomic_store(&waker->cancelled, true);
	waker_wake(waker);
}
