/*
 * Reference values: the PCR sets that a caller accepts for one enclave.
 * Immutable, counted.  A set matches when every register it names is in the
 * document with equal bytes; absent never matches; sets are matched whole, so
 * that a mix of two releases does not pass.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdint.h>

#include "base/error.h"
#include "evidence/claims.h"

struct cJSON;
struct policy;

/*
 * One PCR object, a list of them, or nitro-cli output (DESIGN section 12).
 * where names the place for messages ("enclaves.payments.pcrs").  All-zero
 * PCR0, 1 and 2 as reference values are refused unless insecure_allow_debug,
 * which also lets debug documents match.  CONFIG on refusal.  New.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status policy_new_json(
    const struct cJSON *json, const char *where, bool insecure_allow_debug,
    struct policy **ret_policy, struct enclave_client_error *error);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);

size_t policy_set_count(const struct policy *policy);
/* "" when the set has none.  Borrowed until the policy is freed. */
const char *policy_set_label(const struct policy *policy, size_t set);
bool policy_insecure_debug(const struct policy *policy);
bool policy_equal(const struct policy *a, const struct policy *b);
/*
 * Whether some set names no code: no image id, none of PCR0, 1 and 2, and no
 * PCR8 but that of an image nobody signed.  Any image that its operator starts
 * passes, so whoever configured it is told; ret_about says which set.
 */
bool policy_without_code(
    const struct policy *policy, struct enclave_client_error *ret_about);
/* When the set stops counting, wall clock; INT64_MAX for never. */
int64_t policy_set_expires_ms(const struct policy *policy, size_t set);

/*
 * The first set that matches.  MEASUREMENT or DEBUG otherwise, with a message
 * that names the PCR shown, those accepted, and how to accept it.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status policy_match(
    const struct policy *policy, const struct claims *claims, int64_t now_ms,
    size_t *ret_set, struct enclave_client_error *error);

#endif
