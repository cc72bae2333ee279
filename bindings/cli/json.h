/* The one JSON object that the verbs print. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdint.h>

#include "fault.h"

/* All borrowed. */
struct verdict {
	const char *accepted_as; /* "authentic" or "accepted" */
	enum enclave_client_status status;
	const struct enclave_client_error *error;
	const char *judged_at;
	int64_t judged_at_ms; /* or ENCLAVE_CLIENT_AT_NOW, _AT_DOCUMENT */
	const char *enclave;  /* NULL: the member is left out */
	/* What was judged, or what could be read of it; NULL: nothing. */
	const struct enclave_client_document *document;
};

/* --json-errors: one line on standard error. */
void json_print_fault(const struct fault *fault);

/* Register, age and deadline of a refusal as one object; "" where it does not
 * fit or memory is short.  error may be NULL. */
void json_facts(
    const struct enclave_client_error *error, char *ret_text, int size);

/* Gives the exit status of the verdict, or EXIT_WRITE, EXIT_MEMORY. */
int json_print_verdict(const struct verdict *verdict, struct fault *fault);

#endif
