/*
 * Claims that a test makes up, behind the getters of evidence/claims.h, so
 * that what uses claims is tested without signing a document for each case.
 */
#ifndef FAKE_CLAIMS_H
#define FAKE_CLAIMS_H

#include "base/limits.h"
#include "evidence/claims.h"

struct claims {
	int references;
	bool authentic;
	bool replayed;
	const char *module_id; /* borrowed from the test */
	int64_t timestamp_ms;
	int64_t not_after_ms;
	bool field_given[CLAIMS_FIELDS];
	struct bytes fields[CLAIMS_FIELDS]; /* borrowed from the test */
	uint32_t pcr_mask;
	uint8_t pcrs[PCRS_MAX][PCR_BYTES];
};

/*
 * PCRs as "0=a 1=b 8=0": 96 times that hex digit.  Authentic, not replayed,
 * far from any deadline.  claims_unref().
 */
struct claims *fake_claims_new(const char *pcrs);
/* How many references there are in all fake claims. */
int fake_claims_references(void);

#endif
