/*
 * The gate for programs that speak another protocol over OpenSSL.
 *
 * Attach, connect, and ask enclave_client_ssl_check() after the handshake and
 * before each message: a handshake check alone does not notice that evidence
 * expired or was withdrawn since.
 *
 * The certificate is verified by the SSL_CTX's own store, for the enclave's
 * host name, always.  Sessions are not resumed, renegotiation is off, TLS 1.2
 * is the least version.  An info callback that was set before is still called;
 * verify callbacks are replaced.  Set none of these afterwards.
 */
#ifndef ENCLAVE_CLIENT_OPENSSL_H
#define ENCLAVE_CLIENT_OPENSSL_H

#include <enclave_client.h>
#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every client connection made from ssl_ctx must be the named enclave's.  The
 * attachment lives as long as ssl_ctx; after enclave_client_free() its
 * handshakes are refused.  Before connections are made (confined).
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_ctx_attach(struct enclave_client *client, const char *name,
    SSL_CTX *ssl_ctx, struct enclave_client_error *error);
/* The same for one connection, before its handshake. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_attach(struct enclave_client *client, const char *name,
    SSL *ssl, struct enclave_client_error *error);

/*
 * May bytes be sent on ssl now?  OK only when this client judged this very
 * handshake for the attached enclave and its key is live at this moment.  After
 * a refused handshake it tells why.  *ret_document is new; NULL: not wanted.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_check(struct enclave_client *client, SSL *ssl,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

#ifdef __cplusplus
}
#endif

#endif
