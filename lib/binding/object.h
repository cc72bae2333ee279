/* The objects that a rule can name, and their digests, with OpenSSL. */
#ifndef BINDING_OBJECT_H
#define BINDING_OBJECT_H

#include "base/bytes.h"
#include "base/error.h"
#include "binding/binding.h"

/* Longest transformed value that is kept on the stack (SHA-512). */
#define DIGEST_MAX_BYTES 64

/* 0 for BINDING_IDENTITY. */
size_t transform_bytes(enum binding_transform transform);

/*
 * transform(prefix || object) for a digest; for BINDING_IDENTITY SHA-256 of
 * prefix || object, which is what a binding_key holds of it.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status object_digest(
    enum binding_transform transform, const char *prefix, struct bytes object,
    uint8_t ret_digest[DIGEST_MAX_BYTES], struct enclave_client_error *error);

/* Exactly one DER SubjectPublicKeyInfo; BINDING otherwise. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status object_check_spki(
    struct bytes der, struct enclave_client_error *error);

/*
 * The object that kind names of a leaf, which must be exactly one DER
 * certificate; CERTIFICATE otherwise.  New, OPENSSL_free().
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status object_of_leaf(
    enum binding_object kind, struct bytes leaf_der, struct bytes *ret_object,
    struct enclave_client_error *error);
/* The same of a certificate that OpenSSL has parsed (X509). */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status object_of_certificate(
    enum binding_object kind, struct x509_st *leaf, struct bytes *ret_object,
    struct enclave_client_error *error);

#endif
