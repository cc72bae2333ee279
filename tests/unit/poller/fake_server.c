#include "fake_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PEERS_MAX      256
#define WAIT_S         15
#define REQUEST_PREFIX "GET "

struct peer {
	int fd;
	bool asked; /* its request has come */
};

struct fake_server {
	int listener;
	int wake_pipe[2];
	uint16_t port;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	bool hold;
	unsigned int status;
	struct fake_server_counts counts;

	/* The thread's alone. */
	struct peer peers[PEERS_MAX];
	size_t peer_count;
};

static void
wake(struct fake_server *server)
{
	MUST(write(server->wake_pipe[1], "x", 1) == 1);
}

static void
drop_peer(struct fake_server *server, size_t index)
{
	close(server->peers[index].fd);
	server->counts.closed++;
	server->peers[index] = server->peers[--server->peer_count];
}

static void
answer(struct fake_server *server, size_t index)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %u Status\r\nContent-Length: 2\r\n\r\nok",
	    server->status);

	/* Whether the peer still listens is not this server's business. */
	(void)send(server->peers[index].fd, text, (size_t)len, MSG_NOSIGNAL);
	server->peers[index].asked = false;
}

/* Called with the lock held. */
static void
hear(struct fake_server *server, size_t index)
{
	char text[4096];
	ssize_t len =
	    recv(server->peers[index].fd, text, sizeof(text), MSG_DONTWAIT);

	if (len <= 0) {
		if (server->peers[index].asked) {
			server->counts.gone++;
			server->counts.held--;
		}
		drop_peer(server, index);
		return;
	}
	if (!server->peers[index].asked &&
	    !strncmp(text, REQUEST_PREFIX, strlen(REQUEST_PREFIX))) {
		server->peers[index].asked = true;
		server->counts.requests++;
		server->counts.held++;
		if (server->counts.held > server->counts.held_most)
			server->counts.held_most = server->counts.held;
	}
}

static void
greet(struct fake_server *server)
{
	int fd = accept(server->listener, NULL, NULL);

	if (fd < 0)
		return;
	MUST(server->peer_count < PEERS_MAX);
	server->peers[server->peer_count++] = (struct peer){.fd = fd};
	server->counts.connections++;
}

static void
serve_once(struct fake_server *server, const struct pollfd *fds, size_t count)
{
	/* From the end: dropping one moves the last into its place. */
	for (size_t i = count; i-- > 0;)
		if (fds[i].revents)
			hear(server, i);
	for (size_t i = server->peer_count; i-- > 0;) {
		if (!server->peers[i].asked || server->hold)
			continue;
		server->counts.held--;
		answer(server, i);
	}
}

static void *
serve(void *context)
{
	struct fake_server *server = context;
	struct pollfd fds[PEERS_MAX + 2];
	char drained[64];
	bool stop = false;

	while (!stop) {
		size_t count = server->peer_count;
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){
			    .fd = server->peers[i].fd, .events = POLLIN};
		fds[count] =
		    (struct pollfd){.fd = server->listener, .events = POLLIN};
		fds[count + 1] = (struct pollfd){
		    .fd = server->wake_pipe[0], .events = POLLIN};
		(void)poll(fds, count + 2, -1);
		pthread_mutex_lock(&server->lock);
		if (fds[count + 1].revents)
			(void)read(
			    server->wake_pipe[0], drained, sizeof(drained));
		serve_once(server, fds, count);
		if (fds[count].revents)
			greet(server);
		stop = server->stop;
		pthread_cond_broadcast(&server->changed);
		pthread_mutex_unlock(&server->lock);
	}
	while (server->peer_count)
		drop_peer(server, server->peer_count - 1);
	return NULL;
}

struct fake_server *
fake_server_new(void)
{
	struct fake_server *server = calloc(1, sizeof(*server));
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	MUST(server);
	server->status = 200;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(server->listener >= 0);
	MUST(bind(server->listener, (struct sockaddr *)&address, len) == 0);
	MUST(listen(server->listener, PEERS_MAX) == 0);
	MUST(getsockname(server->listener, (struct sockaddr *)&address, &len) ==
	     0);
	server->port = ntohs(address.sin_port);
	MUST(pipe(server->wake_pipe) == 0);
	MUST(pthread_mutex_init(&server->lock, NULL) == 0);
	MUST(pthread_cond_init(&server->changed, NULL) == 0);
	MUST(pthread_create(&server->thread, NULL, serve, server) == 0);
	return server;
}

void
fake_server_free(struct fake_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->stop = true;
	pthread_mutex_unlock(&server->lock);
	wake(server);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->wake_pipe[0]);
	close(server->wake_pipe[1]);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

uint16_t
fake_server_port(const struct fake_server *server)
{
	return server->port;
}

void
fake_server_hold(struct fake_server *server, bool hold)
{
	pthread_mutex_lock(&server->lock);
	server->hold = hold;
	pthread_mutex_unlock(&server->lock);
	wake(server);
}

void
fake_server_set_status(struct fake_server *server, unsigned int status)
{
	pthread_mutex_lock(&server->lock);
	server->status = status;
	pthread_mutex_unlock(&server->lock);
}

static void
wait_for(struct fake_server *server, const size_t *counter, size_t count)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&server->lock);
	while (*counter < count)
		MUST(pthread_cond_timedwait(
			 &server->changed, &server->lock, &until) == 0);
	pthread_mutex_unlock(&server->lock);
}

void
fake_server_wait_held(struct fake_server *server, size_t count)
{
	wait_for(server, &server->counts.held, count);
}

void
fake_server_wait_gone(struct fake_server *server, size_t count)
{
	wait_for(server, &server->counts.gone, count);
}

void
fake_server_wait_closed(struct fake_server *server, size_t count)
{
	wait_for(server, &server->counts.closed, count);
}

struct fake_server_counts
fake_server_counts(struct fake_server *server)
{
	struct fake_server_counts counts;

	pthread_mutex_lock(&server->lock);
	counts = server->counts;
	pthread_mutex_unlock(&server->lock);
	return counts;
}
