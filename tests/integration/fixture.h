/*
 * A local enclave, a client that may talk to it, and a clock that can be moved:
 * what every test of the gate begins with.
 */
#ifndef INTEGRATION_FIXTURE_H
#define INTEGRATION_FIXTURE_H

#include <check.h>
#include <enclave_client.h>
#include <pthread.h>

#include "base/clock.h"
#include "client/client.h"
#include "local_enclave/harness.h"

#define FIXTURE_NAME        "payments"
#define FIXTURE_EVENTS_MAX  64
#define FIXTURE_EVENT_KINDS 16

struct fixture_event {
	enum enclave_client_event_kind kind;
	enum enclave_client_status status;
	enum enclave_client_step step;
};

struct fixture {
	char state[64]; /* folder of the roots and the logs */
	struct local_enclave *enclave;
	struct enclave_client_config *config;
	struct enclave_client *client;
	struct enclave_client_error *error;
	/* Moved forward by tests; both clocks. */
	_Atomic int64_t wall_offset_ms;
	_Atomic int64_t boot_offset_ms;
	struct clock_source clock;
	pthread_mutex_t events_lock;
	struct fixture_event events[FIXTURE_EVENTS_MAX];
	size_t event_count;
	size_t events_ever[FIXTURE_EVENT_KINDS];
	char store_message[256]; /* of the last EVENT_STORE */
	/* For clients to come; NULL: none. */
	const char *evidence_store;
	const char *connect_to;
	const char *resolve;
};

/* The one that Check's setup made for the test case that runs. */
extern struct fixture fixture;

/* Check fixtures: an enclave with its defaults, and no client yet. */
void fixture_setup(void);
void fixture_setup_tls12(void);
void fixture_teardown(void);

/* Ends a forked child, without what its parent registered for its own end. */
__attribute__((noreturn)) void fixture_end_child(int status);

/*
 * A client whose map gives FIXTURE_NAME the enclave's origin and PCR0 (NULL:
 * the enclave's own), with more members of the enclave object ("" or
 * ",\"max_age_ms\":60000").
 */
void fixture_client(const char *pcr0, const char *members, bool polling);
/* Another map for the same client; pcr0 and members as above. */
void fixture_update(const char *pcr0, const char *members);
/* The same with a map of the test's own. */
void fixture_client_with_map(const char *map, bool polling);
void fixture_update_map(const char *map);
/* JSON of such a map; static, as that of the enclave's own PCR0 at any URL. */
const char *fixture_map(const char *pcr0, const char *members);
const char *fixture_map_at(const char *url);

/* Status of GET path; the response, if any, is freed. */
enum enclave_client_status fixture_get(const char *path);
/* The same, expecting success with HTTP 200. */
void fixture_get_ok(const char *path);
/* Settings of the enclave, as JSON. */
void fixture_set(const char *settings);
void fixture_rotate(void);

/* What the enclave saw. */
size_t fixture_requests(void);   /* but evidence GETs */
size_t fixture_evidence(void);   /* evidence GETs */
size_t fixture_handshakes(void); /* finished ones */
size_t fixture_connections(void);
bool fixture_saw(const char *text);
/* The same within ten seconds: what the enclave logs after we have gone. */
bool fixture_saw_soon(const char *text);

size_t fixture_events(enum enclave_client_event_kind kind);
/* The same without a limit to their number. */
size_t fixture_events_ever(enum enclave_client_event_kind kind);
/* Whether one came within ten seconds. */
bool fixture_wait_event(enum enclave_client_event_kind kind);
/* A request's body from a callback: "body", of four bytes; context is a bool,
 * whether it was given. */
int64_t fixture_give_once(void *buffer, size_t size, void *context);
bool fixture_give_again(void *context);
void fixture_advance_ms(int64_t delay_ms);

/* Asserts the status of the last call and, unless NULL, a part of its text. */
void fixture_expect(enum enclave_client_status got,
    enum enclave_client_status wanted, const char *text);

#endif
