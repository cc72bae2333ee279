/* Is the key that a leaf shows live now, or made so by what the leaf carries? */
#ifndef TLS_LEAF_H
#define TLS_LEAF_H

#include "tls/gate.h"

/* A leaf and what the cache knows it by. */
struct leaf {
	struct binding_key key;
	X509 *certificate; /* borrowed; NULL: not at hand */
};

/*
 * The cache's verdict on the key.  Where it has none and the enclave's evidence
 * is in certificates, the leaf is appraised, published and asked for again; a
 * verdict that stands costs no verification.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status leaf_judge(
    const struct gate *gate, struct cache_slot *slot, const struct leaf *leaf,
    struct cache_hit *ret_hit, struct enclave_client_error *error);

#endif
