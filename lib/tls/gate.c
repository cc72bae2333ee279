#include "tls/gate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/handshake.h"
#include "tls/leaf.h"
#include "tls/target.h"
#include "tls/verdict.h"

enum enclave_client_status
gate_attachment_init(struct gate_attachment *attachment,
    const struct gate *gate, struct cache_slot *slot,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct origin evidence_origin = {0};
	struct enclave *enclave = cache_slot_enclave(slot, NULL);

	status =
	    origin_from_url(enclave->evidence_url, &evidence_origin, error);
	if (status) {
		enclave_unref(enclave);
		return status;
	}
	*attachment = (struct gate_attachment){
	    .gate = gate,
	    .kind = GATE_OWN,
	    .slot = cache_slot_ref(slot),
	    .enclave = enclave,
	    .evidence_origin = evidence_origin,
	    .mode = GATE_REQUEST,
	};
	return ENCLAVE_CLIENT_OK;
}

void
gate_attachment_init_curl(struct gate_attachment *attachment,
    const struct gate *gate, const struct gate_callers_hooks *callers)
{
	*attachment = (struct gate_attachment){
	    .gate = gate,
	    .kind = GATE_CURL,
	    .mode = GATE_REQUEST,
	};
	if (callers)
		attachment->callers = *callers;
}

void
gate_attachment_clear(struct gate_attachment *attachment)
{
	if (!attachment->gate)
		return;
	cache_hit_clear(&attachment->hit);
	origin_clear(&attachment->evidence_origin);
	enclave_unref(attachment->enclave);
	cache_slot_unref(attachment->slot);
	*attachment = (struct gate_attachment){0};
}

/* The evidence may lie elsewhere now: its host is verified by that name. */
static void
follow_evidence(
    struct gate_attachment *attachment, const struct enclave *enclave)
{
	struct origin origin = {0};

	if (attachment->kind != GATE_OWN || enclave == attachment->enclave ||
	    origin_from_url(enclave->evidence_url, &origin, NULL))
		return;
	origin_clear(&attachment->evidence_origin);
	attachment->evidence_origin = origin;
}

/*
 * A pooled handle follows the configuration of the moment, which is published
 * like evidence; where the enclave is gone, judging says so.
 */
static void
follow_configuration(struct gate_attachment *attachment)
{
	struct enclave *enclave;
	uint64_t generation;

	if (!attachment->slot)
		return;
	generation = cache_slot_generation(attachment->slot);
	if (generation == attachment->followed)
		return;
	enclave = cache_slot_enclave(attachment->slot, NULL);
	follow_evidence(attachment, enclave);
	enclave_unref(attachment->enclave);
	attachment->enclave = enclave;
	attachment->followed = generation;
}

void
gate_attachment_begin(struct gate_attachment *attachment, enum gate_mode mode)
{
	follow_configuration(attachment);
	attachment->mode = mode;
	attachment->ran = false;
	attachment->passed = 0;
	attachment->key_seen = false;
	attachment->key_refused = false;
	attachment->key_allowed = NULL;
	attachment->evidence_url = NULL;
	error_reset(&attachment->error);
	/* The verdict of our own connection may stand on it (check_live). */
	if (attachment->kind != GATE_OWN)
		cache_hit_clear(&attachment->hit);
}

static enum enclave_client_status
refuse(struct gate_attachment *attachment, const char *why)
{
	return error_set(&attachment->error,
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, ENCLAVE_CLIENT_STEP_NONE,
	    "nothing was sent: %s", why);
}

static enum enclave_client_status
check_running(struct gate_attachment *attachment)
{
	const atomic_bool *stopped = attachment->gate->stopped;

	if (!gate_enter(attachment->gate))
		return error_memory(&attachment->error);
	if (!stopped || !atomic_load(stopped))
		return ENCLAVE_CLIENT_OK;
	return error_set(&attachment->error, ENCLAVE_CLIENT_ERR_CANCELLED,
	    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
}

/* Plain http behind an HTTPS proxy shows the proxy's SSL. */
static enum enclave_client_status
check_scheme(struct gate_attachment *attachment, CURL *easy)
{
	const char *scheme = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme) || !scheme ||
	    strcasecmp(scheme, "https") != 0)
		return refuse(attachment, "the connection is not https");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
refuse_redirect(struct gate_attachment *attachment, const char *url)
{
	char *escaped = bytes_escape(bytes_from_string(url), 256);

	(void)error_set(&attachment->error, ENCLAVE_CLIENT_ERR_REDIRECT,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "a redirect leads out of the enclave's origin, to %s; nothing was "
	    "sent there",
	    escaped ? escaped : "another host");
	error_set_foreign(&attachment->error, ENCLAVE_CLIENT_FOREIGN_CURL,
	    CURLE_UNSUPPORTED_PROTOCOL);
	free(escaped);
	return ENCLAVE_CLIENT_ERR_REDIRECT;
}

static enum enclave_client_status
check_url(struct gate_attachment *attachment, const char *url)
{
	const struct enclave *enclave = attachment->enclave;
	struct origin origin = {0};
	bool same;

	if (!url)
		return refuse(attachment, "libcurl does not tell the URL");
	if (attachment->mode == GATE_EVIDENCE) {
		const char *evidence_url = attachment->evidence_url
					       ? attachment->evidence_url
					       : enclave->evidence_url;
		if (strcmp(url, evidence_url) != 0)
			return refuse(attachment,
			    "this connection may carry the evidence GET only");
		return ENCLAVE_CLIENT_OK;
	}
	if (target_as_written(enclave, url))
		return ENCLAVE_CLIENT_OK;
	if (target_origin(url, &origin))
		return refuse(attachment, "the URL's origin can't be read");
	same = origin_equal(&origin, &enclave->origin);
	origin_clear(&origin);
	if (!same)
		return refuse_redirect(attachment, url);
	return ENCLAVE_CLIENT_OK;
}

bool
gate_url_allowed(struct gate_attachment *attachment)
{
	return check_url(attachment, target_url(attachment->easy)) ==
	       ENCLAVE_CLIENT_OK;
}

static SSL *
connection_ssl(CURL *easy)
{
	struct curl_tlssessioninfo *session = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) ||
	    !session || session->backend != CURLSSLBACKEND_OPENSSL)
		return NULL;
	return session->internals;
}

/* The connection was opened, and judged, by this client for this enclave. */
static enum enclave_client_status
check_owner(
    struct gate_attachment *attachment, SSL *ssl, const struct verdict *verdict)
{
	if (!verdict)
		return refuse(attachment,
		    "no handshake of this client judged the connection");
	if (verdict->client_id != attachment->gate->client_id)
		return refuse(
		    attachment, "another client opened the connection");
	if (verdict->slot_id != cache_slot_id(attachment->slot))
		return refuse(attachment,
		    "the connection was opened for another enclave");
	if (SSL_session_reused(ssl))
		return refuse(attachment, "the TLS session was resumed");
	return ENCLAVE_CLIENT_OK;
}

/*
 * The connection's verdict stands: nothing was published since (a removal is),
 * and its time has not passed.  hit is what it was given under, where the
 * handle's last request went on a connection of the same key.
 */
static bool
verdict_stands(const struct gate_attachment *attachment,
    const struct verdict *verdict, const struct cache_hit *hit)
{
	return cache_slot_generation(attachment->slot) == verdict->generation &&
	       !deadline_passed(
		   verdict->deadline, clock_now(attachment->gate->clock)) &&
	       hit->generation == verdict->generation &&
	       binding_key_equal(&hit->key, &verdict->key);
}

static enum enclave_client_status
judge_anew(
    struct gate_attachment *attachment, SSL *ssl, struct verdict *verdict)
{
	const struct leaf leaf = {
	    verdict->key, SSL_get0_peer_certificate(ssl), true};
	struct cache_hit hit = {0};
	enum enclave_client_status status = leaf_judge(attachment->gate,
	    attachment->slot, &leaf, &hit, &attachment->error);

	attachment->key_refused = status != ENCLAVE_CLIENT_OK;
	if (status && attachment->kind != GATE_OWN)
		cache_mark_wanted(attachment->gate->cache, attachment->slot);
	if (status)
		return status;
	verdict->generation = hit.generation;
	verdict->deadline = hit.deadline;
	attachment->hit = hit;
	return ENCLAVE_CLIENT_OK;
}

/* Is the key that this SSL has shown live at this moment? */
static enum enclave_client_status
check_live(struct gate_attachment *attachment, SSL *ssl,
    struct verdict *verdict, struct cache_hit *former)
{
	attachment->key = verdict->key;
	attachment->key_seen = true;
	if (attachment->mode == GATE_EVIDENCE)
		return ENCLAVE_CLIENT_OK;
	if (!verdict_stands(attachment, verdict, former))
		return judge_anew(attachment, ssl, verdict);
	attachment->key_refused = false;
	attachment->hit = *former;
	*former = (struct cache_hit){0};
	return ENCLAVE_CLIENT_OK;
}

/* Evidence vouches for itself: where the profile says so it comes over http,
 * and there is no key to look at. */
static bool
plain_evidence(const struct gate_attachment *attachment)
{
	return attachment->mode == GATE_EVIDENCE &&
	       attachment->enclave->profile->plain_http &&
	       !attachment->evidence_origin.https;
}

static enum enclave_client_status
judge_request(
    struct gate_attachment *attachment, CURL *easy, struct cache_hit *former)
{
	enum enclave_client_status status;
	const char *url = target_url(easy);
	struct verdict *verdict;
	SSL *ssl;

	status = check_running(attachment);
	if (status)
		return status;
	if (plain_evidence(attachment))
		return check_url(attachment, url);
	status = check_scheme(attachment, easy);
	if (status)
		return status;
	if (attachment->kind == GATE_CURL) {
		status = target_find(attachment, url);
		if (status)
			return status;
	}
	status = check_url(attachment, url);
	if (status)
		return status;
	ssl = connection_ssl(easy);
	if (!ssl)
		return refuse(
		    attachment, "libcurl shows no OpenSSL connection");
	verdict = verdict_get(ssl);
	status = check_owner(attachment, ssl, verdict);
	if (status)
		return status;
	return check_live(attachment, ssl, verdict, former);
}

/*
 * curl_easy_duphandle() copies the hooks with their arguments, and libcurl does
 * not say whose transfer it asks about: while the first handle has a good
 * connection, its copy would be judged by that one.  But the address that
 * libcurl passes is the asking handle's own memory, which its getinfo shows.
 */
static bool
asks_for_itself(const struct gate_attachment *attachment, const char *peer_ip)
{
	const char *own = NULL;

	return peer_ip &&
	       !curl_easy_getinfo(
		   attachment->easy, CURLINFO_PRIMARY_IP, &own) &&
	       own == peer_ip;
}

/* CURLOPT_PREREQFUNCTION: new, pooled and resumed connections all pass here,
 * once before each request and each redirect's. */
int
gate_before_request(
    void *argument, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct gate_attachment *attachment = argument;
	struct cache_hit former;
	enum enclave_client_status status;

	/* Nothing is written for a copy: its owner may be another thread. */
	if (!asks_for_itself(attachment, peer_ip))
		return CURL_PREREQFUNC_ABORT;
	/* What an earlier hop or try has left is not about this one. */
	attachment->ran = false;
	error_reset(&attachment->error);
	former = attachment->hit;
	attachment->hit = (struct cache_hit){0};
	/* A caller's own callback first: ours decides last. */
	if (attachment->callers.prereq &&
	    attachment->callers.prereq(attachment->callers.prereq_data, peer_ip,
		own_ip, peer_port, own_port) != CURL_PREREQFUNC_OK) {
		cache_hit_clear(&former);
		return CURL_PREREQFUNC_ABORT;
	}
	status = judge_request(attachment, attachment->easy, &former);
	cache_hit_clear(&former);
	if (status) {
		if (attachment->slot)
			cache_count(attachment->slot, CACHE_REFUSALS);
		return CURL_PREREQFUNC_ABORT;
	}
	attachment->ran = true;
	attachment->passed++;
	if (attachment->mode == GATE_REQUEST)
		cache_count(attachment->slot, CACHE_REQUESTS);
	return CURL_PREREQFUNC_OK;
}

/* Protocols that log in before the first request would do so unasked. */
static CURLcode
allow_https_alone(CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");

	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	return code;
}

static CURLcode
set_hooks(struct gate_attachment *attachment, CURL *easy)
{
	CURLcode code =
	    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, handshake_ssl_ctx);

	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, attachment);
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_PREREQFUNCTION, gate_before_request);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_PREREQDATA, attachment);
	if (!code)
		code = allow_https_alone(easy);
	/* libcurl compares the name by itself, after our verdict. */
	if (!code && attachment->kind == GATE_OWN &&
	    !handshake_web_pki_needed(attachment))
		code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	return code;
}

void
gate_detach(CURL *easy)
{
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, NULL);
}

enum enclave_client_status
gate_attach(struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	CURLcode code;

	attachment->easy = easy;
	code = set_hooks(attachment, easy);
	if (!code)
		return ENCLAVE_CLIENT_OK;
	gate_detach(easy);
	status = error_set(error, ENCLAVE_CLIENT_ERR_UNSUPPORTED,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "libcurl does not take the gate's hooks: %s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

static bool
judge_again(struct gate_attachment *attachment, struct moment now)
{
	struct cache_hit hit = {0};

	if (cache_judge(attachment->slot, &attachment->hit.key, now, &hit,
		&attachment->error))
		return false;
	cache_hit_clear(&attachment->hit);
	attachment->hit = hit;
	return true;
}

bool
gate_upload_allowed(struct gate_attachment *attachment)
{
	struct moment now = clock_now(attachment->gate->clock);

	if (!attachment->ran)
		return false;
	if (cache_slot_generation(attachment->slot) ==
		attachment->hit.generation &&
	    !deadline_passed(attachment->hit.deadline, now))
		return true;
	return judge_again(attachment, now);
}

bool
gate_download_allowed(struct gate_attachment *attachment)
{
	if (!attachment->ran)
		return false;
	if (attachment->enclave->cut_on_expiry)
		return gate_upload_allowed(attachment);
	if (cache_slot_generation(attachment->slot) ==
	    attachment->hit.generation)
		return true;
	if (cache_judge_lasting(attachment->slot, &attachment->hit.key))
		return true;
	/* Withdrawn or removed: judging again finds the reason. */
	(void)judge_again(attachment, clock_now(attachment->gate->clock));
	return false;
}
