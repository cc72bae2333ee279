#include "show_attestation.h"

#include "json.h"
#include "verbose_steps.h"

/* Without -m: a person waits. */
#define TIMEOUT_MS_DEFAULT 60000

/*
 * The short form of the map, --pcrs and --pcr name an enclave after its host;
 * the long form names it freely, and then its URL finds it.
 */
static enum enclave_client_status
attest(const struct session *session,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	const struct target *target = session->targets.items;
	int64_t timeout_ms = session->options->timeout_ms;
	enum enclave_client_status status;

	if (timeout_ms == 0)
		timeout_ms = TIMEOUT_MS_DEFAULT;
	status = enclave_client_attest(
	    session->client, target->enclave, timeout_ms, ret_document, error);
	if (status != ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE)
		return status;
	return enclave_client_attest(
	    session->client, target->url, timeout_ms, ret_document, error);
}

int
show_attestation(const struct session *session, struct fault *fault)
{
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
	    .judged_at_ms = ENCLAVE_CLIENT_AT_NOW,
	    .enclave = session->targets.items[0].enclave,
	};
	verdict.status = attest(session, &document, error);
	if (enclave_client_status_category(verdict.status) ==
	    ENCLAVE_CLIENT_CATEGORY_USAGE) {
		result = fault_set_error(fault, verdict.status, error);
		goto out;
	}
	verdict.document = document;
	if (session->options->verbose && document)
		verbose_steps(document);
	result = json_print_verdict(&verdict, fault);

out:
	enclave_client_document_free(document);
	enclave_client_error_free(error);
	return result;
}
