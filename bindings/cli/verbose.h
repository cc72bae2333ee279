/* -v: what goes over the wire, on standard error. */
#ifndef CLI_VERBOSE_H
#define CLI_VERBOSE_H

#include <enclave_client.h>

void verbose_trace(enum enclave_client_trace_kind kind, const char *data,
    size_t len, void *context);

#endif
