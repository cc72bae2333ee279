/* From a caller's words to an enclave of the client. */
#ifndef CLIENT_LOOKUP_H
#define CLIENT_LOOKUP_H

#include "client/client.h"

/* USAGE for NULL, UNKNOWN_ENCLAVE when there is none.  New reference. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status lookup_name(
    struct enclave_client *client, const char *name,
    struct cache_slot **ret_slot, struct enclave_client_error *error);
/* By the URL's origin. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status lookup_url(
    struct enclave_client *client, const char *url,
    struct cache_slot **ret_slot, struct enclave_client_error *error);
/* A document for what was found, under the client's own switches; NULL when
 * memory is short. */
struct enclave_client_document *lookup_document(struct enclave_client *client,
    struct cache_slot *slot, const struct cache_hit *hit);

#endif
