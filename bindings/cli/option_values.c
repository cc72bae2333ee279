#include "option_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_file.h"
#include "number.h"

/* As many as the library follows. */
#define REDIRECTS_MAX 10
/* As the library: three hours are a Nitro certificate's life. */
#define MAX_AGE_MIN_S 60
#define MAX_AGE_MAX_S 10803

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

static int
add_destination(struct options *options, const char *path, struct fault *fault)
{
	struct destination *items = reallocarray(options->destinations,
	    options->destination_count + 1, sizeof(items[0]));
	char *copy = path ? strdup(path) : NULL;

	if (items)
		options->destinations = items;
	if (!items || (path && !copy)) {
		free(copy);
		return fault_memory(fault);
	}
	items[options->destination_count++] =
	    (struct destination){.remote_name = !path, .path = copy};
	return EXIT_DONE;
}

int
value_output(struct options *options, const char *argument, struct fault *fault)
{
	return add_destination(options, argument, fault);
}

int
value_remote_name(
    struct options *options, const char *argument, struct fault *fault)
{
	(void)argument;
	return add_destination(options, NULL, fault);
}

int
value_url(struct options *options, const char *argument, struct fault *fault)
{
	if (!text_list_add(&options->urls, argument, strlen(argument)))
		return fault_memory(fault);
	return EXIT_DONE;
}

/* "user:password" from the terminal's password; without one it is empty. */
static char *
ask_password(const char *user)
{
	char prompt[128];
	const char *password = NULL;
	char *both = NULL;

	(void)snprintf(prompt, sizeof(prompt),
	    "Enter host password for user '%.64s':", user);
	if (isatty(STDIN_FILENO))
		password = getpass(prompt);
	if (asprintf(&both, "%s:%s", user, password ? password : "") < 0)
		return NULL;
	return both;
}

int
value_user(struct options *options, const char *argument, struct fault *fault)
{
	char *both;
	bool kept;

	if (strchr(argument, ':')) {
		options->user = argument;
		return EXIT_DONE;
	}
	both = ask_password(argument);
	kept = both && text_list_add(&options->owned, both, strlen(both));
	if (both)
		explicit_bzero(both, strlen(both));
	free(both);
	if (!kept)
		return fault_memory(fault);
	options->user = options->owned.items[options->owned.count - 1];
	return EXIT_DONE;
}

int
value_certificate(
    struct options *options, const char *argument, struct fault *fault)
{
	char *copy = strdup(argument);
	char *to = copy;
	const char *from = argument;
	bool kept;

	if (!copy)
		return fault_memory(fault);
	for (; *from && *from != ':'; from++) {
		if (from[0] == '\\' && (from[1] == ':' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*to = '\0';
	kept = text_list_add(&options->owned, copy, strlen(copy));
	free(copy);
	if (!kept)
		return fault_memory(fault);
	options->certificate = options->owned.items[options->owned.count - 1];
	if (*from)
		options->key_passphrase = from + 1;
	return EXIT_DONE;
}

int
value_trust(struct options *options, const char *argument, struct fault *fault)
{
	if (strcmp(argument, "web_pki+attested_key") != 0 &&
	    strcmp(argument, "attested_key") != 0)
		return fault_set(fault, EXIT_USAGE,
		    "option --trust: expected web_pki+attested_key or "
		    "attested_key, got %s",
		    argument);
	options->trust = argument;
	return EXIT_DONE;
}

int
value_tls_max(
    struct options *options, const char *argument, struct fault *fault)
{
	if (strcmp(argument, "default") == 0)
		options->tls_max = 0;
	else if (strcmp(argument, "1.2") == 0)
		options->tls_max = 12;
	else if (strcmp(argument, "1.3") == 0)
		options->tls_max = 13;
	else
		return fault_set(fault, EXIT_USAGE,
		    "option --tls-max: expected 1.2 or 1.3, got %s", argument);
	return EXIT_DONE;
}

static int
count(const char *name, const char *argument, int64_t *ret_count,
    struct fault *fault)
{
	if (!number_count(argument, INT32_MAX, ret_count))
		return fault_set(fault, EXIT_USAGE,
		    "option %s: expected a proper numerical parameter", name);
	return EXIT_DONE;
}

int
value_max_redirs(
    struct options *options, const char *argument, struct fault *fault)
{
	/* -1 is curl's "without an end", which the library has not. */
	if (strcmp(argument, "-1") != 0 &&
	    count("--max-redirs", argument, &options->redirects_max, fault))
		return fault->exit_status;
	if (strcmp(argument, "-1") == 0 ||
	    options->redirects_max > REDIRECTS_MAX)
		return fault_set(fault, EXIT_USAGE,
		    "option --max-redirs: expected 0 to %d, got %s; no more "
		    "are ever followed here",
		    REDIRECTS_MAX, argument);
	return EXIT_DONE;
}

static int
seconds(const char *name, const char *argument, int64_t *ret_ms,
    struct fault *fault)
{
	switch (number_seconds(argument, ret_ms)) {
	case NUMBER_OK:
		return EXIT_DONE;
	case NUMBER_TOO_LARGE:
		return fault_set(fault, EXIT_USAGE,
		    "option %s: too large, at most %d seconds", name,
		    NUMBER_SECONDS_MAX);
	case NUMBER_WRONG:
		break;
	}
	return fault_set(fault, EXIT_USAGE,
	    "option %s: expected a proper numerical parameter", name);
}

int
value_max_time(
    struct options *options, const char *argument, struct fault *fault)
{
	return seconds("-m", argument, &options->timeout_ms, fault);
}

int
value_connect_timeout(
    struct options *options, const char *argument, struct fault *fault)
{
	return seconds(
	    "--connect-timeout", argument, &options->connect_timeout_ms, fault);
}

int
value_max_age(
    struct options *options, const char *argument, struct fault *fault)
{
	if (seconds("--max-age", argument, &options->max_age_ms, fault))
		return fault->exit_status;
	if (options->max_age_ms < MAX_AGE_MIN_S * INT64_C(1000) ||
	    options->max_age_ms > MAX_AGE_MAX_S * INT64_C(1000))
		return fault_set(fault, EXIT_USAGE,
		    "option --max-age: expected %d to %d seconds, got %s",
		    MAX_AGE_MIN_S, MAX_AGE_MAX_S, argument);
	return EXIT_DONE;
}

int
value_retry_delay(
    struct options *options, const char *argument, struct fault *fault)
{
	return seconds(
	    "--retry-delay", argument, &options->retry_delay_ms, fault);
}

int
value_retry_max_time(
    struct options *options, const char *argument, struct fault *fault)
{
	return seconds(
	    "--retry-max-time", argument, &options->retry_max_ms, fault);
}

int
value_retry(struct options *options, const char *argument, struct fault *fault)
{
	return count("--retry", argument, &options->retries, fault);
}

int
value_limit_rate(
    struct options *options, const char *argument, struct fault *fault)
{
	if (!number_bytes(argument, &options->rate_max))
		return fault_set(fault, EXIT_USAGE,
		    "option --limit-rate: expected bytes a second, such as "
		    "100k or 1M, got %s",
		    argument);
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
	    "this command is there to prevent; for a service whose certificate "
	    "signs itself give --trust attested_key (in a map \"trust\": "
	    "\"attested_key\"), for a certificate authority of your own "
	    "--cacert");
}

int
value_config(struct options *options, const char *argument, struct fault *fault)
{
	return config_file_read(options, argument, fault);
}

int
value_disable(
    struct options *options, const char *argument, struct fault *fault)
{
	(void)options;
	(void)argument;
	(void)fault;
	return EXIT_DONE;
}
