#include "evidence.h"

#include "answer.h"
#include "encoding.h"
#include "fatal.h"
#include "relay.h"

#include <stdlib.h>
#include <string.h>

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

void
evidence_answer(struct enclave *enclave, struct evhttp_request *request)
{
	char *body;

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
