/*
 * OpenSSL's error queue belongs to the caller (libcurl turns anything left on
 * it into another error code), and "out of memory" must not be taken for a
 * verdict.
 */
#ifndef EVIDENCE_OPENSSL_ERROR_H
#define EVIDENCE_OPENSSL_ERROR_H

#include <stdbool.h>

/*
 * Between these two everything that is put on the queue is taken off again.
 * They nest.
 */
void openssl_errors_begin(void);
void openssl_errors_end(void);

/* The newest entry of the queue since begin says that memory is short. */
bool openssl_out_of_memory(void);

#endif
