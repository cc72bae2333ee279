/* Exit statuses: curl's own numbers, and 111 to 116 for attestation. */
#ifndef CLI_EXIT_STATUS_H
#define CLI_EXIT_STATUS_H

#include <enclave_client.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_PROTOCOL = 1,
	EXIT_USAGE = 2, /* usage or configuration */
	EXIT_URL = 3,
	EXIT_HTTP_ERROR = 22, /* -f, and the answer was 400 or more */
	EXIT_WRITE = 23,
	EXIT_READ = 26,
	EXIT_MEMORY = 27,
	EXIT_TIMEOUT = 28,
	EXIT_TLS = 35,
	EXIT_INTERNAL = 43,
	EXIT_REDIRECT = 47,
	EXIT_RESOLVE_SYNTAX = 49,
	EXIT_CONNECT = 7,
	EXIT_RESOLVE_PROXY = 5,
	EXIT_RESOLVE_HOST = 6,
	EXIT_RECEIVE = 56,
	EXIT_TOO_LARGE = 63,
	EXIT_CANCELLED = 42,
	EXIT_NOT_BUILT_IN = 4,

	EXIT_NOT_SERVED = 111,
	EXIT_MALFORMED = 112,
	EXIT_UNTRUSTED = 113,
	EXIT_TIME = 114,
	EXIT_MEASUREMENT = 115,
	EXIT_KEY = 116
};

/*
 * The exit status that stands for status; error may be NULL.  0 only for OK.
 * A CURLcode in the error counts where the network or the machine failed.
 */
int exit_status_of(enum enclave_client_status status,
    const struct enclave_client_error *error);

#endif
