/* -v: the steps of an appraisal, in their order, with ages and deadlines. */
#ifndef CLI_VERBOSE_STEPS_H
#define CLI_VERBOSE_STEPS_H

#include "fault.h"

/* document: what was accepted. */
void verbose_steps(const struct enclave_client_document *document);
/* Which step refused; nothing where none did. */
void verbose_refusal(const struct fault *fault);

#endif
