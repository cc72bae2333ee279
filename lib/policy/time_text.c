#include "policy/time_text.h"

#include <string.h>
#include <time.h>

/* Fractions are read to the millisecond; more digits are allowed. */
#define FRACTION_DIGITS_MAX 9

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static int
two_digits(const char *text)
{
	return 10 * (text[0] - '0') + text[1] - '0';
}

/* ".123Z" or "Z", up to the end of the text. */
static bool
read_fraction(const char *text, int64_t *ret_ms)
{
	int64_t ms = 0, weight = 100;

	if (*text == '.') {
		size_t digits = strspn(text + 1, "0123456789");
		if (digits < 1 || digits > FRACTION_DIGITS_MAX)
			return false;
		for (size_t i = 0; i < digits; i++, weight /= 10)
			ms += weight * (text[1 + i] - '0');
		text += 1 + digits;
	}
	if (strcmp(text, "Z"))
		return false;
	*ret_ms = ms;
	return true;
}

bool
time_from_rfc3339(const char *text, int64_t *ret_ms)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	int64_t ms;

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !is_digit(text[i]) : text[i] != form[i])
			return false;
	struct tm tm = {
	    .tm_year = 100 * two_digits(text) + two_digits(text + 2) - 1900,
	    .tm_mon = two_digits(text + 5) - 1,
	    .tm_mday = two_digits(text + 8),
	    .tm_hour = two_digits(text + 11),
	    .tm_min = two_digits(text + 14),
	    .tm_sec = two_digits(text + 17),
	};
	if (!read_fraction(text + sizeof(form) - 1, &ms))
		return false;
	/* timegm() makes March of 30 February; a changed field tells. */
	struct tm same = tm;
	time_t seconds = timegm(&same);
	if (seconds < 0 || same.tm_mon != tm.tm_mon ||
	    same.tm_mday != tm.tm_mday || same.tm_hour != tm.tm_hour ||
	    same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec)
		return false;
	*ret_ms = (int64_t)seconds * 1000 + ms;
	return true;
}
