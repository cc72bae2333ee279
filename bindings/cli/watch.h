/* --watch: how every enclave of a map stands, as it changes. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "session.h"

/*
 * A table on a terminal; elsewhere a line for each change, or with --json the
 * whole report as one line.  Ends after -m SECONDS, else never: 0 when all are
 * attested then.
 */
int watch(const struct session *session, struct fault *fault);

#endif
