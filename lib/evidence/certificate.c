#include "evidence/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "evidence/digest.h"
#include "evidence/openssl_error.h"

/* Real certificates have two to five extensions. */
#define EXTENSIONS_MAX 16

static bool
read_digits(const uint8_t *digits, size_t count, int *ret_number)
{
	int number = 0;

	for (size_t i = 0; i < count; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		number = number * 10 + (digits[i] - '0');
	}
	*ret_number = number;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t before = year - 1;
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int i = 1; i < month; i++)
		days += days_in_month(year, i);
	return days + day - 1 - 719162;
}

/*
 * By hand and strictly: OpenSSL's own reading takes offsets and fractions,
 * which RFC 5280 4.1.2.5 forbids, and ends in a time_t.
 */
bool
certificate_time(struct bytes text, bool generalized, int64_t *ret_time_ms)
{
	size_t year_digits = generalized ? 4 : 2;
	const uint8_t *rest = text.data + year_digits;
	int year;
	int part[5] = {0}; /* month, day, hour, minute, second */

	if (text.len != year_digits + 11 || text.data[text.len - 1] != 'Z')
		return false;
	if (!read_digits(text.data, year_digits, &year))
		return false;
	for (size_t i = 0; i < 5; i++)
		if (!read_digits(rest + 2 * i, 2, &part[i]))
			return false;
	if (!generalized)
		year += year < 50 ? 2000 : 1900;
	if (year < 1 || part[0] < 1 || part[0] > 12 || part[1] < 1 ||
	    part[1] > days_in_month(year, part[0]))
		return false;
	if (part[2] > 23 || part[3] > 59 || part[4] > 59)
		return false;
	*ret_time_ms = (days_since_epoch(year, part[0], part[1]) * 86400 +
			   part[2] * 3600 + part[3] * 60 + part[4]) *
		       1000;
	return true;
}

static bool
read_time(const ASN1_TIME *time, int64_t *ret_time_ms)
{
	int type = ASN1_STRING_type(time);
	struct bytes text = {
	    ASN1_STRING_get0_data(time), (size_t)ASN1_STRING_length(time)};

	if (type != V_ASN1_UTCTIME && type != V_ASN1_GENERALIZEDTIME)
		return false;
	return certificate_time(
	    text, type == V_ASN1_GENERALIZEDTIME, ret_time_ms);
}

static void
set_label(struct certificate *certificate, const char *place)
{
	(void)snprintf(certificate->label, sizeof(certificate->label),
	    "%s (%.120s)", place, certificate->subject);
}

static enum enclave_client_status
malformed(
    struct enclave_client_error *error, const char *place, const char *what)
{
	if (openssl_out_of_memory())
		return error_memory(error);
	return error_set(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
	    ENCLAVE_CLIENT_STEP_STRUCTURE, "%s %s", place, what);
}

/* A name in broken characters can't be shown, so it can't be believed. */
static enum enclave_client_status
read_subject(struct certificate *certificate, const char *place,
    struct enclave_client_error *error)
{
	const X509_NAME *name = X509_get_subject_name(certificate->x509);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	if (!bio)
		return error_memory(error);
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) {
		status =
		    malformed(error, place, "has a name that can't be read");
		goto out;
	}
	len = BIO_get_mem_data(bio, &data);
	certificate->subject = bytes_escape(
	    (struct bytes){(uint8_t *)data, (size_t)len}, 4 * (size_t)len);
	if (!certificate->subject)
		status = error_memory(error);
out:
	BIO_free(bio);
	return status;
}

/*
 * d2i_X509 stops where the certificate ends and takes some BER: with bytes
 * left over, or another encoding of the same certificate, two documents could
 * name one certificate by different bytes.
 */
static enum enclave_client_status
decode(struct bytes der, const char *place, X509 **ret_x509,
    struct enclave_client_error *error)
{
	uint8_t again[CERTIFICATE_MAX_BYTES];
	uint8_t *out = again;
	const uint8_t *next = der.data;
	X509 *x509 = NULL;
	enum enclave_client_status status;

	if (der.len > CERTIFICATE_MAX_BYTES)
		return malformed(error, place, "is too large");
	x509 = openssl_read_certificate(der, &next);
	if (!x509)
		return malformed(error, place, "is no DER certificate");
	if (next != der.data + der.len) {
		status =
		    malformed(error, place, "has bytes after the certificate");
		goto out;
	}
	if (i2d_X509(x509, NULL) != (int)der.len ||
	    i2d_X509(x509, &out) != (int)der.len ||
	    memcmp(again, der.data, der.len) != 0) {
		status = malformed(error, place, "is not encoded in DER");
		goto out;
	}
	*ret_x509 = x509;
	x509 = NULL; /* handed over */
	status = ENCLAVE_CLIENT_OK;
out:
	X509_free(x509);
	return status;
}

enum enclave_client_status
certificate_read(struct bytes der, const char *place,
    struct certificate *ret_certificate, struct enclave_client_error *error)
{
	struct certificate certificate = {.der = der};
	enum enclave_client_status status;

	status = decode(der, place, &certificate.x509, error);
	if (status)
		return status;
	if (!read_time(X509_get0_notBefore(certificate.x509),
		&certificate.not_before_ms) ||
	    !read_time(X509_get0_notAfter(certificate.x509),
		&certificate.not_after_ms)) {
		status = malformed(error, place,
		    "has a validity that is not written as RFC 5280 asks");
		goto out;
	}
	status = read_subject(&certificate, place, error);
	if (status)
		goto out;
	if (!digest_of(der, certificate.sha256)) {
		status = error_memory(error);
		goto out;
	}
	set_label(&certificate, place);
	*ret_certificate = certificate;
	certificate = (struct certificate){0}; /* handed over */
out:
	certificate_clear(&certificate);
	return status;
}

enum enclave_client_status
certificate_share(const struct certificate *certificate, const char *place,
    struct certificate *ret_certificate, struct enclave_client_error *error)
{
	char *subject = strdup(certificate->subject);

	if (!subject || !X509_up_ref(certificate->x509)) {
		free(subject);
		return error_memory(error);
	}
	*ret_certificate = *certificate;
	ret_certificate->subject = subject;
	set_label(ret_certificate, place);
	return ENCLAVE_CLIENT_OK;
}

void
certificate_clear(struct certificate *certificate)
{
	X509_free(certificate->x509);
	free(certificate->subject);
	*certificate = (struct certificate){0};
}

/* What a profile check needs to know. */
struct subject {
	const struct certificate *certificate;
	X509 *x509;
	enum certificate_role role;
	size_t cas_below;
	struct enclave_client_error *error;
};

static enum enclave_client_status
refuse(const struct subject *subject, const char *fact)
{
	return error_set(subject->error, ENCLAVE_CLIENT_ERR_CHAIN,
	    ENCLAVE_CLIENT_STEP_CHAIN, "%s %s", subject->certificate->label,
	    fact);
}

/* For what has a number in it: format wants label, number, and the rest. */
#define REFUSE_NUMBER(subject, format, ...)                                    \
	error_set((subject)->error, ENCLAVE_CLIENT_ERR_CHAIN,                  \
	    ENCLAVE_CLIENT_STEP_CHAIN, "%s " format,                           \
	    (subject)->certificate->label, __VA_ARGS__)

/* RFC 5280 4.1.2.1; extensions mean nothing before version 3. */
static enum enclave_client_status
check_version(const struct subject *subject)
{
	long version = X509_get_version(subject->x509);

	if (version != X509_VERSION_3)
		return REFUSE_NUMBER(
		    subject, "is X.509 version %ld, not 3", version + 1);
	return ENCLAVE_CLIENT_OK;
}

static bool
is_ecdsa_sha384(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *oid;
	int parameter_type;

	X509_ALGOR_get0(&oid, &parameter_type, NULL, algorithm);
	return OBJ_obj2nid(oid) == NID_ecdsa_with_SHA384 &&
	       parameter_type == V_ASN1_UNDEF;
}

/*
 * ecdsa-with-SHA384 without parameters (RFC 5758 3.2) in both places; only
 * one of them is signed (RFC 5280 4.1.1.2).
 */
static enum enclave_client_status
check_signature_algorithm(const struct subject *subject)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, subject->x509);
	if (!is_ecdsa_sha384(X509_get0_tbs_sigalg(subject->x509)) ||
	    !is_ecdsa_sha384(outer))
		return refuse(subject, "is not signed with ecdsa-with-SHA384");
	return ENCLAVE_CLIENT_OK;
}

/*
 * OpenSSL keeps no trace of why it could not decode a certificate's key: ask
 * again, lest a lack of memory be taken for a verdict.
 */
static enum enclave_client_status
refuse_point(const struct subject *subject, struct bytes point)
{
	EVP_PKEY *key = key_new(point);
	bool good = key != NULL;

	EVP_PKEY_free(key);
	if (good || openssl_out_of_memory())
		return error_memory(subject->error);
	return refuse(subject, "has a key that is no point of P-384");
}

/*
 * P-384 as a named curve (RFC 5480 2.1.1): never parameters of the sender's
 * own choice, which can make any key fit any signature.
 */
static enum enclave_client_status
check_key(const struct subject *subject)
{
	X509_PUBKEY *spki = X509_get_X509_PUBKEY(subject->x509);
	X509_ALGOR *algorithm;
	const ASN1_OBJECT *oid;
	const void *parameter;
	int parameter_type;
	struct bytes point = certificate_point(subject->certificate);

	if (!X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, spki))
		return refuse(subject, "has no readable key");
	X509_ALGOR_get0(&oid, &parameter_type, &parameter, algorithm);
	if (OBJ_obj2nid(oid) != NID_X9_62_id_ecPublicKey)
		return refuse(subject, "has a key that is not elliptic-curve");
	if (parameter_type != V_ASN1_OBJECT ||
	    OBJ_obj2nid(parameter) != NID_secp384r1)
		return refuse(
		    subject, "has a key that is not on the named curve P-384");
	if (point.len != POINT_BYTES ||
	    point.data[0] != POINT_CONVERSION_UNCOMPRESSED)
		return refuse(subject,
		    "has a key that is not an uncompressed point of P-384");
	if (!X509_get0_pubkey(subject->x509))
		return refuse_point(subject, point);
	return ENCLAVE_CLIENT_OK;
}

static bool
is_repeated(const X509 *x509, int index)
{
	const ASN1_OBJECT *oid =
	    X509_EXTENSION_get_object(X509_get_ext(x509, index));

	return X509_get_ext_by_OBJ(x509, oid, index) >= 0;
}

/* As with the key: what failed once for want of memory does not fail again. */
static enum enclave_client_status
refuse_extensions(const struct subject *subject)
{
	const uint8_t *next = subject->certificate->der.data;
	X509 *again =
	    openssl_read_certificate(subject->certificate->der, &next);
	bool unreadable =
	    again && X509_get_extension_flags(again) & EXFLAG_INVALID;

	X509_free(again);
	return unreadable
		   ? refuse(subject, "has an extension that can't be read")
		   : error_memory(subject->error);
}

/*
 * RFC 5280 4.2: no extension twice; a critical one that is not acted on
 * refuses the certificate.  Two are acted on here.  OpenSSL counts more as
 * known (name constraints, policies, extended key usage) whose meaning nothing
 * in this PKI needs; by the same section an extended key usage, critical or
 * not, would forbid what the key is used for here.
 */
static enum enclave_client_status
check_extensions(const struct subject *subject)
{
	int count = X509_get_ext_count(subject->x509);

	if (count > EXTENSIONS_MAX)
		return REFUSE_NUMBER(subject, "has %d extensions, more than %d",
		    count, EXTENSIONS_MAX);
	for (int i = 0; i < count; i++) {
		X509_EXTENSION *extension = X509_get_ext(subject->x509, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		if (is_repeated(subject->x509, i))
			return refuse(subject, "has an extension twice");
		if (nid == NID_ext_key_usage)
			return refuse(subject, "has an extended key usage");
		if (nid == NID_name_constraints)
			return refuse(subject, "has name constraints");
		if (nid != NID_basic_constraints && nid != NID_key_usage &&
		    X509_EXTENSION_get_critical(extension))
			return refuse(subject,
			    "has a critical extension that is not known here");
	}
	if (X509_get_extension_flags(subject->x509) & EXFLAG_INVALID)
		return refuse_extensions(subject);
	return ENCLAVE_CLIENT_OK;
}

/* RFC 5280 4.2.1.9, for an issuer. */
static enum enclave_client_status
check_ca_constraints(const struct subject *subject,
    const BASIC_CONSTRAINTS *constraints, int critical)
{
	int64_t path_len;

	if (!constraints || !constraints->ca)
		return refuse(subject, "issues certificates and is no CA");
	if (critical != 1)
		return refuse(
		    subject, "has basicConstraints that are not critical");
	if (!constraints->pathlen)
		return ENCLAVE_CLIENT_OK;
	if (!ASN1_INTEGER_get_int64(&path_len, constraints->pathlen) ||
	    path_len < 0)
		return refuse(
		    subject, "has a pathLenConstraint that can't be read");
	if ((uint64_t)path_len < subject->cas_below)
		return REFUSE_NUMBER(subject,
		    "has a pathLenConstraint of %lld, but %zu CA "
		    "certificate%s between it and the leaf",
		    (long long)path_len, subject->cas_below,
		    subject->cas_below == 1 ? " is" : "s are");
	return ENCLAVE_CLIENT_OK;
}

/* AWS, attestation_process.md 3.2.3: the target is no CA and has no pathLen. */
static enum enclave_client_status
check_leaf_constraints(
    const struct subject *subject, const BASIC_CONSTRAINTS *constraints)
{
	if (!constraints)
		return ENCLAVE_CLIENT_OK;
	if (constraints->ca)
		return refuse(subject, "signs documents and is a CA");
	if (constraints->pathlen)
		return refuse(subject, "is no CA and has a pathLenConstraint");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_basic_constraints(const struct subject *subject)
{
	int critical = -1;
	BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(
	    subject->x509, NID_basic_constraints, &critical, NULL);
	enum enclave_client_status status;

	if (!constraints && openssl_out_of_memory())
		status = error_memory(subject->error);
	else if (!constraints && critical != -1)
		status =
		    refuse(subject, "has basicConstraints that can't be read");
	else if (subject->role == CERTIFICATE_LEAF)
		status = check_leaf_constraints(subject, constraints);
	else
		status = check_ca_constraints(subject, constraints, critical);
	BASIC_CONSTRAINTS_free(constraints);
	return status;
}

/*
 * AWS, attestation_process.md 3.2.3: keyCertSign for issuers,
 * digitalSignature for the target, which must not issue (RFC 5280 4.2.1.3).
 * The leaf's keyUsage is not critical in real documents.
 */
static enum enclave_client_status
check_key_usage(const struct subject *subject)
{
	uint32_t usage;

	if (!(X509_get_extension_flags(subject->x509) & EXFLAG_KUSAGE))
		return refuse(subject, "has no keyUsage");
	usage = X509_get_key_usage(subject->x509);
	if (subject->role == CERTIFICATE_CA)
		return usage & KU_KEY_CERT_SIGN
			   ? ENCLAVE_CLIENT_OK
			   : refuse(subject,
				 "issues certificates and its keyUsage "
				 "has no keyCertSign");
	if (!(usage & KU_DIGITAL_SIGNATURE))
		return refuse(subject,
		    "signs documents and its keyUsage has no digitalSignature");
	if (usage & KU_KEY_CERT_SIGN)
		return refuse(subject,
		    "signs documents and its keyUsage has keyCertSign");
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
certificate_check_profile(const struct certificate *certificate,
    enum certificate_role role, size_t cas_below,
    struct enclave_client_error *error)
{
	static enum enclave_client_status (*const checks[])(
	    const struct subject *) = {
	    check_version,
	    check_signature_algorithm,
	    check_key,
	    check_extensions,
	    check_basic_constraints,
	    check_key_usage,
	};
	struct subject subject = {
	    .certificate = certificate,
	    .x509 = certificate->x509,
	    .role = role,
	    .cas_below = cas_below,
	    .error = error,
	};
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	for (size_t i = 0; !status && i < sizeof(checks) / sizeof(*checks); i++)
		status = checks[i](&subject);
	return status;
}

static struct bytes
name_der(const X509_NAME *name)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	if (!X509_NAME_get0_der(name, &data, &len))
		return (struct bytes){NULL, 0};
	return (struct bytes){data, len};
}

struct bytes
certificate_subject_der(const struct certificate *certificate)
{
	return name_der(X509_get_subject_name(certificate->x509));
}

struct bytes
certificate_issuer_der(const struct certificate *certificate)
{
	return name_der(X509_get_issuer_name(certificate->x509));
}

struct bytes
certificate_point(const struct certificate *certificate)
{
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(certificate->x509);

	if (!key)
		return (struct bytes){NULL, 0};
	return (struct bytes){
	    ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)};
}

struct bytes
certificate_key_id(const struct certificate *certificate)
{
	const ASN1_OCTET_STRING *id =
	    X509_get0_subject_key_id(certificate->x509);

	if (!id)
		return (struct bytes){NULL, 0};
	return (struct bytes){
	    ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)};
}
