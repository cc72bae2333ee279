#include "poller/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appraisal/decode.h"
#include "base/limits.h"
#include "evidence/digest.h"
#include "poller/store_file.h"

/* "<32 hex of the origin>-<64 hex of the key>.cose" */
#define ORIGIN_BYTES 16
#define ORIGIN_HEX   (2 * ORIGIN_BYTES)
#define KEY_HEX      (2 * DIGEST_BYTES)
#define SUFFIX       ".cose"
#define NAME_LEN     (ORIGIN_HEX + 1 + KEY_HEX + sizeof(SUFFIX) - 1)
/* More than every key of every enclave: somebody else's directory. */
#define FILES_MAX ((size_t)ENCLAVES_MAX * 16)
/* What was written longer ago is good for nobody, whatever his max_age. */
#define USELESS_MS     (MAX_AGE_MS_CEILING + CLOCK_SKEW_MS_CEILING)
#define SWEEP_EVERY_MS 3600000

struct store {
	struct cache *cache;
	const struct appraiser *appraiser;
	int directory;
	/* The last errno of writing, 0 when it went well: told once. */
	atomic_int write_error;
	_Atomic int64_t next_sweep_boot_ms;
};

struct store_name {
	char text[NAME_LEN + 1];
};

static bool
origin_hex(const struct enclave *enclave, char ret_hex[ORIGIN_HEX + 1])
{
	uint8_t digest[DIGEST_BYTES];

	if (!digest_of(bytes_from_string(enclave->url), digest))
		return false;
	hex_encode((struct bytes){digest, ORIGIN_BYTES}, ret_hex);
	return true;
}

static bool
make_name(const struct enclave *enclave, const struct binding_key *key,
    struct store_name *ret_name)
{
	struct store_name name;

	if (!origin_hex(enclave, name.text))
		return false;
	name.text[ORIGIN_HEX] = '-';
	hex_encode((struct bytes){key->sha256, sizeof(key->sha256)},
	    name.text + ORIGIN_HEX + 1);
	memcpy(name.text + ORIGIN_HEX + 1 + KEY_HEX, SUFFIX, sizeof(SUFFIX));
	*ret_name = name;
	return true;
}

/*
 * A document that answers a nonce counts for the one fetch that asked for it,
 * and what a certificate carries is never fetched: no later run could use
 * either.
 */
static bool
storable(const struct enclave *enclave)
{
	return enclave_fetches(enclave) &&
	       enclave->profile->nonce == PROFILE_NONCE_NONE;
}

/* One of ours, by its form alone. */
static bool
well_named(const char *name)
{
	static const char digits[] = "0123456789abcdef";

	return strlen(name) == NAME_LEN && strspn(name, digits) == ORIGIN_HEX &&
	       name[ORIGIN_HEX] == '-' &&
	       strspn(name + ORIGIN_HEX + 1, digits) == KEY_HEX &&
	       !strcmp(name + ORIGIN_HEX + 1 + KEY_HEX, SUFFIX);
}

enum enclave_client_status
store_new(const struct store_options *options, struct store **ret_store,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_memory(error);
	status = store_file_open_directory(
	    options->directory, &store->directory, error);
	if (status) {
		free(store);
		return status;
	}
	store->cache = options->cache;
	store->appraiser = options->appraiser;
	*ret_store = store;
	return ENCLAVE_CLIENT_OK;
}

void
store_free(struct store *store)
{
	if (!store)
		return;
	(void)close(store->directory);
	free(store);
}

/* Which enclave a file is for. */
struct place {
	char origin[ORIGIN_HEX + 1];
	struct cache_slot *slot; /* borrowed */
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *first = a;
	const struct place *second = b;

	return memcmp(first->origin, second->origin, ORIGIN_HEX);
}

/* New, sorted; NULL when memory is short. */
static struct place *
make_places(const struct cache_slots *slots)
{
	struct place *places = calloc(slots->count + 1, sizeof(*places));

	for (size_t i = 0; places && i < slots->count; i++) {
		struct enclave *enclave =
		    cache_slot_enclave(slots->slots[i], NULL);
		bool named = origin_hex(enclave, places[i].origin);

		enclave_unref(enclave);
		places[i].slot = slots->slots[i];
		if (!named) {
			free(places);
			return NULL;
		}
	}
	if (places)
		qsort(places, slots->count, sizeof(*places), compare_places);
	return places;
}

/* One file at its reading or writing. */
struct job {
	struct store *store;
	struct cache_slot *slot;
	struct enclave *enclave; /* owned reference */
	uint64_t policy_generation;
	const char *name;
};

static void
tell(const struct job *job, const char *what,
    const struct enclave_client_error *reason)
{
	struct enclave_client_error about = {0};

	(void)error_set(&about, reason->status, reason->step,
	    "evidence store, %.12s...: %s: %s", job->name, what,
	    error_reason(reason));
	cache_tell(job->store->cache, job->enclave, ENCLAVE_CLIENT_EVENT_STORE,
	    &about);
}

static void
tell_errno(const struct job *job, const char *what, int reason)
{
	struct enclave_client_error about = {0};

	(void)error_set(&about,
	    reason == EFBIG ? ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE
			    : ENCLAVE_CLIENT_ERR_INTERNAL,
	    ENCLAVE_CLIENT_STEP_NONE, "%s",
	    reason == EINVAL ? "no regular file" : strerror(reason));
	tell(job, what, &about);
}

/*
 * Evidence that says nothing about a key is skipped: a poll that brings the
 * like would be a failure of the enclave, and this is none.
 */
static bool
worth_publishing(const struct appraisal *appraisal)
{
	return appraisal->status == ENCLAVE_CLIENT_OK ||
	       (appraisal->claims && appraisal->key_named);
}

/*
 * Nobody can ever use it again.  Under the lock, and read once more: another
 * process may just have put newer evidence there.
 */
static void
remove_expired(const struct job *job, struct bytes document)
{
	int directory = job->store->directory;
	int lock = store_file_lock(directory);
	struct buffer there;

	if (lock < 0)
		return;
	if (store_file_read(directory, job->name, DOCUMENT_MAX_BYTES, &there)) {
		if (bytes_equal(buffer_bytes(&there), document))
			(void)unlinkat(directory, job->name, 0);
		buffer_clear(&there);
	}
	store_file_unlock(lock);
}

static void
judge(const struct job *job, struct bytes document)
{
	struct appraisal appraisal = {.status = ENCLAVE_CLIENT_ERR_INTERNAL};
	struct enclave_client_error error = {0};
	enum enclave_client_status status = appraise(job->store->appraiser,
	    job->enclave, (struct answer){.body = document, .decoded = true},
	    &appraisal, &error);

	/* Published or refused: the cache tells it like a poll's. */
	if (worth_publishing(&appraisal))
		(void)!cache_publish(job->store->cache, job->slot,
		    job->policy_generation, &appraisal, &error);
	else if (status == ENCLAVE_CLIENT_ERR_EXPIRED)
		remove_expired(job, document);
	else if (status != ENCLAVE_CLIENT_ERR_TOO_OLD)
		tell(job, "skipped", &error);
	appraisal_clear(&appraisal);
}

static void
read_and_judge(const struct job *job)
{
	struct buffer document;

	if (store_file_read(job->store->directory, job->name,
		DOCUMENT_MAX_BYTES, &document)) {
		judge(job, buffer_bytes(&document));
		buffer_clear(&document);
	} else if (errno != ENOENT) {
		/* Not there: another process has just replaced or removed it. */
		tell_errno(job, "skipped", errno);
	}
}

static void
load_file(struct store *store, struct cache_slot *slot, const char *name)
{
	struct job job = {.store = store, .slot = slot, .name = name};

	job.enclave = cache_slot_enclave(slot, &job.policy_generation);
	/* Not ours: left by another profile of the same origin. */
	if (storable(job.enclave))
		read_and_judge(&job);
	enclave_unref(job.enclave);
}

/* Until visit says false. */
static void
each_file(const struct store *store,
    bool (*visit)(void *context, const char *name), void *context)
{
	int copy =
	    openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *file;

	for (size_t i = 0; directory && i < FILES_MAX; i++)
		if (!(file = readdir(directory)) ||
		    !visit(context, file->d_name))
			break;
	if (directory)
		(void)closedir(directory);
	else if (copy >= 0)
		(void)close(copy);
}

/*
 * A document that is good for nobody, also of an enclave that is in no map any
 * more: else the directory grows with each key.  Under the lock as above.
 */
static bool
remove_useless(void *context, const char *name)
{
	const struct store *store = context;
	int64_t now_ms = clock_now(store->appraiser->clock).wall_ms;
	int lock;

	if (!well_named(name) ||
	    !store_file_older(store->directory, name, now_ms, USELESS_MS))
		return true;
	lock = store_file_lock(store->directory);
	if (lock < 0)
		return true;
	if (store_file_older(store->directory, name, now_ms, USELESS_MS))
		(void)unlinkat(store->directory, name, 0);
	store_file_unlock(lock);
	return true;
}

/* Once an hour in a process that runs for long. */
static void
sweep(struct store *store)
{
	int64_t now_ms = clock_now(store->appraiser->clock).boot_ms;
	int64_t due_ms = store->next_sweep_boot_ms;

	if (now_ms >= due_ms &&
	    atomic_compare_exchange_strong(
		&store->next_sweep_boot_ms, &due_ms, now_ms + SWEEP_EVERY_MS))
		each_file(store, remove_useless, store);
}

struct loading {
	struct store *store;
	struct cache_slots slots;
	struct place *places;
	store_go_on go_on;
	void *context;
};

static bool
load_named(void *context, const char *name)
{
	const struct loading *loading = context;
	struct store *store = loading->store;
	struct place wanted = {.slot = NULL};
	const struct place *place;

	if (!loading->go_on(loading->context))
		return false;
	if (store_file_unfinished(name))
		store_file_remove_stale(store->directory, name,
		    clock_now(store->appraiser->clock).wall_ms);
	if (!well_named(name))
		return true;
	(void)remove_useless(store, name);
	memcpy(wanted.origin, name, ORIGIN_HEX);
	place = bsearch(&wanted, loading->places, loading->slots.count,
	    sizeof(*place), compare_places);
	if (place)
		load_file(store, place->slot, name);
	return true;
}

void
store_load(struct store *store, store_go_on go_on, void *context)
{
	struct loading loading = {.store = store,
	    .slots = cache_slots_begin(store->cache),
	    .go_on = go_on,
	    .context = context};

	store->next_sweep_boot_ms =
	    clock_now(store->appraiser->clock).boot_ms + SWEEP_EVERY_MS;
	loading.places = make_places(&loading.slots);
	if (loading.places)
		each_file(store, load_named, &loading);
	free(loading.places);
	cache_slots_end(&loading.slots);
}

static bool
share_a_key(const struct appraisal *a, const struct appraisal *b)
{
	if (appraisal_names(a, &b->key))
		return true;
	for (size_t i = 0; i < b->more_count; i++)
		if (appraisal_names(a, &b->more[i]))
			return true;
	return false;
}

/* What lies in a document's place, seen from one that is to go there. */
enum place_holder {
	HOLDER_NONE,   /* nothing, or nothing that says anything now */
	HOLDER_OTHERS, /* authentic, and about other keys */
	HOLDER_OLDER,
	HOLDER_NEWER, /* or just as old */
};

/*
 * Evidence that the policy refuses counts like evidence that it accepts: it
 * holds the place of a key that was withdrawn, and older evidence must not
 * bring that key back.
 */
static enum place_holder
compare(const struct job *job, const struct appraisal *ours,
    struct bytes document, struct bytes there)
{
	struct appraisal theirs = {.status = ENCLAVE_CLIENT_ERR_INTERNAL};
	enum place_holder holder = HOLDER_NONE;

	if (bytes_equal(there, document))
		return HOLDER_NEWER;
	(void)!appraise(job->store->appraiser, job->enclave,
	    (struct answer){.body = there, .decoded = true}, &theirs, NULL);
	if (worth_publishing(&theirs)) {
		holder = HOLDER_OTHERS;
		if (share_a_key(&theirs, ours))
			holder = claims_timestamp_ms(theirs.claims) >=
					 claims_timestamp_ms(ours->claims)
				     ? HOLDER_NEWER
				     : HOLDER_OLDER;
	}
	appraisal_clear(&theirs);
	return holder;
}

static enum place_holder
look(const struct job *job, const struct appraisal *ours, struct bytes document)
{
	enum place_holder holder;
	struct buffer there;

	if (!store_file_read(
		job->store->directory, job->name, DOCUMENT_MAX_BYTES, &there))
		return HOLDER_NONE;
	holder = compare(job, ours, document, buffer_bytes(&there));
	buffer_clear(&there);
	return holder;
}

static void
write_document(const struct job *job, struct bytes document)
{
	struct store *store = job->store;
	bool written = store_file_write(store->directory, job->name, document);
	int reason = written ? 0 : errno;

	/* A full disk is told once, not at every poll. */
	if (atomic_exchange(&store->write_error, reason) != reason && reason)
		tell_errno(job, "not written", reason);
}

static void
save(const struct job *job, const struct appraisal *appraisal,
    struct bytes document)
{
	int lock = store_file_lock(job->store->directory);

	/* Who has it is writing just now; the next poll comes round. */
	if (lock < 0)
		return;
	if (look(job, appraisal, document) != HOLDER_NEWER)
		write_document(job, document);
	store_file_unlock(lock);
}

void
store_save(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body)
{
	struct job job = {.store = store};
	struct buffer document;
	struct store_name name;

	if (!store || !storable(enclave) || !appraisal->claims ||
	    !appraisal->key_named || appraisal->status ||
	    !make_name(enclave, &appraisal->key, &name) ||
	    decode_body(enclave->profile, body, &document, NULL))
		return;
	job.enclave = enclave_ref((struct enclave *)enclave);
	job.name = name.text;
	save(&job, appraisal, buffer_bytes(&document));
	sweep(store);
	enclave_unref(job.enclave);
	buffer_clear(&document);
}

/* Evidence that ends keys in the store. */
struct withdrawal {
	struct store *store;
	const struct enclave *enclave;
	const struct appraisal *appraisal;
	struct bytes document;
	char origin[ORIGIN_HEX + 1];
};

/* Where there is a file; what is too old for this client may do for another. */
static void
replace_named(
    const struct withdrawal *withdrawal, const struct binding_key *key)
{
	struct job job = {.store = withdrawal->store,
	    .enclave = (struct enclave *)withdrawal->enclave};
	struct store_name name;

	if (!make_name(withdrawal->enclave, key, &name) ||
	    faccessat(
		job.store->directory, name.text, F_OK, AT_SYMLINK_NOFOLLOW))
		return;
	job.name = name.text;
	if (look(&job, withdrawal->appraisal, withdrawal->document) !=
	    HOLDER_NEWER)
		write_document(&job, withdrawal->document);
}

/* A document of several keys lies under the name of its first alone. */
static bool
replace_any(void *context, const char *name)
{
	const struct withdrawal *withdrawal = context;
	struct job job = {.store = withdrawal->store,
	    .enclave = (struct enclave *)withdrawal->enclave,
	    .name = name};

	enum place_holder holder;

	if (!well_named(name) || memcmp(name, withdrawal->origin, ORIGIN_HEX))
		return true;
	holder = look(&job, withdrawal->appraisal, withdrawal->document);
	if (holder == HOLDER_OLDER || holder == HOLDER_NONE)
		write_document(&job, withdrawal->document);
	return true;
}

static void
withdraw(struct withdrawal *withdrawal)
{
	const struct appraisal *appraisal = withdrawal->appraisal;
	int lock = store_file_lock(withdrawal->store->directory);

	/* Without the lock as well: whoever holds it would revive the key.  The
	 * worst that comes of it is that newer evidence is fetched again. */
	replace_named(withdrawal, &appraisal->key);
	for (size_t i = 0; i < appraisal->more_count; i++)
		replace_named(withdrawal, &appraisal->more[i]);
	if (withdrawal->enclave->profile->binding.keys_max > 1 &&
	    origin_hex(withdrawal->enclave, withdrawal->origin))
		each_file(withdrawal->store, replace_any, withdrawal);
	if (lock >= 0)
		store_file_unlock(lock);
}

/* What makes the cache withdraw a key that it has (cache/publish.c). */
static bool
withdraws(const struct enclave *enclave, const struct appraisal *appraisal)
{
	return enclave_client_status_category(appraisal->status) ==
		   ENCLAVE_CLIENT_CATEGORY_MEASUREMENT &&
	       appraisal->claims && appraisal->key_named &&
	       !enclave->insecure_keep_withdrawn;
}

void
store_withdraw(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body)
{
	struct withdrawal withdrawal = {
	    .store = store, .enclave = enclave, .appraisal = appraisal};
	struct buffer document;

	if (!store || !storable(enclave) || !withdraws(enclave, appraisal) ||
	    decode_body(enclave->profile, body, &document, NULL))
		return;
	withdrawal.document = buffer_bytes(&document);
	withdraw(&withdrawal);
	buffer_clear(&document);
}
