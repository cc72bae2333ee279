/*
 * A public key infrastructure shaped like that of AWS Nitro Enclaves: five
 * levels, P-384 throughout, the same names, extensions, criticality, validity
 * spans and reuse as real certificates have. Only the keys differ.
 */
#ifndef LOCAL_ENCLAVE_NITRO_PKI_H
#define LOCAL_ENCLAVE_NITRO_PKI_H

#include "certificate.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Real documents changed twice: since July 2024 the instance certificate has
 * key identifiers, since mid-2025 the payload map has an indefinite length.
 */
enum era {
	ERA_2024,
	ERA_2026,
};

bool era_parse(const char *text, enum era *ret_era);
const char *era_name(enum era era);

enum nitro_level {
	NITRO_ROOT,
	NITRO_REGIONAL,
	NITRO_ZONAL,
	NITRO_INSTANCE,
	NITRO_LEAF,
	NITRO_LEVELS,
};

/* What the two lowest certificates are about, and how they are shaped. */
struct nitro_subject {
	const char *instance_id;
	const char *module_id;
	enum era era;
	int64_t leaf_life_s;
};

/* One root and what it has issued last; issued anew when that runs out. */
struct nitro_pki {
	struct identity level[NITRO_LEVELS];
	enum era era;
	int64_t leaf_life_s;
};

/*
 * Takes the root from folder/name.pem and name.key, and creates both when they
 * are absent. The state folder must be locked.
 */
void nitro_pki_open(
    struct nitro_pki *pki, const char *folder, const char *name);

/*
 * Makes every level valid at now_ms, as the hypervisor would: a leaf is reused
 * until its last quarter of an hour, or the last eighth of a shorter life.
 */
void nitro_pki_prepare(
    struct nitro_pki *pki, const struct nitro_subject *subject, int64_t now_ms);

/* The next document will have a new leaf, and a chain that suits it. */
void nitro_pki_forget(struct nitro_pki *pki);
void nitro_pki_free(struct nitro_pki *pki);

#endif
