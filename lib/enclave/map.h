/* The map from the inside: how parsing fills it. */
#ifndef ENCLAVE_MAP_H
#define ENCLAVE_MAP_H

#include "enclave/enclave.h"

/* Room for count enclaves.  NULL when memory is short. */
struct enclave_map *enclave_map_new(size_t count);
/*
 * Takes the enclave over.  Its name and its origin must not be there yet; the
 * map must have room.
 */
void enclave_map_add(struct enclave_map *map, struct enclave *enclave);

void enclave_map_set_polls_in_flight(struct enclave_map *map, size_t count);

#endif
