/* A policy from the inside: shared by parsing, matching and messages. */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include <stdatomic.h>

#include "policy/policy.h"

struct pcr_value {
	uint8_t index;
	uint8_t bytes[PCR_BYTES];
};

#define IMAGE_ID_BYTES 32

/*
 * What must all match: registers in ascending order, an image id, or both; and
 * beside them, because it says nothing of the code, which machine it is.
 */
struct pcr_set {
	struct pcr_value *values;
	size_t count;
	bool image_id_given;
	uint8_t image_id[IMAGE_ID_BYTES];
	/* Whole module_id, or what stands before "-enc"; NULL: any. */
	char *module_id;
	char *instance_id;
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
bool set_registers_match(
    const struct pcr_set *set, const struct claims *claims);
/*
 * Oyster's name for an image: SHA-256 of a mask of registers and PCR0, 1, 2 and
 * 16, the last zero where it is not there (oyster-monorepo, image_id).  False
 * when one of the first three is not there.
 */
bool image_id_of(
    const struct claims *claims, uint8_t ret_image_id[IMAGE_ID_BYTES]);
bool image_id_matches(const struct pcr_set *set, const struct claims *claims);
bool module_matches(const struct pcr_set *set, const struct claims *claims);
bool set_matches(const struct pcr_set *set, const struct claims *claims);
/* A register of the document is there and has these bytes. */
bool pcr_value_matches(
    const struct pcr_value *value, const struct claims *claims);

/* MEASUREMENT: says what was shown, what is accepted, and how to accept it. */
enum enclave_client_status policy_refuse(const struct policy *policy,
    const struct claims *claims, int64_t now_ms,
    struct enclave_client_error *error);
/* DEBUG, and what to say of it. */
enum enclave_client_status policy_refuse_debug(const struct policy *policy,
    const struct claims *claims, int64_t now_ms,
    struct enclave_client_error *error);

#endif
