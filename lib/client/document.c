#include "client/document.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "appraisal/appraisal.h"
#include "client/config.h"

/* The latest moment that can be asked for: the end of the year 9999. */
#define JUDGED_AT_MS_MAX INT64_C(253402300799999)

#define PCR_TEXT (2 * PCR_BYTES + 1)

/* Never changed once it is given out. */
struct enclave_client_document {
	atomic_uint refs;
	struct claims *claims;
	bool authentic;
	/*
	 * Structure held, so that a field that is not there is known to be
	 * absent or null; of a broken document it may just be unread.
	 */
	bool complete;
	bool insecure;
	int64_t deadline_ms;
	int set_index;              /* -1: no policy was asked */
	char *set_label;            /* NULL likewise */
	const char *pcrs[PCRS_MAX]; /* NULL: not in the document */
	char texts[][PCR_TEXT];     /* of those that are not zero */
};

/* A document is made for each answer, and most registers are zero. */
static const char zero_text[PCR_TEXT] =
    "000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000";

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The registers' texts; how many take a place of their own. */
static size_t
write_pcrs(
    const struct claims *claims, struct enclave_client_document *document)
{
	struct bytes pcr;
	size_t used = 0;

	for (unsigned int i = 0; i < PCRS_MAX; i++) {
		if (!claims_pcr(claims, i, &pcr) || pcr.len != PCR_BYTES)
			continue;
		if (bytes_zero(pcr)) {
			if (document)
				document->pcrs[i] = zero_text;
			continue;
		}
		if (document) {
			hex_encode(pcr, document->texts[used]);
			document->pcrs[i] = document->texts[used];
		}
		used++;
	}
	return used;
}

struct enclave_client_document *
document_new(struct claims *claims, const struct policy *policy, size_t set,
    int64_t deadline_ms, bool insecure)
{
	struct enclave_client_document *document;

	document =
	    calloc(1, sizeof(*document) + write_pcrs(claims, NULL) * PCR_TEXT);
	if (!document)
		return NULL;
	atomic_init(&document->refs, 1);
	document->authentic = claims_authentic(claims);
	document->complete = true;
	document->insecure = insecure;
	document->deadline_ms = deadline_ms;
	document->set_index = -1;
	if (policy) {
		document->set_index = (int)set;
		document->set_label = strdup(policy_set_label(policy, set));
		if (!document->set_label) {
			free(document);
			return NULL;
		}
	}
	(void)write_pcrs(claims, document);
	document->claims = claims_ref(claims);
	return document;
}

void
enclave_client_document_free(struct enclave_client_document *document)
{
	if (!document || atomic_fetch_sub_explicit(
			     &document->refs, 1, memory_order_acq_rel) > 1)
		return;
	claims_unref(document->claims);
	free(document->set_label);
	free(document);
}

static struct enclave_client_document *
document_ref(struct enclave_client_document *document)
{
	atomic_fetch_add_explicit(&document->refs, 1, memory_order_relaxed);
	return document;
}

/* The claims are the same object, and all the rest is equal. */
static bool
says(const struct enclave_client_document *document,
    const struct cache_hit *hit, bool insecure)
{
	return document && document->claims == hit->claims &&
	       document->set_index == (int)hit->set &&
	       !strcmp(document->set_label,
		   policy_set_label(hit->policy, hit->set)) &&
	       document->deadline_ms == hit->deadline.wall_ms &&
	       document->insecure == insecure;
}

struct enclave_client_document *
document_of_hit(struct enclave_client_document **kept,
    const struct cache_hit *hit, bool insecure)
{
	if (!says(*kept, hit, insecure)) {
		struct enclave_client_document *document =
		    document_new(hit->claims, hit->policy, hit->set,
			hit->deadline.wall_ms, insecure);
		if (!document)
			return NULL;
		enclave_client_document_free(*kept);
		*kept = document;
	}
	return document_ref(*kept);
}

/* Judging */

/* Roots of config, or AWS's; a reference of the caller's. */
static enum enclave_client_status
roots_of(const struct enclave_client_config *config,
    struct evidence_roots **ret_roots, struct enclave_client_error *error)
{
	if (!config || !config->roots)
		return evidence_roots_new_aws(ret_roots, error);
	*ret_roots = evidence_roots_ref(config->roots);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
arguments_missing(struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "evidence and the place for the document are needed");
}

static enum enclave_client_status
check_arguments(const struct enclave_client_config *config, int64_t at_ms,
    struct enclave_client_error *error)
{
	if (at_ms != ENCLAVE_CLIENT_AT_NOW &&
	    at_ms != ENCLAVE_CLIENT_AT_DOCUMENT &&
	    (at_ms < 0 || at_ms > JUDGED_AT_MS_MAX))
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the time to judge at is not between 1970 and 9999");
	return config ? config_check(config, error) : ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
find_enclave(const struct enclave_client_config *config, const char *name,
    struct enclave **ret_enclave, struct enclave_client_error *error)
{
	struct enclave *enclave = NULL;

	if (config && config->map)
		enclave = enclave_map_find(config->map, name);
	if (!enclave)
		return error_set(error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "no enclave of the name %s is configured", name);
	*ret_enclave = enclave;
	return ENCLAVE_CLIENT_OK;
}

/* Live or replay, as judged_at_ms says. */
static enum enclave_client_status
judge_authenticity(struct bytes document, struct evidence_check *check,
    int64_t judged_at_ms, struct claims **ret_claims,
    struct enclave_client_error *error)
{
	check->now_ms = clock_system.wall_ms(clock_system.context);
	if (judged_at_ms == ENCLAVE_CLIENT_AT_NOW)
		return evidence_verify(document, check, ret_claims, error);
	if (judged_at_ms == ENCLAVE_CLIENT_AT_DOCUMENT)
		judged_at_ms = EVIDENCE_AT_DOCUMENT;
	return evidence_verify_replay(
	    document, check, judged_at_ms, ret_claims, error);
}

/* The moment that judged_at_ms stands for, once there are claims. */
static int64_t
moment_of(int64_t judged_at_ms, const struct evidence_check *check,
    const struct claims *claims)
{
	if (judged_at_ms == ENCLAVE_CLIENT_AT_NOW)
		return check->now_ms;
	if (judged_at_ms == ENCLAVE_CLIENT_AT_DOCUMENT)
		return claims_timestamp_ms(claims);
	return judged_at_ms;
}

/* What a judgement needs beside the evidence. */
struct judgement {
	const struct enclave *enclave; /* NULL: no policy is asked */
	struct evidence_check check;
	int64_t judged_at_ms;
	bool insecure;
};

static int64_t
deadline_of(const struct claims *claims, int64_t max_age_ms)
{
	return earlier(claims_not_after_ms(claims),
	    claims_timestamp_ms(claims) + max_age_ms);
}

/* Policy for authentic claims, then the document. */
static enum enclave_client_status
conclude(const struct judgement *judgement, struct claims *claims,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	const struct evidence_check *check = &judgement->check;
	const struct policy *policy = NULL;
	struct enclave_client_document *document;
	enum enclave_client_status status;
	int64_t deadline_ms;
	size_t set = 0;

	deadline_ms = deadline_of(claims, check->max_age_ms);
	if (judgement->enclave) {
		policy = judgement->enclave->policy;
		status = policy_match(policy, claims,
		    moment_of(judgement->judged_at_ms, check, claims), &set,
		    error);
		if (status != ENCLAVE_CLIENT_OK)
			return status;
		deadline_ms =
		    earlier(deadline_ms, policy_set_expires_ms(policy, set));
	}
	document =
	    document_new(claims, policy, set, deadline_ms, judgement->insecure);
	if (!document)
		return error_memory(error);
	*ret_document = document;
	return ENCLAVE_CLIENT_OK;
}

static void
judgement_init(struct judgement *judgement,
    const struct enclave_client_config *config, const struct enclave *enclave,
    int64_t judged_at_ms)
{
	*judgement = (struct judgement){
	    .enclave = enclave,
	    .check.max_age_ms = MAX_AGE_MS_DEFAULT,
	    .check.clock_skew_ms = CLOCK_SKEW_MS_DEFAULT,
	    .judged_at_ms = judged_at_ms,
	    .insecure = config && config->insecure_nitro_root,
	};
	if (!enclave)
		return;
	judgement->check.max_age_ms = enclave->timing.max_age_ms;
	judgement->check.clock_skew_ms = enclave->timing.clock_skew_ms;
	judgement->insecure = judgement->insecure || enclave->insecure;
}

enum enclave_client_status
enclave_client_document_verify(const struct enclave_client_config *config,
    const char *name, const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	struct enclave *enclave = NULL;
	struct evidence_roots *roots = NULL;
	struct claims *claims = NULL;
	struct buffer raw;
	struct judgement judgement;
	enum enclave_client_status status;

	if (!evidence || !evidence->data || !ret_document)
		return arguments_missing(error);
	buffer_init(&raw, DOCUMENT_MAX_BYTES);
	status = check_arguments(config, evidence->judged_at_ms, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	if (name)
		status = find_enclave(config, name, &enclave, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	judgement_init(&judgement, config, enclave, evidence->judged_at_ms);
	status = roots_of(config, &roots, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	judgement.check.roots = roots;
	status = appraisal_decode_any(
	    (struct bytes){evidence->data, evidence->len}, &raw, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	status = judge_authenticity(buffer_bytes(&raw), &judgement.check,
	    evidence->judged_at_ms, &claims, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	status = conclude(&judgement, claims, ret_document, error);
	if (status == ENCLAVE_CLIENT_OK)
		error_clear(error);

out:
	if (name && status != ENCLAVE_CLIENT_OK)
		error_set_enclave(error, name);
	claims_unref(claims);
	evidence_roots_unref(roots);
	buffer_clear(&raw);
	return status;
}

/* What was found out about evidence that is only shown. */
struct finding {
	struct claims *claims;
	bool authentic;
	bool complete; /* structure held */
};

/*
 * Judged at its own timestamp.  A refusal for time comes after chain and
 * signature held for these very bytes, so that what they say is authentic all
 * the same.
 */
static enum enclave_client_status
read_claims(struct bytes raw, const struct evidence_check *check,
    struct finding *ret_finding, struct enclave_client_error *error)
{
	struct enclave_client_error own = {0};
	struct claims *claims = NULL;
	enum enclave_client_status status;

	status = evidence_verify_replay(
	    raw, check, EVIDENCE_AT_DOCUMENT, &claims, &own);
	if (status != ENCLAVE_CLIENT_OK)
		claims = evidence_read_unverified(raw);
	if (!claims) {
		error_copy(error, &own);
		return status;
	}
	*ret_finding = (struct finding){
	    .claims = claims,
	    .authentic = status == ENCLAVE_CLIENT_OK ||
			 own.step == ENCLAVE_CLIENT_STEP_TIME,
	    .complete = status == ENCLAVE_CLIENT_OK ||
			own.step > ENCLAVE_CLIENT_STEP_STRUCTURE,
	};
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_document_read(const struct enclave_client_config *config,
    const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error)
{
	struct enclave_client_document *document;
	struct evidence_roots *roots = NULL;
	struct buffer raw;
	struct judgement judgement;
	struct finding finding = {0};
	enum enclave_client_status status;

	if (!evidence || !evidence->data || !ret_document)
		return arguments_missing(error);
	buffer_init(&raw, DOCUMENT_MAX_BYTES);
	status = check_arguments(config, evidence->judged_at_ms, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	status = roots_of(config, &roots, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	judgement_init(&judgement, config, NULL, ENCLAVE_CLIENT_AT_DOCUMENT);
	judgement.check.roots = roots;
	status = appraisal_decode_any(
	    (struct bytes){evidence->data, evidence->len}, &raw, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	status =
	    read_claims(buffer_bytes(&raw), &judgement.check, &finding, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	document = document_new(finding.claims, NULL, 0,
	    finding.authentic
		? deadline_of(finding.claims, judgement.check.max_age_ms)
		: 0,
	    judgement.insecure);
	if (!document) {
		status = error_memory(error);
		goto out;
	}
	document->authentic = finding.authentic;
	document->complete = finding.complete;
	*ret_document = document;
	error_clear(error);

out:
	claims_unref(finding.claims);
	evidence_roots_unref(roots);
	buffer_clear(&raw);
	return status;
}

/* Getters */

bool
enclave_client_document_authentic(
    const struct enclave_client_document *document)
{
	return document && document->authentic;
}

bool
enclave_client_document_debug(const struct enclave_client_document *document)
{
	return document && claims_debug(document->claims);
}

bool
enclave_client_document_insecure(const struct enclave_client_document *document)
{
	return document && document->insecure;
}

const char *
enclave_client_document_module_id(
    const struct enclave_client_document *document)
{
	return document ? claims_module_id(document->claims) : NULL;
}

int64_t
enclave_client_document_timestamp_ms(
    const struct enclave_client_document *document)
{
	return document ? claims_timestamp_ms(document->claims) : 0;
}

int64_t
enclave_client_document_deadline_ms(
    const struct enclave_client_document *document)
{
	return document ? document->deadline_ms : 0;
}

const char *
enclave_client_document_pcr(
    const struct enclave_client_document *document, unsigned int index)
{
	return document && index < PCRS_MAX ? document->pcrs[index] : NULL;
}

const char *
enclave_client_document_set_label(
    const struct enclave_client_document *document)
{
	return document ? document->set_label : NULL;
}

int
enclave_client_document_set_index(
    const struct enclave_client_document *document)
{
	return document ? document->set_index : -1;
}

/* As JSON.  Each gives false when memory is short. */

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text >= 0x7f)
			return false;
	return true;
}

/*
 * A peer's text that is not printable ASCII is escaped, so that it neither
 * breaks the JSON's encoding nor reaches a terminal.
 */
static bool
add_text(cJSON *json, const char *name, const char *value)
{
	char *plain;
	bool added;

	if (!value)
		return true;
	if (is_printable(value))
		return cJSON_AddStringToObject(json, name, value) != NULL;
	plain = bytes_escape(bytes_from_string(value), 4 * strlen(value) + 1);
	if (!plain)
		return false;
	added = cJSON_AddStringToObject(json, name, plain) != NULL;
	free(plain);
	return added;
}

static bool
add_hex(cJSON *json, const char *name, struct bytes value)
{
	char *digits = malloc(2 * value.len + 1);
	bool added;

	if (!digits)
		return false;
	hex_encode(value, digits);
	added = cJSON_AddStringToObject(json, name, digits) != NULL;
	free(digits);
	return added;
}

static bool
add_pcrs(cJSON *json, const struct enclave_client_document *document)
{
	char name[sizeof("31")];
	cJSON *pcrs;

	if (!claims_pcr_mask(document->claims))
		return true;
	pcrs = cJSON_AddObjectToObject(json, "pcrs");
	if (!pcrs)
		return false;
	for (unsigned int i = 0; i < PCRS_MAX; i++) {
		const char *value = enclave_client_document_pcr(document, i);

		(void)snprintf(name, sizeof(name), "%u", i % PCRS_MAX);
		if (value && !cJSON_AddStringToObject(pcrs, name, value))
			return false;
	}
	return true;
}

static bool
add_fields(cJSON *json, const struct enclave_client_document *document)
{
	static const struct {
		const char *name;
		enum claims_field field;
	} fields[] = {
	    {"public_key", CLAIMS_PUBLIC_KEY},
	    {"user_data", CLAIMS_USER_DATA},
	    {"nonce", CLAIMS_NONCE},
	};
	struct bytes value;
	bool added = true;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (claims_field(document->claims, fields[i].field, &value))
			added = added && add_hex(json, fields[i].name, value);
		else if (document->complete)
			added = added &&
				cJSON_AddNullToObject(json, fields[i].name);
	}
	return added;
}

static bool
add_certificate(cJSON *chain, const struct claims_certificate *certificate)
{
	const struct bytes digest = {
	    certificate->sha256, sizeof(certificate->sha256)};
	cJSON *json = cJSON_CreateObject();

	if (!cJSON_AddItemToArray(chain, json)) {
		cJSON_Delete(json);
		return false;
	}
	return add_text(json, "subject", certificate->subject) &&
	       cJSON_AddNumberToObject(
		   json, "not_before_ms", (double)certificate->not_before_ms) &&
	       cJSON_AddNumberToObject(
		   json, "not_after_ms", (double)certificate->not_after_ms) &&
	       add_hex(json, "sha256", digest);
}

static bool
add_chain(cJSON *json, const struct claims *claims)
{
	size_t count = claims_certificate_count(claims);
	cJSON *chain;

	if (count == 0)
		return true;
	chain = cJSON_AddArrayToObject(json, "chain");
	if (!chain)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_certificate(chain, claims_certificate(claims, i)))
			return false;
	return true;
}

char *
enclave_client_document_json(const struct enclave_client_document *document)
{
	cJSON *json = NULL;
	char *text = NULL;
	int64_t timestamp_ms;

	if (!document)
		return NULL;
	json = cJSON_CreateObject();
	timestamp_ms = claims_timestamp_ms(document->claims);
	if (!json ||
	    !add_text(json, "module_id", claims_module_id(document->claims)) ||
	    !add_text(json, "digest", claims_digest(document->claims)))
		goto out;
	if (timestamp_ms != 0 && !cJSON_AddNumberToObject(json, "timestamp_ms",
				     (double)timestamp_ms))
		goto out;
	if (!add_pcrs(json, document) || !add_fields(json, document) ||
	    !add_chain(json, document->claims))
		goto out;
	text = cJSON_PrintUnformatted(json);

out:
	cJSON_Delete(json);
	return text;
}
