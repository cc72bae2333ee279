/* A policy from the inside: shared by parsing, matching and messages. */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include <stdatomic.h>

#include "policy/policy.h"

struct pcr_value {
	uint8_t index;
	uint8_t bytes[PCR_BYTES];
};

/* Registers that must all match; in ascending order, at least one. */
struct pcr_set {
	struct pcr_value *values;
	size_t count;
	char *label; /* never NULL */
	int64_t expires_ms;
};

struct policy {
	atomic_size_t references;
	bool insecure_debug;
	size_t count;
	struct pcr_set *sets;
};

/* Room for "set 2 of 3 "label"" with every byte of the label escaped. */
#define SET_NAME_MAX_BYTES (4 * POLICY_LABEL_MAX_BYTES + 64)

/* set 1 of 2 "v1.4" */
void set_name(
    const struct policy *policy, size_t set, char ret_name[SET_NAME_MAX_BYTES]);
bool set_expired(const struct pcr_set *set, int64_t now_ms);
bool set_matches(const struct pcr_set *set, const struct claims *claims);
/* A register of the document is there and has these bytes. */
bool pcr_value_matches(
    const struct pcr_value *value, const struct claims *claims);

/* MEASUREMENT: says what was shown, what is accepted, and how to accept it. */
enum enclave_client_status policy_refuse(const struct policy *policy,
    const struct claims *claims, int64_t now_ms,
    struct enclave_client_error *error);

#endif
