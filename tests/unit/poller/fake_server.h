/*
 * An endpoint on the loopback that answers every GET with 200 and two bytes,
 * at once or when it is let go, and keeps the connection for the next.  The
 * port is the kernel's choice.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* An assertion for any thread; Check's own are for the test's alone. */
#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

struct fake_server;

struct fake_server *fake_server_new(void);
void fake_server_free(struct fake_server *server);
uint16_t fake_server_port(const struct fake_server *server);

/* While it holds, requests wait without an answer; then all get theirs. */
void fake_server_hold(struct fake_server *server, bool hold);
/* The status of answers from now on. */
void fake_server_set_status(struct fake_server *server, unsigned int status);

/* Blocks until that many requests wait at once; aborts the test after long. */
void fake_server_wait_held(struct fake_server *server, size_t count);
/* Blocks until that many peers went away before their answer. */
void fake_server_wait_gone(struct fake_server *server, size_t count);
/* Blocks until that many connections were closed, since the start. */
void fake_server_wait_closed(struct fake_server *server, size_t count);

struct fake_server_counts {
	size_t connections;
	size_t requests;
	size_t held;
	size_t held_most;
	size_t gone;
	size_t closed;
};
struct fake_server_counts fake_server_counts(struct fake_server *server);

#endif
