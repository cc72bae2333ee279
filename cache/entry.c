#include "cache/entry.h"

/* What it will be called when the deadline has passed. */
static enum enclave_client_status
end_status(const struct appraisal *appraisal, const struct enclave *enclave)
{
	const struct claims *claims = appraisal->claims;

	if (appraisal->deadline_ms >= claims_not_after_ms(claims))
		return ENCLAVE_CLIENT_ERR_EXPIRED;
	if (appraisal->deadline_ms >=
	    claims_timestamp_ms(claims) + enclave->timing.max_age_ms)
		return ENCLAVE_CLIENT_ERR_TOO_OLD;
	return ENCLAVE_CLIENT_ERR_MEASUREMENT; /* the accepted set's own end */
}

struct entry
entry_accepted(const struct appraisal *appraisal, const struct enclave *enclave,
    struct moment judged)
{
	return (struct entry){
	    .key = appraisal->key,
	    .state = ENTRY_ACCEPTED,
	    .end_status = end_status(appraisal, enclave),
	    .timestamp_ms = claims_timestamp_ms(appraisal->claims),
	    .judged = judged,
	    .deadline = deadline_at_wall(judged, appraisal->deadline_ms),
	    .claims = appraisal->claims,
	    .policy = enclave->policy,
	    .set = appraisal->set,
	};
}

struct entry
entry_withdrawn(const struct appraisal *appraisal, struct refusal *reason)
{
	return (struct entry){
	    .key = appraisal->key,
	    .state = ENTRY_WITHDRAWN,
	    .timestamp_ms = claims_timestamp_ms(appraisal->claims),
	    .judged = appraisal->judged,
	    .claims = appraisal->claims,
	    .reason = reason,
	};
}

void
entry_ref(const struct entry *entry)
{
	if (entry->claims)
		(void)claims_ref(entry->claims);
	if (entry->policy)
		(void)policy_ref(entry->policy);
	(void)refusal_ref(entry->reason);
}

void
entry_unref(const struct entry *entry)
{
	if (entry->claims)
		claims_unref(entry->claims);
	if (entry->policy)
		policy_unref(entry->policy);
	refusal_unref(entry->reason);
}

bool
entry_live(const struct entry *entry, struct moment now)
{
	return entry->state == ENTRY_ACCEPTED &&
	       !deadline_passed(entry->deadline, now);
}
