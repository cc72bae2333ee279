/* The URLs of the line, normalised before anything is sent. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "options.h"

/* All owned. */
struct target {
	char *given;   /* as on the line */
	char *url;     /* https, without fragment */
	char *origin;  /* "https://host:port", port always there */
	char *enclave; /* "host", or "host:port" where that is not 443 */
};

struct targets {
	struct target *items;
	size_t count;
};

/* Gives 0, or EXIT_URL, EXIT_USAGE, EXIT_MEMORY. */
int targets_from_options(const struct options *options,
    struct targets *ret_targets, struct fault *fault);
void targets_clear(struct targets *targets);

#endif
