/*
 * What hangs on a caller's SSL_CTX or SSL beside the verdict: the callback that
 * ours replaced, the attachment that lives as long as the object, and why a
 * handshake was refused.
 */
#ifndef TLS_NOTE_H
#define TLS_NOTE_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "tls/gate.h"

typedef void (*note_info_callback)(const SSL *ssl, int where, int value);

/* Keeps the callback that is about to be replaced; false: no memory. */
bool note_keep_info(SSL_CTX *ssl_ctx, note_info_callback callers);
bool note_keep_info_of_ssl(SSL *ssl, note_info_callback callers);
/* The caller's, of the SSL or else of its SSL_CTX; NULL: none. */
note_info_callback note_callers_info(const SSL *ssl);

/* Has it an attachment of its own already? */
bool note_is_owned(const SSL_CTX *ssl_ctx);
bool note_ssl_is_owned(const SSL *ssl);
/* Takes over what is owned, where there is nothing yet. */
bool note_own(SSL_CTX *ssl_ctx, const struct gate_owned *owned);
bool note_own_of_ssl(SSL *ssl, const struct gate_owned *owned);
/* The attachment of the SSL or else of its SSL_CTX; NULL: none. */
struct gate_attachment *note_attachment(const SSL *ssl);

void note_refusal(SSL *ssl, const struct enclave_client_error *error);
/* NULL: the last handshake was not refused. */
const struct enclave_client_error *note_last_refusal(const SSL *ssl);

#endif
