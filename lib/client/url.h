/*
 * A request's URL, from the enclave's origin and the caller's path and query
 * through libcurl's URL API: joining strings would let a path such as
 * "@evil.example" divert the host.
 */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include "base/error.h"
#include "enclave/enclave.h"

/*
 * target: a path with its query, or a URL of the enclave's origin; a fragment
 * is left out.  USAGE otherwise.  New; curl_free.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status url_for(
    const struct enclave *enclave, const char *target, char **ret_url,
    struct enclave_client_error *error);

/* The URL of one target, kept for its next use; {0} to begin with. */
struct url_kept {
	char *place; /* the enclave's, that it was built for */
	char *url;
};
/* As url_for; *ret_url is borrowed until the next call. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status url_kept_for(
    struct url_kept *kept, const struct enclave *enclave, const char *target,
    const char **ret_url, struct enclave_client_error *error);
void url_kept_clear(struct url_kept *kept);

#endif
