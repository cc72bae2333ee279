#include "client/headers.h"

#include <string.h>

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes
without_first(struct bytes text, size_t count)
{
	return (struct bytes){text.data + count, text.len - count};
}

static struct bytes
without_blanks_before(struct bytes text)
{
	while (text.len && is_blank(text.data[0]))
		text = without_first(text, 1);
	return text;
}

/* And without its CR. */
static struct bytes
without_blanks_after(struct bytes text)
{
	while (text.len && (is_blank(text.data[text.len - 1]) ||
			       text.data[text.len - 1] == '\r'))
		text.len--;
	return text;
}

static size_t
len_before(struct bytes text, int c)
{
	const uint8_t *end = memchr(text.data, c, text.len);

	return end ? (size_t)(end - text.data) : text.len;
}

/* Up to a LF, which goes as well; *rest is what comes after it.  A NUL would be
 * the end of a string, and is that of the line. */
static struct bytes
take_line(struct bytes *rest)
{
	struct bytes line = {rest->data, len_before(*rest, '\n')};

	*rest = without_first(
	    *rest, line.len < rest->len ? line.len + 1 : line.len);
	line.len = len_before(line, '\0');
	return without_blanks_after(line);
}

static uint8_t *
write_string(uint8_t *place, struct bytes text)
{
	if (text.len)
		memcpy(place, text.data, text.len);
	place[text.len] = '\0';
	return place + text.len + 1;
}

/* Over the NUL of the value before, with one of the blanks. */
static bool
append_fold(struct buffer *texts, struct bytes line)
{
	uint8_t *place;

	while (line.len > 1 && is_blank(line.data[1]))
		line = without_first(line, 1);
	place = buffer_extend(texts, line.len);
	if (!place)
		return false;
	(void)write_string(place - 1, line);
	return true;
}

static bool
append_header(struct buffer *texts, struct bytes line)
{
	const uint8_t *colon = memchr(line.data, ':', line.len);
	struct bytes name = {line.data, 0};
	struct bytes value;
	uint8_t *place;

	if (!colon)
		return true;
	name.len = (size_t)(colon - line.data);
	value = without_blanks_before(without_first(line, name.len + 1));
	place = buffer_extend(texts, name.len + value.len + 2);
	if (!place)
		return false;
	(void)write_string(write_string(place, name), value);
	return true;
}

bool
headers_append(struct buffer *texts, struct bytes block)
{
	size_t begun = texts->len;
	bool good = true;

	(void)take_line(&block);
	while (block.len && good) {
		struct bytes line = take_line(&block);

		if (!line.len)
			continue;
		if (is_blank(line.data[0]) && texts->len > begun)
			good = append_fold(texts, line);
		else
			good =
			    append_header(texts, without_blanks_before(line));
	}
	return good;
}
