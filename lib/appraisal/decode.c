#include "appraisal/decode.h"

#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"
#include "appraisal/base64.h"
#include "policy/json.h"

/* Of a body that is not what it should be, for the message. */
#define EXCERPT_MAX_BYTES 48

static const struct json_rules body_rules = {
    .what = "the body",
    .bytes_max = EVIDENCE_BODY_MAX_BYTES_CEILING,
    .depth_max = CONFIG_JSON_DEPTH_MAX,
    .status = ENCLAVE_CLIENT_ERR_ENCODING,
    .step = ENCLAVE_CLIENT_STEP_DECODE,
};

static enum enclave_client_status
refuse(struct enclave_client_error *error, const char *why)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_ENCODING,
	    ENCLAVE_CLIENT_STEP_DECODE, "%s", why);
}

static enum enclave_client_status
refuse_size(struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE,
	    ENCLAVE_CLIENT_STEP_DECODE,
	    "the document is larger than %d bytes, and real ones have 4 to 8 "
	    "thousand",
	    DOCUMENT_MAX_BYTES);
}

/* Adds the first bytes of the body, which a peer chose, in escaped form. */
static void
append_found(struct enclave_client_error *error, struct bytes body)
{
	char *excerpt = bytes_escape(body, EXCERPT_MAX_BYTES);

	if (excerpt)
		error_append(error, "; it begins with \"%s\"%s", excerpt,
		    body.len && body.data[0] == '<' ? " (HTML?)" : "");
	free(excerpt);
}

static enum enclave_client_status
fault_status(enum text_fault fault, const char *malformed,
    struct enclave_client_error *error)
{
	switch (fault) {
	case TEXT_OK:
		return ENCLAVE_CLIENT_OK;
	case TEXT_MALFORMED:
		return refuse(error, malformed);
	case TEXT_TOO_LARGE:
		return refuse_size(error);
	case TEXT_MEMORY:
		return error_memory(error);
	case TEXT_INTERNAL:
		break;
	}
	return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_DECODE, "OpenSSL can't decode base64");
}

static enum enclave_client_status
decode_raw(struct bytes body, struct buffer *document,
    struct enclave_client_error *error)
{
	switch (buffer_append(document, body)) {
	case ENCLAVE_CLIENT_OK:
		return ENCLAVE_CLIENT_OK;
	case ENCLAVE_CLIENT_ERR_MEMORY:
		return error_memory(error);
	default:
		return refuse_size(error);
	}
}

static enum enclave_client_status
decode_base64(struct bytes text, struct buffer *document,
    struct enclave_client_error *error)
{
	return fault_status(base64_decode(text, document),
	    "not base64: standard alphabet, padded, nothing else", error);
}

static enum enclave_client_status
decode_hex(struct bytes text, struct buffer *document,
    struct enclave_client_error *error)
{
	return fault_status(hex_text_decode(text, document),
	    "not hex: an even number of hex digits, nothing else", error);
}

static enum enclave_client_status
decode_json(const char *member_name, struct bytes body, struct buffer *document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	const cJSON *member;
	cJSON *json = NULL;

	status = json_parse(body, &body_rules, &json, error);
	if (status)
		return status;
	/* Other members may come; services add some over the years. */
	member = json_member(json, member_name);
	if (!cJSON_IsObject(json))
		status = error_set(error, ENCLAVE_CLIENT_ERR_ENCODING,
		    ENCLAVE_CLIENT_STEP_DECODE,
		    "the body is %s, expected a JSON object", json_kind(json));
	else if (!cJSON_IsString(member))
		status = error_set(error, ENCLAVE_CLIENT_ERR_ENCODING,
		    ENCLAVE_CLIENT_STEP_DECODE,
		    "the member \"%s\" of the body is %s, expected a string",
		    member_name, member ? json_kind(member) : "missing");
	else
		status = decode_base64(
		    bytes_from_string(member->valuestring), document, error);
	cJSON_Delete(json);
	return status;
}

/* Text forms may end in one line break. */
static struct bytes
without_line_end(struct bytes text)
{
	if (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len && text.data[text.len - 1] == '\r')
		text.len--;
	return text;
}

static enum enclave_client_status
decode_encoding(const struct profile *profile, struct bytes body,
    struct buffer *document, struct enclave_client_error *error)
{
	switch (profile->encoding) {
	case PROFILE_RAW:
		return decode_raw(body, document, error);
	case PROFILE_HEX:
		return decode_hex(without_line_end(body), document, error);
	case PROFILE_BASE64:
		return decode_base64(without_line_end(body), document, error);
	case PROFILE_JSON_BASE64:
		break;
	}
	return decode_json(profile->json_member, body, document, error);
}

enum enclave_client_status
decode_body(const struct profile *profile, struct bytes body,
    struct buffer *ret_document, struct enclave_client_error *error)
{
	struct buffer document;
	enum enclave_client_status status;

	if (!body.len)
		return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    ENCLAVE_CLIENT_STEP_FETCH, "the body is empty");
	buffer_init(&document, DOCUMENT_MAX_BYTES);
	status = decode_encoding(profile, body, &document, error);
	if (status == ENCLAVE_CLIENT_ERR_ENCODING)
		append_found(error, body);
	if (status) {
		buffer_clear(&document);
		return status;
	}
	*ret_document = document;
	return ENCLAVE_CLIENT_OK;
}

static bool
is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/*
 * Hex or base64 as editors, openssl and base64(1) wrap it.  The URL-safe
 * alphabet is refused by name: no service serves it, and taking both would
 * give one document two encodings.
 */
static enum enclave_client_status
decode_wrapped(struct bytes body, struct buffer *document,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct bytes text = {0};
	uint8_t *data = malloc(body.len);
	size_t len = 0;
	bool url_safe = false;

	if (!data)
		return error_memory(error);
	for (size_t i = 0; i < body.len; i++) {
		url_safe |= body.data[i] == '-' || body.data[i] == '_';
		if (!is_space(body.data[i]))
			data[len++] = body.data[i];
	}
	text = (struct bytes){data, len};
	if (is_hex_text(text))
		status = decode_hex(text, document, error);
	else
		status = fault_status(base64_decode(text, document),
		    url_safe ? "neither a raw document, hex, base64 nor JSON; "
			       "base64url (\"-\" and \"_\") must be "
			       "translated to standard base64 first"
			     : "neither a raw document, hex, base64 nor JSON",
		    error);
	free(data);
	return status;
}

enum enclave_client_status
appraisal_decode_any(struct bytes body, struct buffer *ret_document,
    struct enclave_client_error *error)
{
	struct buffer document;
	enum enclave_client_status status;
	size_t start = 0;

	while (start < body.len && is_space(body.data[start]))
		start++;
	if (start == body.len)
		return refuse(error, "there is nothing in it");
	if (body.len > EVIDENCE_BODY_MAX_BYTES_CEILING)
		return refuse_size(error);
	buffer_init(&document, DOCUMENT_MAX_BYTES);
	/* Array of 4, or tag 18 (RFC 9052 4.2): no text begins so. */
	if (body.data[0] == 0x84 || body.data[0] == 0xd2)
		status = decode_raw(body, &document, error);
	else if (body.data[start] == '{')
		status = decode_json(
		    profile_default()->json_member, body, &document, error);
	else
		status = decode_wrapped(body, &document, error);
	if (status == ENCLAVE_CLIENT_ERR_ENCODING)
		append_found(error, body);
	if (status) {
		buffer_clear(&document);
		return status;
	}
	*ret_document = document;
	return ENCLAVE_CLIENT_OK;
}
