/*
 * What the poller stands on, pretended: cache, appraisal, gate, fetch and the
 * clocks.  Only libcurl, the heap, the roster and the schedule are real.  The
 * fetch speaks plain http to a fake server; no certificate is needed to see
 * when the poller does what.
 */
#ifndef FAKES_H
#define FAKES_H

#include "fake_server.h"
#include "fetch/fetch.h"
#include "poller/poller.h"

#define FAKE_SLOTS_MAX 1024

/* Everything in it is under fake_lock(). */
struct cache_slot {
	struct enclave enclave;
	size_t references;
	unsigned int dirty;
	bool removed;
	bool flight;
	bool judged; /* in this flight; it has not ended yet */
	uint64_t generation;
	uint64_t policy_generation;
	struct deadline end; /* of its key; both 0: none lives */

	/* What is pretended. */
	enum enclave_client_status appraise_status;
	bool attach_fails;
	const char *host; /* NULL: the server's address */
	int64_t life_ms;  /* of the evidence that it serves */

	/* What happened. */
	unsigned int fetches;
	unsigned int published; /* accepted or refused */
	unsigned int failures;  /* noted */
	unsigned int expired;   /* calls to cache_expire */
	uint64_t published_under;
	struct enclave_client_error error; /* the last one told */
};

/* A cache of count enclaves, not yet marked dirty, with one server. */
void fakes_begin(size_t count, int64_t poll_interval_ms);
/* Everything was given back: references, flights, attachments. */
void fakes_end(void);
struct fake_server *fakes_server(void);
/* Every enclave's first poll starts, at the same moment. */
struct poller *fakes_start_poller(void);
/* NULL when it can't be made. */
struct poller *fakes_try_poller(void);
struct cache_slot *fakes_slot(size_t index);

void fake_lock(void);
void fake_unlock(void);
/* Sleeps until something happened; aborts the test after long.  Locked. */
void fake_wait(const char *what);
#define WAIT_UNTIL(condition)                                                  \
	do {                                                                   \
		fake_lock();                                                   \
		while (!(condition))                                           \
			fake_wait(#condition);                                 \
		fake_unlock();                                                 \
	} while (0)
/* One number, read under the lock. */
#define LOOK(field) fake_look(&(field))
unsigned int fake_look(const unsigned int *field);

/* Time goes on by as much on both clocks, and the poller is woken. */
void fakes_advance(struct poller *poller, int64_t ms);
/* The wall clock is set. */
void fakes_jump_wall(struct poller *poller, int64_t ms);
/* The poller has seen everything that was so before the call, verdicts
 * included. */
void fakes_settle(struct poller *poller);

/* As others would: their flight, their publishing, the caller's new map. */
void fakes_learn(struct cache_slot *slot);
void fakes_remove(struct poller *poller, size_t index);
/* The map has only those before index, until it is shown. */
void fakes_hide(size_t index);
void fakes_show(size_t index);
void fakes_mark(struct cache_slot *slot, unsigned int why);
void fakes_set_flight(struct cache_slot *slot, bool flight);
void fakes_change_policy(struct cache_slot *slot);
/* Of real time, for the fetches that start from now on. */
void fakes_set_fetch_timeout(struct cache_slot *slot, int64_t timeout_ms);

/* While paused, appraise() does not return; wait_paused: it is in there. */
void fakes_pause_appraise(bool pause);
void fakes_wait_paused(void);

/* What the map says of it; at once. */
void fakes_set_polls_in_flight(size_t count);

/*
 * For the pollers that start from now on: a store whose reading waits until a
 * document is let through, which it judges in no time, or until its end.
 */
void fakes_hold_store(void);
void fakes_pass_document(void);
void fakes_end_store(void);
void fakes_wait_store(unsigned int asked);

struct fakes_thread {
	char name[16];
	bool signals_blocked;
};
/* The threads on which the last fetch and the last appraisal began. */
struct fakes_thread fakes_fetching_thread(void);
struct fakes_thread fakes_appraising_thread(void);
/* Blocks until that many threads were waited for to end, since the start. */
void fakes_wait_joining(unsigned int count);

/* getaddrinfo() for "hang.invalid" blocks until this is called. */
void fakes_wait_resolving(unsigned int count);
void fakes_release_resolver(void);

/* Its evidence is in its certificate from now on; before the poller starts. */
void fakes_carry_evidence(struct cache_slot *slot);

#endif
