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
 * handshakes are refused.  Before connections are made (confined).  USAGE where
 * ssl_ctx has an attachment, of whichever client.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_ctx_attach(struct enclave_client *client, const char *name,
    SSL_CTX *ssl_ctx, struct enclave_client_error *error);
/* The same for one connection, before its handshake; it goes before that of the
 * SSL_CTX. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_attach(struct enclave_client *client, const char *name,
    SSL *ssl, struct enclave_client_error *error);

/*
 * The other way round: ssl_ctx accepts, and only clients that are enclaves pass
 * its handshakes.  A client presents a certificate that carries its attestation
 * document; the policy is that of the named entry of the map, whose profile
 * must be one whose evidence is in the certificate (its url is not used).  A
 * client without a certificate is refused, and so is whatever the profile, the
 * policy or the clock refuses; a measurement that was not expected is told as
 * EVENT_MEASUREMENT_REFUSED.  A certificate comes before the proof of its key, so
 * such an event says what was shown, not that its enclave showed it; and an
 * accepted certificate counts from the first check after the handshake on.
 *
 * In the handler enclave_client_ssl_check() gives the verdict, and in its
 * document the client's measurements; after SSL_accept() failed it tells why.
 * With trust "web_pki+attested_key" ssl_ctx's own store must vouch for the
 * client's certificate as well; with "attested_key" the document alone decides.
 *
 * There is no nonce in a certificate: whoever has a client's private key can
 * present its certificate again.  Replay is bounded by the entry's max_age_ms
 * alone; set it as low as the clients renew.  At most 64 certificates count at
 * a time for one entry; beyond that the client whose evidence ends first is
 * refused until another's has ended.
 *
 * Policy and times follow enclave_client_update().  Another profile or trust is
 * another enclave: every client is refused until a new SSL_CTX is attached.
 *
 * Sessions, tickets, early data and pre-shared keys are off.  ssl_ctx stays the
 * caller's: whoever sets its verification, a certificate verify callback or a
 * callback for pre-shared keys afterwards, or moves an SSL to another SSL_CTX
 * (by a server name callback), lets handshakes finish in which nobody was
 * judged.  enclave_client_ssl_check() refuses them; it is not optional.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_ssl_ctx_attach_server(struct enclave_client *client,
    const char *name, SSL_CTX *ssl_ctx, struct enclave_client_error *error);

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
