#include "tls/trust_store.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/bundle.h"

/* What tells one content of a path from the next. */
struct seen {
	bool there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed; /* also where the other time was set back */
};

struct state {
	struct seen file;
	struct seen directory;
};

struct trust_store {
	/* NULL: none. */
	char *file;
	char *directory;
	pthread_mutex_t mutex; /* of what follows */
	X509_STORE *anchors;
	/* As it was just before the anchors were read. */
	struct state read;
	/* What there is now could not be read; told: as it was, which was told. */
	bool failing;
	struct state told;
};

static struct seen
look_at(const char *path)
{
	struct stat status;

	if (!path || stat(path, &status))
		return (struct seen){0};
	return (struct seen){
	    .there = true,
	    .device = status.st_dev,
	    .inode = status.st_ino,
	    .size = status.st_size,
	    .modified = status.st_mtim,
	    .changed = status.st_ctim,
	};
}

static struct state
look(const struct trust_store *trust)
{
	return (struct state){look_at(trust->file), look_at(trust->directory)};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_seen(const struct seen *a, const struct seen *b)
{
	return a->there == b->there && a->device == b->device &&
	       a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}

static bool
same(const struct state *a, const struct state *b)
{
	return same_seen(&a->file, &b->file) &&
	       same_seen(&a->directory, &b->directory);
}

static enum enclave_client_status
add_file(
    X509_STORE *store, const char *path, struct enclave_client_error *error)
{
	if (access(path, R_OK)) {
		int reason = errno;
		enum enclave_client_status status = error_set(error,
		    ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
		    "CA file %s: %s", path, strerror(reason));
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL,
		    CURLE_SSL_CACERT_BADFILE);
		return status;
	}
	if (!bundle_add(store, path)) {
		enum enclave_client_status status = error_set(error,
		    ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
		    "CA file %s holds no PEM certificate that can be read",
		    path);
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL,
		    CURLE_SSL_CACERT_BADFILE);
		return status;
	}
	return ENCLAVE_CLIENT_OK;
}

/* Certificates are found by hash when a chain asks for them. */
static enum enclave_client_status
add_directory(
    X509_STORE *store, const char *path, struct enclave_client_error *error)
{
	if (access(path, R_OK | X_OK)) {
		int reason = errno;
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "CA directory %s: %s", path,
		    strerror(reason));
	}
	if (X509_STORE_load_path(store, path) != 1)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "CA directory %s can't be used",
		    path);
	return ENCLAVE_CLIENT_OK;
}

/*
 * The directory alone where there is one; it holds what the bundle holds.  No
 * store at all: every certificate will be refused, as with curl.
 */
static bool
set_system_paths(struct trust_store *trust)
{
	const curl_version_info_data *built =
	    curl_version_info(CURLVERSION_NOW);

	if (built->capath && !access(built->capath, R_OK | X_OK)) {
		trust->directory = strdup(built->capath);
		return trust->directory != NULL;
	}
	if (built->cainfo && !access(built->cainfo, R_OK)) {
		trust->file = strdup(built->cainfo);
		return trust->file != NULL;
	}
	return true;
}

static bool
set_paths(
    struct trust_store *trust, const char *ca_file, const char *ca_directory)
{
	if (!ca_file && !ca_directory)
		return set_system_paths(trust);
	if (ca_file)
		trust->file = strdup(ca_file);
	if (ca_directory)
		trust->directory = strdup(ca_directory);
	return !trust->file == !ca_file && !trust->directory == !ca_directory;
}

static enum enclave_client_status
read_anchors(const struct trust_store *trust, X509_STORE **ret_anchors,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	X509_STORE *anchors = X509_STORE_new();

	if (!anchors)
		return error_memory(error);
	(void)ERR_set_mark();
	/* As curl: a trusted leaf or intermediate ends the chain. */
	(void)X509_STORE_set_flags(
	    anchors, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (trust->file)
		status = add_file(anchors, trust->file, error);
	if (!status && trust->directory)
		status = add_directory(anchors, trust->directory, error);
	(void)ERR_pop_to_mark();
	if (status) {
		X509_STORE_free(anchors);
		return status;
	}
	*ret_anchors = anchors;
	return ENCLAVE_CLIENT_OK;
}

static struct trust_store *
new_empty(void)
{
	struct trust_store *trust = calloc(1, sizeof(*trust));

	if (trust)
		(void)pthread_mutex_init(&trust->mutex, NULL);
	return trust;
}

enum enclave_client_status
trust_store_new(const char *ca_file, const char *ca_directory,
    struct trust_store **ret_trust, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct trust_store *trust = new_empty();

	if (!trust || !set_paths(trust, ca_file, ca_directory)) {
		trust_store_free(trust);
		return error_memory(error);
	}
	trust->read = look(trust);
	status = read_anchors(trust, &trust->anchors, error);
	if (status) {
		trust_store_free(trust);
		return status;
	}
	*ret_trust = trust;
	return ENCLAVE_CLIENT_OK;
}

struct trust_store *
trust_store_new_fixed(X509_STORE *anchors)
{
	struct trust_store *trust = new_empty();

	if (!trust)
		return NULL;
	(void)X509_STORE_up_ref(anchors);
	trust->anchors = anchors;
	return trust;
}

void
trust_store_free(struct trust_store *trust)
{
	if (!trust)
		return;
	X509_STORE_free(trust->anchors);
	(void)pthread_mutex_destroy(&trust->mutex);
	free(trust->file);
	free(trust->directory);
	free(trust);
}

/*
 * A directory is opened anew as well: OpenSSL keeps each certificate that it
 * found there, though it may have been taken away.  What can't be read is tried
 * again for each handshake, though it stays as it is: it may have been memory
 * that was wanting, and an anchor taken away must not stay for that.
 */
static void
follow_changes(struct trust_store *trust, struct enclave_client_error *failed)
{
	struct state now = look(trust);
	X509_STORE *anchors = NULL;

	if (same(&now, &trust->read)) {
		trust->failing = false;
		return;
	}
	if (read_anchors(trust, &anchors, failed)) {
		if (trust->failing && same(&now, &trust->told))
			error_clear(failed);
		trust->failing = true;
		trust->told = now;
		return;
	}
	trust->failing = false;
	trust->read = now;
	X509_STORE_free(trust->anchors);
	trust->anchors = anchors;
}

X509_STORE *
trust_store_anchors(
    struct trust_store *trust, struct enclave_client_error *failed)
{
	X509_STORE *anchors;

	(void)pthread_mutex_lock(&trust->mutex);
	follow_changes(trust, failed);
	anchors = trust->anchors;
	(void)X509_STORE_up_ref(anchors);
	(void)pthread_mutex_unlock(&trust->mutex);
	return anchors;
}
