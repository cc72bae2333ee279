#include "appraisal/appraisal.h"

#include <string.h>

#include "appraisal/carried.h"
#include "appraisal/decode.h"
#include "appraisal/nonce.h"

void
appraisal_clear(struct appraisal *appraisal)
{
	claims_unref(appraisal->claims);
	*appraisal = (struct appraisal){.status = ENCLAVE_CLIENT_ERR_INTERNAL};
}

bool
appraisal_names(
    const struct appraisal *appraisal, const struct binding_key *key)
{
	if (!appraisal->key_named)
		return false;
	if (binding_key_equal(&appraisal->key, key))
		return true;
	for (size_t i = 0; i < appraisal->more_count; i++)
		if (binding_key_equal(&appraisal->more[i], key))
			return true;
	return false;
}

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* timestamp + max_age; a timestamp is whatever 63 bits hold. */
static int64_t
age_end_ms(const struct claims *claims, const struct enclave *enclave)
{
	int64_t end_ms;

	if (__builtin_add_overflow(claims_timestamp_ms(claims),
		enclave->timing.max_age_ms, &end_ms))
		return INT64_MAX;
	return end_ms;
}

/*
 * Claims that were authentic when they were made; whether they are in time is
 * asked again, for a changed max_age and for a clock that went on.
 */
static enum enclave_client_status
check_time(const struct claims *claims, const struct enclave *enclave,
    int64_t now_ms, struct enclave_client_error *error)
{
	int64_t timestamp_ms = claims_timestamp_ms(claims);

	if (now_ms >= claims_not_after_ms(claims)) {
		(void)error_set(error, ENCLAVE_CLIENT_ERR_EXPIRED,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "a certificate of the document expired %lld ms ago",
		    (long long)(now_ms - claims_not_after_ms(claims)));
		error_set_deadline(error, claims_not_after_ms(claims));
		return ENCLAVE_CLIENT_ERR_EXPIRED;
	}
	if (now_ms >= age_end_ms(claims, enclave)) {
		(void)error_set(error, ENCLAVE_CLIENT_ERR_TOO_OLD,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "the document is %lld ms old, at most %lld ms count",
		    (long long)(now_ms - timestamp_ms),
		    (long long)enclave->timing.max_age_ms);
		error_set_deadline(error, age_end_ms(claims, enclave));
		return ENCLAVE_CLIENT_ERR_TOO_OLD;
	}
	if (timestamp_ms - enclave->timing.clock_skew_ms > now_ms)
		return error_set(error, ENCLAVE_CLIENT_ERR_FROM_FUTURE,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "the document is from %lld ms in the future, at most "
		    "%lld ms count; a clock may be wrong",
		    (long long)(timestamp_ms - now_ms),
		    (long long)enclave->timing.clock_skew_ms);
	return ENCLAVE_CLIENT_OK;
}

/* Only evidence that was judged at its own moment serves a connection. */
static enum enclave_client_status
check_live(const struct claims *claims, struct enclave_client_error *error)
{
	if (!claims_authentic(claims))
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_SIGNATURE,
		    "nothing vouches for these claims");
	if (claims_replayed(claims))
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "the document was judged at another time than now");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
name_keys(const struct binding_rule *rule, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	struct binding_keys keys;
	enum enclave_client_status status =
	    binding_keys_from_claims(rule, appraisal->claims, &keys, error);

	if (status)
		return status;
	appraisal->key = keys.keys[0];
	appraisal->more_count = keys.count - 1;
	memcpy(appraisal->more, keys.keys + 1,
	    appraisal->more_count * sizeof(keys.keys[0]));
	appraisal->key_named = true;
	return ENCLAVE_CLIENT_OK;
}

/*
 * Policy and binding.  A refusal at the policy step keeps claims and key: the
 * cache withdraws that key (DESIGN section 3).
 */
static enum enclave_client_status
judge_claims(const struct enclave *enclave, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	const struct binding_rule *rule = &enclave->profile->binding;
	const struct claims *claims = appraisal->claims;
	enum enclave_client_status status;

	status = policy_match(enclave->policy, claims,
	    appraisal->judged.wall_ms, &appraisal->set, error);
	if (status) {
		struct enclave_client_error fault;
		enum enclave_client_status named =
		    name_keys(rule, appraisal, &fault);
		/* Not "names no key": that key could not be withdrawn. */
		if (named && named != ENCLAVE_CLIENT_ERR_BINDING) {
			error_copy(error, &fault);
			return named;
		}
		return status;
	}
	status = name_keys(rule, appraisal, error);
	if (status)
		return status;
	appraisal->deadline_ms = earlier(
	    earlier(claims_not_after_ms(claims), age_end_ms(claims, enclave)),
	    policy_set_expires_ms(enclave->policy, appraisal->set));
	return ENCLAVE_CLIENT_OK;
}

/* Steps structure to time, and whether it answers what was asked. */
static enum enclave_client_status
verify_document(const struct appraiser *appraiser,
    const struct enclave *enclave, struct answer answer,
    struct appraisal *appraisal, struct enclave_client_error *error)
{
	const struct evidence_check check = {
	    .roots = appraiser->roots,
	    .memory = appraiser->memory,
	    .now_ms = appraisal->judged.wall_ms,
	    .max_age_ms = enclave->timing.max_age_ms,
	    .clock_skew_ms = enclave->timing.clock_skew_ms,
	};
	enum enclave_client_status status;
	struct claims *claims = NULL;

	status = evidence_verify(answer.body, &check, &claims, error);
	if (status)
		return status;
	status = check_live(claims, error);
	/* Before the policy: what is shown again withdraws no key. */
	if (!status)
		status =
		    nonce_check(enclave->profile, answer.nonce, claims, error);
	if (status) {
		error_set_age(error,
		    appraisal->judged.wall_ms - claims_timestamp_ms(claims));
		claims_unref(claims);
		return status;
	}
	appraisal->claims = claims; /* handed over */
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
verify_body(const struct appraiser *appraiser, const struct enclave *enclave,
    struct answer answer, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct buffer document;

	if (enclave->profile->source == PROFILE_CERTIFICATE)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "evidence of the profile \"%s\" is in the certificate",
		    enclave->profile->name);
	if (answer.decoded)
		return verify_document(
		    appraiser, enclave, answer, appraisal, error);
	status = decode_body(enclave->profile, answer.body, &document, error);
	if (status)
		return status;
	answer.body = buffer_bytes(&document);
	status = verify_document(appraiser, enclave, answer, appraisal, error);
	buffer_clear(&document);
	return status;
}

/* Claims outlive only the one refusal that withdraws a key. */
static void
drop_claims(struct appraisal *appraisal)
{
	claims_unref(appraisal->claims);
	appraisal->claims = NULL;
	appraisal->key_named = false;
	appraisal->more_count = 0;
}

/* The last line of both ways: success is assigned here and nowhere else. */
static enum enclave_client_status
conclude(struct appraisal *appraisal, const struct enclave *enclave,
    enum enclave_client_status status, struct enclave_client_error *error)
{
	if (status && appraisal->claims)
		error_set_age(
		    error, appraisal->judged.wall_ms -
			       claims_timestamp_ms(appraisal->claims));
	if (status && status != ENCLAVE_CLIENT_ERR_MEASUREMENT &&
	    status != ENCLAVE_CLIENT_ERR_DEBUG)
		drop_claims(appraisal);
	if (status)
		error_set_enclave(error, enclave->name);
	else
		error_clear(error);
	appraisal->status = status;
	return status;
}

enum enclave_client_status
appraise(const struct appraiser *appraiser, const struct enclave *enclave,
    struct answer answer, struct appraisal *ret_appraisal,
    struct enclave_client_error *error)
{
	struct appraisal appraisal = {.status = ENCLAVE_CLIENT_ERR_INTERNAL,
	    .judged = clock_now(appraiser->clock)};
	enum enclave_client_status status;

	status = verify_body(appraiser, enclave, answer, &appraisal, error);
	if (!status)
		status = judge_claims(enclave, &appraisal, error);
	status = conclude(&appraisal, enclave, status, error);
	*ret_appraisal = appraisal;
	return status;
}

enum enclave_client_status
appraise_claims(const struct appraiser *appraiser,
    const struct enclave *enclave, struct claims *claims,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	struct appraisal appraisal = {.status = ENCLAVE_CLIENT_ERR_INTERNAL,
	    .judged = clock_now(appraiser->clock)};
	enum enclave_client_status status;

	status = check_live(claims, error);
	if (!status) {
		appraisal.claims = claims_ref(claims);
		status = check_time(
		    claims, enclave, appraisal.judged.wall_ms, error);
	}
	if (!status)
		status = judge_claims(enclave, &appraisal, error);
	status = conclude(&appraisal, enclave, status, error);
	*ret_appraisal = appraisal;
	return status;
}

/* The document must name this leaf's key, and no other will do. */
static enum enclave_client_status
check_own_key(const struct enclave *enclave, struct bytes leaf_der,
    const struct appraisal *appraisal, struct enclave_client_error *error)
{
	struct binding_key shown;
	enum enclave_client_status status = binding_from_leaf(
	    &enclave->profile->binding, leaf_der, &shown, error);

	if (status)
		return status;
	if (appraisal_names(appraisal, &shown))
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_BINDING,
	    "the peer's certificate carries a document that binds another "
	    "key than its own");
}

static enum enclave_client_status
judge_leaf(const struct appraiser *appraiser, const struct enclave *enclave,
    struct bytes leaf_der, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct buffer document;
	struct answer answer = {0};

	status = carried_document(enclave->profile, leaf_der, &document, error);
	if (status)
		return status;
	answer.body = buffer_bytes(&document);
	status = verify_document(appraiser, enclave, answer, appraisal, error);
	buffer_clear(&document);
	if (!status)
		status = judge_claims(enclave, appraisal, error);
	if (!status)
		status = check_own_key(enclave, leaf_der, appraisal, error);
	appraisal->key_named = false;
	appraisal->more_count = 0;
	if (status)
		return status;
	return appraisal_leaf_key(
	    appraiser, enclave, leaf_der, &appraisal->key, error);
}

enum enclave_client_status
appraise_leaf(const struct appraiser *appraiser, const struct enclave *enclave,
    struct bytes leaf_der, struct appraisal *ret_appraisal,
    struct enclave_client_error *error)
{
	struct appraisal appraisal = {.status = ENCLAVE_CLIENT_ERR_INTERNAL,
	    .judged = clock_now(appraiser->clock)};
	enum enclave_client_status status =
	    judge_leaf(appraiser, enclave, leaf_der, &appraisal, error);

	appraisal.key_named = !status;
	status = conclude(&appraisal, enclave, status, error);
	*ret_appraisal = appraisal;
	return status;
}

/* A leaf that carries its own evidence is known by the whole of itself. */
static const struct binding_rule *
leaf_rule(const struct enclave *enclave)
{
	static const struct binding_rule whole = {
	    .object = BINDING_CERTIFICATE, .transform = BINDING_IDENTITY};

	return enclave->profile->source == PROFILE_CERTIFICATE
		   ? &whole
		   : &enclave->profile->binding;
}

enum enclave_client_status
appraisal_leaf_key(const struct appraiser *appraiser,
    const struct enclave *enclave, struct bytes leaf_der,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	return leaf_memory_key(
	    appraiser->leaves, leaf_rule(enclave), leaf_der, ret_key, error);
}

enum enclave_client_status
appraisal_certificate_key(const struct enclave *enclave, struct x509_st *leaf,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	return binding_from_certificate(
	    leaf_rule(enclave), leaf, ret_key, error);
}
