/* A request as its setters left it. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include <curl/curl.h>

#include "base/error.h"
#include "client/request_options.h"
#include "client/request_parts.h"
#include "client/url.h"
#include "client/waker.h"

/* Counted and never changed: a transfer goes on sending what it began, even
 * where its request has been given another body. */
struct request_body {
	atomic_uint refs;
	size_t len;
	uint8_t data[];
};

struct enclave_client_request {
	/* The caller's, and a streaming response's. */
	atomic_uint refs;
	struct enclave_client_error first_error;
	char *method;
	char *target;
	struct url_kept url;        /* target's; the blocking verbs' */
	struct curl_slist *headers; /* in libcurl's notation */
	size_t header_count;
	bool content_type; /* the caller set one */
	/* Body: from memory (owned reference) or from a callback. */
	struct request_body *body;
	struct enclave_client_body callback; /* read NULL: from memory */
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	size_t body_max_bytes;
	unsigned int redirects_max;
	struct request_options options;
	struct request_parts parts;
	enclave_client_trace_callback trace;
	void *trace_context;
	struct waker *waker;
};

struct enclave_client_request *request_ref(
    struct enclave_client_request *request);

struct request_body *request_body_ref(struct request_body *body);
void request_body_unref(struct request_body *body);

/* For setters in other files: the first error stays, and what a header or a
 * like text may hold. */
void request_keep_error(struct enclave_client_request *request,
    const char *what, const char *which);
void request_keep_memory_error(struct enclave_client_request *request);
bool request_text_allowed(const char *text);

/* One line of this library's own to the trace, where there is one. */
void request_trace(const struct enclave_client_request *request,
    const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
