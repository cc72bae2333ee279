/*
 * The verdict of the handshake, hung on the SSL as ex_data, so that it lives
 * and dies with the connection and can't be carried to another.
 */
#ifndef TLS_VERDICT_H
#define TLS_VERDICT_H

#include <openssl/ssl.h>

#include "base/clock.h"
#include "binding/binding.h"

struct verdict {
	uint64_t client_id;
	uint64_t slot_id;
	/* What the key was last found live under; 0, which no snapshot has:
	 * ordinary verification passed and the key was not judged. */
	uint64_t generation;
	struct deadline deadline;
	struct binding_key key; /* of the leaf that this SSL has shown */
};

/* NULL when the connection was opened by somebody else, or by none of ours. */
struct verdict *verdict_get(const SSL *ssl);
/* Copies; false when memory is short. */
bool verdict_set(SSL *ssl, const struct verdict *verdict);
void verdict_drop(SSL *ssl);

#endif
