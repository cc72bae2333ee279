/* Trust anchors for ordinary verification, loaded once for each client. */
#ifndef TLS_TRUST_STORE_H
#define TLS_TRUST_STORE_H

#include <openssl/x509.h>

#include "base/error.h"

/*
 * ca_file, ca_directory: as curl's --cacert and --capath, either or both; with
 * neither, the places that libcurl was built with.  New; X509_STORE_free.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status trust_store_new(
    const char *ca_file, const char *ca_directory, X509_STORE **ret_store,
    struct enclave_client_error *error);

#endif
