/* Matching: whole sets, absent never, debug first, and the message. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_claims.h"
#include "json_text.h"
#include "policy/json.h"
#include "policy/policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_MS       INT64_C(1800000000000)

static struct policy *
load(const char *text, bool insecure)
{
	struct enclave_client_error error;
	struct policy *policy = NULL;
	cJSON *json = cJSON_Parse(text);

	ck_assert_msg(json != NULL, "the test's JSON is broken: %s", text);
	ck_assert_msg(!policy_new_json(json, "pcrs", insecure, &policy, &error),
	    "%s", error.message);
	cJSON_Delete(json);
	return policy;
}

#define REFUSED SIZE_MAX

static const struct {
	const char *policy;
	const char *shown;
	size_t set; /* REFUSED, or the one that matches */
} matches[] = {
    {"{" PCR(0, "a") "}", "0=a", 0},
    {"{" PCR(0, "a") "}", "0=a 1=b 2=c 8=d", 0},
    {"{" PCR(0, "A") "}", "0=a", 0},
    {"{" PCR(31, "a") "}", "31=a", 0},
    {"{" PCR(0, "a") "," PCR(8, "0") "}", "0=a 8=0", 0},
    {"[{" PCR(0, "a") "},{" PCR(0, "b") "}]", "0=b", 1},
    {"[{" PCR(0, "a") "},{" PCR(0, "a") "}]", "0=a", 0},
    {"{" PCR(0, "a") "}", "0=b", REFUSED},
    /* Absent never matches. */
    {"{" PCR(0, "a") "}", "1=a", REFUSED},
    {"{" PCR(0, "a") "}", "", REFUSED},
    {"{" PCR(8, "a") "}", "0=a 1=a 2=a", REFUSED},
    {"{" PCR(0, "a") "," PCR(8, "b") "}", "0=a", REFUSED},
    {"{" PCR(0, "a") "," PCR(8, "0") "}", "0=a", REFUSED},
    {"{" PCR(0, "a") "," PCR(8, "0") "}", "8=0", REFUSED},
    /* Each register of the set counts. */
    {"{" PCR(0, "a") "," PCR(1, "b") "," PCR(2, "c") "}", "0=f", REFUSED},
    {"{" PCR(0, "a") "," PCR(1, "b") "," PCR(2, "c") "}", "0=a 1=b 2=d",
	REFUSED},
    {"{" PCR(0, "a") "," PCR(1, "b") "," PCR(2, "c") "}", "0=d 1=b 2=c",
	REFUSED},
    {"{" PCR(0, "a") "," PCR(1, "b") "}", "0=b 1=a", REFUSED},
    /* A mix of two releases is neither. */
    {"[{" PCR(0, "a") "," PCR(1, "b") "},{" PCR(0, "c") "," PCR(1, "d") "}]",
	"0=a 1=d", REFUSED},
    {"[{" PCR(0, "a") "," PCR(1, "b") "},{" PCR(0, "c") "," PCR(1, "d") "}]",
	"0=c 1=b", REFUSED},
    {"[{" PCR(0, "a") "," PCR(1, "b") "},{" PCR(0, "c") "," PCR(1, "d") "}]",
	"0=c 1=d", 1},
    /* A set that has ended is not there. */
    {"{" PCR(0, "a") ",\"expires\":1800000001}", "0=a", 0},
    {"{" PCR(0, "a") ",\"expires\":1800000000}", "0=a", REFUSED},
    {"{" PCR(0, "a") ",\"expires\":\"2027-01-15T08:00:00.001Z\"}", "0=a", 0},
    {"{" PCR(0, "a") ",\"expires\":0}", "0=a", REFUSED},
    {"[{" PCR(0, "a") ",\"expires\":1},{" PCR(0, "a") "}]", "0=a", 1},
};

START_TEST(sets_match_whole_or_not_at_all)
{
	struct policy *policy = load(matches[_i].policy, false);
	struct claims *claims = fake_claims_new(matches[_i].shown);
	struct enclave_client_error error;
	size_t set = 77;
	bool good = matches[_i].set != REFUSED;

	ck_assert_int_eq(policy_match(policy, claims, NOW_MS, &set, &error),
	    good ? ENCLAVE_CLIENT_OK : ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_uint_eq(set, good ? matches[_i].set : 77);
	if (!good)
		ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_POLICY);
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

START_TEST(one_bit_anywhere_is_another_measurement)
{
	struct policy *policy = load("{" PCR(3, "a") "}", false);
	struct claims *claims = fake_claims_new("3=a");
	size_t set;

	for (size_t bit = 0; bit < 8 * PCR_BYTES; bit++) {
		claims->pcrs[3][bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(
		    policy_match(policy, claims, NOW_MS, &set, NULL),
		    ENCLAVE_CLIENT_ERR_MEASUREMENT);
		claims->pcrs[3][bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert(!policy_match(policy, claims, NOW_MS, &set, NULL));
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

static const struct {
	const char *policy;
	const char *shown;
	bool insecure;
	enum enclave_client_status status;
} debugs[] = {
    /* PCR4 stays set in debug mode, so it would match. */
    {"{" PCR(4, "a") "}", "0=0 1=0 2=0 4=a", false, ENCLAVE_CLIENT_ERR_DEBUG},
    {"{" PCR(0, "a") "}", "0=0 1=0 2=0 4=a", false, ENCLAVE_CLIENT_ERR_DEBUG},
    {"{" PCR(4, "a") "}", "0=0 1=0 2=0 4=a", true, ENCLAVE_CLIENT_OK},
    {"{" PCR(0, "0") "}", "0=0 1=0 2=0 4=a", true, ENCLAVE_CLIENT_OK},
    {"{" PCR(0, "a") "}", "0=0 1=0 2=0 4=a", true,
	ENCLAVE_CLIENT_ERR_MEASUREMENT},
    {"{" PCR(4, "a") "}", "0=0 1=0 2=b 4=a", false, ENCLAVE_CLIENT_OK},
};

START_TEST(a_debug_enclave_is_refused_before_anything_is_compared)
{
	struct policy *policy = load(debugs[_i].policy, debugs[_i].insecure);
	struct claims *claims = fake_claims_new(debugs[_i].shown);
	struct enclave_client_error error;
	size_t set;

	ck_assert_int_eq(policy_match(policy, claims, NOW_MS, &set, &error),
	    debugs[_i].status);
	if (debugs[_i].status == ENCLAVE_CLIENT_ERR_DEBUG) {
		ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_POLICY);
		ck_assert_ptr_nonnull(strstr(error.message, "debug mode"));
	}
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

static const struct {
	const char *policy;
	const char *shown;
	const char *messages[4];
} messages[] = {
    {"{" PCR(0, "a") ",\"label\":\"v1.4\"}", "0=b",
	{"PCR0 is " H96("b") ", accepted: " H96(
	    "a") " (set 1 of 1 \"v1.4\"); accept it only if you built it: add "
		 "{\"PCR0\": \"" H96("b") "\"} to the policy"}},
    {"[{" PCR(0, "a") "},{" PCR(0, "b") "}]", "0=c",
	{"PCR0 is " H96("c") ", accepted: " H96("a") " (set 1 of 2), " H96(
	    "b") " (set 2 of 2); "}},
    /* The closest set is the one with the fewest differing registers. */
    {"[{" PCR(0, "a") "," PCR(1, "b") "," PCR(2, "c") "},{" PCR(0, "d") "," PCR(
	 1, "e") "," PCR(2, "f") "}]",
	"0=d 1=e 2=9",
	{"PCR2 is " H96("9"), H24("c"), "(set 1 of 2)",
	    "add {\"PCR0\": \"" H96("d") "\", \"PCR1\": \"" H96(
		"e") "\", \"PCR2\": \"" H96("9") "\"} to the policy"}},
    /* Of the image all three, as a build prints them; else its own. */
    {"{" PCR(0, "a") "}", "0=b 1=c 2=d 8=e",
	{"add {\"PCR0\": \"" H96("b") "\", \"PCR1\": \"" H96(
	    "c") "\", \"PCR2\": \"" H96("d") "\"} to the policy"}},
    {"{" PCR(8, "a") "}", "0=b 1=c 2=d 8=e",
	{"add {\"PCR8\": \"" H96("e") "\"} to the policy"}},
    {"{" PCR(8, "a") "}", "0=b 1=c",
	{"PCR8 is not in the document, which never matches, accepted: " H96(
	    "a")}},
    {"{" PCR(0, "a") ",\"expires\":\"2020-01-01T00:00:00Z\","
		     "\"label\":\"old\"}",
	"0=a",
	{"every accepted PCR set has expired",
	    "set 1 of 1 \"old\" matches, but expired 2020-01-01T00:00:00Z"}},
    {"[{" PCR(0, "a") ",\"expires\":86400,\"label\":\"old\"},{" PCR(
	 0, "b") "}]",
	"0=c",
	{"PCR0 is " H96("c") ", accepted: " H96("b") " (set 2 of 2)",
	    "; set 1 of 2 \"old\" expired 1970-01-02T00:00:00Z",
	    "; accept it only if you built it"}},
    {"{" PCR(0, "a") ",\"label\":\"say \\\"x\\\"\"}", "0=b",
	{"(set 1 of 1 \"say \\x22x\\x22\")"}},
};

START_TEST(the_message_says_what_was_shown_and_what_is_accepted)
{
	struct policy *policy = load(messages[_i].policy, false);
	struct claims *claims = fake_claims_new(messages[_i].shown);
	struct enclave_client_error error;
	size_t set;

	ck_assert_int_eq(policy_match(policy, claims, NOW_MS, &set, &error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT);
	for (size_t i = 0; i < 4 && messages[_i].messages[i]; i++)
		ck_assert_msg(
		    strstr(error.message, messages[_i].messages[i]) != NULL,
		    "\"%s\" without \"%s\"", error.message,
		    messages[_i].messages[i]);
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

/* count sets with PCR0 to PCR(registers - 1) and labels as long as may be. */
static struct policy *
load_many(size_t count, unsigned int registers)
{
	struct enclave_client_error error;
	struct policy *policy = NULL;
	cJSON *list = cJSON_CreateArray();
	char label[POLICY_LABEL_MAX_BYTES + 1];

	memset(label, '"', sizeof(label));
	label[POLICY_LABEL_MAX_BYTES] = '\0';
	for (size_t i = 0; i < count; i++) {
		cJSON *set = cJSON_CreateObject();
		cJSON_AddItemToArray(list, set);
		cJSON_AddStringToObject(set, "label", label);
		for (unsigned int j = 0; j < registers; j++) {
			char name[16];
			snprintf(name, sizeof(name), "PCR%u", j);
			cJSON_AddStringToObject(set, name, H96("a"));
		}
	}
	ck_assert_msg(!policy_new_json(list, "pcrs", false, &policy, &error),
	    "%s", error.message);
	cJSON_Delete(list);
	return policy;
}

static const struct {
	size_t sets;
	unsigned int registers;
} crowds[] = {{1, 1}, {2, 4}, {9, 3}, {256, 1}, {256, 32}, {1, 32}};

#define NONE ENCLAVE_CLIENT_MS_UNKNOWN

static const struct {
	const char *policy;
	const char *shown;
	int index;
	const char *value;    /* the digit that is shown */
	const char *accepted; /* a digit for each value */
	int64_t deadline_ms;
} facts[] = {
    {"{" PCR(0, "a") "}", "0=b", 0, "b", "a", NONE},
    {"{" PCR(0, "a") "," PCR(8, "c") "}", "0=a 8=d", 8, "d", "c", NONE},
    {"[{" PCR(0, "a") "},{" PCR(0, "c") "}]", "0=b", 0, "b", "ac", NONE},
    {"{" PCR(8, "a") "}", "0=a", 8, "", "a", NONE},
    /* Sets that have ended are not accepted. */
    {"[{" PCR(0, "a") ",\"expires\":1},{" PCR(0, "c") "}]", "0=a", 0, "a", "c",
	NONE},
    {"[{" PCR(0, "a") ",\"expires\":2},{" PCR(0, "c") ",\"expires\":1}]", "0=a",
	-1, "", "", 2000},
    {"{" PCR(0, "a") "}", "0=0 1=0 2=0", 0, "0", "a", NONE},
};

static void
assert_register(const char *hex, char digit)
{
	ck_assert_uint_eq(strlen(hex), digit ? 2 * PCR_BYTES : 0);
	for (size_t i = 0; hex[i]; i++)
		ck_assert_int_eq(hex[i], digit);
}

START_TEST(a_refusal_has_its_facts_beside_the_message)
{
	struct policy *policy = load(facts[_i].policy, false);
	struct claims *claims = fake_claims_new(facts[_i].shown);
	struct enclave_client_error error;
	size_t set, count = strlen(facts[_i].accepted);

	claims->timestamp_ms = NOW_MS - 1234;
	ck_assert_int_ne(policy_match(policy, claims, NOW_MS, &set, &error),
	    ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(enclave_client_error_pcr(&error), facts[_i].index);
	assert_register(
	    enclave_client_error_pcr_shown(&error), facts[_i].value[0]);
	for (size_t i = 0; i < count; i++)
		assert_register(enclave_client_error_pcr_accepted(&error, i),
		    facts[_i].accepted[i]);
	ck_assert_ptr_null(enclave_client_error_pcr_accepted(&error, count));
	ck_assert_int_eq(enclave_client_error_age_ms(&error), 1234);
	ck_assert_int_eq(
	    enclave_client_error_deadline_ms(&error), facts[_i].deadline_ms);
	policy_unref(policy);
	claims_unref(claims);
}
END_TEST

START_TEST(a_long_message_keeps_what_matters)
{
	struct policy *policy =
	    load_many(crowds[_i].sets, crowds[_i].registers);
	struct claims *claims =
	    fake_claims_new("0=b 1=b 2=b 3=b 4=b 5=b 6=b 7=b 8=b 9=b 10=b "
			    "11=b 12=b 13=b 14=b 15=b 16=b 31=b");
	struct enclave_client_error error;
	char name[ENCLAVE_NAME_MAX_BYTES + 1];
	size_t set;

	ck_assert_int_eq(policy_match(policy, claims, NOW_MS, &set, &error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT);
	memset(name, 'n', sizeof(name));
	name[ENCLAVE_NAME_MAX_BYTES] = '\0';
	error_set_enclave(&error, name);
	ck_assert_ptr_nonnull(strstr(error.message, ": PCR0 is " H96("b")));
	ck_assert_ptr_nonnull(
	    strstr(error.message, ", accepted: aaaaaaaaaaaaaaaa"));
	const char *end = strstr(error.message, " to the policy");
	ck_assert_ptr_nonnull(end);
	ck_assert_str_eq(end, " to the policy");
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

START_TEST(an_error_object_is_not_needed)
{
	struct policy *policy = load("{" PCR(0, "a") "}", false);
	struct claims *claims = fake_claims_new("0=b");
	size_t set;

	ck_assert_int_eq(policy_match(policy, claims, NOW_MS, &set, NULL),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT);
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

#define MODULE   "i-0123456789abcdef0-enc0123456789abcdef"
#define INSTANCE "i-0123456789abcdef0"
/* SHA-256 of 00010007, 48 times aa, bb, cc, and 48 zeros or 48 times dd;
 * reckoned with another SHA-256. */
#define IMAGE_ID                                                               \
	"6c6584e4a80153c901d5d91d6b9fbc6752b6153fa0b4172bd1dcd328728ed7f4"
#define IMAGE_ID_16                                                            \
	"a1c52fea708e9d17083261fb02c4d34fdfe52eee2df0ce3d8266088311196b50"

static const struct {
	const char *policy;
	const char *shown;
	const char *module_id;
	const char *message; /* NULL: it matches */
} identities[] = {
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=a 1=b 2=c", MODULE, NULL},
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=a 1=b 2=c 16=0", MODULE, NULL},
    {"{\"image_id\":\"" IMAGE_ID_16 "\"}", "0=a 1=b 2=c 16=d", MODULE, NULL},
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=a 1=b 2=c 16=d", MODULE,
	"image_id is " IMAGE_ID_16 ", accepted: " IMAGE_ID},
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=a 1=b 2=d", MODULE, "image_id is "},
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=b 1=a 2=c", MODULE, "image_id is "},
    {"{\"image_id\":\"" IMAGE_ID "\"}", "0=a 1=b", MODULE,
	"it has no image_id"},
    {"{\"image_id\":\"" IMAGE_ID "\"," PCR(8, "e") "}", "0=a 1=b 2=c 8=f",
	MODULE, "PCR8 is ffff"},
    {"{" PCR(0, "a") ",\"module_id\":\"" MODULE "\"}", "0=a", MODULE, NULL},
    {"{" PCR(0, "a") ",\"module_id\":\"" MODULE "\"}", "0=a",
	"i-0123456789abcdef0-enc0123456789abcdee", "accepted: module_id"},
    {"{" PCR(0, "a") ",\"module_id\":\"" MODULE "\"}", "0=a", MODULE "0",
	"accepted: module_id"},
    {"{" PCR(0, "a") ",\"module_id\":\"" MODULE "\"}", "0=b", MODULE,
	"PCR0 is bbbb"},
    {"{" PCR(0, "a") ",\"instance_id\":\"" INSTANCE "\"}", "0=a", MODULE, NULL},
    {"{" PCR(0, "a") ",\"instance_id\":\"" INSTANCE "\"}", "0=a",
	"i-0123456789abcdef1-enc0123456789abcdef", "accepted: instance_id"},
    /* The instance's name ends where the enclave's begins. */
    {"{" PCR(0, "a") ",\"instance_id\":\"i-01234567\"}", "0=a", MODULE,
	"accepted: instance_id"},
    {"{" PCR(0, "a") ",\"instance_id\":\"" INSTANCE "\"}", "0=a", INSTANCE,
	"accepted: instance_id"},
    {"{" PCR(0, "a") ",\"instance_id\":\"" INSTANCE "\"}", "0=a", NULL,
	"accepted: instance_id"},
};

START_TEST(image_and_machine_are_matched_as_a_whole)
{
	struct policy *policy = load(identities[_i].policy, false);
	struct claims *claims = fake_claims_new(identities[_i].shown);
	struct enclave_client_error error = {0};
	enum enclave_client_status status;
	size_t set = REFUSED;

	claims->module_id = identities[_i].module_id;
	status = policy_match(policy, claims, NOW_MS, &set, &error);
	if (!identities[_i].message) {
		ck_assert_msg(!status, "%s", error.message);
		ck_assert_uint_eq(set, 0);
	} else {
		ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_MEASUREMENT);
		ck_assert_msg(
		    strstr(error.message, identities[_i].message) != NULL,
		    "no \"%s\" in: %s", identities[_i].message, error.message);
	}
	claims_unref(claims);
	policy_unref(policy);
}
END_TEST

START_TEST(image_and_machine_make_policies_differ)
{
	static const char *const texts[] = {"{" PCR(0, "a") "}",
	    "{" PCR(0, "a") ",\"image_id\":\"" IMAGE_ID "\"}",
	    "{" PCR(0, "a") ",\"image_id\":\"" IMAGE_ID_16 "\"}",
	    "{" PCR(0, "a") ",\"module_id\":\"" MODULE "\"}",
	    "{" PCR(0, "a") ",\"instance_id\":\"" INSTANCE "\"}"};

	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t j = 0; j < COUNT(texts); j++) {
			struct policy *a = load(texts[i], false);
			struct policy *b = load(texts[j], false);
			ck_assert_int_eq(policy_equal(a, b), i == j);
			policy_unref(a);
			policy_unref(b);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, sets_match_whole_or_not_at_all, 0, COUNT(matches));
	tcase_add_test(tcase, one_bit_anywhere_is_another_measurement);
	tcase_add_loop_test(tcase,
	    a_debug_enclave_is_refused_before_anything_is_compared, 0,
	    COUNT(debugs));
	tcase_add_loop_test(tcase,
	    the_message_says_what_was_shown_and_what_is_accepted, 0,
	    COUNT(messages));
	tcase_add_loop_test(
	    tcase, a_refusal_has_its_facts_beside_the_message, 0, COUNT(facts));
	tcase_add_loop_test(
	    tcase, a_long_message_keeps_what_matters, 0, COUNT(crowds));
	tcase_add_test(tcase, an_error_object_is_not_needed);
	tcase_add_loop_test(tcase, image_and_machine_are_matched_as_a_whole, 0,
	    COUNT(identities));
	tcase_add_test(tcase, image_and_machine_make_policies_differ);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
