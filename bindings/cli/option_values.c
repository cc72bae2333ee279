#include "option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
append_body(
    struct options *options, const char *data, size_t len, struct fault *fault)
{
	size_t join = options->has_body ? 1 : 0;
	size_t used = options->body.len;
	char *grown;

	if (len > FILE_BODY_MAX_BYTES || used > FILE_BODY_MAX_BYTES - len)
		return fault_set(fault, EXIT_USAGE,
		    "option -d: the body is larger than %zu bytes",
		    FILE_BODY_MAX_BYTES);
	grown = realloc(options->body.data, used + join + len + 1);
	if (!grown)
		return fault_memory(fault);
	if (join)
		grown[used] = '&';
	if (len)
		memcpy(grown + used + join, data, len);
	options->body.data = grown;
	options->body.len = used + join + len;
	grown[options->body.len] = '\0';
	options->has_body = true;
	return EXIT_DONE;
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

int
value_data(struct options *options, const char *argument, struct fault *fault)
{
	struct file_contents contents = {0};

	if (argument[0] != '@')
		return append_body(options, argument, strlen(argument), fault);
	/* An empty POST in place of a body that can't be read would lie. */
	if (file_read(argument + 1, FILE_BODY_MAX_BYTES, &contents, fault)) {
		if (fault->exit_status == EXIT_USAGE)
			fault->exit_status = EXIT_READ;
		return fault->exit_status;
	}
	strip_line_breaks(&contents);
	(void)append_body(options, contents.data, contents.len, fault);
	file_contents_clear(&contents);
	return fault->exit_status;
}

static int
headers_from_file(
    struct options *options, const char *path, struct fault *fault)
{
	struct file_contents contents = {0};
	size_t start = 0;

	if (file_read(path, FILE_MAX_BYTES, &contents, fault))
		return fault->exit_status;
	while (start < contents.len) {
		const char *line = contents.data + start;
		size_t whole = strcspn(line, "\n");
		size_t len = strcspn(line, "\r\n");

		if (len && !text_list_add(&options->headers, line, len)) {
			(void)fault_memory(fault);
			break;
		}
		start += whole + 1;
	}
	file_contents_clear(&contents);
	return fault->exit_status;
}

int
value_header(struct options *options, const char *argument, struct fault *fault)
{
	if (argument[0] == '@')
		return headers_from_file(options, argument + 1, fault);
	if (!text_list_add(&options->headers, argument, strlen(argument)))
		return fault_memory(fault);
	return EXIT_DONE;
}

int
value_write_out(
    struct options *options, const char *argument, struct fault *fault)
{
	struct file_contents contents = {0};

	if (argument[0] == '@') {
		if (file_read(argument + 1, FILE_MAX_BYTES, &contents, fault))
			return fault->exit_status;
	} else {
		contents.data = strdup(argument);
		contents.len = strlen(argument);
		if (!contents.data)
			return fault_memory(fault);
	}
	file_contents_clear(&options->write_out);
	options->write_out = contents;
	return EXIT_DONE;
}

/* Digits, at most one point, at least one digit: "5", "0.25", ".5". */
static bool
is_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t part = 0;

	if (text[whole] == '.')
		part = 1 + strspn(text + whole + 1, "0123456789");
	return whole + part > (part ? 1u : 0u) && !text[whole + part];
}

int
value_max_time(
    struct options *options, const char *argument, struct fault *fault)
{
	double seconds;

	if (!is_decimal(argument))
		return fault_set(fault, EXIT_USAGE,
		    "option -m: expected a proper numerical parameter");
	errno = 0;
	/* The locale is never set, so that the point is a point. */
	seconds = strtod(argument, NULL);
	if (errno || seconds > (double)(INT32_MAX / 1000))
		return fault_set(fault, EXIT_USAGE,
		    "option -m: too large, at most %d seconds",
		    INT32_MAX / 1000);
	options->timeout_ms = (int64_t)(seconds * 1000);
	/* 0 means none; what was meant to be short is not to last for ever. */
	if (seconds > 0 && options->timeout_ms == 0)
		options->timeout_ms = 1;
	return EXIT_DONE;
}

int
value_insecure(
    struct options *options, const char *argument, struct fault *fault)
{
	(void)options;
	(void)argument;
	return fault_set(fault, EXIT_USAGE,
	    "option -k: refused, a connection that nobody vouches for is what "
	    "this command is there to prevent; for a server with a certificate "
	    "of its own give --cacert");
}
