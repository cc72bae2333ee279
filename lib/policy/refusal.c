/*
 * The message of a refused measurement: the register that differs, what was
 * shown, what would have been accepted, and what to do about it.
 */
#include <time.h>

#include "policy/set.h"
#include "policy/text.h"

/* error_set_enclave() puts "name: " in front and cuts what is too long. */
#define MESSAGE_BYTES (ERROR_MESSAGE_MAX_BYTES - ENCLAVE_NAME_MAX_BYTES - 3)
#define HEX_BYTES     (2 * PCR_BYTES + 1)
/* Enough of a digest to tell two builds apart by eye. */
#define SHORT_DIGITS 16
/* The advice holds four whole registers, as nitro-cli prints them. */
#define ADVICE_BYTES 520
/* Further sets are counted, not shown. */
#define SHOWN_MAX 8
/* PCR0 to PCR2 are the image; the rest is where and as whom it runs. */
#define IMAGE_PCRS 3

struct refusal {
	const struct policy *policy;
	const struct claims *claims;
	int64_t now_ms;
	size_t closest;     /* the set with the fewest differing registers */
	unsigned int index; /* the first register that differs there */
	bool registers;     /* one does; else it is the image or the machine */
};

static size_t
count_differing(const struct pcr_set *set, const struct claims *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += !pcr_value_matches(&set->values[i], claims);
	return count;
}

/* False when no set is left that has not expired. */
static bool
find_closest(struct refusal *refusal)
{
	const struct policy *policy = refusal->policy;
	size_t fewest = SIZE_MAX;

	for (size_t i = 0; i < policy->count; i++) {
		const struct pcr_set *set = &policy->sets[i];
		size_t differing = count_differing(set, refusal->claims);
		if (set_expired(set, refusal->now_ms) || differing >= fewest)
			continue;
		fewest = differing;
		refusal->closest = i;
	}
	if (fewest == SIZE_MAX)
		return false;
	const struct pcr_set *set = &policy->sets[refusal->closest];
	refusal->registers = fewest > 0;
	for (size_t i = 0; i < set->count; i++) {
		if (pcr_value_matches(&set->values[i], refusal->claims))
			continue;
		refusal->index = set->values[i].index;
		break;
	}
	return true;
}

static const struct pcr_value *
find_value(const struct pcr_set *set, unsigned int index)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->values[i].index == index)
			return &set->values[i];
	return NULL;
}

/*
 * "1b9c... (set 1 of 2 "v1.4"), ..." of the register; whole values or their
 * first digits.
 */
static void
append_accepted(struct text *text, const struct refusal *refusal, size_t digits)
{
	const struct policy *policy = refusal->policy;
	size_t shown = 0, more = 0;
	char hex[HEX_BYTES], name[SET_NAME_MAX_BYTES];

	for (size_t i = 0; i < policy->count; i++) {
		const struct pcr_set *set = &policy->sets[i];
		const struct pcr_value *value = find_value(set, refusal->index);
		if (!value || set_expired(set, refusal->now_ms))
			continue;
		if (shown == SHOWN_MAX) {
			more++;
			continue;
		}
		hex_encode(
		    (struct bytes){value->bytes, sizeof(value->bytes)}, hex);
		set_name(policy, i, name);
		text_append(text, "%s%.*s%s (%s)", shown ? ", " : "",
		    (int)digits, hex, digits < HEX_BYTES - 1 ? "..." : "",
		    name);
		shown++;
	}
	if (more)
		text_append(text, ", and %zu more", more);
}

/* PCR0, PCR1 and PCR2, which measure one image together. */
static bool
names_image(const struct pcr_set *set)
{
	for (unsigned int index = 0; index < IMAGE_PCRS; index++)
		if (find_value(set, index))
			return true;
	return false;
}

/*
 * The PCR set to add: what the document shows for the closest set; of an
 * image all three, as a build prints them.
 */
static void
append_advice(struct text *text, const struct refusal *refusal)
{
	const struct pcr_set *set = &refusal->policy->sets[refusal->closest];
	char hex[HEX_BYTES];
	struct bytes shown;
	bool image = names_image(set);

	text_append(text, "; accept it only if you built it: add {");
	for (unsigned int index = 0; index < PCRS_MAX; index++) {
		bool wanted = image && index < IMAGE_PCRS;
		if (!wanted && !find_value(set, index))
			continue;
		if (!claims_pcr(refusal->claims, index, &shown))
			continue;
		hex_encode(shown, hex);
		text_append(text, "%s\"PCR%u\": \"%s\"",
		    text->data[text->len - 1] == '{' ? "" : ", ", index, hex);
	}
	text_append(text, "} to the policy");
}

static void
append_expired(struct text *text, const struct refusal *refusal)
{
	const struct policy *policy = refusal->policy;
	char name[SET_NAME_MAX_BYTES];

	for (size_t i = 0; i < policy->count; i++) {
		const struct pcr_set *set = &policy->sets[i];
		struct tm tm;
		char when[32] = "";
		if (!set_expired(set, refusal->now_ms))
			continue;
		time_t seconds = (time_t)(set->expires_ms / 1000);
		if (gmtime_r(&seconds, &tm))
			(void)strftime(
			    when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		set_name(policy, i, name);
		text_append(text, "; %s %sexpired %s", name,
		    set_matches(set, refusal->claims) ? "matches, but " : "",
		    when);
	}
}

static void
append_shown(struct text *text, const struct refusal *refusal)
{
	char hex[HEX_BYTES];
	struct bytes shown;

	if (!claims_pcr(refusal->claims, refusal->index, &shown)) {
		text_append(text,
		    "PCR%u is not in the document, which never matches",
		    refusal->index);
		return;
	}
	hex_encode(shown, hex);
	text_append(text, "PCR%u is %s", refusal->index, hex);
}

/* Every register of the closest set matches, and it still is not that. */
static void
append_identity(struct text *text, const struct refusal *refusal)
{
	const struct pcr_set *set = &refusal->policy->sets[refusal->closest];
	const char *module_id = claims_module_id(refusal->claims);
	char accepted[2 * IMAGE_ID_BYTES + 1], shown[2 * IMAGE_ID_BYTES + 1];
	char name[SET_NAME_MAX_BYTES];
	uint8_t image_id[IMAGE_ID_BYTES];

	set_name(refusal->policy, refusal->closest, name);
	if (image_id_matches(set, refusal->claims)) {
		text_append(text, "module_id is \"");
		text_append_escaped(text, module_id ? module_id : "");
		text_append(text, "\", accepted: %s \"%s\" (%s)",
		    set->module_id ? "module_id" : "instance_id",
		    set->module_id ? set->module_id : set->instance_id, name);
		return;
	}
	hex_encode((struct bytes){set->image_id, IMAGE_ID_BYTES}, accepted);
	if (!image_id_of(refusal->claims, image_id)) {
		text_append(text,
		    "PCR0, 1 or 2 is not in the document, so that it has no "
		    "image_id, accepted: %s (%s)",
		    accepted, name);
		return;
	}
	hex_encode((struct bytes){image_id, IMAGE_ID_BYTES}, shown);
	text_append(
	    text, "image_id is %s, accepted: %s (%s)", shown, accepted, name);
}

/* The same as facts, for whoever asks the error. */
static void
tell_register(const struct refusal *refusal, struct enclave_client_error *error)
{
	const struct policy *policy = refusal->policy;
	struct bytes shown = {0};

	(void)claims_pcr(refusal->claims, refusal->index, &shown);
	error_set_pcr(error, refusal->index, shown);
	for (size_t i = 0; i < policy->count; i++) {
		const struct pcr_set *set = &policy->sets[i];
		const struct pcr_value *value = find_value(set, refusal->index);

		if (value && !set_expired(set, refusal->now_ms))
			error_add_accepted(error,
			    (struct bytes){value->bytes, sizeof(value->bytes)});
	}
}

/* Every set has expired: when the last one did. */
static void
tell_last_end(const struct refusal *refusal, struct enclave_client_error *error)
{
	const struct policy *policy = refusal->policy;
	int64_t last_ms = INT64_MIN;

	for (size_t i = 0; i < policy->count; i++)
		if (policy->sets[i].expires_ms > last_ms)
			last_ms = policy->sets[i].expires_ms;
	error_set_deadline(error, last_ms);
}

static void
tell_age(const struct claims *claims, int64_t now_ms,
    struct enclave_client_error *error)
{
	error_set_age(error, now_ms - claims_timestamp_ms(claims));
}

enum enclave_client_status
policy_refuse_debug(const struct policy *policy, const struct claims *claims,
    int64_t now_ms, struct enclave_client_error *error)
{
	const struct refusal refusal = {
	    .policy = policy, .claims = claims, .now_ms = now_ms};

	(void)error_set(error, ENCLAVE_CLIENT_ERR_DEBUG,
	    ENCLAVE_CLIENT_STEP_POLICY,
	    "the enclave runs in debug mode (PCR0, PCR1 and PCR2 are all "
	    "zero): its host can read what it is sent; only "
	    "insecure_allow_debug accepts it");
	tell_register(&refusal, error);
	tell_age(claims, now_ms, error);
	return ENCLAVE_CLIENT_ERR_DEBUG;
}

enum enclave_client_status
policy_refuse(const struct policy *policy, const struct claims *claims,
    int64_t now_ms, struct enclave_client_error *error)
{
	struct refusal refusal = {policy, claims, now_ms, 0, 0, false};
	char message_data[MESSAGE_BYTES], advice_data[ADVICE_BYTES];
	struct text message, advice;

	text_init(&message, message_data, sizeof(message_data));
	text_init(&advice, advice_data, sizeof(advice_data));
	bool found = find_closest(&refusal);
	if (!found) {
		text_append(&message, "every accepted PCR set has expired");
		append_expired(&message, &refusal);
		goto out;
	}
	if (!refusal.registers) {
		append_identity(&message, &refusal);
		append_expired(&message, &refusal);
		goto out;
	}
	append_shown(&message, &refusal);
	append_advice(&advice, &refusal);
	if (advice.cut) {
		text_init(&advice, advice_data, sizeof(advice_data));
		text_append(&advice, "; accept it only if you built it: add "
				     "the PCRs that it shows to the policy");
	}
	/* What is accepted gets the room that is left. */
	struct text accepted = message;
	accepted.size -= advice.len;
	text_append(&accepted, ", accepted: ");
	append_accepted(&accepted, &refusal, HEX_BYTES - 1);
	append_expired(&accepted, &refusal);
	if (accepted.cut) {
		accepted = message;
		accepted.size -= advice.len;
		text_append(&accepted, ", accepted: ");
		append_accepted(&accepted, &refusal, SHORT_DIGITS);
		append_expired(&accepted, &refusal);
	}
	message.len = accepted.len;
	text_append(&message, "%s", advice_data);
out:
	(void)error_set(error, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY, "%s", message_data);
	if (refusal.registers)
		tell_register(&refusal, error);
	if (!found)
		tell_last_end(&refusal, error);
	tell_age(claims, now_ms, error);
	return ENCLAVE_CLIENT_ERR_MEASUREMENT;
}
