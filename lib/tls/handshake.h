/* The gate's first half: what runs inside OpenSSL (gate.c has the second). */
#ifndef TLS_HANDSHAKE_H
#define TLS_HANDSHAKE_H

#include "tls/gate.h"

/* curl_ssl_ctx_callback; the argument is the attachment. */
CURLcode handshake_ssl_ctx(CURL *easy, void *ssl_ctx, void *argument);

#endif
