#include "config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files that name each other would go on for ever. */
#define CONFIG_DEPTH_MAX 8

/* What separates an option from its argument; written with its dashes, blanks
 * alone. */
#define SEPARATORS " \t=:"
#define BLANKS     " \t"

char *
config_file_path(const char *name)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;
	int len = -1;

	/* Base Directory Specification: a relative path is ignored. */
	if (base && base[0] == '/')
		len = asprintf(&path, "%s/attest-curl/%s", base, name);
	else if (home && home[0] == '/')
		len = asprintf(&path, "%s/.config/attest-curl/%s", home, name);
	if (len < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* Inside quotes: \\ \" \t \n \r \v, and any other character for itself. */
static char
unescape(char letter)
{
	static const char letters[] = "tnrv";
	static const char bytes[] = "\t\n\r\v";
	for (size_t i = 0; i < sizeof(letters) - 1; i++)
		if (letters[i] == letter)
			return bytes[i];
	return letter;
}

/* Ends the argument in place; NULL: a quote is never closed. */
static char *
cut_quoted(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '"') {
			*to = '\0';
			return text;
		}
		if (*from == '\\' && from[1])
			*to++ = unescape(*++from);
		else
			*to++ = *from;
	}
	return NULL;
}

/* Spells the name with its dashes, so that the one reader reads it. */
static int
apply_line(struct options *options, const char *name, const char *argument,
    struct fault *fault)
{
	char spelled[64];
	int len = snprintf(
	    spelled, sizeof(spelled), "%s%s", name[0] == '-' ? "" : "--", name);
	const char *kept = NULL;

	if (len < 0 || (size_t)len >= sizeof(spelled))
		return fault_set(fault, EXIT_USAGE, "no such option: %s", name);
	if (argument) {
		if (!text_list_add(&options->owned, argument, strlen(argument)))
			return fault_memory(fault);
		kept = options->owned.items[options->owned.count - 1];
	}
	return options_apply_named(options, spelled, kept, fault);
}

/* One line, which is changed. */
static int
read_line(struct options *options, char *line, struct fault *fault)
{
	char *name = line + strspn(line, " \t");
	const char *separators = *name == '-' ? BLANKS : SEPARATORS;
	char *argument;
	size_t name_len = strcspn(name, separators);

	if (!*name || *name == '#')
		return EXIT_DONE;
	argument = name + name_len;
	argument += strspn(argument, separators);
	name[name_len] = '\0';
	if (*argument == '"') {
		argument = cut_quoted(argument + 1);
		if (!argument)
			return fault_set(fault, EXIT_USAGE,
			    "%s: the quotation mark is never closed", name);
		return apply_line(options, name, argument, fault);
	}
	/* An argument without quotes is one word. */
	argument[strcspn(argument, " \t")] = '\0';
	return apply_line(options, name, *argument ? argument : NULL, fault);
}

static int
read_lines(struct options *options, char *text, struct fault *fault)
{
	size_t number = 1;

	for (char *line = text; *line && !fault->exit_status; number++) {
		size_t whole = strcspn(line, "\n");
		bool last = !line[whole];

		line[whole] = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (read_line(options, line, fault)) {
			char place[32];

			(void)snprintf(
			    place, sizeof(place), "line %zu", number);
			fault_name_file(fault, place);
		}
		line += last ? whole : whole + 1;
	}
	return fault->exit_status;
}

int
config_file_read(struct options *options, const char *path, struct fault *fault)
{
	static int depth;
	struct file_contents contents = {0};

	if (depth >= CONFIG_DEPTH_MAX)
		return fault_set(fault, EXIT_USAGE,
		    "%s: more than %d files of options name each other", path,
		    CONFIG_DEPTH_MAX);
	if (file_read(path, FILE_MAX_BYTES, &contents, fault))
		return fault->exit_status;
	depth++;
	if (strlen(contents.data) != contents.len)
		(void)fault_set(fault, EXIT_USAGE, "a NUL byte is no option");
	else
		(void)read_lines(options, contents.data, fault);
	depth--;
	if (fault->exit_status)
		fault_name_file(fault, path);
	file_contents_clear(&contents);
	return fault->exit_status;
}

int
config_file_read_default(struct options *options, struct fault *fault)
{
	char *path = config_file_path("config");

	if (path)
		(void)config_file_read(options, path, fault);
	free(path);
	return fault->exit_status;
}
