/* Text that is put together piece by piece in a buffer of fixed size. */
#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* data is always terminated; cut says that something did not fit. */
struct text {
	char *data;
	size_t size;
	size_t len;
	bool cut;
};

void text_init(struct text *text, char *data, size_t size);
void text_append(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Printable ASCII but for quotes and backslashes; the rest as \xNN. */
void text_append_escaped(struct text *text, const char *string);

#endif
