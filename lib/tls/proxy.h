/*
 * Can an HTTPS proxy's own TLS be told from the enclave's?  libcurl calls the
 * gate for both, and all that tells them apart there is the name that is asked
 * for (DESIGN section 5, rule 6).
 */
#ifndef TLS_PROXY_H
#define TLS_PROXY_H

#include <stdbool.h>

/*
 * True for an HTTPS proxy with the host's own name, or with an address as the
 * host has one: what such a proxy shows would be taken for the enclave's.
 * proxy NULL: the environment's, as libcurl finds it; "": none.  Where memory
 * is short the answer is true.
 */
bool proxy_passes_for(const char *proxy, const char *host);

/* IPv4, or IPv6 in brackets: asked for without a server name. */
bool proxy_is_address(const char *host);

#endif
