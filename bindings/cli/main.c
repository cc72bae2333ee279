/* attest-curl: curl for services in AWS Nitro Enclaves. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#include "completion.h"
#include "document.h"
#include "help.h"
#include "options.h"
#include "print.h"
#include "session.h"
#include "show_attestation.h"
#include "transfer.h"
#include "watch.h"

/*
 * A socket or a file that got descriptor 0, 1 or 2, because the caller closed
 * it, would be read from or written to as if it were the terminal.
 */
static bool
standard_descriptors_open(void)
{
	int descriptor;

	do {
		descriptor = open("/dev/null", O_RDONLY | O_NOCTTY);
		if (descriptor < 0)
			return false;
	} while (descriptor <= STDERR_FILENO);
	(void)close(descriptor);
	return true;
}

static int
print_version(void)
{
	(void)printf(
	    "attest-curl %s (%s)\n", enclave_client_version(), curl_version());
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRITE;
}

static int
use_session(const struct session *session, struct fault *fault)
{
	switch (session->options->verb) {
	case VERB_SHOW_ATTESTATION:
		return show_attestation(session, fault);
	case VERB_PRINT_PIN:
		return print_pin(session, fault);
	case VERB_WATCH:
		return watch(session, fault);
	default:
		return transfer_all(session);
	}
}

static int
with_session(const struct options *options, struct fault *fault)
{
	struct session session;
	int result = session_open(options, &session, fault);

	if (result == EXIT_DONE)
		result = use_session(&session, fault);
	session_close(&session);
	return result;
}

static int
run(const struct options *options, struct fault *fault)
{
	switch (options->verb) {
	case VERB_HELP:
		return help_print(options->help_category, fault);
	case VERB_VERSION:
		return print_version();
	case VERB_COMPLETION:
		return completion_print(options->completion, fault);
	case VERB_INSPECT_DOCUMENT:
	case VERB_VERIFY_DOCUMENT:
		return document_verb(options, fault);
	case VERB_TRANSFER:
	case VERB_SHOW_ATTESTATION:
	case VERB_PRINT_PIN:
	case VERB_WATCH:
		break;
	case VERB_PRINT_PCRS:
		return print_pcrs(options, fault);
	case VERB_PCRS_FROM_EIF:
		return print_image_pcrs(options, fault);
	}
	return with_session(options, fault);
}

int
main(int argc, char *argv[])
{
	struct options options;
	struct fault fault = {0};
	int result;

	if (!standard_descriptors_open())
		return EXIT_INTERNAL;
	/* libcurl would open the file that it names, though nothing goes in. */
	(void)unsetenv("SSLKEYLOGFILE");
	/* A reader that went away is a failed write, not a death. */
	(void)signal(SIGPIPE, SIG_IGN);
	result = options_parse(argc, argv, &options, &fault);
	if (result) {
		/* What the caller got wrong is said even with -s, as curl. */
		options.silent = false;
		session_report(&options, &fault);
		goto out;
	}
	result = run(&options, &fault);
	session_report(&options, &fault);

out:
	options_clear(&options);
	return result;
}
