/* Where a value stands, and refusals that say so. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/json.h"
#include "policy/text.h"

/* Names known to the configuration are short; longer ones are not compared. */
#define NEAREST_NAME_MAX 40

struct json_place
json_place_root(const char *name)
{
	return (struct json_place){.kind = JSON_PLACE_ROOT, .name = name};
}

struct json_place
json_place_member(const struct json_place *parent, const char *name)
{
	return (struct json_place){
	    .parent = parent, .kind = JSON_PLACE_MEMBER, .name = name};
}

struct json_place
json_place_element(const struct json_place *parent, size_t index)
{
	return (struct json_place){
	    .parent = parent, .kind = JSON_PLACE_ELEMENT, .index = index};
}

static bool
is_plain(const char *name)
{
	size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-");

	return plain && !name[plain];
}

static void
append_place(struct text *text, const struct json_place *place)
{
	switch (place->kind) {
	case JSON_PLACE_ROOT:
		text_append(text, "%s", place->name);
		return;
	case JSON_PLACE_ELEMENT:
		text_append(text, "[%zu]", place->index);
		return;
	case JSON_PLACE_MEMBER:
		break;
	}
	if (is_plain(place->name)) {
		text_append(text, "%s%s", text->len ? "." : "", place->name);
		return;
	}
	text_append(text, "[\"");
	text_append_escaped(text, place->name);
	text_append(text, "\"]");
}

void
json_place_text(
    const struct json_place *place, char ret_text[JSON_PLACE_MAX_BYTES])
{
	const struct json_place *chain[JSON_DEPTH_CEILING + 2];
	size_t count = 0;
	struct text text;

	for (; place && count < sizeof(chain) / sizeof(chain[0]);
	     place = place->parent)
		chain[count++] = place;
	text_init(&text, ret_text, JSON_PLACE_MAX_BYTES);
	while (count)
		append_place(&text, chain[--count]);
}

enum enclave_client_status
json_refuse(struct enclave_client_error *error, const struct json_place *place,
    const char *format, ...)
{
	char where[JSON_PLACE_MAX_BYTES], what[ERROR_MESSAGE_MAX_BYTES];
	va_list arguments;

	json_place_text(place, where);
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
	    ENCLAVE_CLIENT_STEP_NONE, "%s%s%s", where, *where ? ": " : "",
	    what);
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t least_of_two = a < b ? a : b;

	return least_of_two < c ? least_of_two : c;
}

static bool
same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions and replacements between two names, case aside. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[NEAREST_NAME_MAX + 1];
	size_t b_len = strlen(b);

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b_len; j++) {
			size_t replaced = diagonal + !same_letter(a[i], b[j]);
			diagonal = row[j + 1];
			row[j + 1] =
			    least(replaced, row[j + 1] + 1, row[j] + 1);
		}
	}
	return row[b_len];
}

static const char *
nearest_name(const char *name, const char *const *known, size_t known_count)
{
	const char *nearest = NULL;
	/* Farther than a third of the name is no slip of the finger. */
	size_t best = strlen(name) / 3 + 2;

	if (strlen(name) > NEAREST_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < known_count; i++) {
		size_t distance = edit_distance(name, known[i]);
		if (distance >= best)
			continue;
		best = distance;
		nearest = known[i];
	}
	return nearest;
}

enum enclave_client_status
json_refuse_unknown(struct enclave_client_error *error,
    const struct json_place *place, const char *member,
    const char *const *known, size_t known_count)
{
	char name_data[JSON_PLACE_MAX_BYTES], list_data[512];
	const char *nearest = nearest_name(member, known, known_count);
	struct text name, list;

	text_init(&name, name_data, sizeof(name_data));
	text_append_escaped(&name, member);
	if (nearest)
		return json_refuse(error, place,
		    "unknown member \"%s\"; did you mean \"%s\"?", name_data,
		    nearest);
	text_init(&list, list_data, sizeof(list_data));
	for (size_t i = 0; i < known_count; i++)
		text_append(&list, "%s%s", i ? ", " : "", known[i]);
	return json_refuse(error, place, "unknown member \"%s\"; known are %s",
	    name_data, list_data);
}
