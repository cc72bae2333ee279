/* The line's options as a request of the library's. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "form.h"
#include "session.h"
#include "upload.h"

/* A request, and what it borrows. */
struct outgoing {
	struct enclave_client_request *request;
	struct form *form;
	struct upload upload;
};

/* "GET", unless the options say otherwise.  Borrowed. */
const char *request_method(const struct options *options, size_t number);

/* For the number-th URL.  Clear *ret_outgoing in either case. */
int request_make(const struct session *session, size_t number,
    struct outgoing *ret_outgoing, struct fault *fault);
void request_clear(struct outgoing *outgoing);

#endif
