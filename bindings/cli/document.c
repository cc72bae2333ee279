#include "document.h"

#include "json.h"
#include "moment.h"
#include "policy_options.h"

static bool
is_mistake(enum enclave_client_status status)
{
	enum enclave_client_category category =
	    enclave_client_status_category(status);

	return category == ENCLAVE_CLIENT_CATEGORY_USAGE ||
	       category == ENCLAVE_CLIENT_CATEGORY_MEMORY;
}

static int
judge(const struct options *options, const struct enclave_client_config *config,
    const struct enclave_client_evidence *evidence, struct fault *fault)
{
	bool inspect = options->verb == VERB_INSPECT_DOCUMENT;
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_document *document = NULL;
	struct verdict verdict = {
	    .accepted_as = inspect ? "authentic" : "accepted",
	    .error = error,
	    .judged_at = options->at ? options->at : "now",
	    .judged_at_ms = evidence->judged_at_ms,
	};
	int result;

	verdict.status = enclave_client_document_verify(config,
	    inspect ? NULL : POLICY_DOCUMENT_NAME, evidence, &document, error);
	if (is_mistake(verdict.status)) {
		result = fault_set_error(fault, verdict.status, error);
		goto out;
	}
	/* A refused document is shown as far as it can be read. */
	if (verdict.status != ENCLAVE_CLIENT_OK &&
	    enclave_client_document_read(config, evidence, &document, NULL) !=
		ENCLAVE_CLIENT_OK)
		document = NULL;
	verdict.document = document;
	result = json_print_verdict(&verdict, fault);

out:
	enclave_client_document_free(document);
	enclave_client_error_free(error);
	return result;
}

int
document_verb(const struct options *options, struct fault *fault)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client_evidence evidence = {
	    .judged_at_ms = ENCLAVE_CLIENT_AT_NOW,
	};
	struct file_contents contents = {0};
	int result;

	if (options->at &&
	    !moment_from_text(options->at, &evidence.judged_at_ms))
		return fault_set(fault, EXIT_USAGE,
		    "option --at: expected now, document, seconds since 1970 "
		    "or 2026-01-31T12:00:00Z, got %s",
		    options->at);
	if (enclave_client_config_new(&config) != ENCLAVE_CLIENT_OK)
		return fault_memory(fault);
	result = policy_configure_document(options, config, fault);
	if (result)
		goto out;
	policy_warn_insecure(options);
	result = file_read(options->document, FILE_MAX_BYTES, &contents, fault);
	if (result)
		goto out;
	evidence.data = contents.data;
	evidence.len = contents.len;
	result = judge(options, config, &evidence, fault);

out:
	file_contents_clear(&contents);
	enclave_client_config_free(config);
	return result;
}
