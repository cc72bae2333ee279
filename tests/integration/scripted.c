#include "integration/scripted.h"

#include <arpa/inet.h>
#include <check.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "local_enclave/harness.h"

#define DOCUMENT_JSON_MAX_BYTES 32768
#define REQUEST_MAX_BYTES       65536

/* A key's certificate, and the evidence that names it. */
struct credentials {
	SSL_CTX *ssl_ctx;
	char evidence[DOCUMENT_JSON_MAX_BYTES];
	size_t evidence_len;
};

/* Of the next request. */
enum fate { FATE_ANSWER, FATE_TURN_AWAY, FATE_ANSWER_BODY };

struct scripted {
	struct credentials *credentials; /* of credentials_of, by age */
	struct credentials credentials_of[2];
	int listener;
	atomic_int connection; /* -1: none */
	atomic_bool stop;
	pthread_t thread;
	const char *answer;
	const char *then; /* NULL: the same */
	char url[64];
	atomic_int fate;
	atomic_bool once;         /* an answer each connection */
	atomic_size_t read_bytes; /* of the last request with a body */
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
	    server->credentials->evidence_len);

	return send_text(ssl, head, (size_t)len) &&
	       send_text(ssl, server->credentials->evidence,
		   server->credentials->evidence_len);
}

static bool
answer_other(struct scripted *server, SSL *ssl)
{
	const char *answer = server->answer;

	if (server->then)
		server->answer = server->then;
	return send_text(ssl, answer, strlen(answer));
}

/* Reads on to the last chunk of the body. */
static void
read_body(struct scripted *server, SSL *ssl, char *data, size_t len)
{
	static const char last[] = "\r\n0\r\n\r\n";
	const size_t last_len = sizeof(last) - 1;
	size_t total = len;

	while (len < last_len ||
	       memcmp(data + len - last_len, last, last_len) != 0) {
		size_t kept = len < last_len ? len : last_len;
		int more;

		memmove(data, data + len - kept, kept);
		more = SSL_read(
		    ssl, data + kept, (int)(REQUEST_MAX_BYTES - 1 - kept));
		if (more <= 0)
			break;
		len = kept + (size_t)more;
		total += (size_t)more;
	}
	atomic_store(&server->read_bytes, total);
}

static void
turn_away(struct scripted *server)
{
	server->credentials = &server->credentials_of[1];
	atomic_store(&server->fate, FATE_ANSWER_BODY);
}

/* Requests by turns until the client goes. */
static void
serve(struct scripted *server, SSL *ssl)
{
	char request[REQUEST_MAX_BYTES];
	size_t len = 0;
	bool answered = false;

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
		} else if (atomic_load(&server->fate) != FATE_ANSWER) {
			read_body(server, ssl, request, len);
			if (atomic_load(&server->fate) == FATE_TURN_AWAY) {
				turn_away(server);
				return;
			}
			if (!answer_other(server, ssl))
				return;
		} else if ((answered && atomic_load(&server->once)) ||
			   !answer_other(server, ssl)) {
			return;
		} else {
			answered = true;
		}
		len = 0;
	}
}

static void *
run(void *argument)
{
	struct scripted *server = argument;
	sigset_t pipe;

	/* The client may go before it was answered. */
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	while (!atomic_load(&server->stop)) {
		int connection = accept(server->listener, NULL, NULL);
		SSL *ssl;
		if (connection < 0)
			return NULL;
		atomic_store(&server->connection, connection);
		ssl = SSL_new(server->credentials->ssl_ctx);
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
load_credentials(
    struct credentials *credentials, const char *state, const char *name)
{
	char prefix[96];
	char certificate[112];
	char key[112];
	char evidence[112];
	FILE *file;

	(void)snprintf(prefix, sizeof(prefix), "%s/%s", state, name);
	(void)snprintf(certificate, sizeof(certificate), "%s.pem", prefix);
	(void)snprintf(key, sizeof(key), "%s.key", prefix);
	(void)snprintf(evidence, sizeof(evidence), "%s.json", prefix);
	ck_assert(local_enclave_mint((const char *const[]){"--state", state,
	    "--web-certificate", "localhost", "--out-prefix", prefix, NULL}));
	ck_assert(local_enclave_mint(
	    (const char *const[]){"--state", state, "--spki-of", certificate,
		"--format", "json", "--out", evidence, NULL}));
	credentials->ssl_ctx = SSL_CTX_new(TLS_server_method());
	ck_assert_ptr_nonnull(credentials->ssl_ctx);
	ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(
			     credentials->ssl_ctx, certificate),
	    1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(
			     credentials->ssl_ctx, key, SSL_FILETYPE_PEM),
	    1);
	file = fopen(evidence, "r");
	ck_assert_ptr_nonnull(file);
	credentials->evidence_len = fread(
	    credentials->evidence, 1, sizeof(credentials->evidence), file);
	ck_assert_uint_lt(
	    credentials->evidence_len, sizeof(credentials->evidence));
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
	server->credentials = &server->credentials_of[0];
	load_credentials(&server->credentials_of[0], state, "scripted");
	load_credentials(&server->credentials_of[1], state, "scripted-next");
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
scripted_then(struct scripted *server, const char *answer)
{
	server->then = answer;
}

void
scripted_turn_away(struct scripted *server)
{
	atomic_store(&server->fate, FATE_TURN_AWAY);
}

void
scripted_answer_once(struct scripted *server)
{
	atomic_store(&server->once, true);
}

size_t
scripted_read_bytes(const struct scripted *server)
{
	return atomic_load(&server->read_bytes);
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
	for (int i = 0; i < 2; i++)
		SSL_CTX_free(server->credentials_of[i].ssl_ctx);
	free(server);
}

const char *
scripted_url(const struct scripted *server)
{
	return server->url;
}
