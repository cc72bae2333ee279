#include "enclave/profile.h"

#include <string.h>

/* What services do is in their sources; each row names where it was read. */
static const struct profile profiles[] = {
    {
	/* evervault/enclaves, crates/data-plane and shared: user_data is
	 * the DER SubjectPublicKeyInfo of the TLS leaf, byte for byte. */
	.name = "evervault",
	.evidence_path = "/.well-known/attestation",
	.accepted_status = 200,
	.encoding = PROFILE_JSON_BASE64,
	.json_member = "attestation_doc",
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.object = BINDING_SPKI,
		.transform = BINDING_IDENTITY,
	    },
	.web_pki = true,
    },
};

const struct profile *
profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const struct profile *
profile_default(void)
{
	return &profiles[0];
}
