/*
 * Cookies that requests share.  A share of libcurl's that holds nothing else:
 * connections and TLS sessions stay with each handle.
 */
#ifndef CLIENT_COOKIES_H
#define CLIENT_COOKIES_H

#include <curl/curl.h>
#include <enclave_client.h>

/* NULL is taken. */
void cookies_ref(struct enclave_client_cookies *cookies);
void cookies_unref(struct enclave_client_cookies *cookies);

CURLSH *cookies_share(struct enclave_client_cookies *cookies);

#endif
