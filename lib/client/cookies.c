#include "client/cookies.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fork_mark.h"
#include "tls/transport.h"

struct enclave_client_cookies {
	atomic_uint refs;
	struct fork_mark fork_mark;
	/* By curl_lock_data: the cookies, and the share's own counter. */
	pthread_mutex_t mutexes[2];
	CURLSH *share;
};

static void
make_mutexes(struct enclave_client_cookies *cookies)
{
	for (size_t i = 0; i < 2; i++)
		(void)pthread_mutex_init(&cookies->mutexes[i], NULL);
}

static pthread_mutex_t *
mutex_for(struct enclave_client_cookies *cookies, curl_lock_data data)
{
	return &cookies->mutexes[data == CURL_LOCK_DATA_SHARE];
}

/* In a forked child a thread that is not there may hold them for ever. */
static void
enter(struct enclave_client_cookies *cookies)
{
	struct fork_mark *mark = &cookies->fork_mark;
	enum fork_share has;

	if (!mark->owner || !fork_mark_claim(mark, FORK_SHARE_WHOLE, &has))
		return;
	make_mutexes(cookies);
	fork_mark_adopted(mark, FORK_SHARE_WHOLE);
}

static void
lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *context)
{
	struct enclave_client_cookies *cookies = context;

	(void)easy;
	(void)access;
	(void)pthread_mutex_lock(mutex_for(cookies, data));
}

static void
unlock(CURL *easy, curl_lock_data data, void *context)
{
	struct enclave_client_cookies *cookies = context;

	(void)easy;
	(void)pthread_mutex_unlock(mutex_for(cookies, data));
}

static bool
make_share(struct enclave_client_cookies *cookies)
{
	CURLSH *share = curl_share_init();

	cookies->share = share;
	/* The locks need their context, also where the rest then fails. */
	return share &&
	       !curl_share_setopt(share, CURLSHOPT_USERDATA, cookies) &&
	       !curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock) &&
	       !curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock) &&
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
	make_mutexes(cookies);
	if (!fork_mark_init(&cookies->fork_mark) || !make_share(cookies)) {
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
	enter(cookies);
	if (cookies->share)
		(void)curl_share_cleanup(cookies->share);
	for (size_t i = 0; i < 2; i++)
		(void)pthread_mutex_destroy(&cookies->mutexes[i]);
	fork_mark_clear(&cookies->fork_mark);
	free(cookies);
}

void
enclave_client_cookies_free(struct enclave_client_cookies *cookies)
{
	cookies_unref(cookies);
}

CURLSH *
cookies_share(struct enclave_client_cookies *cookies)
{
	enter(cookies);
	return cookies->share;
}

/* A handle that reads or writes the file and never connects. */
static CURL *
file_handle(
    struct enclave_client_cookies *cookies, CURLoption option, const char *path)
{
	CURL *easy = curl_easy_init();

	if (easy &&
	    (curl_easy_setopt(easy, CURLOPT_SHARE, cookies_share(cookies)) ||
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
