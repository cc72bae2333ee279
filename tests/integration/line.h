/* A TLS connection of a caller's own to the fixture's enclave. */
#ifndef INTEGRATION_LINE_H
#define INTEGRATION_LINE_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Trusts the web CA of the fixture alone. */
SSL_CTX *line_context(void);
/* Connected over TCP, its handshake not begun; the name is asked for. */
SSL *line_new(SSL_CTX *context);
/* The same with its handshake tried; *ret_done tells how that went. */
SSL *line_dial(SSL_CTX *context, bool *ret_done);
/* Cleared and connected over TCP anew, to resume the session. */
void line_again(SSL *ssl, SSL_SESSION *session);
/* GET path; whether the answer was 200. */
bool line_get(SSL *ssl, const char *path);
/* Closes the socket too. */
void line_free(SSL *ssl);

#endif
