/* The server's TLS: what it offers, and what it writes down of handshakes. */
#ifndef LOCAL_ENCLAVE_TLS_H
#define LOCAL_ENCLAVE_TLS_H

#include "enclave.h"

/*
 * Serves the enclave's current identity. Resumption is on in every form, and
 * tickets stay good when the key is rotated: clients must not rely on the
 * server to make them look at its key.
 */
SSL_CTX *tls_context_new(const struct enclave *enclave);

/* Asks the client of this connection for a certificate, and takes any. */
void tls_ask_client_certificate(SSL *ssl);

/* Ties a connection to its SSL; connection_free is called with the SSL. */
void tls_set_connection(SSL *ssl, struct connection *connection);
struct connection *tls_connection(const SSL *ssl);

#endif
