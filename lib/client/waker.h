/*
 * What ends a blocking call from another thread: a flag, and a way to wake
 * whatever the call sleeps in.  Counted: a request and its streaming response
 * share one.
 */
#ifndef CLIENT_WAKER_H
#define CLIENT_WAKER_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

struct lane;

struct waker {
	atomic_uint refs;
	atomic_bool cancelled; /* for good */
	/* Whose threads may sleep in it: a forked child must not wake its
	 * parent's. */
	atomic_long owner;
	pthread_mutex_t mutex;
	CURLM *multi;      /* the call sleeps in this, or NULL */
	struct lane *lane; /* or waits for this one's learning, or NULL */
};

struct waker *waker_new(void);
struct waker *waker_ref(struct waker *waker);
void waker_unref(struct waker *waker);
/* At the start of a call, by the process of that pid: in a forked child nobody
 * sleeps here yet. */
void waker_adopt(struct waker *waker, long pid);
/* Where the call is going to sleep; NULL, NULL when it is done. */
void waker_set(struct waker *waker, CURLM *multi, struct lane *lane);
/* Wakes without cancelling: the client was stopped. */
void waker_wake(struct waker *waker);
void waker_cancel(struct waker *waker);

#endif
