#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "option_values.h"

enum option_kind {
	KIND_FLAG,  /* a bool; --no-NAME takes it back */
	KIND_TEXT,  /* the last one counts */
	KIND_LIST,  /* each one counts */
	KIND_VALUE, /* read by a function that is given the argument */
	KIND_BARE,  /* read by a function, no argument */
	KIND_VERB,  /* what to do, no argument */
	KIND_FILE_VERB
};

struct option {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	enum option_group group;
	size_t member; /* offset of the bool, string or list */
	int (*value)(struct options *, const char *, struct fault *);
	enum verb verb;
	const char *argument; /* for help; NULL: takes none */
	const char *help;
};

#define FLAG(name, letter, group, member, help)                                \
	{                                                                      \
		name, letter, KIND_FLAG, GROUP_##group,                        \
		    offsetof(struct options, member), NULL, VERB_TRANSFER,     \
		    NULL, help                                                 \
	}
#define TEXT(name, letter, group, member, argument, help)                      \
	{                                                                      \
		name, letter, KIND_TEXT, GROUP_##group,                        \
		    offsetof(struct options, member), NULL, VERB_TRANSFER,     \
		    argument, help                                             \
	}
#define LIST(name, letter, group, member, argument, help)                      \
	{                                                                      \
		name, letter, KIND_LIST, GROUP_##group,                        \
		    offsetof(struct options, member), NULL, VERB_TRANSFER,     \
		    argument, help                                             \
	}
#define VALUE(name, letter, group, function, argument, help)                   \
	{                                                                      \
		name, letter, KIND_VALUE, GROUP_##group, 0, function,          \
		    VERB_TRANSFER, argument, help                              \
	}
#define BARE(name, letter, group, function, help)                              \
	{                                                                      \
		name, letter, KIND_BARE, GROUP_##group, 0, function,           \
		    VERB_TRANSFER, NULL, help                                  \
	}
#define VERB(name, letter, group, verb, help)                                  \
	{                                                                      \
		name, letter, KIND_VERB, GROUP_##group, 0, NULL, verb, NULL,   \
		    help                                                       \
	}
#define FILE_VERB(name, group, verb, argument, help)                           \
	{                                                                      \
		name, 0, KIND_FILE_VERB, GROUP_##group,                        \
		    offsetof(struct options, document), NULL, verb, argument,  \
		    help                                                       \
	}

/* clang-format off */
static const struct option table[] = {
	TEXT("enclaves", 0, POLICY, enclaves, "FILE",
	    "Map of enclaves, and what each may run (JSON)"),
	TEXT("pcrs", 0, POLICY, pcrs, "FILE",
	    "Accepted PCR sets, or what nitro-cli printed"),
	LIST("pcr", 0, POLICY, pcr, "N=HEX",
	    "Accepted PCR; of several, each must match"),
	TEXT("insecure-nitro-root", 0, POLICY, insecure_nitro_root, "FILE",
	    "Trust these PEM roots in place of AWS's"),
	FLAG("insecure-allow-debug", 0, POLICY, insecure_allow_debug,
	    "Accept debug enclaves, whose PCRs are zero"),

	VERB("show-attestation", 0, DOCUMENT, VERB_SHOW_ATTESTATION,
	    "Fetch, judge and print evidence, send nothing"),
	FILE_VERB("inspect-document", DOCUMENT, VERB_INSPECT_DOCUMENT, "FILE",
	    "Is it authentic, and what does it say?"),
	FILE_VERB("verify-document", DOCUMENT, VERB_VERIFY_DOCUMENT, "FILE",
	    "The same, and does it match --pcrs or --pcr?"),
	TEXT("at", 0, DOCUMENT, at, "TIME",
	    "now, document, SECONDS, 2026-01-31T12:00:00Z"),

	TEXT("request", 'X', REQUEST, method, "METHOD", "Method to use"),
	VALUE("header", 'H', REQUEST, value_header, "LINE|@FILE",
	    "\"Name: value\", \"Name:\" none, \"Name;\" empty"),
	VALUE("data", 'd', REQUEST, value_data, "DATA|@FILE",
	    "POST this form; several are joined with &"),
	LIST("output", 'o', REQUEST, outputs, "FILE",
	    "Write the body there; one for each URL"),
	FLAG("include", 'i', REQUEST, include,
	    "Write the answer's headers before the body"),
	FLAG("fail", 'f', REQUEST, fail,
	    "Exit 22 and no body when the status is >= 400"),
	VALUE("write-out", 'w', REQUEST, value_write_out, "FORMAT|@FILE",
	    "Then write this: %{http_code}, %{time_total}"),

	TEXT("cacert", 0, CONNECTION, ca_file, "FILE",
	    "Trust these PEM certificates for ordinary TLS"),
	LIST("resolve", 0, CONNECTION, resolve, "HOST:PORT:ADDRESS",
	    "Address to use for the host"),
	LIST("connect-to", 0, CONNECTION, connect_to, "H1:P1:H2:P2",
	    "Connect to the second for the first"),
	VALUE("max-time", 'm', CONNECTION, value_max_time, "SECONDS",
	    "For all of it: evidence, request, answer"),
	BARE("insecure", 'k', CONNECTION, value_insecure,
	    "Refused: there is no unattested mode"),

	FLAG("silent", 's', MESSAGES, silent,
	    "No errors, no warnings"),
	FLAG("show-error", 'S', MESSAGES, show_error,
	    "With -s: show them all the same"),
	FLAG("verbose", 'v', MESSAGES, verbose,
	    "Attestation, TLS and headers to stderr"),

	VERB("help", 'h', GENERAL, VERB_HELP, "This text"),
	VERB("version", 'V', GENERAL, VERB_VERSION, "Versions"),
};
/* clang-format on */

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static const char *const group_titles[GROUPS] = {
    [GROUP_POLICY] = "What is accepted",
    [GROUP_DOCUMENT] = "Evidence without a request",
    [GROUP_REQUEST] = "Request and answer",
    [GROUP_CONNECTION] = "Connection",
    [GROUP_MESSAGES] = "Messages",
    [GROUP_GENERAL] = "General",
};

/* Where the reading of the arguments stands. */
struct cursor {
	int argc;
	char *const *argv;
	int next;
};

static bool
takes_argument(const struct option *option)
{
	return option->argument != NULL;
}

static const struct option *
find_name(const char *name)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static const struct option *
find_letter(char letter)
{
	for (size_t i = 0; letter && i < TABLE_COUNT; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

static int
unknown_option(const char *given, struct fault *fault)
{
	const char *names[TABLE_COUNT];
	const char *name = given + strspn(given, "-");
	size_t name_len = strcspn(name, "=");
	const char *nearest;

	for (size_t i = 0; i < TABLE_COUNT; i++)
		names[i] = table[i].name;
	nearest = nearest_name(names, TABLE_COUNT, name, name_len);
	if (!nearest)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is unknown; attest-curl --help lists them",
		    given);
	if (name[name_len] == '=' && strlen(nearest) == name_len)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is unknown; the argument follows a space: "
		    "--%s %s",
		    given, nearest, name + name_len + 1);
	return fault_set(fault, EXIT_USAGE,
	    "option %s: is unknown; did you mean --%s?", given, nearest);
}

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
	options->verb = option->verb;
	options->verb_option = option->name;
	return EXIT_DONE;
}

static int
apply(struct options *options, const struct option *option,
    const char *argument, struct fault *fault)
{
	char *member = (char *)options + option->member;

	if (!options->first_of_group[option->group])
		options->first_of_group[option->group] = option->name;
	switch (option->kind) {
	case KIND_FLAG:
		*(bool *)(void *)member = true;
		return EXIT_DONE;
	case KIND_TEXT:
		*(const char **)(void *)member = argument;
		return EXIT_DONE;
	case KIND_LIST:
		if (!text_list_add((struct text_list *)(void *)member, argument,
			strlen(argument)))
			return fault_memory(fault);
		return EXIT_DONE;
	case KIND_FILE_VERB:
		*(const char **)(void *)member = argument;
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

static int
read_long(struct options *options, struct cursor *cursor, const char *given,
    struct fault *fault)
{
	const char *name = given + 2;
	const struct option *option = find_name(name);
	const char *argument = "";

	if (!option && strncmp(name, "no-", 3) == 0)
		option = find_name(name + 3);
	if (!option)
		return unknown_option(given, fault);
	if (strcmp(option->name, name) != 0) {
		if (option->kind != KIND_FLAG)
			return fault_set(fault, EXIT_USAGE,
			    "option %s: used '--no-' for an option that isn't "
			    "a boolean",
			    given);
		*(bool *)(void *)((char *)options + option->member) = false;
		return EXIT_DONE;
	}
	if (takes_argument(option)) {
		argument = next_argument(cursor);
		if (!argument)
			return fault_set(fault, EXIT_USAGE,
			    "option %s: requires parameter", given);
	}
	return apply(options, option, argument, fault);
}

/* "-sSi", "-XPOST", "-so" "FILE". */
static int
read_short(struct options *options, struct cursor *cursor, const char *given,
    struct fault *fault)
{
	for (const char *letter = given + 1; *letter; letter++) {
		const struct option *option = find_letter(*letter);
		const char *argument;

		if (!option)
			return fault_set(fault, EXIT_USAGE,
			    "option %s: -%c is unknown; attest-curl --help "
			    "lists them",
			    given, *letter);
		if (!takes_argument(option)) {
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

/* Options that the verb has no use for are refused, not forgotten. */
static int
check_groups(const struct options *options, struct fault *fault)
{
	bool document = options->verb == VERB_INSPECT_DOCUMENT ||
			options->verb == VERB_VERIFY_DOCUMENT;
	const char *verb = options->verb_option;
	const char *useless = NULL;

	if (options->verb == VERB_HELP || options->verb == VERB_VERSION)
		return EXIT_DONE;
	if (options->at && !document)
		return fault_set(fault, EXIT_USAGE,
		    "--at goes with --inspect-document or --verify-document");
	if (options->verb == VERB_TRANSFER)
		return EXIT_DONE;
	useless = options->first_of_group[GROUP_REQUEST];
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

int
options_parse(int argc, char *const argv[], struct options *ret_options,
    struct fault *fault)
{
	struct cursor cursor = {argc, argv, 1};
	bool only_urls = false;

	*ret_options = (struct options){0};
	while (cursor.next < argc && !fault->exit_status) {
		const char *given = argv[cursor.next++];

		if (only_urls || given[0] != '-' || !given[1]) {
			if (!text_list_add(
				&ret_options->urls, given, strlen(given)))
				(void)fault_memory(fault);
		} else if (strcmp(given, "--") == 0) {
			only_urls = true;
		} else if (given[1] == '-') {
			(void)read_long(ret_options, &cursor, given, fault);
		} else {
			(void)read_short(ret_options, &cursor, given, fault);
		}
	}
	if (!fault->exit_status)
		(void)check_groups(ret_options, fault);
	return fault->exit_status;
}

void
options_clear(struct options *options)
{
	text_list_clear(&options->urls);
	text_list_clear(&options->pcr);
	text_list_clear(&options->headers);
	text_list_clear(&options->outputs);
	text_list_clear(&options->resolve);
	text_list_clear(&options->connect_to);
	file_contents_clear(&options->body);
	file_contents_clear(&options->write_out);
}

void
options_print_help(FILE *stream)
{
	char left[64];

	(void)fprintf(stream,
	    "Usage: attest-curl [options] URL...\n"
	    "curl for services in AWS Nitro Enclaves: no byte of a request "
	    "leaves before the\n"
	    "enclave proved what code it runs.\n");
	for (unsigned int group = 0; group < GROUPS; group++) {
		(void)fprintf(stream, "\n%s:\n", group_titles[group]);
		for (size_t i = 0; i < TABLE_COUNT; i++) {
			const struct option *option = &table[i];

			if (option->group != group)
				continue;
			(void)snprintf(left, sizeof(left), "--%s%s%s",
			    option->name, option->argument ? " " : "",
			    option->argument ? option->argument : "");
			if (option->letter)
				(void)fprintf(stream, " -%c, ", option->letter);
			else
				(void)fprintf(stream, "     ");
			(void)fprintf(stream, "%-27s %s\n", left, option->help);
		}
	}
	(void)fprintf(stream,
	    "\nExit status: 0 when everything was verified and done, 2 usage "
	    "or configuration,\n111 evidence not served, 112 malformed, 113 "
	    "not "
	    "trusted, 114 too old or not yet\nvalid, 115 measurement not "
	    "accepted, 116 connection key not attested; else\ncurl's own.\n");
}

bool
options_errors_shown(const struct options *options)
{
	return !options->silent || options->show_error;
}
