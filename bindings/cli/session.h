/* What all URLs of one line share: the client and its configuration. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "options.h"
#include "target.h"

struct session {
	const struct options *options; /* borrowed */
	struct targets targets;
	struct enclave_client *client;
	struct enclave_client_cookies *cookies; /* NULL: none are kept */
};

/* Nothing is sent yet.  Close it in either case. */
int session_open(const struct options *options, struct session *ret_session,
    struct fault *fault);
void session_close(struct session *session);

/* "attest-curl: (115) ..." on standard error, unless -s. */
void session_report(const struct options *options, const struct fault *fault);

#endif
