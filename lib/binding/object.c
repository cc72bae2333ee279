#include "binding/object.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "evidence/openssl_error.h"

size_t
transform_bytes(enum binding_transform transform)
{
	switch (transform) {
	case BINDING_IDENTITY:
		return 0;
	case BINDING_SHA256:
		return 32;
	case BINDING_SHA384:
		return 48;
	case BINDING_SHA512:
		return 64;
	}
	return 0;
}

static const EVP_MD *
transform_digest(enum binding_transform transform)
{
	switch (transform) {
	case BINDING_IDENTITY:
	case BINDING_SHA256:
		return EVP_sha256();
	case BINDING_SHA384:
		return EVP_sha384();
	case BINDING_SHA512:
		return EVP_sha512();
	}
	return EVP_sha256();
}

enum enclave_client_status
object_digest(enum binding_transform transform, const char *prefix,
    struct bytes object, uint8_t ret_digest[DIGEST_MAX_BYTES],
    struct enclave_client_error *error)
{
	const EVP_MD *digest = transform_digest(transform);
	struct bytes before = bytes_from_string(prefix ? prefix : "");
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	openssl_errors_begin();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	/* Every provider has SHA-2: what can be wanting is memory. */
	if (!context || !EVP_DigestInit_ex(context, digest, NULL) ||
	    !EVP_DigestUpdate(context, before.data, before.len) ||
	    !EVP_DigestUpdate(context, object.data, object.len) ||
	    !EVP_DigestFinal_ex(context, ret_digest, NULL))
		status = error_memory(error);
	EVP_MD_CTX_free(context);
	openssl_errors_end();
	return status;
}

enum enclave_client_status
object_check_spki(struct bytes der, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	const unsigned char *at = der.data;
	X509_PUBKEY *spki = NULL;

	openssl_errors_begin();
	if (der.len <= FIELD_MAX_BYTES)
		spki = openssl_read_spki(der, &at);
	if (!spki && openssl_out_of_memory())
		status = error_memory(error);
	else if (!spki || at != der.data + der.len)
		status = error_set(error, ENCLAVE_CLIENT_ERR_BINDING,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the field that should name the TLS key is no DER "
		    "SubjectPublicKeyInfo (%zu bytes)",
		    der.len);
	X509_PUBKEY_free(spki);
	openssl_errors_end();
	return status;
}

/*
 * The bits of a key mean nothing without its parameters.  Where those stand in
 * the certificate by value, whoever made it chose them, a generator among them
 * for which the attested bits are the public half of a secret of his own
 * (CVE-2020-0601).  A named curve, NULL or nothing leaves no such choice.
 */
static bool
has_own_parameters(const X509 *leaf)
{
	X509_ALGOR *algorithm = NULL;
	int type = V_ASN1_UNDEF;

	if (X509_PUBKEY_get0_param(
		NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(leaf)) != 1)
		return true;
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type != V_ASN1_UNDEF && type != V_ASN1_NULL &&
	       type != V_ASN1_OBJECT;
}

/* What the key's bits alone can stand for. */
static enum enclave_client_status
check_key(enum binding_object kind, const X509 *leaf,
    struct enclave_client_error *error)
{
	if (kind != BINDING_RAW_KEY)
		return ENCLAVE_CLIENT_OK;
	if (has_own_parameters(leaf))
		return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the leaf's key has parameters of its own, and evidence "
		    "vouches for the key's bits alone");
	if (ASN1_STRING_length(X509_get0_pubkey_bitstr(leaf)) <= 0)
		return error_set(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the leaf has no key: its subjectPublicKey is empty");
	return ENCLAVE_CLIENT_OK;
}

/*
 * A copy, because what OpenSSL lends dies with the certificate.  leaf_der: as
 * it was received, or without data where OpenSSL parsed it.
 */
static unsigned char *
encode_object(
    enum binding_object kind, X509 *leaf, struct bytes leaf_der, int *ret_len)
{
	unsigned char *data = NULL;
	const ASN1_BIT_STRING *bits;

	switch (kind) {
	case BINDING_SPKI:
		*ret_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &data);
		return data;
	case BINDING_CERTIFICATE:
		if (!leaf_der.data) {
			*ret_len = i2d_X509(leaf, &data);
			return data;
		}
		*ret_len = (int)leaf_der.len;
		return OPENSSL_memdup(leaf_der.data, leaf_der.len);
	case BINDING_RAW_KEY:
		bits = X509_get0_pubkey_bitstr(leaf);
		*ret_len = ASN1_STRING_length(bits);
		return OPENSSL_memdup(
		    ASN1_STRING_get0_data(bits), (size_t)*ret_len);
	}
	*ret_len = 0;
	return NULL;
}

enum enclave_client_status
object_of_certificate(enum binding_object kind, struct x509_st *leaf,
    struct bytes *ret_object, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	unsigned char *data;
	int len = 0;

	status = check_key(kind, leaf, error);
	if (status)
		return status;
	openssl_errors_begin();
	data = encode_object(kind, leaf, (struct bytes){0}, &len);
	openssl_errors_end();
	if (!data || len <= 0) {
		OPENSSL_free(data);
		return error_memory(error);
	}
	*ret_object = (struct bytes){data, (size_t)len};
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
object_of_leaf(enum binding_object kind, struct bytes leaf_der,
    struct bytes *ret_object, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	const unsigned char *at = leaf_der.data;
	unsigned char *data = NULL;
	X509 *leaf = NULL;
	int len = 0;

	openssl_errors_begin();
	if (leaf_der.len <= INT_MAX)
		leaf = openssl_read_certificate(leaf_der, &at);
	if (!leaf && openssl_out_of_memory()) {
		status = error_memory(error);
		goto out;
	}
	if (!leaf || at != leaf_der.data + leaf_der.len) {
		status = error_set(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "the server's leaf is not exactly one DER certificate");
		goto out;
	}
	status = check_key(kind, leaf, error);
	if (status)
		goto out;
	data = encode_object(kind, leaf, leaf_der, &len);
	if (!data || len <= 0) {
		OPENSSL_free(data);
		status = error_memory(error);
		goto out;
	}
	*ret_object = (struct bytes){data, (size_t)len};
out:
	X509_free(leaf);
	openssl_errors_end();
	return status;
}
