/* Is the key that a leaf shows live now, or made so by what the leaf carries? */
#ifndef TLS_LEAF_H
#define TLS_LEAF_H

#include "tls/gate.h"

/* A leaf and what the cache knows it by. */
struct leaf {
	struct binding_key key;
	X509 *certificate; /* borrowed; NULL: not at hand */
	/* The handshake has finished: whoever shows the leaf has its key. */
	bool proved;
};

/*
 * The cache's verdict on the key.  Where it has none and the enclave's evidence
 * is in certificates, the leaf is appraised, published and asked for again; a
 * verdict that stands costs no verification.
 *
 * A leaf comes before the proof of its key (RFC 8446 4.4.3), and a document can
 * be put into any number of certificates by whoever saw it.  Until the proof an
 * accepted leaf is therefore not published, and *ret_hit is empty: else strangers
 * would fill the places that those who hold their keys need.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status leaf_judge(
    const struct gate *gate, struct cache_slot *slot, const struct leaf *leaf,
    struct cache_hit *ret_hit, struct enclave_client_error *error);

#endif
