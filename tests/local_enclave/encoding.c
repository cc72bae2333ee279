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

bool
number_read(
    const char *text, unsigned base, uint64_t *ret_number, const char **ret_end)
{
	const char *digit = text;
	uint64_t number = 0;

	for (;;) {
		int value = digit_value(*digit);

		if (value < 0 || value >= (int)base)
			break;
		if (number > (UINT64_MAX - (unsigned)value) / base)
			return false;
		number = number * base + (unsigned)value;
		digit++;
	}
	if (digit == text)
		return false;
	*ret_number = number;
	*ret_end = digit;
	return true;
}

bool
number_decode(const char *text, uint64_t *ret_number)
{
	uint64_t number;
	const char *end;

	if (!number_read(text, 10, &number, &end) || *end != '\0')
		return false;
	*ret_number = number;
	return true;
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

void
make_lower_case(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

/* How many bytes follow this first byte, or -1 (RFC 3629, section 4). */
static int
utf8_tail(uint8_t first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if (first >= 0xe0 && first <= 0xef)
		return 2;
	if (first >= 0xf0 && first <= 0xf4)
		return 3;
	return -1;
}

/* Over-long forms, surrogates and what lies beyond U+10FFFF. */
static bool
utf8_second_is_wrong(uint8_t first, uint8_t second)
{
	return (first == 0xe0 && second < 0xa0) ||
	       (first == 0xed && second > 0x9f) ||
	       (first == 0xf0 && second < 0x90) ||
	       (first == 0xf4 && second > 0x8f);
}

bool
is_utf8(const uint8_t *data, size_t len)
{
	size_t i = 0;

	while (i < len) {
		int tail = utf8_tail(data[i]);
		int k;

		if (tail < 0 || (size_t)tail > len - i - 1)
			return false;
		if (tail > 0 && utf8_second_is_wrong(data[i], data[i + 1]))
			return false;
		for (k = 1; k <= tail; k++) {
			if ((data[i + (size_t)k] & 0xc0) != 0x80)
				return false;
		}
		i += (size_t)tail + 1;
	}
	return true;
}

char *
readable_text(const uint8_t *data, size_t len)
{
	/* A byte becomes at most three. */
	char *text = must_alloc(3 * len + 1);
	char *out = text;
	size_t i;

	/* An empty buffer may have no address. */
	if (len == 0)
		return text;
	if (is_utf8(data, len) && memchr(data, 0, len) == NULL) {
		memcpy(text, data, len);
		return text;
	}
	for (i = 0; i < len; i++) {
		if (data[i] == 0) {
			memcpy(out, "\xe2\x90\x80", 3);
			out += 3;
		} else if (data[i] < 0x80) {
			*out++ = (char)data[i];
		} else {
			*out++ = (char)(0xc0 | data[i] >> 6);
			*out++ = (char)(0x80 | (data[i] & 0x3f));
		}
	}
	return text;
}
