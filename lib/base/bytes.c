#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

struct bytes
bytes_from_string(const char *string)
{
	return (struct bytes){(const uint8_t *)string, strlen(string)};
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

bool
bytes_equal_string(struct bytes a, const char *string)
{
	return bytes_equal(a, bytes_from_string(string));
}

bool
bytes_zero(struct bytes a)
{
	/* Each byte equals the next, and the first is zero. */
	return a.len == 0 ||
	       (a.data[0] == 0 && !memcmp(a.data, a.data + 1, a.len - 1));
}

void
hex_encode(struct bytes input, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < input.len; i++) {
		ret_hex[2 * i] = digits[input.data[i] >> 4];
		ret_hex[2 * i + 1] = digits[input.data[i] & 15];
	}
	ret_hex[2 * input.len] = '\0';
}

#define NOT_HEX 16u

static unsigned int
hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned int)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned int)(digit - 'a' + 10);
	if (digit >= 'A' && digit <= 'F')
		return (unsigned int)(digit - 'A' + 10);
	return NOT_HEX;
}

bool
hex_decode(struct bytes digits, uint8_t *ret_data, size_t ret_len)
{
	if (digits.len % 2 || digits.len / 2 != ret_len)
		return false;
	for (size_t i = 0; i < digits.len; i++)
		if (hex_value(digits.data[i]) == NOT_HEX)
			return false;
	for (size_t i = 0; i < ret_len; i++)
		ret_data[i] = (uint8_t)(hex_value(digits.data[2 * i]) << 4 |
					hex_value(digits.data[2 * i + 1]));
	return true;
}

void
buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){.max = max};
}

/* So that len more fit; len is at most what max leaves. */
static bool
buffer_grow(struct buffer *buffer, size_t len)
{
	size_t wanted = buffer->len + len;
	size_t capacity = buffer->capacity ? buffer->capacity : 256;
	uint8_t *grown;

	while (capacity < wanted)
		capacity =
		    capacity > buffer->max / 2 ? buffer->max : capacity * 2;
	grown = realloc(buffer->data, capacity);
	if (!grown)
		return false;
	buffer->data = grown;
	buffer->capacity = capacity;
	return true;
}

uint8_t *
buffer_extend(struct buffer *buffer, size_t len)
{
	if (len > buffer->max - buffer->len)
		return NULL;
	if (len > buffer->capacity - buffer->len && !buffer_grow(buffer, len))
		return NULL;
	buffer->len += len;
	return buffer->data + buffer->len - len;
}

enum enclave_client_status
buffer_append(struct buffer *buffer, struct bytes data)
{
	uint8_t *place;

	if (data.len > buffer->max - buffer->len)
		return ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE;
	if (!data.len)
		return ENCLAVE_CLIENT_OK;
	place = buffer_extend(buffer, data.len);
	if (!place)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	memcpy(place, data.data, data.len);
	return ENCLAVE_CLIENT_OK;
}

struct bytes
buffer_bytes(const struct buffer *buffer)
{
	return (struct bytes){buffer->data, buffer->len};
}

void
buffer_clear(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->max);
}

char *
bytes_escape(struct bytes input, size_t max)
{
	size_t used = 0;
	char *text = malloc(max + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < input.len; i++) {
		uint8_t byte = input.data[i];
		bool plain = byte >= 0x20 && byte < 0x7f && byte != '\\';
		if (max - used < (plain ? 1u : 4u))
			break;
		if (plain) {
			text[used++] = (char)byte;
			continue;
		}
		text[used++] = '\\';
		text[used++] = 'x';
		char pair[3];
		hex_encode((struct bytes){&byte, 1}, pair);
		text[used++] = pair[0];
		text[used++] = pair[1];
	}
	text[used] = '\0';
	return text;
}
