/*
 * A file of trust anchors in PEM.  Debian's bundle has some 140, of which a
 * chain asks for one, and parsing their keys takes 20 ms: only the subjects are
 * read at first, and an anchor is parsed when a chain names it.
 */
#ifndef TLS_BUNDLE_H
#define TLS_BUNDLE_H

#include <openssl/x509.h>
#include <stdbool.h>

/* So few are parsed at once. */
#define BUNDLE_AT_ONCE_MAX 8

/*
 * As X509_STORE_load_file(), but for revocation lists, which nobody asks for.
 * False when there is no certificate, when the PEM of anything or the outline
 * of a certificate is broken, or without memory.
 */
bool bundle_add(X509_STORE *store, const char *path);

#endif
