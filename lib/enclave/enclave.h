/*
 * One enclave as it was configured: immutable, counted, shared between
 * threads.  A changed configuration makes a new one.
 */
#ifndef ENCLAVE_ENCLAVE_H
#define ENCLAVE_ENCLAVE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "enclave/origin.h"
#include "enclave/profile.h"
#include "policy/policy.h"

struct enclave_timing {
	int64_t poll_interval_ms;
	int64_t poll_margin_ms;
	int64_t max_age_ms;
	int64_t clock_skew_ms;
	int64_t fetch_timeout_ms;
	int64_t body_max_bytes; /* of the evidence answer */
};

struct enclave {
	size_t index; /* place in its map */
	char *name;
	struct origin origin;
	char *url; /* of the origin, no trailing slash */
	/* Whole, but for a nonce; of no meaning when it is in the leaf. */
	char *evidence_url;
	const struct profile *profile;
	struct profile *own_profile; /* composed; NULL: profile is a row */
	/* Trust: ordinary verification of the origin's certificate as well as
	 * the attested key, or the attested key alone. */
	bool web_pki;
	struct policy *policy;
	struct enclave_timing timing;
	bool cut_on_expiry;
	/* Keep a key that an unaccepted build shows, until its deadline. */
	bool insecure_keep_withdrawn;
	/* Any switch that weakens this enclave's verdicts; marks reports. */
	bool insecure;
	/* enclave_ref() and enclave_unref() alone touch it. */
	atomic_size_t references;
};

struct enclave *enclave_ref(struct enclave *enclave);
void enclave_unref(struct enclave *enclave);
/* Same name, origin, policy, profile, trust, timing, switches. */
bool enclave_equal(const struct enclave *a, const struct enclave *b);
/* Evidence is fetched, by polls and learning; else it is in the certificate. */
bool enclave_fetches(const struct enclave *enclave);
/*
 * Connections and evidence judged for the one mean the same for the other: who
 * answers where, how evidence names its key, and what else was verified.
 */
bool enclave_same_judgement(const struct enclave *a, const struct enclave *b);

/* An immutable, counted map: names are unique, so are origins. */
struct enclave_map;

struct enclave_map_options {
	bool insecure_allowed;     /* insecure_* members of the JSON count */
	bool insecure_allow_debug; /* for every enclave */
};

/* Whole text of a configuration, long or short form (DESIGN section 12). */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status enclave_map_new_json(
    struct bytes text, const struct enclave_map_options *options,
    struct enclave_map **ret_map, struct enclave_client_error *error);

/* One enclave on one origin, as a command line names it.  Borrowed. */
struct enclave_single {
	const char *name;  /* NULL: host, with the port where it is not 443 */
	const char *url;   /* its origin counts; path and query do not */
	struct bytes pcrs; /* JSON: an object, a list, nitro-cli output */
};

ENCLAVE_CLIENT_NODISCARD enum enclave_client_status enclave_map_new_single(
    const struct enclave_single *single,
    const struct enclave_map_options *options, struct enclave_map **ret_map,
    struct enclave_client_error *error);

struct enclave_map *enclave_map_ref(struct enclave_map *map);
void enclave_map_unref(struct enclave_map *map);
/* Polls that may be in flight at once, from 1 to POLLS_IN_FLIGHT_MAX. */
size_t enclave_map_polls_in_flight(const struct enclave_map *map);
size_t enclave_map_count(const struct enclave_map *map);
/* Borrowed until the map is freed. */
struct enclave *enclave_map_at(const struct enclave_map *map, size_t index);
/* NULL when there is none.  Constant time in the number of enclaves. */
struct enclave *enclave_map_find(
    const struct enclave_map *map, const char *name);
struct enclave *enclave_map_find_origin(
    const struct enclave_map *map, const struct origin *origin);

#endif
