/*
 * The n-th of the calls that can fail does, for every n, in a call of the
 * library: what comes back is a clean error or the whole answer.
 */
#ifndef INTEGRATION_TORTURE_H
#define INTEGRATION_TORTURE_H

#include <enclave_client.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Nothing is asserted in call and clear: Check allocates too.  call leaves
 * nothing in the scene's outputs unless it succeeds.
 */
struct torture_scene {
	const char *sentence;
	void (*prepare)(void); /* NULL: nothing */
	enum enclave_client_status (*call)(void);
	bool (*succeeded)(void); /* what OK promises */
	bool (*untouched)(void); /* what a failure promises */
	void (*clear)(void);
	size_t calls_min; /* fewer would be a scene that tests nothing */
	bool refused;     /* an error even when nothing fails */
};

/* The scene with each call failing once, and then with none. */
void torture_run(const struct torture_scene *scene);

#endif
