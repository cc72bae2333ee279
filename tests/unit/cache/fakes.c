#include "fakes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static atomic_int objects;

int
fake_objects(void)
{
	return atomic_load(&objects);
}

/* Allocation */

static atomic_long fail_in;
static atomic_bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool
fails_now(void)
{
	if (!atomic_load(&fail_in) || atomic_fetch_sub(&fail_in, 1) != 1)
		return false;
	atomic_store(&failed, true);
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void
fake_fail_allocation(long nth)
{
	atomic_store(&failed, false);
	atomic_store(&fail_in, nth);
}

bool
fake_allocation_failed(void)
{
	return atomic_load(&failed);
}

/* The fakes' own memory never runs short, but where a fake says so. */
static void *
fake_new(size_t size)
{
	void *object = __real_calloc(1, size);

	if (!object)
		abort();
	atomic_fetch_add(&objects, 1);
	return object;
}

static void
fake_delete(void *object)
{
	atomic_fetch_sub(&objects, 1);
	free(object);
}

/* Clock */

static _Atomic int64_t wall_ms = START_WALL_MS;
static _Atomic int64_t boot_ms = START_BOOT_MS;

static int64_t
read_wall(void *context)
{
	(void)context;
	return atomic_load(&wall_ms);
}

static int64_t
read_boot(void *context)
{
	(void)context;
	return atomic_load(&boot_ms);
}

const struct clock_source fake_clock = {read_wall, read_boot, NULL};
const struct appraiser fake_appraiser = {.clock = &fake_clock};

void
fake_clock_set(int64_t wall, int64_t boot)
{
	atomic_store(&wall_ms, START_WALL_MS + wall);
	atomic_store(&boot_ms, START_BOOT_MS + boot);
}

struct moment
fake_now(void)
{
	return clock_now(&fake_clock);
}

/* Claims */

struct claims {
	atomic_int references;
	struct document document;
};

struct claims *
fake_claims(const struct document *document)
{
	struct claims *claims = fake_new(sizeof(*claims));

	atomic_init(&claims->references, 1);
	claims->document = *document;
	return claims;
}

struct claims *
claims_ref(struct claims *claims)
{
	atomic_fetch_add(&claims->references, 1);
	return claims;
}

void
claims_unref(struct claims *claims)
{
	if (claims && atomic_fetch_sub(&claims->references, 1) == 1)
		fake_delete(claims);
}

bool
claims_authentic(const struct claims *claims)
{
	return !claims->document.unauthentic;
}

bool
claims_replayed(const struct claims *claims)
{
	return claims->document.replayed;
}

int64_t
claims_timestamp_ms(const struct claims *claims)
{
	return START_WALL_MS + claims->document.timestamp_ms;
}

int64_t
claims_not_after_ms(const struct claims *claims)
{
	return START_WALL_MS + claims->document.not_after_ms;
}

struct binding_key
fake_key(char name)
{
	struct binding_key key;

	memset(key.sha256, name, sizeof(key.sha256));
	return key;
}

bool
binding_key_equal(const struct binding_key *a, const struct binding_key *b)
{
	return !memcmp(a->sha256, b->sha256, sizeof(a->sha256));
}

/* Policy: bit n set, build n is accepted. */

struct policy {
	atomic_int references;
	unsigned int accepted;
	bool without_code;
};

struct policy *
policy_ref(struct policy *policy)
{
	atomic_fetch_add(&policy->references, 1);
	return policy;
}

void
policy_unref(struct policy *policy)
{
	if (policy && atomic_fetch_sub(&policy->references, 1) == 1)
		fake_delete(policy);
}

bool
policy_equal(const struct policy *a, const struct policy *b)
{
	return a->accepted == b->accepted && a->without_code == b->without_code;
}

bool
policy_without_code(
    const struct policy *policy, struct enclave_client_error *ret_about)
{
	if (policy->without_code)
		error_set(ret_about, ENCLAVE_CLIENT_OK,
		    ENCLAVE_CLIENT_STEP_POLICY, "no code");
	return policy->without_code;
}

bool
fake_policy_accepts(const struct policy *policy, const struct claims *claims)
{
	return policy->accepted >> claims->document.build & 1;
}

size_t
policy_set_count(const struct policy *policy)
{
	(void)policy;
	return 8;
}

const char *
policy_set_label(const struct policy *policy, size_t set)
{
	(void)policy;
	return set == 1 ? "first" : "";
}

/* Enclaves */

const struct profile fake_profiles[2] = {{.name = "one"}, {.name = "two"}};

struct counted_enclave {
	struct enclave enclave; /* first */
	atomic_int references;
};

struct enclave *
enclave_ref(struct enclave *enclave)
{
	atomic_fetch_add(&((struct counted_enclave *)enclave)->references, 1);
	return enclave;
}

void
enclave_unref(struct enclave *enclave)
{
	struct counted_enclave *counted = (struct counted_enclave *)enclave;

	if (!counted || atomic_fetch_sub(&counted->references, 1) != 1)
		return;
	policy_unref(enclave->policy);
	free(enclave->name);
	free(enclave->origin.host);
	fake_delete(counted);
}

bool
origin_equal(const struct origin *a, const struct origin *b)
{
	return !strcmp(a->host, b->host);
}

bool
enclave_same_judgement(const struct enclave *a, const struct enclave *b)
{
	return origin_equal(&a->origin, &b->origin) && a->profile == b->profile;
}

bool
enclave_equal(const struct enclave *a, const struct enclave *b)
{
	return !strcmp(a->name, b->name) &&
	       origin_equal(&a->origin, &b->origin) &&
	       policy_equal(a->policy, b->policy) && a->profile == b->profile &&
	       a->timing.max_age_ms == b->timing.max_age_ms &&
	       a->timing.poll_interval_ms == b->timing.poll_interval_ms &&
	       a->insecure == b->insecure &&
	       a->insecure_keep_withdrawn == b->insecure_keep_withdrawn;
}

static char *
copy_string(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = __real_malloc(size);

	if (!copy)
		abort();
	memcpy(copy, text, size);
	return copy;
}

static struct enclave *
enclave_new(const struct fake_enclave *fake, size_t index)
{
	struct counted_enclave *counted = fake_new(sizeof(*counted));
	struct enclave *enclave = &counted->enclave;

	atomic_init(&counted->references, 1);
	enclave->policy = fake_new(sizeof(*enclave->policy));
	atomic_init(&enclave->policy->references, 1);
	enclave->policy->accepted = fake->accepted;
	enclave->policy->without_code = fake->without_code;
	enclave->index = index;
	enclave->name = copy_string(fake->name);
	enclave->origin.host = copy_string(fake->host);
	enclave->profile = fake->profile ? fake->profile : &fake_profiles[0];
	enclave->timing.max_age_ms =
	    fake->max_age_ms ? fake->max_age_ms : HOUR_MS;
	enclave->timing.poll_interval_ms = fake->interval_ms;
	enclave->insecure_keep_withdrawn = fake->keep_withdrawn;
	enclave->insecure = fake->insecure;
	return enclave;
}

struct enclave_map {
	atomic_int references;
	size_t count;
	struct enclave *enclaves[];
};

struct enclave_map *
fake_map(const struct fake_enclave *enclaves, size_t count)
{
	struct enclave_map *map =
	    fake_new(sizeof(*map) + count * sizeof(map->enclaves[0]));

	atomic_init(&map->references, 1);
	map->count = count;
	for (size_t i = 0; i < count; i++)
		map->enclaves[i] = enclave_new(&enclaves[i], i);
	return map;
}

struct enclave_map *
enclave_map_ref(struct enclave_map *map)
{
	atomic_fetch_add(&map->references, 1);
	return map;
}

void
enclave_map_unref(struct enclave_map *map)
{
	if (!map || atomic_fetch_sub(&map->references, 1) != 1)
		return;
	for (size_t i = 0; i < map->count; i++)
		enclave_unref(map->enclaves[i]);
	fake_delete(map);
}

size_t
enclave_map_count(const struct enclave_map *map)
{
	return map->count;
}

struct enclave *
enclave_map_at(const struct enclave_map *map, size_t index)
{
	return map->enclaves[index];
}

struct enclave *
enclave_map_find(const struct enclave_map *map, const char *name)
{
	for (size_t i = 0; i < map->count; i++)
		if (!strcmp(map->enclaves[i]->name, name))
			return map->enclaves[i];
	return NULL;
}

struct enclave *
enclave_map_find_origin(
    const struct enclave_map *map, const struct origin *origin)
{
	for (size_t i = 0; i < map->count; i++)
		if (origin_equal(&map->enclaves[i]->origin, origin))
			return map->enclaves[i];
	return NULL;
}

/* Appraisal */

static pthread_mutex_t pause_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pause_changed = PTHREAD_COND_INITIALIZER;
static bool pausing;
static bool paused;
static bool ended;

void
fake_pause(void)
{
	pthread_mutex_lock(&pause_lock);
	pausing = true;
	ended = false;
	pthread_mutex_unlock(&pause_lock);
}

bool
fake_wait_paused(void)
{
	bool met;

	pthread_mutex_lock(&pause_lock);
	while (!paused && !ended)
		pthread_cond_wait(&pause_changed, &pause_lock);
	met = paused;
	pthread_mutex_unlock(&pause_lock);
	return met;
}

void
fake_thread_ended(void)
{
	pthread_mutex_lock(&pause_lock);
	ended = true;
	pthread_cond_broadcast(&pause_changed);
	pthread_mutex_unlock(&pause_lock);
}

void
fake_resume(void)
{
	pthread_mutex_lock(&pause_lock);
	pausing = false;
	paused = false;
	pthread_cond_broadcast(&pause_changed);
	pthread_mutex_unlock(&pause_lock);
}

static void
pause_point(void)
{
	pthread_mutex_lock(&pause_lock);
	while (pausing) {
		paused = true;
		pthread_cond_broadcast(&pause_changed);
		pthread_cond_wait(&pause_changed, &pause_lock);
	}
	pthread_mutex_unlock(&pause_lock);
}

void
appraisal_clear(struct appraisal *appraisal)
{
	claims_unref(appraisal->claims);
	*appraisal = (struct appraisal){.status = ENCLAVE_CLIENT_ERR_INTERNAL};
}

static enum enclave_client_status
check_time(const struct claims *claims, const struct enclave *enclave,
    struct enclave_client_error *error)
{
	int64_t now = fake_now().wall_ms;

	if (now >= claims_not_after_ms(claims))
		return error_set(error, ENCLAVE_CLIENT_ERR_EXPIRED,
		    ENCLAVE_CLIENT_STEP_TIME, "a certificate expired");
	if (now >= claims_timestamp_ms(claims) + enclave->timing.max_age_ms)
		return error_set(error, ENCLAVE_CLIENT_ERR_TOO_OLD,
		    ENCLAVE_CLIENT_STEP_TIME, "too old");
	return ENCLAVE_CLIENT_OK;
}

static int64_t
end_of(const struct claims *claims, const struct enclave *enclave)
{
	int64_t aged = claims_timestamp_ms(claims) + enclave->timing.max_age_ms;

	return aged < claims_not_after_ms(claims) ? aged
						  : claims_not_after_ms(claims);
}

/* Steps and outputs as lib/appraisal has them. */
enum enclave_client_status
appraise_claims(const struct appraiser *appraiser,
    const struct enclave *enclave, struct claims *claims,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	struct appraisal appraisal = {.judged = clock_now(appraiser->clock)};

	pause_point();
	if (fails_now()) { /* as an allocation of the real one may */
		appraisal.status = error_memory(error);
		*ret_appraisal = appraisal;
		return appraisal.status;
	}
	appraisal.status = check_time(claims, enclave, error);
	if (!appraisal.status) {
		appraisal.claims = claims_ref(claims);
		appraisal.key_named = true;
		appraisal.key = fake_key(claims->document.key);
		appraisal.set = claims->document.build;
		appraisal.deadline_ms = end_of(claims, enclave);
		if (!fake_policy_accepts(enclave->policy, claims))
			appraisal.status = error_set(error,
			    ENCLAVE_CLIENT_ERR_MEASUREMENT,
			    ENCLAVE_CLIENT_STEP_POLICY,
			    "build %u is not accepted", claims->document.build);
	}
	*ret_appraisal = appraisal;
	return appraisal.status;
}

enum enclave_client_status
fake_appraise(const struct enclave *enclave, const struct document *document,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	struct claims *claims = fake_claims(document);
	enum enclave_client_status status = appraise_claims(
	    &fake_appraiser, enclave, claims, ret_appraisal, error);

	claims_unref(claims);
	return status;
}
