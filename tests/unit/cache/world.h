/* A cache, a pretended clock, and a log of what it told. */
#ifndef WORLD_H
#define WORLD_H

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "cache/cache.h"
#include "fakes.h"

#define OK           ENCLAVE_CLIENT_OK
#define ERR(name)    ENCLAVE_CLIENT_ERR_##name
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct world {
	struct cache *cache;
	struct enclave_client_error error; /* of the last call */
	pthread_mutex_t log_lock;
	char log[1024];     /* kinds of events since the log was read */
	char message[1024]; /* of the last event */
	atomic_int wakes;
	void (*on_event)(struct world *world);
};

void world_init(struct world *world);
/* Fails the test unless everything was given back. */
void world_end(struct world *world);
enum enclave_client_status world_update(
    struct world *world, const struct fake_enclave *enclaves, size_t count);
/* Appraises a document as configured now, and publishes it. */
enum enclave_client_status world_publish(struct world *world,
    struct cache_slot *slot, const struct document *document);
enum enclave_client_status world_judge(
    struct world *world, struct cache_slot *slot, char key);
size_t world_live(struct cache_slot *slot);
/* What was told since the last time, "attested key_added"; then forgets. */
void world_expect_events(
    struct world *world, const char *expected, const char *where);

/* The suites, one a file. */
Suite *rules_suite(void);
Suite *plumbing_suite(void);
Suite *threads_suite(void);
Suite *torture_suite(void);
Suite *fork_suite(void);

#endif
