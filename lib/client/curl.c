/* enclave_client_curl.h: handles that callers own. */
#include <enclave_client_curl.h>
#include <stdlib.h>

#include "client/lookup.h"

struct enclave_client_curl {
	struct enclave_client *client; /* owned reference */
	CURL *easy;
	struct gate_attachment gate;
	bool refused; /* the last transfer: the next wants a new connection */
	struct enclave_client_curl *next; /* of the client's */
};

/*
 * A handle has one place for each hook: a second attachment would take it from
 * the first, and detaching either would leave the handle with none.  libcurl
 * does not say what stands there, so the client keeps a list.
 */
static bool
enlist(struct enclave_client_curl *attachment)
{
	struct enclave_client *client = attachment->client;
	struct enclave_client_curl *other;

	(void)pthread_mutex_lock(&client->mutex);
	for (other = client->attachments;
	     other && other->easy != attachment->easy; other = other->next)
		;
	if (!other) {
		attachment->next = client->attachments;
		client->attachments = attachment;
	}
	(void)pthread_mutex_unlock(&client->mutex);
	return !other;
}

static void
strike_off(struct enclave_client_curl *attachment)
{
	struct enclave_client *client = attachment->client;
	struct enclave_client_curl **link = &client->attachments;

	(void)pthread_mutex_lock(&client->mutex);
	while (*link && *link != attachment)
		link = &(*link)->next;
	if (*link)
		*link = attachment->next;
	(void)pthread_mutex_unlock(&client->mutex);
}

static struct gate_callers_hooks
copy_hooks(const struct enclave_client_curl_hooks *hooks)
{
	if (!hooks)
		return (struct gate_callers_hooks){0};
	return (struct gate_callers_hooks){
	    .ssl_ctx = hooks->ssl_ctx,
	    .ssl_ctx_data = hooks->ssl_ctx_data,
	    .prereq = hooks->prereq,
	    .prereq_data = hooks->prereq_data,
	};
}

enum enclave_client_status
enclave_client_curl_attach(struct enclave_client *client, CURL *handle,
    const struct enclave_client_curl_hooks *hooks,
    struct enclave_client_curl **ret_attachment,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct enclave_client_curl *attachment;
	struct gate_callers_hooks callers = copy_hooks(hooks);

	if (!client || !handle || !ret_attachment)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, an easy handle and a place for the attachment "
		    "are needed");
	status = client_enter(client, error);
	if (status)
		return status;
	attachment = calloc(1, sizeof(*attachment));
	if (!attachment)
		return error_memory(error);
	attachment->easy = handle;
	attachment->client = client;
	if (!enlist(attachment)) {
		free(attachment);
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the handle is attached already: detach that attachment "
		    "first, or rearm it after curl_easy_reset");
	}
	gate_attachment_init_curl(&attachment->gate, &client->gate, &callers);
	status = gate_attach(&attachment->gate, handle, error);
	if (status) {
		strike_off(attachment);
		gate_attachment_clear(&attachment->gate);
		free(attachment);
		return status;
	}
	client_ref(client);
	*ret_attachment = attachment;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_curl_rearm(
    struct enclave_client_curl *attachment, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!attachment)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "no attachment");
	status = client_enter(attachment->client, error);
	if (status)
		return status;
	gate_attachment_begin(&attachment->gate, GATE_REQUEST);
	return gate_attach(&attachment->gate, attachment->easy, error);
}

void
enclave_client_curl_detach(struct enclave_client_curl *attachment)
{
	if (!attachment || !client_enter_to_end(attachment->client))
		return;
	strike_off(attachment);
	gate_detach(attachment->easy);
	gate_attachment_clear(&attachment->gate);
	client_unref(attachment->client);
	free(attachment);
}

static enum enclave_client_status
failed(CURLcode code, struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    code == CURLE_OPERATION_TIMEDOUT ? ENCLAVE_CLIENT_ERR_TIMEOUT
	    : code == CURLE_OUT_OF_MEMORY    ? ENCLAVE_CLIENT_ERR_MEMORY
					     : ENCLAVE_CLIENT_ERR_NETWORK;

	(void)error_set(error, status, ENCLAVE_CLIENT_STEP_NONE, "%s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

/* https is all that libcurl was left. */
static enum enclave_client_status
refuse_protocol(const struct enclave_client_curl *attachment,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	long redirects = 0;

	(void)curl_easy_getinfo(
	    attachment->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	status = error_set(error,
	    redirects ? ENCLAVE_CLIENT_ERR_REDIRECT
		      : ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "only https is attested; nothing was sent");
	error_set_foreign(
	    error, ENCLAVE_CLIENT_FOREIGN_CURL, CURLE_UNSUPPORTED_PROTOCOL);
	return status;
}

/*
 * For each request that libcurl sent: a callback of the caller's could have
 * taken the hooks off before a redirect's.
 */
static bool
every_request_passed(const struct enclave_client_curl *attachment)
{
	const struct gate_attachment *gate = &attachment->gate;
	long redirects = 0;

	return gate->ran &&
	       !curl_easy_getinfo(
		   attachment->easy, CURLINFO_REDIRECT_COUNT, &redirects) &&
	       gate->passed > (unsigned long)redirects;
}

static enum enclave_client_status
judge_transfer(const struct enclave_client_curl *attachment, CURLcode code,
    bool passed, struct enclave_client_error *error)
{
	const struct gate_attachment *gate = &attachment->gate;

	if (gate->error.status) {
		error_copy(error, &gate->error);
		return gate->error.status;
	}
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return refuse_protocol(attachment, error);
	if (code)
		return failed(code, error);
	if (!passed)
		return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the gate did not run: the transfer was not attested "
		    "(curl_easy_reset ends an attachment)");
	error_reset(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_curl_result(struct enclave_client_curl *attachment,
    CURLcode code, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	bool passed;

	if (!attachment)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "no attachment");
	passed = every_request_passed(attachment);
	status = judge_transfer(attachment, code, passed, error);
	if (status && attachment->gate.enclave)
		error_set_enclave(error, attachment->gate.enclave->name);
	attachment->refused = attachment->gate.error.status != 0;
	if (!passed)
		cache_hit_clear(&attachment->gate.hit);
	/* The next transfer must show that the gate ran for it. */
	attachment->gate.ran = false;
	attachment->gate.passed = 0;
	error_reset(&attachment->gate.error);
	return status;
}

/* On HTTP/2 a refused connection stays in the pool and would be matched
 * again. */
static CURLcode
perform_on_new_connection(CURL *easy)
{
	CURLcode code;

	(void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	code = curl_easy_perform(easy);
	(void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
	return code;
}

/*
 * The key of a pooled connection counts no longer, nothing was sent on it, and
 * another key is live.  On HTTP/2 the oldest connection is matched first, again
 * and again.
 */
static bool
met_spent_connection(const struct enclave_client_curl *attachment)
{
	const struct gate_attachment *gate = &attachment->gate;
	struct moment now = clock_now(attachment->client->clock);
	long connects = 1;

	return gate->key_refused && gate->passed == 0 &&
	       !curl_easy_getinfo(
		   attachment->easy, CURLINFO_NUM_CONNECTS, &connects) &&
	       connects == 0 && cache_live_keys(gate->slot, now, NULL, NULL);
}

enum enclave_client_status
enclave_client_curl_perform(
    struct enclave_client_curl *attachment, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	bool fresh;
	CURLcode code;

	if (!attachment)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "no attachment");
	fresh = attachment->refused;
	status = enclave_client_curl_rearm(attachment, error);
	if (status)
		return status;
	code = fresh ? perform_on_new_connection(attachment->easy)
		     : curl_easy_perform(attachment->easy);
	if (!fresh && met_spent_connection(attachment)) {
		status = enclave_client_curl_rearm(attachment, error);
		if (status)
			return status;
		code = perform_on_new_connection(attachment->easy);
	}
	return enclave_client_curl_result(attachment, code, error);
}

/* What was refused stays refused: the result tells it when all is over. */
static enum enclave_client_status
check_body(struct enclave_client_curl *attachment)
{
	struct gate_attachment *gate = &attachment->gate;

	if (gate->error.status)
		return gate->error.status;
	if (atomic_load(&attachment->client->stopped))
		return error_set(&gate->error, ENCLAVE_CLIENT_ERR_CANCELLED,
		    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
	if (gate_upload_allowed(gate))
		return ENCLAVE_CLIENT_OK;
	if (gate->error.status)
		return gate->error.status;
	return error_set(&gate->error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "the gate has passed no request of this transfer");
}

enum enclave_client_status
enclave_client_curl_check(
    struct enclave_client_curl *attachment, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!attachment)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "no attachment");
	status = client_enter(attachment->client, error);
	if (status)
		return status;
	status = check_body(attachment);
	if (!status) {
		error_clear(error);
		return ENCLAVE_CLIENT_OK;
	}
	error_copy(error, &attachment->gate.error);
	if (attachment->gate.enclave)
		error_set_enclave(error, attachment->gate.enclave->name);
	return status;
}

struct enclave_client_document *
enclave_client_curl_document(const struct enclave_client_curl *attachment)
{
	if (!attachment || !attachment->gate.hit.claims ||
	    client_enter(attachment->client, NULL))
		return NULL;
	return lookup_document(
	    attachment->client, attachment->gate.slot, &attachment->gate.hit);
}
