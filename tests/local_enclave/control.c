#include "control.h"

#include "answer.h"
#include "connection.h"
#include "evidence.h"
#include "fatal.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
send_json(struct evhttp_request *request, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	must(text != NULL);
	answer_header(request, "Content-Type", "application/json");
	answer_now(request, 200, text);
	cJSON_free(text);
	cJSON_Delete(json);
}

static void
get_behaviour(struct enclave *enclave, struct evhttp_request *request)
{
	send_json(request, behaviour_json(&enclave->behaviour));
}

static void
put_behaviour(struct enclave *enclave, struct evhttp_request *request)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(body);
	const char *text = (const char *)evbuffer_pullup(body, -1);
	cJSON *settings = cJSON_ParseWithLength(text, len);
	char *problem = enclave_set_behaviour(enclave, settings);

	cJSON_Delete(settings);
	if (problem != NULL) {
		answer_now(request, 400, problem);
		free(problem);
		return;
	}
	get_behaviour(enclave, request);
}

static void
get_log(struct enclave *enclave, struct evhttp_request *request)
{
	struct evbuffer *body = evbuffer_new();
	int file = open(enclave->log_path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	must(body != NULL && file >= 0 && fstat(file, &status) == 0);
	/* The buffer closes the file. */
	must(evbuffer_add_file(body, file, 0, status.st_size) == 0);
	answer_header(request, "Content-Type", "application/jsonl");
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

static void
delete_log(struct enclave *enclave, struct evhttp_request *request)
{
	must(ftruncate(enclave->log, 0) == 0);
	answer_now(request, 200, "{}");
}

static void
rotate_key(struct enclave *enclave, struct evhttp_request *request)
{
	cJSON *json = cJSON_CreateObject();
	char *hex;

	enclave_rotate_key(enclave);
	hex = enclave_spki_sha256(enclave);
	must(json != NULL);
	must(cJSON_AddStringToObject(json, "spki_sha256", hex) != NULL);
	free(hex);
	send_json(request, json);
}

static void
renegotiate(struct enclave *enclave, struct evhttp_request *request)
{
	cJSON *json = cJSON_CreateObject();
	size_t asked = connections_renegotiate(enclave);

	must(json != NULL);
	must(cJSON_AddNumberToObject(json, "asked", (double)asked) != NULL);
	send_json(request, json);
}

static void
stop(struct enclave *enclave, struct evhttp_request *request)
{
	static const struct timeval soon = {.tv_usec = 20000};

	answer_now(request, 200, "{}");
	must(event_base_loopexit(enclave->base, &soon) == 0);
}

static const struct {
	enum evhttp_cmd_type method;
	const char *path;
	void (*answer)(struct enclave *, struct evhttp_request *);
} verbs[] = {
    {EVHTTP_REQ_GET, "/behaviour", get_behaviour},
    {EVHTTP_REQ_PUT, "/behaviour", put_behaviour},
    {EVHTTP_REQ_GET, "/log", get_log},
    {EVHTTP_REQ_DELETE, "/log", delete_log},
    {EVHTTP_REQ_POST, "/rotate-key", rotate_key},
    {EVHTTP_REQ_POST, "/renegotiate", renegotiate},
    {EVHTTP_REQ_POST, "/stop", stop},
};

void
control_answer(struct evhttp_request *request, void *enclave)
{
	const char *path = evhttp_request_get_uri(request);
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (evhttp_request_get_command(request) == verbs[i].method &&
		    strcmp(path, verbs[i].path) == 0) {
			verbs[i].answer(enclave, request);
			return;
		}
	}
	/* Oyster's evidence comes over plain http. */
	if (strncmp(path, "/attestation/", 13) == 0 && evidence_path(path)) {
		evidence_answer(enclave, request);
		return;
	}
	answer_now(request, 404, "no such verb");
}
