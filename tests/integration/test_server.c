/*
 * A server that accepts attested clients only, over memory: who passes, who
 * does not, and what the handler is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/vault.h"

#include "base/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(the_handler_sees_what_an_attested_client_measures)
{
	struct enclave_client_document *document = NULL;
	struct vault_pair pair;

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_msg(vault_check(&pair, &document) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	ck_assert(enclave_client_document_authentic(document));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	enclave_client_document_free(document);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_client_without_a_certificate_is_refused)
{
	struct vault_pair pair;

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(vault_check(&pair, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client judged");
	vault_pair_free(&pair);
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
    {VAULT_KEY_ALONE, {NULL}, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {VAULT_KEY_ALONE, {"--service", "dstack"},
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"carries no attestation document"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--debug"}, ENCLAVE_CLIENT_ERR_DEBUG,
	"debug mode"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--pcr", "0=" OTHER_PCR0},
	ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0 is bbbb"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--statement", "other-key"},
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "binds another key"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--statement", "null"},
	ENCLAVE_CLIENT_ERR_BINDING, "it has no user_data"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--carriage", "twice"},
	ENCLAVE_CLIENT_ERR_CERTIFICATE, "more than one"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--carriage", "unknown-critical"},
	ENCLAVE_CLIENT_ERR_CERTIFICATE, "not understood"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--fault", "expired"},
	ENCLAVE_CLIENT_ERR_EXPIRED, "expired"},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--fault", "foreign-root"},
	ENCLAVE_CLIENT_ERR_ROOT, NULL},
    {VAULT_KEY_ALONE, {"--service", "cmw", "--fault", "broken-signature"},
	ENCLAVE_CLIENT_ERR_SIGNATURE, NULL},
    {VAULT_KEY_ALONE MINUTE, {"--service", "cmw", "--timestamp-ms", old_ms},
	ENCLAVE_CLIENT_ERR_TOO_OLD, "reached its greatest age"},
    /* With web PKI the store of the SSL_CTX must vouch too; it is empty. */
    {"", {"--service", "cmw"}, ENCLAVE_CLIENT_ERR_NETWORK, "TLS certificate"},
};

START_TEST(whoever_is_not_that_enclave_is_refused_with_the_reason)
{
	struct vault_pair pair;

	(void)snprintf(old_ms, sizeof(old_ms), "%lld",
	    (long long)clock_system.wall_ms(NULL) - 61000);
	vault_open(NULL, refused[_i].members);
	vault_mint("client", refused[_i].options);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(
	    vault_check(&pair, NULL), refused[_i].status, refused[_i].text);
	if (refused[_i].status == ENCLAVE_CLIENT_ERR_MEASUREMENT ||
	    refused[_i].status == ENCLAVE_CLIENT_ERR_DEBUG)
		ck_assert_uint_eq(
		    fixture_events(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED),
		    1);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(web_pki_of_the_server_may_be_asked_for_as_well)
{
	struct vault_pair pair;

	ck_assert_int_eq(SSL_CTX_load_verify_file(vault.server_ctx,
			     local_enclave_text(fixture.enclave, "web_ca")),
	    1);
	vault_open(NULL, "");
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_session_can_not_be_resumed)
{
	SSL_SESSION *session;
	struct vault_pair pair;

	vault_use_version(versions[_i]);
	/* As wide open as a caller may have left it. */
	(void)SSL_CTX_set_session_cache_mode(
	    vault.server_ctx, SSL_SESS_CACHE_SERVER);
	(void)SSL_CTX_set_session_id_context(
	    vault.server_ctx, (const unsigned char *)"x", 1);
	(void)SSL_CTX_set_session_cache_mode(
	    vault.client_ctx, SSL_SESS_CACHE_CLIENT);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	session = vault_session(&pair);
	ck_assert(!SSL_SESSION_has_ticket(session));
	vault_pair_free(&pair);
	pair = vault_shake_hands(session);
	ck_assert(!SSL_session_reused(pair.server));
	/* A whole handshake: it is judged, and it passes. */
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	vault_pair_free(&pair);
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(evidence_may_end_while_the_connection_lasts)
{
	struct vault_pair pair;

	vault_open(NULL, VAULT_KEY_ALONE MINUTE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	fixture_advance_ms(61000);
	fixture_expect(
	    vault_check(&pair, NULL), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_policy_change_reaches_clients_that_are_connected)
{
	struct vault_pair pair;
	char map[512];

	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" VAULT_ENTRY
	    "\":{\"url\":\"https://signer.test\","
	    "\"profile\":\"nitro-ra-tls\",\"trust\":\"attested_key\","
	    "\"pcrs\":{\"PCR0\":\"" OTHER_PCR0 "\"}}}}");
	fixture_update_map(map);
	fixture_expect(
	    vault_check(&pair, NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	vault_pair_free(&pair);
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(another_trust_refuses_everybody_until_attached_again)
{
	struct vault_pair pair, later;
	char map[512];

	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" VAULT_ENTRY
	    "\":{\"url\":\"https://signer.test\","
	    "\"profile\":\"nitro-ra-tls\",\"pcrs\":{\"PCR0\":\"%s\"}}}}",
	    local_enclave_pcr(fixture.enclave, "0"));
	fixture_update_map(map);
	fixture_expect(
	    vault_check(&pair, NULL), ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	later = vault_shake_hands(NULL);
	ck_assert(!later.accepted);
	fixture_expect(vault_check(&later, NULL),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	vault_pair_free(&pair);
	vault_pair_free(&later);
}
END_TEST

START_TEST(a_stopped_client_accepts_nobody)
{
	struct vault_pair pair;

	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	enclave_client_stop(fixture.client);
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(
	    vault_check(&pair, NULL), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(of_more_clients_than_are_kept_the_first_to_end_is_refused)
{
	struct vault_pair pair, first;
	char name[16];

	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	first = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&first, NULL), 0);
	/* One more than the cache keeps: the first goes. */
	for (int i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), "client-%d", i);
		vault_mint(name, vault_good);
		vault_use(vault.client_ctx, name);
		pair = vault_shake_hands(NULL);
		ck_assert(pair.accepted);
		ck_assert_int_eq(vault_check(&pair, NULL), 0);
		vault_pair_free(&pair);
	}
	fixture_expect(vault_check(&first, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no room");
	vault_pair_free(&first);
}
END_TEST

/* Whoever saw a document can show it in certificates without end. */
START_TEST(who_does_not_hold_the_key_takes_no_clients_place)
{
	struct vault_pair pair, first;

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_mint("seen", vault_good);
	vault_use(vault.client_ctx, "client");
	first = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&first, NULL), 0);
	for (long i = 0; i < KEYS_PER_ENCLAVE_MAX + 1; i++) {
		vault_use_pretended("seen", 1000 + i);
		pair = vault_shake_hands(NULL);
		ck_assert(!pair.accepted);
		fixture_expect(vault_check(&pair, NULL),
		    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "has not finished");
		vault_pair_free(&pair);
	}
	ck_assert_msg(vault_check(&first, NULL) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	vault_pair_free(&first);
}
END_TEST

/* More refusals than withdrawals are remembered: were they remembered, older
 * evidence of a vault_good client would be refused with them. */
START_TEST(refused_clients_do_not_crowd_out_good_ones)
{
	static const char *const debug[] = {
	    "--service", "cmw", "--debug", NULL};
	struct vault_pair pair;

	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("vault_good", vault_good);
	for (int i = 0; i < WITHDRAWN_PER_ENCLAVE_MAX + 2; i++) {
		vault_mint("debug", debug);
		vault_use(vault.client_ctx, "debug");
		pair = vault_shake_hands(NULL);
		ck_assert(!pair.accepted);
		vault_pair_free(&pair);
	}
	vault_use(vault.client_ctx, "vault_good");
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	vault_pair_free(&pair);
}
END_TEST

/* A client must be able to tell the end of an answer from a cut (RFC 8446
 * 6.1), unless the caller had its server end silently. */
START_TEST(a_server_says_that_it_ends_as_the_caller_had_it)
{
	struct vault_pair pair;
	char byte;
	int got;

	vault_use_version(versions[_i % 2]);
	SSL_CTX_set_quiet_shutdown(vault.server_ctx, _i / 2);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	ck_assert_int_ge(SSL_shutdown(pair.server), 0);
	got = SSL_read(pair.client, &byte, 1);
	ck_assert_int_eq(SSL_get_error(pair.client, got),
	    _i / 2 ? SSL_ERROR_WANT_READ : SSL_ERROR_ZERO_RETURN);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_profile_that_is_fetched_serves_no_server)
{
	fixture_client(NULL, "", false);
	fixture_expect(enclave_client_ssl_ctx_attach_server(fixture.client,
			   FIXTURE_NAME, vault.server_ctx, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "evidence of the profile \"evervault\"");
	fixture_expect(enclave_client_ssl_ctx_attach_server(fixture.client,
			   "nobody", vault.server_ctx, fixture.error),
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
	tcase_add_checked_fixture(tcase, vault_setup, vault_teardown);
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
	tcase_add_loop_test(
	    tcase, a_server_says_that_it_ends_as_the_caller_had_it, 0, 4);
	tcase_add_test(tcase, a_profile_that_is_fetched_serves_no_server);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
