/* Bytes as text: hexadecimal and base64. */
#ifndef LOCAL_ENCLAVE_ENCODING_H
#define LOCAL_ENCLAVE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* New text, lower case. */
char *hex_encode(const uint8_t *data, size_t len);

/* False when text is not pairs of digits or holds more than size bytes. */
bool hex_decode(
    const char *text, uint8_t *buffer, size_t size, size_t *ret_len);

/* New text: the standard alphabet, padded, on one line. */
char *base64_encode(const uint8_t *data, size_t len);

bool is_utf8(const uint8_t *data, size_t len);

/*
 * New text that any JSON parser takes. UTF-8 without NUL stays as it is;
 * anything else becomes one character a byte, NUL the symbol U+2400.
 */
char *readable_text(const uint8_t *data, size_t len);

/* New text: SHA-256 of the bytes, in hexadecimal. */
char *sha256_hex(const uint8_t *data, size_t len);

#endif
