/*
 * Fuzz target: any bytes as a map of enclaves, with the policies and composed
 * profiles inside.  What is accepted must be found again, name its policy, and
 * read the same a second time; what is refused says why and leaves nothing.
 */
#include <stdlib.h>

#include "enclave/enclave.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool holds)
{
	if (!holds)
		abort();
}

static struct enclave_map *
load(struct bytes text, bool insecure)
{
	const struct enclave_map_options options = {
	    .insecure_allowed = insecure, .insecure_allow_debug = insecure};
	struct enclave_client_error error = {0};
	struct enclave_map *map = NULL;

	if (enclave_map_new_json(text, &options, &map, &error)) {
		need(!map && error.status && error.message[0]);
		return NULL;
	}
	need(map != NULL);
	return map;
}

static void
check_enclave(const struct enclave_map *map, const struct enclave_map *again,
    size_t index)
{
	struct enclave *enclave = enclave_map_at(map, index);
	const struct enclave *other = enclave_map_at(again, index);

	need(enclave_map_find(map, enclave->name) == enclave);
	need(enclave_map_find_origin(map, &enclave->origin) == enclave);
	need(policy_set_count(enclave->policy) > 0);
	need(!enclave->insecure && !policy_insecure_debug(enclave->policy));
	need(enclave->timing.max_age_ms >= MAX_AGE_MS_FLOOR &&
	     enclave->timing.max_age_ms <= MAX_AGE_MS_CEILING);
	need(enclave->timing.clock_skew_ms <= CLOCK_SKEW_MS_CEILING);
	need(!enclave->profile->ungated);
	need(enclave_equal(enclave, other));
	need(enclave_same_judgement(enclave, other));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = {data, size};
	struct enclave_map *map = load(text, false);
	struct enclave_map *again = load(text, false);
	struct enclave_map *weaker = load(text, true);

	need(!map == !again);
	if (map) {
		/* What is allowed beside only ever adds. */
		need(weaker != NULL);
		need(enclave_map_count(map) == enclave_map_count(again));
		for (size_t i = 0; i < enclave_map_count(map); i++)
			check_enclave(map, again, i);
	}
	enclave_map_unref(map);
	enclave_map_unref(again);
	enclave_map_unref(weaker);
	return 0;
}
