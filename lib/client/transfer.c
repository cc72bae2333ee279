#include "client/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cookies.h"
#include "client/url.h"

/* RFC 9110, 15.5.18; libcurl sends the request again, without its Expect. */
#define HTTP_EXPECTATION_FAILED 417

/* What libcurl's callbacks are given outlives each of its transfers. */
static struct transfer *
transfer_of(void *argument)
{
	const struct handle *handle = argument;

	return handle->transfer;
}

/*
 * Not a 1xx, and not an answer that libcurl goes on from.  A 417 that is the
 * answer after all ends with its body, or with the transfer.
 */
static bool
is_final_block(const struct transfer *transfer)
{
	CURL *easy = transfer->handle->easy;
	struct curl_header *location = NULL;
	long status = 0;

	if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) ||
	    status < 200 || status == HTTP_EXPECTATION_FAILED)
		return false;
	return !transfer->request->redirects_max || status < 300 ||
	       status >= 400 ||
	       curl_easy_header(easy, "Location", 0, CURLH_HEADER, -1,
		   &location) != CURLHE_OK;
}

static bool
is_status_line(const char *data, size_t len)
{
	return len >= 5 && !memcmp(data, "HTTP/", 5);
}

/* Header blocks as they come, line by line. */
static size_t
take_header(char *data, size_t size, size_t count, void *argument)
{
	struct transfer *transfer = transfer_of(argument);
	struct enclave_client_response *response = transfer->response;
	size_t len = size * count;
	bool blank = len <= 2 && (data[0] == '\r' || data[0] == '\n');

	/* Trailers: what was given out as the header text stays as it was, and
	 * those of an answer that libcurl goes on from are nobody's. */
	if (response->headers_done ||
	    (response->block_over && !is_status_line(data, len)))
		return len;
	if (response->block_over)
		response->block_at = response->header_text.len;
	response->block_over = blank;
	transfer->failure = buffer_append(
	    &response->header_text, (struct bytes){(const uint8_t *)data, len});
	if (transfer->failure)
		return CURL_WRITEFUNC_ERROR;
	if (blank)
		response->headers_done = is_final_block(transfer);
	return len;
}

static size_t
take_body(char *data, size_t size, size_t count, void *argument)
{
	struct transfer *transfer = transfer_of(argument);
	struct enclave_client_response *response = transfer->response;
	size_t len = size * count;

	if (!gate_download_allowed(&transfer->handle->gate)) {
		transfer->failure = transfer->handle->gate.error.status;
		return CURL_WRITEFUNC_ERROR;
	}
	response->headers_done = true;
	if (response->streaming && response->body.len > 0) {
		/* Back-pressure: libcurl gives the same bytes again. */
		response->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	transfer->failure = buffer_append(
	    &response->body, (struct bytes){(const uint8_t *)data, len});
	if (transfer->failure)
		return CURL_WRITEFUNC_ERROR;
	response->body_ready = true;
	return len;
}

static size_t
read_memory(struct transfer *transfer, char *buffer, size_t size)
{
	const struct request_body *body = transfer->body;
	size_t left = body ? body->len - transfer->body_sent : 0;
	size_t len = left < size ? left : size;

	if (len)
		memcpy(buffer, body->data + transfer->body_sent, len);
	transfer->body_sent += len;
	return len;
}

static bool
upload_stopped(struct transfer *transfer)
{
	if (gate_upload_allowed(&transfer->handle->gate))
		return false;
	transfer->failure = transfer->handle->gate.error.status;
	return true;
}

/* The gate is asked before each piece leaves (rule 10). */
static size_t
give_body(char *buffer, size_t size, size_t count, void *argument)
{
	struct transfer *transfer = transfer_of(argument);
	const struct enclave_client_body *callback = &transfer->callback;
	size_t room = size * count;
	int64_t len;

	if (upload_stopped(transfer))
		return CURL_READFUNC_ABORT;
	if (!callback->read)
		return read_memory(transfer, buffer, room);
	len = callback->read(buffer, room, callback->context);
	if (len < 0 || (uint64_t)len > room) {
		transfer->failure = ENCLAVE_CLIENT_ERR_BODY_CALLBACK;
		return CURL_READFUNC_ABORT;
	}
	/* And after it: the callback may have taken its time. */
	if (upload_stopped(transfer))
		return CURL_READFUNC_ABORT;
	transfer->body_sent += (size_t)len;
	return (size_t)len;
}

bool
transfer_rewind(struct transfer *transfer)
{
	const struct enclave_client_body *body = &transfer->callback;

	if (!request_parts_rewind(
		&transfer->request->parts, transfer->parts_begun))
		return false;
	if (transfer->body_sent == 0)
		return true;
	if (body->read && (!body->rewind || !body->rewind(body->context)))
		return false;
	transfer->body_sent = 0;
	return true;
}

static int
seek_body(void *argument, curl_off_t offset, int origin)
{
	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	return transfer_rewind(transfer_of(argument)) ? CURL_SEEKFUNC_OK
						      : CURL_SEEKFUNC_FAIL;
}

static int
show_trace(
    CURL *easy, curl_infotype type, char *data, size_t len, void *argument)
{
	const struct transfer *transfer = transfer_of(argument);
	enum enclave_client_trace_kind kind;

	(void)easy;
	switch (type) {
	case CURLINFO_TEXT:
		kind = ENCLAVE_CLIENT_TRACE_TEXT;
		break;
	case CURLINFO_HEADER_IN:
		kind = ENCLAVE_CLIENT_TRACE_HEADER_IN;
		break;
	case CURLINFO_HEADER_OUT:
		kind = ENCLAVE_CLIENT_TRACE_HEADER_OUT;
		break;
	default:
		return 0;
	}
	transfer->trace(kind, data, len, transfer->trace_context);
	return 0;
}

static bool
url_allowed(struct transfer *transfer)
{
	if (gate_url_allowed(&transfer->handle->gate))
		return true;
	transfer->failure = transfer->handle->gate.error.status;
	return false;
}

/*
 * Called before each name is looked up: a redirect can put what the answer
 * holds into a name, and whoever runs that domain's servers reads the question.
 */
static int
start_resolver(void *state, void *reserved, void *argument)
{
	(void)state;
	(void)reserved;
	return url_allowed(transfer_of(argument)) ? 0 : 1;
}

/*
 * Called before each connect, a redirect's too: not even a TCP connection goes
 * to another origin.
 */
static curl_socket_t
open_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = transfer_of(argument);

	(void)purpose;
	if (transfer->connections_spent) {
		transfer->failure = error_set(&transfer->handle->gate.error,
		    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "nothing was sent: the connection whose key was learned "
		    "was not kept, and %d were made for this request",
		    LEARNING_CONNECTIONS_MAX);
		return CURL_SOCKET_BAD;
	}
	if (!url_allowed(transfer))
		return CURL_SOCKET_BAD;
	return sockets_open(transfer->sockets, address);
}

#define SET(option, value)                                                     \
	do {                                                                   \
		CURLcode set_code = curl_easy_setopt(easy, option, value);     \
		if (set_code)                                                  \
			return set_code;                                       \
	} while (0)

static CURLcode
set_upload(struct transfer *transfer, CURL *easy)
{
	const struct enclave_client_request *request = transfer->request;
	curl_off_t len = transfer->body ? (curl_off_t)transfer->body->len
					: (curl_off_t)transfer->callback.len;

	/*
	 * CURLOPT_UPLOAD sends "Expect: 100-continue" with the smallest body,
	 * and waits a second for a server that does not know it.
	 */
	if (request->options.expect_continue) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, len);
		if (strcmp(request->method, "PUT") != 0)
			SET(CURLOPT_CUSTOMREQUEST, request->method);
		return CURLE_OK;
	}
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, len);
	if (strcmp(request->method, "POST") != 0 ||
	    request->options.keep_method)
		SET(CURLOPT_CUSTOMREQUEST, request->method);
	return CURLE_OK;
}

static bool
part_allowed(void *argument)
{
	struct transfer *transfer = argument;

	if (gate_upload_allowed(&transfer->handle->gate))
		return true;
	transfer->failure = transfer->handle->gate.error.status;
	return false;
}

static void
part_failed(void *argument)
{
	struct transfer *transfer = argument;

	transfer->failure = ENCLAVE_CLIENT_ERR_BODY_CALLBACK;
}

static CURLcode
set_parts(struct transfer *transfer, CURL *easy)
{
	const struct enclave_client_request *request = transfer->request;
	const struct parts_gate gate = {
	    .allowed = part_allowed,
	    .failed = part_failed,
	    .context = transfer,
	};
	CURLcode code;

	if (!transfer->parts_begun)
		transfer->parts_begun = calloc(REQUEST_PARTS_MAX, sizeof(bool));
	if (!transfer->parts_begun)
		return CURLE_OUT_OF_MEMORY;
	code = request_parts_mime(&request->parts, &gate, easy,
	    transfer->parts_begun, &transfer->mime);
	if (!code && (strcmp(request->method, "POST") != 0 ||
			 request->options.keep_method))
		code = curl_easy_setopt(
		    easy, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static CURLcode
set_method(struct transfer *transfer, CURL *easy)
{
	const struct enclave_client_request *request = transfer->request;

	if (request->parts.count)
		return set_parts(transfer, easy);
	if (transfer->body || transfer->callback.read)
		return set_upload(transfer, easy);
	if (!strcmp(request->method, "HEAD")) {
		SET(CURLOPT_NOBODY, 1L);
		return CURLE_OK;
	}
	if (!strcmp(request->method, "POST")) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
		SET(CURLOPT_POSTFIELDS, "");
		return CURLE_OK;
	}
	SET(CURLOPT_HTTPGET, 1L);
	if (strcmp(request->method, "GET") != 0)
		SET(CURLOPT_CUSTOMREQUEST, request->method);
	return CURLE_OK;
}

/*
 * The caller's headers, and two of libcurl's own that a library should not
 * invent: a form's content type, and, where the length is not known, the
 * encoding that HTTP/1.1 then needs.
 */
static CURLcode
set_headers(struct transfer *transfer, CURL *easy)
{
	const struct enclave_client_request *request = transfer->request;
	bool post = !request->options.expect_continue &&
		    (transfer->body || transfer->callback.read ||
			!strcmp(request->method, "POST"));
	struct curl_slist *grown;

	for (const struct curl_slist *header = request->headers; header;
	     header = header->next) {
		grown = curl_slist_append(transfer->headers, header->data);
		if (!grown)
			return CURLE_OUT_OF_MEMORY;
		transfer->headers = grown;
	}
	if (post && !request->content_type && !request->options.form &&
	    !request->parts.count) {
		grown = curl_slist_append(transfer->headers, "Content-Type:");
		if (!grown)
			return CURLE_OUT_OF_MEMORY;
		transfer->headers = grown;
	}
	if (post && transfer->callback.read && transfer->callback.len < 0) {
		grown = curl_slist_append(
		    transfer->headers, "Transfer-Encoding: chunked");
		if (!grown)
			return CURLE_OUT_OF_MEMORY;
		transfer->headers = grown;
	}
	/* None is what the handle has. */
	if (transfer->headers)
		SET(CURLOPT_HTTPHEADER, transfer->headers);
	return CURLE_OK;
}

CURLcode
transfer_watch_sockets(struct handle *handle)
{
	CURL *easy = handle->easy;

	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, handle);
	SET(CURLOPT_RESOLVER_START_FUNCTION, start_resolver);
	SET(CURLOPT_RESOLVER_START_DATA, handle);
	return CURLE_OK;
}

/* What is the same for every request of a client on this handle. */
static CURLcode
set_standing(struct handle *handle, const struct transport *transport)
{
	CURL *easy = handle->easy;
	CURLcode code;

	if (transport->user_agent)
		SET(CURLOPT_USERAGENT, transport->user_agent);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, handle);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, handle);
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, handle);
	SET(CURLOPT_SEEKFUNCTION, seek_body);
	SET(CURLOPT_SEEKDATA, handle);
	SET(CURLOPT_ERRORBUFFER, handle->curl_error);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	code = transfer_watch_sockets(handle);
	if (!code)
		code = transport_show_identity(transport, easy);
	return code;
}

static CURLcode
set_trace(const struct transfer *transfer, CURL *easy)
{
	if (!transfer->trace)
		return CURLE_OK;
	SET(CURLOPT_DEBUGFUNCTION, show_trace);
	SET(CURLOPT_DEBUGDATA, transfer->handle);
	SET(CURLOPT_VERBOSE, 1L);
	return CURLE_OK;
}

static CURLcode
set_request(struct transfer *transfer, const char *url, int64_t timeout_ms)
{
	const struct enclave_client_request *request = transfer->request;
	CURL *easy = transfer->handle->easy;
	CURLcode code;

	SET(CURLOPT_URL, url);
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	if (request->redirects_max) {
		SET(CURLOPT_FOLLOWLOCATION, 1L);
		SET(CURLOPT_MAXREDIRS, (long)request->redirects_max);
	}
	code = set_method(transfer, easy);
	if (!code)
		code = request_options_apply(&request->options, easy);
	if (!code)
		code = set_headers(transfer, easy);
	if (!code)
		code = set_trace(transfer, easy);
	return code;
}

/*
 * A GET without a body or a POST with one, that asks for nothing but headers:
 * whatever it sets in libcurl every request sets as well, so that the handle
 * needs no reset after it.
 */
static bool
is_plain(const struct transfer *transfer)
{
	const struct enclave_client_request *request = transfer->request;
	bool body = transfer->body || transfer->callback.read;

	return !strcmp(request->method, body ? "POST" : "GET") &&
	       !request->redirects_max && !request->parts.count &&
	       !transfer->trace && request_options_none(&request->options);
}

static void
take_from_request(struct transfer *transfer)
{
	const struct enclave_client_request *request = transfer->request;

	if (transfer->taken)
		return;
	transfer->taken = true;
	transfer->body = request_body_ref(request->body);
	transfer->callback = request->callback;
	transfer->trace = request->trace;
	transfer->trace_context = request->trace_context;
}

/* Once the handle has let go of those of an earlier try. */
static void
take_cookies(struct transfer *transfer)
{
	cookies_ref(transfer->request->options.cookies);
	cookies_unref(transfer->cookies);
	transfer->cookies = transfer->request->options.cookies;
}

static void
forget_try(struct transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	curl_mime_free(transfer->mime);
	transfer->mime = NULL;
	transfer->failure = ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
refused_option(CURLcode code, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (code == CURLE_OUT_OF_MEMORY)
		return error_memory(error);
	status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "libcurl refuses an option of the request: %s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

/* Without a trace of whatever the handle did before. */
static enum enclave_client_status
set_anew(struct handle *handle, const struct transport *transport,
    struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    transport_prepare(transport, &handle->gate, handle->easy, error);
	CURLcode code;

	if (status)
		return status;
	code = set_standing(handle, transport);
	return code ? refused_option(code, error) : ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
transfer_prepare(struct transfer *transfer, const struct transport *transport,
    int64_t timeout_ms, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct handle *handle = transfer->handle;
	bool ready = handle->ready;
	const char *url = NULL;
	CURLcode code;

	handle->ready = false;
	handle->transfer = transfer;
	forget_try(transfer);
	take_from_request(transfer);
	handle->curl_error[0] = '\0';
	gate_attachment_begin(&handle->gate, GATE_REQUEST);
	status = url_kept_for(transfer->url, handle->gate.enclave,
	    transfer->request->target, &url, error);
	if (status)
		return status;
	/* libcurl reads CURLOPT_RESOLVE once it was set; entries may age. */
	transfer->plain = is_plain(transfer) && !transport->resolve;
	if (!ready)
		status = set_anew(handle, transport, error);
	if (status)
		return status;
	take_cookies(transfer);
	code = set_request(transfer, url, timeout_ms);
	return code ? refused_option(code, error) : ENCLAVE_CLIENT_OK;
}

void
transfer_leave(struct transfer *transfer)
{
	struct handle *handle = transfer->handle;
	CURL *easy = handle->easy;
	int64_t connects =
	    transfer->response->info[ENCLAVE_CLIENT_INFO_NUM_CONNECTS];

	/* Where a kept connection had died libcurl has tried another: it counts
	 * that over all transfers until a reset, and gives up at the sixth. */
	handle->ready = transfer->plain && !connects &&
			!curl_easy_setopt(easy, CURLOPT_URL, NULL) &&
			(!transfer->headers ||
			    !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL));
}

void
transfer_clear(struct transfer *transfer)
{
	forget_try(transfer);
	request_body_unref(transfer->body);
	cookies_unref(transfer->cookies);
	free(transfer->parts_begun);
	transfer->parts_begun = NULL;
	transfer->body = NULL;
	transfer->cookies = NULL;
	transfer->taken = false;
}

enum enclave_client_status
transfer_failure(const struct transfer *transfer, CURLcode code,
    struct enclave_client_error *error)
{
	struct handle *handle = transfer->handle;

	if (!handle->gate.error.status) {
		switch (transfer->failure) {
		case ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE:
			(void)error_set(error, transfer->failure,
			    ENCLAVE_CLIENT_STEP_NONE,
			    "the answer is larger than the cap of %zu bytes",
			    transfer->request->body_max_bytes);
			goto named;
		case ENCLAVE_CLIENT_ERR_BODY_CALLBACK:
			(void)error_set(error, transfer->failure,
			    ENCLAVE_CLIENT_STEP_NONE,
			    "the request's body callback failed");
			goto named;
		case ENCLAVE_CLIENT_ERR_MEMORY:
			(void)error_memory(error);
			goto named;
		default:
			break;
		}
	}
	return transport_failure(
	    &handle->gate, handle->easy, code, handle->curl_error, error);
named:
	error_set_enclave(error, handle->gate.enclave->name);
	return transfer->failure;
}
