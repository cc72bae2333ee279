#include "appraisal/carried.h"

#include <limits.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/base64.h"
#include "evidence/cbor_reader.h"
#include "evidence/openssl_error.h"
#include "policy/json.h"

/* Contents of the object identifiers; public lists confuse their numbers. */
static const uint8_t cmw_oid[] = {
    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x23};
static const uint8_t dstack_oid[] = {
    0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xe7, 0x3d, 0x01, 0x08};

/* Veraison's name for what this library verifies. */
static const char nitro_type[] = "application/aws-nitro-document";

static const struct json_rules record_rules = {
    .what = "the wrapper in the certificate",
    .bytes_max = EVIDENCE_BODY_MAX_BYTES_DEFAULT,
    .depth_max = CONFIG_JSON_DEPTH_MAX,
    .status = ENCLAVE_CLIENT_ERR_ENCODING,
    .step = ENCLAVE_CLIENT_STEP_DECODE,
};

static enum enclave_client_status
refuse(struct enclave_client_error *error, enum enclave_client_status status,
    const char *why)
{
	return error_set(error, status, ENCLAVE_CLIENT_STEP_DECODE, "%s", why);
}

static enum enclave_client_status
refuse_absent(struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	    ENCLAVE_CLIENT_STEP_FETCH,
	    "the peer's certificate carries no attestation document where its "
	    "profile has one");
}

static enum enclave_client_status
refuse_twice(struct enclave_client_error *error)
{
	return refuse(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
	    "the peer's certificate carries more than one attestation "
	    "document: which one counts is nobody's to choose");
}

static enum enclave_client_status
refuse_wrapping(struct enclave_client_error *error)
{
	return refuse(error, ENCLAVE_CLIENT_ERR_ENCODING,
	    "the wrapper around the document in the peer's certificate can't "
	    "be read");
}

static enum enclave_client_status
refuse_size(struct enclave_client_error *error)
{
	return refuse(error, ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE,
	    "the document in the peer's certificate is larger than any real "
	    "one");
}

/* The document's bytes, within the ceiling that every document has. */
static enum enclave_client_status
keep(struct buffer *document, struct bytes data,
    struct enclave_client_error *error)
{
	if (!data.len)
		return refuse_wrapping(error);
	switch (buffer_append(document, data)) {
	case ENCLAVE_CLIENT_OK:
		return ENCLAVE_CLIENT_OK;
	case ENCLAVE_CLIENT_ERR_MEMORY:
		return error_memory(error);
	default:
		return refuse_size(error);
	}
}

/* What became of a document that is written as text. */
static enum enclave_client_status
status_of_text(enum text_fault fault, struct enclave_client_error *error)
{
	switch (fault) {
	case TEXT_OK:
		return ENCLAVE_CLIENT_OK;
	case TEXT_MEMORY:
		return error_memory(error);
	case TEXT_TOO_LARGE:
		return refuse_size(error);
	case TEXT_INTERNAL:
		return refuse(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    "the document in the peer's certificate could not be "
		    "decoded");
	case TEXT_MALFORMED:
		break;
	}
	return refuse_wrapping(error);
}

static enum enclave_client_status
check_type(struct bytes type, struct enclave_client_error *error)
{
	if (bytes_equal_string(type, nitro_type))
		return ENCLAVE_CLIENT_OK;
	return refuse(error, ENCLAVE_CLIENT_ERR_ENCODING,
	    "the evidence in the peer's certificate is of another type than "
	    "application/aws-nitro-document");
}

/* RFC 9999: [type, value, ?indicator] in CBOR. */
static enum enclave_client_status
read_cbor_record(struct bytes record, struct buffer *document,
    struct enclave_client_error *error)
{
	struct reader reader = {.input = record};
	struct item array, type, value, indicator;
	enum enclave_client_status status;

	if (reader_next(&reader, &array) || array.type != ITEM_ARRAY ||
	    array.indefinite || (array.value != 2 && array.value != 3) ||
	    reader_next(&reader, &type) || type.type != ITEM_TEXT ||
	    reader_next(&reader, &value) || value.type != ITEM_BYTES)
		return refuse_wrapping(error);
	if (array.value == 3 &&
	    (reader_next(&reader, &indicator) || indicator.type != ITEM_UINT))
		return refuse_wrapping(error);
	if (!reader_at_end(&reader))
		return refuse_wrapping(error);
	status = check_type(type.string, error);
	return status ? status : keep(document, value.string, error);
}

/* base64url without padding (RFC 4648 5), which the record has in JSON. */
static enum enclave_client_status
decode_url_safe(const char *text, struct buffer *document,
    struct enclave_client_error *error)
{
	size_t len = strlen(text);
	size_t padded = (len + 3) / 4 * 4;
	uint8_t *data = malloc(padded + 1);
	enum text_fault fault = TEXT_MALFORMED;

	if (!data)
		return error_memory(error);
	memset(data, '=', padded);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(text[i] == '-'   ? '+'
				    : text[i] == '_' ? '/'
						     : text[i]);
	/* One document has one encoding. */
	if (!text[strcspn(text, "+/=")])
		fault = base64_decode((struct bytes){data, padded}, document);
	free(data);
	return status_of_text(fault, error);
}

static enum enclave_client_status
read_json_record(struct bytes record, struct buffer *document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	cJSON *json = NULL;
	int count;

	status = json_parse(record, &record_rules, &json, error);
	if (status)
		return status;
	count = cJSON_GetArraySize(json);
	if (!cJSON_IsArray(json) || (count != 2 && count != 3) ||
	    !cJSON_IsString(cJSON_GetArrayItem(json, 0)) ||
	    !cJSON_IsString(cJSON_GetArrayItem(json, 1)) ||
	    (count == 3 && !cJSON_IsNumber(cJSON_GetArrayItem(json, 2)))) {
		status = refuse_wrapping(error);
		goto out;
	}
	status = check_type(
	    bytes_from_string(cJSON_GetArrayItem(json, 0)->valuestring), error);
	if (!status)
		status = decode_url_safe(
		    cJSON_GetArrayItem(json, 1)->valuestring, document, error);
out:
	cJSON_Delete(json);
	return status;
}

/*
 * SCALE's compact length: the two lowest bits say how many bytes it has (parity
 * SCALE codec, "compact integers"); those of eight bytes hold no document.
 */
static bool
read_compact(struct bytes input, size_t *ret_len, size_t *ret_read)
{
	static const size_t sizes[] = {1, 2, 4};
	size_t size, value = 0;

	if (!input.len || (input.data[0] & 3) == 3)
		return false;
	size = sizes[input.data[0] & 3];
	if (input.len < size)
		return false;
	for (size_t i = size; i-- > 0;)
		value = value << 8 | input.data[i];
	*ret_len = value >> 2;
	*ret_read = size;
	return true;
}

/*
 * dstack: 0x00 (version 0), 0x02 (the Nitro variant of its quote), then the
 * document; what follows is dstack's own and vouched for by nobody.
 */
static enum enclave_client_status
read_dstack(struct bytes wrapped, struct buffer *document,
    struct enclave_client_error *error)
{
	size_t len = 0, skip = 0;
	struct bytes rest;

	if (wrapped.len < 2)
		return refuse_wrapping(error);
	if (wrapped.data[0] != 0x00)
		return refuse(error, ENCLAVE_CLIENT_ERR_ENCODING,
		    "the peer's certificate has dstack evidence of another "
		    "version than 0");
	if (wrapped.data[1] != 0x02)
		return refuse(error, ENCLAVE_CLIENT_ERR_ENCODING,
		    "the peer's certificate has dstack evidence of other "
		    "hardware than Nitro's");
	rest = (struct bytes){wrapped.data + 2, wrapped.len - 2};
	if (!read_compact(rest, &len, &skip) || len > rest.len - skip)
		return refuse_wrapping(error);
	return keep(document, (struct bytes){rest.data + skip, len}, error);
}

/* What is inside the extension: one DER value of a type that is expected. */
static enum enclave_client_status
read_value(const struct profile *profile, const ASN1_TYPE *value,
    struct buffer *document, struct enclave_client_error *error)
{
	int type = ASN1_TYPE_get(value);
	const ASN1_STRING *string = value->value.asn1_string;
	struct bytes data;

	if (type != V_ASN1_OCTET_STRING && type != V_ASN1_UTF8STRING)
		return refuse_wrapping(error);
	data = (struct bytes){
	    ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
	if (profile->wrapping == PROFILE_CMW && type == V_ASN1_UTF8STRING)
		return read_json_record(data, document, error);
	if (type != V_ASN1_OCTET_STRING)
		return refuse_wrapping(error);
	if (profile->wrapping == PROFILE_CMW)
		return read_cbor_record(data, document, error);
	return read_dstack(data, document, error);
}

static bool
is_carrier(const struct profile *profile, X509_EXTENSION *extension)
{
	const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
	struct bytes oid = {OBJ_get0_data(object), OBJ_length(object)};

	if (profile->wrapping == PROFILE_CMW)
		return bytes_equal(
		    oid, (struct bytes){cmw_oid, sizeof(cmw_oid)});
	return bytes_equal(oid, (struct bytes){dstack_oid, sizeof(dstack_oid)});
}

/* *ret_extension stays NULL when there is none; borrowed from the leaf. */
static enum enclave_client_status
find_carrier(const struct profile *profile, X509 *leaf,
    X509_EXTENSION **ret_extension, struct enclave_client_error *error)
{
	int count = X509_get_ext_count(leaf);

	for (int i = 0; i < count; i++) {
		X509_EXTENSION *extension = X509_get_ext(leaf, i);
		if (profile->wrapping != PROFILE_SAN &&
		    is_carrier(profile, extension)) {
			if (*ret_extension)
				return refuse_twice(error);
			*ret_extension = extension;
			continue;
		}
		/* RFC 5280 4.2; asked here because the attested key may be
		 * trusted alone, without a path to verify. */
		if (X509_EXTENSION_get_critical(extension) &&
		    !X509_supported_extension(extension))
			return refuse(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
			    "the peer's certificate has a critical extension "
			    "that is not understood");
	}
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_extension(const struct profile *profile, X509_EXTENSION *extension,
    struct buffer *document, struct enclave_client_error *error)
{
	const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
	const unsigned char *start = ASN1_STRING_get0_data(data);
	const unsigned char *at = start;
	enum enclave_client_status status;
	ASN1_TYPE *value = d2i_ASN1_TYPE(NULL, &at, ASN1_STRING_length(data));

	if (!value)
		return openssl_out_of_memory() ? error_memory(error)
					       : refuse_wrapping(error);
	if (at != start + ASN1_STRING_length(data))
		status = refuse_wrapping(error);
	else
		status = read_value(profile, value, document, error);
	ASN1_TYPE_free(value);
	return status;
}

/* The first label, when it is longer than DNS would have it (RFC 1035 2.3.4):
 * a document in hexadecimal. */
static bool
find_label(const GENERAL_NAME *name, struct bytes *ret_hex)
{
	const ASN1_STRING *text;
	const uint8_t *data, *dot;
	size_t len;

	if (name->type != GEN_DNS)
		return false;
	text = name->d.dNSName;
	data = ASN1_STRING_get0_data(text);
	len = (size_t)ASN1_STRING_length(text);
	dot = len ? memchr(data, '.', len) : NULL;
	*ret_hex = (struct bytes){data, dot ? (size_t)(dot - data) : len};
	return ret_hex->len > 63;
}

/* Why OpenSSL gave no names; critical is what it says of that. */
static enum enclave_client_status
refuse_names(int critical, struct enclave_client_error *error)
{
	if (openssl_out_of_memory())
		return error_memory(error);
	if (critical == -1)
		return refuse_absent(error);
	if (critical == -2) /* RFC 5280 4.2 */
		return refuse(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
		    "the peer's certificate has more than one subjectAltName: "
		    "which one counts is nobody's to choose");
	return refuse(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
	    "the subjectAltName of the peer's certificate can't be read");
}

static enum enclave_client_status
read_names(
    X509 *leaf, struct buffer *document, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	int critical = -1;
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
	struct bytes found = {0}, label;

	if (!names)
		return refuse_names(critical, error);
	for (int i = 0; !status && i < sk_GENERAL_NAME_num(names); i++) {
		if (!find_label(sk_GENERAL_NAME_value(names, i), &label))
			continue;
		if (found.len)
			status = refuse_twice(error);
		found = label;
	}
	if (!status && !found.len)
		status = refuse_absent(error);
	if (!status)
		status =
		    status_of_text(hex_text_decode(found, document), error);
	GENERAL_NAMES_free(names);
	return status;
}

static enum enclave_client_status
read_leaf(const struct profile *profile, X509 *leaf, struct buffer *document,
    struct enclave_client_error *error)
{
	X509_EXTENSION *extension = NULL;
	enum enclave_client_status status =
	    find_carrier(profile, leaf, &extension, error);

	if (status)
		return status;
	if (profile->wrapping == PROFILE_SAN)
		return read_names(leaf, document, error);
	if (!extension)
		return refuse_absent(error);
	return read_extension(profile, extension, document, error);
}

enum enclave_client_status
carried_document(const struct profile *profile, struct bytes leaf_der,
    struct buffer *ret_document, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	const unsigned char *at = leaf_der.data;
	struct buffer document;
	X509 *leaf = NULL;

	buffer_init(&document, DOCUMENT_MAX_BYTES);
	openssl_errors_begin();
	if (leaf_der.len <= INT_MAX)
		leaf = openssl_read_certificate(leaf_der, &at);
	if (!leaf && openssl_out_of_memory())
		status = error_memory(error);
	else if (!leaf || at != leaf_der.data + leaf_der.len)
		status = refuse(error, ENCLAVE_CLIENT_ERR_CERTIFICATE,
		    "the peer's leaf is not exactly one DER certificate");
	else
		status = read_leaf(profile, leaf, &document, error);
	X509_free(leaf);
	openssl_errors_end();
	if (status) {
		buffer_clear(&document);
		return status;
	}
	*ret_document = document;
	return ENCLAVE_CLIENT_OK;
}
