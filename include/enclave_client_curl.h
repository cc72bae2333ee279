/*
 * The gate for programs that drive libcurl themselves.
 *
 * Two ways: attach to an easy handle of one's own, or prepare a request of
 * this library's for one's own multi handle.
 *
 * What libcurl's own calls mean to an attached handle:
 *   curl_easy_reset      takes every hook off and keeps live connections.  The
 *                        attachment has ended: the next transfer is *not*
 *                        attested, and enclave_client_curl_result() says so.
 *                        enclave_client_curl_rearm() attaches again, and gates
 *                        what is pooled.
 *   curl_easy_duphandle  copies the hooks, which belong to the first handle:
 *                        transfers of the copy are refused.  Attach the copy,
 *                        or reset it, before the first is detached.
 *   shares and pools     connections that this client's gate did not judge are
 *                        refused; TLS sessions are never resumed.  A plain handle can
 *                        still use a connection that an attached one opened:
 *                        its requests are its own business.
 *   proxies              work as ever.  An HTTPS proxy's own TLS gets ordinary
 *                        verification; one without a server name (an address)
 *                        is refused.
 *   other protocols      https is the only one left allowed, in redirects too
 *                        (CURLOPT_PROTOCOLS_STR and its kin; detaching leaves
 *                        it so): some send a password before any hook runs.
 *   HTTP/2               a refused transfer leaves its connection in the pool:
 *                        set CURLOPT_FRESH_CONNECT for the next try, as
 *                        enclave_client_curl_perform() does.
 *   uploads              are judged with their request; the read callback asks
 *                        enclave_client_curl_check() for each piece.
 *   DNS over HTTPS       does not work: its handles are copies, and refused.
 *
 * Do not set CURLOPT_SSL_CTX_FUNCTION or CURLOPT_PREREQFUNCTION on an attached
 * handle; give the callbacks to enclave_client_curl_attach().
 */
#ifndef ENCLAVE_CLIENT_CURL_H
#define ENCLAVE_CLIENT_CURL_H

#include <curl/curl.h>
#include <enclave_client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An attachment to one easy handle (confined, with the handle). */
struct enclave_client_curl;

/* The caller's own callbacks; each may be NULL.  Called first; ours decide
 * last.  A certificate verify callback set in ssl_ctx is replaced. */
struct enclave_client_curl_hooks {
	curl_ssl_ctx_callback ssl_ctx;
	void *ssl_ctx_data;
	curl_prereq_callback prereq;
	void *prereq_data;
};

/*
 * Gates every transfer of handle: its URL's origin must be one of the client's
 * enclaves and the connection's key attested for it.  Certificates are verified
 * by libcurl's own store (CURLOPT_CAINFO and its kin mean what they mean),
 * always: switched off by CURLOPT_SSL_VERIFYPEER libcurl loads no store, and
 * every certificate is refused.  hooks: copied, NULL for none.  One attachment a
 * handle: USAGE while this client has one on it (also after curl_easy_reset();
 * detach before curl_easy_cleanup()); another client's can't be seen, and must
 * not be there.
 * UNSUPPORTED where libcurl does not take the hooks.  *ret_attachment is new;
 * it must live until the handle's last transfer has ended.  The client must
 * outlive it.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_curl_attach(struct enclave_client *client, CURL *handle,
    const struct enclave_client_curl_hooks *hooks,
    struct enclave_client_curl **ret_attachment,
    struct enclave_client_error *error);
/* After curl_easy_reset(): sets the hooks again. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_curl_rearm(
    struct enclave_client_curl *attachment, struct enclave_client_error *error);
/* Takes the hooks off and frees; before curl_easy_cleanup().  NULL is taken. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_curl_detach(
    struct enclave_client_curl *attachment);

/*
 * How the transfer went that ended with code: OK only when libcurl succeeded
 * *and* the gate passed it.  The gate's reason comes before libcurl's.  To be
 * called once after each transfer.  KEY_NOT_ATTESTED when the gate did not run.
 * After a refused key call enclave_client_attest(), which fetches its evidence
 * now, or offer the evidence, and try again.  The poller fetches as well, but
 * enclave_client_wait() does not wait for it while another key is live.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_curl_result(struct enclave_client_curl *attachment,
    CURLcode code, struct enclave_client_error *error);
/*
 * Sets the hooks again, runs curl_easy_perform() and gives its result as
 * enclave_client_curl_result() does; after a refusal the next call uses a
 * fresh connection.  So does this one, where a pooled connection's key counts
 * no longer, another is live, and nothing was sent.  CURLOPT_FRESH_CONNECT is
 * 0 afterwards.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_curl_perform(
    struct enclave_client_curl *attachment, struct enclave_client_error *error);
/*
 * May more of the running transfer's body be sent now?  A request is judged
 * before its first byte; its body comes from the caller's own read callback,
 * which asks this and answers CURL_READFUNC_ABORT to a refusal.  The reason is
 * also what enclave_client_curl_result() gives in the end.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_curl_check(
    struct enclave_client_curl *attachment, struct enclave_client_error *error);
/*
 * The evidence that the last transfer was sent under, new; NULL when the gate
 * did not pass it or memory is short.
 */
ENCLAVE_CLIENT_PUBLIC struct enclave_client_document *
enclave_client_curl_document(const struct enclave_client_curl *attachment);

/*
 * A request of this library's on an easy handle for the caller's own multi
 * handle (confined).
 *
 *   enclave_client_prepare(client, name, request, &transfer, error);
 *   do {
 *           curl_multi_add_handle(multi, enclave_client_transfer_handle(t));
 *           ... until its CURLMSG_DONE ...
 *           curl_multi_remove_handle(multi, ...);
 *           status = enclave_client_transfer_done(t, code, &again, &response,
 *               error);
 *   } while (!status && again);
 *
 * Learning adds rounds: the evidence GET goes over a connection that is never
 * pooled.  Set no option on the handle but CURLOPT_PRIVATE.
 */
struct enclave_client_transfer;

/* *ret_transfer is new; it keeps what it needs of the request. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_prepare(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_transfer **ret_transfer,
    struct enclave_client_error *error);
/* Borrowed until the transfer is freed. */
ENCLAVE_CLIENT_PUBLIC CURL *enclave_client_transfer_handle(
    struct enclave_client_transfer *transfer);
/*
 * After the handle's transfer ended with code and was removed from the multi
 * handle.  OK with *ret_again true: add it again.  OK with false: *ret_response
 * is the whole answer, new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_transfer_done(struct enclave_client_transfer *transfer,
    CURLcode code, bool *ret_again,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);
/* Remove its handle from the multi handle first: that also cancels. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_transfer_free(
    struct enclave_client_transfer *transfer);

#ifdef __cplusplus
}
#endif

#endif
