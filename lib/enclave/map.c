/*
 * Enclaves by name and by origin: two tables with open addressing, at most
 * half full, that never change once the map is shared.
 */
#include "enclave/map.h"

#include <stdlib.h>
#include <string.h>

struct table {
	/* Index of the enclave plus 1; 0 is a free slot. */
	uint32_t *slots;
	size_t mask;
};

struct enclave_map {
	atomic_size_t references;
	struct enclave **enclaves;
	size_t count;
	size_t polls_in_flight;
	struct table names;
	struct table origins;
};

/* FNV-1a: the names come from the caller's own configuration. */
static uint64_t
hash_add(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t
hash_string(const char *string)
{
	return hash_add(UINT64_C(0xcbf29ce484222325), string, strlen(string));
}

static uint64_t
hash_origin(const struct origin *origin)
{
	uint8_t rest[3] = {
	    origin->https, (uint8_t)(origin->port >> 8), (uint8_t)origin->port};

	return hash_add(hash_string(origin->host), rest, sizeof(rest));
}

static bool
table_init(struct table *table, size_t count)
{
	size_t size = 4;

	while (size < 2 * count)
		size *= 2;
	table->mask = size - 1;
	table->slots = calloc(size, sizeof(*table->slots));
	return table->slots != NULL;
}

static void
table_add(struct table *table, uint64_t hash, size_t index)
{
	size_t slot = hash & table->mask;

	while (table->slots[slot])
		slot = (slot + 1) & table->mask;
	table->slots[slot] = (uint32_t)index + 1;
}

struct enclave_map *
enclave_map_new(size_t count)
{
	struct enclave_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	atomic_init(&map->references, 1);
	map->polls_in_flight = POLLS_IN_FLIGHT_MAX;
	map->enclaves = calloc(count ? count : 1, sizeof(*map->enclaves));
	if (!map->enclaves || !table_init(&map->names, count) ||
	    !table_init(&map->origins, count)) {
		enclave_map_unref(map);
		return NULL;
	}
	return map;
}

void
enclave_map_add(struct enclave_map *map, struct enclave *enclave)
{
	table_add(&map->names, hash_string(enclave->name), map->count);
	table_add(&map->origins, hash_origin(&enclave->origin), map->count);
	enclave->index = map->count;
	map->enclaves[map->count++] = enclave;
}

struct enclave_map *
enclave_map_ref(struct enclave_map *map)
{
	if (map)
		atomic_fetch_add_explicit(
		    &map->references, 1, memory_order_relaxed);
	return map;
}

void
enclave_map_unref(struct enclave_map *map)
{
	if (!map || atomic_fetch_sub_explicit(
			&map->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < map->count; i++)
		enclave_unref(map->enclaves[i]);
	free(map->enclaves);
	free(map->names.slots);
	free(map->origins.slots);
	free(map);
}

size_t
enclave_map_count(const struct enclave_map *map)
{
	return map->count;
}

struct enclave *
enclave_map_at(const struct enclave_map *map, size_t index)
{
	return index < map->count ? map->enclaves[index] : NULL;
}

struct enclave *
enclave_map_find(const struct enclave_map *map, const char *name)
{
	const struct table *table = &map->names;
	size_t slot = hash_string(name) & table->mask;

	for (; table->slots[slot]; slot = (slot + 1) & table->mask) {
		struct enclave *enclave = map->enclaves[table->slots[slot] - 1];
		if (!strcmp(enclave->name, name))
			return enclave;
	}
	return NULL;
}

struct enclave *
enclave_map_find_origin(
    const struct enclave_map *map, const struct origin *origin)
{
	const struct table *table = &map->origins;
	size_t slot = hash_origin(origin) & table->mask;

	for (; table->slots[slot]; slot = (slot + 1) & table->mask) {
		struct enclave *enclave = map->enclaves[table->slots[slot] - 1];
		if (origin_equal(&enclave->origin, origin))
			return enclave;
	}
	return NULL;
}

void
enclave_map_set_polls_in_flight(struct enclave_map *map, size_t count)
{
	map->polls_in_flight = count;
}

size_t
enclave_map_polls_in_flight(const struct enclave_map *map)
{
	return map->polls_in_flight;
}
