/*
 * Any number of enclaves: when to fetch, fetch, appraise, publish.  One thread
 * with one curl multi handle does the first two, one thread the others, so that
 * a burst of documents holds up no timeout.
 */
#ifndef POLLER_POLLER_H
#define POLLER_POLLER_H

#include <stdatomic.h>

#include "appraisal/appraisal.h"
#include "cache/cache.h"
#include "poller/store.h"
#include "tls/gate.h"
#include "tls/transport.h"

struct poller;

/* All borrowed until the poller is freed. */
struct poller_options {
	struct cache *cache;
	const struct appraiser *appraiser;
	const struct gate *gate;
	const struct transport *transport;
	const struct clock_source *clock;
	/* How many at once, at most POLLS_IN_FLIGHT_MAX; read at each start. */
	const atomic_size_t *polls_in_flight;
	/* NULL: none.  Polls that no request wants begin once it is read. */
	struct store *store;
};

/*
 * Starts both threads and hooks itself into the cache's wake.  Returns at
 * once.  New.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status poller_new(
    const struct poller_options *options, struct poller **ret_poller,
    struct enclave_client_error *error);
/* Any thread, any number of times; never blocks. */
void poller_wake(struct poller *poller);
/*
 * Ends both threads within 100 ms, whatever is in flight, a hanging resolver
 * included.  Any thread, any number of times; others may still wake it.  From
 * one of the two themselves, in an event callback, it only begins their end.
 */
void poller_stop(struct poller *poller);
/* NULL: false. */
bool poller_on_own_thread(const struct poller *poller);
/*
 * Stops, unhooks itself from the cache's wake, frees.  Nobody may be in, or
 * enter, a call that wakes it.
 */
void poller_free(struct poller *poller);

#endif
