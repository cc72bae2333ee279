#include "printable.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 3629, section 4: the first byte, what the second may be, the length. */
static const struct {
	uint8_t first_min, first_max;
	uint8_t second_min, second_max;
	uint8_t len;
} forms[] = {
    /* From U+00A0: those before are C1. */
    {0xc2, 0xc2, 0xa0, 0xbf, 2},
    {0xc3, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Line and paragraph separators; embeddings, overrides and isolates. */
static bool
is_deceitful(const uint8_t *at)
{
	return at[0] == 0xe2 &&
	       ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
		   (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
}

static size_t
form_len(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].first_min || at[0] > forms[i].first_max)
			continue;
		if (len < forms[i].len || at[1] < forms[i].second_min ||
		    at[1] > forms[i].second_max)
			return 0;
		for (size_t more = 2; more < forms[i].len; more++)
			if ((at[more] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

size_t
printable_len(const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t whole;

	if (!len)
		return 0;
	if (at[0] < 0x80)
		return at[0] >= 0x20 && at[0] != 0x7f;
	whole = form_len(at, len);
	return whole == 3 && is_deceitful(at) ? 0 : whole;
}
