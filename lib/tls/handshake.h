/* The gate's first half: what runs inside OpenSSL (gate.c has the second). */
#ifndef TLS_HANDSHAKE_H
#define TLS_HANDSHAKE_H

#include "tls/gate.h"

/* curl_ssl_ctx_callback; the argument is the attachment. */
CURLcode handshake_ssl_ctx(CURL *easy, void *ssl_ctx, void *argument);

/*
 * Judges the leaf of a handshake whose chain was verified already (or is now,
 * by `outer`); leaves a verdict on the SSL, or the reason on the attachment.
 */
enum enclave_client_status handshake_judge(
    struct gate_attachment *attachment, X509_STORE_CTX *outer, SSL *ssl);
/* SSL_CB_HANDSHAKE_START: no resumption, no verdict of an earlier handshake. */
void handshake_forbid_resumption(const SSL *ssl, int where, int value);
/*
 * A thread's own copy of a shared attachment: cleared of errors, with the
 * enclave as configured now, whose reference the caller gives back.
 */
enum enclave_client_status handshake_begin_shared(struct gate_attachment *own);
/* Ordinary verification by the connection's own store is already done. */
enum enclave_client_status handshake_judge_key(
    struct gate_attachment *attachment, X509 *leaf, SSL *ssl);
/* Is ordinary verification asked for, beside the attested key? */
bool handshake_web_pki_needed(const struct gate_attachment *attachment);
/* Names the host that the certificate must be for. */
bool handshake_expect_host(X509_VERIFY_PARAM *param, const char *host);

#endif
