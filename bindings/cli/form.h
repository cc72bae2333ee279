/* -F: the parts of a form with files. */
#ifndef CLI_FORM_H
#define CLI_FORM_H

#include "options.h"

/* What the request borrows while it is sent. */
struct form;

/* The parts of the line, added to the request.  *ret_form is new; free it
 * after the request. */
int form_add(const struct options *options,
    struct enclave_client_request *request, struct form **ret_form,
    struct fault *fault);
void form_free(struct form *form);

#endif
