/* Slices of bytes, hex, and a growing buffer with a ceiling. libc only. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <enclave_client.h>

/* Borrowed bytes, passed by value. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

/* The bytes of a C string, without its NUL. */
struct bytes bytes_from_string(const char *string);
bool bytes_equal(struct bytes a, struct bytes b);
/* Length first, then content: "pc" never equals "pcrs". */
bool bytes_equal_string(struct bytes a, const char *string);

/* No byte but zero; of none it is true. */
bool bytes_zero(struct bytes a);

/* ret_hex has room for 2 * len + 1. */
void hex_encode(struct bytes input, char *ret_hex);
/* Exactly 2 * ret_len digits of either case, or false. */
bool hex_decode(struct bytes digits, uint8_t *ret_data, size_t ret_len);

/* Owned bytes that never grow past max. */
struct buffer {
	uint8_t *data;
	size_t len;
	size_t capacity;
	size_t max;
};

void buffer_init(struct buffer *buffer, size_t max);
/* BODY_TOO_LARGE past max, MEMORY when memory is short; nothing appended. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status buffer_append(
    struct buffer *buffer, struct bytes data);
/* The same for len bytes, above 0, that the caller then writes there; NULL when
 * memory is short or past max. */
uint8_t *buffer_extend(struct buffer *buffer, size_t len);
struct bytes buffer_bytes(const struct buffer *buffer);
/* Keeps max, frees the rest. */
void buffer_clear(struct buffer *buffer);

/* New string, or NULL.  Printable ASCII of at most max bytes, the rest escaped
 * as \xNN: what a peer sent never reaches a terminal raw. */
char *bytes_escape(struct bytes input, size_t max);

#endif
