#include "nearest.h"

#include <string.h>

/* No option is longer. */
#define NAME_MAX_BYTES 40

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t least_of_two = a < b ? a : b;

	return least_of_two < c ? least_of_two : c;
}

/* Both at most NAME_MAX_BYTES long. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[NAME_MAX_BYTES + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];
			size_t replaced =
			    diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

			row[j] = least(above + 1, row[j - 1] + 1, replaced);
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *
nearest_name(const char *const *names, size_t names_count, const char *given,
    size_t given_len)
{
	const char *nearest = NULL;
	size_t nearest_distance = given_len / 3 + 1;

	if (given_len == 0 || given_len > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < names_count; i++) {
		size_t len = strlen(names[i]);
		size_t found;

		if (len > NAME_MAX_BYTES)
			continue;
		found = distance(given, given_len, names[i], len);
		if (found < nearest_distance) {
			nearest_distance = found;
			nearest = names[i];
		}
	}
	return nearest;
}

size_t
names_that_begin(const char *const *names, size_t names_count,
    const char *given, size_t given_len, size_t ret_indices[NAMES_LISTED_MAX])
{
	size_t count = 0;

	for (size_t i = 0; given_len && i < names_count; i++) {
		if (strncmp(names[i], given, given_len) != 0)
			continue;
		if (!names[i][given_len]) {
			ret_indices[0] = i;
			return 1;
		}
		if (count < NAMES_LISTED_MAX)
			ret_indices[count] = i;
		count++;
	}
	return count;
}
