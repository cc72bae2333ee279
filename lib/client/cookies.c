#include "client/cookies.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "tls/transport.h"

struct enclave_client_cookies {
	atomic_uint refs;
	pthread_mutex_t mutex;
	CURLSH *share;
};

static void
lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *context)
{
	struct enclave_client_cookies *cookies = context;

	(void)easy;
	(void)access;
	/* libcurl locks the share itself as well, never inside another. */
	if (data == CURL_LOCK_DATA_COOKIE)
		(void)pthread_mutex_lock(&cookies->mutex);
}

static void
unlock(CURL *easy, curl_lock_data data, void *context)
{
	struct enclave_client_cookies *cookies = context;

	(void)easy;
	if (data == CURL_LOCK_DATA_COOKIE)
		(void)pthread_mutex_unlock(&cookies->mutex);
}

static bool
make_share(struct enclave_client_cookies *cookies)
{
	CURLSH *share = curl_share_init();

	cookies->share = share;
	return share && !curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock) &&
	       !curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock) &&
	       !curl_share_setopt(share, CURLSHOPT_USERDATA, cookies) &&
	       !curl_share_setopt(
		   share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
}

enum enclave_client_status
enclave_client_cookies_new(struct enclave_client_cookies **ret_cookies)
{
	struct enclave_client_cookies *cookies;

	if (!ret_cookies)
		return ENCLAVE_CLIENT_ERR_USAGE;
	cookies = calloc(1, sizeof(*cookies));
	if (!cookies)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	atomic_init(&cookies->refs, 1);
	(void)pthread_mutex_init(&cookies->mutex, NULL);
	if (!make_share(cookies)) {
		cookies_unref(cookies);
		return ENCLAVE_CLIENT_ERR_MEMORY;
	}
	*ret_cookies = cookies;
	return ENCLAVE_CLIENT_OK;
}

void
cookies_ref(struct enclave_client_cookies *cookies)
{
	if (cookies)
		(void)atomic_fetch_add(&cookies->refs, 1);
}

void
cookies_unref(struct enclave_client_cookies *cookies)
{
	if (!cookies || atomic_fetch_sub(&cookies->refs, 1) != 1)
		return;
	(void)curl_share_cleanup(cookies->share);
	(void)pthread_mutex_destroy(&cookies->mutex);
	free(cookies);
}

void
enclave_client_cookies_free(struct enclave_client_cookies *cookies)
{
	cookies_unref(cookies);
}

CURLSH *
cookies_share(const struct enclave_client_cookies *cookies)
{
	return cookies->share;
}

/* A handle that reads or writes the file and never connects. */
static CURL *
file_handle(
    struct enclave_client_cookies *cookies, CURLoption option, const char *path)
{
	CURL *easy = curl_easy_init();

	if (easy && (curl_easy_setopt(easy, CURLOPT_SHARE, cookies->share) ||
			curl_easy_setopt(easy, option, path))) {
		transport_free(easy);
		return NULL;
	}
	return easy;
}

enum enclave_client_status
enclave_client_cookies_load_file(struct enclave_client_cookies *cookies,
    const char *path, bool drop_session_cookies,
    struct enclave_client_error *error)
{
	CURL *easy;

	if (!cookies || !path)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "cookies and a path are needed");
	easy = file_handle(cookies, CURLOPT_COOKIEFILE, path);
	if (!easy ||
	    curl_easy_setopt(
		easy, CURLOPT_COOKIESESSION, (long)drop_session_cookies) ||
	    curl_easy_setopt(easy, CURLOPT_COOKIELIST, "RELOAD")) {
		transport_free(easy);
		return error_memory(error);
	}
	transport_free(easy);
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_cookies_save_file(struct enclave_client_cookies *cookies,
    const char *path, struct enclave_client_error *error)
{
	CURL *easy;

	if (!cookies || !path)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "cookies and a path are needed");
	easy = file_handle(cookies, CURLOPT_COOKIEJAR, path);
	if (!easy)
		return error_memory(error);
	/* Written when the handle goes, as libcurl does it. */
	curl_easy_cleanup(easy);
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}
