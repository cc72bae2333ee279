/*
 * The evidence GET on a given easy handle, for the poller and for learning.
 *
 * It is built from the enclave's configuration alone: no header, cookie,
 * credential, netrc, referer, body, user agent or client certificate of the
 * caller's; no redirect, no cookie, HSTS or Alt-Svc store.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <curl/curl.h>

#include "appraisal/nonce.h"
#include "base/bytes.h"
#include "base/error.h"
#include "tls/gate.h"
#include "tls/transport.h"

/* One GET; confined; must outlive the transfer. */
struct fetch {
	struct gate_attachment *attachment;
	CURL *easy; /* borrowed, from fetch_prepare on */
	/* What this GET asks the document to repeat, and where. */
	struct nonce nonce;
	char *url; /* owned */
	struct buffer body;
	size_t headers_bytes;
	/* Why a callback ended the transfer, if one did. */
	bool body_too_large;
	bool headers_too_large;
	bool out_of_memory;
	bool status_refused;
	char curl_error[CURL_ERROR_SIZE];
};

/* The attachment's enclave is whose evidence is fetched. */
void fetch_init(struct fetch *fetch, struct gate_attachment *attachment);
void fetch_clear(struct fetch *fetch);

/*
 * Makes easy ready: reset, transport, hooks in GATE_EVIDENCE, URL, limits.
 * timeout_ms bounds the whole transfer.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status fetch_prepare(
    struct fetch *fetch, const struct transport *transport, CURL *easy,
    int64_t timeout_ms, struct enclave_client_error *error);

/*
 * After the transfer ended with code: the body to appraise, borrowed until the
 * fetch is cleared; or why there is none (step fetch): EVIDENCE_NOT_SERVED for
 * a wrong status, a redirect, an empty or too large body; else the transport's
 * failure.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status fetch_finish(
    struct fetch *fetch, CURL *easy, CURLcode code, struct bytes *ret_body,
    struct enclave_client_error *error);

#endif
