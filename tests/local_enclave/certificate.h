/* Building one X.509 certificate, exactly: names, times, extensions, in order. */
#ifndef LOCAL_ENCLAVE_CERTIFICATE_H
#define LOCAL_ENCLAVE_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* A key and the certificate that names it. */
struct identity {
	X509 *certificate;
	EVP_PKEY *key;
};

void identity_free(struct identity *identity);

/* curve is "P-256" or "P-384". */
EVP_PKEY *key_new(const char *curve);

/* The DER SubjectPublicKeyInfo; the caller frees it with OPENSSL_free. */
uint8_t *key_spki(EVP_PKEY *key, size_t *ret_len);

/* Version 3, no extensions yet, a random positive serial of so many bytes. */
X509 *certificate_new(EVP_PKEY *key, int serial_bytes);

/* PrintableString for the country, UTF8String for everything else. */
void name_add(X509_NAME *name, const char *type, const char *value);

void certificate_set_validity(X509 *certificate, time_t begin, time_t end);

/* value in OpenSSL's configuration syntax. issuer may be the certificate. */
void certificate_add_extension(
    X509 *certificate, X509 *issuer, int nid, const char *value);

/* SHA-384 on P-384, SHA-256 on P-256; the issuer's subject is copied. */
void certificate_sign(X509 *certificate, X509 *issuer, EVP_PKEY *issuer_key);

/* Both bounds inclusive, for callers that decide whether to issue anew. */
time_t certificate_begin(const X509 *certificate);
time_t certificate_end(const X509 *certificate);

#endif
