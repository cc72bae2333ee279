/* What differs between deployed services, as data (DESIGN section 6). */
#ifndef ENCLAVE_PROFILE_H
#define ENCLAVE_PROFILE_H

#include "binding/binding.h"

enum profile_encoding {
	PROFILE_RAW,
	PROFILE_HEX,
	PROFILE_BASE64,
	PROFILE_JSON_BASE64 /* base64 in a member of a JSON object */
};

struct profile {
	const char *name;
	const char *evidence_path; /* "/.well-known/attestation" */
	long accepted_status;      /* HTTP */
	enum profile_encoding encoding;
	const char *json_member;
	struct binding_rule binding;
	bool web_pki; /* ordinary verification is required as well */
};

/* NULL when there is none of that name. */
const struct profile *profile_find(const char *name);
const struct profile *profile_default(void);

#endif
