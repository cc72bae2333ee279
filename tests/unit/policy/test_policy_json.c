/* Reference values out of JSON: every form, and every refusal of rule 9. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "policy/json.h"
#include "policy/policy.h"
#include "policy/time_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum enclave_client_status
load(const char *text, bool insecure, struct policy **ret_policy,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	cJSON *json = cJSON_Parse(text);

	ck_assert_msg(json != NULL, "the test's JSON is broken: %s", text);
	status = policy_new_json(json, "pcrs", insecure, ret_policy, error);
	cJSON_Delete(json);
	return status;
}

#define SHA "\"HashAlgorithm\": \"Sha384 { ... }\""

static const struct {
	const char *text;
	size_t sets;
	const char *label; /* of the first set */
} accepted[] = {
    {"{" PCR(0, "a") "}", 1, ""},
    {"{" PCR(31, "a") "}", 1, ""},
    {"{\"pcr0\": \"" H96("a") "\"}", 1, ""},
    {"{\"pcr_0\": \"" H96("A") "\"}", 1, ""},
    {"{\"pcr_10\": \"" H96("A") "\"}", 1, ""},
    {"{" PCR(0, "a") "," PCR(1, "b") "," PCR(2, "c") "," PCR(8, "d") "}", 1,
	""},
    {"[{" PCR(0, "a") "}]", 1, ""},
    {"[{" PCR(0, "a") "},{" PCR(8, "b") "}]", 2, ""},
    {"{" PCR(0, "a") ",\"label\":\"v1.4\"}", 1, "v1.4"},
    {"{" PCR(0, "a") ",\"label\":\"\"}", 1, ""},
    {"{" PCR(0, "a") ",\"label\":\"\xc3\xa9\"}", 1, "\xc3\xa9"},
    {"{\"Measurements\":{" SHA "," PCR(0, "a") "," PCR(1, "b") "}}", 1, ""},
    {"{\"Measurements\":{" SHA "," PCR(0, "a") "},\"label\":\"v2\"}", 1, "v2"},
    {"{\"EifVersion\":4,\"IsSigned\":false,\"CheckCRC\":true,"
     "\"SignatureCheck\":null,\"ImageName\":\"x\",\"Metadata\":{\"a\":[1]},"
     "\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	1, ""},
    {"{\"SignatureCheck\":true,\"Measurements\":{" SHA "," PCR(8, "a") "}}", 1,
	""},
    {"[{\"Measurements\":{" SHA "," PCR(0, "a") "}},{" PCR(0, "b") "}]", 2, ""},
    /* Zero in a register that is not the image's, beside one that is. */
    {"{" PCR(0, "a") "," PCR(8, "0") "}", 1, ""},
    {"{" PCR(0, "a") "," PCR(2, "0") "}", 1, ""},
};

START_TEST(every_form_of_reference_values_is_read)
{
	struct enclave_client_error error;
	struct policy *policy = NULL;

	error_clear(&error);
	ck_assert_msg(!load(accepted[_i].text, false, &policy, &error),
	    "%.60s: %s", accepted[_i].text, error.message);
	ck_assert_uint_eq(policy_set_count(policy), accepted[_i].sets);
	ck_assert_str_eq(policy_set_label(policy, 0), accepted[_i].label);
	ck_assert_int_eq(policy_set_expires_ms(policy, 0), INT64_MAX);
	ck_assert(!policy_insecure_debug(policy));
	policy_unref(policy);
}
END_TEST

static const struct {
	const char *text;
	const char *message;
} refused[] = {
    /* Nothing to compare with would accept anything. */
    {"{}", "pcrs: no PCR in it"},
    {"[]", "pcrs: an empty list accepts nothing"},
    {"[{}]", "pcrs[0]: no PCR in it"},
    {"[{" PCR(0, "a") "},{}]", "pcrs[1]: no PCR in it"},
    {"{\"label\":\"v1\"}", "pcrs: no PCR in it"},
    {"{\"Measurements\":{" SHA "}}", "pcrs: no PCR in it"},
    {"null", "pcrs: null, expected an object"},
    {"true", "pcrs: a boolean, expected an object"},
    {"\"" H96("a") "\"", "pcrs: a string, expected an object"},
    {"[[{" PCR(0, "a") "}]]", "pcrs[0]: a list, expected an object"},
    {"[null]", "pcrs[0]: null, expected an object"},
    /* Values. */
    {"{\"PCR0\":null}", "pcrs.PCR0: null, expected 96 hex digits"},
    {"{" PCR(0, "a") ",\"PCR1\":null}", "pcrs.PCR1: null, expected 96"},
    {"{\"PCR0\":\"\"}", "pcrs.PCR0: 0 characters, expected 96 hex digits"},
    {"{\"PCR0\":\"" H96("a") "a\"}", "pcrs.PCR0: 97 characters"},
    {"{\"PCR0\":\"" H24("a") "\"}", "pcrs.PCR0: 24 characters"},
    {"{\"PCR0\":\"0x" H24("a") H24("a") H24("a") H8("a") H8("a") "aaaaaa\"}",
	"pcrs.PCR0: a character that is no hex digit"},
    {"{\"PCR0\":\" " H24("a") H24("a") H24("a") H8("a") H8("a") "aaaaaaa\"}",
	"pcrs.PCR0: a character that is no hex digit"},
    {"{\"PCR0\":\"" H24("a") H24("a") H24("a") H8("a") H8("a") "aaaaaaag\"}",
	"pcrs.PCR0: a character that is no hex digit"},
    {"{\"PCR0\":0}", "pcrs.PCR0: a number, expected 96 hex digits"},
    {"{\"PCR0\":[\"" H96("a") "\"]}", "pcrs.PCR0: a list, expected 96"},
    {"[{" PCR(0, "a") "},{\"PCR0\":\"aa\"}]", "pcrs[1].PCR0: 2 characters"},
    /* Names. */
    {"{\"PCR01\":\"" H96("a") "\"}", "pcrs.PCR01: no such register"},
    {"{\"PCR00\":\"" H96("a") "\"}", "pcrs.PCR00: no such register"},
    {"{\"PCR32\":\"" H96("a") "\"}", "pcrs.PCR32: no such register"},
    {"{\"PCR256\":\"" H96("a") "\"}", "pcrs.PCR256: no such register"},
    {"{\"PCR-1\":\"" H96("a") "\"}", "pcrs.PCR-1: no such register"},
    {"{\"PCR\":\"" H96("a") "\"}", "pcrs.PCR: no such register"},
    {"{\"PCR0 \":\"" H96("a") "\"}", "pcrs[\"PCR0 \"]: no such register"},
    {"{\"PCR 0\":\"" H96("a") "\"}", "no such register"},
    {"{\"PCR_0\":\"" H96("a") "\"}", "pcrs.PCR_0: no such register"},
    {"{\"pcr_\":\"" H96("a") "\"}", "pcrs.pcr_: no such register"},
    {"{\"PCR\\u001b0\":\"" H96("a") "\"}", "pcrs[\"PCR\\x1b0\"]"},
    {"{\"Pcr0\":\"" H96("a") "\"}", "did you mean \"PCR0\"?"},
    {"{\"PRC0\":\"" H96("a") "\"}", "did you mean \"PCR0\"?"},
    {"{" PCR(0, "a") ",\"lable\":\"x\"}", "did you mean \"label\"?"},
    {"{" PCR(0, "a") ",\"expire\":1}", "did you mean \"expires\"?"},
    {"{" PCR(0, "a") ",\"zzz\":1}", "unknown member \"zzz\"; known are"},
    /* The same register twice. */
    {"{" PCR(0, "a") "," PCR(0, "b") "}", "PCR0 is already given"},
    {"{" PCR(0, "a") ",\"pcr0\":\"" H96("b") "\"}", "PCR0 is already given"},
    {"{" PCR(0, "a") ",\"pcr_0\":\"" H96("a") "\"}", "PCR0 is already given"},
    /* Debug mode, and values that any enclave may show. */
    {"{" PCR(0, "0") "}", "only insecure_allow_debug accepts it"},
    {"{" PCR(0, "0") "," PCR(1, "0") "," PCR(2, "0") "}",
	"only insecure_allow_debug accepts it"},
    {"{" PCR(0, "0") "," PCR(1, "a") "," PCR(2, "a") "}",
	"only insecure_allow_debug accepts it"},
    {"{" PCR(0, "0") "," PCR(8, "a") "}", "only insecure_allow_debug"},
    {"{" PCR(1, "0") "}", "only insecure_allow_debug"},
    {"{" PCR(1, "0") "," PCR(2, "0") "," PCR(8, "a") "}",
	"only insecure_allow_debug"},
    {"[{" PCR(0, "a") "},{" PCR(0, "0") "}]", "pcrs[1]: an all-zero PCR0"},
    {"{" PCR(8, "0") "}", "every register in it is all zero"},
    {"{" PCR(3, "0") "," PCR(8, "0") "}", "every register in it is all zero"},
    /* image and machine */
    {"{\"module_id\":\"i-0123456789abcdef0-enc01\"}", "pcrs: no PCR in it"},
    {"{\"instance_id\":\"i-0123456789abcdef0\"}", "pcrs: no PCR in it"},
    {"{\"image_id\":\"aa\"}", "pcrs.image_id: expected 64 hex digits"},
    {"{\"image_id\":1}", "pcrs.image_id: expected 64 hex digits"},
    {"{" PCR(0, "a") ",\"module_id\":\"i-0123456789abcdef0\"}",
	"pcrs.module_id: expected a module id"},
    {"{" PCR(0, "a") ",\"module_id\":\"i-0123456789abcdef0-enc\"}",
	"pcrs.module_id: expected a module id"},
    {"{" PCR(0, "a") ",\"module_id\":\"i-0123456789abcdef0-encx\"}",
	"pcrs.module_id: expected a module id"},
    {"{" PCR(0, "a") ",\"module_id\":null}", "pcrs.module_id: expected"},
    {"{" PCR(0, "a") ",\"instance_id\":\"i-0123456789abcdef0-enc01\"}",
	"pcrs.instance_id: expected an instance id"},
    {"{" PCR(0, "a") ",\"instance_id\":\"i-0\"}",
	"pcrs.instance_id: expected an instance id"},
    {"{" PCR(0, "a") ",\"instance_id\":\"\"}",
	"pcrs.instance_id: expected an instance id"},
    /* label and expires */
    {"{" PCR(0, "a") ",\"label\":1}", "pcrs.label: a number"},
    {"{" PCR(0, "a") ",\"label\":null}", "pcrs.label: null"},
    {"{" PCR(0, "a") ",\"label\":\"a\\u001b[2J\"}", "a control character"},
    {"{" PCR(0, "a") ",\"label\":\"\x7f\"}", "a control character"},
    {"{" PCR(0, "a") ",\"expires\":null}", "pcrs.expires: expected a time"},
    {"{" PCR(0, "a") ",\"expires\":true}", "pcrs.expires: expected a time"},
    {"{" PCR(0, "a") ",\"expires\":-1}", "pcrs.expires: expected a time"},
    {"{" PCR(0, "a") ",\"expires\":1.5}", "pcrs.expires: expected a time"},
    {"{" PCR(0, "a") ",\"expires\":1767225600000}", "expected a time"},
    {"{" PCR(0, "a") ",\"expires\":\"2026-01-01\"}", "expected a time"},
    {"{" PCR(0, "a") ",\"expires\":\"1767225600\"}", "expected a time"},
    /* nitro-cli */
    {"{\"Measurements\":{" PCR(0, "a") "}}", "HashAlgorithm is not Sha384"},
    {"{\"Measurements\":{\"HashAlgorithm\":\"Sha512\"," PCR(0, "a") "}}",
	"pcrs.Measurements: HashAlgorithm is not Sha384"},
    {"{\"Measurements\":{\"HashAlgorithm\":\"sha384\"," PCR(0, "a") "}}",
	"HashAlgorithm is not Sha384"},
    {"{\"Measurements\":{\"HashAlgorithm\":null," PCR(0, "a") "}}",
	"HashAlgorithm is not Sha384"},
    {"{\"Measurements\":null}", "pcrs.Measurements: null"},
    {"{\"Measurements\":[]}", "pcrs.Measurements: a list"},
    {"{\"Measurements\":{" SHA ",\"PCR0\":\"aa\"}}",
	"pcrs.Measurements.PCR0: 2 characters"},
    {"{\"Measurements\":{" SHA "," PCR(0, "a") ",\"label\":\"x\"}}",
	"unknown member \"label\""},
    {"{\"Measurements\":{" SHA "," PCR(0, "a") ",\"PCR32\":\"\"}}",
	"PCR32: no such register"},
    {"{\"Measurements\":{" SHA "," PCR(0, "0") "}}",
	"only insecure_allow_debug"},
    {"{\"CheckCRC\":false,\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"pcrs: CheckCRC is false"},
    {"{\"SignatureCheck\":false,\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"pcrs: SignatureCheck is false"},
    {"{\"CheckCRC\":\"false\",\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"CheckCRC is a string, expected true"},
    {"{\"CheckCRC\":0,\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"CheckCRC is a number, expected true"},
    {"{" PCR(1, "b") ",\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"stands beside Measurements"},
    {"{\"expires\":\"soon\",\"Measurements\":{" SHA "," PCR(0, "a") "}}",
	"pcrs.expires: expected a time"},
    {"{\"measurements\":{" SHA "," PCR(0, "a") "}}", "unknown member"},
};

START_TEST(bad_reference_values_are_refused)
{
	struct enclave_client_error error;
	struct policy *policy = NULL;

	ck_assert_msg(load(refused[_i].text, false, &policy, &error) ==
			  ENCLAVE_CLIENT_ERR_CONFIG,
	    "%.80s passed", refused[_i].text);
	ck_assert_ptr_null(policy);
	ck_assert_ptr_eq(strstr(error.message, "pcrs"), error.message);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL,
	    "%.80s: \"%s\" without \"%s\"", refused[_i].text, error.message,
	    refused[_i].message);
	/* And without an error object. */
	ck_assert_int_eq(load(refused[_i].text, false, &policy, NULL),
	    ENCLAVE_CLIENT_ERR_CONFIG);
}
END_TEST

static const struct {
	const char *text;
	bool accepted;
} insecure[] = {
    {"{" PCR(0, "0") "}", true},
    {"{" PCR(0, "0") "," PCR(1, "0") "," PCR(2, "0") "}", true},
    {"{" PCR(0, "a") "}", true},
    /* Not debug mode, but no mode at all. */
    {"{" PCR(8, "0") "}", false},
    {"{}", false},
    {"[]", false},
    {"{\"PCR0\":null}", false},
};

START_TEST(insecure_allow_debug_allows_zeros_and_no_more)
{
	struct policy *policy = NULL;

	ck_assert_int_eq(load(insecure[_i].text, true, &policy, NULL),
	    insecure[_i].accepted ? ENCLAVE_CLIENT_OK
				  : ENCLAVE_CLIENT_ERR_CONFIG);
	if (insecure[_i].accepted)
		ck_assert(policy_insecure_debug(policy));
	policy_unref(policy);
}
END_TEST

#define IMAGE_ID                                                               \
	"\"image_id\":\""                                                      \
	"abababababababababababababababababababababababababababababababab\""

/* What each says of the code; told NULL: each set of it names some. */
static const struct {
	const char *text;
	bool debug;
	const char *told;
} codes[] = {
    {"{" PCR(3, "a") "}", false, "set 1 of 1 names no code"},
    {"{" PCR(4, "a") "}", false, "set 1 of 1 names no code"},
    {"{" PCR(16, "a") "}", false, "set 1 of 1 names no code"},
    {"{" PCR(3, "a") "," PCR(4, "b") "}", false, "set 1 of 1 names no code"},
    {"{" PCR(4, "a") "," PCR(8, "0") "}", false, "set 1 of 1 names no code"},
    {"{" PCR(4, "a") "}", true, "set 1 of 1 names no code"},
    {"{" PCR(4, "a") ",\"instance_id\":\"i-0123456789abcdef0\"}", false,
	"set 1 of 1 names no code"},
    {"[{" PCR(0, "a") "},{" PCR(4, "a") ",\"label\":\"v2\"}]", false,
	"set 2 of 2 \"v2\" names no code"},
    {"{" PCR(8, "a") "}", false, NULL},
    {"{" PCR(0, "a") "}", false, NULL},
    {"{" PCR(1, "a") "}", false, NULL},
    {"{" PCR(2, "a") "}", false, NULL},
    {"{" PCR(0, "a") "," PCR(4, "b") "}", false, NULL},
    {"{" PCR(4, "a") "," PCR(8, "b") "}", false, NULL},
    {"{" IMAGE_ID "," PCR(4, "b") "}", false, NULL},
    {"{" IMAGE_ID "}", false, NULL},
    /* A debug set has a switch of its own. */
    {"{" PCR(0, "0") "}", true, NULL},
    {"{" PCR(1, "0") "," PCR(4, "a") "}", true, NULL},
};

START_TEST(a_set_that_names_no_code_is_read_and_told)
{
	struct enclave_client_error about = {0};
	struct policy *policy = NULL;

	ck_assert_int_eq(load(codes[_i].text, codes[_i].debug, &policy, &about),
	    ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(
	    policy_without_code(policy, &about), codes[_i].told != NULL);
	if (codes[_i].told)
		ck_assert_msg(!strncmp(about.message, codes[_i].told,
				  strlen(codes[_i].told)),
		    "%s", about.message);
	policy_unref(policy);
}
END_TEST

/* A list of count sets. */
static char *
many_sets(size_t count)
{
	static const char set[] = "{" PCR(0, "a") "},";
	char *text = malloc(count * (sizeof(set) - 1) + 3);

	ck_assert_ptr_nonnull(text);
	text[0] = '[';
	for (size_t i = 0; i < count; i++)
		memcpy(text + 1 + i * (sizeof(set) - 1), set, sizeof(set) - 1);
	memcpy(text + count * (sizeof(set) - 1), "]", 2);
	return text;
}

START_TEST(sets_are_allowed_up_to_their_limit)
{
	char *limit = many_sets(POLICY_SETS_MAX);
	char *past = many_sets(POLICY_SETS_MAX + 1);
	struct policy *policy = NULL;

	ck_assert(!load(limit, false, &policy, NULL));
	ck_assert_uint_eq(policy_set_count(policy), POLICY_SETS_MAX);
	policy_unref(policy);
	ck_assert_int_eq(
	    load(past, false, &policy, NULL), ENCLAVE_CLIENT_ERR_CONFIG);
	free(limit);
	free(past);
}
END_TEST

START_TEST(a_label_is_allowed_up_to_its_limit)
{
	char label[POLICY_LABEL_MAX_BYTES + 2], text[512];
	struct policy *policy = NULL;

	memset(label, 'l', sizeof(label));
	label[POLICY_LABEL_MAX_BYTES] = '\0';
	snprintf(
	    text, sizeof(text), "{" PCR(0, "a") ",\"label\":\"%s\"}", label);
	ck_assert(!load(text, false, &policy, NULL));
	ck_assert_str_eq(policy_set_label(policy, 0), label);
	policy_unref(policy);
	label[POLICY_LABEL_MAX_BYTES] = 'l';
	label[POLICY_LABEL_MAX_BYTES + 1] = '\0';
	snprintf(
	    text, sizeof(text), "{" PCR(0, "a") ",\"label\":\"%s\"}", label);
	ck_assert_int_eq(
	    load(text, false, &policy, NULL), ENCLAVE_CLIENT_ERR_CONFIG);
}
END_TEST

/* date -u -d TEXT +%s gave the seconds. */
static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2027-01-31T23:59:59Z", 1801439999000},
    {"2024-02-29T12:00:00Z", 1709208000000},
    {"9999-12-31T23:59:59Z", 253402300799000},
    {"2027-01-31T23:59:59.5Z", 1801439999500},
    {"2027-01-31T23:59:59.123456789Z", 1801439999123},
    {"2027-01-31T23:59:59.Z", -1},
    {"2027-01-31T23:59:59.1234567890Z", -1},
    {"2023-02-29T12:00:00Z", -1},
    {"2027-02-30T00:00:00Z", -1},
    {"2027-00-01T00:00:00Z", -1},
    {"2027-13-01T00:00:00Z", -1},
    {"2027-01-00T00:00:00Z", -1},
    {"2027-01-32T00:00:00Z", -1},
    {"2027-01-31T24:00:00Z", -1},
    {"2027-01-31T23:60:00Z", -1},
    {"2027-01-31T23:59:60Z", -1},
    {"1969-12-31T23:59:59Z", -1},
    {"2027-01-31T23:59:59", -1},
    {"2027-01-31T23:59:59+00:00", -1},
    {"2027-01-31T23:59:59Z ", -1},
    {" 2027-01-31T23:59:59Z", -1},
    {"2027-01-31 23:59:59Z", -1},
    {"2027-01-31t23:59:59z", -1},
    {"2027-1-31T23:59:59Z", -1},
    {"2027-01-31T23:59Z", -1},
    {"+027-01-31T23:59:59Z", -1},
    {"", -1},
    {"Z", -1},
};

START_TEST(times_are_read_in_utc_alone)
{
	int64_t ms = -1;

	ck_assert_msg(
	    time_from_rfc3339(times[_i].text, &ms) == (times[_i].ms >= 0), "%s",
	    times[_i].text);
	ck_assert_int_eq(ms, times[_i].ms);
}
END_TEST

static const struct {
	const char *text;
	int64_t ms;
} expiries[] = {
    {"{" PCR(0, "a") ",\"expires\":\"2027-01-31T23:59:59Z\"}", 1801439999000},
    {"{" PCR(0, "a") ",\"expires\":1801439999}", 1801439999000},
    {"{" PCR(0, "a") ",\"expires\":0}", 0},
    {"{" PCR(0, "a") ",\"expires\":253402300799}", 253402300799000},
    {"{\"Measurements\":{" SHA "," PCR(0, "a") "},\"expires\":5}", 5000},
};

START_TEST(a_set_may_say_when_it_ends)
{
	struct policy *policy = NULL;

	ck_assert(!load(expiries[_i].text, false, &policy, NULL));
	ck_assert_int_eq(policy_set_expires_ms(policy, 0), expiries[_i].ms);
	policy_unref(policy);
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	bool equal;
} equalities[] = {
    {"{" PCR(0, "a") "}", "{" PCR(0, "a") "}", true},
    {"{" PCR(0, "a") "}", "{\"pcr_0\":\"" H96("A") "\"}", true},
    {"{" PCR(0, "a") "}", "[{" PCR(0, "a") "}]", true},
    {"{" PCR(0, "a") "," PCR(1, "b") "}", "{" PCR(1, "b") "," PCR(0, "a") "}",
	true},
    {"{" PCR(0, "a") "}", "{" PCR(0, "b") "}", false},
    {"{" PCR(0, "a") "}", "{" PCR(1, "a") "}", false},
    {"{" PCR(0, "a") "}", "{" PCR(0, "a") "," PCR(1, "b") "}", false},
    {"{" PCR(0, "a") "}", "[{" PCR(0, "a") "},{" PCR(0, "b") "}]", false},
    {"{" PCR(0, "a") "}", "{" PCR(0, "a") ",\"label\":\"x\"}", false},
    {"{" PCR(0, "a") "}", "{" PCR(0, "a") ",\"expires\":1}", false},
};

START_TEST(policies_are_equal_in_what_they_accept)
{
	struct policy *a = NULL, *b = NULL;

	ck_assert(!load(equalities[_i].a, false, &a, NULL));
	ck_assert(!load(equalities[_i].b, false, &b, NULL));
	ck_assert_int_eq(policy_equal(a, b), equalities[_i].equal);
	ck_assert_int_eq(policy_equal(b, a), equalities[_i].equal);
	ck_assert(policy_equal(a, a));
	policy_unref(a);
	policy_unref(b);
}
END_TEST

START_TEST(a_policy_that_accepts_debug_equals_none_that_does_not)
{
	struct policy *a = NULL, *b = NULL;

	ck_assert(!load("{" PCR(0, "a") "}", false, &a, NULL));
	ck_assert(!load("{" PCR(0, "a") "}", true, &b, NULL));
	ck_assert(!policy_equal(a, b));
	policy_unref(a);
	policy_unref(b);
}
END_TEST

START_TEST(a_set_that_is_not_there_never_counts)
{
	struct policy *policy = NULL;

	ck_assert(!load("{" PCR(0, "a") "}", false, &policy, NULL));
	ck_assert_int_eq(policy_set_expires_ms(policy, 1), INT64_MIN);
	ck_assert_str_eq(policy_set_label(policy, 1), "");
	ck_assert_ptr_eq(policy_ref(policy), policy);
	policy_unref(policy);
	ck_assert_uint_eq(policy_set_count(policy), 1);
	policy_unref(policy);
	policy_unref(NULL);
	ck_assert_ptr_null(policy_ref(NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy-json");
	TCase *tcase = tcase_create("policy-json");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, every_form_of_reference_values_is_read, 0, COUNT(accepted));
	tcase_add_loop_test(
	    tcase, bad_reference_values_are_refused, 0, COUNT(refused));
	tcase_add_loop_test(tcase,
	    insecure_allow_debug_allows_zeros_and_no_more, 0, COUNT(insecure));
	tcase_add_loop_test(
	    tcase, a_set_that_names_no_code_is_read_and_told, 0, COUNT(codes));
	tcase_add_test(tcase, sets_are_allowed_up_to_their_limit);
	tcase_add_test(tcase, a_label_is_allowed_up_to_its_limit);
	tcase_add_loop_test(
	    tcase, times_are_read_in_utc_alone, 0, COUNT(times));
	tcase_add_loop_test(
	    tcase, a_set_may_say_when_it_ends, 0, COUNT(expiries));
	tcase_add_loop_test(tcase, policies_are_equal_in_what_they_accept, 0,
	    COUNT(equalities));
	tcase_add_test(
	    tcase, a_policy_that_accepts_debug_equals_none_that_does_not);
	tcase_add_test(tcase, a_set_that_is_not_there_never_counts);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
