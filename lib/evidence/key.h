/* A P-384 key out of its 97 bytes, at a fortieth of a signature's cost. */
#ifndef EVIDENCE_KEY_H
#define EVIDENCE_KEY_H

#include <openssl/evp.h>

#include "base/bytes.h"

/* 04, x and y: a point of P-384, uncompressed (SEC 1 2.3.3). */
#define POINT_BYTES 97

/* New; NULL when memory is short or when it is no point of the curve. */
EVP_PKEY *key_new(struct bytes point);

#endif
