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

#endif
