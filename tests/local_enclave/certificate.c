#include "certificate.h"

#include "fatal.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

/* X.509 serial numbers have at most 20 octets (RFC 5280, 4.1.2.2). */
enum { SERIAL_BYTES_MAX = 20 };

void
identity_free(struct identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	identity->certificate = NULL;
	identity->key = NULL;
}

EVP_PKEY *
key_new(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	must(key != NULL);
	return key;
}

uint8_t *
key_spki(EVP_PKEY *key, size_t *ret_len)
{
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);

	must(len > 0);
	*ret_len = (size_t)len;
	return spki;
}

static void
set_random_serial(X509 *certificate, int serial_bytes)
{
	uint8_t bytes[SERIAL_BYTES_MAX];
	BIGNUM *number;

	must(serial_bytes <= SERIAL_BYTES_MAX);
	must(RAND_bytes(bytes, serial_bytes) == 1);
	bytes[0] &= 0x7f;
	number = BN_bin2bn(bytes, serial_bytes, NULL);
	must(number != NULL);
	must(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
	BN_free(number);
}

X509 *
certificate_new(EVP_PKEY *key, int serial_bytes)
{
	X509 *certificate = X509_new();

	must(certificate != NULL);
	must(X509_set_version(certificate, X509_VERSION_3));
	must(X509_set_pubkey(certificate, key));
	set_random_serial(certificate, serial_bytes);
	return certificate;
}

void
name_add(X509_NAME *name, const char *type, const char *value)
{
	int string_type =
	    strcmp(type, "C") == 0 ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;

	must(X509_NAME_add_entry_by_txt(
	    name, type, string_type, (const unsigned char *)value, -1, -1, 0));
}

void
certificate_set_validity(X509 *certificate, time_t begin, time_t end)
{
	must(ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != NULL);
	must(ASN1_TIME_set(X509_getm_notAfter(certificate), end) != NULL);
}

void
certificate_add_extension(
    X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension != NULL);
	must(X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

void
certificate_sign(X509 *certificate, X509 *issuer, EVP_PKEY *issuer_key)
{
	const EVP_MD *digest =
	    EVP_PKEY_get_bits(issuer_key) > 256 ? EVP_sha384() : EVP_sha256();

	must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)));
	must(X509_sign(certificate, issuer_key, digest) > 0);
}

static time_t
asn1_seconds(const ASN1_TIME *time)
{
	struct tm parts;

	must(ASN1_TIME_to_tm(time, &parts));
	return timegm(&parts);
}

time_t
certificate_begin(const X509 *certificate)
{
	return asn1_seconds(X509_get0_notBefore(certificate));
}

time_t
certificate_end(const X509 *certificate)
{
	return asn1_seconds(X509_get0_notAfter(certificate));
}
