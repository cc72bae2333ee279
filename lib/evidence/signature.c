#include "evidence/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "evidence/key.h"
#include "evidence/openssl_error.h"

/* Two INTEGERs of at most 49 bytes in a SEQUENCE. */
#define DER_SIGNATURE_MAX_BYTES 112

/*
 * COSE has r and s side by side, OpenSSL wants them in DER.  0 when memory is
 * short.
 */
static size_t
der_signature(struct bytes raw, uint8_t ret_der[DER_SIGNATURE_MAX_BYTES])
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	int half = COSE_SIGNATURE_BYTES / 2;
	BIGNUM *r = BN_bin2bn(raw.data, half, NULL);
	BIGNUM *s = BN_bin2bn(raw.data + half, half, NULL);
	int len = 0;

	if (signature && r && s && ECDSA_SIG_set0(signature, r, s)) {
		r = NULL; /* handed over */
		s = NULL;
		if (i2d_ECDSA_SIG(signature, NULL) <= DER_SIGNATURE_MAX_BYTES)
			len = i2d_ECDSA_SIG(signature, &ret_der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	return len > 0 ? (size_t)len : 0;
}

/* 1 when it fits, 0 when not, below 0 when it could not be tried. */
static int
verify(EVP_PKEY *key, struct bytes der, struct bytes payload)
{
	uint8_t head[SIG_STRUCTURE_HEAD_MAX_BYTES];
	size_t head_len = sig_structure_head(payload.len, head);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int verdict = -1;

	if (context &&
	    EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
	    EVP_DigestVerifyUpdate(context, head, head_len) == 1 &&
	    EVP_DigestVerifyUpdate(context, payload.data, payload.len) == 1)
		verdict = EVP_DigestVerifyFinal(context, der.data, der.len);
	EVP_MD_CTX_free(context);
	return verdict;
}

enum enclave_client_status
signature_verify(struct bytes point, const struct envelope *envelope,
    struct enclave_client_error *error)
{
	uint8_t der[DER_SIGNATURE_MAX_BYTES];
	size_t der_len = der_signature(envelope->signature, der);
	EVP_PKEY *key = key_new(point);
	int verdict = -1;

	if (key && der_len)
		verdict = verify(
		    key, (struct bytes){der, der_len}, envelope->payload);
	EVP_PKEY_free(key);
	if (verdict == 1)
		return ENCLAVE_CLIENT_OK;
	if (!key || !der_len || openssl_out_of_memory())
		return error_memory(error);
	return error_set(error, ENCLAVE_CLIENT_ERR_SIGNATURE,
	    ENCLAVE_CLIENT_STEP_SIGNATURE,
	    "document is not signed by the key of its certificate");
}
