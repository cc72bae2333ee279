/*
 * The error object from the inside.  Every function here takes NULL for the
 * error, so that callers need not ask.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <enclave_client.h>

#include "base/bytes.h"
#include "base/limits.h"

/*
 * The register that was refused.  Bytes only, so that the cache can keep it
 * behind a text of any length.
 */
struct error_pcr {
	bool given; /* else nothing here means anything */
	uint8_t index;
	uint8_t kept; /* of accepted[] */
	bool more;    /* values were accepted that are not kept */
	/* "" where the document has no such register. */
	char shown[PCR_HEX_BYTES];
	char accepted[ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX][PCR_HEX_BYTES];
};

/* About the document that was refused. */
struct error_times {
	bool aged;
	int64_t age_ms; /* when it was judged; negative: from the future */
	bool ended;
	int64_t deadline_ms; /* since the epoch */
};

struct enclave_client_error {
	enum enclave_client_status status;
	enum enclave_client_step step;
	enum enclave_client_foreign foreign;
	long foreign_code;
	struct error_times times;
	struct error_pcr pcr;
	char enclave[ENCLAVE_NAME_MAX_BYTES + 1];
	char message[ERROR_MESSAGE_MAX_BYTES];
};

void error_clear(struct enclave_client_error *error);

/* The same for one that is clear or set, not raw memory: where it holds no
 * error it costs one look, and its other cache lines stay cold. */
static inline void
error_reset(struct enclave_client_error *error)
{
	if (error && error->status != ENCLAVE_CLIENT_OK)
		error_clear(error);
}

/*
 * Sets everything but the enclave's name, and gives status back, so that
 * `return error_set(...)` and `status = error_set(...)` read well.  What is
 * formatted must be ours or escaped: bytes outside printable ASCII become '?'.
 */
enum enclave_client_status error_set(struct enclave_client_error *error,
    enum enclave_client_status status, enum enclave_client_step step,
    const char *format, ...) __attribute__((format(printf, 4, 5), cold));

/* Memory is short: one constant message, no step. */
enum enclave_client_status error_memory(struct enclave_client_error *error)
    __attribute__((cold));

void error_set_foreign(struct enclave_client_error *error,
    enum enclave_client_foreign foreign, long code);

/*
 * Facts beside the message; each is for an error that is set, and error_set()
 * forgets them.
 */
void error_set_age(struct enclave_client_error *error, int64_t age_ms);
void error_set_deadline(
    struct enclave_client_error *error, int64_t deadline_ms);
/* shown: len 0 where the document has no such register. */
void error_set_pcr(
    struct enclave_client_error *error, unsigned int index, struct bytes shown);
/* One more value that error_set_pcr()'s register could have had. */
void error_add_accepted(
    struct enclave_client_error *error, struct bytes accepted);

/* Names the enclave and puts "name: " before the message, once. */
void error_set_enclave(struct enclave_client_error *error, const char *name);

/* The message without the enclave's name before it. */
const char *error_reason(const struct enclave_client_error *error);

/* Adds to the message: "; the clock may be wrong". */
void error_append(struct enclave_client_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* from may be NULL (then clears); to may be NULL. */
void error_copy(
    struct enclave_client_error *to, const struct enclave_client_error *from);

/* The analyser does not see that these give back what they were given. */
#ifdef __clang_analyzer__
#define error_set(error, status, ...)                                          \
	((void)(error_set)(error, status, __VA_ARGS__), (status))
#define error_memory(error)                                                    \
	((void)(error_memory)(error), ENCLAVE_CLIENT_ERR_MEMORY)
#endif

#endif
