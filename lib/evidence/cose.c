#include "evidence/cose.h"

#include <string.h>

#include "evidence/cbor_reader.h"

/* Tag 18 (COSE_Sign1), which AWS allows and never sends. */
#define TAG_COSE_SIGN1 0xd2

/* {1: -35}, the algorithm ES384, as the byte string that is signed. */
static const uint8_t protected_es384[] = {0x44, 0xa1, 0x01, 0x38, 0x22};

static enum enclave_client_status
refuse(struct enclave_client_error *error, const char *what)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_COSE,
	    ENCLAVE_CLIENT_STEP_STRUCTURE, "document %s", what);
}

/* True, and past it, when the input goes on with exactly these bytes. */
static bool
take(struct reader *reader, struct bytes expected)
{
	size_t left = reader->input.len - reader->offset;

	if (left < expected.len || memcmp(reader->input.data + reader->offset,
				       expected.data, expected.len) != 0)
		return false;
	reader->offset += expected.len;
	return true;
}

static bool
take_byte(struct reader *reader, uint8_t expected)
{
	return take(reader, (struct bytes){&expected, 1});
}

/*
 * Everything before the payload, byte for byte: the algorithm is never read
 * from the document, and nothing unprotected is ever believed.
 */
static enum enclave_client_status
check_headers(struct reader *reader, struct enclave_client_error *error)
{
	(void)take_byte(reader, TAG_COSE_SIGN1);
	if (!take_byte(reader, 0x84))
		return refuse(
		    error, "is not a COSE_Sign1 array of four elements");
	if (!take(reader,
		(struct bytes){protected_es384, sizeof(protected_es384)}))
		return refuse(error,
		    "has a protected header other than {1: -35} (ES384)");
	if (!take_byte(reader, 0xa0))
		return refuse(error,
		    "has an unprotected header that is not the empty map");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_bytes(struct reader *reader, const char *name, struct bytes *ret_bytes,
    struct enclave_client_error *error)
{
	struct item item = {0};
	enum reader_fault fault = reader_next(reader, &item);

	if (fault != READER_OK)
		return error_set(error, ENCLAVE_CLIENT_ERR_COSE,
		    ENCLAVE_CLIENT_STEP_STRUCTURE,
		    "document %s at byte %zu, in the %s",
		    reader_fault_text(fault), reader->offset, name);
	if (item.type != ITEM_BYTES)
		return error_set(error, ENCLAVE_CLIENT_ERR_COSE,
		    ENCLAVE_CLIENT_STEP_STRUCTURE,
		    "document has %s where the %s should be a byte string",
		    item_type_text(item.type), name);
	*ret_bytes = item.string;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
envelope_read(struct bytes document, struct envelope *ret_envelope,
    struct enclave_client_error *error)
{
	struct reader reader = {.input = document};
	struct envelope envelope = {0};
	enum enclave_client_status status;

	if (document.len > DOCUMENT_MAX_BYTES)
		return error_set(error, ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE,
		    ENCLAVE_CLIENT_STEP_STRUCTURE,
		    "document has %zu bytes, more than %d", document.len,
		    DOCUMENT_MAX_BYTES);
	if (!document.len)
		return refuse(error, "is empty");
	status = check_headers(&reader, error);
	if (status)
		return status;
	status = read_bytes(&reader, "payload", &envelope.payload, error);
	if (status)
		return status;
	if (!envelope.payload.len)
		return refuse(error, "has an empty payload");
	status = read_bytes(&reader, "signature", &envelope.signature, error);
	if (status)
		return status;
	if (envelope.signature.len != COSE_SIGNATURE_BYTES)
		return error_set(error, ENCLAVE_CLIENT_ERR_COSE,
		    ENCLAVE_CLIENT_STEP_STRUCTURE,
		    "document has a signature of %zu bytes, ES384 has %d",
		    envelope.signature.len, COSE_SIGNATURE_BYTES);
	if (!reader_at_end(&reader))
		return error_set(error, ENCLAVE_CLIENT_ERR_COSE,
		    ENCLAVE_CLIENT_STEP_STRUCTURE,
		    "document has %zu bytes after its end",
		    document.len - reader.offset);
	*ret_envelope = envelope;
	return ENCLAVE_CLIENT_OK;
}

struct bytes
envelope_payload_unverified(struct bytes document)
{
	struct reader reader = {.input = document};
	struct bytes payload = {NULL, 0};
	struct item item = {0};
	size_t left;

	if (document.len > DOCUMENT_MAX_BYTES || !document.len ||
	    check_headers(&reader, NULL))
		return payload;
	if (reader_next(&reader, &item) == READER_OK)
		return item.type == ITEM_BYTES ? item.string : payload;
	/* A payload cut short: what is there of it, behind 59 xx xx. */
	left = document.len - reader.offset;
	if (left > 3 && document.data[reader.offset] == 0x59)
		payload =
		    (struct bytes){document.data + reader.offset + 3, left - 3};
	return payload;
}

/*
 * ["Signature1", protected, external_aad = h'', payload]: rebuilt from the
 * contents with shortest lengths, whatever the wire had.
 */
size_t
sig_structure_head(
    size_t payload_len, uint8_t ret_head[SIG_STRUCTURE_HEAD_MAX_BYTES])
{
	static const uint8_t head[] = {0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't',
	    'u', 'r', 'e', '1', 0x44, 0xa1, 0x01, 0x38, 0x22, 0x40};
	size_t len = sizeof(head);

	memcpy(ret_head, head, sizeof(head));
	if (payload_len <= 23) {
		ret_head[len++] = (uint8_t)(0x40 | payload_len);
		return len;
	}
	if (payload_len <= UINT8_MAX) {
		ret_head[len++] = 0x58;
		ret_head[len++] = (uint8_t)payload_len;
		return len;
	}
	/* The envelope's cap keeps every payload below 65536. */
	ret_head[len++] = 0x59;
	ret_head[len++] = (uint8_t)(payload_len >> 8);
	ret_head[len++] = (uint8_t)payload_len;
	return len;
}
