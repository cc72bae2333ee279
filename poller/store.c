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

struct store {
	struct cache *cache;
	const struct appraiser *appraiser;
	int directory;
	/* The last errno of writing, 0 when it went well: told once. */
	atomic_int write_error;
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
		/* Nobody can ever use it again. */
		(void)unlinkat(job->store->directory, job->name, 0);
	else if (status != ENCLAVE_CLIENT_ERR_TOO_OLD)
		tell(job, "skipped", &error);
	appraisal_clear(&appraisal);
}

static void
load_file(struct store *store, struct cache_slot *slot, const char *name)
{
	struct job job = {.store = store, .slot = slot, .name = name};
	struct buffer document;

	job.enclave = cache_slot_enclave(slot, &job.policy_generation);
	if (store_file_read(
		store->directory, name, DOCUMENT_MAX_BYTES, &document)) {
		judge(&job, buffer_bytes(&document));
		buffer_clear(&document);
	} else if (errno != ENOENT) {
		/* Not there: another process has just replaced or removed it. */
		tell_errno(&job, "skipped", errno);
	}
	enclave_unref(job.enclave);
}

static void
load_named(struct store *store, const struct place *places, size_t count,
    const char *name)
{
	struct place wanted = {.slot = NULL};
	const struct place *place;

	if (store_file_unfinished(name))
		store_file_remove_stale(store->directory, name,
		    clock_now(store->appraiser->clock).wall_ms);
	if (!well_named(name))
		return;
	memcpy(wanted.origin, name, ORIGIN_HEX);
	place =
	    bsearch(&wanted, places, count, sizeof(*places), compare_places);
	if (place)
		load_file(store, place->slot, name);
}

void
store_load(struct store *store, store_go_on go_on, void *context)
{
	struct cache_slots slots = cache_slots_begin(store->cache);
	struct place *places = make_places(&slots);
	int copy =
	    openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *file;

	for (size_t i = 0; places && directory && i < FILES_MAX; i++) {
		if (!go_on(context) || !(file = readdir(directory)))
			break;
		load_named(store, places, slots.count, file->d_name);
	}
	if (directory)
		(void)closedir(directory);
	else if (copy >= 0)
		(void)close(copy);
	free(places);
	cache_slots_end(&slots);
}

/* What is there is good evidence for the same key, and not older. */
static bool
newer_is_there(
    const struct job *job, const struct appraisal *ours, struct bytes document)
{
	struct appraisal theirs = {.status = ENCLAVE_CLIENT_ERR_INTERNAL};
	struct buffer there;
	bool newer;

	if (!store_file_read(
		job->store->directory, job->name, DOCUMENT_MAX_BYTES, &there))
		return false;
	newer = bytes_equal(buffer_bytes(&there), document);
	if (!newer &&
	    !appraise(job->store->appraiser, job->enclave,
		(struct answer){.body = buffer_bytes(&there), .decoded = true},
		&theirs, NULL))
		newer = appraisal_names(&theirs, &ours->key) &&
			claims_timestamp_ms(theirs.claims) >=
			    claims_timestamp_ms(ours->claims);
	appraisal_clear(&theirs);
	buffer_clear(&there);
	return newer;
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
	if (!newer_is_there(job, appraisal, document))
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

	if (!store || !appraisal->claims || !appraisal->key_named ||
	    appraisal->status || !make_name(enclave, &appraisal->key, &name) ||
	    decode_body(enclave->profile, body, &document, NULL))
		return;
	job.enclave = enclave_ref((struct enclave *)enclave);
	job.name = name.text;
	save(&job, appraisal, buffer_bytes(&document));
	enclave_unref(job.enclave);
	buffer_clear(&document);
}
