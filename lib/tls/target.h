/* Which enclave a caller's handle is at: by the URL of its transfer. */
#ifndef TLS_TARGET_H
#define TLS_TARGET_H

#include "tls/gate.h"

/* Where a handle is at; borrowed.  NULL: libcurl does not tell. */
const char *target_url(CURL *easy);
/*
 * Makes the attachment's slot and enclave those of that URL.  UNKNOWN_ENCLAVE,
 * in attachment->error, when its origin has no policy.
 */
enum enclave_client_status target_find(
    struct gate_attachment *attachment, const char *url);
/*
 * The origin behind a caller's URL, which may carry credentials: those are
 * libcurl's business.  CONFIG when there is none.
 */
enum enclave_client_status target_origin(
    const char *url, struct origin *ret_origin);
/* url begins with the origin as we write it, and goes on with a path. */
bool target_as_written(const struct enclave *enclave, const char *url);

#endif
