#include "form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "upload.h"

struct form_part {
	char *text; /* the argument, cut into pieces in place */
	const char *name;
	const char *content;
	const char *file; /* NULL: content is the content */
	bool as_file;     /* "@": with a file's name and type */
	const char *type;
	const char *file_name;
	struct file_contents contents; /* of "<" */
	struct upload upload;
	struct enclave_client_body body;
};

struct form {
	struct form_part *parts;
	size_t count;
};

void
form_free(struct form *form)
{
	if (!form)
		return;
	for (size_t i = 0; i < form->count; i++) {
		free(form->parts[i].text);
		file_contents_clear(&form->parts[i].contents);
		upload_close(&form->parts[i].upload);
	}
	free(form->parts);
	free(form);
}

/* What libcurl would guess for a file it opens itself. */
static const char *
type_of(const char *name)
{
	static const struct {
		const char *ending;
		const char *type;
	} known[] = {
	    {".gif", "image/gif"},
	    {".jpg", "image/jpeg"},
	    {".jpeg", "image/jpeg"},
	    {".png", "image/png"},
	    {".svg", "image/svg+xml"},
	    {".txt", "text/plain"},
	    {".htm", "text/html"},
	    {".html", "text/html"},
	    {".pdf", "application/pdf"},
	    {".xml", "application/xml"},
	};
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t ending = strlen(known[i].ending);

		if (len >= ending &&
		    strcasecmp(name + len - ending, known[i].ending) == 0)
			return known[i].type;
	}
	return "application/octet-stream";
}

static bool
starts_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

/* The end of a word, quoted or not; its quotes are taken away in place. */
static char *
cut_word(char *text, const char **ret_word)
{
	char *to = text;
	char *from = text + 1;

	if (*text != '"') {
		*ret_word = text;
		return text + strcspn(text, ";,");
	}
	*ret_word = text;
	for (; *from && *from != '"'; from++) {
		if (*from == '\\' && (from[1] == '\\' || from[1] == '"'))
			from++;
		*to++ = *from;
	}
	if (*from)
		from++;
	*to = '\0';
	return from + strspn(from, " \t");
}

/* ";type=text/plain;filename=other". */
static int
read_modifiers(struct form_part *part, char *text, struct fault *fault)
{
	while (*text == ';') {
		const char **member;
		char *end;

		*text++ = '\0';
		text += strspn(text, " \t");
		if (starts_with(text, "type=")) {
			member = &part->type;
			text += 5;
		} else if (starts_with(text, "filename=")) {
			member = &part->file_name;
			text += 9;
		} else {
			return fault_set(fault, EXIT_USAGE,
			    "option -F: after a ; come type= or filename=, "
			    "and there is %s; --form-string takes a text as "
			    "it is",
			    text);
		}
		end = cut_word(text, member);
		/* "text/plain; charset=utf-8" is one type. */
		while (
		    member == &part->type && *end == ';' &&
		    !starts_with(end + 1 + strspn(end + 1, " \t"), "filename="))
			end += 1 + strcspn(end + 1, ";,");
		text = end;
	}
	if (*text == ',')
		return fault_set(fault, EXIT_USAGE,
		    "option -F: several files in one part are not supported; "
		    "give each its own -F");
	*text = '\0';
	return EXIT_DONE;
}

static int
read_part(struct form_part *part, bool literal, struct fault *fault)
{
	char *equals = strchr(part->text, '=');
	char *content;
	const char *word;

	if (!equals)
		return fault_set(fault, EXIT_USAGE,
		    "option -F: expected NAME=CONTENT, got %s", part->text);
	*equals = '\0';
	part->name = *part->text ? part->text : NULL;
	content = equals + 1;
	part->content = content;
	if (literal)
		return EXIT_DONE;
	if (*content == '(' || (*content == ')' && !part->name))
		return fault_set(fault, EXIT_USAGE,
		    "option -F: parts inside parts are not supported");
	if (*content == '@' || *content == '<') {
		part->as_file = *content == '@';
		content = cut_word(content + 1, &part->file);
		return read_modifiers(part, content, fault);
	}
	content = cut_word(content, &word);
	/* A comma is part of a text. */
	while (*content == ',')
		content += 1 + strcspn(content + 1, ";,");
	part->content = word;
	return read_modifiers(part, content, fault);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int
open_part(struct form_part *part, struct fault *fault)
{
	if (!part->file)
		return EXIT_DONE;
	if (!part->as_file)
		return file_read(
		    part->file, FILE_BODY_MAX_BYTES, &part->contents, fault);
	if (!part->file_name)
		part->file_name =
		    strcmp(part->file, "-") ? base_name(part->file) : "-";
	if (!part->type)
		part->type = type_of(part->file_name);
	return upload_open(part->file, &part->upload, &part->body, fault);
}

static void
add_part(struct enclave_client_request *request, const struct form_part *part)
{
	struct enclave_client_part added = {
	    .name = part->name,
	    .file_name = part->file_name,
	    .content_type = part->type,
	    .data = part->content,
	    .body = part->body,
	};

	if (part->contents.data) {
		added.data = part->contents.data;
		added.len = part->contents.len;
	} else if (!part->body.read && part->content) {
		added.len = strlen(part->content);
	}
	enclave_client_request_add_part(request, &added);
}

int
form_add(const struct options *options, struct enclave_client_request *request,
    struct form **ret_form, struct fault *fault)
{
	struct form *form = calloc(1, sizeof(*form));

	if (form)
		form->parts =
		    calloc(options->parts.count, sizeof(form->parts[0]));
	if (!form || !form->parts) {
		form_free(form);
		return fault_memory(fault);
	}
	form->count = options->parts.count;
	for (size_t i = 0; i < form->count; i++)
		form->parts[i].upload.descriptor = -1;
	for (size_t i = 0; i < form->count && !fault->exit_status; i++) {
		struct form_part *part = &form->parts[i];
		bool literal = i < sizeof(options->literal_parts) * 8 &&
			       (options->literal_parts >> i & 1);

		part->text = strdup(options->parts.items[i]);
		if (!part->text)
			(void)fault_memory(fault);
		else if (!read_part(part, literal, fault) &&
			 !open_part(part, fault))
			add_part(request, part);
	}
	if (fault->exit_status) {
		form_free(form);
		return fault->exit_status;
	}
	*ret_form = form;
	return EXIT_DONE;
}
