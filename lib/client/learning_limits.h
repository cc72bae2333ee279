/*
 * How often learning may fail: a token bucket that only failures drain, and
 * the keys that failed lately.  Pure; the lane's mutex guards it.
 */
#ifndef CLIENT_LEARNING_LIMITS_H
#define CLIENT_LEARNING_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "binding/binding.h"

#define LEARNING_REFUSED_KEYS_MAX 8

struct learning_limits {
	/* Failures that were paid for; 0 is the full bucket. */
	unsigned int spent;
	int64_t refilled_boot_ms; /* when spent was last brought up to date */
	struct {
		struct binding_key key;
		int64_t until_boot_ms;
		enum enclave_client_status status;
		enum enclave_client_step step;
	} refused[LEARNING_REFUSED_KEYS_MAX];
	unsigned int refused_next;
};

/* LEARNING_LIMITED, saying until when, when the bucket is empty. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status learning_limits_check(
    struct learning_limits *limits, int64_t now_boot_ms,
    struct enclave_client_error *error);
/* The status that the key was refused with in the last 10 s, else OK. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status learning_limits_check_key(
    const struct learning_limits *limits, const struct binding_key *key,
    int64_t now_boot_ms, struct enclave_client_error *error);
/* An attempt failed; key NULL when none was seen. */
void learning_limits_failed(struct learning_limits *limits,
    const struct binding_key *key, int64_t now_boot_ms,
    const struct enclave_client_error *error);

#endif
