#include "fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

/* What a peer says about itself is shown up to here. */
#define SHOWN_MAX_BYTES 300

void
fetch_init(struct fetch *fetch, struct gate_attachment *attachment)
{
	*fetch = (struct fetch){.attachment = attachment};
	buffer_init(
	    &fetch->body, (size_t)attachment->enclave->timing.body_max_bytes);
}

/* What an earlier transfer left; the attachment and the cap stay. */
static void
forget_transfer(struct fetch *fetch)
{
	buffer_clear(&fetch->body);
	free(fetch->url);
	fetch->url = NULL;
	fetch->nonce.len = 0;
	fetch->easy = NULL;
	fetch->headers_bytes = 0;
	fetch->body_too_large = false;
	fetch->headers_too_large = false;
	fetch->out_of_memory = false;
	fetch->status_refused = false;
	fetch->curl_error[0] = '\0';
}

void
fetch_clear(struct fetch *fetch)
{
	forget_transfer(fetch);
	fetch->attachment = NULL;
}

static long
response_status(CURL *easy)
{
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/*
 * Nothing of an answer with another status is read: an error page may be
 * endless, or slow.
 */
static size_t
write_body(char *data, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;
	const struct profile *profile = fetch->attachment->enclave->profile;
	struct bytes piece = {(const uint8_t *)data, size * count};

	if (response_status(fetch->easy) != profile->accepted_status) {
		fetch->status_refused = true;
		return CURL_WRITEFUNC_ERROR;
	}
	switch (buffer_append(&fetch->body, piece)) {
	case ENCLAVE_CLIENT_OK:
		return piece.len;
	case ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE:
		fetch->body_too_large = true;
		return CURL_WRITEFUNC_ERROR;
	default:
		fetch->out_of_memory = true;
		return CURL_WRITEFUNC_ERROR;
	}
}

/* libcurl keeps every header it receives, and bounds only the single line. */
static size_t
count_headers(char *data, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;
	size_t len = size * count;

	(void)data;
	if (len > RESPONSE_HEADERS_MAX_BYTES - fetch->headers_bytes) {
		fetch->headers_too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	fetch->headers_bytes += len;
	return len;
}

/*
 * Options of the GET itself, with those that are libcurl's defaults after a
 * reset, so that a change there can't add anything to it.
 */
static const struct {
	CURLoption option;
	long value;
} request_options[] = {
    {CURLOPT_HTTPGET, 1},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_SSL_SESSIONID_CACHE, 0},
};

/* A handle's own cookies survive curl_easy_reset(). */
static CURLcode
forget_cookies(CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_COOKIELIST, "ALL");

	/* libcurl without cookies sends none. */
	if (code == CURLE_UNKNOWN_OPTION || code == CURLE_NOT_BUILT_IN)
		return CURLE_OK;
	return code;
}

static CURLcode
set_request(CURL *easy, const struct fetch *fetch)
{
	size_t count = sizeof(request_options) / sizeof(request_options[0]);
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
	bool plain_http = fetch->attachment->enclave->profile->plain_http;

	for (size_t i = 0; !code && i < count; i++)
		code = curl_easy_setopt(
		    easy, request_options[i].option, request_options[i].value);
	/* The URL, which the gate compares, says which of them it is. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
		    plain_http ? "http,https" : "https");
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_USERAGENT, NULL);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	/* A share could bring cookies, connections and sessions. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
	if (!code)
		code = forget_cookies(easy);
	return code;
}

static CURLcode
set_limits(struct fetch *fetch, CURL *easy, int64_t timeout_ms)
{
	CURLcode code =
	    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);

	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
	/* Refuses a larger Content-Length before the first byte of it. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
		    (curl_off_t)fetch->body.max);
	if (!code)
		code =
		    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_HEADERFUNCTION, count_headers);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_ERRORBUFFER, fetch->curl_error);
	return code;
}

static enum enclave_client_status
set_options(struct fetch *fetch, CURL *easy, int64_t timeout_ms,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	CURLcode code = set_request(easy, fetch);

	if (!code)
		code = set_limits(fetch, easy, timeout_ms);
	if (!code)
		return ENCLAVE_CLIENT_OK;
	if (code == CURLE_OUT_OF_MEMORY)
		return error_memory(error);
	status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_FETCH, "libcurl refuses an option: %s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

/* A nonce of its own for each GET. */
static enum enclave_client_status
ask(struct fetch *fetch, struct enclave_client_error *error)
{
	const struct enclave *enclave = fetch->attachment->enclave;
	enum enclave_client_status status =
	    nonce_make(enclave->profile, &fetch->nonce, error);

	if (status)
		return status;
	fetch->url =
	    nonce_url(enclave->profile, enclave->evidence_url, &fetch->nonce);
	if (!fetch->url)
		return error_memory(error);
	fetch->attachment->evidence_url = fetch->url;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
fetch_prepare(struct fetch *fetch, const struct transport *transport,
    CURL *easy, int64_t timeout_ms, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	forget_transfer(fetch);
	gate_attachment_begin(fetch->attachment, GATE_EVIDENCE);
	status = ask(fetch, error);
	if (!status)
		status = transport_prepare(
		    transport, fetch->attachment, easy, error);
	if (!status)
		status = set_options(fetch, easy, timeout_ms, error);
	if (status) {
		error_set_enclave(error, fetch->attachment->enclave->name);
		return status;
	}
	fetch->easy = easy;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
with_http_status(enum enclave_client_status status, CURL *easy,
    struct enclave_client_error *error)
{
	error_set_foreign(
	    error, ENCLAVE_CLIENT_FOREIGN_HTTP, response_status(easy));
	return status;
}

static enum enclave_client_status
refuse_redirect(CURL *easy, long status, struct enclave_client_error *error)
{
	char *url = NULL;
	char *shown = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &url);
	if (url)
		shown = bytes_escape(bytes_from_string(url), SHOWN_MAX_BYTES);
	(void)error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	    ENCLAVE_CLIENT_STEP_FETCH,
	    "evidence endpoint answered %ld, a redirect to %s; redirects are "
	    "not followed",
	    status, shown ? shown : "nowhere");
	free(shown);
	return ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED;
}

static enum enclave_client_status
refuse_status(
    CURL *easy, long accepted_status, struct enclave_client_error *error)
{
	long status = response_status(easy);

	if (status >= 300 && status < 400)
		return refuse_redirect(easy, status, error);
	return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	    ENCLAVE_CLIENT_STEP_FETCH,
	    "evidence endpoint answered %ld, expected %ld", status,
	    accepted_status);
}

/*
 * An answer that stops in the middle is a partial one, however its connection
 * ended: libcurl 8.14 tells of the missing close_notify, 7.88 of the length.
 */
static CURLcode
cut_short(CURL *easy, CURLcode code)
{
	return code == CURLE_RECV_ERROR && response_status(easy)
		   ? CURLE_PARTIAL_FILE
		   : code;
}

static enum enclave_client_status
refuse_transfer(const struct fetch *fetch, CURL *easy, CURLcode code,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	code = cut_short(easy, code);
	status = transport_failure(
	    fetch->attachment, easy, code, fetch->curl_error, error);

	if (error && error->step == ENCLAVE_CLIENT_STEP_NONE)
		error->step = ENCLAVE_CLIENT_STEP_FETCH;
	return status;
}

/* In the order in which the answer came: headers, status, body. */
static enum enclave_client_status
check_answer(const struct fetch *fetch, CURL *easy, bool body_too_large,
    struct enclave_client_error *error)
{
	const struct profile *profile = fetch->attachment->enclave->profile;

	if (fetch->headers_too_large)
		return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "evidence endpoint sent more than %d bytes of headers",
		    RESPONSE_HEADERS_MAX_BYTES);
	if (response_status(easy) != profile->accepted_status)
		return refuse_status(easy, profile->accepted_status, error);
	if (body_too_large)
		return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "evidence endpoint sent more than body_max_bytes (%zu)",
		    fetch->body.max);
	if (fetch->body.len == 0)
		return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "evidence endpoint sent an empty body");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_transfer(const struct fetch *fetch, CURL *easy, CURLcode code,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	bool body_too_large =
	    fetch->body_too_large || code == CURLE_FILESIZE_EXCEEDED;

	if (fetch->out_of_memory)
		return error_memory(error);
	if (code && !body_too_large && !fetch->headers_too_large &&
	    !fetch->status_refused)
		return refuse_transfer(fetch, easy, code, error);
	/* Without the gate's second half nobody looked at who answered. */
	if (!code && !fetch->attachment->ran)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "libcurl answered without asking the gate");
	status = check_answer(fetch, easy, body_too_large, error);
	if (status)
		return with_http_status(status, easy, error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
fetch_finish(struct fetch *fetch, CURL *easy, CURLcode code,
    struct bytes *ret_body, struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    check_transfer(fetch, easy, code, error);

	if (status) {
		error_set_enclave(error, fetch->attachment->enclave->name);
		return status;
	}
	*ret_body = buffer_bytes(&fetch->body);
	return ENCLAVE_CLIENT_OK;
}
