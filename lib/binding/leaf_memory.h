/*
 * The keys of leaves that were read of late.  Parsing a certificate takes
 * 0.1 ms, and who asks before each request shows the same one again and again.
 *
 * A place is found by everything that the key depends on: the parts of the
 * rule that look at the leaf, and each byte of the leaf itself.  So nothing
 * ever has to be forgotten for being out of date.  Internally locked.
 */
#ifndef BINDING_LEAF_MEMORY_H
#define BINDING_LEAF_MEMORY_H

#include "binding/binding.h"

/* The oldest goes: more live connections than that are read again. */
#define LEAF_MEMORY_ENTRIES_MAX 256
/* Longer leaves are read each time: 1 MiB is the most that is kept. */
#define LEAF_MEMORY_LEAF_BYTES_MAX 4096

struct leaf_memory;

/* New, empty; NULL when memory is short. */
struct leaf_memory *leaf_memory_new(void);
void leaf_memory_free(struct leaf_memory *memory);

/* As binding_from_leaf(); memory NULL: nothing is remembered. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status leaf_memory_key(
    struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes leaf_der, struct binding_key *ret_key,
    struct enclave_client_error *error);

#endif
