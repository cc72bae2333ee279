#include "policy/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
text_init(struct text *text, char *data, size_t size)
{
	*text = (struct text){.data = data, .size = size};
	data[0] = '\0';
}

void
text_append(struct text *text, const char *format, ...)
{
	va_list arguments;
	size_t room = text->size - text->len;

	va_start(arguments, format);
	int wanted = vsnprintf(text->data + text->len, room, format, arguments);
	va_end(arguments);
	if (wanted < 0 || (size_t)wanted >= room) {
		text->cut = true;
		text->len += strlen(text->data + text->len);
		return;
	}
	text->len += (size_t)wanted;
}

void
text_append_escaped(struct text *text, const char *string)
{
	for (; *string; string++) {
		unsigned char byte = (unsigned char)*string;
		if (byte < 0x20 || byte >= 0x7f || byte == '\\' || byte == '"')
			text_append(text, "\\x%02x", byte);
		else
			text_append(text, "%c", byte);
	}
}
