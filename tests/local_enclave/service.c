#include "service.h"

#include "encoding.h"
#include "fatal.h"

#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const char *const service_names[SERVICES] = {
    [SERVICE_EVERVAULT] = "evervault",
    [SERVICE_NITRIDING] = "nitriding",
    [SERVICE_NITRIDING_TEXT] = "nitriding-text",
    [SERVICE_OYSTER] = "oyster",
    [SERVICE_OPENSECRET] = "opensecret",
    [SERVICE_CERTIFICATE_LIST] = "list",
    [SERVICE_CMW] = "cmw",
    [SERVICE_CMW_JSON] = "cmw-json",
    [SERVICE_DSTACK] = "dstack",
    [SERVICE_SAN] = "san",
};

static const char *const statement_names[STATEMENTS] = {
    [STATEMENT_GOOD] = "good",
    [STATEMENT_OTHER_KEY] = "other-key",
    [STATEMENT_OTHER_OBJECT] = "other-object",
    [STATEMENT_NULL] = "null",
    [STATEMENT_SHORT] = "short",
    [STATEMENT_LONG] = "long",
    [STATEMENT_UNMARKED] = "unmarked",
};

static const char *const carriage_names[CARRIAGES] = {
    [CARRIAGE_GOOD] = "good",
    [CARRIAGE_ABSENT] = "absent",
    [CARRIAGE_TWICE] = "twice",
    [CARRIAGE_CRITICAL] = "critical",
    [CARRIAGE_UNKNOWN_CRITICAL] = "unknown-critical",
    [CARRIAGE_GARBAGE] = "garbage",
    [CARRIAGE_OTHER_TYPE] = "other-type",
};

static int
find_name(const char *text, const char *const *names, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	return -1;
}

bool
service_parse(const char *text, enum service *ret_service)
{
	int found = find_name(text, service_names, SERVICES);

	if (found >= 0)
		*ret_service = (enum service)found;
	return found >= 0;
}

const char *
service_name(enum service service)
{
	return service_names[service];
}

bool
statement_parse(const char *text, enum statement *ret_statement)
{
	int found = find_name(text, statement_names, STATEMENTS);

	if (found >= 0)
		*ret_statement = (enum statement)found;
	return found >= 0;
}

const char *
statement_name(enum statement statement)
{
	return statement_names[statement];
}

bool
carriage_parse(const char *text, enum carriage *ret_carriage)
{
	int found = find_name(text, carriage_names, CARRIAGES);

	if (found >= 0)
		*ret_carriage = (enum carriage)found;
	return found >= 0;
}

const char *
carriage_name(enum carriage carriage)
{
	return carriage_names[carriage];
}

bool
service_in_certificate(enum service service)
{
	return service >= SERVICE_CMW;
}

/* DER of the key, or of the certificate where that is what counts. */
static uint8_t *
named_object(
    const struct service_subject *subject, bool certificate, size_t *ret_len)
{
	EVP_PKEY *key = subject->statement == STATEMENT_OTHER_KEY
			    ? subject->other_key
			    : subject->key;
	uint8_t *der = NULL;
	int len;

	if (subject->statement == STATEMENT_OTHER_OBJECT)
		certificate = !certificate && subject->certificate != NULL;
	if (certificate)
		len = i2d_X509(subject->certificate, &der);
	else
		len = i2d_PUBKEY(key, &der);
	must(len > 0);
	*ret_len = (size_t)len;
	return der;
}

/* The digest of the certificate, wrong in its middle for another key. */
static void
certificate_digest(const struct service_subject *subject, uint8_t digest[32])
{
	size_t len;
	uint8_t *der = named_object(
	    subject, subject->statement != STATEMENT_OTHER_KEY, &len);

	SHA256(der, len, digest);
	OPENSSL_free(der);
}

static size_t
state_nitriding(const struct service_subject *subject, uint8_t *buffer)
{
	memset(buffer, 0, 68);
	memcpy(buffer, "\x12\x20", 2);
	certificate_digest(subject, buffer + 2);
	memcpy(buffer + 34, "\x12\x20", 2);
	if (subject->statement == STATEMENT_UNMARKED)
		buffer[0] = 0x13;
	return 68;
}

static size_t
state_nitriding_text(const struct service_subject *subject, uint8_t *buffer)
{
	memset(buffer, 0, 79);
	memcpy(buffer, "sha256:", 7);
	certificate_digest(subject, buffer + 7);
	memcpy(buffer + 39, ";sha256:", 8);
	if (subject->statement == STATEMENT_UNMARKED)
		buffer[0] = 'S';
	return 79;
}

static size_t
state_dstack(const struct service_subject *subject, uint8_t *buffer)
{
	static const char prefix[] = "ratls-cert:";
	size_t prefix_len = sizeof(prefix) - 1;
	size_t len;
	uint8_t *der = named_object(subject, false, &len);
	uint8_t *text = must_alloc(prefix_len + len);

	/* Without its prefix the same digest is of another object. */
	if (subject->statement == STATEMENT_OTHER_OBJECT)
		prefix_len = 0;
	memcpy(text, prefix, prefix_len);
	memcpy(text + prefix_len, der, len);
	SHA512(text, prefix_len + len, buffer);
	free(text);
	OPENSSL_free(der);
	return 64;
}

static size_t
state_spki(const struct service_subject *subject, uint8_t *buffer)
{
	size_t len;
	uint8_t *der = named_object(subject, false, &len);

	/* Whatever it is, a field holds no more. */
	if (len > FIELD_BYTES_MAX)
		len = FIELD_BYTES_MAX;
	memcpy(buffer, der, len);
	/* A certificate that is yet to be made can't be in its own document. */
	if (subject->statement == STATEMENT_OTHER_OBJECT &&
	    subject->certificate == NULL) {
		SHA256(der, len, buffer);
		len = SHA256_DIGEST_LENGTH;
	}
	OPENSSL_free(der);
	return len;
}

static size_t
state_raw_key(const struct service_subject *subject, uint8_t *buffer)
{
	EVP_PKEY *key = subject->statement == STATEMENT_OTHER_KEY
			    ? subject->other_key
			    : subject->key;
	uint8_t *raw = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &raw);

	if (subject->statement == STATEMENT_OTHER_OBJECT) {
		OPENSSL_free(raw);
		return state_spki(subject, buffer);
	}
	must(len > 0);
	memcpy(buffer, raw, len);
	OPENSSL_free(raw);
	return len;
}

/* A new key for each document, which the client is to encrypt with. */
static size_t
state_agreement_key(uint8_t *buffer)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	size_t len = 32;

	must(
	    key != NULL && EVP_PKEY_get_raw_public_key(key, buffer, &len) == 1);
	EVP_PKEY_free(key);
	return len;
}

/* Another's digest, a place not used, ours. */
static size_t
state_list(const struct service_subject *subject, uint8_t *buffer)
{
	struct service_subject other = *subject;
	size_t len;
	uint8_t *der;

	memset(buffer, 0, 96);
	other.statement = STATEMENT_OTHER_KEY;
	der = named_object(&other, false, &len);
	SHA256(der, len, buffer);
	OPENSSL_free(der);
	der = named_object(subject, false, &len);
	SHA256(der, len, buffer + 64);
	OPENSSL_free(der);
	return 96;
}

static size_t
state_object(const struct service_subject *subject, uint8_t *buffer)
{
	switch (subject->service) {
	case SERVICE_NITRIDING:
		return state_nitriding(subject, buffer);
	case SERVICE_NITRIDING_TEXT:
		return state_nitriding_text(subject, buffer);
	case SERVICE_DSTACK:
		return state_dstack(subject, buffer);
	case SERVICE_OYSTER:
		return state_raw_key(subject, buffer);
	case SERVICE_OPENSECRET:
		return state_agreement_key(buffer);
	case SERVICE_CERTIFICATE_LIST:
		return state_list(subject, buffer);
	default:
		return state_spki(subject, buffer);
	}
}

void
service_state(const struct service_subject *subject,
    struct mint_request *request, uint8_t buffer[FIELD_BYTES_MAX + 64])
{
	struct mint_field field = {FIELD_BYTES, buffer, 0};

	field.len = state_object(subject, buffer);
	if (subject->statement == STATEMENT_SHORT)
		field.len--;
	if (subject->statement == STATEMENT_LONG)
		buffer[field.len++] = 0;
	if (subject->statement == STATEMENT_NULL)
		field.state = FIELD_NULL;
	if (subject->service == SERVICE_OPENSECRET)
		request->user_data = (struct mint_field){FIELD_NULL, NULL, 0};
	if (subject->service == SERVICE_OYSTER ||
	    subject->service == SERVICE_OPENSECRET) {
		request->public_key = field;
		return;
	}
	request->user_data = field;
	/* brave/nitriding-daemon puts this there. */
	if (subject->service == SERVICE_NITRIDING ||
	    subject->service == SERVICE_NITRIDING_TEXT)
		request->public_key = (struct mint_field){
		    FIELD_BYTES, (const uint8_t *)"dummy", 5};
}

/* A growing piece of bytes. */
struct piece {
	uint8_t *data;
	size_t len;
};

static void
put(struct piece *piece, const void *data, size_t len)
{
	uint8_t *longer = must_alloc(piece->len + len);

	if (piece->len > 0)
		memcpy(longer, piece->data, piece->len);
	memcpy(longer + piece->len, data, len);
	free(piece->data);
	piece->data = longer;
	piece->len += len;
}

static void
put_byte(struct piece *piece, int byte)
{
	uint8_t value = (uint8_t)byte;

	put(piece, &value, 1);
}

static const char nitro_type[] = "application/aws-nitro-document";
static const char other_type[] = "application/vnd.veraison.tsm-report";

/* RFC 9999: the array [type, value], in CBOR. */
static struct piece
wrap_cmw(const struct service_cargo *cargo)
{
	const char *type =
	    cargo->carriage == CARRIAGE_OTHER_TYPE ? other_type : nitro_type;
	struct piece piece = {0};

	put_byte(&piece, 0x82);
	put_byte(&piece, 0x78);
	put_byte(&piece, (int)strlen(type));
	put(&piece, type, strlen(type));
	put_byte(&piece, 0x59);
	put_byte(&piece, (int)(cargo->document_len >> 8));
	put_byte(&piece, (int)(cargo->document_len & 0xff));
	put(&piece, cargo->document, cargo->document_len);
	return piece;
}

/* The same in JSON, whose value is base64url without padding. */
static struct piece
wrap_cmw_json(const struct service_cargo *cargo)
{
	const char *type =
	    cargo->carriage == CARRIAGE_OTHER_TYPE ? other_type : nitro_type;
	char *base64 = base64_encode(cargo->document, cargo->document_len);
	struct piece piece = {0};
	char *text;
	char *byte;

	base64[strcspn(base64, "=")] = '\0';
	for (byte = base64; *byte != '\0'; byte++) {
		if (*byte == '+')
			*byte = '-';
		else if (*byte == '/')
			*byte = '_';
	}
	text = must_format("[\"%s\",\"%s\"]", type, base64);
	put(&piece, text, strlen(text));
	free(text);
	free(base64);
	return piece;
}

/*
 * SCALE: version 0, the Nitro variant of the quote, the document as a vector
 * with a compact length of two bytes; then what dstack says beside it.
 */
static struct piece
wrap_dstack(const struct service_cargo *cargo)
{
	static const uint8_t rest[] = {0x00, 0xaa, 0xbb, 0x00};
	size_t compact = cargo->document_len << 2 | 1;
	struct piece piece = {0};

	put_byte(&piece, 0x00);
	put_byte(&piece, cargo->carriage == CARRIAGE_OTHER_TYPE ? 0x00 : 0x02);
	put_byte(&piece, (int)(compact & 0xff));
	put_byte(&piece, (int)(compact >> 8));
	put(&piece, cargo->document, cargo->document_len);
	put(&piece, rest, sizeof(rest));
	return piece;
}

static void
add_extension(X509 *certificate, const char *oid, bool critical,
    const struct piece *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	must(object != NULL && string != NULL);
	must(ASN1_OCTET_STRING_set(string, value->data, (int)value->len));
	extension =
	    X509_EXTENSION_create_by_OBJ(NULL, object, critical, string);
	must(extension != NULL);
	must(X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(string);
	ASN1_OBJECT_free(object);
}

/* The content as DER OCTET STRING, or UTF8String, inside the extension. */
static struct piece
wrap_der(const struct piece *content, int tag)
{
	struct piece der = {0};

	put_byte(&der, tag);
	put_byte(&der, 0x82);
	put_byte(&der, (int)(content->len >> 8));
	put_byte(&der, (int)(content->len & 0xff));
	put(&der, content->data, content->len);
	return der;
}

static struct piece
wrap(const struct service_cargo *cargo)
{
	struct piece content;
	struct piece der;
	int tag = V_ASN1_OCTET_STRING;

	if (cargo->service == SERVICE_DSTACK)
		content = wrap_dstack(cargo);
	else if (cargo->service == SERVICE_CMW)
		content = wrap_cmw(cargo);
	else
		content = wrap_cmw_json(cargo);
	if (cargo->service == SERVICE_CMW_JSON)
		tag = V_ASN1_UTF8STRING;
	if (cargo->carriage == CARRIAGE_GARBAGE)
		content.data[0] ^= 0x55;
	der = wrap_der(&content, tag);
	free(content.data);
	return der;
}

void
service_add_cargo(X509 *certificate, const struct service_cargo *cargo)
{
	const char *oid = cargo->service == SERVICE_DSTACK
			      ? "1.3.6.1.4.1.62397.1.8"
			      : "1.3.6.1.5.5.7.1.35";
	struct piece unknown = {(uint8_t *)"\x05\x00", 2};
	struct piece der;

	if (cargo->carriage == CARRIAGE_UNKNOWN_CRITICAL)
		add_extension(
		    certificate, "1.3.6.1.4.1.55555.1", true, &unknown);
	if (cargo->carriage == CARRIAGE_ABSENT || cargo->service == SERVICE_SAN)
		return;
	der = wrap(cargo);
	add_extension(
	    certificate, oid, cargo->carriage == CARRIAGE_CRITICAL, &der);
	if (cargo->carriage == CARRIAGE_TWICE)
		add_extension(certificate, oid, false, &der);
	free(der.data);
}

char *
service_host_name(const struct service_cargo *cargo)
{
	char *hex;
	char *name;

	if (cargo->service != SERVICE_SAN || cargo->carriage == CARRIAGE_ABSENT)
		return NULL;
	hex = hex_encode(cargo->document, cargo->document_len);
	if (cargo->carriage == CARRIAGE_GARBAGE)
		hex[7] = 'g';
	name = must_format("%s.enclave.test", hex);
	free(hex);
	return name;
}
