/* What a person can do next about a refusal. */
#ifndef CLI_ADVICE_H
#define CLI_ADVICE_H

#include "session.h"

/*
 * Adds to what fault_set_error() set where the evidence comes from, the proxy
 * that stands between, and what to do next.
 */
void advice_add(const struct session *session, const struct target *target,
    struct fault *fault);

#endif
