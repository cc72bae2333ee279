/* The client from the inside. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "appraisal/appraisal.h"
#include "base/fork_mark.h"
#include "binding/leaf_memory.h"
#include "cache/cache.h"
#include "client/config.h"
#include "client/waker.h"
#include "poller/poller.h"
#include "poller/store.h"
#include "tls/gate.h"
#include "tls/transport.h"

struct handle;

/* A call that some thread is in; lives on that thread's stack. */
struct call {
	struct enclave_client *client;
	struct waker *waker;
	int64_t until_boot_ms; /* INT64_MAX: no deadline */
	struct call *previous;
	struct call *next;
};

struct enclave_client {
	/* The owner's, and one for each streaming response. */
	atomic_uint refs;
	struct fork_mark fork_mark;
	const struct clock_source *clock;
	struct evidence_roots *roots;
	struct chain_memory *memory;
	struct leaf_memory *leaves;
	struct appraiser appraiser;
	struct cache *cache;
	struct gate gate;
	struct transport transport;
	struct poller *poller; /* NULL: polling is off */
	struct store *store;   /* NULL: none */
	bool polling;
	/* What the trust store was made from. */
	char *ca_file;
	char *ca_directory;
	enclave_client_event_callback event_callback;
	void *event_context;
	/* A switch that weakens every verdict. */
	bool insecure;

	atomic_bool stopped;
	atomic_size_t polls_in_flight; /* at most; the map's */
	pthread_mutex_t mutex;         /* of what follows */
	pthread_cond_t idle;           /* the last call left */
	struct call *calls;
	struct enclave_client_curl *attachments; /* callers' easy handles */
};

/* clock: borrowed until the client is freed. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status client_new(
    const struct enclave_client_config *config,
    const struct clock_source *clock, struct enclave_client **ret_client,
    struct enclave_client_error *error);
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status client_start_polling(
    struct enclave_client *client, struct enclave_client_error *error);
void client_ref(struct enclave_client *client);
void client_unref(struct enclave_client *client);

/*
 * Every public call that takes a client, or what hangs on one, starts here,
 * before any lock: in a forked child the client becomes the child's own.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status client_enter(
    struct enclave_client *client, struct enclave_client_error *error);
/* The same for calls that end something: a child's poll thread is started by
 * its next client_enter().  False: memory is short, and what was inherited is
 * to be left as it is. */
bool client_enter_to_end(struct enclave_client *client);
/* client_enter() as struct gate wants it. */
bool client_enter_gate(void *context);

/*
 * Every blocking call enters and leaves, so that stopping can end it and
 * freeing can wait for it.  CANCELLED when the client was stopped.
 * until_boot_ms: the call's deadline on CLOCK_BOOTTIME, INT64_MAX for none.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status call_enter(
    struct call *call, struct enclave_client *client, struct waker *waker,
    int64_t until_boot_ms, struct enclave_client_error *error);
void call_leave(struct call *call);
/* On CLOCK_BOOTTIME, delay_ms from now; INT64_MAX where that is past counting. */
int64_t call_moment_after(
    const struct enclave_client *client, int64_t delay_ms);
/* The deadline that timeout_ms is from now; 0: none. */
int64_t call_deadline(const struct enclave_client *client, int64_t timeout_ms);
/* OK, CANCELLED or TIMEOUT, as things stand. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status call_check(
    const struct call *call, struct enclave_client_error *error);
/* Milliseconds left, at most max_ms and at least 0. */
int64_t call_left_ms(const struct call *call, int64_t max_ms);

/* How far to drive a transfer, and how far it went. */
struct drive {
	const bool *until; /* becomes true; NULL: until it is done */
	bool done;
	CURLcode code; /* libcurl's, when done */
};

/*
 * Drives the handle's transfer.  The status is that of the driving; how the
 * transfer itself went is in drive->code.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status call_drive(
    struct call *call, struct handle *handle, struct drive *drive,
    struct enclave_client_error *error);

#endif
