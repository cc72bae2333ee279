/* The map of enclaves: both forms, every member, every refusal. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/enclave.h"
#include "json_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PCRS         "{" PCR(0, "a") "}"

static const struct enclave_map_options strict;
static const struct enclave_map_options loose = {.insecure_allowed = true};

static struct enclave_map *
load(const char *text, const struct enclave_map_options *options)
{
	struct enclave_client_error error;
	struct enclave_map *map = NULL;

	ck_assert_msg(!enclave_map_new_json(
			  bytes_from_string(text), options, &map, &error),
	    "%.120s: %s", text, error.message);
	return map;
}

static const struct {
	const char *text;
	const char *name;
	const char *url;
	const char *evidence_url;
} accepted[] = {
    /* short form: names are hosts */
    {"{\"payments.example.com\":" PCRS "}", "payments.example.com",
	"https://payments.example.com",
	"https://payments.example.com/.well-known/attestation"},
    {"{\"Payments.Example.com.:8443\":" PCRS "}", "Payments.Example.com.:8443",
	"https://payments.example.com:8443",
	"https://payments.example.com:8443/.well-known/attestation"},
    {"{\"localhost\":[" PCRS "]}", "localhost", "https://localhost",
	"https://localhost/.well-known/attestation"},
    {"{\"[::1]:444\":" PCRS "}", "[::1]:444", "https://[::1]:444",
	"https://[::1]:444/.well-known/attestation"},
    {"{\"h\":{\"pcrs\":" PCRS "}}", "h", "https://h",
	"https://h/.well-known/attestation"},
    {"{\"payments\":{\"url\":\"https://h\",\"pcrs\":" PCRS "}}", "payments",
	"https://h", "https://h/.well-known/attestation"},
    {"{\"h\":{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\"," PCR(
	 0, "a") "}}}",
	"h", "https://h", "https://h/.well-known/attestation"},
    /* long form */
    {"{\"enclaves\":{\"payments\":{\"url\":\"https://H.:443/\",\"pcrs\":" PCRS
     "}}}",
	"payments", "https://h", "https://h/.well-known/attestation"},
    {"{\"enclaves\":{\"a.example\":" PCRS "}}", "a.example",
	"https://a.example", "https://a.example/.well-known/attestation"},
    {"{\"enclaves\":{\"localhost:1\":" PCRS "}}", "localhost:1",
	"https://localhost:1", "https://localhost:1/.well-known/attestation"},
    {"{\"version\":1,\"enclaves\":{\"x\":{\"url\":\"h\",\"pcrs\":[" PCRS "]}}}",
	"x", "https://h", "https://h/.well-known/attestation"},
    {"{\"domain\":\"app-1234.enclave.evervault.com\",\"enclaves\":{"
     "\"app_1\":" PCRS "}}",
	"app_1", "https://app-1.app-1234.enclave.evervault.com",
	"https://app-1.app-1234.enclave.evervault.com/.well-known/attestation"},
    {"{\"domain\":\"app_1234.enclave.evervault.com:8443\",\"enclaves\":{"
     "\"Hello\":{\"pcrs\":" PCRS "}}}",
	"Hello", "https://hello.app-1234.enclave.evervault.com:8443",
	"https://hello.app-1234.enclave.evervault.com:8443"
	"/.well-known/attestation"},
    {"{\"domain\":\"d.example\",\"enclaves\":{\"a.b\":" PCRS "}}", "a.b",
	"https://a.b", "https://a.b/.well-known/attestation"},
    {"{\"domain\":\"d.example\",\"enclaves\":{\"a\":{\"url\":\"h\","
     "\"pcrs\":" PCRS "}}}",
	"a", "https://h", "https://h/.well-known/attestation"},
    /* evidence elsewhere */
    {"{\"h\":{\"evidence_url\":\"https://E.example:444/a/"
     "%41?b=1\",\"pcrs\":" PCRS "}}",
	"h", "https://h", "https://e.example:444/a/%41?b=1"},
    {"{\"h\":{\"evidence_url\":\"https://e.example\",\"pcrs\":" PCRS "}}", "h",
	"https://h", "https://e.example/"},
    {"{\"h\":{\"evidence_url\":\"https://e.example?x\",\"pcrs\":" PCRS "}}",
	"h", "https://h", "https://e.example/?x"},
    /* named defaults */
    {"{\"h\":{\"profile\":\"evervault\",\"trust\":\"web_pki+attested_key\","
     "\"pcrs\":" PCRS "}}",
	"h", "https://h", "https://h/.well-known/attestation"},
};

START_TEST(both_forms_make_enclaves)
{
	struct enclave_map *map = load(accepted[_i].text, &strict);
	struct enclave *enclave = enclave_map_at(map, 0);

	ck_assert_uint_eq(enclave_map_count(map), 1);
	ck_assert_str_eq(enclave->name, accepted[_i].name);
	ck_assert_str_eq(enclave->url, accepted[_i].url);
	ck_assert_str_eq(enclave->evidence_url, accepted[_i].evidence_url);
	ck_assert_ptr_eq(enclave->profile, profile_default());
	ck_assert_uint_eq(policy_set_count(enclave->policy), 1);
	ck_assert_ptr_eq(enclave_map_find(map, enclave->name), enclave);
	ck_assert_ptr_eq(
	    enclave_map_find_origin(map, &enclave->origin), enclave);
	ck_assert(!enclave->insecure);
	ck_assert_int_eq(
	    enclave->timing.poll_interval_ms, POLL_INTERVAL_MS_DEFAULT);
	ck_assert_int_eq(enclave->timing.max_age_ms, MAX_AGE_MS_DEFAULT);
	ck_assert_int_eq(enclave->timing.clock_skew_ms, CLOCK_SKEW_MS_DEFAULT);
	ck_assert_int_eq(
	    enclave->timing.fetch_timeout_ms, FETCH_TIMEOUT_MS_DEFAULT);
	ck_assert_int_eq(
	    enclave->timing.body_max_bytes, EVIDENCE_BODY_MAX_BYTES_DEFAULT);
	enclave_map_unref(map);
}
END_TEST

#define X(members) "{\"h\":{" members ",\"pcrs\":" PCRS "}}"

static const struct {
	const char *text;
	const char *message;
} refused[] = {
    /* The text itself. */
    {"", "the configuration is not JSON: line 1, column 1"},
    {"{\n\"h\": x}", "the configuration is not JSON: line 2, column 6"},
    {"[]", "a list, expected an object of enclaves"},
    {"null", "null, expected an object of enclaves"},
    {"\"h\"", "a string, expected an object"},
    {"{}", "no enclave in it"},
    {"{\"h\":" PCRS ",\"h\":" PCRS "}", "member \"h\" stands there twice"},
    {"{\"enclaves\":{\"h\":{\"url\":\"a\",\"url\":\"b\",\"pcrs\":" PCRS "}}}",
	"enclaves.h: member \"url\" stands there twice"},
    /* The long form's members. */
    {"{\"enclaves\":null}", "enclaves: null, expected an object"},
    {"{\"enclaves\":[]}", "enclaves: a list, expected an object"},
    {"{\"enclaves\":{},\"versions\":1}", "did you mean \"version\"?"},
    {"{\"enclaves\":{},\"h\":" PCRS "}", "unknown member \"h\""},
    {"{\"enclaves\":{},\"version\":2}", "version: expected 1"},
    {"{\"enclaves\":{},\"version\":\"1\"}", "version: expected 1"},
    {"{\"enclaves\":{},\"version\":null}", "version: expected 1"},
    {"{\"enclaves\":{},\"polls_in_flight\":0}",
	"polls_in_flight: expected a whole number of polls, from 1 to 32"},
    {"{\"enclaves\":{},\"polls_in_flight\":33}", "polls_in_flight: exp"},
    {"{\"enclaves\":{},\"polls_in_flight\":1.5}", "polls_in_flight: exp"},
    {"{\"enclaves\":{},\"polls_in_flight\":\"8\"}", "polls_in_flight: exp"},
    {"{\"polls_in_flight\":8,\"h\":" PCRS "}", "polls_in_flight: goes with"},
    {"{\"enclaves\":{},\"domain\":1}", "domain: a number"},
    {"{\"enclaves\":{},\"domain\":\"\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\":8443\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\".\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\".d\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\"d/x\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\"d?x\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\"@d\"}", "domain: expected a domain"},
    {"{\"enclaves\":{},\"domain\":\"https://d\"}", "domain: expected"},
    {"{\"enclaves\":{},\"defaults\":[]}", "defaults: a list"},
    {"{\"enclaves\":{},\"defaults\":{\"url\":\"h\"}}",
	"defaults: unknown member \"url\""},
    {"{\"enclaves\":{},\"defaults\":{\"insecure_allow_debug\":true}}",
	"defaults: unknown member \"insecure_allow_debug\""},
    {"{\"enclaves\":{},\"defaults\":{\"max_age_ms\":1}}",
	"defaults.max_age_ms: 1, expected a whole number from 60000 to"},
    /* The short form is not half of the long one. */
    {"{\"domain\":\"d.example\",\"h\":" PCRS "}", "domain: goes with the long"},
    {"{\"version\":1,\"h\":" PCRS "}", "version: goes with the long form"},
    {"{\"defaults\":{},\"h\":" PCRS "}", "defaults: goes with the long form"},
    {PCRS, "PCR0: a string, expected PCRs"},
    /* Names and hosts. */
    {"{\"enclaves\":{\"payments\":" PCRS "}}",
	"enclaves.payments: \"url\" is missing"},
    {"{\"\":" PCRS "}", "an enclave needs a name"},
    {"{\"enclaves\":{\"\":{\"url\":\"h\",\"pcrs\":" PCRS "}}}",
	"an enclave needs a name"},
    {"{\"a\\nb\":{\"url\":\"h\",\"pcrs\":" PCRS "}}",
	"a control character in the name"},
    {"{\"https://h\":" PCRS "}", "host[:port], without scheme or path"},
    {"{\"h/x\":" PCRS "}", "[\"h/x\"]: a name that stands for a host"},
    {"{\"h?x\":" PCRS "}", "host[:port]"},
    {"{\"u@h\":" PCRS "}", "[\"u@h\"]: the URL has a user name"},
    {"{\"h:0\":" PCRS "}", "[\"h:0\"]: the port"},
    {"{\"domain\":\"d\",\"enclaves\":{\"a b\":" PCRS "}}",
	"enclaves[\"a b\"]: the host has a character"},
    {"{\"domain\":\"d\",\"enclaves\":{\"a@b\":" PCRS "}}", "user name"},
    /* Values. */
    {"{\"h\":null}", "h: null, expected PCRs"},
    {"{\"h\":true}", "h: a boolean, expected PCRs"},
    {"{\"h\":\"" H96("a") "\"}", "h: a string, expected PCRs"},
    {"{\"h\":{}}", "h: no PCR in it"},
    {"{\"h\":[]}", "h: an empty list accepts nothing"},
    {"{\"h\":[{}]}", "h[0]: no PCR in it"},
    {"{\"h\":{\"url\":\"https://h\"}}", "h: \"pcrs\" is missing"},
    {"{\"h\":{\"profile\":\"evervault\"}}", "h: \"pcrs\" is missing"},
    {"{\"h\":{\"pcrs\":null}}", "h.pcrs: null, expected an object"},
    {"{\"h\":{\"pcrs\":{}}}", "h.pcrs: no PCR in it"},
    {"{\"h\":{\"pcrs\":[]}}", "h.pcrs: an empty list"},
    {"{\"h\":{\"pcrs\":[" PCRS ",{\"PCR0\":\"aa\"}]}}",
	"h.pcrs[1].PCR0: 2 characters, expected 96 hex digits"},
    {"{\"enclaves\":{\"a.example\":{\"pcrs\":{\"PCR0\":\"\"}}}}",
	"enclaves[\"a.example\"].pcrs.PCR0: 0 characters"},
    {"{\"h\":{\"prcs\":" PCRS "}}", "did you mean \"pcrs\"?"},
    {"{\"h\":{\"xyzzy\":" PCRS "}}", "h: unknown member \"xyzzy\""},
    {X("\"ulr\":\"https://h\""), "h: unknown member \"ulr\"; did you mean"},
    {X("\"URL\":\"https://h\""), "did you mean \"url\"?"},
    {X("\"PCR1\":\"" H96("a") "\""), "h.PCR1: registers stand under \"pcrs\""},
    {X("\"insecure\":true"), "unknown member \"insecure\""},
    /* Origins. */
    {X("\"url\":1"), "h.url: a number, expected a string"},
    {X("\"url\":null"), "h.url: null, expected a string"},
    {X("\"url\":\"\""), "h.url: the URL has no host"},
    {X("\"url\":\"http://h\""), "h.url: only https can be bound"},
    {X("\"url\":\"https://h/x\""), "h.url: an origin has no path"},
    {X("\"url\":\"https://h?x\""), "h.url: an origin has no path"},
    {X("\"url\":\"https://h#x\""), "h.url: an origin has no path"},
    {X("\"url\":\"https://u@h\""), "h.url: the URL has a user name"},
    {X("\"url\":\"ftp://h\""), "h.url: the scheme is not https"},
    {"{\"h\":" PCRS ",\"H.:443\":" PCRS "}", "https://h is already bound by h"},
    {"{\"enclaves\":{\"a\":{\"url\":\"h\",\"pcrs\":" PCRS "},\"b\":{\"url\":"
     "\"https://h:443/\",\"pcrs\":" PCRS "}}}",
	"enclaves.b: https://h is already bound by enclaves.a"},
    /* Profile, trust, evidence. */
    {X("\"profile\":\"nitridng\""),
	"h.profile: no profile of that name; there are evervault, nitriding, "
	"oyster, nitro-ra-tls, dstack, evervault-cages"},
    {X("\"profile\":\"\""), "h.profile: no profile of that name"},
    {X("\"profile\":1"), "h.profile: a number"},
    {X("\"trust\":\"web_pki\""), "h.trust: expected \"web_pki+attested_key\""},
    {X("\"trust\":\"\""), "h.trust: expected \"web_pki+attested_key\""},
    {X("\"evidence_url\":\"http://h/x\""), "h.evidence_url: evidence of"},
    {X("\"evidence_url\":\"https://u@h/x\""), "h.evidence_url: the URL has"},
    {X("\"evidence_url\":\"https://h/x#y\""), "h.evidence_url: a fragment"},
    {X("\"evidence_url\":\"https://h/\xc3\xbc\""), "must be percent-encoded"},
    {X("\"evidence_url\":\"https://h/a b\""), "h.evidence_url: "},
    {X("\"evidence_url\":\"https://h/a\\\\b\""), "must be percent-encoded"},
    {X("\"evidence_url\":\"/x\""), "h.evidence_url: the URL has no host"},
    {X("\"evidence_url\":null"), "h.evidence_url: null"},
    /* Switches. */
    {X("\"cut_on_expiry\":1"), "h.cut_on_expiry: a number, expected true"},
    {X("\"cut_on_expiry\":null"), "h.cut_on_expiry: null, expected true"},
    {X("\"insecure_allow_debug\":true"),
	"h.insecure_allow_debug: insecure members count only where the "
	"program allows them (insecure_allowed)"},
    {X("\"insecure_keep_withdrawn\":true"),
	"h.insecure_keep_withdrawn: insecure members count only where"},
    {X("\"insecure_allow_debug\":\"true\""), "expected true or false"},
    {"{\"h\":{" PCR(0, "0") "}}", "only insecure_allow_debug accepts it"},
    /* Times. */
    {X("\"max_age_ms\":\"3600000\""), "h.max_age_ms: a string, expected a "
				      "whole number of milliseconds"},
    {X("\"body_max_bytes\":null"), "null, expected a whole number of bytes"},
    {X("\"max_age_ms\":3600000.5"), "3600000.5, expected a whole number"},
    {X("\"max_age\":3600"), "did you mean \"max_age_ms\"?"},
};

START_TEST(bad_configurations_are_refused_with_the_place)
{
	struct enclave_client_error error;
	struct enclave_map *map = NULL;

	ck_assert_msg(enclave_map_new_json(bytes_from_string(refused[_i].text),
			  &strict, &map, &error) == ENCLAVE_CLIENT_ERR_CONFIG,
	    "%.120s passed", refused[_i].text);
	ck_assert_ptr_null(map);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL,
	    "%.120s: \"%s\" without \"%s\"", refused[_i].text, error.message,
	    refused[_i].message);
	ck_assert_int_eq(
	    enclave_map_new_json(
		bytes_from_string(refused[_i].text), &strict, &map, NULL),
	    ENCLAVE_CLIENT_ERR_CONFIG);
}
END_TEST

static const struct {
	const char *member;
	int64_t min;
	int64_t max;
} numbers[] = {
    {"poll_interval_ms", POLL_INTERVAL_MS_FLOOR, POLL_INTERVAL_MS_CEILING},
    {"poll_margin_ms", POLL_MARGIN_MS_FLOOR, POLL_MARGIN_MS_CEILING},
    {"max_age_ms", MAX_AGE_MS_FLOOR, MAX_AGE_MS_CEILING},
    {"clock_skew_ms", 0, CLOCK_SKEW_MS_CEILING},
    {"fetch_timeout_ms", FETCH_TIMEOUT_MS_FLOOR, FETCH_TIMEOUT_MS_CEILING},
    {"body_max_bytes", 1024, EVIDENCE_BODY_MAX_BYTES_CEILING},
};

static int64_t
timing_at(const struct enclave *enclave, int which)
{
	const struct enclave_timing *timing = &enclave->timing;
	const int64_t values[] = {timing->poll_interval_ms,
	    timing->poll_margin_ms, timing->max_age_ms, timing->clock_skew_ms,
	    timing->fetch_timeout_ms, timing->body_max_bytes};

	return values[which];
}

START_TEST(each_number_is_taken_within_its_limits)
{
	const int64_t values[] = {numbers[_i].min, numbers[_i].max,
	    numbers[_i].min - 1, numbers[_i].max + 1};

	for (int i = 0; i < 4; i++) {
		char text[512];
		struct enclave_map *map = NULL;
		snprintf(text, sizeof(text),
		    "{\"h\":{\"%s\":%lld,\"pcrs\":" PCRS "}}",
		    numbers[_i].member, (long long)values[i]);
		ck_assert_int_eq(enclave_map_new_json(bytes_from_string(text),
				     &strict, &map, NULL),
		    i < 2 ? ENCLAVE_CLIENT_OK : ENCLAVE_CLIENT_ERR_CONFIG);
		if (map)
			ck_assert_int_eq(
			    timing_at(enclave_map_at(map, 0), _i), values[i]);
		enclave_map_unref(map);
	}
}
END_TEST

START_TEST(polls_in_flight_are_as_configured)
{
	static const struct {
		const char *text;
		size_t count;
	} texts[] = {
	    {"{\"enclaves\":{\"a.b\":" PCRS "}}", POLLS_IN_FLIGHT_MAX},
	    {"{\"a.b\":" PCRS "}", POLLS_IN_FLIGHT_MAX},
	    {"{\"enclaves\":{},\"polls_in_flight\":1}", 1},
	    {"{\"enclaves\":{},\"polls_in_flight\":32}", 32},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct enclave_map *map = load(texts[i].text, &strict);
		ck_assert_uint_eq(
		    enclave_map_polls_in_flight(map), texts[i].count);
		enclave_map_unref(map);
	}
}
END_TEST

START_TEST(defaults_hold_for_enclaves_that_say_nothing)
{
	struct enclave_map *map = load(
	    "{\"enclaves\":{\"a.b\":" PCRS ",\"c.d\":{\"max_age_ms\":60000,"
	    "\"cut_on_expiry\":false,\"pcrs\":" PCRS "}},"
	    "\"defaults\":{\"max_age_ms\":120000,\"clock_skew_ms\":0,"
	    "\"poll_interval_ms\":20000,\"fetch_timeout_ms\":1000,"
	    "\"body_max_bytes\":32768,\"cut_on_expiry\":true}}",
	    &strict);
	struct enclave *a = enclave_map_find(map, "a.b");
	struct enclave *c = enclave_map_find(map, "c.d");

	ck_assert_int_eq(a->timing.max_age_ms, 120000);
	ck_assert_int_eq(c->timing.max_age_ms, 60000);
	ck_assert(a->cut_on_expiry && !c->cut_on_expiry);
	ck_assert_int_eq(c->timing.clock_skew_ms, 0);
	ck_assert_int_eq(c->timing.poll_interval_ms, 20000);
	ck_assert_int_eq(c->timing.fetch_timeout_ms, 1000);
	ck_assert_int_eq(c->timing.body_max_bytes, 32768);
	enclave_map_unref(map);
}
END_TEST

static const struct {
	const char *text;
	struct enclave_map_options options;
	bool insecure;
	bool debug;
	bool keep_withdrawn;
} weakened[] = {
    {X("\"insecure_allow_debug\":true"), {true, false}, true, true, false},
    {X("\"insecure_keep_withdrawn\":true"), {true, false}, true, false, true},
    {X("\"insecure_allow_debug\":false"), {false, false}, false, false, false},
    {X("\"insecure_keep_withdrawn\":false"), {false, false}, false, false,
	false},
    {"{\"h\":" PCRS "}", {true, false}, false, false, false},
    {"{\"h\":" PCRS "}", {false, true}, true, true, false},
    {"{\"h\":{" PCR(0, "0") "}}", {false, true}, true, true, false},
    {X("\"insecure_allow_debug\":false"), {false, true}, true, true, false},
};

START_TEST(every_weakening_marks_its_enclave)
{
	struct enclave_map *map =
	    load(weakened[_i].text, &weakened[_i].options);
	struct enclave *enclave = enclave_map_at(map, 0);

	ck_assert_int_eq(enclave->insecure, weakened[_i].insecure);
	ck_assert_int_eq(
	    policy_insecure_debug(enclave->policy), weakened[_i].debug);
	ck_assert_int_eq(
	    enclave->insecure_keep_withdrawn, weakened[_i].keep_withdrawn);
	enclave_map_unref(map);
}
END_TEST

START_TEST(an_empty_map_may_be_meant)
{
	struct enclave_map *map = load("{\"enclaves\":{}}", &strict);
	char host[] = "h";
	struct origin origin = {.https = true, .port = 443, .host = host};

	ck_assert_uint_eq(enclave_map_count(map), 0);
	ck_assert_ptr_null(enclave_map_at(map, 0));
	ck_assert_ptr_null(enclave_map_find(map, "h"));
	ck_assert_ptr_null(enclave_map_find_origin(map, &origin));
	enclave_map_unref(map);
}
END_TEST

/* {"enclaves":{"n0.example":{...},...}} with count of them. */
static void
append_many(struct buffer *text, size_t count)
{
	buffer_init(text, CONFIG_JSON_MAX_BYTES);
	ck_assert(!buffer_append(text, bytes_from_string("{\"enclaves\":{")));
	for (size_t i = 0; i < count; i++) {
		char member[160];
		snprintf(member, sizeof(member),
		    "%s\"n%zu.x\":{\"PCR0\":\"" H96("a") "\"}", i ? "," : "",
		    i);
		ck_assert(!buffer_append(text, bytes_from_string(member)));
	}
	ck_assert(!buffer_append(text, bytes_from_string("}}")));
}

START_TEST(ten_thousand_enclaves_are_found_by_name_and_by_origin)
{
	struct enclave_map *map = NULL;
	struct buffer text;

	append_many(&text, 10000);
	ck_assert(
	    !enclave_map_new_json(buffer_bytes(&text), &strict, &map, NULL));
	buffer_clear(&text);
	ck_assert_uint_eq(enclave_map_count(map), 10000);
	for (size_t i = 0; i < 10000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "n%zu.x", i);
		struct origin origin = {true, 443, name};
		ck_assert_ptr_eq(
		    enclave_map_find(map, name), enclave_map_at(map, i));
		ck_assert_ptr_eq(enclave_map_find_origin(map, &origin),
		    enclave_map_at(map, i));
		origin.port = 444;
		ck_assert_ptr_null(enclave_map_find_origin(map, &origin));
		origin.port = 443;
		origin.https = false;
		ck_assert_ptr_null(enclave_map_find_origin(map, &origin));
		snprintf(name, sizeof(name), "n%zu.x", i + 10000);
		ck_assert_ptr_null(enclave_map_find(map, name));
	}
	enclave_map_unref(map);
}
END_TEST

START_TEST(enclaves_are_counted_up_to_their_limit)
{
	struct enclave_client_error error;
	struct enclave_map *map = NULL;
	struct buffer text;

	/* As many as fit are refused for their number, not their size. */
	append_many(&text, ENCLAVES_MAX);
	ck_assert_uint_le(text.len, CONFIG_JSON_MAX_BYTES);
	ck_assert(
	    !enclave_map_new_json(buffer_bytes(&text), &strict, &map, &error));
	ck_assert_uint_eq(enclave_map_count(map), ENCLAVES_MAX);
	enclave_map_unref(map);
	buffer_clear(&text);
	map = NULL;
	append_many(&text, ENCLAVES_MAX + 1);
	ck_assert_int_eq(
	    enclave_map_new_json(buffer_bytes(&text), &strict, &map, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_nonnull(
	    strstr(error.message, "65537 enclaves, at most 65536"));
	buffer_clear(&text);
}
END_TEST

START_TEST(a_name_is_taken_up_to_its_limit)
{
	char name[ENCLAVE_NAME_MAX_BYTES + 2], text[1024];
	struct enclave_map *map = NULL;

	memset(name, 'n', sizeof(name));
	for (size_t past = 0; past < 2; past++) {
		name[ENCLAVE_NAME_MAX_BYTES] = 'n';
		name[ENCLAVE_NAME_MAX_BYTES + past] = '\0';
		snprintf(text, sizeof(text),
		    "{\"%s\":{\"url\":\"h\",\"pcrs\":" PCRS "}}", name);
		ck_assert_int_eq(enclave_map_new_json(bytes_from_string(text),
				     &strict, &map, NULL),
		    past ? ENCLAVE_CLIENT_ERR_CONFIG : ENCLAVE_CLIENT_OK);
	}
	enclave_map_unref(map);
}
END_TEST

/* A thousand nested lists, and ten million bytes. */
START_TEST(absurd_texts_are_refused)
{
	size_t len = 10 * 1024 * 1024;
	char *text = malloc(len + 1);
	struct enclave_client_error error;
	struct enclave_map *map = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, '[', len);
	text[len] = '\0';
	ck_assert_int_eq(enclave_map_new_json(
			     bytes_from_string(text), &strict, &map, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.message, "has 10485760 bytes"));
	text[1000] = '\0';
	ck_assert_int_eq(enclave_map_new_json(
			     bytes_from_string(text), &strict, &map, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.message, "nested too deeply"));
	free(text);
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	bool equal;
} equalities[] = {
    {X("\"url\":\"h\""), X("\"url\":\"https://H/\""), true},
    {X("\"url\":\"h\""), "{\"h\":" PCRS "}", true},
    {X("\"url\":\"h\""), X("\"url\":\"h:444\""), false},
    {X("\"url\":\"h\""), "{\"i\":{\"url\":\"h\",\"pcrs\":" PCRS "}}", false},
    {X("\"url\":\"h\""), "{\"h\":{" PCR(0, "b") "}}", false},
    {X("\"url\":\"h\""), X("\"evidence_url\":\"https://h/x\""), false},
    {X("\"url\":\"h\""), X("\"cut_on_expiry\":true"), false},
    {X("\"url\":\"h\""), X("\"trust\":\"web_pki+attested_key\""), true},
    {X("\"url\":\"h\""), X("\"trust\":\"attested_key\""), false},
    {X("\"url\":\"h\""), X("\"poll_interval_ms\":20000"), false},
    {X("\"url\":\"h\""), X("\"poll_margin_ms\":20000"), false},
    {X("\"url\":\"h\""), X("\"max_age_ms\":70000"), false},
    {X("\"url\":\"h\""), X("\"clock_skew_ms\":1"), false},
    {X("\"url\":\"h\""), X("\"fetch_timeout_ms\":1000"), false},
    {X("\"url\":\"h\""), X("\"body_max_bytes\":2000"), false},
    {X("\"url\":\"h\""), X("\"insecure_allow_debug\":true"), false},
    {X("\"url\":\"h\""), X("\"insecure_keep_withdrawn\":true"), false},
    {X("\"insecure_keep_withdrawn\":true"), X("\"insecure_allow_debug\":true"),
	false},
};

START_TEST(enclaves_are_equal_in_all_that_was_configured)
{
	struct enclave_map *a = load(equalities[_i].a, &loose);
	struct enclave_map *b = load(equalities[_i].b, &loose);

	ck_assert_int_eq(
	    enclave_equal(enclave_map_at(a, 0), enclave_map_at(b, 0)),
	    equalities[_i].equal);
	ck_assert_int_eq(
	    enclave_equal(enclave_map_at(b, 0), enclave_map_at(a, 0)),
	    equalities[_i].equal);
	enclave_map_unref(a);
	enclave_map_unref(b);
}
END_TEST

START_TEST(an_enclave_outlives_its_map)
{
	struct enclave_map *map = load("{\"h\":" PCRS "}", &strict);
	struct enclave *enclave = enclave_ref(enclave_map_at(map, 0));

	ck_assert_ptr_eq(enclave_map_ref(map), map);
	enclave_map_unref(map);
	ck_assert_uint_eq(enclave_map_count(map), 1);
	enclave_map_unref(map);
	ck_assert_str_eq(enclave->name, "h");
	enclave_unref(enclave);
	enclave_unref(NULL);
	enclave_map_unref(NULL);
	ck_assert_ptr_null(enclave_ref(NULL));
	ck_assert_ptr_null(enclave_map_ref(NULL));
}
END_TEST

static const struct {
	const char *name;
	const char *url;
	const char *pcrs;
	const char *expected_name; /* NULL: refused */
	const char *expected;      /* url, or message */
} singles[] = {
    {NULL, "https://h/path?query", PCRS, "h", "https://h"},
    {NULL, "H.:443", PCRS, "h", "https://h"},
    {NULL, "https://h:8443/x", PCRS, "h:8443", "https://h:8443"},
    {NULL, "https://[::1]:8443/x", PCRS, "[::1]:8443", "https://[::1]:8443"},
    {"pay", "https://h:8443/x", PCRS, "pay", "https://h:8443"},
    {"pay", "https://h", "[" PCRS "]", "pay", "https://h"},
    {NULL, "https://h",
	"{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\"," PCR(
	    0, "a") "}}",
	"h", "https://h"},
    {"", "https://h", PCRS, NULL, "an enclave needs a name"},
    {NULL, "http://h", PCRS, NULL, "url: only https can be bound"},
    {NULL, "https://u@h", PCRS, NULL, "user name"},
    {NULL, "", PCRS, NULL, "no host"},
    {NULL, "https://h", "", NULL, "the text of the PCRs is not JSON"},
    {NULL, "https://h", "{}", NULL, "pcrs: no PCR in it"},
    {NULL, "https://h", "[]", NULL, "pcrs: an empty list"},
    {NULL, "https://h", "null", NULL, "pcrs: null"},
    {NULL, "https://h", "[" PCRS ",{\"PCR0\":1}]", NULL, "pcrs[1].PCR0: a n"},
    {NULL, "https://h", "{\"pcrs\":" PCRS "}", NULL, "pcrs: "},
    {NULL, "https://h", "{" PCR(0, "0") "}", NULL, "insecure_allow_debug"},
    {NULL, "https://h", "{" PCR(0, "a") "," PCR(0, "a") "}", NULL, "twice"},
};

START_TEST(one_enclave_is_bound_to_one_origin)
{
	const struct enclave_single single = {singles[_i].name, singles[_i].url,
	    bytes_from_string(singles[_i].pcrs)};
	struct enclave_client_error error;
	struct enclave_map *map = NULL;
	enum enclave_client_status status =
	    enclave_map_new_single(&single, &strict, &map, &error);

	if (!singles[_i].expected_name) {
		ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_CONFIG);
		ck_assert_ptr_null(map);
		ck_assert_msg(
		    strstr(error.message, singles[_i].expected) != NULL, "%s",
		    error.message);
		return;
	}
	ck_assert_msg(!status, "%s", error.message);
	ck_assert_uint_eq(enclave_map_count(map), 1);
	struct enclave *enclave =
	    enclave_map_find(map, singles[_i].expected_name);
	ck_assert_ptr_nonnull(enclave);
	ck_assert_str_eq(enclave->url, singles[_i].expected);
	enclave_map_unref(map);
}
END_TEST

START_TEST(a_profile_is_found_by_its_whole_name)
{
	const struct profile *profile = profile_default();

	ck_assert_str_eq(profile->name, "evervault");
	ck_assert_ptr_eq(profile_find("evervault"), profile);
	ck_assert_ptr_null(profile_find("Evervault"));
	ck_assert_ptr_null(profile_find("evervaul"));
	ck_assert_ptr_null(profile_find(""));
	/* What the service does (wire formats): nothing is hashed or cut. */
	ck_assert_int_eq(profile->binding.field, CLAIMS_USER_DATA);
	ck_assert_int_eq(profile->binding.object, BINDING_SPKI);
	ck_assert_int_eq(profile->binding.transform, BINDING_IDENTITY);
	ck_assert_uint_eq(profile->binding.offset, 0);
	ck_assert_uint_eq(profile->binding.length, 0);
	ck_assert_ptr_null(profile->binding.prefix);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("enclave");
	TCase *tcase = tcase_create("enclave");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, both_forms_make_enclaves, 0, COUNT(accepted));
	tcase_add_loop_test(tcase,
	    bad_configurations_are_refused_with_the_place, 0, COUNT(refused));
	tcase_add_loop_test(
	    tcase, each_number_is_taken_within_its_limits, 0, COUNT(numbers));
	tcase_add_test(tcase, polls_in_flight_are_as_configured);
	tcase_add_test(tcase, defaults_hold_for_enclaves_that_say_nothing);
	tcase_add_loop_test(
	    tcase, every_weakening_marks_its_enclave, 0, COUNT(weakened));
	tcase_add_test(tcase, an_empty_map_may_be_meant);
	tcase_add_test(
	    tcase, ten_thousand_enclaves_are_found_by_name_and_by_origin);
	tcase_add_test(tcase, enclaves_are_counted_up_to_their_limit);
	tcase_add_test(tcase, a_name_is_taken_up_to_its_limit);
	tcase_add_test(tcase, absurd_texts_are_refused);
	tcase_add_loop_test(tcase,
	    enclaves_are_equal_in_all_that_was_configured, 0,
	    COUNT(equalities));
	tcase_add_test(tcase, an_enclave_outlives_its_map);
	tcase_add_loop_test(
	    tcase, one_enclave_is_bound_to_one_origin, 0, COUNT(singles));
	tcase_add_test(tcase, a_profile_is_found_by_its_whole_name);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
