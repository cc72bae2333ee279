/* A public document: claims, and the verdict they were given. */
#ifndef CLIENT_DOCUMENT_H
#define CLIENT_DOCUMENT_H

#include "base/error.h"
#include "cache/cache.h"
#include "enclave/enclave.h"
#include "evidence/claims.h"

#include <enclave_client.h>

/*
 * New, or NULL when memory is short.  Takes a reference on the claims.  policy
 * NULL: none was asked; else set is the one that matched.
 */
struct enclave_client_document *document_new(struct claims *claims,
    const struct policy *policy, size_t set, int64_t deadline_ms,
    bool insecure);

/*
 * What was sent under hit: a reference on *kept where that says the same, else
 * on a new one, which takes its place.  NULL when memory is short.
 */
struct enclave_client_document *document_of_hit(
    struct enclave_client_document **kept, const struct cache_hit *hit,
    bool insecure);

#endif
