#include "binding/leaf_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/digest.h"

struct place {
	uint8_t digest[DIGEST_BYTES];
	struct binding_key key;
};

struct leaf_memory {
	pthread_mutex_t mutex;
	size_t count;
	size_t next; /* the place that is filled next */
	struct place places[LEAF_MEMORY_ENTRIES_MAX];
};

struct leaf_memory *
leaf_memory_new(void)
{
	struct leaf_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	if (pthread_mutex_init(&memory->mutex, NULL)) {
		free(memory);
		return NULL;
	}
	return memory;
}

void
leaf_memory_free(struct leaf_memory *memory)
{
	if (!memory)
		return;
	(void)pthread_mutex_destroy(&memory->mutex);
	free(memory);
}

/* All that binding_from_leaf() looks at. */
static bool
name_leaf(const struct binding_rule *rule, struct bytes leaf_der,
    uint8_t ret_digest[DIGEST_BYTES])
{
	const uint8_t kind[] = {
	    (uint8_t)rule->object, (uint8_t)rule->transform};
	struct digest digest;
	bool done = digest_begin(&digest, "leaf") &&
		    digest_add(&digest, (struct bytes){kind, sizeof(kind)}) &&
		    digest_add(&digest,
			bytes_from_string(rule->prefix ? rule->prefix : "")) &&
		    digest_add(&digest, leaf_der);

	return digest_end(&digest, done, ret_digest);
}

static bool
find(struct leaf_memory *memory, const uint8_t digest[DIGEST_BYTES],
    struct binding_key *ret_key)
{
	bool found = false;

	(void)pthread_mutex_lock(&memory->mutex);
	for (size_t i = 0; i < memory->count && !found; i++) {
		const struct place *place = &memory->places[i];

		found = !memcmp(place->digest, digest, DIGEST_BYTES);
		if (found)
			*ret_key = place->key;
	}
	(void)pthread_mutex_unlock(&memory->mutex);
	return found;
}

static void
remember(struct leaf_memory *memory, const uint8_t digest[DIGEST_BYTES],
    const struct binding_key *key)
{
	struct place *place;

	(void)pthread_mutex_lock(&memory->mutex);
	place = &memory->places[memory->next];
	memcpy(place->digest, digest, DIGEST_BYTES);
	place->key = *key;
	memory->next = (memory->next + 1) % LEAF_MEMORY_ENTRIES_MAX;
	if (memory->count < LEAF_MEMORY_ENTRIES_MAX)
		memory->count++;
	(void)pthread_mutex_unlock(&memory->mutex);
}

enum enclave_client_status
leaf_memory_key(struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes leaf_der, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	uint8_t digest[DIGEST_BYTES];
	enum enclave_client_status status;
	bool named =
	    memory && leaf_der.len && name_leaf(rule, leaf_der, digest);

	if (named && find(memory, digest, ret_key))
		return ENCLAVE_CLIENT_OK;
	status = binding_from_leaf(rule, leaf_der, ret_key, error);
	if (!status && named)
		remember(memory, digest, ret_key);
	return status;
}
