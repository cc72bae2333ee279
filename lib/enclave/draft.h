/* An enclave as JSON describes it, before it is made. */
#ifndef ENCLAVE_DRAFT_H
#define ENCLAVE_DRAFT_H

#include "enclave/enclave.h"
#include "policy/json.h"

/* Strings and pcrs are borrowed from the JSON. */
struct draft {
	const char *name;
	const char *url; /* NULL: to be made from the name */
	/* url and pcrs have members of their own, for places. */
	bool url_member;
	bool pcrs_member;
	const char *evidence_url;
	const cJSON *profile; /* NULL: the default; a name or an object */
	const char *trust;
	const cJSON *pcrs;
	/* Another enclave vouches: pcrs, profile and evidence_url are its. */
	bool delegated;
	struct enclave_timing timing;
	bool cut_on_expiry;
	bool insecure_allow_debug;
	bool insecure_keep_withdrawn;
};

/* The defaults of limits.h. */
struct draft draft_default(void);

/* The members of "defaults" of the long form. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status draft_read_defaults(
    struct draft *draft, const cJSON *json, const struct json_place *place,
    struct enclave_client_error *error);

/*
 * A value of the map: PCRs in any form, or an enclave object, which is told
 * by its members.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status draft_read(
    struct draft *draft, const cJSON *json, const struct json_place *place,
    struct enclave_client_error *error);

/* Makes the enclave; draft->name, url and pcrs are set.  New. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status draft_make(
    const struct draft *draft, const struct enclave_map_options *options,
    const struct json_place *place, struct enclave **ret_enclave,
    struct enclave_client_error *error);

#endif
