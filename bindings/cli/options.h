/* The command line, read by one table: see options.c. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "file.h"
#include "text_list.h"

enum verb {
	VERB_TRANSFER = 0,
	VERB_SHOW_ATTESTATION,
	VERB_INSPECT_DOCUMENT,
	VERB_VERIFY_DOCUMENT,
	VERB_HELP,
	VERB_VERSION
};

/* What help lists together, and what a verb has a use for. */
enum option_group {
	GROUP_POLICY,
	GROUP_DOCUMENT,
	GROUP_REQUEST,
	GROUP_CONNECTION,
	GROUP_MESSAGES,
	GROUP_GENERAL,
	GROUPS /* how many there are */
};

/* Strings that are not in a list are borrowed from the arguments. */
struct options {
	enum verb verb;
	struct text_list urls;

	const char *enclaves;
	const char *pcrs;
	struct text_list pcr;
	const char *insecure_nitro_root;
	bool insecure_allow_debug;

	const char *document; /* of --inspect-document, --verify-document */
	const char *at;

	const char *method;
	struct text_list headers;
	struct file_contents body;
	bool has_body;
	struct text_list outputs;
	struct file_contents write_out;
	bool include;
	bool fail;

	const char *ca_file;
	struct text_list resolve;
	struct text_list connect_to;
	int64_t timeout_ms; /* 0: none */

	bool silent;
	bool show_error;
	bool verbose;

	/* The first option of each group on the line, for messages. */
	const char *first_of_group[GROUPS];
	const char *verb_option;
};

/* Clear *ret_options in either case.  Gives 0, or the exit status in fault. */
int options_parse(int argc, char *const argv[], struct options *ret_options,
    struct fault *fault);
void options_clear(struct options *options);

void options_print_help(FILE *stream);

/* Errors are shown: as curl, unless -s without -S. */
bool options_errors_shown(const struct options *options);

#endif
