/* The command line, read by one table: see option_table.c. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "file.h"
#include "text_list.h"

enum verb {
	VERB_TRANSFER = 0,
	VERB_SHOW_ATTESTATION,
	VERB_INSPECT_DOCUMENT,
	VERB_VERIFY_DOCUMENT,
	VERB_PRINT_PIN,
	VERB_PRINT_PCRS,
	VERB_PCRS_FROM_EIF,
	VERB_WATCH,
	VERB_COMPLETION,
	VERB_HELP,
	VERB_VERSION
};

/* What help lists together, and what a verb has a use for. */
enum option_group {
	GROUP_POLICY,
	GROUP_DOCUMENT,
	GROUP_REQUEST,
	GROUP_OUTPUT,
	GROUP_CONNECTION,
	GROUP_RETRY,
	GROUP_MESSAGES,
	GROUP_GENERAL,
	GROUPS /* how many there are */
};

/* Where one answer goes. */
struct destination {
	bool remote_name; /* -O: named after the URL's path */
	char *path;       /* -o; owned */
};

/* Strings that are not in a list are borrowed from the arguments, or from
 * `owned`, which holds what came from files. */
struct options {
	enum verb verb;
	struct text_list urls;
	struct text_list owned;

	const char *enclaves;
	const char *pcrs;
	struct text_list pcr;
	const char *profile;
	const char *trust; /* NULL: the default */
	const char *evidence_store;
	int64_t max_age_ms; /* 0: the default */
	const char *nitro_root;
	const char *insecure_nitro_root;
	bool insecure_allow_debug;

	const char *document; /* of the verbs that take a file */
	const char *at;
	bool json;

	const char *method;
	struct text_list headers;
	struct file_contents body; /* the -d options, joined */
	bool has_body;
	bool json_body; /* one of them was --json */
	struct text_list parts;
	size_t literal_parts; /* bit n: part n came from --form-string */
	bool get;
	bool head;
	struct text_list uploads;
	const char *range;
	const char *user;
	bool netrc;
	const char *netrc_file;
	const char *agent;
	const char *referer;
	struct text_list cookies;
	const char *cookie_jar;
	bool junk_session_cookies;
	bool compressed;
	bool follow;
	int64_t redirects_max; /* -1: the default */

	struct destination *destinations;
	size_t destination_count;
	bool remote_name_all;
	const char *output_dir;
	bool create_dirs;
	struct file_contents write_out;
	const char *dump_header;
	bool include;
	bool fail;
	bool fail_with_body;

	const char *ca_file;
	const char *ca_directory;
	const char *certificate;
	const char *key;
	const char *key_passphrase;
	struct text_list resolve;
	struct text_list connect_to;
	const char *proxy;
	const char *no_proxy;
	const char *interface;
	int ip_version;
	int tls_min;
	int tls_max;
	int http_version;
	int64_t timeout_ms;         /* 0: none */
	int64_t connect_timeout_ms; /* 0: curl's 300 s */
	int64_t rate_max;           /* bytes a second, 0: none */

	int64_t retries;
	int64_t retry_delay_ms; /* 0: longer each time */
	int64_t retry_max_ms;   /* 0: no end */
	bool retry_all_errors;
	bool retry_connection_refused;

	bool silent;
	bool show_error;
	bool verbose;
	bool json_errors;
	bool progress_bar;
	bool no_progress_meter;
	bool glob_off;
	bool no_buffer;

	const char *completion;
	const char *help_category;

	/* The first option of each group on the line, for messages. */
	const char *first_of_group[GROUPS];
	const char *verb_option;
};

/* Clear *ret_options in either case.  Gives 0, or the exit status in fault. */
int options_parse(int argc, char *const argv[], struct options *ret_options,
    struct fault *fault);
void options_clear(struct options *options);

/* One option from a file, as the line would have it; argument NULL: none. */
int options_apply_named(struct options *options, const char *name,
    const char *argument, struct fault *fault);

/* Errors are shown: as curl, unless -s without -S. */
bool options_errors_shown(const struct options *options);
/* A warning to standard error, unless errors are not shown. */
void options_warn(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
