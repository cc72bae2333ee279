#include "binding/leaf_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A leaf, and all else that binding_from_leaf() looks at. */
struct place {
	enum binding_object object;
	enum binding_transform transform;
	size_t prefix_len;
	size_t leaf_len;
	uint8_t *data; /* owned: the prefix, then the leaf */
	struct binding_key key;
};

struct leaf_memory {
	pthread_mutex_t mutex;
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
	for (size_t i = 0; i < LEAF_MEMORY_ENTRIES_MAX; i++)
		free(memory->places[i].data);
	(void)pthread_mutex_destroy(&memory->mutex);
	free(memory);
}

static struct bytes
prefix_of(const struct binding_rule *rule)
{
	return bytes_from_string(rule->prefix ? rule->prefix : "");
}

static bool
is_of(const struct place *place, const struct binding_rule *rule,
    struct bytes prefix, struct bytes leaf_der)
{
	const struct bytes prefix_then = {place->data, place->prefix_len};

	return place->data && place->leaf_len == leaf_der.len &&
	       place->object == rule->object &&
	       place->transform == rule->transform &&
	       bytes_equal(prefix_then, prefix) &&
	       !memcmp(place->data + place->prefix_len, leaf_der.data,
		   leaf_der.len);
}

static bool
find(struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes leaf_der, struct binding_key *ret_key)
{
	const struct bytes prefix = prefix_of(rule);
	bool found = false;

	(void)pthread_mutex_lock(&memory->mutex);
	for (size_t i = 0; i < LEAF_MEMORY_ENTRIES_MAX && !found; i++) {
		const struct place *place = &memory->places[i];

		found = is_of(place, rule, prefix, leaf_der);
		if (found)
			*ret_key = place->key;
	}
	(void)pthread_mutex_unlock(&memory->mutex);
	return found;
}

/* Best effort: where memory is short the leaf is parsed again. */
static void
remember(struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes leaf_der, const struct binding_key *key)
{
	const struct bytes prefix = prefix_of(rule);
	struct place *place;
	uint8_t *data = malloc(prefix.len + leaf_der.len);

	if (!data)
		return;
	memcpy(data, prefix.data, prefix.len);
	memcpy(data + prefix.len, leaf_der.data, leaf_der.len);
	(void)pthread_mutex_lock(&memory->mutex);
	place = &memory->places[memory->next];
	free(place->data);
	*place = (struct place){
	    .object = rule->object,
	    .transform = rule->transform,
	    .prefix_len = prefix.len,
	    .leaf_len = leaf_der.len,
	    .data = data,
	    .key = *key,
	};
	memory->next = (memory->next + 1) % LEAF_MEMORY_ENTRIES_MAX;
	(void)pthread_mutex_unlock(&memory->mutex);
}

enum enclave_client_status
leaf_memory_key(struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes leaf_der, struct binding_key *ret_key,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	bool short_enough = memory && leaf_der.len &&
			    leaf_der.len <= LEAF_MEMORY_LEAF_BYTES_MAX;

	if (short_enough && find(memory, rule, leaf_der, ret_key))
		return ENCLAVE_CLIENT_OK;
	status = binding_from_leaf(rule, leaf_der, ret_key, error);
	if (!status && short_enough)
		remember(memory, rule, leaf_der, ret_key);
	return status;
}
