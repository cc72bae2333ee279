/*
 * The gate: no byte of a request leaves on a connection whose key is not, at
 * that moment, in live accepted evidence (DESIGN section 5).
 *
 * Two halves.  The first runs inside the handshake (OpenSSL's certificate
 * verify callback): ordinary verification, then the key; its verdict hangs on
 * the SSL.  The second runs before each request (libcurl's prereq callback),
 * because a pooled connection never meets the first.
 */
#ifndef TLS_GATE_H
#define TLS_GATE_H

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/error.h"
#include "cache/cache.h"

/* One for each client; immutable after it was made. */
struct gate {
	uint64_t client_id;
	struct cache *cache;
	/* For evidence in certificates; NULL: none is judged. */
	const struct appraiser *appraiser;
	const struct clock_source *clock;
	struct trust_store *trust; /* ordinary verification */
	bool insecure_key_log;
	/* The client was stopped: nothing passes any more.  NULL: never. */
	const atomic_bool *stopped;
	/*
	 * Called before anything that takes a lock: makes the client a forked
	 * child's own.  False: nothing passes.  NULL: not asked.
	 */
	bool (*enter)(void *context);
	void *enter_context;
};

static inline bool
gate_enter(const struct gate *gate)
{
	return !gate->enter || gate->enter(gate->enter_context);
}

/* Whose connection it is that the hooks hang on. */
enum gate_kind {
	/* A handle of ours: one enclave, the client's trust store. */
	GATE_OWN,
	/* A caller's easy handle: the enclave is found by the URL, libcurl's
	 * own store verifies. */
	GATE_CURL,
	/* A caller's SSL_CTX or SSL: one enclave, its own store verifies.
	 * Shared between its connections, so never written to. */
	GATE_OPENSSL,
	/* A caller's SSL_CTX that accepts: its clients are judged by the
	 * documents in their certificates.  Shared likewise. */
	GATE_SERVER
};

/* A caller's callbacks, which libcurl can't give back; ours decide last. */
struct gate_callers_hooks {
	curl_ssl_ctx_callback ssl_ctx;
	void *ssl_ctx_data;
	curl_prereq_callback prereq;
	void *prereq_data;
};

enum gate_mode {
	/*
	 * Ordinary verification only; the connection may carry the GET of the
	 * configured evidence URL and nothing else until its key is live.
	 */
	GATE_EVIDENCE,
	/* The key must be live. */
	GATE_REQUEST
};

/*
 * What the hooks of one easy handle share.  Confined; must outlive the
 * handle's transfers.
 */
struct gate_attachment {
	const struct gate *gate;
	enum gate_kind kind;
	struct gate_callers_hooks callers; /* GATE_CURL */
	/* GATE_CURL: NULL until the first URL was seen. */
	struct cache_slot *slot; /* owned reference */
	/* Owned reference: as configured when the transfer began, or when a
	 * caller's handle came to its slot. */
	struct enclave *enclave;
	/* The slot's generation before enclave was taken; no two slots have one
	 * in common, and none has 0. */
	uint64_t followed;
	struct origin evidence_origin;
	/* GATE_EVIDENCE: the URL of this fetch, nonce included; borrowed.
	 * NULL: the enclave's. */
	const char *evidence_url;
	enum gate_mode mode;
	CURL *easy;            /* set by gate_attach */
	int proxy_version_max; /* of our transfers: marks a proxy's TLS */
	/*
	 * Asked in GATE_EVIDENCE for the key of each handshake, when not NULL:
	 * false, with the reason in ret_error, refuses before the GET.
	 */
	bool (*key_allowed)(void *context, const struct binding_key *key,
	    struct enclave_client_error *ret_error);
	void *key_context;

	/* What the hooks leave behind. */
	bool ran;             /* the second half passed in this transfer */
	unsigned long passed; /* how often: once for each request of it */
	/* The key was judged and is not live: learning may help. */
	bool key_refused;
	bool key_seen; /* the leaf of the connection in use */
	struct binding_key key;
	struct cache_hit hit; /* GATE_REQUEST and ran: sent under this */
	struct enclave_client_error error; /* why they refused; cleared else */
};

/* Takes references.  The attachment starts in GATE_REQUEST. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_attachment_init(
    struct gate_attachment *attachment, const struct gate *gate,
    struct cache_slot *slot, struct enclave_client_error *error);
/* For a caller's handle: the enclave comes with the URL. */
void gate_attachment_init_curl(struct gate_attachment *attachment,
    const struct gate *gate, const struct gate_callers_hooks *callers);
void gate_attachment_clear(struct gate_attachment *attachment);
/* Before each transfer: forgets what the last one left, sets the mode. */
void gate_attachment_begin(
    struct gate_attachment *attachment, enum gate_mode mode);

/* Sets every hook on the handle; to be called after each curl_easy_reset. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_attach(
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error);

/* The second half: a curl_prereq_callback whose argument is the attachment. */
int gate_before_request(
    void *argument, char *peer_ip, char *own_ip, int peer_port, int own_port);
/* Takes the hooks off.  https stays the only protocol. */
void gate_detach(CURL *easy);

/* The hook for an SSL_CTX that libcurl, or the self-test, is about to use. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_prepare_ssl_ctx(
    struct gate_attachment *attachment, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error);

/*
 * Hangs the hooks on a caller's SSL_CTX, or on one SSL alone.  attachment is
 * of kind GATE_OPENSSL and given away: release(context) is called when OpenSSL
 * frees the object, or at once where it could not take it.
 */
struct gate_owned {
	struct gate_attachment *attachment;
	void (*release)(void *context);
	void *context;
};
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_attach_ssl_ctx(
    const struct gate_owned *owned, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error);
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_attach_ssl(
    const struct gate_owned *owned, SSL *ssl,
    struct enclave_client_error *error);
/* The same for an SSL_CTX that accepts; attachment is of kind GATE_SERVER. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_attach_server(
    const struct gate_owned *owned, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error);
/*
 * The second half for a connection that libcurl knows nothing of: judged by
 * this client, for the attached enclave, not resumed, and live now.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_check_ssl(
    const struct gate *gate, SSL *ssl, struct cache_hit *ret_hit,
    struct enclave_client_error *error);

/* Of an attached SSL; borrowed as long as it is. */
struct cache_slot *gate_ssl_slot(const SSL *ssl);

/*
 * May the handle connect for the URL it is at?  Asked before each connect, so
 * that a redirect out of the enclave's origin opens no socket.
 */
bool gate_url_allowed(struct gate_attachment *attachment);

/*
 * Judged again while a body flows.  Upload: as strictly as before the request.
 * Download: withdrawal and removal always end it, expiry only when the enclave
 * says cut_on_expiry.  False: stop, attachment->error tells why.
 */
bool gate_upload_allowed(struct gate_attachment *attachment);
bool gate_download_allowed(struct gate_attachment *attachment);

/*
 * A handshake over a memory BIO pair through the real hooks: an attested
 * connection's control must pass and a key that is not attested must be
 * refused.  SELF_TEST, naming the builds, where that is not so; UNSUPPORTED
 * where libcurl's TLS is not OpenSSL.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status gate_self_test(
    const struct clock_source *clock, struct enclave_client_error *error);

#endif
