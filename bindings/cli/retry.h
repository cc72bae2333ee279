/* --retry: which failures pass, and how long to wait for it. */
#ifndef CLI_RETRY_H
#define CLI_RETRY_H

#include "options.h"

struct retry {
	const struct options *options; /* borrowed */
	int64_t left;
	int64_t started_us;
	int64_t delay_ms; /* the next */
};

struct retry retry_begin(const struct options *options);

/*
 * Waits and gives true when the transfer is to be tried once more.  response
 * NULL: none came.
 */
bool retry_again(struct retry *retry,
    const struct enclave_client_response *response, const struct fault *fault);

#endif
