#include "encoding.h"

#include "fatal.h"

#include <openssl/evp.h>
#include <string.h>

static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

char *
hex_encode(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = must_alloc(2 * len + 1);
	size_t i;

	for (i = 0; i < len; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	return text;
}

bool
hex_decode(const char *text, uint8_t *buffer, size_t size, size_t *ret_len)
{
	size_t len = strlen(text);
	size_t i;

	if (len % 2 != 0 || len / 2 > size)
		return false;
	for (i = 0; i < len / 2; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		buffer[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = len / 2;
	return true;
}

char *
base64_encode(const uint8_t *data, size_t len)
{
	char *text = must_alloc((len + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return text;
}

char *
sha256_hex(const uint8_t *data, size_t len)
{
	uint8_t digest[32];

	must(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL));
	return hex_encode(digest, sizeof(digest));
}
