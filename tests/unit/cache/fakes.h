/*
 * Stand-ins for what lies to the left of the cache: claims that say what a
 * test wants, a policy that is a set of builds, a map made of a table, and an
 * appraisal that can stop at a pause point or run out of memory.
 */
#ifndef FAKES_H
#define FAKES_H

#include <stdatomic.h>

#include "appraisal/appraisal.h"

#define START_WALL_MS INT64_C(1800000000000)
#define START_BOOT_MS INT64_C(5000000)
#define HOUR_MS       INT64_C(3600000)

/* What a document says. */
struct document {
	char key;
	unsigned int build;   /* bit of fake_enclave.accepted */
	int64_t timestamp_ms; /* from the start of the pretended clock */
	int64_t not_after_ms; /* likewise */
	bool unauthentic;
	bool replayed;
};

struct fake_enclave {
	const char *name;
	const char *host;
	unsigned int accepted; /* builds */
	int64_t max_age_ms;    /* 0: an hour */
	bool keep_withdrawn;
	bool insecure;
	bool without_code;
	const struct profile *profile; /* NULL: the first one */
	int64_t interval_ms;           /* nothing that a verdict rests on */
};

struct claims *fake_claims(const struct document *document);
struct enclave_map *fake_map(const struct fake_enclave *enclaves, size_t count);
struct binding_key fake_key(char name);
bool fake_policy_accepts(
    const struct policy *policy, const struct claims *claims);
extern const struct profile fake_profiles[2];

/* The pretended clock, and a pretended appraisal at that time. */
extern const struct clock_source fake_clock;
extern const struct appraiser fake_appraiser;
void fake_clock_set(int64_t wall_ms, int64_t boot_ms); /* from the start */
struct moment fake_now(void);
enum enclave_client_status fake_appraise(const struct enclave *enclave,
    const struct document *document, struct appraisal *ret_appraisal,
    struct enclave_client_error *error);

/*
 * Pause point: while set, appraise_claims() stops inside until fake_resume().
 * A thread that should meet it says when it has ended, so that one that never
 * did fails a test instead of hanging it: fake_wait_paused() is false then.
 */
void fake_pause(void);
bool fake_wait_paused(void);
void fake_resume(void);
void fake_thread_ended(void);

/* Of everything the fakes count references on; 0 when nothing is left. */
int fake_objects(void);

/* The n-th allocation from now on fails, counted from 1; 0: none. */
void fake_fail_allocation(long nth);
bool fake_allocation_failed(void);

#endif
