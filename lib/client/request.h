/* A request as its setters left it. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include <curl/curl.h>

#include "base/error.h"
#include "client/waker.h"

struct enclave_client_request {
	/* The caller's, and a streaming response's. */
	atomic_uint refs;
	struct enclave_client_error first_error;
	char *method;
	char *target;
	struct curl_slist *headers; /* in libcurl's notation */
	size_t header_count;
	bool content_type; /* the caller set one */
	/* Body: from memory (owned) or from a callback. */
	bool has_body;
	uint8_t *data;
	size_t len;
	struct enclave_client_body callback; /* read NULL: from memory */
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	size_t body_max_bytes;
	unsigned int redirects_max;
	enclave_client_trace_callback trace;
	void *trace_context;
	struct waker *waker;
};

struct enclave_client_request *request_ref(
    struct enclave_client_request *request);

/* One line of this library's own to the trace, where there is one. */
void request_trace(const struct enclave_client_request *request,
    const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
