#include "integration/peers.h"

#include <arpa/inet.h>
#include <check.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE_BYTES 16384

struct peer {
	int listener;
	int port;   /* of the listener; 0: a unix socket */
	int target; /* port that a relay leads to */
	SSL_CTX *ssl_ctx;
	atomic_int connection; /* -1: none */
	atomic_bool stop;
	atomic_size_t ended;
	atomic_size_t handshakes;
	atomic_size_t received_bytes;
	pthread_t thread;
};

static int
connect_to(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool
pass_on(int from, int to)
{
	char piece[PIECE_BYTES];
	ssize_t len = recv(from, piece, sizeof(piece), 0);
	ssize_t sent = 0;

	while (len > 0 && sent < len) {
		ssize_t step =
		    send(to, piece + sent, (size_t)(len - sent), MSG_NOSIGNAL);
		if (step <= 0)
			return false;
		sent += step;
	}
	return len > 0;
}

static void
relay(struct peer *peer, int connection)
{
	int onward = connect_to(peer->target);
	struct pollfd ends[] = {
	    {.fd = connection, .events = POLLIN},
	    {.fd = onward, .events = POLLIN},
	};
	bool open = onward >= 0;

	while (open && poll(ends, 2, -1) > 0) {
		if (ends[0].revents)
			open = pass_on(connection, onward);
		if (open && ends[1].revents)
			open = pass_on(onward, connection);
	}
	if (onward >= 0)
		(void)close(onward);
}

static void
answer(struct peer *peer, int connection)
{
	static const char empty[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	char piece[PIECE_BYTES];
	SSL *ssl = SSL_new(peer->ssl_ctx);

	if (ssl && SSL_set_fd(ssl, connection) == 1 && SSL_accept(ssl) == 1) {
		int len;
		(void)atomic_fetch_add(&peer->handshakes, 1);
		while ((len = SSL_read(ssl, piece, sizeof(piece))) > 0) {
			(void)atomic_fetch_add(
			    &peer->received_bytes, (size_t)len);
			if (SSL_write(ssl, empty, sizeof(empty) - 1) <= 0)
				break;
		}
	}
	SSL_free(ssl);
}

static void *
run(void *argument)
{
	struct peer *peer = argument;

	while (!atomic_load(&peer->stop)) {
		int connection = accept(peer->listener, NULL, NULL);
		if (connection < 0)
			return NULL;
		atomic_store(&peer->connection, connection);
		if (peer->ssl_ctx)
			answer(peer, connection);
		else
			relay(peer, connection);
		atomic_store(&peer->connection, -1);
		(void)close(connection);
		(void)atomic_fetch_add(&peer->ended, 1);
	}
	return NULL;
}

static struct peer *
new_peer(int family, const void *address, socklen_t len)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	ck_assert_ptr_nonnull(peer);
	atomic_init(&peer->connection, -1);
	peer->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(peer->listener, 0);
	ck_assert_int_eq(bind(peer->listener, address, len), 0);
	ck_assert_int_eq(listen(peer->listener, 8), 0);
	return peer;
}

static void
start(struct peer *peer)
{
	ck_assert_int_eq(pthread_create(&peer->thread, NULL, run, peer), 0);
}

struct peer *
peer_new_unix(const char *name, int port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	struct peer *peer;

	ck_assert_uint_lt(len, sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	peer = new_peer(AF_UNIX, &address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	peer->target = port;
	start(peer);
	return peer;
}

struct peer *
peer_new_anonymous(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	struct peer *peer = new_peer(AF_INET, &address, len);

	ck_assert_int_eq(
	    getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
	peer->port = ntohs(address.sin_port);
	peer->ssl_ctx = SSL_CTX_new(TLS_server_method());
	ck_assert_ptr_nonnull(peer->ssl_ctx);
	SSL_CTX_set_security_level(peer->ssl_ctx, 0);
	ck_assert_int_eq(
	    SSL_CTX_set_max_proto_version(peer->ssl_ctx, TLS1_2_VERSION), 1);
	ck_assert_int_eq(
	    SSL_CTX_set_cipher_list(peer->ssl_ctx, "AECDH-AES256-SHA"), 1);
	start(peer);
	return peer;
}

void
peer_free(struct peer *peer)
{
	int connection;

	if (!peer)
		return;
	atomic_store(&peer->stop, true);
	(void)shutdown(peer->listener, SHUT_RDWR);
	connection = atomic_load(&peer->connection);
	if (connection >= 0)
		(void)shutdown(connection, SHUT_RDWR);
	ck_assert_int_eq(pthread_join(peer->thread, NULL), 0);
	(void)close(peer->listener);
	SSL_CTX_free(peer->ssl_ctx);
	free(peer);
}

int
peer_port(const struct peer *peer)
{
	return peer->port;
}

size_t
peer_ended(const struct peer *peer)
{
	return atomic_load(&peer->ended);
}

size_t
peer_handshakes(const struct peer *peer)
{
	return atomic_load(&peer->handshakes);
}

size_t
peer_received_bytes(const struct peer *peer)
{
	return atomic_load(&peer->received_bytes);
}
