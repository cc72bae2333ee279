#include "moment.h"

#include <string.h>
#include <time.h>

#include <enclave_client.h>

/* 9999-12-31T23:59:59Z */
#define SECONDS_MAX INT64_C(253402300799)

/* Exactly count digits; moves *text past them. */
static bool
take_digits(const char **text, size_t count, int *ret_value)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		char digit = (*text)[i];

		if (digit < '0' || digit > '9')
			return false;
		value = 10 * value + (digit - '0');
	}
	*text += count;
	*ret_value = value;
	return true;
}

static bool
take_field(const char **text, char before, int *ret_value)
{
	if (**text != before)
		return false;
	(*text)++;
	return take_digits(text, 2, ret_value);
}

/* RFC 3339 5.6: ".5" is 500 ms. */
static bool
take_fraction(const char **text, int *ret_ms)
{
	size_t digits;
	int value = 0;

	if (**text != '.') {
		*ret_ms = 0;
		return true;
	}
	(*text)++;
	digits = strspn(*text, "0123456789");
	if (digits < 1 || digits > 3 || !take_digits(text, digits, &value))
		return false;
	for (; digits < 3; digits++)
		value *= 10;
	*ret_ms = value;
	return true;
}

static bool
from_rfc3339(const char *text, int64_t *ret_at_ms)
{
	struct tm parts = {0};
	struct tm given;
	time_t seconds;
	int year;
	int month;
	int ms;

	if (!take_digits(&text, 4, &year) || !take_field(&text, '-', &month) ||
	    !take_field(&text, '-', &parts.tm_mday) ||
	    !take_field(&text, 'T', &parts.tm_hour) ||
	    !take_field(&text, ':', &parts.tm_min) ||
	    !take_field(&text, ':', &parts.tm_sec) ||
	    !take_fraction(&text, &ms) || strcmp(text, "Z") != 0 || year < 1970)
		return false;
	parts.tm_year = year - 1900;
	parts.tm_mon = month - 1;
	given = parts;
	seconds = timegm(&parts);
	/* timegm() takes 31 February for 3 March. */
	if (parts.tm_mday != given.tm_mday || parts.tm_mon != given.tm_mon ||
	    parts.tm_hour != given.tm_hour || parts.tm_min != given.tm_min ||
	    parts.tm_sec != given.tm_sec)
		return false;
	*ret_at_ms = (int64_t)seconds * 1000 + ms;
	return true;
}

static bool
from_seconds(const char *text, int64_t *ret_at_ms)
{
	size_t len = strlen(text);
	int64_t seconds = 0;

	if (len == 0 || len > 12 || strspn(text, "0123456789") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		seconds = 10 * seconds + (text[i] - '0');
	if (seconds > SECONDS_MAX)
		return false;
	*ret_at_ms = seconds * 1000;
	return true;
}

bool
moment_from_text(const char *text, int64_t *ret_at_ms)
{
	if (strcmp(text, "now") == 0) {
		*ret_at_ms = ENCLAVE_CLIENT_AT_NOW;
		return true;
	}
	if (strcmp(text, "document") == 0) {
		*ret_at_ms = ENCLAVE_CLIENT_AT_DOCUMENT;
		return true;
	}
	return from_seconds(text, ret_at_ms) || from_rfc3339(text, ret_at_ms);
}
