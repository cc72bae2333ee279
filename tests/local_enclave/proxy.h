/* A service of one's own behind the enclave: answers come from its port. */
#ifndef LOCAL_ENCLAVE_PROXY_H
#define LOCAL_ENCLAVE_PROXY_H

#include <event2/http.h>

/* Takes the request; 502 when nothing at the port answers. */
void proxy_answer(struct evhttp_request *request, int port);

#endif
