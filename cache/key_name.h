/* A key as messages name it. */
#ifndef CACHE_KEY_NAME_H
#define CACHE_KEY_NAME_H

#include "binding/binding.h"

#define KEY_NAME_BYTES 8

/* The first 16 hex digits of the key's SHA-256. */
struct key_name {
	char hex[2 * KEY_NAME_BYTES + 1];
};

struct key_name key_name(const struct binding_key *key);

#endif
