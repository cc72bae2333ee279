#include "option_body.h"

#include <stdlib.h>
#include <string.h>

/* Bytes to add to the body, and whether "&" comes before them. */
struct piece {
	const char *data;
	size_t len;
	bool joined;
};

static int
append(struct options *options, const struct piece *piece, struct fault *fault)
{
	size_t join = options->has_body && piece->joined ? 1 : 0;
	size_t used = options->body.len;
	char *grown;

	if (piece->len > FILE_BODY_MAX_BYTES ||
	    used > FILE_BODY_MAX_BYTES - piece->len)
		return fault_set(fault, EXIT_USAGE,
		    "option -d: the body is larger than %zu bytes",
		    FILE_BODY_MAX_BYTES);
	grown = realloc(options->body.data, used + join + piece->len + 1);
	if (!grown)
		return fault_memory(fault);
	if (join)
		grown[used] = '&';
	if (piece->len)
		memcpy(grown + used + join, piece->data, piece->len);
	options->body.data = grown;
	options->body.len = used + join + piece->len;
	grown[options->body.len] = '\0';
	options->has_body = true;
	return EXIT_DONE;
}

static int
read_body_file(
    const char *path, struct file_contents *ret_contents, struct fault *fault)
{
	/* An empty POST in place of a body that can't be read would lie. */
	if (file_read(path, FILE_BODY_MAX_BYTES, ret_contents, fault) &&
	    fault->exit_status == EXIT_USAGE)
		fault->exit_status = EXIT_READ;
	return fault->exit_status;
}

/* curl: "carriage returns, newlines and null bytes are stripped out". */
static void
strip_line_breaks(struct file_contents *contents)
{
	size_t kept = 0;

	for (size_t i = 0; i < contents->len; i++)
		if (contents->data[i] != '\r' && contents->data[i] != '\n' &&
		    contents->data[i] != '\0')
			contents->data[kept++] = contents->data[i];
	contents->len = kept;
}

struct data_rules {
	bool strip;
	bool joined;
};

static int
add_data(struct options *options, const char *argument,
    const struct data_rules *rules, struct fault *fault)
{
	struct file_contents contents = {0};
	struct piece piece = {argument, strlen(argument), rules->joined};

	if (argument[0] == '@') {
		if (read_body_file(argument + 1, &contents, fault))
			return fault->exit_status;
		if (rules->strip)
			strip_line_breaks(&contents);
		piece.data = contents.data;
		piece.len = contents.len;
	}
	(void)append(options, &piece, fault);
	file_contents_clear(&contents);
	return fault->exit_status;
}

int
body_data(struct options *options, const char *argument, struct fault *fault)
{
	const struct data_rules rules = {.strip = true, .joined = true};

	return add_data(options, argument, &rules, fault);
}

int
body_data_raw(
    struct options *options, const char *argument, struct fault *fault)
{
	const struct piece piece = {argument, strlen(argument), true};

	return append(options, &piece, fault);
}

int
body_data_binary(
    struct options *options, const char *argument, struct fault *fault)
{
	const struct data_rules rules = {.strip = false, .joined = true};

	return add_data(options, argument, &rules, fault);
}

int
body_json(struct options *options, const char *argument, struct fault *fault)
{
	const struct data_rules rules = {.strip = false, .joined = false};

	options->json_body = true;
	return add_data(options, argument, &rules, fault);
}

/* RFC 3986 2.3: unreserved. */
static bool
is_unreserved(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' ||
	       byte == '_' || byte == '~';
}

/* As curl: what libcurl escapes, and "+" for a blank. */
static size_t
encode(char *to, const char *from, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	char *start = to;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)from[i];

		if (byte == ' ') {
			*to++ = '+';
		} else if (is_unreserved(from[i])) {
			*to++ = from[i];
		} else {
			*to++ = '%';
			*to++ = digits[byte >> 4];
			*to++ = digits[byte & 15];
		}
	}
	return (size_t)(to - start);
}

/* "name=" and the encoded content; name_len 0: the content alone. */
static int
add_encoded(struct options *options, const char *argument, size_t name_len,
    const struct file_contents *content, struct fault *fault)
{
	struct piece piece = {.joined = true};
	char *text = NULL;

	if (content->len <= FILE_BODY_MAX_BYTES)
		text = malloc(name_len + 1 + content->len * 3 + 1);
	if (!text)
		return fault_memory(fault);
	memcpy(text, argument, name_len);
	piece.len = name_len;
	if (name_len)
		text[piece.len++] = '=';
	piece.len += encode(text + piece.len, content->data, content->len);
	piece.data = text;
	(void)append(options, &piece, fault);
	free(text);
	return fault->exit_status;
}

int
body_data_urlencode(
    struct options *options, const char *argument, struct fault *fault)
{
	size_t name_len = strcspn(argument, "=");
	struct file_contents content = {0};

	/* As curl: "=" is looked for first, then "@". */
	if (!argument[name_len])
		name_len = strcspn(argument, "@");
	if (argument[name_len] == '@') {
		if (!read_body_file(argument + name_len + 1, &content, fault))
			(void)add_encoded(
			    options, argument, name_len, &content, fault);
		file_contents_clear(&content);
		return fault->exit_status;
	}
	/* Borrowed: only read. */
	content.data = (char *)argument;
	if (argument[name_len] == '=')
		content.data += name_len + 1;
	else
		name_len = 0;
	content.len = strlen(content.data);
	return add_encoded(options, argument, name_len, &content, fault);
}

int
body_form_string(
    struct options *options, const char *argument, struct fault *fault)
{
	size_t number = options->parts.count;

	if (number >= sizeof(options->literal_parts) * 8)
		return fault_set(fault, EXIT_USAGE,
		    "option --form-string: among the first %zu parts",
		    sizeof(options->literal_parts) * 8);
	if (!text_list_add(&options->parts, argument, strlen(argument)))
		return fault_memory(fault);
	options->literal_parts |= (size_t)1 << number;
	return EXIT_DONE;
}
