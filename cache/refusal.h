/*
 * Why something was refused, kept for later: as long as its message and no
 * longer, so that ten thousand enclaves do not carry ten thousand error
 * objects.  Immutable, counted.
 */
#ifndef CACHE_REFUSAL_H
#define CACHE_REFUSAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct refusal {
	atomic_uint references;
	enum enclave_client_status status;
	enum enclave_client_step step;
	enum enclave_client_foreign foreign;
	long foreign_code;
	struct error_times times;
	size_t message_len;
	bool measured;  /* a struct error_pcr follows the message's NUL */
	char message[]; /* without the enclave's name */
};

/* New, or NULL when memory is short. */
struct refusal *refusal_new(const struct enclave_client_error *error);
/* NULL is allowed in both. */
struct refusal *refusal_ref(struct refusal *refusal);
void refusal_unref(struct refusal *refusal);

/* Same status, step, foreign code and words. */
bool refusal_same(
    const struct refusal *refusal, const struct enclave_client_error *error);
/*
 * Sets error to the refusal, prefix before its words; gives its status.  The
 * enclave is not named yet.
 */
enum enclave_client_status refusal_tell(const struct refusal *refusal,
    const char *prefix, struct enclave_client_error *error);

/* The words of an error, without the enclave's name before them. */
const char *refusal_words(const struct enclave_client_error *error);

#endif
