/* --show-attestation: fetch, judge, print, send nothing. */
#ifndef CLI_SHOW_ATTESTATION_H
#define CLI_SHOW_ATTESTATION_H

#include "session.h"

/* As document_verb(). */
int show_attestation(const struct session *session, struct fault *fault);

#endif
