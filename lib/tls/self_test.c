/*
 * Do the hooks hold with this libcurl and this OpenSSL?  Three handshakes over
 * a memory BIO pair, through gate_prepare_ssl_ctx, before the first real one.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/id.h"
#include "tls/gate.h"
#include "tls/trust_store.h"

#define SELF_TEST_HOST "gate-self-test.invalid"
/* A handshake takes three turns; more means that it hangs. */
#define SELF_TEST_TURNS_MAX 16

/* An enclave that nothing ever attested, and a server with its name. */
struct self_test {
	struct cache *cache;
	struct cache_slot *slot;
	struct trust_store *trust;    /* holds the server's certificate */
	struct trust_store *distrust; /* holds nothing */
	EVP_PKEY *key;
	X509 *certificate;
	SSL_CTX *server;
};

static bool
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool added = extension && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return added;
}

static bool
make_certificate(struct self_test *test)
{
	X509_NAME *name;

	test->key = EVP_EC_gen("P-256");
	test->certificate = X509_new();
	if (!test->key || !test->certificate)
		return false;
	name = X509_get_subject_name(test->certificate);
	return X509_set_version(test->certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(test->certificate), 1) ==
		   1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		   (const unsigned char *)SELF_TEST_HOST, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(test->certificate, name) == 1 &&
	       X509_gmtime_adj(
		   X509_getm_notBefore(test->certificate), -86400) &&
	       X509_gmtime_adj(X509_getm_notAfter(test->certificate), 86400) &&
	       X509_set_pubkey(test->certificate, test->key) == 1 &&
	       add_extension(test->certificate, NID_subject_alt_name,
		   "DNS:" SELF_TEST_HOST) &&
	       X509_sign(test->certificate, test->key, EVP_sha256()) > 0;
}

static bool
make_server(struct self_test *test)
{
	test->server = SSL_CTX_new(TLS_server_method());
	return test->server &&
	       SSL_CTX_use_certificate(test->server, test->certificate) == 1 &&
	       SSL_CTX_use_PrivateKey(test->server, test->key) == 1;
}

static struct trust_store *
new_trust(X509 *anchor)
{
	X509_STORE *anchors = X509_STORE_new();
	struct trust_store *trust = NULL;

	if (anchors && (!anchor || X509_STORE_add_cert(anchors, anchor) == 1))
		trust = trust_store_new_fixed(anchors);
	X509_STORE_free(anchors);
	return trust;
}

static bool
make_trust(struct self_test *test)
{
	test->trust = new_trust(test->certificate);
	test->distrust = new_trust(NULL);
	return test->trust && test->distrust;
}

static enum enclave_client_status
make_enclave(struct self_test *test, const struct appraiser *appraiser,
    struct enclave_client_error *error)
{
	static const char map_json[] =
	    "{\"" SELF_TEST_HOST "\":{\"PCR0\":\""
	    "111111111111111111111111111111111111111111111111"
	    "111111111111111111111111111111111111111111111111\"}}";
	static const struct cache_hooks no_hooks = {0};
	static const struct enclave_map_options options = {0};
	enum enclave_client_status status;
	struct enclave_map *map = NULL;

	status = enclave_map_new_json(
	    bytes_from_string(map_json), &options, &map, error);
	if (!status)
		status = cache_new(appraiser, &no_hooks, &test->cache, error);
	if (!status)
		status = cache_update(test->cache, map, error);
	if (!status)
		test->slot = cache_slot_at(test->cache, 0);
	enclave_map_unref(map);
	return status;
}

static void
clear_test(struct self_test *test)
{
	cache_slot_unref(test->slot);
	cache_free(test->cache);
	SSL_CTX_free(test->server);
	trust_store_free(test->trust);
	trust_store_free(test->distrust);
	X509_free(test->certificate);
	EVP_PKEY_free(test->key);
}

/* Both ends by turns until the client is done or one has failed. */
static bool
shake_hands(SSL *client, SSL *server)
{
	for (int turn = 0; turn < SELF_TEST_TURNS_MAX; turn++) {
		int done = SSL_do_handshake(client);
		if (done == 1)
			return true;
		if (SSL_get_error(client, done) != SSL_ERROR_WANT_READ)
			return false;
		done = SSL_do_handshake(server);
		if (done != 1 &&
		    SSL_get_error(server, done) != SSL_ERROR_WANT_READ)
			return false;
	}
	return false;
}

/* False when the handshake could not even be tried. */
static bool
try_handshake(
    struct gate_attachment *attachment, SSL_CTX *server_ctx, bool *ret_finished)
{
	bool tried = false;
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *server = SSL_new(server_ctx);
	SSL *client = NULL;
	BIO *client_end = NULL;
	BIO *server_end = NULL;

	if (!client_ctx || !server ||
	    gate_prepare_ssl_ctx(attachment, client_ctx, NULL))
		goto out;
	client = SSL_new(client_ctx);
	if (!client || BIO_new_bio_pair(&client_end, 0, &server_end, 0) != 1)
		goto out;
	SSL_set_bio(client, client_end, client_end);
	SSL_set_bio(server, server_end, server_end);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	*ret_finished = shake_hands(client, server);
	tried = true;
out:
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	return tried;
}

struct expectation {
	enum gate_mode mode;
	bool trusted;
	bool finishes;
	enum enclave_client_status refusal;
	const char *failure;
};

/*
 * The first is the control: without it a handshake that fails for any other
 * reason would look like a gate that holds.
 */
static const struct expectation expectations[] = {
    {GATE_EVIDENCE, true, true, ENCLAVE_CLIENT_OK,
	"a sound handshake did not finish"},
    {GATE_EVIDENCE, false, false, ENCLAVE_CLIENT_ERR_NETWORK,
	"an untrusted certificate was not refused"},
    {GATE_REQUEST, true, false, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"a key that is not attested was not refused"},
};

static bool
holds(struct self_test *test, const struct expectation *expected,
    const struct clock_source *clock)
{
	const struct gate gate = {
	    .client_id = id_next(),
	    .cache = test->cache,
	    .clock = clock,
	    .trust = expected->trusted ? test->trust : test->distrust,
	};
	struct gate_attachment attachment;
	bool finished = !expected->finishes;
	bool held;

	if (gate_attachment_init(&attachment, &gate, test->slot, NULL))
		return false;
	gate_attachment_begin(&attachment, expected->mode);
	held = try_handshake(&attachment, test->server, &finished) &&
	       finished == expected->finishes &&
	       attachment.error.status == expected->refusal;
	gate_attachment_clear(&attachment);
	return held;
}

static enum enclave_client_status
check_builds(struct enclave_client_error *error)
{
	const curl_version_info_data *built =
	    curl_version_info(CURLVERSION_NOW);
	static const char wanted[] = "OpenSSL/";

	if (built->ssl_version &&
	    !strncmp(built->ssl_version, wanted, sizeof(wanted) - 1))
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_UNSUPPORTED,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "libcurl %s was built with %s; the gate needs OpenSSL alone",
	    built->version, built->ssl_version ? built->ssl_version : "no TLS");
}

static enum enclave_client_status
failed(const char *what, struct enclave_client_error *error)
{
	const curl_version_info_data *built =
	    curl_version_info(CURLVERSION_NOW);

	return error_set(error, ENCLAVE_CLIENT_ERR_SELF_TEST,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "the gate does not hold here: %s (libcurl %s with %s; %s)", what,
	    built->version, built->ssl_version,
	    OpenSSL_version(OPENSSL_VERSION));
}

enum enclave_client_status
gate_self_test(
    const struct clock_source *clock, struct enclave_client_error *error)
{
	struct self_test test = {0};
	const struct appraiser appraiser = {.clock = clock};
	enum enclave_client_status status = check_builds(error);

	if (status)
		return status;
	(void)ERR_set_mark();
	status = make_enclave(&test, &appraiser, error);
	if (!status && (!make_certificate(&test) || !make_server(&test) ||
			   !make_trust(&test)))
		status = error_memory(error);
	for (size_t i = 0;
	     !status && i < sizeof(expectations) / sizeof(expectations[0]); i++)
		if (!holds(&test, &expectations[i], clock))
			status = failed(expectations[i].failure, error);
	clear_test(&test);
	(void)ERR_pop_to_mark();
	return status;
}
