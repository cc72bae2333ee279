#include "client/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

/* RFC 9110 5.6.2: tchar. */
static bool
is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++) {
		char c = *text;
		bool alphanumeric = (c >= '0' && c <= '9') ||
				    (c >= 'A' && c <= 'Z') ||
				    (c >= 'a' && c <= 'z');
		if (!alphanumeric && !strchr(others, c))
			return false;
	}
	return true;
}

/* CR and LF would split the request; other controls have no business there. */
static bool
has_control(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') ||
		    *text == 0x7f)
			return true;
	return false;
}

bool
request_text_allowed(const char *text)
{
	return !has_control(text);
}

void
request_keep_error(
    struct enclave_client_request *request, const char *what, const char *which)
{
	if (request->first_error.status)
		return;
	(void)error_set(&request->first_error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE, "%s%s%s", what, *which ? ": " : "",
	    which);
}

void
request_keep_memory_error(struct enclave_client_request *request)
{
	if (!request->first_error.status)
		(void)error_memory(&request->first_error);
}

static void
check_target(struct enclave_client_request *request)
{
	const char *target = request->target;

	if (has_control(target) || strchr(target, ' '))
		request_keep_error(request,
		    "the target holds a space or a control character", "");
	else if (target[0] != '/' && strncasecmp(target, "https://", 8) != 0)
		request_keep_error(request,
		    "the target is neither a path that begins with / nor an "
		    "https URL",
		    target);
	else if (strlen(target) > URL_MAX_BYTES * 8)
		request_keep_error(
		    request, "the target is longer than 16384 bytes", "");
}

enum enclave_client_status
enclave_client_request_new(const char *method, const char *target,
    struct enclave_client_request **ret_request)
{
	struct enclave_client_request *request;

	if (!method || !target || !ret_request)
		return ENCLAVE_CLIENT_ERR_USAGE;
	request = calloc(1, sizeof(*request));
	if (!request)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	atomic_init(&request->refs, 1);
	request->method = strdup(method);
	request->target = strdup(target);
	request->waker = waker_new();
	request->timeout_ms = REQUEST_TIMEOUT_MS_DEFAULT;
	request->connect_timeout_ms = CONNECT_TIMEOUT_MS_DEFAULT;
	request->body_max_bytes = RESPONSE_BODY_MAX_BYTES_DEFAULT;
	if (!request->method || !request->target || !request->waker) {
		enclave_client_request_free(request);
		return ENCLAVE_CLIENT_ERR_MEMORY;
	}
	if (!is_token(method))
		request_keep_error(
		    request, "the method is not a token", method);
	check_target(request);
	*ret_request = request;
	return ENCLAVE_CLIENT_OK;
}

struct enclave_client_request *
request_ref(struct enclave_client_request *request)
{
	(void)atomic_fetch_add(&request->refs, 1);
	return request;
}

void
enclave_client_request_free(struct enclave_client_request *request)
{
	if (!request || atomic_fetch_sub(&request->refs, 1) != 1)
		return;
	waker_unref(request->waker);
	curl_slist_free_all(request->headers);
	request_options_clear(&request->options);
	request_parts_clear(&request->parts);
	free(request->method);
	free(request->target);
	url_kept_clear(&request->url);
	request_body_unref(request->body);
	free(request);
}

/* libcurl's notation: "Name: value", "Name;" for empty, "Name:" to leave out. */
static char *
header_line(const char *name, const char *value)
{
	char *line = NULL;
	int len;

	if (!value)
		len = asprintf(&line, "%s:", name);
	else if (!*value)
		len = asprintf(&line, "%s;", name);
	else
		len = asprintf(&line, "%s: %s", name, value);
	return len < 0 ? NULL : line;
}

void
enclave_client_request_add_header(
    struct enclave_client_request *request, const char *name, const char *value)
{
	struct curl_slist *grown = NULL;
	char *line;

	if (!request)
		return;
	if (!name || !is_token(name)) {
		request_keep_error(request, "the header's name is not a token",
		    name ? name : "");
		return;
	}
	if (value && has_control(value)) {
		request_keep_error(request,
		    "the header's value holds a control character", name);
		return;
	}
	if (request->header_count >= REQUEST_HEADERS_MAX) {
		request_keep_error(request, "more than 256 headers", "");
		return;
	}
	line = header_line(name, value);
	if (line)
		grown = curl_slist_append(request->headers, line);
	free(line);
	if (!grown) {
		request_keep_memory_error(request);
		return;
	}
	request->headers = grown;
	request->header_count++;
	if (!strcasecmp(name, "Content-Type"))
		request->content_type = true;
}

struct request_body *
request_body_ref(struct request_body *body)
{
	if (body)
		(void)atomic_fetch_add(&body->refs, 1);
	return body;
}

void
request_body_unref(struct request_body *body)
{
	if (body && atomic_fetch_sub(&body->refs, 1) == 1)
		free(body);
}

/* NULL when memory is short. */
static struct request_body *
copy_body(const void *data, size_t len)
{
	struct request_body *body = NULL;

	if (len <= SIZE_MAX - sizeof(*body))
		body = malloc(sizeof(*body) + len);
	if (!body)
		return NULL;
	atomic_init(&body->refs, 1);
	body->len = len;
	if (len)
		memcpy(body->data, data, len);
	return body;
}

void
enclave_client_request_set_body(
    struct enclave_client_request *request, const void *data, size_t len)
{
	struct request_body *copy;

	if (!request)
		return;
	if (!data && len) {
		request_keep_error(
		    request, "the body has a length and no data", "");
		return;
	}
	copy = copy_body(data, len);
	if (!copy) {
		request_keep_memory_error(request);
		return;
	}
	request_body_unref(request->body);
	request->body = copy;
	request->callback = (struct enclave_client_body){0};
}

void
enclave_client_request_set_body_callback(struct enclave_client_request *request,
    const struct enclave_client_body *body)
{
	if (!request)
		return;
	if (!body || !body->read || body->len < -1) {
		request_keep_error(request,
		    "the body callback lacks a read function or its length is "
		    "below -1",
		    "");
		return;
	}
	request_body_unref(request->body);
	request->body = NULL;
	request->callback = *body;
}

static void
set_timeout(struct enclave_client_request *request, int64_t *timeout_ms,
    int64_t value_ms)
{
	/* A month: past that a caller means milliseconds of something else. */
	if (value_ms < 0 || value_ms > INT64_C(2678400000)) {
		request_keep_error(request,
		    "the timeout is not between 0 and 2678400000 ms", "");
		return;
	}
	*timeout_ms = value_ms;
}

void
enclave_client_request_set_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms)
{
	if (request)
		set_timeout(request, &request->timeout_ms, timeout_ms);
}

void
enclave_client_request_set_connect_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms)
{
	if (request)
		set_timeout(request, &request->connect_timeout_ms, timeout_ms);
}

void
enclave_client_request_set_body_max_bytes(
    struct enclave_client_request *request, size_t max_bytes)
{
	if (request)
		request->body_max_bytes = max_bytes;
}

void
enclave_client_request_set_redirects_max(
    struct enclave_client_request *request, unsigned int max)
{
	if (!request)
		return;
	if (max > REDIRECTS_MAX) {
		request_keep_error(request, "more than 10 redirects", "");
		return;
	}
	request->redirects_max = max;
}

void
enclave_client_request_set_trace(struct enclave_client_request *request,
    enclave_client_trace_callback callback, void *context)
{
	if (!request)
		return;
	request->trace = callback;
	request->trace_context = context;
}

void
enclave_client_request_cancel(struct enclave_client_request *request)
{
	if (request)
		waker_cancel(request->waker);
}

void
request_trace(
    const struct enclave_client_request *request, const char *format, ...)
{
	char line[ERROR_MESSAGE_MAX_BYTES];
	va_list arguments;
	int len;

	if (!request || !request->trace)
		return;
	va_start(arguments, format);
	len = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		len = sizeof(line) - 1;
	request->trace(ENCLAVE_CLIENT_TRACE_ATTESTATION, line, (size_t)len,
	    request->trace_context);
}
