/* Where evidence is asked for, and how each service answers. */
#ifndef LOCAL_ENCLAVE_EVIDENCE_H
#define LOCAL_ENCLAVE_EVIDENCE_H

#include "enclave.h"

#define EVIDENCE_PATH "/.well-known/attestation"

/* Is it a path where some service has its evidence? */
bool evidence_path(const char *path);

void evidence_answer(struct enclave *enclave, struct evhttp_request *request);

#endif
