#include "tls/handshake.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "tls/leaf.h"
#include "tls/note.h"
#include "tls/target.h"
#include "tls/trust_store.h"
#include "tls/verdict.h"

static const struct origin *
expected_origin(const struct gate_attachment *attachment)
{
	return attachment->mode == GATE_EVIDENCE ? &attachment->evidence_origin
						 : &attachment->enclave->origin;
}

/* RFC 9525: a literal address must stand in an iPAddress SAN. */
bool
handshake_expect_host(X509_VERIFY_PARAM *param, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	char literal[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[') {
		if (len - 2 >= sizeof(literal))
			return false;
		memcpy(literal, host + 1, len - 2);
		literal[len - 2] = '\0';
		return X509_VERIFY_PARAM_set1_ip_asc(param, literal) == 1;
	}
	if (inet_pton(AF_INET, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	/* RFC 9525 6.3: a common name is no DNS name. */
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, host, len) == 1;
}

static enum enclave_client_status
refuse_ordinary(
    struct gate_attachment *attachment, const char *host, int x509_error)
{
	const char *hint = "";
	enum enclave_client_status status;

	if (x509_error == X509_V_ERR_CERT_NOT_YET_VALID ||
	    x509_error == X509_V_ERR_CERT_HAS_EXPIRED)
		hint = "; is this machine's clock right?";
	status = error_set(&attachment->error, ENCLAVE_CLIENT_ERR_NETWORK,
	    ENCLAVE_CLIENT_STEP_NONE, "TLS certificate for %s refused: %s%s",
	    host, X509_verify_cert_error_string(x509_error), hint);
	error_set_foreign(&attachment->error, ENCLAVE_CLIENT_FOREIGN_CURL,
	    CURLE_PEER_FAILED_VERIFICATION);
	return status;
}

/* Tells that a changed file or directory can't be used. */
static X509_STORE *
anchors_of(const struct gate_attachment *attachment)
{
	struct enclave_client_error failed = {0};
	X509_STORE *anchors =
	    trust_store_anchors(attachment->gate->trust, &failed);

	if (failed.status)
		cache_tell(attachment->gate->cache, NULL,
		    ENCLAVE_CLIENT_EVENT_TRUST, &failed);
	error_clear(&failed);
	return anchors;
}

/*
 * Ordinary verification (RFC 5280 6, RFC 9525) in a store context of our own:
 * libcurl 7.87 to 8.2 put their own store into the SSL_CTX after our hook has
 * run, so the outer one can't be relied on.
 */
static enum enclave_client_status
verify_by_trust_store(struct gate_attachment *attachment, X509_STORE_CTX *outer,
    const SSL *ssl, const char *host)
{
	enum enclave_client_status status;
	X509_VERIFY_PARAM *param;
	X509_STORE *anchors = anchors_of(attachment);
	X509_STORE_CTX *inner = X509_STORE_CTX_new();
	int verified;

	status = error_memory(&attachment->error);
	if (!inner ||
	    X509_STORE_CTX_init(inner, anchors, X509_STORE_CTX_get0_cert(outer),
		X509_STORE_CTX_get0_untrusted(outer)) != 1 ||
	    X509_STORE_CTX_set_default(inner, "ssl_server") != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(inner);
	X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
	X509_VERIFY_PARAM_set_time(
	    param, (time_t)(clock_now(attachment->gate->clock).wall_ms / 1000));
	if (!handshake_expect_host(param, host))
		goto out;

	verified = X509_verify_cert(inner);
	X509_STORE_CTX_set_error(outer, X509_STORE_CTX_get_error(inner));
	X509_STORE_CTX_set_error_depth(
	    outer, X509_STORE_CTX_get_error_depth(inner));
	if (verified != 1) {
		int x509_error = X509_STORE_CTX_get_error(inner);
		if (x509_error == X509_V_OK)
			x509_error = X509_V_ERR_UNSPECIFIED;
		status = refuse_ordinary(attachment, host, x509_error);
		goto out;
	}
	X509_STORE_CTX_set0_verified_chain(
	    outer, X509_STORE_CTX_get1_chain(inner));
	error_clear(&attachment->error);
	status = ENCLAVE_CLIENT_OK;
out:
	X509_STORE_CTX_free(inner);
	X509_STORE_free(anchors);
	return status;
}

/*
 * By the store of the connection itself: for a caller's handle libcurl's CA
 * options mean what they mean to libcurl.  Always, whatever VERIFYPEER says:
 * where that made libcurl load no store, nothing is trusted.
 */
static enum enclave_client_status
verify_by_own_store(
    struct gate_attachment *attachment, X509_STORE_CTX *outer, const char *host)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(outer);
	int x509_error;

	/* A client has a certificate, and no host that was asked for. */
	if (attachment->kind != GATE_SERVER &&
	    !handshake_expect_host(param, host))
		return error_memory(&attachment->error);
	if (X509_verify_cert(outer) == 1)
		return ENCLAVE_CLIENT_OK;
	x509_error = X509_STORE_CTX_get_error(outer);
	return refuse_ordinary(attachment, host,
	    x509_error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : x509_error);
}

static enum enclave_client_status
check_web_pki(struct gate_attachment *attachment, X509_STORE_CTX *outer,
    const SSL *ssl, const char *host)
{
	if (attachment->kind == GATE_OWN)
		return verify_by_trust_store(attachment, outer, ssl, host);
	return verify_by_own_store(attachment, outer, host);
}

static bool
is_literal(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return host[0] == '[' || inet_pton(AF_INET, host, address) == 1;
}

/* Many connections of a caller's SSL_CTX have one attachment. */
static bool
is_shared(const struct gate_attachment *attachment)
{
	return attachment->kind == GATE_OPENSSL ||
	       attachment->kind == GATE_SERVER;
}

enum peer { PEER_ENCLAVE, PEER_PROXY, PEER_UNKNOWN };

/*
 * libcurl calls the same hook for an HTTPS proxy's TLS.  Ours is marked
 * (transport.c); on a caller's handle the name that this SSL itself asks for
 * tells them apart, and without one (an address) only the enclave may be meant.
 * What is taken for a proxy never gets a verdict.
 */
static enum peer
find_peer(const struct gate_attachment *attachment, SSL *ssl)
{
	const char *host = expected_origin(attachment)->host;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (is_shared(attachment) || !attachment->easy)
		return PEER_ENCLAVE;
	if (attachment->proxy_version_max &&
	    SSL_get_max_proto_version(ssl) == attachment->proxy_version_max)
		return asked ? PEER_PROXY : PEER_UNKNOWN;
	if (!asked)
		return is_literal(host) ? PEER_ENCLAVE : PEER_UNKNOWN;
	return strcasecmp(asked, host) ? PEER_PROXY : PEER_ENCLAVE;
}

/* What the cache would know the leaf by. */
static enum enclave_client_status
read_key(struct gate_attachment *attachment, X509 *leaf)
{
	enum enclave_client_status status;

	if (!leaf)
		return error_set(&attachment->error,
		    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_NONE, "the peer showed no certificate");
	status = appraisal_certificate_key(
	    attachment->enclave, leaf, &attachment->key, &attachment->error);
	attachment->key_seen = status == ENCLAVE_CLIENT_OK;
	return status;
}

/* Is the key live now?  An evidence connection is not asked. */
static enum enclave_client_status
check_key(struct gate_attachment *attachment, X509 *certificate,
    struct verdict *verdict)
{
	const struct leaf leaf = {attachment->key, certificate, false};
	enum enclave_client_status status;
	struct cache_hit hit = {0};

	verdict->key = attachment->key;
	if (attachment->mode == GATE_EVIDENCE) {
		if (attachment->key_allowed &&
		    !attachment->key_allowed(attachment->key_context,
			&attachment->key, &attachment->error))
			return attachment->error.status;
		return ENCLAVE_CLIENT_OK;
	}
	status = leaf_judge(attachment->gate, attachment->slot, &leaf, &hit,
	    &attachment->error);
	attachment->key_refused = status != ENCLAVE_CLIENT_OK;
	/* Our own requests learn; for others the poller is woken. */
	if (status && attachment->kind != GATE_OWN)
		cache_mark_wanted(attachment->gate->cache, attachment->slot);
	if (status)
		return status;
	verdict->generation = hit.generation;
	verdict->deadline = hit.deadline;
	cache_hit_clear(&hit);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
handshake_judge_key(struct gate_attachment *attachment, X509 *leaf, SSL *ssl)
{
	enum enclave_client_status status;
	struct verdict verdict = {
	    .client_id = attachment->gate->client_id,
	    .slot_id = cache_slot_id(attachment->slot),
	};

	status = read_key(attachment, leaf);
	if (!status)
		status = check_key(attachment, leaf, &verdict);
	if (status) {
		cache_count(attachment->slot, CACHE_REFUSALS);
		return status;
	}
	if (!verdict_set(ssl, &verdict))
		return error_memory(&attachment->error);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
refuse_nameless(struct gate_attachment *attachment)
{
	return error_set(&attachment->error,
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, ENCLAVE_CLIENT_STEP_NONE,
	    "a TLS connection without a server name can't be told from a "
	    "proxy's");
}

/*
 * Trust in the attested key alone is about the enclave's own origin: evidence
 * that lies elsewhere comes from an ordinary server.
 */
bool
handshake_web_pki_needed(const struct gate_attachment *attachment)
{
	return attachment->enclave->web_pki ||
	       !origin_equal(
		   expected_origin(attachment), &attachment->enclave->origin);
}

enum enclave_client_status
handshake_judge(
    struct gate_attachment *attachment, X509_STORE_CTX *outer, SSL *ssl)
{
	enum enclave_client_status status;

	attachment->key_seen = false;
	switch (find_peer(attachment, ssl)) {
	case PEER_ENCLAVE:
		break;
	case PEER_PROXY:
		return check_web_pki(attachment, outer, ssl,
		    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	default:
		return refuse_nameless(attachment);
	}
	if (handshake_web_pki_needed(attachment)) {
		status = check_web_pki(
		    attachment, outer, ssl, expected_origin(attachment)->host);
		if (status)
			return status;
	}
	return handshake_judge_key(
	    attachment, X509_STORE_CTX_get0_cert(outer), ssl);
}

enum enclave_client_status
handshake_begin_shared(struct gate_attachment *own)
{
	const atomic_bool *stopped = own->gate->stopped;

	error_clear(&own->error);
	own->enclave = cache_slot_enclave(own->slot, NULL);
	if (stopped && atomic_load(stopped))
		return error_set(&own->error, ENCLAVE_CLIENT_ERR_CANCELLED,
		    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
	return ENCLAVE_CLIENT_OK;
}

/*
 * A shared attachment is read, never written: many connections may be in
 * their handshakes at once.  The reason of a refusal goes to the SSL.
 */
static enum enclave_client_status
judge_shared(
    const struct gate_attachment *attachment, X509_STORE_CTX *outer, SSL *ssl)
{
	struct gate_attachment own = *attachment;
	enum enclave_client_status status = handshake_begin_shared(&own);

	if (!status)
		status = handshake_judge(&own, outer, ssl);
	if (status)
		note_refusal(ssl, &own.error);
	enclave_unref(own.enclave);
	return status;
}

/*
 * SSL_CTX_set_cert_verify_callback.  A refusal always leaves an error on the
 * store context: libcurl from 8.17 on looks at that alone.  Success is the
 * last assignment.
 */
static int
verify_certificate(X509_STORE_CTX *outer, void *argument)
{
	struct gate_attachment *attachment = argument;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    outer, SSL_get_ex_data_X509_STORE_CTX_idx());
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_INTERNAL;

	/* An SSL's own attachment goes before that of its SSL_CTX. */
	if (ssl && is_shared(attachment) && note_attachment(ssl))
		attachment = note_attachment(ssl);
	/* What OpenSSL leaves in its queue would change libcurl's error code
	 * from 60 to 35. */
	(void)ERR_set_mark();
	if (!gate_enter(attachment->gate))
		status = ENCLAVE_CLIENT_ERR_MEMORY;
	else if (ssl && is_shared(attachment))
		status = judge_shared(attachment, outer, ssl);
	else if (ssl)
		status = handshake_judge(attachment, outer, ssl);
	(void)ERR_pop_to_mark();
	if (status) {
		if (X509_STORE_CTX_get_error(outer) == X509_V_OK)
			X509_STORE_CTX_set_error(
			    outer, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	X509_STORE_CTX_set_error(outer, X509_V_OK);
	return 1;
}

/*
 * OpenSSL calls it the start of a handshake as well when the peer asks for a
 * renegotiation, before it is refused.  Such a connection keeps its session:
 * without it the records of CBC suites would neither have a MAC nor need one.
 */
static bool
is_open(const SSL *ssl)
{
	unsigned char first;

	return SSL_get_finished(ssl, &first, sizeof(first)) > 0;
}

/*
 * A resumed handshake shows no certificate and calls no verify callback, so
 * none may resume, whatever cache the handle is given; and a verdict never
 * outlives the handshake that it was made in.
 */
void
handshake_forbid_resumption(const SSL *ssl, int where, int value)
{
	void (*callers)(const SSL *, int, int) = note_callers_info(ssl);

	/* A caller's own callback first: ours decides last. */
	if (callers)
		callers(ssl, where, value);
	if (!(where & SSL_CB_HANDSHAKE_START))
		return;
	if (!is_open(ssl))
		(void)SSL_set_session((SSL *)ssl, NULL);
	verdict_drop((SSL *)ssl);
}

enum enclave_client_status
gate_prepare_ssl_ctx(struct gate_attachment *attachment, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error)
{
	if (SSL_CTX_get_min_proto_version(ssl_ctx) < TLS1_2_VERSION &&
	    SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) != 1)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "OpenSSL does not take TLS 1.2 as the least version");
	/* A renegotiation could change the key behind the second half. */
	(void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION);
	/* Early data would leave before any certificate came. */
	(void)SSL_CTX_set_max_early_data(ssl_ctx, 0);
	if (attachment->kind != GATE_OWN &&
	    !note_keep_info(ssl_ctx, SSL_CTX_get_info_callback(ssl_ctx)))
		return error_memory(error);
	SSL_CTX_set_info_callback(ssl_ctx, handshake_forbid_resumption);
	/* After a fork the child must not end the parent's connections. */
	SSL_CTX_set_quiet_shutdown(ssl_ctx, 1);
	/* libcurl honours SSLKEYLOGFILE by itself. */
	if (!attachment->gate->insecure_key_log)
		SSL_CTX_set_keylog_callback(ssl_ctx, NULL);
	/* Without SSL_VERIFY_PEER OpenSSL goes on after a refusal. */
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(
	    ssl_ctx, verify_certificate, attachment);
	return ENCLAVE_CLIENT_OK;
}

CURLcode
handshake_ssl_ctx(CURL *easy, void *ssl_ctx, void *argument)
{
	struct gate_attachment *attachment = argument;
	const struct gate_callers_hooks *callers = &attachment->callers;

	/* A copy made by curl_easy_duphandle(); its owner may be another
	 * thread, so nothing is written. */
	if (easy != attachment->easy)
		return CURLE_SSL_CONNECT_ERROR;
	if (!gate_enter(attachment->gate))
		return CURLE_OUT_OF_MEMORY;
	if (callers->ssl_ctx) {
		CURLcode code =
		    callers->ssl_ctx(easy, ssl_ctx, callers->ssl_ctx_data);
		if (code)
			return code;
	}
	if (attachment->kind == GATE_CURL &&
	    target_find(attachment, target_url(easy)))
		return CURLE_SSL_CONNECT_ERROR;
	if (gate_prepare_ssl_ctx(attachment, ssl_ctx, &attachment->error))
		return CURLE_SSL_CONNECT_ERROR;
	return CURLE_OK;
}
