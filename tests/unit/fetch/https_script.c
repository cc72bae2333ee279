#include "https_script.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVED_MAX 65536

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

/* Whatever the script says, this path is served well: a redirect's target. */
static const char moved_request[] = "GET /moved ";
static const char moved_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nevidence";

struct https_server {
	const struct https_script *script;
	SSL_CTX *ssl_ctx;
	int listener;
	int stop_pipe[2];
	uint16_t port;
	pthread_t thread;

	pthread_mutex_t lock;
	unsigned int connections;
	char received[RECEIVED_MAX];
	size_t received_len;
};

static X509 *
certificate_new(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *subject;

	MUST(certificate);
	subject = X509_get_subject_name(certificate);
	MUST(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		 (const unsigned char *)"127.0.0.1", -1, -1, 0) == 1);
	MUST(X509_set_issuer_name(certificate, subject) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
	MUST(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	MUST(X509_set_pubkey(certificate, key) == 1);
	MUST(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static SSL_CTX *
ssl_ctx_new(void)
{
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate;

	MUST(ssl_ctx && key);
	certificate = certificate_new(key);
	MUST(SSL_CTX_use_certificate(ssl_ctx, certificate) == 1);
	MUST(SSL_CTX_use_PrivateKey(ssl_ctx, key) == 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ssl_ctx;
}

static bool
write_all(SSL *ssl, const char *data, size_t len)
{
	size_t written = 0;

	return len == 0 || SSL_write_ex(ssl, data, len, &written) == 1;
}

static bool
write_answer(SSL *ssl, const struct https_script *script)
{
	char filler[4096];
	size_t left = script->filler_len;
	size_t len =
	    script->answer_len ? script->answer_len : strlen(script->answer);

	memset(filler, 'x', sizeof(filler));
	if (!write_all(ssl, script->answer, len))
		return false;
	while (left) {
		size_t piece = left < sizeof(filler) ? left : sizeof(filler);
		if (!write_all(ssl, filler, piece))
			return false;
		left -= piece;
	}
	return true;
}

/* One request's header block, in request; false at the end. */
static bool
read_request(struct https_server *server, SSL *ssl, char *request, size_t size)
{
	size_t len = 0;

	request[0] = '\0';
	while (!strstr(request, "\r\n\r\n")) {
		size_t got = 0;
		if (len + 1 >= size ||
		    SSL_read_ex(ssl, request + len, size - len - 1, &got) != 1)
			return false;
		len += got;
		request[len] = '\0';
	}
	pthread_mutex_lock(&server->lock);
	MUST(len < RECEIVED_MAX - server->received_len);
	memcpy(server->received + server->received_len, request, len + 1);
	server->received_len += len;
	pthread_mutex_unlock(&server->lock);
	return true;
}

static void
converse(struct https_server *server, int fd)
{
	SSL *ssl = SSL_new(server->ssl_ctx);
	char request[8192];

	MUST(ssl && SSL_set_fd(ssl, fd) == 1);
	if (SSL_accept(ssl) != 1)
		goto out;
	pthread_mutex_lock(&server->lock);
	server->connections++;
	pthread_mutex_unlock(&server->lock);
	while (read_request(server, ssl, request, sizeof(request))) {
		if (!strncmp(request, moved_request, strlen(moved_request))) {
			if (!write_all(ssl, moved_answer, strlen(moved_answer)))
				break;
			continue;
		}
		/* Silence lasts until the client gives up. */
		if (!server->script->answer)
			continue;
		if (!write_answer(ssl, server->script) ||
		    server->script->close_after)
			break;
	}
	(void)SSL_shutdown(ssl);
out:
	SSL_free(ssl);
	close(fd);
}

static void *
serve(void *context)
{
	struct https_server *server = context;
	struct pollfd fds[2] = {
	    {.fd = server->listener, .events = POLLIN},
	    {.fd = server->stop_pipe[0], .events = POLLIN},
	};
	sigset_t all;

	/* SSL_write to a peer that is gone must not end the test. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		int fd = accept(server->listener, NULL, NULL);
		if (fd >= 0)
			converse(server, fd);
	}
	return NULL;
}

struct https_server *
https_server_new(const struct https_script *script)
{
	struct https_server *server = calloc(1, sizeof(*server));
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	MUST(server);
	server->script = script;
	server->ssl_ctx = ssl_ctx_new();
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(server->listener >= 0);
	MUST(bind(server->listener, (struct sockaddr *)&address, len) == 0);
	MUST(listen(server->listener, 16) == 0);
	MUST(getsockname(server->listener, (struct sockaddr *)&address, &len) ==
	     0);
	server->port = ntohs(address.sin_port);
	MUST(pipe(server->stop_pipe) == 0);
	MUST(pthread_mutex_init(&server->lock, NULL) == 0);
	MUST(pthread_create(&server->thread, NULL, serve, server) == 0);
	return server;
}

void
https_server_free(struct https_server *server)
{
	MUST(write(server->stop_pipe[1], "x", 1) == 1);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->stop_pipe[0]);
	close(server->stop_pipe[1]);
	pthread_mutex_destroy(&server->lock);
	SSL_CTX_free(server->ssl_ctx);
	free(server);
}

uint16_t
https_server_port(const struct https_server *server)
{
	return server->port;
}

const char *
https_server_received(struct https_server *server)
{
	return server->received;
}

unsigned int
https_server_connections(struct https_server *server)
{
	unsigned int connections;

	pthread_mutex_lock(&server->lock);
	connections = server->connections;
	pthread_mutex_unlock(&server->lock);
	return connections;
}
