/*
 * Each way in which a service says "this is my key", over real TLS: what is
 * accepted, and everything near it that is not.  The enclave's log says what
 * it received.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One service, the configuration that speaks to it, and what is wrong. */
struct row {
	const char *members;
	const char *settings;
	enum enclave_client_status status;
	const char *text; /* of the refusal */
};

static void
try_row(const struct row *row)
{
	enum enclave_client_status status;

	fixture_set(row->settings);
	fixture_client(NULL, row->members, false);
	status = fixture_get("/secret");
	fixture_expect(status, row->status, row->text);
	ck_assert_int_eq(fixture_saw("/secret"), row->status == 0);
}

#define NITRIDING ",\"profile\":\"nitriding\""
#define SERVE(service, statement)                                              \
	"{\"service\":\"" service "\",\"statement\":\"" statement "\"}"

static const struct row nitriding[] = {
    {NITRIDING, SERVE("nitriding", "good"), ENCLAVE_CLIENT_OK, NULL},
    {NITRIDING, SERVE("nitriding-text", "good"), ENCLAVE_CLIENT_OK, NULL},
    /* Wrong binding, and the hash of the wrong object. */
    {NITRIDING, SERVE("nitriding", "other-key"),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "is another key's"},
    {NITRIDING, SERVE("nitriding", "other-object"),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "is another key's"},
    {NITRIDING, SERVE("nitriding-text", "other-object"),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "is another key's"},
    /* Missing, of the wrong length, without its multihash prefix. */
    {NITRIDING, SERVE("nitriding", "null"), ENCLAVE_CLIENT_ERR_BINDING,
	"it has no user_data"},
    {NITRIDING, SERVE("nitriding", "short"), ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (67 bytes)"},
    {NITRIDING, SERVE("nitriding", "long"), ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (69 bytes)"},
    {NITRIDING, SERVE("nitriding-text", "short"), ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (78 bytes)"},
    {NITRIDING, SERVE("nitriding", "unmarked"), ENCLAVE_CLIENT_ERR_BINDING,
	"does not say that a digest follows"},
    {NITRIDING, SERVE("nitriding-text", "unmarked"), ENCLAVE_CLIENT_ERR_BINDING,
	"does not say that a digest follows"},
    /* Another service's document: SPKI where a certificate is wanted. */
    {NITRIDING, SERVE("evervault", "good"), ENCLAVE_CLIENT_ERR_BINDING,
	"has another length"},
    /* The nonce of another fetch, or none. */
    {NITRIDING, "{\"service\":\"nitriding\",\"nonce\":\"null\"}",
	ENCLAVE_CLIENT_ERR_TOO_OLD, "its nonce is absent"},
    {NITRIDING, "{\"service\":\"nitriding\",\"nonce\":\"empty\"}",
	ENCLAVE_CLIENT_ERR_TOO_OLD, "its nonce is empty"},
};

START_TEST(nitriding_binds_the_whole_certificate)
{
	try_row(&nitriding[_i]);
}
END_TEST

/* The same rule of both kinds, each against the other's document. */
static const struct row crossed[] = {
    {",\"profile\":{\"encoding\":\"raw\",\"path\":\"/attestation/raw\","
     "\"binding\":{\"field\":\"user_data\",\"object\":\"spki\","
     "\"transform\":\"sha256\",\"offset\":2,\"length\":32}}",
	SERVE("nitriding", "good"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"is another key's"},
    {",\"profile\":{\"encoding\":\"raw\",\"path\":\"/attestation/raw\","
     "\"binding\":{\"field\":\"user_data\",\"object\":\"certificate\","
     "\"transform\":\"sha256\",\"offset\":2,\"length\":32}}",
	SERVE("nitriding", "good"), ENCLAVE_CLIENT_OK, NULL},
    {",\"profile\":{\"encoding\":\"raw\",\"path\":\"/attestation/raw\","
     "\"binding\":{\"field\":\"user_data\",\"object\":\"certificate\","
     "\"transform\":\"identity\"}}",
	SERVE("evervault", "good"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"is another key's"},
    {",\"profile\":{\"encoding\":\"hex\",\"path\":\"/attestation/hex\","
     "\"binding\":{\"field\":\"user_data\",\"object\":\"spki\","
     "\"transform\":\"identity\"}}",
	SERVE("evervault", "good"), ENCLAVE_CLIENT_OK, NULL},
};

START_TEST(bindings_of_key_and_certificate_refuse_each_others_documents)
{
	try_row(&crossed[_i]);
}
END_TEST

START_TEST(a_document_of_an_earlier_fetch_is_no_answer)
{
	fixture_set("{\"service\":\"nitriding\",\"nonce\":\"replayed\","
		    "\"keep_alive\":false}");
	fixture_client(NULL, NITRIDING, false);
	/* The first fetch is the one whose nonce comes again. */
	fixture_get_ok("/first");
	fixture_rotate();
	fixture_expect(fixture_get("/second"),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "its nonce is another");
	ck_assert(!fixture_saw("/second"));
}
END_TEST

START_TEST(polls_ask_with_a_nonce_as_well)
{
	fixture_set("{\"service\":\"nitriding\"}");
	fixture_client(NULL, NITRIDING, true);
	ck_assert_int_eq(enclave_client_wait(fixture.client, FIXTURE_NAME,
			     10000, fixture.error),
	    0);
	fixture_get_ok("/hello");
	ck_assert(fixture_saw("/enclave/attestation?nonce="));
}
END_TEST

START_TEST(a_nonce_may_end_the_path)
{
	fixture_set("{\"keep_alive\":false}");
	fixture_client(NULL,
	    ",\"profile\":{\"encoding\":\"raw\",\"nonce\":\"path\",\"path\":"
	    "\"/attestation/by-nonce\",\"binding\":{\"field\":\"user_data\","
	    "\"object\":\"spki\",\"transform\":\"identity\"}}",
	    false);
	fixture_get_ok("/hello");
	fixture_set("{\"nonce\":\"replayed\"}");
	fixture_rotate();
	fixture_expect(fixture_get("/second"),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "its nonce is another");
}
END_TEST

/*
 * OpenSecret's way of asking and answering can be composed, for a service that
 * names its TLS key as well.  OpenSecret itself names none: it attests a key to
 * encrypt with above TLS, so nothing that it says opens a connection.
 */
#define OPENSECRET(binding)                                                    \
	",\"profile\":{\"nonce\":\"path\",\"path\":\"/attestation\","          \
	"\"encoding\":\"json\",\"member\":\"attestation_document\","           \
	"\"binding\":{" binding "}}"
#define BY_SPKI                                                                \
	OPENSECRET("\"field\":\"user_data\",\"object\":\"spki\","              \
		   "\"transform\":\"identity\"")
#define BY_PUBLIC_KEY                                                          \
	OPENSECRET("\"field\":\"public_key\",\"object\":\"key\","              \
		   "\"transform\":\"identity\"")

static const struct row opensecret[] = {
    {BY_SPKI, SERVE("evervault", "good"), ENCLAVE_CLIENT_OK, NULL},
    {BY_SPKI, SERVE("evervault", "other-key"),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "is another key's"},
    {BY_SPKI, SERVE("evervault", "null"), ENCLAVE_CLIENT_ERR_BINDING,
	"it has no user_data"},
    {BY_SPKI, "{\"service\":\"evervault\",\"nonce\":\"null\"}",
	ENCLAVE_CLIENT_ERR_TOO_OLD, "its nonce is absent"},
    {BY_SPKI, SERVE("opensecret", "good"), ENCLAVE_CLIENT_ERR_BINDING,
	"it has no user_data"},
    {BY_PUBLIC_KEY, SERVE("opensecret", "good"),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "is another key's"},
    {BY_PUBLIC_KEY, SERVE("oyster", "good"), ENCLAVE_CLIENT_OK, NULL},
};

START_TEST(what_opensecret_attests_opens_no_connection)
{
	try_row(&opensecret[_i]);
}
END_TEST

/* Oyster's evidence comes over plain http, from another port. */
static const char *
oyster(const char *encoding, const char *key)
{
	static char members[512];
	int port =
	    local_enclave_ready(fixture.enclave)
		? (int)cJSON_GetNumberValue(cJSON_GetObjectItem(
		      local_enclave_ready(fixture.enclave), "control_port"))
		: 0;

	ck_assert(snprintf(members, sizeof(members),
		      ",\"profile\":{\"name\":\"oyster\",\"key\":\"%s\","
		      "\"encoding\":\"%s\"},\"evidence_url\":"
		      "\"http://127.0.0.1:%d/attestation/%s\"",
		      key, encoding, port, encoding) < (int)sizeof(members));
	return members;
}

static const struct {
	const char *encoding;
	const char *key;
	const char *statement;
	enum enclave_client_status status;
	const char *text;
} oysters[] = {
    {"raw", "p256", "good", ENCLAVE_CLIENT_OK, NULL},
    {"hex", "p256", "good", ENCLAVE_CLIENT_OK, NULL},
    {"raw", "p256", "other-key", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "key"},
    {"raw", "p256", "other-object", ENCLAVE_CLIENT_ERR_BINDING,
	"has another length"},
    {"raw", "p256", "null", ENCLAVE_CLIENT_ERR_BINDING, "it has no public_key"},
    {"raw", "p256", "short", ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (64 bytes)"},
    {"raw", "p256", "long", ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (66 bytes)"},
    {"raw", "ed25519", "good", ENCLAVE_CLIENT_ERR_BINDING,
	"has another length (65 bytes)"},
};

START_TEST(oyster_binds_the_raw_key_that_came_over_http)
{
	char settings[128];
	enum enclave_client_status status;

	(void)snprintf(settings, sizeof(settings),
	    "{\"service\":\"oyster\",\"statement\":\"%s\"}",
	    oysters[_i].statement);
	fixture_set(settings);
	fixture_client(
	    NULL, oyster(oysters[_i].encoding, oysters[_i].key), false);
	status = fixture_get("/secret");
	fixture_expect(status, oysters[_i].status, oysters[_i].text);
	ck_assert_int_eq(fixture_saw("/secret"), oysters[_i].status == 0);
	/* The request's own connection is TLS, whatever evidence came over. */
	ck_assert_uint_eq(fixture_evidence(), 0);
}
END_TEST

START_TEST(evidence_over_http_does_not_open_http_to_requests)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	char url[128];

	fixture_set("{\"service\":\"oyster\"}");
	fixture_client(NULL, oyster("raw", "p256"), false);
	fixture_get_ok("/hello");
	(void)snprintf(url, sizeof(url), "http://localhost:%d/secret",
	    local_enclave_port(fixture.enclave));
	ck_assert_int_eq(enclave_client_request_new("GET", url, &request), 0);
	ck_assert_int_ne(enclave_client_request(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/secret"));
	enclave_client_request_free(request);
}
END_TEST

#define KEY_ALONE ",\"trust\":\"attested_key\""

/* Certificates that ordinary verification refuses, and what trust makes of
 * them. */
static const char *const unverified[] = {
    "self-signed", "foreign", "expired", "wrong-name"};

START_TEST(the_attested_key_alone_needs_no_authority)
{
	char settings[64];

	(void)snprintf(settings, sizeof(settings),
	    "{\"web_ca\":\"%s\",\"keep_alive\":false}", unverified[_i]);
	fixture_set(settings);
	fixture_client(NULL, KEY_ALONE, false);
	fixture_get_ok("/hello");
	/* The key still decides. */
	fixture_set("{\"statement\":\"other-key\"}");
	fixture_rotate();
	fixture_expect(
	    fixture_get("/secret"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert(!fixture_saw("/secret"));
}
END_TEST

START_TEST(by_default_the_authority_is_needed_too)
{
	char settings[64];

	(void)snprintf(
	    settings, sizeof(settings), "{\"web_ca\":\"%s\"}", unverified[_i]);
	fixture_set(settings);
	fixture_client(NULL, "", false);
	fixture_expect(fixture_get("/secret"), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate");
	ck_assert(!fixture_saw("/secret"));
}
END_TEST

START_TEST(trust_that_grows_stricter_ends_what_was_judged_before)
{
	fixture_set("{\"web_ca\":\"self-signed\"}");
	fixture_client(NULL, KEY_ALONE, false);
	fixture_get_ok("/before");
	fixture_update(NULL, "");
	fixture_expect(fixture_get("/after"), ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

START_TEST(a_self_signed_nitriding_is_reached_by_its_key_alone)
{
	fixture_set("{\"service\":\"nitriding\",\"web_ca\":\"self-signed\"}");
	fixture_client(NULL, NITRIDING KEY_ALONE, false);
	fixture_get_ok("/hello");
}
END_TEST

/* The map of an enclave for which another one vouches; static. */
static const char *
vouched_map(const char *evidence_url, const char *pcr0, const char *profile,
    const char *members)
{
	static char map[1024];

	ck_assert(snprintf(map, sizeof(map),
		      "{\"enclaves\":{\"" FIXTURE_NAME "\":{\"url\":\"%s\","
		      "\"evidence_of\":{\"evidence_url\":\"%s\",\"profile\":%s,"
		      "\"pcrs\":{\"PCR0\":\"%s\"}}%s}}}",
		      local_enclave_url(fixture.enclave), evidence_url, profile,
		      pcr0, members) < (int)sizeof(map));
	return map;
}

static void
vouched_client_with(const char *evidence_url, const char *pcr0,
    const char *profile, const char *members)
{
	fixture_client_with_map(
	    vouched_map(evidence_url, pcr0, profile, members), false);
}

static void
vouched_client(const char *evidence_url, const char *pcr0, const char *profile)
{
	vouched_client_with(evidence_url, pcr0, profile, "");
}

#define LIST_PROFILE                                                           \
	"{\"encoding\":\"raw\",\"path\":\"/attestation/raw\",\"binding\":{"    \
	"\"field\":\"user_data\",\"object\":\"spki\",\"transform\":"           \
	"\"sha256\",\"keys\":8}}"
#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* The generator's document, which names several keys, this one's among them. */
static const struct {
	const char *statement;
	const char *pcr0; /* NULL: the generator's */
	enum enclave_client_status status;
	const char *text;
} vouchings[] = {
    {"good", NULL, ENCLAVE_CLIENT_OK, NULL},
    {"good", OTHER_PCR0, ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0"},
    {"other-key", NULL, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL},
    {"short", NULL, ENCLAVE_CLIENT_ERR_BINDING, "one after the other"},
    {"null", NULL, ENCLAVE_CLIENT_ERR_BINDING, "it has no user_data"},
};

START_TEST(another_enclave_may_vouch_for_several_keys)
{
	char url[128];
	char settings[128];
	enum enclave_client_status status;

	(void)snprintf(url, sizeof(url), "%s/attestation/raw",
	    local_enclave_url(fixture.enclave));
	(void)snprintf(settings, sizeof(settings),
	    "{\"service\":\"list\",\"statement\":\"%s\"}",
	    vouchings[_i].statement);
	fixture_set(settings);
	vouched_client(url,
	    vouchings[_i].pcr0 ? vouchings[_i].pcr0
			       : local_enclave_pcr(fixture.enclave, "0"),
	    LIST_PROFILE);
	status = fixture_get("/secret");
	fixture_expect(status, vouchings[_i].status, vouchings[_i].text);
	ck_assert_int_eq(fixture_saw("/secret"), vouchings[_i].status == 0);
	if (!status)
		ck_assert_uint_eq(
		    fixture_events(ENCLAVE_CLIENT_EVENT_KEY_ADDED), 1);
}
END_TEST

/* Two enclaves: the one that serves shows no evidence of its own, and runs
 * another build than the one that vouches. */
START_TEST(what_serves_is_not_measured_when_another_vouches)
{
	static const char *const arguments[] = {
	    "--instance", "generator", "--keep-key", NULL};
	struct local_enclave *generator;
	char url[128];

	/* Same key: the generator made it and handed it on. */
	generator = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(generator);
	(void)snprintf(url, sizeof(url), "%s/.well-known/attestation",
	    local_enclave_url(generator));
	vouched_client(url, local_enclave_pcr(generator, "0"), "\"evervault\"");
	/* This one has a key of its own: nobody vouches for it. */
	fixture_expect(
	    fixture_get("/secret"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert(!fixture_saw("/secret"));
	ck_assert_uint_eq(fixture_evidence(), 0);
	ck_assert_uint_ge(local_enclave_count(generator, "evidence"), 1);
	ck_assert_int_eq(local_enclave_stop(generator), 0);
}
END_TEST

/*
 * A generator of another build vouches for two keys: one that nobody holds, and
 * that of the enclave which serves.
 */
static struct local_enclave *
start_generator(const char *members)
{
	static const char *const arguments[] = {
	    "--instance", "generator", "--pcr", "0=" OTHER_PCR0, NULL};
	struct local_enclave *generator =
	    local_enclave_start(fixture.state, arguments);
	char text[1024];

	ck_assert_ptr_nonnull(generator);
	(void)snprintf(text, sizeof(text), "{\"user_data\":\"%064x%s\"}", 1,
	    local_enclave_text(fixture.enclave, "spki_sha256"));
	ck_assert(local_enclave_set(generator, text));
	(void)snprintf(text, sizeof(text), "%s/attestation/raw",
	    local_enclave_url(generator));
	vouched_client_with(text, OTHER_PCR0, LIST_PROFILE, members);
	return generator;
}

static void
expect_nothing_sent(enum enclave_client_status wanted)
{
	fixture_expect(fixture_get("/secret"), wanted, NULL);
	ck_assert(!fixture_saw("/secret"));
}

START_TEST(a_generators_word_lets_another_build_serve)
{
	struct local_enclave *generator = start_generator("");

	fixture_get_ok("/hello");
	/* What serves was asked for nothing, and is of another build. */
	ck_assert_uint_eq(fixture_evidence(), 0);
	/* A key that it has made since was never vouched for. */
	fixture_rotate();
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/on-the-old-connection");
	expect_nothing_sent(ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
	ck_assert_int_eq(local_enclave_stop(generator), 0);
}
END_TEST

START_TEST(a_generator_that_expired_ends_what_it_vouched_for)
{
	struct local_enclave *generator =
	    start_generator(",\"max_age_ms\":60000");
	size_t connections;

	fixture_get_ok("/hello");
	connections = fixture_connections();
	ck_assert_int_eq(local_enclave_stop(generator), 0);
	fixture_get_ok("/while-it-counts");
	ck_assert_uint_eq(fixture_connections(), connections);
	fixture_advance_ms(61000);
	ck_assert_int_ne(fixture_get("/secret"), ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/secret"));
}
END_TEST

START_TEST(a_generator_of_an_unaccepted_build_ends_what_it_vouched_for)
{
	struct local_enclave *generator = start_generator("");
	struct enclave_client_document *document = NULL;

	fixture_get_ok("/hello");
	ck_assert(local_enclave_set(generator, "{\"debug\":true}"));
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME, 5000,
			   &document, fixture.error),
	    ENCLAVE_CLIENT_ERR_DEBUG, NULL);
	expect_nothing_sent(ENCLAVE_CLIENT_ERR_DEBUG);
	ck_assert_int_eq(local_enclave_stop(generator), 0);
}
END_TEST

START_TEST(another_policy_for_the_generator_ends_what_it_vouched_for)
{
	struct local_enclave *generator = start_generator("");
	char url[128];

	(void)snprintf(url, sizeof(url), "%s/attestation/raw",
	    local_enclave_url(generator));
	fixture_get_ok("/hello");
	fixture_update_map(vouched_map(
	    url, local_enclave_pcr(fixture.enclave, "0"), LIST_PROFILE, ""));
	expect_nothing_sent(ENCLAVE_CLIENT_ERR_MEASUREMENT);
	/* Nobody vouches any more: what serves must do so by itself. */
	fixture_update(OTHER_PCR0, "");
	expect_nothing_sent(ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_int_eq(local_enclave_stop(generator), 0);
}
END_TEST

/* Evidence inside the certificate: judged in the handshake, nothing fetched. */
#define CARRY(service, rest) "{\"service\":\"" service "\"" rest "}"
#define CMW                  ",\"profile\":\"nitro-ra-tls\",\"trust\":\"attested_key\""
#define DSTACK               ",\"profile\":\"dstack\",\"trust\":\"attested_key\""
#define CAGES                ",\"profile\":\"evervault-cages\",\"trust\":\"attested_key\""
#define ABSENT               ",\"carriage\":\"absent\""
#define TWICE                ",\"carriage\":\"twice\""
#define CRITICAL             ",\"carriage\":\"critical\""
#define UNKNOWN              ",\"carriage\":\"unknown-critical\""
#define GARBAGE              ",\"carriage\":\"garbage\""
#define ELSEWHERE            ",\"carriage\":\"other-type\""

static const struct row carried[] = {
    {CMW, CARRY("cmw", ""), ENCLAVE_CLIENT_OK, NULL},
    {CMW, CARRY("cmw-json", ""), ENCLAVE_CLIENT_OK, NULL},
    {DSTACK, CARRY("dstack", ""), ENCLAVE_CLIENT_OK, NULL},
    {CAGES, CARRY("san", ""), ENCLAVE_CLIENT_OK, NULL},
    {CMW, CARRY("cmw", CRITICAL), ENCLAVE_CLIENT_OK, NULL},
    /* With web PKI as well, which is the default. */
    {",\"profile\":\"nitro-ra-tls\"", CARRY("cmw", ""), ENCLAVE_CLIENT_OK,
	NULL},
    {",\"profile\":\"nitro-ra-tls\"",
	CARRY("cmw", ",\"web_ca\":\"self-signed\""), ENCLAVE_CLIENT_ERR_NETWORK,
	"TLS certificate"},
    {CMW, CARRY("cmw", ",\"web_ca\":\"self-signed\""), ENCLAVE_CLIENT_OK, NULL},
    /* Absent, twice, beside what nobody understands, unreadable. */
    {CMW, CARRY("cmw", ABSENT), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {DSTACK, CARRY("dstack", ABSENT), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {CAGES, CARRY("san", ABSENT), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {CMW, CARRY("dstack", ""), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {CMW, CARRY("evervault", ""), ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {CMW, CARRY("cmw", TWICE), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"more than one attestation document"},
    {DSTACK, CARRY("dstack", TWICE), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"more than one attestation document"},
    {CAGES, CARRY("san", TWICE), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"more than one attestation document"},
    {CMW, CARRY("cmw", UNKNOWN), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"a critical extension that is not understood"},
    {DSTACK, CARRY("dstack", UNKNOWN), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"a critical extension that is not understood"},
    {CAGES, CARRY("san", UNKNOWN), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	"a critical extension that is not understood"},
    {CMW, CARRY("cmw", GARBAGE), ENCLAVE_CLIENT_ERR_ENCODING, "can't be read"},
    {DSTACK, CARRY("dstack", GARBAGE), ENCLAVE_CLIENT_ERR_ENCODING,
	"another version than 0"},
    {CAGES, CARRY("san", GARBAGE), ENCLAVE_CLIENT_ERR_ENCODING,
	"can't be read"},
    {CMW, CARRY("cmw", ELSEWHERE), ENCLAVE_CLIENT_ERR_ENCODING,
	"of another type"},
    {CMW, CARRY("cmw-json", ELSEWHERE), ENCLAVE_CLIENT_ERR_ENCODING,
	"of another type"},
    {DSTACK, CARRY("dstack", ELSEWHERE), ENCLAVE_CLIENT_ERR_ENCODING,
	"other hardware than Nitro's"},
    /* A document that binds another key, or none. */
    {CMW, CARRY("cmw", ",\"statement\":\"other-key\""),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"a document that binds another key than its own"},
    {DSTACK, CARRY("dstack", ",\"statement\":\"other-key\""),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"a document that binds another key than its own"},
    {DSTACK, CARRY("dstack", ",\"statement\":\"other-object\""),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"a document that binds another key than its own"},
    {CAGES, CARRY("san", ",\"statement\":\"other-key\""),
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"a document that binds another key than its own"},
    {CMW, CARRY("cmw", ",\"statement\":\"null\""), ENCLAVE_CLIENT_ERR_BINDING,
	"it has no user_data"},
    {CMW, CARRY("cmw", ",\"statement\":\"short\""), ENCLAVE_CLIENT_ERR_BINDING,
	"is no DER SubjectPublicKeyInfo"},
    {DSTACK, CARRY("dstack", ",\"statement\":\"short\""),
	ENCLAVE_CLIENT_ERR_BINDING, "has another length (63 bytes)"},
    {DSTACK, CARRY("dstack", ",\"statement\":\"long\""),
	ENCLAVE_CLIENT_ERR_BINDING, "has another length (65 bytes)"},
    {DSTACK, CARRY("dstack", ",\"statement\":\"null\""),
	ENCLAVE_CLIENT_ERR_BINDING, "it has no user_data"},
    /* The digest of the key where the key is wanted. */
    {CMW, CARRY("cmw", ",\"statement\":\"other-object\""),
	ENCLAVE_CLIENT_ERR_BINDING, "is no DER SubjectPublicKeyInfo"},
    {CMW, CARRY("cmw", ",\"statement\":\"long\""), ENCLAVE_CLIENT_ERR_BINDING,
	"is no DER SubjectPublicKeyInfo"},
    {CAGES, CARRY("san", ",\"statement\":\"other-object\""),
	ENCLAVE_CLIENT_ERR_BINDING, "is no DER SubjectPublicKeyInfo"},
    {CAGES, CARRY("san", ",\"statement\":\"null\""), ENCLAVE_CLIENT_ERR_BINDING,
	"it has no user_data"},
    {CAGES, CARRY("san", ",\"statement\":\"short\""),
	ENCLAVE_CLIENT_ERR_BINDING, "is no DER SubjectPublicKeyInfo"},
    {CAGES, CARRY("san", ",\"statement\":\"long\""), ENCLAVE_CLIENT_ERR_BINDING,
	"is no DER SubjectPublicKeyInfo"},
    /* What any evidence is refused for. */
    {CMW, CARRY("cmw", ",\"debug\":true"), ENCLAVE_CLIENT_ERR_DEBUG, NULL},
    {CMW, CARRY("cmw", ",\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}"),
	ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0 is bbbb"},
    {CMW, CARRY("cmw", ",\"evidence\":\"broken-signature\""),
	ENCLAVE_CLIENT_ERR_SIGNATURE, NULL},
    {CMW, CARRY("cmw", ",\"evidence\":\"foreign-root\""),
	ENCLAVE_CLIENT_ERR_ROOT, NULL},
    {CMW, CARRY("cmw", ",\"evidence\":\"expired\""), ENCLAVE_CLIENT_ERR_EXPIRED,
	NULL},
    {CMW, CARRY("cmw", ",\"evidence\":\"future\""),
	ENCLAVE_CLIENT_ERR_FROM_FUTURE, NULL},
    {CMW ",\"max_age_ms\":60000",
	CARRY("cmw", ",\"evidence\":{\"mode\":\"old\",\"age_ms\":61000}"),
	ENCLAVE_CLIENT_ERR_TOO_OLD, NULL},
};

START_TEST(the_document_in_the_certificate_is_judged_in_the_handshake)
{
	try_row(&carried[_i]);
	ck_assert_uint_eq(fixture_evidence(), 0);
	ck_assert_uint_eq(fixture_connections(), 1);
}
END_TEST

START_TEST(a_certificate_is_verified_once_and_counts_until_its_deadline)
{
	fixture_set(CARRY("cmw", ",\"keep_alive\":false"));
	fixture_client(NULL, CMW ",\"max_age_ms\":60000", false);
	fixture_get_ok("/one");
	fixture_get_ok("/two");
	/* The verdict was kept: told once. */
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	ck_assert_uint_eq(fixture_connections(), 2);
	fixture_advance_ms(59000);
	fixture_get_ok("/three");
	fixture_advance_ms(2000);
	fixture_expect(fixture_get("/four"), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	ck_assert(!fixture_saw("/four"));
}
END_TEST

START_TEST(a_pooled_connection_is_held_to_its_certificates_deadline)
{
	fixture_set(CARRY("cmw", ""));
	fixture_client(NULL, CMW ",\"max_age_ms\":60000", false);
	fixture_get_ok("/one");
	fixture_advance_ms(61000);
	fixture_expect(fixture_get("/two"), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	ck_assert(!fixture_saw("/two"));
}
END_TEST

START_TEST(a_renewed_certificate_speaks_for_itself)
{
	fixture_set(CARRY("cmw", ",\"keep_alive\":false"));
	fixture_client(NULL, CMW, false);
	fixture_get_ok("/one");
	fixture_rotate();
	fixture_get_ok("/two");
	/* The same key in a certificate without a document is refused. */
	fixture_set("{\"carriage\":\"absent\"}");
	fixture_expect(fixture_get("/three"),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, NULL);
	ck_assert(!fixture_saw("/three"));
}
END_TEST

START_TEST(shown_certificates_withdraw_nothing)
{
	fixture_set(CARRY("cmw", ",\"keep_alive\":false"));
	fixture_client(NULL, CMW, false);
	fixture_get_ok("/one");
	for (int i = 0; i < 70; i++) {
		fixture_set("{\"debug\":true}");
		fixture_expect(
		    fixture_get("/no"), ENCLAVE_CLIENT_ERR_DEBUG, NULL);
	}
	fixture_set("{\"debug\":false}");
	fixture_get_ok("/two");
}
END_TEST

START_TEST(evidence_in_certificates_is_neither_polled_nor_learned)
{
	struct enclave_client_document *document = NULL;

	fixture_set(CARRY("cmw", ""));
	fixture_client(NULL, CMW, true);
	fixture_get_ok("/hello");
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME, 5000,
			   &document, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "is in its certificate");
	/* Nobody waits for what no thread will bring. */
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 0, fixture.error), 0);
	ck_assert_uint_eq(fixture_evidence(), 0);
	ck_assert_uint_eq(fixture_connections(), 1);
}
END_TEST

START_TEST(a_policy_change_reaches_what_certificates_brought)
{
	fixture_set(CARRY("cmw", ""));
	fixture_client(NULL, CMW, false);
	fixture_get_ok("/before");
	fixture_update(OTHER_PCR0, CMW);
	fixture_expect(
	    fixture_get("/after"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

static TCase *
make_case(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	return tcase;
}

static TCase *
endpoints_case(void)
{
	TCase *tcase = make_case("endpoints");

	tcase_add_loop_test(
	    tcase, nitriding_binds_the_whole_certificate, 0, COUNT(nitriding));
	tcase_add_loop_test(tcase,
	    bindings_of_key_and_certificate_refuse_each_others_documents, 0,
	    COUNT(crossed));
	tcase_add_test(tcase, a_document_of_an_earlier_fetch_is_no_answer);
	tcase_add_test(tcase, polls_ask_with_a_nonce_as_well);
	tcase_add_test(tcase, a_nonce_may_end_the_path);
	tcase_add_loop_test(tcase, what_opensecret_attests_opens_no_connection,
	    0, COUNT(opensecret));
	tcase_add_loop_test(tcase, oyster_binds_the_raw_key_that_came_over_http,
	    0, COUNT(oysters));
	tcase_add_test(
	    tcase, evidence_over_http_does_not_open_http_to_requests);
	return tcase;
}

static TCase *
trust_case(void)
{
	TCase *tcase = make_case("trust");

	tcase_add_loop_test(tcase, the_attested_key_alone_needs_no_authority, 0,
	    COUNT(unverified));
	tcase_add_loop_test(tcase, by_default_the_authority_is_needed_too, 0,
	    COUNT(unverified));
	tcase_add_test(
	    tcase, trust_that_grows_stricter_ends_what_was_judged_before);
	tcase_add_test(
	    tcase, a_self_signed_nitriding_is_reached_by_its_key_alone);
	return tcase;
}

static TCase *
vouching_case(void)
{
	TCase *tcase = make_case("vouching");

	tcase_add_loop_test(tcase, another_enclave_may_vouch_for_several_keys,
	    0, COUNT(vouchings));
	tcase_add_test(tcase, what_serves_is_not_measured_when_another_vouches);
	tcase_add_test(tcase, a_generators_word_lets_another_build_serve);
	tcase_add_test(
	    tcase, a_generator_that_expired_ends_what_it_vouched_for);
	tcase_add_test(
	    tcase, a_generator_of_an_unaccepted_build_ends_what_it_vouched_for);
	tcase_add_test(
	    tcase, another_policy_for_the_generator_ends_what_it_vouched_for);
	return tcase;
}

static TCase *
certificates_case(void)
{
	TCase *tcase = make_case("certificates");

	tcase_add_loop_test(tcase,
	    the_document_in_the_certificate_is_judged_in_the_handshake, 0,
	    COUNT(carried));
	tcase_add_test(tcase,
	    a_certificate_is_verified_once_and_counts_until_its_deadline);
	tcase_add_test(
	    tcase, a_pooled_connection_is_held_to_its_certificates_deadline);
	tcase_add_test(tcase, a_renewed_certificate_speaks_for_itself);
	tcase_add_test(tcase, shown_certificates_withdraw_nothing);
	tcase_add_test(
	    tcase, evidence_in_certificates_is_neither_polled_nor_learned);
	tcase_add_test(
	    tcase, a_policy_change_reaches_what_certificates_brought);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("profiles");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, endpoints_case());
	suite_add_tcase(suite, trust_case());
	suite_add_tcase(suite, vouching_case());
	suite_add_tcase(suite, certificates_case());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
