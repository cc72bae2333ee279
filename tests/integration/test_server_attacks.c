/*
 * What a client, or a careless caller, may try against a server that accepts
 * attested clients only: each way either ends the handshake or leaves a
 * connection that the check refuses.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/vault.h"

/* Enough for any flight over memory. */
#define TURNS 16

static const char *const debug[] = {"--service", "cmw", "--debug", NULL};
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* Whatever either end still has to say. */
static void
pump(struct vault_pair *pair)
{
	char byte;

	for (int i = 0; i < TURNS; i++) {
		(void)SSL_read(pair->client, &byte, 1);
		(void)SSL_read(pair->server, &byte, 1);
	}
	ERR_clear_error();
}

static void
use_for(SSL *ssl, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, name);
	ck_assert_int_eq(
	    SSL_use_certificate_file(ssl, path, SSL_FILETYPE_PEM), 1);
	(void)snprintf(path, sizeof(path), "%s/%s.key", fixture.state, name);
	ck_assert_int_eq(
	    SSL_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM), 1);
}

static X509 *
read_certificate(const char *name)
{
	char path[160];
	X509 *certificate;
	BIO *file;

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, name);
	file = BIO_new_file(path, "r");
	certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(certificate);
	BIO_free(file);
	return certificate;
}

static EVP_PKEY *
read_key(const char *name)
{
	char path[160];
	EVP_PKEY *key;
	BIO *file;

	(void)snprintf(path, sizeof(path), "%s/%s.key", fixture.state, name);
	file = BIO_new_file(path, "r");
	key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(key);
	BIO_free(file);
	return key;
}

static void
expect_unjudged(struct vault_pair *pair)
{
	fixture_expect(vault_check(pair, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client judged");
}

/* RFC 8446 4.6.2: the server asks again on the open connection. */
static void
ask_again(struct vault_pair *pair)
{
	ck_assert_int_eq(SSL_verify_client_post_handshake(pair->server), 1);
	ck_assert_int_eq(SSL_do_handshake(pair->server), 1);
	pump(pair);
}

static void
allow_asking_later(void)
{
	vault_use_version(TLS1_3_VERSION);
	SSL_CTX_set_post_handshake_auth(vault.client_ctx, 1);
}

START_TEST(who_is_asked_only_later_is_nobody_until_then)
{
	struct vault_pair pair;

	allow_asking_later();
	vault_open(NULL, VAULT_KEY_ALONE);
	SSL_CTX_set_verify(vault.server_ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT |
		SSL_VERIFY_POST_HANDSHAKE,
	    NULL);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	expect_unjudged(&pair);
	ask_again(&pair);
	ck_assert_msg(vault_check(&pair, NULL) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	vault_pair_free(&pair);
}
END_TEST

static const char *const plain[] = {NULL};

static const struct {
	const char *const *options;
	enum enclave_client_status status;
	const char *text;
} later[] = {
    {plain, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "has not finished"},
    {debug, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "has not finished"},
};

START_TEST(a_refused_certificate_that_comes_later_ends_the_connection)
{
	struct vault_pair pair;

	allow_asking_later();
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_mint("later", later[_i].options);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	use_for(pair.client, "later");
	ask_again(&pair);
	fixture_expect(
	    vault_check(&pair, NULL), later[_i].status, later[_i].text);
	vault_pair_free(&pair);
}
END_TEST

/* The document is good and was seen; the key that signs is another's. */
START_TEST(who_does_not_hold_the_key_gains_nothing_later)
{
	struct vault_pair pair;

	allow_asking_later();
	vault_open(NULL, VAULT_KEY_ALONE);
	SSL_CTX_set_verify(vault.server_ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT |
		SSL_VERIFY_POST_HANDSHAKE,
	    NULL);
	vault_mint("seen", vault_good);
	vault_use_pretended("seen", 1000);
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	ask_again(&pair);
	fixture_expect(vault_check(&pair, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "has not finished");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 0);
	vault_pair_free(&pair);
}
END_TEST

/* The client asks for a handshake of TLS 1.2 on the open connection. */
static void
renegotiate(struct vault_pair *pair)
{
	/* It may not have read the server's end of the first. */
	pump(pair);
	ck_assert_int_eq(SSL_renegotiate(pair->client), 1);
	(void)SSL_do_handshake(pair->client);
	pump(pair);
}

static bool
shown(struct vault_pair *pair, const char *name)
{
	X509 *certificate = read_certificate(name);
	X509 *peer = SSL_get0_peer_certificate(pair->server);
	bool same = peer && X509_cmp(peer, certificate) == 0;

	X509_free(certificate);
	return same;
}

START_TEST(a_client_does_not_renegotiate)
{
	struct vault_pair pair;

	vault_use_version(TLS1_2_VERSION);
	/* As a caller may have left it. */
	(void)SSL_CTX_set_options(
	    vault.server_ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_mint("second", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	use_for(pair.client, "second");
	renegotiate(&pair);
	/* It is the connection that it was, and asks in vain from now on. */
	ck_assert(shown(&pair, "client"));
	ck_assert_ptr_nonnull(SSL_get0_session(pair.server));
	expect_unjudged(&pair);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_renegotiation_that_the_caller_allows_is_judged_anew)
{
	struct vault_pair pair;
	bool good = _i == 0;

	vault_use_version(TLS1_2_VERSION);
	vault_open(NULL, VAULT_KEY_ALONE);
	(void)SSL_CTX_clear_options(vault.server_ctx, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_options(
	    vault.server_ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	vault_mint("client", vault_good);
	vault_mint("second", good ? vault_good : plain);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	use_for(pair.client, "second");
	renegotiate(&pair);
	ck_assert_int_eq(shown(&pair, "second"), good);
	ck_assert_int_eq(vault_check(&pair, NULL) == 0, good);
	vault_pair_free(&pair);
}
END_TEST

/* Whose sessions they are; a server that asks for certificates needs one. */
static const unsigned char context[] = {'x'};

#define EARLY_BYTES 1000

/* A key that both ends know, and no certificate. */
static const unsigned char shared_key[32] = "agreed elsewhere";

static unsigned int
give_key(SSL *ssl, const char *hint, char *identity, unsigned int identity_max,
    unsigned char *key, unsigned int key_max)
{
	(void)ssl, (void)hint;
	ck_assert_uint_gt(identity_max, 1);
	ck_assert_uint_ge(key_max, sizeof(shared_key));
	(void)snprintf(identity, identity_max, "x");
	memcpy(key, shared_key, sizeof(shared_key));
	return sizeof(shared_key);
}

static unsigned int
find_key(SSL *ssl, const char *identity, unsigned char *key, unsigned int max)
{
	char name[2];

	return give_key(ssl, identity, name, sizeof(name), key, max);
}

static SSL_SESSION *
key_session(SSL *ssl)
{
	static const unsigned char cipher[] = {0x13, 0x01};
	SSL_SESSION *session = SSL_SESSION_new();

	ck_assert_int_eq(SSL_SESSION_set1_master_key(
			     session, shared_key, sizeof(shared_key)),
	    1);
	ck_assert_int_eq(
	    SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, cipher)), 1);
	ck_assert_int_eq(
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION), 1);
	ck_assert_int_eq(
	    SSL_SESSION_set_max_early_data(session, EARLY_BYTES), 1);
	if (SSL_is_server(ssl))
		ck_assert_int_eq(
		    SSL_SESSION_set1_id_context(session, context, 1), 1);
	return session;
}

static int
use_session(SSL *ssl, const EVP_MD *digest, const unsigned char **ret_id,
    size_t *ret_len, SSL_SESSION **ret_session)
{
	(void)digest;
	*ret_id = (const unsigned char *)"x";
	*ret_len = 1;
	*ret_session = key_session(ssl);
	return 1;
}

static int
find_session(
    SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **ret_session)
{
	(void)id, (void)len;
	*ret_session = key_session(ssl);
	return 1;
}

static void
serve_keys(void)
{
	(void)SSL_CTX_set_session_id_context(vault.server_ctx, context, 1);
	SSL_CTX_set_psk_server_callback(vault.server_ctx, find_key);
	SSL_CTX_set_psk_find_session_callback(vault.server_ctx, find_session);
}

static void
offer_keys(int version)
{
	vault_use_version(version);
	if (version == TLS1_2_VERSION) {
		SSL_CTX_set_psk_client_callback(vault.client_ctx, give_key);
		ck_assert_int_eq(
		    SSL_CTX_set_cipher_list(vault.client_ctx, "PSK"), 1);
	} else {
		ck_assert_int_eq(SSL_CTX_set_ciphersuites(vault.client_ctx,
				     "TLS_AES_128_GCM_SHA256"),
		    1);
		SSL_CTX_set_psk_use_session_callback(
		    vault.client_ctx, use_session);
	}
}

START_TEST(a_key_agreed_elsewhere_is_no_evidence)
{
	struct vault_pair pair;

	serve_keys();
	offer_keys(versions[_i]);
	/* It would have served without us: else this shows nothing. */
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	ck_assert_ptr_null(SSL_get0_peer_certificate(pair.client));
	vault_pair_free(&pair);
	vault_open(NULL, VAULT_KEY_ALONE);
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	expect_unjudged(&pair);
	vault_pair_free(&pair);
}
END_TEST

START_TEST(a_key_that_the_caller_takes_all_the_same_is_refused)
{
	struct vault_pair pair;

	vault_open(NULL, VAULT_KEY_ALONE);
	serve_keys();
	offer_keys(versions[_i]);
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	expect_unjudged(&pair);
	vault_pair_free(&pair);
}
END_TEST

/* Whether data that the client sends before any handshake reaches the server;
 * both have a key in common, and the caller's server means to take it. */
static bool
takes_early_data(void)
{
	struct vault_pair pair = vault_pair_new();
	size_t written = 0, got = 0;
	char byte = 'x';
	bool taken;

	/* Otherwise OpenSSL's server wants a ticket of its own, used once. */
	(void)SSL_set_options(pair.server, SSL_OP_NO_ANTI_REPLAY);
	ck_assert_int_eq(
	    SSL_write_early_data(pair.client, &byte, 1, &written), 1);
	(void)SSL_read_early_data(pair.server, &byte, 1, &got);
	taken = got > 0;
	ERR_clear_error();
	vault_pair_free(&pair);
	return taken;
}

static void
serve_early_data(void)
{
	serve_keys();
	ck_assert_int_eq(
	    SSL_CTX_set_max_early_data(vault.server_ctx, EARLY_BYTES), 1);
}

/* Before the handshake nobody has been judged. */
START_TEST(data_before_the_handshake_is_not_taken)
{
	serve_early_data();
	offer_keys(TLS1_3_VERSION);
	/* Or this shows nothing. */
	ck_assert(takes_early_data());
	vault_open(NULL, VAULT_KEY_ALONE);
	ck_assert(!takes_early_data());
	/* Nor where the caller asks for it all the same. */
	serve_early_data();
	ck_assert(!takes_early_data());
}
END_TEST

static SSL_SESSION *callers_session;

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(callers_session);
	callers_session = session;
	return 1;
}

static SSL_SESSION *
get_session(SSL *ssl, const unsigned char *id, int len, int *ret_copy)
{
	(void)ssl, (void)id, (void)len;
	*ret_copy = 1;
	return callers_session;
}

/* What a caller may have had before it attached the gate. */
static void
cache_before(int cache)
{
	(void)SSL_CTX_set_session_id_context(vault.server_ctx, context, 1);
	(void)SSL_CTX_set_session_cache_mode(
	    vault.client_ctx, SSL_SESS_CACHE_CLIENT);
	(void)SSL_CTX_set_session_cache_mode(vault.server_ctx,
	    cache == 1 ? SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL
		       : SSL_SESS_CACHE_SERVER);
	/* By id, of TLS 1.3 too; or by a ticket. */
	if (cache < 2)
		(void)SSL_CTX_set_options(vault.server_ctx, SSL_OP_NO_TICKET);
	if (cache != 1)
		return;
	SSL_CTX_sess_set_new_cb(vault.server_ctx, keep_session);
	SSL_CTX_sess_set_get_cb(vault.server_ctx, get_session);
}

/* For each version: OpenSSL's cache, the caller's, and tickets. */
START_TEST(a_session_from_before_is_not_resumed)
{
	SSL_SESSION *session;
	struct vault_pair pair;

	vault_use_version(versions[_i % 2]);
	cache_before(_i / 2);
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	session = vault_session(&pair);
	vault_pair_free(&pair);
	pair = vault_shake_hands(session);
	ck_assert(SSL_session_reused(pair.server));
	SSL_SESSION_free(session);
	session = vault_session(&pair);
	vault_pair_free(&pair);

	vault_open(NULL, VAULT_KEY_ALONE);
	pair = vault_shake_hands(session);
	ck_assert(!pair.accepted);
	ck_assert(!SSL_session_reused(pair.server));
	expect_unjudged(&pair);
	vault_pair_free(&pair);
	SSL_SESSION_free(session);
	SSL_SESSION_free(callers_session);
	callers_session = NULL;
}
END_TEST

static void
leaf_under(const char *issuer_name)
{
	X509 *issuer = read_certificate(issuer_name);
	EVP_PKEY *issuer_key = read_key(issuer_name);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = X509_new();

	ck_assert_int_eq(X509_set_version(leaf, X509_VERSION_3), 1);
	ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(leaf), 7), 1);
	ck_assert_int_eq(
	    X509_set_issuer_name(leaf, X509_get_subject_name(issuer)), 1);
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(leaf), -60));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(leaf), 3600));
	ck_assert_int_eq(X509_set_pubkey(leaf, key), 1);
	ck_assert_int_gt(X509_sign(leaf, issuer_key, EVP_sha256()), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(vault.client_ctx, leaf), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(vault.client_ctx, key), 1);
	ck_assert_int_eq(SSL_CTX_add1_chain_cert(vault.client_ctx, issuer), 1);
	X509_free(leaf);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuer_key);
}

START_TEST(evidence_in_an_issuer_is_not_the_leafs)
{
	struct vault_pair pair;

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	leaf_under("client");
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(vault_check(&pair, NULL),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	    "carries no attestation document");
	vault_pair_free(&pair);
}
END_TEST

/* A leaf with good evidence, and so many certificates that nobody asked for. */
static struct vault_pair
with_chain_of(int count)
{
	X509 *other = read_certificate("client");

	ck_assert_int_eq(SSL_CTX_clear_chain_certs(vault.client_ctx), 1);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(
		    SSL_CTX_add1_chain_cert(vault.client_ctx, other), 1);
	X509_free(other);
	return vault_shake_hands(NULL);
}

START_TEST(a_chain_without_end_is_cut_off)
{
	X509 *client;
	struct vault_pair pair;
	int len;

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	client = read_certificate("client");
	len = i2d_X509(client, NULL) + 16;
	X509_free(client);
	/* 100 KiB is OpenSSL's ceiling, of the leaf and the others. */
	pair = with_chain_of(100 * 1024 / len - 2);
	ck_assert(pair.accepted);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	vault_pair_free(&pair);
	pair = with_chain_of(100 * 1024 / len + 2);
	ck_assert(!pair.accepted);
	expect_unjudged(&pair);
	vault_pair_free(&pair);
}
END_TEST

/* Depth is of the path, and without web PKI there is none to verify. */
START_TEST(the_depth_of_a_path_lets_nobody_in)
{
	struct vault_pair pair;

	ck_assert_int_eq(SSL_CTX_load_verify_file(vault.server_ctx,
			     local_enclave_text(fixture.enclave, "web_ca")),
	    1);
	vault_open(NULL, "");
	SSL_CTX_set_verify_depth(vault.server_ctx, _i == 0 ? 0 : 100);
	vault_mint("client", vault_good);
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	ck_assert_int_eq(vault_check(&pair, NULL), 0);
	vault_pair_free(&pair);
	leaf_under("client");
	pair = vault_shake_hands(NULL);
	ck_assert(!pair.accepted);
	fixture_expect(vault_check(&pair, NULL), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate");
	vault_pair_free(&pair);
}
END_TEST

static char *
bound_key(struct vault_pair *pair)
{
	struct enclave_client_document *document = NULL;
	char *json;

	ck_assert_msg(vault_check(pair, &document) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	json = enclave_client_document_json(document);
	ck_assert_ptr_nonnull(json);
	enclave_client_document_free(document);
	return json;
}

START_TEST(each_of_many_clients_has_its_own_verdict)
{
	static const char *const names[] = {
	    "first", "plain", "second", "debug", "first"};
	struct vault_pair pairs[5];
	char *documents[5];

	vault_use_version(versions[_i]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("first", vault_good);
	vault_mint("second", vault_good);
	vault_mint("plain", plain);
	vault_mint("debug", debug);
	for (int i = 0; i < 5; i++) {
		vault_use(vault.client_ctx, names[i]);
		pairs[i] = vault_shake_hands(NULL);
		ck_assert_int_eq(pairs[i].accepted, i % 2 == 0);
	}
	/* All are open, and none speaks for another. */
	for (int i = 0; i < 5; i += 2)
		documents[i] = bound_key(&pairs[i]);
	ck_assert_str_ne(documents[0], documents[2]);
	ck_assert_str_eq(documents[0], documents[4]);
	fixture_expect(vault_check(&pairs[1], NULL),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, NULL);
	fixture_expect(
	    vault_check(&pairs[3], NULL), ENCLAVE_CLIENT_ERR_DEBUG, NULL);
	for (int i = 0; i < 5; i++) {
		vault_pair_free(&pairs[i]);
		if (i % 2 == 0)
			free(documents[i]);
	}
}
END_TEST

static SSL_CTX *switched_to;

static int
switch_ctx(SSL *ssl, int *alert, void *argument)
{
	(void)alert, (void)argument;
	ck_assert_ptr_eq(SSL_set_SSL_CTX(ssl, switched_to), switched_to);
	return SSL_TLSEXT_ERR_OK;
}

/* By the name that is asked for, to or from the one that is attached. */
START_TEST(a_context_that_is_switched_is_not_judged)
{
	struct vault_pair pair;
	SSL_CTX *other = SSL_CTX_new(TLS_server_method());
	SSL_CTX *attached = vault.server_ctx;

	vault_mint("client", vault_good);
	vault_use(other, "server");
	vault_open(NULL, VAULT_KEY_ALONE);
	if (_i == 0) {
		switched_to = other;
	} else {
		switched_to = attached;
		vault.server_ctx = other;
	}
	ck_assert_int_eq(SSL_CTX_set_tlsext_servername_callback(
			     vault.server_ctx, switch_ctx),
	    1);
	/* The client has evidence, and nobody looks at it. */
	vault_use(vault.client_ctx, "client");
	pair = vault_shake_hands(NULL);
	fixture_expect(vault_check(&pair, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    _i == 0 ? "the SSL is not attached" : "no handshake of this");
	vault_pair_free(&pair);
	vault.server_ctx = attached;
	SSL_CTX_free(other);
}
END_TEST

static int
accept_all(X509_STORE_CTX *certificates, void *argument)
{
	(void)certificates, (void)argument;
	return 1;
}

START_TEST(what_a_caller_sets_afterwards_makes_nobody_attested)
{
	struct vault_pair pair;

	vault_use_version(versions[_i % 2]);
	vault_open(NULL, VAULT_KEY_ALONE);
	vault_mint("plain", plain);
	if (_i < 2) {
		SSL_CTX_set_cert_verify_callback(
		    vault.server_ctx, accept_all, NULL);
		vault_use(vault.client_ctx, "plain");
	} else {
		SSL_CTX_set_verify(vault.server_ctx, SSL_VERIFY_NONE, NULL);
	}
	pair = vault_shake_hands(NULL);
	ck_assert(pair.accepted);
	expect_unjudged(&pair);
	vault_pair_free(&pair);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, who_is_asked_only_later_is_nobody_until_then);
	tcase_add_loop_test(tcase,
	    a_refused_certificate_that_comes_later_ends_the_connection, 0, 2);
	tcase_add_test(tcase, who_does_not_hold_the_key_gains_nothing_later);
	tcase_add_test(tcase, a_client_does_not_renegotiate);
	tcase_add_loop_test(
	    tcase, a_renegotiation_that_the_caller_allows_is_judged_anew, 0, 2);
	tcase_add_loop_test(tcase, a_key_agreed_elsewhere_is_no_evidence, 0, 2);
	tcase_add_loop_test(
	    tcase, a_key_that_the_caller_takes_all_the_same_is_refused, 0, 2);
	tcase_add_test(tcase, data_before_the_handshake_is_not_taken);
	tcase_add_loop_test(tcase, a_session_from_before_is_not_resumed, 0, 6);
	tcase_add_loop_test(
	    tcase, evidence_in_an_issuer_is_not_the_leafs, 0, 2);
	tcase_add_loop_test(tcase, a_chain_without_end_is_cut_off, 0, 2);
	tcase_add_loop_test(tcase, the_depth_of_a_path_lets_nobody_in, 0, 2);
	tcase_add_loop_test(
	    tcase, each_of_many_clients_has_its_own_verdict, 0, 2);
	tcase_add_loop_test(
	    tcase, a_context_that_is_switched_is_not_judged, 0, 2);
	tcase_add_loop_test(
	    tcase, what_a_caller_sets_afterwards_makes_nobody_attested, 0, 4);
}

int
main(void)
{
	Suite *suite = suite_create("server-attacks");
	TCase *tcase = tcase_create("server attacks");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, vault_setup, vault_teardown);
	add_tests(tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
