/*
 * OpenSSL's error queue belongs to the caller (libcurl turns anything left on
 * it into another error code), and "out of memory" must not be taken for a
 * verdict on a document.
 */
#ifndef EVIDENCE_OPENSSL_ERROR_H
#define EVIDENCE_OPENSSL_ERROR_H

#include <stdbool.h>

/*
 * Between these two, which do not nest, everything that is put on the queue is
 * taken off again.
 */
void openssl_errors_begin(void);
void openssl_errors_end(void);

/*
 * Something that OpenSSL reported since begin, or since this was last asked,
 * is a lack of memory.
 */
bool openssl_out_of_memory(void);

#endif
