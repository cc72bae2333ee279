/* Every other path: an echo of the request, and a few that misbehave. */
#ifndef LOCAL_ENCLAVE_ECHO_H
#define LOCAL_ENCLAVE_ECHO_H

#include <event2/http.h>

void echo_answer(struct evhttp_request *request);

#endif
