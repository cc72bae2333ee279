/*
 * The memory of what was verified, from the inside: three tables that forget
 * the least recently used, and what has ended before that.  A key is a digest
 * that covers the anchor set and every certificate in its place, so that
 * nothing is ever found under another anchor, at another depth or in another
 * role.
 */
#ifndef EVIDENCE_CHAIN_MEMORY_H
#define EVIDENCE_CHAIN_MEMORY_H

#include "evidence/digest.h"
#include "evidence/evidence.h"
#include "evidence/verified.h"

/*
 * Entries of each table: more enclaves than one client polls in a quarter of
 * an hour.  A chain takes about 1.3 KB, a leaf 0.5 KB, a document 0.1 KB.
 */
#define CHAIN_MEMORY_ENTRIES_MAX 16384

/* The three keys of one document. */
struct memory_keys {
	uint8_t chain[DIGEST_BYTES];    /* anchors, bundle */
	uint8_t leaf[DIGEST_BYTES];     /* chain key, leaf */
	uint8_t document[DIGEST_BYTES]; /* anchors, payload, signature */
};

/* With another bound, for tests. */
struct chain_memory *chain_memory_new_bounded(size_t entries_max);

/* A new reference, or NULL when it is not known. */
struct verified_chain *chain_memory_find_chain(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES]);
struct verified_leaf *chain_memory_find_leaf(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES]);
/* The leaf whose key made this signature of this payload. */
struct verified_leaf *chain_memory_find_document(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES]);

/*
 * As much as memory allows; what is not remembered is verified again.  What
 * had ended by now_ms and was not used since goes: a client that runs for
 * months holds no more than one that runs for days.
 */
void chain_memory_remember(struct chain_memory *memory,
    const struct memory_keys *keys, struct verified_leaf *leaf, int64_t now_ms);

#endif
