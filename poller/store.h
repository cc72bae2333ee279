/*
 * The evidence store: a directory of raw documents that were accepted once, or
 * that withdrew the key of one, so that a program that starts again need not
 * fetch first.
 *
 * It holds no verdict and no chain.  What is read is judged exactly like what
 * is polled, so that whoever can write there can do no more than whoever
 * answers a poll.  A document's file is named after the enclave's origin and
 * the key that it names; several processes share the directory.
 */
#ifndef POLLER_STORE_H
#define POLLER_STORE_H

#include "appraisal/appraisal.h"
#include "cache/cache.h"

struct store;

/* All borrowed until the store is freed, but for the directory's name. */
struct store_options {
	const char *directory;
	struct cache *cache;
	const struct appraiser *appraiser;
};

/* New.  CONFIG when the directory is not fit. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status store_new(
    const struct store_options *options, struct store **ret_store,
    struct enclave_client_error *error);
void store_free(struct store *store);

/* Asked before each file; false ends the reading. */
typedef bool (*store_go_on)(void *context);

/* Judges and publishes what is there for the enclaves of the map. */
void store_load(struct store *store, store_go_on go_on, void *context);

/*
 * Keeps a document that was accepted for the enclave: appraisal's first key
 * names the file.  What is there stays when it is newer.  store NULL: nothing
 * is done.  Any thread.
 */
void store_save(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body);
/*
 * Evidence that the cache did not take.  Where it withdraws keys it takes the
 * place of the older documents that vouch for them, so that the next run does
 * not begin with a key that this one has lost.  It makes no new file: whoever
 * answers polls can't fill the disk with keys of his choice.  Any thread.
 */
void store_withdraw(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body);

#endif
