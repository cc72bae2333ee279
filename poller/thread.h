/* The library's own threads. */
#ifndef POLLER_THREAD_H
#define POLLER_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * 0, or the errno of why there is no thread.  Signals are the program's: its
 * threads handle them, never this one.
 */
int thread_start(
    void *(*run)(void *context), void *context, pthread_t *ret_thread);
/* The calling thread works for owner until it ends. */
void thread_serve(const void *owner);
bool thread_serves(const void *owner);

#endif
