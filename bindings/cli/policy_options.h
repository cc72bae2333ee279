/* What the line says is accepted, as a configuration. */
#ifndef CLI_POLICY_OPTIONS_H
#define CLI_POLICY_OPTIONS_H

#include "options.h"
#include "target.h"

/* Name that a document is judged under; it appears in messages. */
#define POLICY_DOCUMENT_NAME "document"

/* For requests: --enclaves, or --pcrs or --pcr for the one origin. */
int policy_configure(const struct options *options,
    const struct targets *targets, struct enclave_client_config *config,
    struct fault *fault);

/* For --inspect-document (roots alone) and --verify-document. */
int policy_configure_document(const struct options *options,
    struct enclave_client_config *config, struct fault *fault);

/* The enclave of target with these PCR sets (JSON), whatever --pcrs says. */
int policy_configure_lookup(const struct options *options,
    const struct target *target, const char *pcrs,
    struct enclave_client_config *config, struct fault *fault);

/* One line for each switch that weakens a verdict. */
void policy_warn_insecure(const struct options *options);

#endif
