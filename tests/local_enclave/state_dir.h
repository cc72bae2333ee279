/*
 * The folder that several stand-ins share: an enclave and its impostor, or a
 * server and the documents minted for it, trust the same two roots because
 * they were started with the same --state.
 */
#ifndef LOCAL_ENCLAVE_STATE_DIR_H
#define LOCAL_ENCLAVE_STATE_DIR_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

/*
 * Creates the folder when it is absent, and waits for its lock. Whoever holds
 * the lock may create what is missing; the others then find it whole.
 */
int state_lock(const char *folder);
void state_unlock(int lock);

/* New text: folder, slash, name, suffix. */
char *state_path(const char *folder, const char *name, const char *suffix);

/* Replaces the file in one step: a reader sees the old one or the new one. */
void state_write(const char *path, const char *data, size_t len);

/* NULL when the file does not exist. */
EVP_PKEY *state_read_key(const char *path);
X509 *state_read_certificate(const char *path);

void state_write_key(const char *path, EVP_PKEY *key);

/* Writes the leaf and, when it is not NULL, the issuer behind it. */
void state_write_certificate(const char *path, X509 *leaf, X509 *issuer);

#endif
