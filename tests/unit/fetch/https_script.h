/*
 * An https server on the loopback that answers as a script says and keeps what
 * it was sent.  One connection at a time, on a thread of its own.
 */
#ifndef HTTPS_SCRIPT_H
#define HTTPS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct https_script {
	/* Headers and the start of the body; NULL: silence. */
	const char *answer;
	size_t answer_len; /* 0: its strlen */
	/* So many bytes more follow, all 'x'. */
	size_t filler_len;
	/* Then the connection ends; otherwise the next request may come. */
	int close_after;
};

struct https_server;

/* script is borrowed until the server is freed. */
struct https_server *https_server_new(const struct https_script *script);
void https_server_free(struct https_server *server);
uint16_t https_server_port(const struct https_server *server);
/*
 * Everything that came in, all requests in a row, and on how many connections.
 * Borrowed; to be read when no request is under way.
 */
const char *https_server_received(struct https_server *server);
unsigned int https_server_connections(struct https_server *server);

#endif
