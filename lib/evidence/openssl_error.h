/*
 * OpenSSL's error queue belongs to the caller (libcurl turns anything left on
 * it into another error code), and "out of memory" must not be taken for a
 * verdict on a document.
 */
#ifndef EVIDENCE_OPENSSL_ERROR_H
#define EVIDENCE_OPENSSL_ERROR_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/bytes.h"

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

/*
 * d2i_X509 and d2i_X509_PUBKEY, between begin and end, and once more where they
 * fail: since 3.2 OpenSSL reports an allocation that it could not grow as
 * malformed ASN.1.  What failed for want of memory does not fail again, or says
 * so.  *ret_end is where the object ends.
 */
X509 *openssl_read_certificate(struct bytes der, const uint8_t **ret_end);
X509_PUBKEY *openssl_read_spki(struct bytes der, const uint8_t **ret_end);

#endif
