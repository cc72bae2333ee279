#include "appraisal/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "evidence/openssl_error.h"

/* The six bits of a digit, or -1. */
static int
base64_value(uint8_t digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

/* How many "=" end the text, or -1 when it is not canonical base64. */
static int
check_base64(struct bytes text)
{
	size_t digits = text.len;
	int padding = 0;

	if (!text.len || text.len % 4)
		return -1;
	while (padding < 2 && text.data[digits - 1] == '=') {
		digits--;
		padding++;
	}
	for (size_t i = 0; i < digits; i++)
		if (base64_value(text.data[i]) < 0)
			return -1;
	int left_over = padding == 2 ? 15 : padding == 1 ? 3 : 0;
	return base64_value(text.data[digits - 1]) & left_over ? -1 : padding;
}

static enum text_fault
append(struct buffer *buffer, struct bytes data)
{
	switch (buffer_append(buffer, data)) {
	case ENCLAVE_CLIENT_OK:
		return TEXT_OK;
	case ENCLAVE_CLIENT_ERR_MEMORY:
		return TEXT_MEMORY;
	default:
		return TEXT_TOO_LARGE;
	}
}

enum text_fault
base64_decode(struct bytes text, struct buffer *ret_data)
{
	enum text_fault fault;
	int padding = check_base64(text);

	if (padding < 0)
		return TEXT_MALFORMED;
	if (text.len / 4 * 3 - (size_t)padding > ret_data->max)
		return TEXT_TOO_LARGE;
	uint8_t *data = malloc(text.len / 4 * 3);
	if (!data)
		return TEXT_MEMORY;
	openssl_errors_begin();
	int len = EVP_DecodeBlock(data, text.data, (int)text.len);
	openssl_errors_end();
	/* It counts the padding as zero bytes. */
	if (len < 3)
		fault = TEXT_INTERNAL;
	else
		fault = append(
		    ret_data, (struct bytes){data, (size_t)(len - padding)});
	free(data);
	return fault;
}

bool
is_hex_text(struct bytes text)
{
	uint8_t byte;

	if (!text.len || text.len % 2)
		return false;
	for (size_t i = 0; i < text.len; i += 2)
		if (!hex_decode((struct bytes){text.data + i, 2}, &byte, 1))
			return false;
	return true;
}

enum text_fault
hex_text_decode(struct bytes text, struct buffer *ret_data)
{
	enum text_fault fault;
	size_t len = text.len / 2;

	if (!is_hex_text(text))
		return TEXT_MALFORMED;
	if (len > ret_data->max)
		return TEXT_TOO_LARGE;
	uint8_t *data = malloc(len);
	if (!data)
		return TEXT_MEMORY;
	fault = TEXT_INTERNAL;
	if (hex_decode(text, data, len))
		fault = append(ret_data, (struct bytes){data, len});
	free(data);
	return fault;
}
