#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
take_digits(const char **text, int64_t max, int64_t *ret_count)
{
	int64_t count = 0;
	const char *at = *text;

	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		int digit = *at - '0';

		if (count > (max - digit) / 10)
			return false;
		count = count * 10 + digit;
	}
	*text = at;
	*ret_count = count;
	return true;
}

bool
number_count(const char *text, int64_t max, int64_t *ret_count)
{
	int64_t count;

	if (!take_digits(&text, max, &count) || *text)
		return false;
	*ret_count = count;
	return true;
}

/* Digits, at most one point, at least one digit. */
static bool
is_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t part = 0;

	if (text[whole] == '.')
		part = 1 + strspn(text + whole + 1, "0123456789");
	return whole + part > (part ? 1u : 0u) && !text[whole + part];
}

enum number_verdict
number_seconds(const char *text, int64_t *ret_ms)
{
	double seconds;
	int64_t ms;

	if (!is_decimal(text))
		return NUMBER_WRONG;
	errno = 0;
	/* The locale is never set, so that the point is a point. */
	seconds = strtod(text, NULL);
	if (errno || seconds > (double)NUMBER_SECONDS_MAX)
		return NUMBER_TOO_LARGE;
	ms = (int64_t)(seconds * 1000);
	/* 0 means none; what was meant to be short is not to last for ever. */
	*ret_ms = seconds > 0 && ms == 0 ? 1 : ms;
	return NUMBER_OK;
}

bool
number_bytes(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	const char *unit = units;
	int64_t count;

	if (!take_digits(&text, INT64_MAX, &count))
		return false;
	if (*text) {
		unit = strchr(units, *text | 0x20);
		if (!unit || !*unit || text[1])
			return false;
	}
	for (; unit > units; unit--) {
		if (count > INT64_MAX / 1024)
			return false;
		count *= 1024;
	}
	*ret_bytes = count;
	return true;
}
