#include "exit_status.h"

#include <stdbool.h>

/* CURLcodes are below 100; 111 and up are ours. */
#define CURL_CODE_MAX     99
#define CURL_PARTIAL_FILE 18

static const struct {
	enum enclave_client_status status;
	int exit;
} by_status[] = {
    {ENCLAVE_CLIENT_ERR_CANCELLED, EXIT_CANCELLED},
    {ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE, EXIT_TOO_LARGE},
    {ENCLAVE_CLIENT_ERR_BODY_CALLBACK, EXIT_READ},
    {ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, EXIT_NOT_SERVED},
    /* The enclave was asked for evidence as often as it may be. */
    {ENCLAVE_CLIENT_ERR_LEARNING_LIMITED, EXIT_NOT_SERVED},
    {ENCLAVE_CLIENT_ERR_REDIRECT, EXIT_REDIRECT},
    {ENCLAVE_CLIENT_ERR_SELF_TEST, EXIT_TLS},
    {ENCLAVE_CLIENT_ERR_UNSUPPORTED, EXIT_NOT_BUILT_IN},
};

static const struct {
	enum enclave_client_category category;
	int exit;
	bool curl_code; /* libcurl's own number is nearer, when there is one */
} by_category[] = {
    {ENCLAVE_CLIENT_CATEGORY_USAGE, EXIT_USAGE, false},
    {ENCLAVE_CLIENT_CATEGORY_MEMORY, EXIT_MEMORY, false},
    {ENCLAVE_CLIENT_CATEGORY_NETWORK, EXIT_RECEIVE, true},
    {ENCLAVE_CLIENT_CATEGORY_TIMEOUT, EXIT_TIMEOUT, false},
    {ENCLAVE_CLIENT_CATEGORY_MALFORMED, EXIT_MALFORMED, false},
    {ENCLAVE_CLIENT_CATEGORY_UNTRUSTED, EXIT_UNTRUSTED, false},
    {ENCLAVE_CLIENT_CATEGORY_TIME, EXIT_TIME, false},
    {ENCLAVE_CLIENT_CATEGORY_MEASUREMENT, EXIT_MEASUREMENT, false},
    {ENCLAVE_CLIENT_CATEGORY_KEY, EXIT_KEY, false},
    {ENCLAVE_CLIENT_CATEGORY_INTERNAL, EXIT_INTERNAL, true},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int
exit_status_of(
    enum enclave_client_status status, const struct enclave_client_error *error)
{
	enum enclave_client_category category =
	    enclave_client_status_category(status);
	long code = enclave_client_error_foreign_code(error);
	bool has_curl_code = enclave_client_error_foreign(error) ==
				 ENCLAVE_CLIENT_FOREIGN_CURL &&
			     code > 0 && code <= CURL_CODE_MAX;

	if (status == ENCLAVE_CLIENT_OK)
		return EXIT_DONE;
	/* The evidence endpoint answered, and stopped in the middle. */
	if (category == ENCLAVE_CLIENT_CATEGORY_NETWORK && has_curl_code &&
	    code == CURL_PARTIAL_FILE &&
	    enclave_client_error_step(error) == ENCLAVE_CLIENT_STEP_FETCH)
		return EXIT_NOT_SERVED;
	for (size_t i = 0; i < COUNT(by_status); i++)
		if (by_status[i].status == status)
			return by_status[i].exit;
	for (size_t i = 0; i < COUNT(by_category); i++) {
		if (by_category[i].category != category)
			continue;
		return by_category[i].curl_code && has_curl_code
			   ? (int)code
			   : by_category[i].exit;
	}
	return EXIT_INTERNAL;
}
