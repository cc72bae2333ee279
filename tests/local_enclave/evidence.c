#include "evidence.h"

#include "answer.h"
#include "encoding.h"
#include "fatal.h"
#include "relay.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

/* nitriding's, Oyster's two, and those of services that end in a nonce. */
static const char nitriding_path[] = "/enclave/attestation";
static const char raw_path[] = "/attestation/raw";
static const char hex_path[] = "/attestation/hex";
static const char nonce_path[] = "/attestation/by-nonce/";
/* OpenSecret's: a UUID follows. */
static const char uuid_path[] = "/attestation/";
#define UUID_TEXT_BYTES 36

static const uint64_t huge_body_bytes = 1000000000;

/* New text: the body around the document, or around something else. */
static char *
evidence_body(struct enclave *enclave)
{
	size_t len;
	const uint8_t *document;
	char *base64;
	char *body;

	switch (enclave->behaviour.mode) {
	case EVIDENCE_EMPTY:
		return must_copy_text("");
	case EVIDENCE_NOT_JSON:
		return must_copy_text("<html><body>Welcome</body></html>");
	case EVIDENCE_MISSING_MEMBER:
		return must_copy_text("{\"attestation\":\"hEShATgioFkQ\"}");
	case EVIDENCE_BAD_BASE64:
		return must_copy_text(
		    "{\"attestation_doc\":\"!hEShATgioFkQ\"}");
	case EVIDENCE_HUGE:
		return must_copy_text("{\"attestation_doc\":\"");
	default:
		break;
	}
	document = enclave_document(enclave, &len);
	base64 = base64_encode(document, len);
	body = must_format("{\"attestation_doc\":\"%s\"}", base64);
	free(base64);
	return body;
}

static void
send_body(
    struct enclave *enclave, struct evhttp_request *request, const char *body)
{
	const struct behaviour *behaviour = &enclave->behaviour;

	switch (behaviour->mode) {
	case EVIDENCE_HUGE:
		answer_stream(request, body, huge_body_bytes, false);
		break;
	case EVIDENCE_SLOW:
		answer_drip(request, body, 1, behaviour->interval_ms, true);
		break;
	case EVIDENCE_NEVER:
		answer_never(request);
		break;
	case EVIDENCE_STATUS:
		answer_now(request, behaviour->mode_status,
		    "{\"message\":\"no evidence\"}");
		break;
	case EVIDENCE_REDIRECT:
		answer_header(request, "Location", behaviour->redirect_to);
		answer_now(request, 302, "");
		break;
	case EVIDENCE_CUT:
		answer_cut(request, body);
		break;
	case EVIDENCE_CLOSE:
		answer_header(request, "Connection", "close");
		answer_now(request, behaviour->evidence_status, body);
		break;
	default:
		answer_now(request, behaviour->evidence_status, body);
		break;
	}
}

/* The UUID that ends the path, or NULL. */
static const char *
asked_uuid(const char *path)
{
	const char *uuid = path + strlen(uuid_path);

	if (strncmp(path, uuid_path, strlen(uuid_path)) != 0 ||
	    strspn(uuid, "0123456789abcdef-") != UUID_TEXT_BYTES ||
	    uuid[UUID_TEXT_BYTES] != '\0')
		return NULL;
	return uuid;
}

bool
evidence_path(const char *path)
{
	return strcmp(path, EVIDENCE_PATH) == 0 ||
	       strcmp(path, nitriding_path) == 0 ||
	       strcmp(path, raw_path) == 0 || strcmp(path, hex_path) == 0 ||
	       strncmp(path, nonce_path, strlen(nonce_path)) == 0 ||
	       asked_uuid(path) != NULL;
}

static void
send_bytes(struct evhttp_request *request, const void *data, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	must(body != NULL && evbuffer_add(body, data, len) == 0);
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

/* The query is one parameter: 20 bytes as hexadecimal, or 400. */
static void
answer_nitriding(struct enclave *enclave, struct evhttp_request *request)
{
	const char *query =
	    evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	uint8_t nonce[20];
	size_t len = 0;
	const uint8_t *document;
	char *base64;
	char *body;

	if (query == NULL || strncmp(query, "nonce=", 6) != 0 ||
	    !hex_decode(query + 6, nonce, sizeof(nonce), &len) ||
	    len != sizeof(nonce)) {
		answer_now(request, 400, "nonce wanted\n");
		return;
	}
	enclave_ask(enclave, nonce, len);
	document = enclave_document(enclave, &len);
	base64 = base64_encode(document, len);
	body = must_format("%s\n", base64);
	answer_now(request, 200, body);
	free(body);
	free(base64);
}

/* {"attestation_document": base64}, which repeats the UUID in ASCII. */
static void
answer_opensecret(
    struct enclave *enclave, struct evhttp_request *request, const char *uuid)
{
	size_t len;
	const uint8_t *document;
	char *base64;
	char *body;

	enclave_ask(enclave, (const uint8_t *)uuid, UUID_TEXT_BYTES);
	document = enclave_document(enclave, &len);
	base64 = base64_encode(document, len);
	body = must_format("{\"attestation_document\":\"%s\"}", base64);
	answer_now(request, 200, body);
	free(body);
	free(base64);
}

/* The document alone, in one of the forms without anything around it. */
static bool
answer_plainly(
    struct enclave *enclave, struct evhttp_request *request, const char *path)
{
	size_t len;
	const uint8_t *document;
	char *hex;

	if (strcmp(path, nitriding_path) == 0) {
		answer_nitriding(enclave, request);
		return true;
	}
	if (asked_uuid(path) != NULL) {
		answer_opensecret(enclave, request, asked_uuid(path));
		return true;
	}
	if (strncmp(path, nonce_path, strlen(nonce_path)) == 0) {
		const char *asked = path + strlen(nonce_path);

		if (strlen(asked) > ASKED_BYTES_MAX) {
			answer_now(request, 400, "nonce too long\n");
			return true;
		}
		enclave_ask(enclave, (const uint8_t *)asked, strlen(asked));
	} else if (strcmp(path, raw_path) != 0 && strcmp(path, hex_path) != 0) {
		return false;
	}
	document = enclave_document(enclave, &len);
	if (strcmp(path, hex_path) != 0) {
		send_bytes(request, document, len);
		return true;
	}
	hex = hex_encode(document, len);
	send_bytes(request, hex, strlen(hex));
	free(hex);
	return true;
}

void
evidence_answer(struct enclave *enclave, struct evhttp_request *request)
{
	const char *path =
	    evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	char *body;

	if (answer_plainly(enclave, request, path))
		return;
	answer_header(request, "Content-Type", "application/json");
	if (enclave->options->relay != NULL &&
	    enclave->behaviour.mode == EVIDENCE_GOOD)
		body = relay_fetch(enclave->options->relay, EVIDENCE_PATH);
	else
		body = evidence_body(enclave);
	if (body == NULL) {
		answer_now(request, 502, "{\"message\":\"nothing to relay\"}");
		return;
	}
	send_body(enclave, request, body);
	free(body);
}
