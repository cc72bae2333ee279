/* Profiles: the rows, what a user may compose, and what contradicts itself. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/enclave.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define A96                                                                    \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PCRS "{\"PCR0\":\"" A96 "\"}"

static const struct enclave_map_options strict;

static struct enclave_map *
load(const char *text)
{
	struct enclave_client_error error = {0};
	struct enclave_map *map = NULL;

	ck_assert_msg(!enclave_map_new_json(
			  bytes_from_string(text), &strict, &map, &error),
	    "%s: %s", text, error.message);
	return map;
}

#define WITH(members)                                                          \
	"{\"h\":{\"url\":\"https://h:8443\"," members ",\"pcrs\":" PCRS "}}"
#define PROFILE(text) WITH("\"profile\":" text)
#define BINDING                                                                \
	"\"binding\":{\"field\":\"user_data\",\"object\":\"spki\","            \
	"\"transform\":\"sha256\"}"

/* Where each profile's evidence is fetched when the configuration is silent. */
static const struct {
	const char *text;
	const char *evidence_url;
	enum profile_source source;
} places[] = {
    {PROFILE("\"evervault\""), "https://h:8443/.well-known/attestation",
	PROFILE_ENDPOINT},
    {PROFILE("\"nitriding\""), "https://h:8443/enclave/attestation",
	PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"ed25519\"}"),
	"http://h:1300/attestation/raw", PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"p256\",\"encoding\":\"hex\","
	     "\"path\":\"/attestation/hex\"}"),
	"http://h:1300/attestation/hex", PROFILE_ENDPOINT},
    {WITH("\"profile\":{\"name\":\"oyster\",\"key\":\"p256\"},"
	  "\"evidence_url\":\"http://e:99/x\""),
	"http://e:99/x", PROFILE_ENDPOINT},
    {PROFILE("\"nitro-ra-tls\""), "https://h:8443", PROFILE_CERTIFICATE},
    {PROFILE("\"dstack\""), "https://h:8443", PROFILE_CERTIFICATE},
    {PROFILE("\"evervault-cages\""), "https://h:8443", PROFILE_CERTIFICATE},
    {PROFILE("{\"encoding\":\"raw\",\"path\":\"/a?b=1\"," BINDING "}"),
	"https://h:8443/a?b=1", PROFILE_ENDPOINT},
    /* The member of the profile to begin with goes with its encoding. */
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"raw\"}"),
	"https://h:8443/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"hex\"}"),
	"https://h:8443/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"base64\"}"),
	"https://h:8443/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"json\"}"),
	"https://h:8443/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"json\","
	     "\"member\":\"x\"}"),
	"https://h:8443/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"encoding\":\"hex\",\"plain_http\":true," BINDING "}"),
	"http://h/.well-known/attestation", PROFILE_ENDPOINT},
    {PROFILE("{\"evidence\":\"certificate\",\"wrapping\":\"cmw\"," BINDING "}"),
	"https://h:8443", PROFILE_CERTIFICATE},
    {"{\"h\":{\"url\":\"https://h\",\"evidence_of\":{\"evidence_url\":"
     "\"https://g/x\",\"pcrs\":" PCRS "}}}",
	"https://g/x", PROFILE_ENDPOINT},
};

START_TEST(each_profile_has_its_evidence_in_its_place)
{
	struct enclave_map *map = load(places[_i].text);
	const struct enclave *enclave = enclave_map_at(map, 0);

	ck_assert_str_eq(enclave->evidence_url, places[_i].evidence_url);
	ck_assert_int_eq(enclave->profile->source, places[_i].source);
	ck_assert(enclave->web_pki);
	enclave_map_unref(map);
}
END_TEST

#define NO_BINDING "\"encoding\":\"raw\""
#define BIND(members)                                                          \
	"{\"encoding\":\"raw\",\"binding\":{\"field\":\"user_data\","          \
	"\"object\":\"spki\",\"transform\":" members "}}"

/* Layouts that some field can have. */
static const char *const layouts[] = {
    PROFILE(BIND("\"sha256\",\"offset\":992")),
    PROFILE(BIND("\"sha512\",\"offset\":960")),
    PROFILE(BIND("\"sha256\",\"offset\":2,\"field_length\":34")),
    PROFILE(BIND("\"sha256\",\"offset\":2,\"length\":32,\"field_length\":68")),
    PROFILE(BIND("\"sha256\",\"keys\":1,\"field_length\":32")),
    PROFILE(BIND("\"sha256\",\"keys\":3,\"offset\":2,\"field_length\":34")),
    PROFILE(BIND("\"sha256\",\"keys\":3,\"offset\":2,\"field_length\":66")),
    PROFILE(BIND("\"sha256\",\"keys\":3,\"offset\":2,\"field_length\":98")),
    PROFILE(BIND("\"sha384\",\"keys\":2,\"field_length\":96")),
    PROFILE(BIND("\"identity\",\"offset\":1023")),
    PROFILE(BIND("\"identity\",\"offset\":2,\"field_length\":68")),
    PROFILE("{\"encoding\":\"raw\",\"nonce\":\"path\",\"path\":\"/a\"," BINDING
	    "}"),
    PROFILE("{\"encoding\":\"raw\",\"nonce\":\"query\",\"path\":"
	    "\"/a?x=1\"," BINDING "}"),
};

START_TEST(what_a_service_could_do_is_composed)
{
	enclave_map_unref(load(layouts[_i]));
}
END_TEST

static const struct {
	const char *text;
	const char *message;
} refused[] = {
    /* What can never be a TLS leaf's key gates nothing. */
    {PROFILE("\"oyster\""), "can't gate a connection: it attests an X25519"},
    {PROFILE("{\"name\":\"oyster\"}"), "can't gate a connection"},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"x25519\"}"),
	"h.profile.key: an X25519 key agrees on secrets"},
    /* OpenSecret's, as it would have to be composed. */
    {PROFILE("{\"nonce\":\"path\",\"path\":\"/attestation\",\"encoding\":"
	     "\"json\",\"member\":\"attestation_document\",\"key\":"
	     "\"x25519\"}"),
	"h.profile.key: an X25519 key agrees on secrets"},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"secp256k1\"}"),
	"h.profile.key: secp256k1 is no curve of TLS 1.3"},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"rsa\"}"), "expected \"ed25519\""},
    /* Contradictions. */
    {PROFILE("{\"encoding\":\"json\"," BINDING "}"), "needs \"member\""},
    {PROFILE("{\"encoding\":\"raw\",\"member\":\"x\"," BINDING "}"),
	"goes with the encoding \"json\" alone"},
    {PROFILE("{\"name\":\"evervault\",\"encoding\":\"raw\",\"member\":"
	     "\"x\"}"),
	"goes with the encoding \"json\" alone"},
    {PROFILE("{\"name\":\"evervault\",\"member\":\"x\",\"encoding\":"
	     "\"raw\"}"),
	"goes with the encoding \"json\" alone"},
    {PROFILE("{\"name\":\"nitriding\",\"member\":\"x\"}"),
	"goes with the encoding \"json\" alone"},
    {PROFILE("{\"name\":\"nitriding\",\"encoding\":\"json\"}"),
	"needs \"member\""},
    {PROFILE("{\"name\":\"nitriding\",\"nonce\":\"path\",\"path\":"
	     "\"/a?x=1\"}"),
	"the nonce ends the \"path\", and a query stands there"},
    {PROFILE("{\"evidence\":\"certificate\",\"path\":\"/x\"," BINDING "}"),
	"\"path\" belongs to an endpoint"},
    {PROFILE("{\"evidence\":\"certificate\",\"nonce\":\"query\"," BINDING "}"),
	"\"nonce\" belongs to an endpoint"},
    {PROFILE("{\"encoding\":\"raw\",\"wrapping\":\"cmw\"," BINDING "}"),
	"\"wrapping\" says how a certificate carries"},
    {PROFILE("{\"evidence\":\"certificate\",\"wrapping\":\"cmw\","
	     "\"binding\":{\"field\":\"user_data\",\"object\":"
	     "\"certificate\",\"transform\":\"sha256\"}}"),
	"can't name that whole certificate"},
    {PROFILE("{\"encoding\":\"raw\",\"nonce\":\"query\",\"binding\":{"
	     "\"field\":\"nonce\",\"object\":\"spki\",\"transform\":"
	     "\"sha256\"}}"),
	"can't name the key and repeat our nonce"},
    {PROFILE(
	 "{\"encoding\":\"raw\",\"nonce\":\"query\",\"nonce_bytes\":15," BINDING
	 "}"),
	"\"nonce_bytes\" is 15, at least 16"},
    {PROFILE("{\"encoding\":\"raw\",\"nonce\":\"path\",\"nonce_bytes\":"
	     "20," BINDING "}"),
	"\"nonce_bytes\" goes with the nonce \"query\" alone"},
    {PROFILE("{\"name\":\"oyster\",\"key\":\"p256\"," BINDING "}"),
	"\"key\" and \"binding\" both say"},
    {PROFILE("{\"name\":\"oyster\"," BINDING ",\"key\":\"p256\"}"),
	"\"key\" and \"binding\" both say"},
    {PROFILE("{\"name\":\"dstack\",\"evidence\":\"endpoint\","
	     "\"encoding\":\"raw\"}"),
	"the profile \"dstack\" has its evidence elsewhere"},
    {PROFILE("{\"name\":\"evervault\",\"evidence\":\"certificate\","
	     "\"wrapping\":\"cmw\"}"),
	"the profile \"evervault\" has its evidence elsewhere"},
    {PROFILE(BIND("\"sha256\",\"length\":48")), "the digest has 32 bytes"},
    {PROFILE(BIND("\"sha384\",\"length\":32")), "the digest has 48 bytes"},
    {PROFILE(BIND("\"sha512\",\"length\":32")), "the digest has 64 bytes"},
    {PROFILE(BIND("\"identity\",\"offset\":2,\"length\":1023")), "end at 1025"},
    {PROFILE(BIND("\"sha256\",\"offset\":2,\"length\":32,\"field_length\":33")),
	"\"field_length\" is 33, and the value ends at 34"},
    {PROFILE(BIND("\"sha256\",\"offset\":32,\"field_length\":32")),
	"\"offset\" lies behind"},
    {PROFILE(BIND("\"sha256\",\"offset\":993")), "ends at 1025"},
    {PROFILE(BIND("\"sha512\",\"offset\":961")), "ends at 1025"},
    {PROFILE(BIND("\"sha256\",\"keys\":2,\"offset\":1000")), "ends at 1032"},
    {PROFILE(BIND("\"sha256\",\"offset\":2,\"field_length\":68")),
	"leave 66 bytes, and the digest has 32; say \"length\""},
    {PROFILE(BIND("\"sha256\",\"offset\":2,\"field_length\":33")),
	"leave 31 bytes, and the digest has 32"},
    {PROFILE(BIND("\"sha256\",\"field_length\":64")), "leave 64 bytes"},
    {PROFILE(BIND("\"sha256\",\"keys\":3,\"offset\":2,\"field_length\":67")),
	"leave 65 bytes, which are not 1 to 3 digests of 32"},
    {PROFILE(BIND("\"sha256\",\"keys\":3,\"field_length\":128")),
	"leave 128 bytes, which are not 1 to 3 digests of 32"},
    {PROFILE(BIND("\"sha256\",\"keys\":3,\"length\":32,\"field_length\":"
		  "65")),
	"leave 65 bytes, which are not 1 to 3 digests of 32"},
    {PROFILE(BIND("\"identity\",\"keys\":2")), "counts digests of one length"},
    {PROFILE(BIND("\"sha256\",\"keys\":33")), "from 0 to 32"},
    /* What is missing is not guessed. */
    {PROFILE("{}"), "\"binding\" is missing"},
    {PROFILE("{" NO_BINDING "}"), "\"binding\" is missing"},
    {PROFILE("{" BINDING "}"), "\"encoding\" is missing"},
    {PROFILE("{\"evidence\":\"certificate\"," BINDING "}"),
	"\"wrapping\" is missing"},
    {PROFILE("{\"encoding\":\"raw\",\"binding\":{\"field\":\"user_data\","
	     "\"transform\":\"sha256\"}}"),
	"\"object\" is missing"},
    {PROFILE("{\"encoding\":\"raw\",\"binding\":{\"field\":\"user_data\","
	     "\"object\":\"spki\"}}"),
	"h.profile.binding: \"transform\" is missing"},
    {PROFILE("{\"encoding\":\"raw\",\"binding\":{\"object\":\"spki\","
	     "\"transform\":\"sha256\"}}"),
	"\"field\" is missing"},
    /* Values. */
    {PROFILE("{\"name\":\"x\"}"), "h.profile.name: no profile of that name"},
    {PROFILE("{\"name\":1}"), "h.profile.name: no profile of that name"},
    {PROFILE("{\"title\":\"x\"}"), "h.profile: unknown member \"title\""},
    {PROFILE("{\"encoding\":\"raw\",\"title\":\"x\"," BINDING "}"),
	"h.profile: unknown member \"title\""},
    {PROFILE("{\"encoding\":\"zip\"," BINDING "}"),
	"h.profile.encoding: an unknown word, expected one of: raw, hex, "
	"base64, json"},
    {PROFILE("{\"encoding\":1," BINDING "}"), "a number, expected one of"},
    {PROFILE("{\"encoding\":\"raw\",\"status\":300," BINDING "}"),
	"h.profile.status: expected the HTTP status"},
    {PROFILE("{\"encoding\":\"raw\",\"path\":\"x\"," BINDING "}"),
	"begins with \"/\""},
    {PROFILE("{\"encoding\":\"raw\",\"path\":\"/x#y\"," BINDING "}"),
	"h.profile.path: a fragment"},
    {PROFILE("{\"encoding\":\"raw\",\"plain_http\":1," BINDING "}"),
	"expected true or false"},
    {PROFILE("{\"encoding\":\"raw\",\"plain_http\":\"true\"," BINDING "}"),
	"a string, expected true or false"},
    {PROFILE(BIND("\"sha256\",\"prefix\":\"\"")), "h.profile.binding.prefix: "},
    {PROFILE(BIND("\"sha256\",\"other\":1")), "h.profile.binding: "},
    {PROFILE("[]"), "h.profile: a list, expected a string or an object"},
    /* Evidence has one place. */
    {WITH("\"profile\":\"nitro-ra-tls\",\"evidence_url\":\"https://h/x\""),
	"h.evidence_url: evidence of the profile \"nitro-ra-tls\" is in the"},
    {WITH("\"profile\":\"nitriding\",\"evidence_url\":\"http://h/x\""),
	"comes over https"},
    {WITH("\"profile\":{\"nonce\":\"path\",\"encoding\":\"raw\"," BINDING
	  "},\"evidence_url\":\"https://h/x?y\""),
	"the nonce ends the path"},
    /* Who is measured. */
    {WITH("\"evidence_of\":{\"pcrs\":" PCRS "}"),
	"\"pcrs\" beside \"evidence_of\""},
    {"{\"h\":{\"profile\":\"nitriding\",\"evidence_of\":{\"pcrs\":" PCRS "}}}",
	"\"profile\" beside \"evidence_of\""},
    {"{\"h\":{\"url\":\"h\",\"evidence_of\":{}}}", "\"pcrs\" is missing"},
    {"{\"h\":{\"url\":\"h\",\"evidence_of\":{\"pcrs\":{}}}}",
	"h.evidence_of.pcrs: no PCR in it"},
    {"{\"h\":{\"url\":\"h\",\"evidence_of\":{\"url\":\"g\"}}}",
	"h.evidence_of: "},
    {"{\"h\":{\"url\":\"h\",\"evidence_of\":[]}}", "expected an object"},
};

START_TEST(contradictions_are_refused_with_the_reason)
{
	struct enclave_client_error error = {0};
	struct enclave_map *map = NULL;

	ck_assert_int_eq(
	    enclave_map_new_json(
		bytes_from_string(refused[_i].text), &strict, &map, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL,
	    "no \"%s\" in: %s", refused[_i].message, error.message);
}
END_TEST

/* Pairs of profiles; whether connections judged for one serve the other. */
static const struct {
	const char *a;
	const char *b;
	bool same;
} pairs[] = {
    {PROFILE("\"nitriding\""), PROFILE("\"nitriding\""), true},
    {PROFILE("\"nitriding\""), PROFILE("{\"name\":\"nitriding\"}"), true},
    {PROFILE("\"nitriding\""), PROFILE("\"evervault\""), false},
    {PROFILE(BIND("\"sha256\"")), PROFILE(BIND("\"sha256\"")), true},
    {PROFILE(BIND("\"sha256\"")), PROFILE(BIND("\"sha384\"")), false},
    {PROFILE(BIND("\"sha256\"")), PROFILE(BIND("\"sha256\",\"prefix\":\"x\"")),
	false},
    {PROFILE(BIND("\"sha256\"")), PROFILE(BIND("\"sha256\",\"offset\":1")),
	false},
    {PROFILE(BIND("\"sha256\"")), PROFILE(BIND("\"sha256\",\"keys\":2")),
	false},
    {PROFILE(BIND("\"sha256\"")),
	PROFILE(BIND("\"sha256\",\"field_length\":32")), false},
    {WITH("\"trust\":\"attested_key\""), WITH("\"cut_on_expiry\":true"), false},
};

START_TEST(a_change_of_profile_or_trust_is_a_change_of_judgement)
{
	struct enclave_map *a = load(pairs[_i].a);
	struct enclave_map *b = load(pairs[_i].b);

	ck_assert_int_eq(
	    enclave_same_judgement(enclave_map_at(a, 0), enclave_map_at(b, 0)),
	    pairs[_i].same);
	enclave_map_unref(a);
	enclave_map_unref(b);
}
END_TEST

/* All that a profile says, each member apart from what else goes with it: of
 * profiles that JSON composes some differ in several at once. */
static const struct profile whole = {
    .name = "a",
    .source = PROFILE_ENDPOINT,
    .wrapping = PROFILE_CMW,
    .evidence_path = "/a",
    .evidence_port = 1,
    .nonce = PROFILE_NONCE_QUERY,
    .nonce_bytes = 20,
    .accepted_status = 200,
    .encoding = PROFILE_RAW,
    .json_member = "a",
    .binding =
	{
	    .field = CLAIMS_USER_DATA,
	    .offset = 1,
	    .length = 32,
	    .field_length = 64,
	    .object = BINDING_SPKI,
	    .transform = BINDING_SHA256,
	    .prefix = "a",
	    .marks = {{0, {(const uint8_t *)"a", 1}}},
	    .keys_max = 1,
	},
};

static void
change_question(struct profile *profile, int member)
{
	switch (member) {
	case 0:
		profile->name = "b";
		break;
	case 1:
		profile->source = PROFILE_CERTIFICATE;
		break;
	case 2:
		profile->wrapping = PROFILE_DSTACK;
		break;
	case 3:
		profile->evidence_path = "/b";
		break;
	case 4:
		profile->evidence_port = 2;
		break;
	case 5:
		profile->plain_http = true;
		break;
	case 6:
		profile->nonce = PROFILE_NONCE_PATH;
		break;
	default:
		profile->nonce_bytes = 21;
	}
}

static void
change_answer(struct profile *profile, int member)
{
	switch (member) {
	case 0:
		profile->accepted_status = 201;
		break;
	case 1:
		profile->encoding = PROFILE_HEX;
		break;
	case 2:
		profile->json_member = "b";
		break;
	default:
		profile->json_member = NULL;
	}
}

static void
change_binding(struct binding_rule *rule, int member)
{
	switch (member) {
	case 0:
		rule->field = CLAIMS_PUBLIC_KEY;
		break;
	case 1:
		rule->offset = 2;
		break;
	case 2:
		rule->length = 31;
		break;
	case 3:
		rule->field_length = 65;
		break;
	case 4:
		rule->object = BINDING_CERTIFICATE;
		break;
	case 5:
		rule->transform = BINDING_SHA384;
		break;
	case 6:
		rule->prefix = NULL;
		break;
	case 7:
		rule->marks[0].offset = 1;
		break;
	case 8:
		rule->marks[0].bytes.data = (const uint8_t *)"b";
		break;
	case 9:
		rule->marks[1].bytes = rule->marks[0].bytes;
		break;
	case 10:
		rule->keys_max = 2;
		break;
	default:
		rule->older = &whole.binding;
	}
}

enum { QUESTIONS = 8, ANSWERS = 4, BINDINGS = 12 };

START_TEST(profiles_that_differ_in_anything_are_not_equal)
{
	struct profile other = whole;

	ck_assert(profile_equal(&whole, &other));
	if (_i < QUESTIONS)
		change_question(&other, _i);
	else if (_i < QUESTIONS + ANSWERS)
		change_answer(&other, _i - QUESTIONS);
	else
		change_binding(&other.binding, _i - QUESTIONS - ANSWERS);
	ck_assert(!profile_equal(&whole, &other));
	ck_assert(!profile_equal(&other, &whole));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("profiles");
	TCase *tcase = tcase_create("profiles");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, each_profile_has_its_evidence_in_its_place,
	    0, COUNT(places));
	tcase_add_loop_test(
	    tcase, what_a_service_could_do_is_composed, 0, COUNT(layouts));
	tcase_add_loop_test(tcase, contradictions_are_refused_with_the_reason,
	    0, COUNT(refused));
	tcase_add_loop_test(tcase,
	    a_change_of_profile_or_trust_is_a_change_of_judgement, 0,
	    COUNT(pairs));
	tcase_add_loop_test(tcase,
	    profiles_that_differ_in_anything_are_not_equal, 0,
	    QUESTIONS + ANSWERS + BINDINGS);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
