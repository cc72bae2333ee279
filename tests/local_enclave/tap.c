#include "tap.h"

#include "encoding.h"
#include "fatal.h"
#include "truth_log.h"

#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES_MAX = 256 * 1024,
	BODY_SHOWN_BYTES = 4096,
	/* Of one request that arrives in pieces. */
	TOLD_BYTES_MAX = 64 * 1024,
	/* From then on only progress is logged, at steps of this size. */
	PROGRESS_BYTES = 1024 * 1024,
};

#define EVIDENCE_PATH "/.well-known/attestation"

void
tap_open(struct tap *tap, int log, uint64_t connection_id)
{
	memset(tap, 0, sizeof(*tap));
	tap->log = log;
	tap->connection_id = connection_id;
	tap->line = evbuffer_new();
	tap->body = evbuffer_new();
	tap->digest = EVP_MD_CTX_new();
	must(tap->line != NULL && tap->body != NULL && tap->digest != NULL);
	must(EVP_DigestInit_ex(tap->digest, EVP_sha256(), NULL));
}

static cJSON *
tap_event(const struct tap *tap, const char *name)
{
	cJSON *event = truth_event(name);

	must(cJSON_AddNumberToObject(
		 event, "connection", (double)tap->connection_id) != NULL);
	return event;
}

/* New text: the line without its end, which the caller frees. */
static char *
take_line(struct tap *tap)
{
	size_t len = evbuffer_get_length(tap->line);
	char *line = must_alloc(len + 1);

	must(evbuffer_remove(tap->line, line, len) == (int)len);
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	return line;
}

static void
begin_request(struct tap *tap, char *line)
{
	char *target = strchr(line, ' ');
	char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

	tap->requests++;
	tap->request = cJSON_CreateObject();
	must(tap->request != NULL);
	if (version != NULL)
		*version++ = '\0';
	if (target != NULL)
		*target++ = '\0';
	truth_add_bytes(
	    tap->request, "method", (const uint8_t *)line, strlen(line));
	if (target == NULL)
		target = strchr(line, '\0');
	truth_add_bytes(
	    tap->request, "path", (const uint8_t *)target, strlen(target));
	if (version == NULL)
		version = strchr(line, '\0');
	truth_add_bytes(
	    tap->request, "version", (const uint8_t *)version, strlen(version));
	must(cJSON_AddObjectToObject(tap->request, "headers") != NULL);
}

/* What tells where the request ends. */
static void
take_framing(struct tap *tap, const char *name, const char *value)
{
	const char *end;

	if (strcmp(name, "content-length") == 0 &&
	    !number_read(value, 10, &tap->left_bytes, &end))
		tap->left_bytes = 0;
	if (strcmp(name, "transfer-encoding") == 0)
		tap->chunked = true;
}

static void
take_header(struct tap *tap, char *line)
{
	cJSON *headers =
	    cJSON_GetObjectItemCaseSensitive(tap->request, "headers");
	char *value = strchr(line, ':');

	if (value == NULL) {
		truth_add_header(headers, "", line);
		return;
	}
	*value++ = '\0';
	while (*value == ' ' || *value == '\t')
		value++;
	make_lower_case(line);
	truth_add_header(headers, line, value);
	take_framing(tap, line, value);
}

static void
add_request(const struct tap *tap, cJSON *event)
{
	cJSON *member;

	must(cJSON_AddNumberToObject(event, "number", (double)tap->requests) !=
	     NULL);
	cJSON_ArrayForEach(member, tap->request)
	{
		cJSON *copy = cJSON_Duplicate(member, true);

		must(copy != NULL);
		must(cJSON_AddItemToObject(event, member->string, copy));
	}
}

static void
add_body(struct tap *tap, cJSON *event)
{
	uint8_t digest[32];
	char *hex;
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	must(copy != NULL && EVP_MD_CTX_copy_ex(copy, tap->digest));
	must(EVP_DigestFinal_ex(copy, digest, NULL));
	EVP_MD_CTX_free(copy);
	hex = hex_encode(digest, sizeof(digest));
	must(cJSON_AddNumberToObject(
		 event, "body_length", (double)tap->body_bytes) != NULL);
	must(cJSON_AddStringToObject(event, "body_sha256", hex) != NULL);
	free(hex);
	truth_add_bytes(event, "body", evbuffer_pullup(tap->body, -1),
	    evbuffer_get_length(tap->body));
}

static bool
is_evidence(const struct tap *tap)
{
	const char *path = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(tap->request, "path"));
	size_t len = strlen(EVIDENCE_PATH);

	return strncmp(path, EVIDENCE_PATH, len) == 0 &&
	       (path[len] == '\0' || path[len] == '?');
}

/* Logs the whole request and waits for the next one. */
static void
end_request(struct tap *tap)
{
	cJSON *event =
	    tap_event(tap, is_evidence(tap) ? "evidence" : "request");

	add_request(tap, event);
	add_body(tap, event);
	truth_log_write(tap->log, event);
	cJSON_Delete(tap->request);
	tap->request = NULL;
	tap->chunked = false;
	tap->left_bytes = 0;
	tap->body_bytes = 0;
	tap->told_bytes = 0;
	tap->untold_bytes = 0;
	evbuffer_drain(tap->body, evbuffer_get_length(tap->body));
	must(EVP_DigestInit_ex(tap->digest, EVP_sha256(), NULL));
	tap->state = TAP_HEAD;
}

static void
end_head(struct tap *tap)
{
	cJSON *event = tap_event(tap, "request_started");

	add_request(tap, event);
	truth_log_write(tap->log, event);
	if (tap->chunked)
		tap->state = TAP_CHUNK_SIZE;
	else if (tap->left_bytes > 0)
		tap->state = TAP_BODY;
	else
		end_request(tap);
}

static void
take_chunk_size(struct tap *tap, const char *line)
{
	const char *end;

	if (!number_read(line, 16, &tap->left_bytes, &end))
		tap->state = TAP_OPAQUE;
	else
		tap->state = tap->left_bytes > 0 ? TAP_CHUNK_DATA : TAP_TRAILER;
}

static void
end_line(struct tap *tap)
{
	char *line = take_line(tap);

	switch (tap->state) {
	case TAP_HEAD:
		if (tap->request == NULL && *line != '\0')
			begin_request(tap, line);
		else if (tap->request != NULL && *line != '\0')
			take_header(tap, line);
		else if (tap->request != NULL)
			end_head(tap);
		break;
	case TAP_CHUNK_SIZE:
		take_chunk_size(tap, line);
		break;
	case TAP_CHUNK_END:
		tap->state = TAP_CHUNK_SIZE;
		break;
	case TAP_TRAILER:
		if (*line != '\0')
			take_header(tap, line);
		else
			end_request(tap);
		break;
	default:
		break;
	}
	free(line);
}

/* Returns how many bytes the body took. */
static size_t
take_body(struct tap *tap, const uint8_t *data, size_t len)
{
	size_t taken = len < tap->left_bytes ? len : (size_t)tap->left_bytes;
	size_t shown = evbuffer_get_length(tap->body);
	size_t room = BODY_SHOWN_BYTES - shown;

	must(evbuffer_add(tap->body, data, taken < room ? taken : room) == 0);
	must(EVP_DigestUpdate(tap->digest, data, taken));
	tap->body_bytes += taken;
	tap->left_bytes -= taken;
	if (tap->left_bytes == 0 && tap->state == TAP_BODY)
		end_request(tap);
	else if (tap->left_bytes == 0)
		tap->state = TAP_CHUNK_END;
	return taken;
}

/* Returns how many bytes the line took, its end included. */
static size_t
take_line_part(struct tap *tap, const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	size_t taken = end != NULL ? (size_t)(end - data) : len;

	must(evbuffer_add(tap->line, data, taken) == 0);
	if (end == NULL) {
		if (evbuffer_get_length(tap->line) > LINE_BYTES_MAX)
			tap->state = TAP_OPAQUE;
		return taken;
	}
	end_line(tap);
	return taken + 1;
}

static bool
between_requests(const struct tap *tap)
{
	return tap->state == TAP_HEAD && tap->request == NULL &&
	       evbuffer_get_length(tap->line) == 0;
}

/* Logs what came of a request that is not whole yet. */
static void
tell_part(struct tap *tap, const uint8_t *data, size_t len)
{
	cJSON *event;
	bool with_text = tap->told_bytes < TOLD_BYTES_MAX;

	tap->told_bytes += len;
	tap->untold_bytes += len;
	if (!with_text && tap->untold_bytes < PROGRESS_BYTES)
		return;
	event = tap_event(tap, "received");
	must(cJSON_AddNumberToObject(
		 event, "bytes", (double)tap->untold_bytes) != NULL);
	must(cJSON_AddNumberToObject(
		 event, "received_bytes", (double)tap->received_bytes) != NULL);
	if (with_text)
		truth_add_bytes(event, "text", data, len);
	truth_log_write(tap->log, event);
	tap->untold_bytes = 0;
}

void
tap_feed(struct tap *tap, const uint8_t *data, size_t len)
{
	size_t at = 0;

	tap->received_bytes += len;
	while (at < len) {
		switch (tap->state) {
		case TAP_BODY:
		case TAP_CHUNK_DATA:
			at += take_body(tap, data + at, len - at);
			break;
		case TAP_OPAQUE:
			at = len;
			break;
		default:
			at += take_line_part(tap, data + at, len - at);
			break;
		}
	}
	if (!between_requests(tap))
		tell_part(tap, data, len);
}

void
tap_close(struct tap *tap)
{
	cJSON *event = tap_event(tap, "closed");

	must(cJSON_AddNumberToObject(
		 event, "received_bytes", (double)tap->received_bytes) != NULL);
	must(cJSON_AddNumberToObject(
		 event, "requests", (double)tap->requests) != NULL);
	must(cJSON_AddBoolToObject(
		 event, "unfinished", !between_requests(tap)) != NULL);
	if (tap->request != NULL) {
		add_request(tap, event);
		add_body(tap, event);
	}
	truth_add_bytes(event, "unfinished_line",
	    evbuffer_pullup(tap->line, -1), evbuffer_get_length(tap->line));
	truth_log_write(tap->log, event);
	cJSON_Delete(tap->request);
	evbuffer_free(tap->line);
	evbuffer_free(tap->body);
	EVP_MD_CTX_free(tap->digest);
}
