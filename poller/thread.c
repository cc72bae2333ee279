#include "poller/thread.h"

#include <signal.h>

static _Thread_local const void *served;

int
thread_start(void *(*run)(void *context), void *context, pthread_t *ret_thread)
{
	sigset_t all;
	sigset_t before;
	int result;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(ret_thread, NULL, run, context);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

void
thread_serve(const void *owner)
{
	served = owner;
}

bool
thread_serves(const void *owner)
{
	return served == owner;
}
