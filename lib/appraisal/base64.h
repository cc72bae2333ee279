/* Base64 of RFC 4648 section 4, and hex, into a buffer with a ceiling. */
#ifndef APPRAISAL_BASE64_H
#define APPRAISAL_BASE64_H

#include "base/bytes.h"

enum text_fault {
	TEXT_OK,
	TEXT_MALFORMED,
	TEXT_TOO_LARGE, /* for the buffer's ceiling */
	TEXT_MEMORY,
	TEXT_INTERNAL
};

/*
 * Padding required, no white space, and zero in the bits that padding leaves
 * over (RFC 4648 3.5): one document has one encoding.
 */
enum text_fault base64_decode(struct bytes text, struct buffer *ret_data);
/* An even number of digits of either case. */
enum text_fault hex_text_decode(struct bytes text, struct buffer *ret_data);
bool is_hex_text(struct bytes text);

#endif
