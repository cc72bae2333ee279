/* What of a text a terminal may see. */
#ifndef CLI_PRINTABLE_H
#define CLI_PRINTABLE_H

#include <stddef.h>

/*
 * Bytes of the character that text, which holds len, begins with; 0 where it
 * must not reach a terminal: a control character, C1 in either spelling (0x9b,
 * or 0xc2 0x9b) included, what turns the direction of writing, and what is no
 * UTF-8 (RFC 3629).
 */
size_t printable_len(const char *text, size_t len);

#endif
