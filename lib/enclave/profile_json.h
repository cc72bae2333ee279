/* A profile that a user composes, or names with changes, out of JSON. */
#ifndef ENCLAVE_PROFILE_JSON_H
#define ENCLAVE_PROFILE_JSON_H

#include "enclave/profile.h"
#include "policy/json.h"

/*
 * The members are those of the public header ("Profiles").  CONFIG, with the
 * reason, for members that contradict each other.  New: profile_free().
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status profile_compose(
    const cJSON *json, const struct json_place *place,
    struct profile **ret_profile, struct enclave_client_error *error);
/* Of a composed profile alone; NULL is fine. */
void profile_free(struct profile *profile);

#endif
