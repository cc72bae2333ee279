/* Numbers and bytes as text. */
#ifndef LOCAL_ENCLAVE_ENCODING_H
#define LOCAL_ENCLAVE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads digits of base 10 or 16. False when there are none or too many;
 * otherwise ret_end is the first character that is not a digit.
 */
bool number_read(const char *text, unsigned base, uint64_t *ret_number,
    const char **ret_end);

/* False when text is anything but one decimal number. */
bool number_decode(const char *text, uint64_t *ret_number);

/* New text, lower case. */
char *hex_encode(const uint8_t *data, size_t len);

/* False when text is not pairs of digits or holds more than size bytes. */
bool hex_decode(
    const char *text, uint8_t *buffer, size_t size, size_t *ret_len);

/* New text: the standard alphabet, padded, on one line. */
char *base64_encode(const uint8_t *data, size_t len);

/* ASCII letters only. */
void make_lower_case(char *text);

bool is_utf8(const uint8_t *data, size_t len);

/*
 * New text that any JSON parser takes. UTF-8 without NUL stays as it is;
 * anything else becomes one character a byte, NUL the symbol U+2400.
 */
char *readable_text(const uint8_t *data, size_t len);

/* New text: SHA-256 of the bytes, in hexadecimal. */
char *sha256_hex(const uint8_t *data, size_t len);

#endif
