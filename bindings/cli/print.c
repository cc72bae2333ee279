#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"

/* Without -m: a person waits. */
#define TIMEOUT_MS_DEFAULT 60000

int
print_line(const char *text, struct fault *fault)
{
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		return fault_set(fault, EXIT_WRITE,
		    "writing to standard output failed: %s", strerror(errno));
	return EXIT_DONE;
}

int
print_pin(const struct session *session, struct fault *fault)
{
	const struct target *target = session->targets.items;
	struct enclave_client_error *error = NULL;
	struct enclave_client_document *document = NULL;
	enum enclave_client_status status;
	int64_t timeout_ms = session->options->timeout_ms;
	char *pins = NULL;

	if (session->targets.count != 1)
		return fault_set(fault, EXIT_USAGE,
		    "--print-pin takes one URL, and there are %zu",
		    session->targets.count);
	error = enclave_client_error_new();
	status = enclave_client_attest(session->client, target->url,
	    timeout_ms ? timeout_ms : TIMEOUT_MS_DEFAULT, &document, error);
	if (!status)
		status = enclave_client_pins(
		    session->client, target->url, &pins, error);
	if (status) {
		(void)fault_set_error(fault, status, error);
		advice_add(session, target, fault);
	} else {
		(void)print_line(pins, fault);
	}
	free(pins);
	enclave_client_document_free(document);
	enclave_client_error_free(error);
	return fault->exit_status;
}

int
print_image_pcrs(const struct options *options, struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	enum enclave_client_status status;
	char *json = NULL;

	status = enclave_client_image_pcrs(options->document, &json, error);
	if (status) {
		(void)fault_set_error(fault, status, error);
		if (status == ENCLAVE_CLIENT_ERR_ENCODING)
			fault_name_file(fault, options->document);
	} else if (!print_line(json, fault) && strstr(json, "PCR8")) {
		options_warn(options,
		    "the image's signature was not checked; PCR8 is that of "
		    "the certificate beside it");
	}
	free(json);
	enclave_client_error_free(error);
	return fault->exit_status;
}
