#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "elsewhere.h"
#include "option_table.h"

/* Where the reading of the arguments stands. */
struct cursor {
	int argc;
	char *const *argv;
	int next;
	bool watching; /* --watch is among them */
};

static int
set_verb(
    struct options *options, const struct option *option, struct fault *fault)
{
	/* Help is asked for by people who are lost: it always wins. */
	if (options->verb == VERB_HELP || options->verb == VERB_VERSION)
		return EXIT_DONE;
	if (options->verb_option && option->group == GROUP_DOCUMENT)
		return fault_set(fault, EXIT_USAGE,
		    "--%s and --%s can't be had at once", options->verb_option,
		    option->name);
	options->verb = (enum verb)option->choice;
	options->verb_option = option->name;
	return EXIT_DONE;
}

static int
apply(struct options *options, const struct option *option,
    const char *argument, struct fault *fault)
{
	void *member = (char *)options + option->member;

	if (!options->first_of_group[option->group])
		options->first_of_group[option->group] = option->name;
	switch (option->kind) {
	case KIND_FLAG:
	case KIND_UNSET:
		*(bool *)member = option->kind == KIND_FLAG;
		return EXIT_DONE;
	case KIND_TEXT:
		*(const char **)member = argument;
		return EXIT_DONE;
	case KIND_CHOICE:
		*(int *)member = option->choice;
		return EXIT_DONE;
	case KIND_LIST:
		if (!text_list_add(member, argument, strlen(argument)))
			return fault_memory(fault);
		return EXIT_DONE;
	case KIND_FILE_VERB:
		*(const char **)member = argument;
		return set_verb(options, option, fault);
	case KIND_VERB:
		return set_verb(options, option, fault);
	case KIND_VALUE:
	case KIND_BARE:
		break;
	}
	return option->value(options, argument, fault);
}

/* The argument after the option that was just read. */
static const char *
next_argument(struct cursor *cursor)
{
	if (cursor->next >= cursor->argc)
		return NULL;
	return cursor->argv[cursor->next++];
}

/* "--no-include"; "--no-buffer" is a name of its own. */
static int
take_back(struct options *options, const struct option *option,
    const char *given, struct fault *fault)
{
	if (option->kind != KIND_FLAG && option->kind != KIND_UNSET)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: used '--no-' for an option that isn't a "
		    "boolean",
		    given);
	*(bool *)(void *)((char *)options + option->member) =
	    option->kind == KIND_UNSET;
	return EXIT_DONE;
}

static int
read_long(struct options *options, struct cursor *cursor, const char *given,
    struct fault *fault)
{
	const char *name = given + 2;
	const struct option *option = option_find_name(name);
	const char *argument = "";

	if (!option && strncmp(name, "no-", 3) == 0) {
		option = option_find_name(name + 3);
		if (option)
			return take_back(options, option, given, fault);
	}
	if (!option)
		return option_unknown(given, fault);
	/* curl's --json is a body; a table has another meaning for it. */
	if (cursor->watching && strcmp(name, "json") == 0) {
		options->json = true;
		return EXIT_DONE;
	}
	if (option->argument) {
		argument = next_argument(cursor);
		if (!argument)
			return fault_set(fault, EXIT_USAGE,
			    "option %s: requires parameter", given);
	}
	return apply(options, option, argument, fault);
}

static int
unknown_letter(const char *given, char letter, struct fault *fault)
{
	const char spelled[] = {'-', letter, '\0'};
	const struct elsewhere *elsewhere = elsewhere_find_letter(letter);

	if (elsewhere)
		return elsewhere_refuse(elsewhere, spelled, fault);
	return fault_set(fault, EXIT_USAGE,
	    "option %s: -%c is unknown; attest-curl --help lists them", given,
	    letter);
}

/* "-sSi", "-XPOST", "-so" "FILE". */
static int
read_short(struct options *options, struct cursor *cursor, const char *given,
    struct fault *fault)
{
	for (const char *letter = given + 1; *letter; letter++) {
		const struct option *option = option_find_letter(*letter);
		const char *argument;

		if (!option)
			return unknown_letter(given, *letter, fault);
		if (!option->argument) {
			if (apply(options, option, "", fault))
				return fault->exit_status;
			continue;
		}
		argument = letter[1] ? letter + 1 : next_argument(cursor);
		if (!argument)
			return fault_set(fault, EXIT_USAGE,
			    "option -%c: requires parameter", *letter);
		return apply(options, option, argument, fault);
	}
	return EXIT_DONE;
}

int
options_apply_named(struct options *options, const char *name,
    const char *argument, struct fault *fault)
{
	char *const argv[] = {(char *)name, (char *)argument};
	struct cursor cursor = {
	    .argc = argument ? 2 : 1, .argv = argv, .next = 1};

	if (name[0] == '-' && name[1] && name[1] != '-')
		(void)read_short(options, &cursor, name, fault);
	else
		(void)read_long(options, &cursor, name, fault);
	if (!fault->exit_status && cursor.next < cursor.argc)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: takes no parameter, and there is %s", name,
		    argument);
	return fault->exit_status;
}

/* Which verbs look at a file, and at no server. */
static bool
is_file_verb(enum verb verb)
{
	return verb == VERB_INSPECT_DOCUMENT || verb == VERB_VERIFY_DOCUMENT ||
	       verb == VERB_PCRS_FROM_EIF;
}

/* Options that the verb has no use for are refused, not forgotten. */
static int
check_groups(const struct options *options, struct fault *fault)
{
	bool document = is_file_verb(options->verb);
	const char *verb = options->verb_option;
	const char *useless = NULL;

	if (options->verb == VERB_HELP || options->verb == VERB_VERSION ||
	    options->verb == VERB_COMPLETION)
		return EXIT_DONE;
	if (options->at && options->verb != VERB_INSPECT_DOCUMENT &&
	    options->verb != VERB_VERIFY_DOCUMENT)
		return fault_set(fault, EXIT_USAGE,
		    "--at goes with --inspect-document or --verify-document");
	if (options->verb == VERB_TRANSFER)
		return EXIT_DONE;
	useless = options->first_of_group[GROUP_REQUEST];
	if (!useless)
		useless = options->first_of_group[GROUP_OUTPUT];
	if (!useless)
		useless = options->first_of_group[GROUP_RETRY];
	if (document && !useless)
		useless = options->first_of_group[GROUP_CONNECTION];
	if (useless)
		return fault_set(fault, EXIT_USAGE,
		    "--%s sends no request: --%s has no meaning with it", verb,
		    useless);
	if (document && options->urls.count)
		return fault_set(fault, EXIT_USAGE,
		    "--%s takes a file and no URL: %s", verb,
		    options->urls.items[0]);
	return EXIT_DONE;
}

/* As curl: a request has one body, or none. */
static int
check_method(const struct options *options, struct fault *fault)
{
	bool body = options->has_body && !options->get;
	int kinds = body + options->head + (options->parts.count > 0) +
		    (options->uploads.count > 0);

	if (kinds > 1)
		return fault_set(fault, EXIT_USAGE,
		    "only one of -d, -F, -T and -I can be had at once; with "
		    "-G the data of -d goes into the URL");
	if (options->get && (options->parts.count || options->uploads.count))
		return fault_set(fault, EXIT_USAGE,
		    "-G asks for no upload: it goes with -d or with nothing");
	if (options->fail && options->fail_with_body)
		return fault_set(fault, EXIT_USAGE,
		    "-f and --fail-with-body can't be had at once");
	return EXIT_DONE;
}

/* The one would be forgotten beside the other. */
static int
check_roots(const struct options *options, struct fault *fault)
{
	if (options->nitro_root && options->insecure_nitro_root)
		return fault_set(fault, EXIT_USAGE,
		    "--nitro-root %s and --insecure-nitro-root %s can't be had "
		    "at once: the second replaces the first",
		    options->nitro_root, options->insecure_nitro_root);
	return EXIT_DONE;
}

static int
read_all(struct options *options, struct cursor *cursor, struct fault *fault)
{
	bool only_urls = false;

	while (cursor->next < cursor->argc && !fault->exit_status) {
		const char *given = cursor->argv[cursor->next++];

		if (only_urls || given[0] != '-' || !given[1]) {
			if (options->verb == VERB_HELP)
				options->help_category = given;
			else if (!text_list_add(
				     &options->urls, given, strlen(given)))
				(void)fault_memory(fault);
		} else if (strcmp(given, "--") == 0) {
			only_urls = true;
		} else if (given[1] == '-') {
			(void)read_long(options, cursor, given, fault);
		} else {
			(void)read_short(options, cursor, given, fault);
		}
	}
	return fault->exit_status;
}

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* As curl, and in its order: for ordinary TLS alone. */
static void
take_environment(struct options *options)
{
	if (options->ca_file || options->ca_directory)
		return;
	options->ca_file = environment("CURL_CA_BUNDLE");
	if (options->ca_file)
		return;
	options->ca_directory = environment("SSL_CERT_DIR");
	options->ca_file = environment("SSL_CERT_FILE");
}

/* How many of the next arguments belong to this one: 0 or 1. */
static int
arguments_of(const char *given, bool watching)
{
	const struct option *option;

	if (given[1] == '-') {
		option = option_find_name(given + 2);
		if (watching && strcmp(given, "--json") == 0)
			return 0;
		return option && option->argument;
	}
	for (const char *letter = given + 1; *letter; letter++) {
		option = option_find_letter(*letter);
		if (option && option->argument)
			return !letter[1];
	}
	return 0;
}

/* For what is wrong with the line to the left of it as well. */
static bool
wants_json_errors(const struct cursor *cursor)
{
	bool wanted = false;

	for (int i = 1; i < cursor->argc; i++) {
		const char *given = cursor->argv[i];

		if (strcmp(given, "--") == 0)
			break;
		if (given[0] != '-' || !given[1])
			continue;
		if (strcmp(given, "--json-errors") == 0)
			wanted = true;
		else if (strcmp(given, "--no-json-errors") == 0)
			wanted = false;
		i += arguments_of(given, cursor->watching);
	}
	return wanted;
}

int
options_parse(int argc, char *const argv[], struct options *ret_options,
    struct fault *fault)
{
	struct cursor cursor = {.argc = argc, .argv = argv, .next = 1};
	/* As curl: only as the first argument does it stop the reading. */
	bool disabled = argc > 1 && (strncmp(argv[1], "-q", 2) == 0 ||
					strcmp(argv[1], "--disable") == 0);

	*ret_options = (struct options){.redirects_max = -1};
	for (int i = 1; i < argc; i++)
		cursor.watching =
		    cursor.watching || strcmp(argv[i], "--watch") == 0;
	ret_options->json_errors = wants_json_errors(&cursor);
	if (!disabled && config_file_read_default(ret_options, fault))
		return fault->exit_status;
	if (!read_all(ret_options, &cursor, fault) &&
	    !check_groups(ret_options, fault) &&
	    !check_roots(ret_options, fault))
		(void)check_method(ret_options, fault);
	take_environment(ret_options);
	return fault->exit_status;
}

void
options_clear(struct options *options)
{
	text_list_clear(&options->urls);
	text_list_clear(&options->owned);
	text_list_clear(&options->pcr);
	text_list_clear(&options->headers);
	text_list_clear(&options->parts);
	text_list_clear(&options->uploads);
	text_list_clear(&options->cookies);
	text_list_clear(&options->resolve);
	text_list_clear(&options->connect_to);
	for (size_t i = 0; i < options->destination_count; i++)
		free(options->destinations[i].path);
	free(options->destinations);
	file_contents_clear(&options->body);
	file_contents_clear(&options->write_out);
}

bool
options_errors_shown(const struct options *options)
{
	return !options->silent || options->show_error;
}

void
options_warn(const struct options *options, const char *format, ...)
{
	char text[FAULT_TEXT_MAX_BYTES];
	va_list arguments;

	/* As curl: -S shows errors again, not warnings. */
	if (options->silent)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fault_keep_printable(text);
	(void)fprintf(stderr, "attest-curl: warning: %s\n", text);
}
