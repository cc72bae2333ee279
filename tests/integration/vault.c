/* The other end of attestation: a server for attested clients, over memory. */
#include "integration/vault.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Handshakes over memory take a few turns. */
#define TURNS_MAX 64

struct vault vault;
const char *const vault_good[] = {"--service", "cmw", NULL};

void
vault_pair_free(struct vault_pair *pair)
{
	/* Closed in form, or OpenSSL takes the session for unfit to resume. */
	SSL_set_shutdown(
	    pair->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(
	    pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(pair->server);
	SSL_free(pair->client);
}

struct vault_pair
vault_pair_new(void)
{
	struct vault_pair pair = {
	    SSL_new(vault.server_ctx), SSL_new(vault.client_ctx), false};
	BIO *server_end = NULL;
	BIO *client_end = NULL;

	ck_assert_ptr_nonnull(pair.server);
	ck_assert_ptr_nonnull(pair.client);
	ck_assert_int_eq(BIO_new_bio_pair(&server_end, 0, &client_end, 0), 1);
	SSL_set_bio(pair.server, server_end, server_end);
	SSL_set_bio(pair.client, client_end, client_end);
	return pair;
}

struct vault_pair
vault_shake_hands(SSL_SESSION *session)
{
	struct vault_pair pair = vault_pair_new();

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
void
vault_mint(const char *name, const char *const *options)
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

void
vault_use(SSL_CTX *ctx, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, name);
	ck_assert_int_eq(
	    SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM), 1);
	(void)snprintf(path, sizeof(path), "%s/%s.key", fixture.state, name);
	ck_assert_int_eq(
	    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM), 1);
}

void
vault_setup(void)
{
	fixture_setup();
	vault.server_ctx = SSL_CTX_new(TLS_server_method());
	vault.client_ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(vault.server_ctx);
	ck_assert_ptr_nonnull(vault.client_ctx);
	vault_mint("server", NULL);
	vault_use(vault.server_ctx, "server");
}

void
vault_teardown(void)
{
	SSL_CTX_free(vault.server_ctx);
	SSL_CTX_free(vault.client_ctx);
	fixture_teardown();
}

/* The vault's client, with its entry for those who may ask. */
void
vault_open(const char *pcr0, const char *members)
{
	char map[1024];

	ck_assert(snprintf(map, sizeof(map),
		      "{\"enclaves\":{\"" VAULT_ENTRY
		      "\":{\"url\":\"https://signer.test\",\"profile\":"
		      "\"nitro-ra-tls\",\"pcrs\":{\"PCR0\":\"%s\"}%s}}}",
		      pcr0 ? pcr0 : local_enclave_pcr(fixture.enclave, "0"),
		      members) < (int)sizeof(map));
	fixture_client_with_map(map, false);
	ck_assert_msg(enclave_client_ssl_ctx_attach_server(fixture.client,
			  VAULT_ENTRY, vault.server_ctx, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
}

enum enclave_client_status
vault_check(
    struct vault_pair *pair, struct enclave_client_document **ret_document)
{
	return enclave_client_ssl_check(
	    fixture.client, pair->server, ret_document, fixture.error);
}

void
vault_use_version(int version)
{
	ck_assert_int_eq(
	    SSL_CTX_set_min_proto_version(vault.client_ctx, version), 1);
	ck_assert_int_eq(
	    SSL_CTX_set_max_proto_version(vault.client_ctx, version), 1);
}

/* What a client keeps to resume from: of TLS 1.3 it comes with the data. */
SSL_SESSION *
vault_session(struct vault_pair *pair)
{
	char byte;

	ck_assert_int_eq(SSL_write(pair->server, "x", 1), 1);
	ck_assert_int_eq(SSL_read(pair->client, &byte, 1), 1);
	return SSL_get1_session(pair->client);
}

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
void
vault_use_pretended(const char *name, long serial)
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
	ck_assert_int_eq(
	    SSL_CTX_use_certificate(vault.client_ctx, certificate), 1);
	ck_assert_int_eq(
	    SSL_CTX_use_PrivateKey(vault.client_ctx, pretended), 1);
	BIO_free(file);
	EVP_PKEY_free(pretended);
	X509_free(certificate);
}
