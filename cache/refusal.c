#include "cache/refusal.h"

#include <stdlib.h>
#include <string.h>

const char *
refusal_words(const struct enclave_client_error *error)
{
	size_t len = strlen(error->enclave);

	if (len && !strncmp(error->message, error->enclave, len) &&
	    !strncmp(error->message + len, ": ", 2))
		return error->message + len + 2;
	return error->message;
}

struct refusal *
refusal_new(const struct enclave_client_error *error)
{
	const char *words = refusal_words(error);
	size_t size_bytes = strlen(words) + 1;
	size_t pcr_bytes = error->pcr.given ? sizeof(error->pcr) : 0;
	struct refusal *refusal =
	    malloc(sizeof(*refusal) + size_bytes + pcr_bytes);

	if (!refusal)
		return NULL;
	atomic_init(&refusal->references, 1);
	refusal->status = error->status;
	refusal->step = error->step;
	refusal->foreign = error->foreign;
	refusal->foreign_code = error->foreign_code;
	refusal->times = error->times;
	refusal->message_len = size_bytes - 1;
	refusal->measured = error->pcr.given;
	memcpy(refusal->message, words, size_bytes);
	memcpy(refusal->message + size_bytes, &error->pcr, pcr_bytes);
	return refusal;
}

struct refusal *
refusal_ref(struct refusal *refusal)
{
	if (refusal)
		atomic_fetch_add_explicit(
		    &refusal->references, 1, memory_order_relaxed);
	return refusal;
}

void
refusal_unref(struct refusal *refusal)
{
	if (refusal && atomic_fetch_sub_explicit(
			   &refusal->references, 1, memory_order_acq_rel) == 1)
		free(refusal);
}

bool
refusal_same(
    const struct refusal *refusal, const struct enclave_client_error *error)
{
	return refusal->status == error->status &&
	       refusal->step == error->step &&
	       refusal->foreign == error->foreign &&
	       refusal->foreign_code == error->foreign_code &&
	       !strcmp(refusal->message, refusal_words(error));
}

enum enclave_client_status
refusal_tell(const struct refusal *refusal, const char *prefix,
    struct enclave_client_error *error)
{
	error_set(error, refusal->status, refusal->step, "%s%s", prefix,
	    refusal->message);
	error_set_foreign(error, refusal->foreign, refusal->foreign_code);
	if (!error)
		return refusal->status;
	error->times = refusal->times;
	if (refusal->measured)
		memcpy(&error->pcr, refusal->message + refusal->message_len + 1,
		    sizeof(error->pcr));
	return refusal->status;
}
