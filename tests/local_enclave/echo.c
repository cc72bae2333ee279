#include "echo.h"

#include "answer.h"
#include "encoding.h"
#include "fatal.h"
#include "truth_log.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_BODY_BYTES_MAX = 64 * 1024 };

static const char *
method_name(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "OTHER";
	}
}

static void
add_headers(cJSON *echo, struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	cJSON *object = cJSON_AddObjectToObject(echo, "headers");
	struct evkeyval *header;

	must(object != NULL);
	for (header = headers->tqh_first; header != NULL;
	     header = header->next.tqe_next) {
		char *name = must_copy_text(header->key);

		make_lower_case(name);
		truth_add_header(object, name, header->value);
		free(name);
	}
}

static void
add_body(cJSON *echo, struct evhttp_request *request)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(body);
	const uint8_t *data = evbuffer_pullup(body, -1);
	char *hex = sha256_hex(data, len);

	must(cJSON_AddNumberToObject(echo, "body_length", (double)len) != NULL);
	must(cJSON_AddStringToObject(echo, "body_sha256", hex) != NULL);
	free(hex);
	if (len == 0 || (len <= ECHO_BODY_BYTES_MAX && is_utf8(data, len) &&
			    memchr(data, 0, len) == NULL))
		truth_add_bytes(echo, "body", data, len);
	else
		must(cJSON_AddNullToObject(echo, "body") != NULL);
}

/* New text. */
static char *
echo_of(struct evhttp_request *request)
{
	cJSON *echo = cJSON_CreateObject();
	const char *path = evhttp_request_get_uri(request);
	char *text;

	must(echo != NULL);
	must(cJSON_AddStringToObject(echo, "method", method_name(request)) !=
	     NULL);
	truth_add_bytes(echo, "path", (const uint8_t *)path, strlen(path));
	add_headers(echo, request);
	add_body(echo, request);
	text = cJSON_PrintUnformatted(echo);
	must(text != NULL);
	cJSON_Delete(echo);
	return text;
}

static void
redirect(struct evhttp_request *request, int status)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = evhttp_uri_get_query(uri);
	struct evkeyvalq parameters;
	const char *target;

	if (evhttp_parse_query_str(query != NULL ? query : "", &parameters) !=
	    0) {
		answer_now(request, 400, "");
		return;
	}
	target = evhttp_find_header(&parameters, "to");
	answer_header(request, "Location", target != NULL ? target : "/");
	evhttp_clear_headers(&parameters);
	answer_now(request, status, "");
}

static void
send_events(struct evhttp_request *request)
{
	static const char events[] = "data: event 1\n\ndata: event 2\n\n"
				     "data: event 3\n\ndata: event 4\n\n"
				     "data: event 5\n\n";

	evhttp_remove_header(
	    evhttp_request_get_output_headers(request), "Content-Type");
	answer_header(request, "Content-Type", "text/event-stream");
	answer_drip(request, events, (sizeof(events) - 1) / 5, 100, false);
}

/* Whether path is prefix followed by a number. */
static bool
has_number(const char *path, const char *prefix, uint64_t *ret_number)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 &&
	       number_decode(path + len, ret_number);
}

/* Returns whether the path was one of those that take a number. */
static bool
answer_numbered(
    struct evhttp_request *request, const char *path, const char *text)
{
	uint64_t number;

	if (has_number(path, "/status/", &number) && number >= 200 &&
	    number <= 999)
		answer_now(request, (int)number, text);
	else if (has_number(path, "/delay/", &number) && number <= INT32_MAX)
		answer_after(request, (int64_t)number, text);
	else if (has_number(path, "/bytes/", &number))
		answer_stream(request, "", number, false);
	else if (has_number(path, "/length/", &number))
		answer_stream(request, "", number, true);
	else
		return false;
	return true;
}

void
echo_answer(struct evhttp_request *request)
{
	const char *path =
	    evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	char *text = echo_of(request);

	answer_header(request, "Content-Type", "application/json");
	if (path == NULL)
		path = "/";
	if (strcmp(path, "/redirect") == 0)
		redirect(request, 302);
	else if (strcmp(path, "/redirect-307") == 0)
		redirect(request, 307);
	else if (strcmp(path, "/sse") == 0)
		send_events(request);
	else if (strcmp(path, "/cut") == 0)
		answer_cut(request, text);
	else if (strcmp(path, "/never") == 0)
		answer_never(request);
	else if (strcmp(path, "/close") == 0) {
		answer_header(request, "Connection", "close");
		answer_now(request, 200, text);
	} else if (!answer_numbered(request, path, text))
		answer_now(request, 200, text);
	free(text);
}
