#include "poller/poll.h"

static enum enclave_client_status
check_option(CURLcode code, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!code)
		return ENCLAVE_CLIENT_OK;
	status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_FETCH, "libcurl refuses an option: %s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

/*
 * A new connection for each poll, and a new name lookup: it samples the
 * replicas behind a name, and nothing of it stays open or cached till the next
 * one, minutes later.
 */
static enum enclave_client_status
set_connection(struct poll *poll, struct enclave_client_error *error)
{
	CURLcode code = curl_easy_setopt(poll->easy, CURLOPT_PRIVATE, poll);

	if (!code)
		code = curl_easy_setopt(poll->easy, CURLOPT_FRESH_CONNECT, 1L);
	if (!code)
		code = curl_easy_setopt(poll->easy, CURLOPT_FORBID_REUSE, 1L);
	if (!code)
		code =
		    curl_easy_setopt(poll->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	return check_option(code, error);
}

enum enclave_client_status
poll_begin(struct poll *poll, const struct poller_options *options,
    struct cache_slot *slot, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	/* The policy's generation before anything that is matched under it. */
	poll->slot = cache_slot_ref(slot);
	poll->enclave = cache_slot_enclave(slot, &poll->policy_generation);
	if (!poll->easy)
		poll->easy = curl_easy_init();
	if (!poll->easy)
		return error_memory(error);
	status =
	    gate_attachment_init(&poll->attachment, options->gate, slot, error);
	if (status)
		return status;
	fetch_init(&poll->fetch, &poll->attachment);
	status = fetch_prepare(&poll->fetch, options->transport, poll->easy,
	    poll->enclave->timing.fetch_timeout_ms, error);
	if (status)
		return status;
	return set_connection(poll, error);
}

enum enclave_client_status
poll_receive(
    struct poll *poll, CURLcode code, struct enclave_client_error *error)
{
	return fetch_finish(&poll->fetch, poll->easy, code, &poll->body, error);
}

void
poll_judge(struct poll *poll, const struct poller_options *options)
{
	struct appraisal appraisal = {
	    .status = ENCLAVE_CLIENT_ERR_INTERNAL,
	};
	struct enclave_client_error error = {0};
	const struct answer answer = {
	    .body = poll->body,
	    .nonce = {poll->fetch.nonce.bytes, poll->fetch.nonce.len},
	};

	/* The refusal is in the appraisal, with what the cache needs of it. */
	if (appraise(
		options->appraiser, poll->enclave, answer, &appraisal, &error))
		error_set_enclave(&error, poll->enclave->name);
	poll->status = cache_publish(options->cache, poll->slot,
	    poll->policy_generation, &appraisal, &error);
	if (!poll->status)
		store_save(
		    options->store, poll->enclave, &appraisal, poll->body);
	else
		store_withdraw(
		    options->store, poll->enclave, &appraisal, poll->body);
	appraisal_clear(&appraisal);
}

void
poll_end(struct poll *poll)
{
	if (!poll->slot)
		return;
	fetch_clear(&poll->fetch);
	gate_attachment_clear(&poll->attachment);
	enclave_unref(poll->enclave);
	cache_flight_end(poll->slot);
	cache_slot_unref(poll->slot);
	*poll = (struct poll){.easy = poll->easy};
}

void
poll_free(struct poll *poll)
{
	curl_easy_cleanup(poll->easy);
	poll->easy = NULL;
}
