#include "integration/scripted.h"

#include <arpa/inet.h>
#include <check.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "local_enclave/harness.h"

#define DOCUMENT_JSON_MAX_BYTES 32768
#define REQUEST_MAX_BYTES       65536

struct scripted {
	SSL_CTX *ssl_ctx;
	int listener;
	atomic_int connection; /* -1: none */
	atomic_bool stop;
	pthread_t thread;
	const char *answer;
	char url[64];
	char evidence[DOCUMENT_JSON_MAX_BYTES];
	size_t evidence_len;
};

static bool
send_text(SSL *ssl, const char *text, size_t len)
{
	return len == 0 || SSL_write(ssl, text, (int)len) > 0;
}

static bool
answer_evidence(struct scripted *server, SSL *ssl)
{
	char head[128];
	int len = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
	    server->evidence_len);

	return send_text(ssl, head, (size_t)len) &&
	       send_text(ssl, server->evidence, server->evidence_len);
}

/* Requests by turns until the client goes. */
static void
serve(struct scripted *server, SSL *ssl)
{
	char request[REQUEST_MAX_BYTES];
	size_t len = 0;

	while (!atomic_load(&server->stop)) {
		char *end;
		int got = SSL_read(
		    ssl, request + len, (int)(sizeof(request) - 1 - len));
		if (got <= 0)
			return;
		len += (size_t)got;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
		if (!end && len == sizeof(request) - 1)
			return;
		if (!end)
			continue;
		if (strstr(request, "/.well-known/attestation")) {
			if (!answer_evidence(server, ssl))
				return;
		} else if (!send_text(
			       ssl, server->answer, strlen(server->answer))) {
			return;
		}
		len = 0;
	}
}

static void *
run(void *argument)
{
	struct scripted *server = argument;

	while (!atomic_load(&server->stop)) {
		int connection = accept(server->listener, NULL, NULL);
		SSL *ssl;
		if (connection < 0)
			return NULL;
		atomic_store(&server->connection, connection);
		ssl = SSL_new(server->ssl_ctx);
		if (ssl && SSL_set_fd(ssl, connection) == 1 &&
		    SSL_accept(ssl) == 1)
			serve(server, ssl);
		SSL_free(ssl);
		atomic_store(&server->connection, -1);
		(void)close(connection);
	}
	return NULL;
}

static void
load_credentials(struct scripted *server, const char *state)
{
	char prefix[96];
	char certificate[112];
	char key[112];
	char evidence[112];
	FILE *file;

	(void)snprintf(prefix, sizeof(prefix), "%s/scripted", state);
	(void)snprintf(certificate, sizeof(certificate), "%s.pem", prefix);
	(void)snprintf(key, sizeof(key), "%s.key", prefix);
	(void)snprintf(evidence, sizeof(evidence), "%s.json", prefix);
	ck_assert(local_enclave_mint((const char *const[]){"--state", state,
	    "--web-certificate", "localhost", "--out-prefix", prefix, NULL}));
	ck_assert(local_enclave_mint(
	    (const char *const[]){"--state", state, "--spki-of", certificate,
		"--format", "json", "--out", evidence, NULL}));
	server->ssl_ctx = SSL_CTX_new(TLS_server_method());
	ck_assert_ptr_nonnull(server->ssl_ctx);
	ck_assert_int_eq(
	    SSL_CTX_use_certificate_chain_file(server->ssl_ctx, certificate),
	    1);
	ck_assert_int_eq(
	    SSL_CTX_use_PrivateKey_file(server->ssl_ctx, key, SSL_FILETYPE_PEM),
	    1);
	file = fopen(evidence, "r");
	ck_assert_ptr_nonnull(file);
	server->evidence_len =
	    fread(server->evidence, 1, sizeof(server->evidence), file);
	ck_assert_uint_lt(server->evidence_len, sizeof(server->evidence));
	ck_assert_int_eq(fclose(file), 0);
}

struct scripted *
scripted_new(const char *state, const char *answer)
{
	struct scripted *server = calloc(1, sizeof(*server));
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);

	ck_assert_ptr_nonnull(server);
	server->answer = answer;
	atomic_init(&server->connection, -1);
	load_credentials(server, state);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(server->listener, 0);
	ck_assert_int_eq(
	    bind(server->listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(server->listener, 8), 0);
	ck_assert_int_eq(
	    getsockname(server->listener, (struct sockaddr *)&address, &len),
	    0);
	(void)snprintf(server->url, sizeof(server->url), "https://localhost:%d",
	    (int)ntohs(address.sin_port));
	ck_assert_int_eq(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

void
scripted_free(struct scripted *server)
{
	int connection;

	if (!server)
		return;
	atomic_store(&server->stop, true);
	(void)shutdown(server->listener, SHUT_RDWR);
	connection = atomic_load(&server->connection);
	if (connection >= 0)
		(void)shutdown(connection, SHUT_RDWR);
	ck_assert_int_eq(pthread_join(server->thread, NULL), 0);
	(void)close(server->listener);
	SSL_CTX_free(server->ssl_ctx);
	free(server);
}

const char *
scripted_url(const struct scripted *server)
{
	return server->url;
}
