/* JSON: the whole grammar, the limits, and names that stand twice. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct json_rules rules = {
    .what = "the text",
    .bytes_max = 4096,
    .depth_max = 4,
    .status = ENCLAVE_CLIENT_ERR_ENCODING,
    .step = ENCLAVE_CLIENT_STEP_DECODE,
};

static enum enclave_client_status
parse(struct bytes text, cJSON **ret_json, struct enclave_client_error *error)
{
	return json_parse(text, &rules, ret_json, error);
}

static const char *const accepted[] = {
    "{}",
    "[]",
    " \t\r\n{ } \n",
    "null",
    "true",
    "false",
    "\"\"",
    "0",
    "-0",
    "10.25e-3",
    "[1,2.5,-3E+4]",
    "{\"a\":{\"b\":[[1],[2]]}}",
    "{\"a\":1,\"A\":2}",
    "[{\"a\":1},{\"a\":2}]",
    "{\"a\":{\"a\":1}}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
    "\"\\ud83d\\ude00\"",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\x7f\"",
};

START_TEST(good_json_is_parsed)
{
	struct enclave_client_error error;
	cJSON *json = NULL;

	error_clear(&error);
	ck_assert_msg(!parse(bytes_from_string(accepted[_i]), &json, &error),
	    "%s: %s", accepted[_i], error.message);
	ck_assert_ptr_nonnull(json);
	cJSON_Delete(json);
}
END_TEST

/* Where the fault is, and what it is called. */
static const struct {
	const char *text;
	const char *message;
} refused[] = {
    {"", "line 1, column 1: the text ends"},
    {" \n ", "line 2, column 2: the text ends"},
    {"{", "line 1, column 2: expected a name"},
    {"{\"a\"", "column 5: expected \":\""},
    {"{\"a\":", "column 6: the text ends"},
    {"{\"a\":1", "column 7: expected \",\" or \"}\""},
    {"{\"a\":1,}", "column 8: expected a name"},
    {"{a:1}", "column 2: expected a name"},
    {"{'a':1}", "column 2: expected a name"},
    {"{1:1}", "column 2: expected a name"},
    {"[1", "column 3: expected \",\" or \"]\""},
    {"[1,]", "column 4: expected a value"},
    {"[,1]", "column 2: expected a value"},
    {"[1 2]", "column 4: expected \",\""},
    {"[1}", "column 3: expected \",\" or \"]\""},
    {"{\"a\":1]", "column 7: expected \",\" or \"}\""},
    {"]", "column 1: expected a value"},
    {"{} {}", "column 4: something follows the end"},
    {"{}x", "column 3: something follows the end"},
    {"nul", "column 1: expected a value"},
    {"nulll", "column 5: something follows the end"},
    {"True", "column 1: expected a value"},
    {"01", "column 2: a number with a leading zero"},
    {"-01", "column 3: a number with a leading zero"},
    {"+1", "column 1: expected a value"},
    {".5", "column 1: expected a value"},
    {"1.", "column 3: expected a digit"},
    {"1.e5", "column 3: expected a digit"},
    {"1e", "column 3: expected a digit"},
    {"1e+", "column 4: expected a digit"},
    {"-", "column 2: expected a digit"},
    {"0x10", "column 2: something follows the end"},
    {"NaN", "column 1: expected a value"},
    {"Infinity", "column 1: expected a value"},
    {"\"a", "column 3: the string does not end"},
    {"\"\\", "column 3: unknown escape"},
    {"\"\\\"", "column 4: the string does not end"},
    {"\"\\x41\"", "column 3: unknown escape"},
    {"\"\\u12\"", "column 4: expected four hex digits"},
    {"\"\\u12g4\"", "column 4: expected four hex digits"},
    {"\"\\u0000\"", "NUL in a string"},
    {"\"\\ud800\"", "half of a surrogate pair"},
    {"\"\\ud800x\"", "half of a surrogate pair"},
    {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
    {"\"\\ud800\\n\"", "half of a surrogate pair"},
    {"\"\\udc00\"", "half of a surrogate pair"},
    {"\"a\nb\"", "column 3: control character"},
    {"\"\x1f\"", "column 2: control character"},
    {"\x0b{}", "column 1: expected a value"},
    {"\xef\xbb\xbf{}", "column 1: expected a value"},
    {"\"\x80\"", "column 2: not UTF-8"},
    {"\"\xc0\x80\"", "column 2: not UTF-8"},
    {"\"\xc1\xbf\"", "column 2: not UTF-8"},
    {"\"\xc3\"", "column 2: not UTF-8"},
    {"\"\xe0\x9f\xbf\"", "column 2: not UTF-8"},
    {"\"\xed\xa0\x80\"", "column 2: not UTF-8"},
    {"\"\xf0\x8f\xbf\xbf\"", "column 2: not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "column 2: not UTF-8"},
    {"\"\xf5\x80\x80\x80\"", "column 2: not UTF-8"},
    {"\"\xe2\x82", "column 2: not UTF-8"},
    {"{\n  \"\xc3\xa9\": x}", "line 2, column 8: expected a value"},
    {"// no\n{}", "column 1: expected a value"},
    {"[[[[[1]]]]]", "column 5: nested too deeply"},
    {"{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", "nested too deeply"},
    {"{\"a\":1,\"a\":1}", "member \"a\" stands there twice"},
    {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "member \"a\" stands there twice"},
    {"[1,{\"b\":{\"x\":1,\"y\":2,\"x\":3}}]",
	"[1].b: member \"x\" stands there twice"},
    {"{\"a.b\":{\"\\n\":1,\"\\n\":2}}",
	"[\"a.b\"]: member \"\\x0a\" stands there twice"},
    {"{\"\":1,\"\":2}", "member \"\" stands there twice"},
};

START_TEST(bad_json_is_refused_with_its_place)
{
	struct enclave_client_error error;
	cJSON *json = NULL;

	ck_assert_msg(parse(bytes_from_string(refused[_i].text), &json,
			  &error) == ENCLAVE_CLIENT_ERR_ENCODING,
	    "%s passed", refused[_i].text);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_DECODE);
	ck_assert_ptr_null(json);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL,
	    "%s: \"%s\" without \"%s\"", refused[_i].text, error.message,
	    refused[_i].message);
}
END_TEST

START_TEST(a_nul_byte_is_refused_wherever_it_stands)
{
	static const char good[] = "{\"a\": [1, \"x\"]}";

	for (size_t i = 0; i <= sizeof(good) - 1; i++) {
		uint8_t text[sizeof(good)];
		cJSON *json = NULL;
		memcpy(text, good, i);
		text[i] = 0;
		memcpy(text + i + 1, good + i, sizeof(good) - 1 - i);
		ck_assert_int_eq(
		    parse((struct bytes){text, sizeof(text)}, &json, NULL),
		    ENCLAVE_CLIENT_ERR_ENCODING);
	}
}
END_TEST

START_TEST(no_bytes_at_all_are_refused)
{
	cJSON *json = NULL;

	ck_assert_int_eq(parse((struct bytes){NULL, 0}, &json, NULL),
	    ENCLAVE_CLIENT_ERR_ENCODING);
}
END_TEST

/* count bytes of text that is good whatever its length. */
static char *
padded(size_t count)
{
	char *text = malloc(count + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', count);
	memcpy(text, "{}", 2);
	text[count] = '\0';
	return text;
}

START_TEST(size_is_allowed_up_to_its_limit)
{
	for (size_t past = 0; past < 2; past++) {
		char *text = padded(rules.bytes_max + past);
		cJSON *json = NULL;
		ck_assert_int_eq(parse(bytes_from_string(text), &json, NULL),
		    past ? ENCLAVE_CLIENT_ERR_ENCODING : ENCLAVE_CLIENT_OK);
		cJSON_Delete(json);
		free(text);
	}
}
END_TEST

START_TEST(depth_is_allowed_up_to_its_limit)
{
	ck_assert_ptr_null(json_scan(bytes_from_string("[[[[]]]]"), 4).fault);
	ck_assert_ptr_nonnull(
	    json_scan(bytes_from_string("[[[[[]]]]]"), 4).fault);
	/* A caller can't ask for more than the stack of levels holds. */
	char text[2 * (JSON_DEPTH_CEILING + 1) + 1];
	memset(text, '[', JSON_DEPTH_CEILING + 1);
	memset(text + JSON_DEPTH_CEILING + 1, ']', JSON_DEPTH_CEILING + 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_ptr_nonnull(json_scan(bytes_from_string(text), 1000).fault);
	struct bytes inner = {(uint8_t *)text + 1, 2 * JSON_DEPTH_CEILING};
	ck_assert_ptr_null(json_scan(inner, 1000).fault);
	cJSON *json = NULL;
	struct json_rules deep = rules;
	deep.depth_max = JSON_DEPTH_CEILING;
	ck_assert(!json_parse(inner, &deep, &json, NULL));
	cJSON_Delete(json);
}
END_TEST

START_TEST(a_number_may_have_63_characters)
{
	char text[65];

	memset(text, '1', sizeof(text));
	text[63] = '\0';
	ck_assert_ptr_null(json_scan(bytes_from_string(text), 4).fault);
	text[63] = '1';
	text[64] = '\0';
	ck_assert_ptr_nonnull(json_scan(bytes_from_string(text), 4).fault);
}
END_TEST

START_TEST(ten_thousand_members_are_checked_for_duplicates)
{
	const struct json_rules large = {.what = "the text",
	    .bytes_max = 1 << 20,
	    .depth_max = 2,
	    .status = ENCLAVE_CLIENT_ERR_CONFIG};
	struct enclave_client_error error;
	struct buffer text;
	cJSON *json = NULL;

	buffer_init(&text, large.bytes_max);
	ck_assert(!buffer_append(&text, bytes_from_string("{\"m5000\":0")));
	for (int i = 0; i < 10000; i++) {
		char member[32];
		snprintf(member, sizeof(member), ",\"m%d\":0", i);
		ck_assert(!buffer_append(&text, bytes_from_string(member)));
	}
	ck_assert(!buffer_append(&text, bytes_from_string("}")));
	ck_assert_int_eq(json_parse(buffer_bytes(&text), &large, &json, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.message, "\"m5000\""));
	buffer_clear(&text);
}
END_TEST

/*
 * json_parse() calls a failure of cJSON a want of memory, which holds only
 * while cJSON takes whatever the scan lets pass.
 */
START_TEST(what_the_scan_accepts_cjson_accepts)
{
	static const char *const seeds[] = {
	    "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":null}}",
	    "[true,false,0,\"\\n\\\\\",{\"\":{}},[[]]]",
	};
	static const char bytes[] = "{}[]\",:\\u0123dDeE+-. \n\xc3\xa9tfn";
	uint32_t random = 12345;
	size_t passed = 0;

	for (int round = 0; round < 200000; round++) {
		const char *seed = seeds[round % COUNT(seeds)];
		size_t len = strlen(seed);
		char text[128];
		memcpy(text, seed, len);
		for (int edits = 1 + round % 3; edits; edits--) {
			random = random * 1664525 + 1013904223;
			text[(random >> 8) % len] =
			    bytes[(random >> 20) % (sizeof(bytes) - 1)];
		}
		struct bytes slice = {(uint8_t *)text, len};
		if (json_scan(slice, 8).fault)
			continue;
		const char *end = NULL;
		cJSON *json = cJSON_ParseWithLengthOpts(text, len, &end, 0);
		ck_assert_msg(json != NULL, "%.*s", (int)len, text);
		cJSON_Delete(json);
		passed++;
	}
	ck_assert_uint_gt(passed, 1000);
}
END_TEST

static const struct {
	const char *text;
	int64_t min;
	int64_t max;
	bool good;
	int64_t value;
} integers[] = {
    {"5", 5, 7, true, 5},
    {"7", 5, 7, true, 7},
    {"4", 5, 7, false, 0},
    {"8", 5, 7, false, 0},
    {"6.0", 5, 7, true, 6},
    {"6.5", 5, 7, false, 0},
    {"1e3", 0, 1000, true, 1000},
    {"-0", 0, 1, true, 0},
    {"0.1", 0, 1, false, 0},
    {"1e400", INT64_MIN, INT64_MAX, false, 0},
    {"-1e400", INT64_MIN, INT64_MAX, false, 0},
    {"9007199254740991", 0, INT64_MAX, true, 9007199254740991},
    {"9007199254740992", 0, INT64_MAX, false, 0},
    {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
    {"\"5\"", 5, 7, false, 0},
    {"true", 0, 7, false, 0},
    {"null", 0, 7, false, 0},
    {"[5]", 5, 7, false, 0},
};

START_TEST(integers_are_whole_and_in_range)
{
	cJSON *json = NULL;
	int64_t value = -77;

	ck_assert(!parse(bytes_from_string(integers[_i].text), &json, NULL));
	ck_assert_msg(json_integer(json, integers[_i].min, integers[_i].max,
			  &value) == integers[_i].good,
	    "%s", integers[_i].text);
	ck_assert_int_eq(value, integers[_i].good ? integers[_i].value : -77);
	cJSON_Delete(json);
}
END_TEST

START_TEST(a_missing_value_is_no_integer)
{
	int64_t value;

	ck_assert(!json_integer(NULL, 0, 1, &value));
}
END_TEST

START_TEST(members_are_found_with_their_case)
{
	cJSON *json = NULL;

	ck_assert(!parse(bytes_from_string("{\"Url\":1}"), &json, NULL));
	ck_assert_ptr_null(json_member(json, "url"));
	ck_assert_ptr_nonnull(json_member(json, "Url"));
	cJSON_Delete(json);
}
END_TEST

START_TEST(places_are_written_as_paths)
{
	struct json_place root = json_place_root("");
	struct json_place a = json_place_member(&root, "enclaves");
	struct json_place b = json_place_member(&a, "h.example:444");
	struct json_place c = json_place_member(&b, "pcrs");
	struct json_place d = json_place_element(&c, 1);
	struct json_place e = json_place_member(&d, "PCR\"\n\x80");
	char text[JSON_PLACE_MAX_BYTES];

	json_place_text(&d, text);
	ck_assert_str_eq(text, "enclaves[\"h.example:444\"].pcrs[1]");
	json_place_text(&e, text);
	ck_assert_str_eq(text,
	    "enclaves[\"h.example:444\"].pcrs[1][\"PCR\\x22\\x0a\\x80\"]");
}
END_TEST

START_TEST(a_place_too_long_is_cut)
{
	char name[1000], text[JSON_PLACE_MAX_BYTES];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct json_place place = json_place_member(NULL, name);
	json_place_text(&place, text);
	ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
}
END_TEST

static const struct {
	const char *member;
	const char *message;
} unknown[] = {
    {"ulr", "unknown member \"ulr\"; did you mean \"url\"?"},
    {"Url", "did you mean \"url\"?"},
    {"prcs", "did you mean \"pcrs\"?"},
    {"max_age", "did you mean \"max_age_ms\"?"},
    {"flurbel", "known are url, pcrs, max_age_ms"},
    {"", "known are"},
    {"\x1b[2J", "unknown member \"\\x1b[2J\""},
    {"a very long member name that is compared with nothing at all",
	"known are"},
};

START_TEST(an_unknown_member_names_the_nearest_known)
{
	static const char *const known[] = {"url", "pcrs", "max_age_ms"};
	struct json_place place = json_place_root("here");
	struct enclave_client_error error;

	ck_assert_int_eq(json_refuse_unknown(&error, &place, unknown[_i].member,
			     known, COUNT(known)),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_msg(strstr(error.message, unknown[_i].message) != NULL, "%s",
	    error.message);
	ck_assert_ptr_eq(strstr(error.message, "here: "), error.message);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("json");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, good_json_is_parsed, 0, COUNT(accepted));
	tcase_add_loop_test(
	    tcase, bad_json_is_refused_with_its_place, 0, COUNT(refused));
	tcase_add_test(tcase, a_nul_byte_is_refused_wherever_it_stands);
	tcase_add_test(tcase, no_bytes_at_all_are_refused);
	tcase_add_test(tcase, size_is_allowed_up_to_its_limit);
	tcase_add_test(tcase, depth_is_allowed_up_to_its_limit);
	tcase_add_test(tcase, a_number_may_have_63_characters);
	tcase_add_test(tcase, ten_thousand_members_are_checked_for_duplicates);
	tcase_add_test(tcase, what_the_scan_accepts_cjson_accepts);
	tcase_add_loop_test(
	    tcase, integers_are_whole_and_in_range, 0, COUNT(integers));
	tcase_add_test(tcase, a_missing_value_is_no_integer);
	tcase_add_test(tcase, members_are_found_with_their_case);
	tcase_add_test(tcase, places_are_written_as_paths);
	tcase_add_test(tcase, a_place_too_long_is_cut);
	tcase_add_loop_test(tcase, an_unknown_member_names_the_nearest_known, 0,
	    COUNT(unknown));
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
