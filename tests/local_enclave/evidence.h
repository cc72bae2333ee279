/* GET /.well-known/attestation, as Evervault's data plane answers it. */
#ifndef LOCAL_ENCLAVE_EVIDENCE_H
#define LOCAL_ENCLAVE_EVIDENCE_H

#include "enclave.h"

#define EVIDENCE_PATH "/.well-known/attestation"

void evidence_answer(struct enclave *enclave, struct evhttp_request *request);

#endif
