#include "enclave.h"

#include "connection.h"
#include "encoding.h"
#include "fatal.h"
#include "state_dir.h"
#include "tls.h"
#include "truth_log.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* Evervault's data plane asks for a nonce of this size. */
enum { NONCE_BYTES = 256 };

static uint8_t *mint(
    struct enclave *enclave, X509 *certificate, size_t *ret_len);

static void
serve_identity(struct enclave *enclave)
{
	const struct behaviour *behaviour = &enclave->behaviour;
	struct service_cargo cargo = {
	    .service = behaviour->service,
	    .carriage = behaviour->carriage,
	};
	struct web_order order = {
	    .key = enclave->served.key,
	    .hosts = &enclave->options->hosts,
	    .kind = behaviour->web_ca,
	};
	uint8_t *document = NULL;
	SSL_CTX *tls;

	if (service_in_certificate(behaviour->service)) {
		document = mint(enclave, NULL, &cargo.document_len);
		cargo.document = document;
		order.cargo = &cargo;
	}
	X509_free(enclave->served.certificate);
	enclave->served.certificate = web_pki_issue(&enclave->web, &order);
	free(document);
	tls = tls_context_new(enclave);
	SSL_CTX_free(enclave->tls);
	enclave->tls = tls;
}

static void
forget_document(struct enclave *enclave)
{
	free(enclave->document);
	enclave->document = NULL;
}

static void
open_key(struct enclave *enclave)
{
	char *path = state_path(
	    enclave->options->state, enclave->options->instance, ".key");

	if (enclave->options->keep_key)
		enclave->served.key = state_read_key(path);
	if (enclave->served.key == NULL)
		enclave->served.key = key_new("P-256");
	if (enclave->options->keep_key)
		state_write_key(path, enclave->served.key);
	free(path);
}

void
enclave_open(struct enclave *enclave, struct event_base *base,
    const struct enclave_options *options)
{
	int lock = state_lock(options->state);

	memset(enclave, 0, sizeof(*enclave));
	enclave->options = options;
	enclave->base = base;
	enclave->behaviour = options->behaviour;
	minter_open(&enclave->minter, options->state);
	web_pki_open(&enclave->web, options->state);
	open_key(enclave);
	state_unlock(lock);
	enclave->log_path =
	    state_path(options->state, options->instance, ".log.jsonl");
	enclave->log = truth_log_open(enclave->log_path);
	enclave->other_key = key_new("P-256");
	must(RAND_bytes(enclave->ticket_key, TICKET_KEY_BYTES) == 1);
	serve_identity(enclave);
}

void
enclave_close(struct enclave *enclave)
{
	forget_document(enclave);
	SSL_CTX_free(enclave->tls);
	identity_free(&enclave->served);
	EVP_PKEY_free(enclave->other_key);
	minter_free(&enclave->minter);
	web_pki_free(&enclave->web);
	free(enclave->log_path);
}

char *
enclave_spki_sha256(const struct enclave *enclave)
{
	size_t len;
	uint8_t *spki = key_spki(enclave->served.key, &len);
	char *hex = sha256_hex(spki, len);

	OPENSSL_free(spki);
	return hex;
}

void
enclave_rotate_key(struct enclave *enclave)
{
	cJSON *event = truth_event("rotated");
	char *hex;

	EVP_PKEY_free(enclave->served.key);
	enclave->served.key = key_new("P-256");
	if (enclave->options->keep_key) {
		char *path = state_path(enclave->options->state,
		    enclave->options->instance, ".key");

		state_write_key(path, enclave->served.key);
		free(path);
	}
	forget_document(enclave);
	serve_identity(enclave);
	hex = enclave_spki_sha256(enclave);
	must(cJSON_AddStringToObject(event, "spki_sha256", hex) != NULL);
	truth_log_write(enclave->log, event);
	free(hex);
}

char *
enclave_set_behaviour(struct enclave *enclave, const cJSON *settings)
{
	struct behaviour before = enclave->behaviour;
	char *problem = behaviour_merge(&enclave->behaviour, settings);
	cJSON *event;
	cJSON *copy;

	if (problem != NULL)
		return problem;
	forget_document(enclave);
	if (enclave->behaviour.web_ca != before.web_ca ||
	    service_in_certificate(enclave->behaviour.service) ||
	    service_in_certificate(before.service))
		serve_identity(enclave);
	event = truth_event("behaviour");
	copy = cJSON_Duplicate(settings, true);
	must(copy != NULL && cJSON_AddItemToObject(event, "settings", copy));
	truth_log_write(enclave->log, event);
	return NULL;
}

int64_t
enclave_now_ms(const struct enclave *enclave)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000 +
	       enclave->behaviour.clock_offset_ms;
}

static enum mint_fault
document_fault(enum evidence_mode mode)
{
	switch (mode) {
	case EVIDENCE_EXPIRED:
		return MINT_EXPIRED;
	case EVIDENCE_FUTURE:
		return MINT_FUTURE;
	case EVIDENCE_BROKEN_SIGNATURE:
		return MINT_BROKEN_SIGNATURE;
	case EVIDENCE_FOREIGN_ROOT:
		return MINT_FOREIGN_ROOT;
	case EVIDENCE_TRUNCATED:
		return MINT_TRUNCATED;
	case EVIDENCE_NITROTPM:
		return MINT_NITROTPM;
	default:
		return MINT_GOOD;
	}
}

void
enclave_ask(struct enclave *enclave, const uint8_t *nonce, size_t len)
{
	must(len <= sizeof(enclave->asked));
	memcpy(enclave->asked, nonce, len);
	enclave->asked_len = len;
	if (enclave->replayed_len == 0) {
		memcpy(enclave->replayed, nonce, len);
		enclave->replayed_len = len;
	}
	forget_document(enclave);
}

/* What was asked for, or what takes its place; else one of our own. */
static struct mint_field
choose_nonce(const struct enclave *enclave, const uint8_t own[NONCE_BYTES])
{
	enum nonce_mode mode = enclave->behaviour.nonce;

	if (mode == NONCE_NULL)
		return (struct mint_field){FIELD_NULL, NULL, 0};
	if (mode == NONCE_EMPTY)
		return (struct mint_field){FIELD_BYTES, own, 0};
	if (enclave->asked_len == 0)
		return (struct mint_field){FIELD_BYTES, own, NONCE_BYTES};
	if (mode == NONCE_REPLAYED)
		return (struct mint_field){
		    FIELD_BYTES, enclave->replayed, enclave->replayed_len};
	return (struct mint_field){
	    FIELD_BYTES, enclave->asked, enclave->asked_len};
}

/* The modes of old, as statements. */
static enum statement
choose_statement(const struct behaviour *behaviour)
{
	if (behaviour->mode == EVIDENCE_OTHER_KEY)
		return STATEMENT_OTHER_KEY;
	if (behaviour->mode == EVIDENCE_NULL_USER_DATA)
		return STATEMENT_NULL;
	return behaviour->statement;
}

static uint8_t *
mint(struct enclave *enclave, X509 *certificate, size_t *ret_len)
{
	const struct behaviour *behaviour = &enclave->behaviour;
	struct measurements pcrs = behaviour_measurements(behaviour);
	const struct service_subject subject = {
	    .service = behaviour->service,
	    .statement = choose_statement(behaviour),
	    .certificate = certificate,
	    .key = enclave->served.key,
	    .other_key = enclave->other_key,
	};
	uint8_t own_nonce[NONCE_BYTES];
	uint8_t stated[FIELD_BYTES_MAX + 64];
	struct mint_request request = {
	    .era = behaviour->era,
	    .fault = document_fault(behaviour->mode),
	    .pcrs = &pcrs,
	    .timestamp_ms = enclave_now_ms(enclave),
	    .leaf_life_s = behaviour->leaf_life_s,
	};

	if (behaviour->mode == EVIDENCE_OLD)
		request.timestamp_ms -= behaviour->age_ms;
	service_state(&subject, &request, stated);
	if (behaviour->user_data_len > 0)
		request.user_data = (struct mint_field){FIELD_BYTES,
		    behaviour->user_data, behaviour->user_data_len};
	must(RAND_bytes(own_nonce, sizeof(own_nonce)) == 1);
	request.nonce = choose_nonce(enclave, own_nonce);
	return mint_document(&enclave->minter, &request, ret_len);
}

const uint8_t *
enclave_document(struct enclave *enclave, size_t *ret_len)
{
	int64_t now_ms = enclave_now_ms(enclave);
	int64_t age_ms = now_ms - enclave->document_minted_ms;

	if (enclave->document == NULL || age_ms < 0 ||
	    age_ms >= enclave->behaviour.document_cache_ms) {
		forget_document(enclave);
		enclave->document = mint(enclave, enclave->served.certificate,
		    &enclave->document_len);
		enclave->document_minted_ms = now_ms;
	}
	*ret_len = enclave->document_len;
	return enclave->document;
}
