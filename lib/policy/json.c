#include "policy/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text.h"

/* Line and column from 1; columns count characters, not bytes. */
static enum enclave_client_status
refuse_fault(struct bytes text, struct json_fault fault,
    const struct json_rules *rules, struct enclave_client_error *error)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < fault.offset; i++) {
		if (text.data[i] == '\n') {
			line++;
			column = 1;
		} else if ((text.data[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return error_set(error, rules->status, rules->step,
	    "%s is not JSON: line %zu, column %zu: %s", rules->what, line,
	    column, fault.fault);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * A name that stands twice in object, or NULL.  Sorted, because a map may
 * have tens of thousands of members.
 */
static enum enclave_client_status
find_duplicate(const cJSON *object, const char **ret_name)
{
	const cJSON *member;
	size_t count = 0, used = 0;

	*ret_name = NULL;
	cJSON_ArrayForEach(member, object) count++;
	if (count < 2)
		return ENCLAVE_CLIENT_OK;
	const char **names = calloc(count, sizeof(*names));
	if (!names)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	cJSON_ArrayForEach(member, object) names[used++] = member->string;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count && !*ret_name; i++)
		if (!strcmp(names[i - 1], names[i]))
			*ret_name = names[i];
	free(names);
	return ENCLAVE_CLIENT_OK;
}

/* A container on the way from the root to the member at hand. */
struct level {
	const cJSON *next;
	struct json_place place;
	size_t index;
	bool object;
};

static struct json_place
place_below(const struct level *level, const cJSON *child)
{
	if (level->object)
		return json_place_member(&level->place, child->string);
	return json_place_element(&level->place, level->index);
}

static enum enclave_client_status
refuse_duplicate(const struct json_place *place, const char *name,
    const struct json_rules *rules, struct enclave_client_error *error)
{
	char where[JSON_PLACE_MAX_BYTES], data[JSON_PLACE_MAX_BYTES];
	struct text escaped;

	json_place_text(place, where);
	text_init(&escaped, data, sizeof(data));
	text_append_escaped(&escaped, name);
	return error_set(error, rules->status, rules->step,
	    "%s%smember \"%s\" stands there twice", where, *where ? ": " : "",
	    data);
}

/* Every object of the tree; depth was bounded before. */
static enum enclave_client_status
check_unique(const cJSON *root, const struct json_rules *rules,
    struct enclave_client_error *error)
{
	struct level levels[JSON_DEPTH_CEILING + 1];
	size_t depth = 1;
	const char *name;

	levels[0] = (struct level){.next = root, .place = json_place_root("")};
	while (depth) {
		struct level *level = &levels[depth - 1];
		const cJSON *json = level->next;
		if (!json) {
			depth--;
			continue;
		}
		struct json_place place =
		    depth == 1 ? level->place : place_below(level, json);
		level->next = json->next;
		level->index++;
		if (!cJSON_IsObject(json) && !cJSON_IsArray(json))
			continue;
		levels[depth] = (struct level){.next = json->child,
		    .place = place,
		    .object = cJSON_IsObject(json)};
		depth++;
		if (!cJSON_IsObject(json))
			continue;
		if (find_duplicate(json, &name))
			return error_memory(error);
		if (name)
			return refuse_duplicate(&place, name, rules, error);
	}
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
json_parse(struct bytes text, const struct json_rules *rules, cJSON **ret_json,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct json_fault fault;
	const char *end = NULL;
	cJSON *json = NULL;

	if (text.len > rules->bytes_max)
		return error_set(error, rules->status, rules->step,
		    "%s has %zu bytes, at most %zu are read", rules->what,
		    text.len, rules->bytes_max);
	fault = json_scan(text, rules->depth_max);
	if (fault.fault)
		return refuse_fault(text, fault, rules, error);
	json = cJSON_ParseWithLengthOpts(
	    (const char *)text.data, text.len, &end, false);
	if (!json)
		return error_memory(error);
	/* Ours and cJSON's idea of the end must be one. */
	fault.offset = (size_t)((const uint8_t *)end - text.data);
	while (fault.offset < text.len &&
	       strchr(" \t\r\n", text.data[fault.offset]))
		fault.offset++;
	if (fault.offset != text.len) {
		fault.fault = "something follows the end";
		status = refuse_fault(text, fault, rules, error);
		goto out;
	}
	status = check_unique(json, rules, error);
	if (status)
		goto out;
	*ret_json = json;
	json = NULL; /* handed over */
out:
	cJSON_Delete(json);
	return status;
}

const cJSON *
json_member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *
json_kind(const cJSON *json)
{
	if (cJSON_IsObject(json))
		return "an object";
	if (cJSON_IsArray(json))
		return "a list";
	if (cJSON_IsString(json))
		return "a string";
	if (cJSON_IsNumber(json))
		return "a number";
	return cJSON_IsBool(json) ? "a boolean" : "null";
}

bool
json_integer(const cJSON *json, int64_t min, int64_t max, int64_t *ret_value)
{
	/* Beyond 2^53 a double no longer tells neighbours apart. */
	const double exact_max = 9007199254740992.0;

	if (!cJSON_IsNumber(json))
		return false;
	double number = json->valuedouble;
	if (!(number > -exact_max && number < exact_max))
		return false;
	int64_t value = (int64_t)number;
	if ((double)value < number || (double)value > number)
		return false;
	if (value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}
