/* The control port: how a test switches behaviour and reads the log. */
#ifndef LOCAL_ENCLAVE_CONTROL_H
#define LOCAL_ENCLAVE_CONTROL_H

#include "enclave.h"

/* For evhttp_set_gencb. */
void control_answer(struct evhttp_request *request, void *enclave);

#endif
