/*
 * Origins (scheme, host, port) in normal form: lower case, no trailing dot,
 * A-labels only, port always a number.  Parsed with libcurl's URL parser and
 * normalised after it, so that what is compared is what libcurl connects to.
 */
#ifndef ENCLAVE_ORIGIN_H
#define ENCLAVE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct origin {
	bool https; /* else http */
	uint16_t port;
	char *host; /* owned; an IPv6 literal has its brackets */
};

/*
 * From a URL; a missing scheme means https.  CONFIG for userinfo, a scheme
 * other than http and https, a host that is no A-label or literal.  Path,
 * query and fragment are not looked at: origin_only tells.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status origin_from_url(
    const char *url, struct origin *ret_origin,
    struct enclave_client_error *error);
/* Path, query and fragment as they were typed; borrowed from url. */
const char *origin_rest(const char *url);
/* True when url has no path (or "/"), query or fragment. */
bool origin_only(const char *url);
void origin_clear(struct origin *origin);
bool origin_equal(const struct origin *a, const struct origin *b);
/* "https://host:port", new; the port is left out when it is the default. */
char *origin_string(const struct origin *origin);

#endif
