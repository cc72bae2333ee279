/*
 * Trust anchors for ordinary verification.  They are read once, and again when
 * their file or directory has changed: certificate authorities come and go
 * while a client lives.
 */
#ifndef TLS_TRUST_STORE_H
#define TLS_TRUST_STORE_H

#include <openssl/x509.h>

#include "base/error.h"

struct trust_store;

/*
 * ca_file, ca_directory: as curl's --cacert and --capath, either or both; with
 * neither, the places that libcurl was built with.  New; trust_store_free.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status trust_store_new(
    const char *ca_file, const char *ca_directory,
    struct trust_store **ret_trust, struct enclave_client_error *error);
/* Takes a reference to anchors that never change; NULL: no memory. */
struct trust_store *trust_store_new_fixed(X509_STORE *anchors);
void trust_store_free(struct trust_store *trust);

/*
 * The anchors of this moment, for one handshake; X509_STORE_free.  From any
 * thread.  Where what has changed can't be used the former ones stay until it
 * can, and failed, which was empty, tells why, once for each change.
 */
X509_STORE *trust_store_anchors(
    struct trust_store *trust, struct enclave_client_error *failed);

#endif
