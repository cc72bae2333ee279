/* Trust anchors from the inside. */
#ifndef EVIDENCE_ROOTS_H
#define EVIDENCE_ROOTS_H

#include <stdatomic.h>

#include "evidence/certificate.h"
#include "evidence/evidence.h"

/* A caller's own list; AWS has one root for each of three partitions. */
#define ROOTS_MAX           8
#define ROOTS_PEM_MAX_BYTES 65536

struct evidence_roots {
	atomic_uint references;
	size_t count;
	struct certificate anchors[ROOTS_MAX];
	uint8_t *der[ROOTS_MAX]; /* owned; what the anchors borrow */
	uint8_t digest[32];      /* of the set: the memory's name space */
};

/* The anchor with exactly these bytes, or NULL. */
const struct certificate *roots_find(
    const struct evidence_roots *roots, struct bytes der);

#endif
