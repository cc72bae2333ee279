/*
 * many-enclaves STATE COUNT: one TLS server on 127.0.0.1 that is COUNT
 * enclaves, "e0.test" to "eN.test" by SNI, each with a key, a leaf and a
 * document of its own.  Each GET is answered with a new document under the same
 * leaf, and the connection ends.  Prints its port when it accepts; ends with
 * its standard input.
 */
#include "local_enclave/encoding.h"
#include "local_enclave/fatal.h"
#include "local_enclave/mint.h"
#include "local_enclave/state_dir.h"
#include "local_enclave/web_pki.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX_BYTES 4096
#define PEER_TIMEOUT_S    5

struct one {
	EVP_PKEY *key;
	X509 *certificate;
	struct identity leaf;
};

struct many {
	struct minter minter;
	struct web_pki web;
	struct measurements pcrs;
	struct one *ones;
	unsigned long count;
	SSL_CTX *ssl_ctx;
};

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Digits from the start of text, and what stands behind them. */
static unsigned long
read_number(const char *text, const char **ret_rest)
{
	unsigned long number = 0;

	for (; *text >= '0' && *text <= '9' && number < 10000000; text++)
		number = number * 10 + (unsigned long)(*text - '0');
	*ret_rest = text;
	return number;
}

/* The name that is asked for; NULL when it is none of ours. */
static struct one *
find_one(struct many *many, const SSL *ssl)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const char *end = NULL;
	unsigned long index;

	if (!name || name[0] != 'e')
		return NULL;
	index = read_number(name + 1, &end);
	if (strcmp(end, ".test") != 0 || index >= many->count)
		return NULL;
	return &many->ones[index];
}

static int
choose_certificate(SSL *ssl, void *context)
{
	struct one *one = find_one(context, ssl);

	return one && SSL_use_certificate(ssl, one->certificate) == 1 &&
	       SSL_use_PrivateKey(ssl, one->key) == 1;
}

static uint8_t *
mint_for(struct many *many, struct one *one, size_t *ret_len)
{
	size_t spki_len = 0;
	uint8_t *spki = key_spki(one->key, &spki_len);
	struct mint_request request = {
	    .era = ERA_2026,
	    .pcrs = &many->pcrs,
	    .timestamp_ms = now_ms(),
	    .leaf_life_s = LEAF_LIFE_S,
	    .user_data = {FIELD_BYTES, spki, spki_len},
	};
	struct identity *leaf = &many->minter.genuine.level[NITRO_LEAF];
	uint8_t *document;

	*leaf = one->leaf;
	document = mint_document(&many->minter, &request, ret_len);
	/* The first one is issued here; it stays this enclave's. */
	one->leaf = *leaf;
	*leaf = (struct identity){0};
	OPENSSL_free(spki);
	return document;
}

static void
make_one(struct many *many, unsigned long index)
{
	struct one *one = &many->ones[index];
	struct web_hosts hosts = {0};
	char name[32];
	size_t len;

	(void)snprintf(name, sizeof(name), "e%lu.test", index);
	web_hosts_add(&hosts, name);
	one->key = key_new("P-256");
	one->certificate = web_pki_issue(
	    &many->web, &(struct web_order){.key = one->key, .hosts = &hosts});
	web_hosts_free(&hosts);
	free(mint_for(many, one, &len));
}

static void
open_many(struct many *many, const char *state, unsigned long count)
{
	int lock = state_lock(state);

	minter_open(&many->minter, state);
	web_pki_open(&many->web, state);
	state_unlock(lock);
	measurements_default(&many->pcrs, MINT_INSTANCE_ID);
	many->count = count;
	many->ones = calloc(count, sizeof(*many->ones));
	many->ssl_ctx = SSL_CTX_new(TLS_server_method());
	if (!many->ones || !many->ssl_ctx)
		die("no memory");
	SSL_CTX_set_cert_cb(many->ssl_ctx, choose_certificate, many);
	(void)SSL_CTX_set_num_tickets(many->ssl_ctx, 0);
	for (unsigned long i = 0; i < count; i++)
		make_one(many, i);
}

/* True once the request's headers are whole. */
static bool
read_request(SSL *ssl)
{
	char request[REQUEST_MAX_BYTES + 1];
	int len = 0;

	while (len < REQUEST_MAX_BYTES) {
		int got = SSL_read(ssl, request + len, REQUEST_MAX_BYTES - len);
		if (got <= 0)
			return false;
		len += got;
		request[len] = '\0';
		if (strstr(request, "\r\n\r\n"))
			return true;
	}
	return false;
}

/*
 * Reads until the client has closed its side; the reset that follows our own
 * closing (see serve) then costs it nothing, and leaves neither side a port that
 * waits for a minute: tens of thousands of connections would take them all.
 */
static void
wait_for_the_end(SSL *ssl)
{
	char rest[256];

	while (SSL_read(ssl, rest, sizeof(rest)) > 0)
		;
	while (read(SSL_get_fd(ssl), rest, sizeof(rest)) > 0)
		;
}

static void
answer(struct many *many, SSL *ssl)
{
	struct one *one;
	uint8_t *document;
	char *base64;
	char *text;
	size_t len;

	if (SSL_accept(ssl) != 1 || !read_request(ssl))
		return;
	one = find_one(many, ssl);
	if (!one)
		return;
	document = mint_for(many, one, &len);
	base64 = base64_encode(document, len);
	text = must_format("HTTP/1.1 200 OK\r\nConnection: close\r\n"
			   "Content-Length: %zu\r\n\r\n"
			   "{\"attestation_doc\":\"%s\"}",
	    strlen(base64) + sizeof("{\"attestation_doc\":\"\"}") - 1, base64);
	(void)SSL_write(ssl, text, (int)strlen(text));
	(void)SSL_shutdown(ssl);
	wait_for_the_end(ssl);
	free(text);
	free(base64);
	free(document);
}

static void
serve(struct many *many, int connection)
{
	const struct timeval patience = {.tv_sec = PEER_TIMEOUT_S};
	const struct linger reset = {.l_onoff = 1};
	SSL *ssl = SSL_new(many->ssl_ctx);

	(void)setsockopt(
	    connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(
	    connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	(void)setsockopt(
	    connection, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (ssl && SSL_set_fd(ssl, connection) == 1)
		answer(many, ssl);
	SSL_free(ssl);
	(void)close(connection);
}

static int
listen_on_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, SOMAXCONN) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		die("can't listen");
	(void)printf("%d\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return listener;
}

int
main(int argc, char **argv)
{
	struct many many = {0};
	const char *rest = NULL;
	struct pollfd events[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 3)
		die("usage: many-enclaves STATE COUNT");
	/* A client that gives up in the middle ends its connection alone. */
	(void)signal(SIGPIPE, SIG_IGN);
	open_many(&many, argv[1], read_number(argv[2], &rest));
	events[1].fd = listen_on_loopback();
	while (poll(events, 2, -1) > 0 && !events[0].revents) {
		int connection = accept(events[1].fd, NULL, NULL);
		if (connection >= 0)
			serve(&many, connection);
	}
	return 0;
}
