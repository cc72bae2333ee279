/*
 * SHA-256 over several byte strings, each behind its length, so that no two
 * lists of strings look alike, and behind a text that says what they are.
 */
#ifndef EVIDENCE_DIGEST_H
#define EVIDENCE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/bytes.h"

#define DIGEST_BYTES 32

struct digest {
	EVP_MD_CTX *context;
};

/* False when memory is short; digest_end must still be called. */
bool digest_begin(struct digest *digest, const char *meaning);
bool digest_add(struct digest *digest, struct bytes part);
/* Frees.  done: everything so far went well. */
bool digest_end(
    struct digest *digest, bool done, uint8_t ret_digest[DIGEST_BYTES]);

/* Plain SHA-256 of one byte string. */
bool digest_of(struct bytes data, uint8_t ret_digest[DIGEST_BYTES]);

#endif
