/*
 * A server that accepts attested clients only, over memory: who passes, who
 * does not, and what the handler is told.
 */
#include <enclave_client_openssl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

#include "base/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENTRY        "signer"
/* Handshakes over memory take a few turns. */
#define TURNS_MAX 64
#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static SSL_CTX *server_ctx;
static SSL_CTX *client_ctx;

/* One connection; both ends in this thread. */
struct pair {
	SSL *server;
	SSL *client;
	bool accepted; /* the server's handshake finished */
};

static void
pair_free(struct pair *pair)
{
	SSL_free(pair->server);
	SSL_free(pair->client);
}

static struct pair
shake_hands(SSL_SESSION *session)
{
	struct pair pair = {SSL_new(server_ctx), SSL_new(client_ctx), false};
	BIO *server_end = NULL;
	BIO *client_end = NULL;

	ck_assert_ptr_nonnull(pair.server);
	ck_assert_ptr_nonnull(pair.client);
	ck_assert_int_eq(BIO_new_bio_pair(&server_end, 0, &client_end, 0), 1);
	SSL_set_bio(pair.server, server_end, server_end);
	SSL_set_bio(pair.client, client_end, client_end);
	if (session)
		ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
	for (int i = 0; i < TURNS_MAX && !pair.accepted; i++) {
		(void)SSL_connect(pair.client);
		pair.accepted = SSL_accept(pair.server) == 1;
	}
	ERR_clear_error();
	return pair;
}

/* A certificate with its key, and with a document in it where options say. */
static void
mint(const char *name, const char *const *options)
{
	char prefix[128];
	const char *arguments[24] = {"--state", fixture.state,
	    "--web-certificate", "localhost", "--out-prefix", prefix};
	size_t count = 6;

	(void)snprintf(prefix, sizeof(prefix), "%s/%s", fixture.state, name);
	for (; options && *options; options++) {
		ck_assert_uint_lt(count, COUNT(arguments) - 1);
		arguments[count++] = *options;
	}
	arguments[count] = NULL;
	ck_assert(local_enclave_mint(arguments));
}

static void
use(SSL_CTX *ctx, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, name);
	ck_assert_int_eq(
	    SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM), 1);
	(void)snprintf(path, sizeof(path), "%s/%s.key", fixture.state, name);
	ck_assert_int_eq(
	    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM), 1);
}

static void
setup(void)
{
	fixture_setup();
	server_ctx = SSL_CTX_new(TLS_server_method());
	client_ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(server_ctx);
	ck_assert_ptr_nonnull(client_ctx);
	mint("server", NULL);
	use(server_ctx, "server");
}

static void
teardown(void)
{
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	fixture_teardown();
}

/* The vault's client, with its entry for those who may ask. */
static void
open_vault(const char *pcr0, const char *members)
{
	char map[1024];

	ck_assert(snprintf(map, sizeof(map),
		      "{\"enclaves\":{\"" ENTRY
		      "\":{\"url\":\"https://signer.test\",\"profile\":"
		      "\"nitro-ra-tls\",\"pcrs\":{\"PCR0\":\"%s\"}%s}}}",
		      pcr0 ? pcr0 : local_enclave_pcr(fixture.enclave, "0"),
		      members) < (int)sizeof(map));
	fixture_client_with_map(map, false);
	ck_assert_msg(enclave_client_ssl_ctx_attach_server(fixture.client,
			  ENTRY, server_ctx, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
}

#define KEY_ALONE ",\"trust\":\"attested_key\""

static enum enclave_client_status
check(struct pair *pair, struct enclave_client_document **ret_document)
{
	return enclave_client_ssl_check(
	    fixture.client, pair->server, ret_document, fixture.error);
}

static const char *const good[] = {"--service", "cmw", NULL};
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void
use_version(int version)
{
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(client_ctx, version), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(client_ctx, version), 1);
}

START_TEST(the_handler_sees_what_an_attested_client_measures)
{
	struct enclave_client_document *document = NULL;
	struct pair pair;

	use_version(versions[_i]);
	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_msg(check(&pair, &document) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	ck_assert(enclave_client_document_authentic(document));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	enclave_client_document_free(document);
	pair_free(&pair);
}
END_TEST

START_TEST(a_client_without_a_certificate_is_refused)
{
	struct pair pair;

	use_version(versions[_i]);
	open_vault(NULL, KEY_ALONE);
	pair = shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(check(&pair, NULL), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client judged");
	pair_free(&pair);
}
END_TEST

#define MINUTE ",\"max_age_ms\":60000"
static char old_ms[24];

static const struct {
	const char *members;
	const char *options[8];
	enum enclave_client_status status;
	const char *text;
} refused[] = {
    {KEY_ALONE, {NULL}, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {KEY_ALONE, {"--service", "dstack"}, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {KEY_ALONE, {"--service", "cmw", "--debug"}, ENCLAVE_CLIENT_ERR_DEBUG,
	"debug mode"},
    {KEY_ALONE, {"--service", "cmw", "--pcr", "0=" OTHER_PCR0},
	ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0 is bbbb"},
    {KEY_ALONE, {"--service", "cmw", "--statement", "other-key"},
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "binds another key"},
    {KEY_ALONE, {"--service", "cmw", "--statement", "null"},
	ENCLAVE_CLIENT_ERR_BINDING, "it has no user_data"},
    {KEY_ALONE, {"--service", "cmw", "--carriage", "twice"},
	ENCLAVE_CLIENT_ERR_CERTIFICATE, "more than one"},
    {KEY_ALONE, {"--service", "cmw", "--carriage", "unknown-critical"},
	ENCLAVE_CLIENT_ERR_CERTIFICATE, "not understood"},
    {KEY_ALONE, {"--service", "cmw", "--fault", "expired"},
	ENCLAVE_CLIENT_ERR_EXPIRED, "expired"},
    {KEY_ALONE, {"--service", "cmw", "--fault", "foreign-root"},
	ENCLAVE_CLIENT_ERR_ROOT, NULL},
    {KEY_ALONE, {"--service", "cmw", "--fault", "broken-signature"},
	ENCLAVE_CLIENT_ERR_SIGNATURE, NULL},
    {KEY_ALONE MINUTE, {"--service", "cmw", "--timestamp-ms", old_ms},
	ENCLAVE_CLIENT_ERR_TOO_OLD, "reached its greatest age"},
    /* With web PKI the store of the SSL_CTX must vouch too; it is empty. */
    {"", {"--service", "cmw"}, ENCLAVE_CLIENT_ERR_NETWORK, "TLS certificate"},
};

START_TEST(whoever_is_not_that_enclave_is_refused_with_the_reason)
{
	struct pair pair;

	(void)snprintf(old_ms, sizeof(old_ms), "%lld",
	    (long long)clock_system.wall_ms(NULL) - 61000);
	open_vault(NULL, refused[_i].members);
	mint("client", refused[_i].options);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(
	    check(&pair, NULL), refused[_i].status, refused[_i].text);
	if (refused[_i].status == ENCLAVE_CLIENT_ERR_MEASUREMENT ||
	    refused[_i].status == ENCLAVE_CLIENT_ERR_DEBUG)
		ck_assert_uint_eq(
		    fixture_events(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED),
		    1);
	pair_free(&pair);
}
END_TEST

START_TEST(web_pki_of_the_server_may_be_asked_for_as_well)
{
	struct pair pair;

	ck_assert_int_eq(SSL_CTX_load_verify_file(server_ctx,
			     local_enclave_text(fixture.enclave, "web_ca")),
	    1);
	open_vault(NULL, "");
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_int_eq(check(&pair, NULL), 0);
	pair_free(&pair);
}
END_TEST

/* What a client keeps to resume from: of TLS 1.3 it comes with the data. */
static SSL_SESSION *
session_of(struct pair *pair)
{
	char byte;

	ck_assert_int_eq(SSL_write(pair->server, "x", 1), 1);
	ck_assert_int_eq(SSL_read(pair->client, &byte, 1), 1);
	return SSL_get1_session(pair->client);
}

START_TEST(a_session_can_not_be_resumed)
{
	SSL_SESSION *session;
	struct pair pair;

	use_version(versions[_i]);
	/* As wide open as a caller may have left it. */
	(void)SSL_CTX_set_session_cache_mode(server_ctx, SSL_SESS_CACHE_SERVER);
	(void)SSL_CTX_set_session_id_context(
	    server_ctx, (const unsigned char *)"x", 1);
	(void)SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_CLIENT);
	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert(pair.accepted);
	session = session_of(&pair);
	ck_assert(!SSL_SESSION_has_ticket(session));
	pair_free(&pair);
	pair = shake_hands(session);
	ck_assert(!SSL_session_reused(pair.server));
	/* A whole handshake: it is judged, and it passes. */
	ck_assert_int_eq(check(&pair, NULL), 0);
	pair_free(&pair);
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(evidence_may_end_while_the_connection_lasts)
{
	struct pair pair;

	open_vault(NULL, KEY_ALONE MINUTE);
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert_int_eq(check(&pair, NULL), 0);
	fixture_advance_ms(61000);
	fixture_expect(check(&pair, NULL), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	pair_free(&pair);
}
END_TEST

START_TEST(a_policy_change_reaches_clients_that_are_connected)
{
	struct pair pair;
	char map[512];

	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert_int_eq(check(&pair, NULL), 0);
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" ENTRY "\":{\"url\":\"https://signer.test\","
	    "\"profile\":\"nitro-ra-tls\",\"trust\":\"attested_key\","
	    "\"pcrs\":{\"PCR0\":\"" OTHER_PCR0 "\"}}}}");
	fixture_update_map(map);
	fixture_expect(
	    check(&pair, NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	pair_free(&pair);
	pair = shake_hands(NULL);
	ck_assert(!pair.accepted);
	pair_free(&pair);
}
END_TEST

START_TEST(another_trust_refuses_everybody_until_attached_again)
{
	struct pair pair, later;
	char map[512];

	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	pair = shake_hands(NULL);
	ck_assert_int_eq(check(&pair, NULL), 0);
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" ENTRY "\":{\"url\":\"https://signer.test\","
	    "\"profile\":\"nitro-ra-tls\",\"pcrs\":{\"PCR0\":\"%s\"}}}}",
	    local_enclave_pcr(fixture.enclave, "0"));
	fixture_update_map(map);
	fixture_expect(
	    check(&pair, NULL), ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	later = shake_hands(NULL);
	ck_assert(!later.accepted);
	fixture_expect(
	    check(&later, NULL), ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	pair_free(&pair);
	pair_free(&later);
}
END_TEST

START_TEST(a_stopped_client_accepts_nobody)
{
	struct pair pair;

	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	enclave_client_stop(fixture.client);
	pair = shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(check(&pair, NULL), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	pair_free(&pair);
}
END_TEST

START_TEST(of_more_clients_than_are_kept_the_first_to_end_is_refused)
{
	struct pair pair, first;
	char name[16];

	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	use(client_ctx, "client");
	first = shake_hands(NULL);
	ck_assert_int_eq(check(&first, NULL), 0);
	/* One more than the cache keeps: the first goes. */
	for (int i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), "client-%d", i);
		mint(name, good);
		use(client_ctx, name);
		pair = shake_hands(NULL);
		ck_assert(pair.accepted);
		ck_assert_int_eq(check(&pair, NULL), 0);
		pair_free(&pair);
	}
	fixture_expect(check(&first, NULL), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no room");
	pair_free(&first);
}
END_TEST

/* A key pair that shows another's public half and signs with its own. */
static EVP_PKEY *
pretend(X509 *certificate)
{
	EVP_PKEY *own = EVP_EC_gen("P-256");
	EVP_PKEY *shown = X509_get0_pubkey(certificate);
	EVP_PKEY *pretended = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	BIGNUM *secret = NULL;
	uint8_t point[65];
	size_t len = 0;

	ck_assert(EVP_PKEY_get_octet_string_param(
	    shown, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len));
	ck_assert(
	    EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_PRIV_KEY, &secret));
	ck_assert(OSSL_PARAM_BLD_push_utf8_string(
	    build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0));
	ck_assert(OSSL_PARAM_BLD_push_octet_string(
	    build, OSSL_PKEY_PARAM_PUB_KEY, point, len));
	ck_assert(
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret));
	params = OSSL_PARAM_BLD_to_param(build);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
	ck_assert_int_eq(
	    EVP_PKEY_fromdata(context, &pretended, EVP_PKEY_KEYPAIR, params),
	    1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	BN_free(secret);
	EVP_PKEY_free(own);
	return pretended;
}

/* The client's document and public key, in a certificate nobody issued. */
static void
use_pretended(const char *name, long serial)
{
	char path[160];
	X509 *certificate;
	EVP_PKEY *pretended;
	BIO *file;

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, name);
	file = BIO_new_file(path, "r");
	certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(certificate);
	pretended = pretend(certificate);
	ck_assert_int_eq(
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
	ck_assert_int_gt(X509_sign(certificate, pretended, EVP_sha256()), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(client_ctx, certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(client_ctx, pretended), 1);
	BIO_free(file);
	EVP_PKEY_free(pretended);
	X509_free(certificate);
}

/* Whoever saw a document can show it in certificates without end. */
START_TEST(who_does_not_hold_the_key_takes_no_clients_place)
{
	struct pair pair, first;

	use_version(versions[_i]);
	open_vault(NULL, KEY_ALONE);
	mint("client", good);
	mint("seen", good);
	use(client_ctx, "client");
	first = shake_hands(NULL);
	ck_assert_int_eq(check(&first, NULL), 0);
	for (long i = 0; i < KEYS_PER_ENCLAVE_MAX + 1; i++) {
		use_pretended("seen", 1000 + i);
		pair = shake_hands(NULL);
		ck_assert(!pair.accepted);
		fixture_expect(check(&pair, NULL),
		    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "has not finished");
		pair_free(&pair);
	}
	ck_assert_msg(check(&first, NULL) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	pair_free(&first);
}
END_TEST

/* More refusals than withdrawals are remembered: were they remembered, older
 * evidence of a good client would be refused with them. */
START_TEST(refused_clients_do_not_crowd_out_good_ones)
{
	static const char *const debug[] = {
	    "--service", "cmw", "--debug", NULL};
	struct pair pair;

	open_vault(NULL, KEY_ALONE);
	mint("good", good);
	for (int i = 0; i < WITHDRAWN_PER_ENCLAVE_MAX + 2; i++) {
		mint("debug", debug);
		use(client_ctx, "debug");
		pair = shake_hands(NULL);
		ck_assert(!pair.accepted);
		pair_free(&pair);
	}
	use(client_ctx, "good");
	pair = shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_int_eq(check(&pair, NULL), 0);
	pair_free(&pair);
}
END_TEST

START_TEST(a_profile_that_is_fetched_serves_no_server)
{
	fixture_client(NULL, "", false);
	fixture_expect(enclave_client_ssl_ctx_attach_server(fixture.client,
			   FIXTURE_NAME, server_ctx, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "evidence of the profile \"evervault\"");
	fixture_expect(enclave_client_ssl_ctx_attach_server(
			   fixture.client, "nobody", server_ctx, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_expect(enclave_client_ssl_ctx_attach_server(
			   fixture.client, FIXTURE_NAME, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("server");
	TCase *tcase = tcase_create("server");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(
	    tcase, the_handler_sees_what_an_attested_client_measures, 0, 2);
	tcase_add_loop_test(
	    tcase, a_client_without_a_certificate_is_refused, 0, 2);
	tcase_add_loop_test(tcase,
	    whoever_is_not_that_enclave_is_refused_with_the_reason, 0,
	    COUNT(refused));
	tcase_add_test(tcase, web_pki_of_the_server_may_be_asked_for_as_well);
	tcase_add_loop_test(tcase, a_session_can_not_be_resumed, 0, 2);
	tcase_add_test(tcase, evidence_may_end_while_the_connection_lasts);
	tcase_add_test(
	    tcase, a_policy_change_reaches_clients_that_are_connected);
	tcase_add_test(
	    tcase, another_trust_refuses_everybody_until_attached_again);
	tcase_add_test(tcase, a_stopped_client_accepts_nobody);
	tcase_add_test(
	    tcase, of_more_clients_than_are_kept_the_first_to_end_is_refused);
	tcase_add_loop_test(
	    tcase, who_does_not_hold_the_key_takes_no_clients_place, 0, 2);
	tcase_add_test(tcase, refused_clients_do_not_crowd_out_good_ones);
	tcase_add_test(tcase, a_profile_that_is_fetched_serves_no_server);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
