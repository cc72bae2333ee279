/*
 * The grammar of RFC 8259, checked without recursion.  What passes here,
 * cJSON parses as well, so that its only way to fail is memory.
 */
#include <string.h>

#include "policy/json.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define NUMBER_MAX_BYTES 63

struct scan {
	const uint8_t *data;
	size_t len;
	size_t at;
	unsigned int depth;
	unsigned int depth_max;
	/* Bit n: the container at depth n + 1 is an object. */
	uint64_t objects;
	const char *fault;
};

/* The byte ahead, or NUL at the end; a NUL in the text is a fault anyway. */
static uint8_t
peek(const struct scan *scan)
{
	return scan->at < scan->len ? scan->data[scan->at] : 0;
}

static bool
fail(struct scan *scan, const char *fault)
{
	scan->fault = fault;
	return false;
}

static bool
in_range(uint8_t byte, uint8_t low, uint8_t high)
{
	return byte >= low && byte <= high;
}

static bool
is_digit(uint8_t byte)
{
	return in_range(byte, '0', '9');
}

static void
skip_space(struct scan *scan)
{
	while (
	    scan->at < scan->len && strchr(" \t\r\n", peek(scan)) && peek(scan))
		scan->at++;
}

static bool
inside_object(const struct scan *scan)
{
	return scan->objects >> (scan->depth - 1) & 1;
}

/* Length of the well-formed UTF-8 sequence ahead (RFC 3629 4), or 0. */
static size_t
utf8_length(const struct scan *scan)
{
	const uint8_t *data = scan->data + scan->at;
	size_t left = scan->len - scan->at;
	uint8_t first = data[0];
	size_t len = 1 + (first >= 0xc2) + (first >= 0xe0) + (first >= 0xf0);

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || left < len)
		return 0;
	/* Overlong forms, surrogates and what lies past U+10FFFF. */
	uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (!in_range(data[1], low, high))
		return 0;
	for (size_t i = 2; i < len; i++)
		if (!in_range(data[i], 0x80, 0xbf))
			return 0;
	return len;
}

/* Four hex digits after "\u", or -1. */
static int
scan_unit(struct scan *scan)
{
	uint8_t unit[2];

	if (scan->len - scan->at < 4 ||
	    !hex_decode((struct bytes){scan->data + scan->at, 4}, unit, 2))
		return -1;
	scan->at += 4;
	return unit[0] << 8 | unit[1];
}

/* After "\u": no NUL, and surrogates only in pairs (RFC 8259 7 and 8.2). */
static bool
scan_unicode_escape(struct scan *scan)
{
	int unit = scan_unit(scan);

	if (unit < 0)
		return fail(scan, "expected four hex digits after \\u");
	if (unit == 0)
		return fail(scan, "NUL in a string");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return fail(scan, "half of a surrogate pair");
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (scan->len - scan->at < 2 || memcmp(scan->data + scan->at, "\\u", 2))
		return fail(scan, "half of a surrogate pair");
	scan->at += 2;
	unit = scan_unit(scan);
	if (unit < 0xdc00 || unit > 0xdfff)
		return fail(scan, "half of a surrogate pair");
	return true;
}

static bool
scan_escape(struct scan *scan)
{
	scan->at++;
	uint8_t kind = peek(scan);
	if (!kind || !strchr("\"\\/bfnrtu", kind))
		return fail(scan, "unknown escape in a string");
	scan->at++;
	return kind != 'u' || scan_unicode_escape(scan);
}

static bool
scan_string(struct scan *scan)
{
	if (peek(scan) != '"')
		return fail(scan, "expected a name in double quotes");
	scan->at++;
	while (scan->at < scan->len && peek(scan) != '"') {
		if (peek(scan) < 0x20)
			return fail(scan, "control character in a string");
		if (peek(scan) == '\\') {
			if (!scan_escape(scan))
				return false;
			continue;
		}
		size_t len = utf8_length(scan);
		if (!len)
			return fail(scan, "not UTF-8");
		scan->at += len;
	}
	if (scan->at == scan->len)
		return fail(scan, "the string does not end");
	scan->at++;
	return true;
}

static bool
scan_digits(struct scan *scan)
{
	if (!is_digit(peek(scan)))
		return fail(scan, "expected a digit");
	while (is_digit(peek(scan)))
		scan->at++;
	return true;
}

static bool
scan_number(struct scan *scan)
{
	size_t start = scan->at;

	if (peek(scan) == '-')
		scan->at++;
	if (peek(scan) == '0')
		scan->at++;
	else if (!scan_digits(scan))
		return false;
	if (is_digit(peek(scan)))
		return fail(scan, "a number with a leading zero");
	if (peek(scan) == '.') {
		scan->at++;
		if (!scan_digits(scan))
			return false;
	}
	if (peek(scan) == 'e' || peek(scan) == 'E') {
		scan->at++;
		if (peek(scan) == '+' || peek(scan) == '-')
			scan->at++;
		if (!scan_digits(scan))
			return false;
	}
	if (scan->at - start > NUMBER_MAX_BYTES)
		return fail(scan, "a number of more than 63 characters");
	return true;
}

static bool
scan_scalar(struct scan *scan)
{
	static const char *const words[] = {"true", "false", "null"};
	struct bytes rest = {scan->data + scan->at, scan->len - scan->at};

	if (peek(scan) == '"')
		return scan_string(scan);
	if (peek(scan) == '-' || is_digit(peek(scan)))
		return scan_number(scan);
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(words[i]);
		if (rest.len < len || memcmp(rest.data, words[i], len))
			continue;
		scan->at += len;
		return true;
	}
	if (!rest.len)
		return fail(scan, "the text ends where a value is expected");
	return fail(scan, "expected a value");
}

static bool
scan_name(struct scan *scan)
{
	skip_space(scan);
	if (!scan_string(scan))
		return false;
	skip_space(scan);
	if (peek(scan) != ':')
		return fail(scan, "expected \":\" after a name");
	scan->at++;
	return true;
}

/* At "{" or "[".  *ret_empty: it closed at once. */
static bool
scan_open(struct scan *scan, bool *ret_empty)
{
	bool object = peek(scan) == '{';

	if (scan->depth == scan->depth_max)
		return fail(scan, "nested too deeply");
	scan->at++;
	scan->objects &= ~(UINT64_C(1) << scan->depth);
	scan->objects |= (uint64_t)object << scan->depth;
	scan->depth++;
	skip_space(scan);
	*ret_empty = peek(scan) == (object ? '}' : ']');
	if (*ret_empty) {
		scan->at++;
		scan->depth--;
		return true;
	}
	return !object || scan_name(scan);
}

/* After a value: up to the next one, or to depth 0. */
static bool
scan_after(struct scan *scan)
{
	while (scan->depth) {
		bool object = inside_object(scan);
		skip_space(scan);
		if (peek(scan) == ',') {
			scan->at++;
			return !object || scan_name(scan);
		}
		if (peek(scan) != (object ? '}' : ']'))
			return fail(scan, object ? "expected \",\" or \"}\""
						 : "expected \",\" or \"]\"");
		scan->at++;
		scan->depth--;
	}
	return true;
}

static bool
scan_text(struct scan *scan)
{
	do {
		bool complete = true;
		skip_space(scan);
		if (peek(scan) == '{' || peek(scan) == '[') {
			if (!scan_open(scan, &complete))
				return false;
		} else if (!scan_scalar(scan)) {
			return false;
		}
		if (complete && !scan_after(scan))
			return false;
	} while (scan->depth);
	skip_space(scan);
	if (scan->at != scan->len)
		return fail(scan, "something follows the end");
	return true;
}

struct json_fault
json_scan(struct bytes text, unsigned int depth_max)
{
	/* Not NULL, so that an offset of 0 may be added to it. */
	struct scan scan = {.data = text.len ? text.data : (const uint8_t *)"",
	    .len = text.len,
	    .depth_max = depth_max < JSON_DEPTH_CEILING ? depth_max
							: JSON_DEPTH_CEILING};

	if (scan_text(&scan))
		return (struct json_fault){0};
	return (struct json_fault){scan.fault, scan.at};
}
