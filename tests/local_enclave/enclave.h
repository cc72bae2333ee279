/* One pretended enclave: its keys, what it says of itself, who is connected. */
#ifndef LOCAL_ENCLAVE_ENCLAVE_H
#define LOCAL_ENCLAVE_ENCLAVE_H

#include "behaviour.h"
#include "mint.h"
#include "web_pki.h"

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

struct connection;

struct enclave_options {
	const char *state;
	const char *instance;
	struct web_hosts hosts;
	struct behaviour behaviour;
	/* SSL protocol number, 0 for both. */
	int tls_version;
	/* Where an impostor fetches somebody else's evidence; else NULL. */
	const char *relay;
	/* Where a service on this machine answers what is not evidence; or 0. */
	int proxy_port;
	/* The TLS key outlives the process, in the state folder. */
	bool keep_key;
};

/* Name, AES and HMAC keys of session tickets, as OpenSSL wants them. */
enum { TICKET_KEY_BYTES = 80 };

/* A nonce in a URL. */
enum { ASKED_BYTES_MAX = 64 };

struct enclave {
	const struct enclave_options *options;
	struct event_base *base;
	struct evhttp *service;
	struct evhttp *control;
	int log;
	char *log_path;
	struct behaviour behaviour;
	struct minter minter;
	struct web_pki web;
	/* What TLS shows, and a key that it does not hold. */
	struct identity served;
	EVP_PKEY *other_key;
	SSL_CTX *tls;
	uint8_t ticket_key[TICKET_KEY_BYTES];
	/* The document served last, until it is too old. */
	uint8_t *document;
	size_t document_len;
	int64_t document_minted_ms;
	/* What the client asks the document to repeat; len 0: nothing. */
	uint8_t asked[ASKED_BYTES_MAX];
	size_t asked_len;
	/* The first that was asked for. */
	uint8_t replayed[ASKED_BYTES_MAX];
	size_t replayed_len;
	struct connection *connections;
	uint64_t connections_made;
};

void enclave_open(struct enclave *enclave, struct event_base *base,
    const struct enclave_options *options);
void enclave_close(struct enclave *enclave);

/* A new key and certificate for connections to come. */
void enclave_rotate_key(struct enclave *enclave);

/* Settings from the control port. NULL, or new text that says what is wrong. */
char *enclave_set_behaviour(struct enclave *enclave, const cJSON *settings);

/* The enclave's own clock. */
int64_t enclave_now_ms(const struct enclave *enclave);

/* The document to show next repeats this. */
void enclave_ask(struct enclave *enclave, const uint8_t *nonce, size_t len);

/* Borrowed until the next call: the document to show now. */
const uint8_t *enclave_document(struct enclave *enclave, size_t *ret_len);

/* New text: SHA-256 of the DER public key that TLS shows. */
char *enclave_spki_sha256(const struct enclave *enclave);

#endif
