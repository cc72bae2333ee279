#include "show_attestation.h"

#include "json.h"

/* Without -m: a person waits. */
#define TIMEOUT_MS_DEFAULT 60000

int
show_attestation(const struct session *session, struct fault *fault)
{
	const struct options *options = session->options;
	const struct target *target = session->targets.items;
	struct enclave_client_error *error = NULL;
	struct enclave_client_document *document = NULL;
	struct verdict verdict;
	int result;

	if (session->targets.count != 1)
		return fault_set(fault, EXIT_USAGE,
		    "--show-attestation takes one URL, and there are %zu",
		    session->targets.count);
	error = enclave_client_error_new();
	verdict = (struct verdict){
	    .accepted_as = "accepted",
	    .error = error,
	    .judged_at = "now",
	    .enclave = target->enclave,
	};
	verdict.status = enclave_client_attest(session->client, target->enclave,
	    options->timeout_ms ? options->timeout_ms : TIMEOUT_MS_DEFAULT,
	    &document, error);
	if (enclave_client_status_category(verdict.status) ==
	    ENCLAVE_CLIENT_CATEGORY_USAGE) {
		result = fault_set_error(fault, verdict.status, error);
		goto out;
	}
	verdict.document = document;
	result = json_print_verdict(&verdict, fault);

out:
	enclave_client_document_free(document);
	enclave_client_error_free(error);
	return result;
}
