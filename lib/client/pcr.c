/* Reference values that follow from a name or a file, as AWS defines them. */
#include <enclave_client.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "evidence/openssl_error.h"

#define ROLE_ARN_MAX_BYTES 2048

static enum enclave_client_status
refuse(struct enclave_client_error *error, const char *why)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE, "%s", why);
}

/*
 * A register that was zero and is extended once: SHA-384(48 zero bytes, then
 * what it is extended by).
 */
static enum enclave_client_status
extend_zero(struct bytes by, char **ret_pcr, struct enclave_client_error *error)
{
	uint8_t digest[PCR_BYTES];
	uint8_t *text = calloc(1, PCR_BYTES + by.len);
	char *hex = malloc(2 * PCR_BYTES + 1);

	if (!text || !hex) {
		free(text);
		free(hex);
		return error_memory(error);
	}
	memcpy(text + PCR_BYTES, by.data, by.len);
	(void)SHA384(text, PCR_BYTES + by.len, digest);
	free(text);
	hex_encode((struct bytes){digest, sizeof(digest)}, hex);
	*ret_pcr = hex;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

/* A wrong name would give a value as good-looking as a right one. */
static bool
is_role_arn(const char *arn)
{
	const char *role = strstr(arn, ":role/");

	if (strncmp(arn, "arn:aws", 7) || !strstr(arn, ":iam::") || !role ||
	    !role[6] || strlen(arn) > ROLE_ARN_MAX_BYTES)
		return false;
	for (; *arn; arn++)
		if (*arn <= 0x20 || *arn >= 0x7f)
			return false;
	return true;
}

enum enclave_client_status
enclave_client_pcr3_from_role_arn(
    const char *role_arn, char **ret_pcr, struct enclave_client_error *error)
{
	if (!role_arn || !ret_pcr)
		return refuse(
		    error, "a role ARN and a place for PCR3 are needed");
	if (!is_role_arn(role_arn))
		return refuse(error,
		    "expected the ARN of an IAM role, such as "
		    "arn:aws:iam::123456789012:role/name (an instance "
		    "profile's is another)");
	return extend_zero(bytes_from_string(role_arn), ret_pcr, error);
}

enum enclave_client_status
enclave_client_pcr4_from_instance_id(
    const char *instance_id, char **ret_pcr, struct enclave_client_error *error)
{
	size_t digits;

	if (!instance_id || !ret_pcr)
		return refuse(
		    error, "an instance id and a place for PCR4 are needed");
	digits = strncmp(instance_id, "i-", 2)
		     ? 0
		     : strspn(instance_id + 2, "0123456789abcdef");
	if ((digits != 8 && digits != 17) || instance_id[2 + digits])
		return refuse(error,
		    "expected an instance id, such as i-0123456789abcdef0");
	return extend_zero(bytes_from_string(instance_id), ret_pcr, error);
}

/* The only certificate of the text, in DER; OPENSSL_free(). */
static enum enclave_client_status
read_certificate(BIO *bio, unsigned char **ret_der, int *ret_len,
    struct enclave_client_error *error)
{
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *second =
	    certificate ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	if (!certificate && openssl_out_of_memory())
		status = error_memory(error);
	else if (!certificate || second)
		status = refuse(error,
		    "expected one certificate in PEM: the one that the image "
		    "is signed with");
	else
		*ret_len = i2d_X509(certificate, ret_der);
	if (!status && *ret_len <= 0)
		status = error_memory(error);
	X509_free(second);
	X509_free(certificate);
	return status;
}

enum enclave_client_status
enclave_client_pcr8_from_certificate_pem(const char *pem, size_t len,
    char **ret_pcr, struct enclave_client_error *error)
{
	uint8_t digest[PCR_BYTES];
	enum enclave_client_status status;
	unsigned char *der = NULL;
	int der_len = 0;
	BIO *bio;

	if (!pem || !ret_pcr || len > INT_MAX)
		return refuse(
		    error, "a certificate and a place for PCR8 are needed");
	openssl_errors_begin();
	bio = BIO_new_mem_buf(pem, (int)len);
	status = bio ? read_certificate(bio, &der, &der_len, error)
		     : error_memory(error);
	BIO_free(bio);
	openssl_errors_end();
	if (status)
		return status;
	/* The register is extended by the digest of the certificate. */
	(void)SHA384(der, (size_t)der_len, digest);
	OPENSSL_free(der);
	return extend_zero(
	    (struct bytes){digest, sizeof(digest)}, ret_pcr, error);
}
