/*
 * A strict reader of CBOR (RFC 8949): one item's head at a time, over
 * libcbor's stream decoder.  Nothing is allocated and nothing recurses, so
 * that no length, count or depth that a document claims costs more than its
 * own bytes.
 */
#ifndef EVIDENCE_CBOR_READER_H
#define EVIDENCE_CBOR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum item_type {
	ITEM_UINT,
	ITEM_NEGATIVE,
	ITEM_BYTES,
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_NULL,
	ITEM_BREAK,
	ITEM_OTHER /* booleans, undefined, floats: in no document */
};

/* The head of an item; for strings the contents too. */
struct item {
	enum item_type type;
	bool indefinite; /* array or map that a break ends */
	/* Integer, tag number, length, or the count of an array or map. */
	uint64_t value;
	struct bytes string;
};

/* Reads input from offset on; both are plain to look at. */
struct reader {
	struct bytes input;
	size_t offset;
};

enum reader_fault {
	READER_OK,
	READER_ENDED,
	READER_MALFORMED,
	READER_NOT_SHORTEST,
	READER_CHUNKED,
	READER_COUNT
};

/*
 * Takes the next head, or the next string.  Refused: heads that are not in
 * their shortest form (RFC 8949 4.2.1), strings in chunks, and counts that the
 * bytes left could not hold.  The reader moves and *ret_item is written only
 * on success.
 */
enum reader_fault reader_next(struct reader *reader, struct item *ret_item);
bool reader_at_end(const struct reader *reader);

/* "ends early" and the like; static. */
const char *reader_fault_text(enum reader_fault fault);
/* "a byte string" and the like; static. */
const char *item_type_text(enum item_type type);

#endif
