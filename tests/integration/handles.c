#include "integration/handles.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>

#include "integration/fixture.h"

/* Fifty milliseconds each. */
#define TURNS_MAX 2400

static size_t
swallow(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

void
handles_set_long(CURL *easy, CURLoption option, long value)
{
	ck_assert_int_eq(curl_easy_setopt(easy, option, value), CURLE_OK);
}

void
handles_set_pointer(CURL *easy, CURLoption option, void *value)
{
	ck_assert_int_eq(curl_easy_setopt(easy, option, value), CURLE_OK);
}

void
handles_get_from(CURL *easy, const char *origin, const char *path)
{
	char url[512];

	ck_assert(snprintf(url, sizeof(url), "%s%s", origin, path) <
		  (int)sizeof(url));
	handles_set_pointer(easy, CURLOPT_URL, url);
	handles_set_pointer(easy, CURLOPT_CAPATH, NULL);
	handles_set_pointer(easy, CURLOPT_CAINFO,
	    (void *)local_enclave_text(fixture.enclave, "web_ca"));
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow), CURLE_OK);
}

void
handles_get(CURL *easy, const char *path)
{
	handles_get_from(easy, local_enclave_url(fixture.enclave), path);
}

CURLSH *
handles_share(curl_lock_data kind)
{
	CURLSH *share = curl_share_init();

	ck_assert_ptr_nonnull(share);
	ck_assert_int_eq(
	    curl_share_setopt(share, CURLSHOPT_SHARE, kind), CURLSHE_OK);
	return share;
}

void
handles_turn(CURLM *multi)
{
	int running = 0;

	ck_assert_int_eq(curl_multi_perform(multi, &running), CURLM_OK);
	ck_assert_int_eq(curl_multi_poll(multi, NULL, 0, 50, NULL), CURLM_OK);
}

CURLcode
handles_wait(CURLM *multi, CURL *easy)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		CURLMsg *message;
		int left = 0;
		void *done = NULL;

		ck_assert_int_eq(
		    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &done), CURLE_OK);
		while (!done && (message = curl_multi_info_read(multi, &left)))
			/* Kept at its handle: others may be done before. */
			handles_set_pointer(message->easy_handle,
			    CURLOPT_PRIVATE,
			    (void *)((uintptr_t)message->data.result + 1));
		ck_assert_int_eq(
		    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &done), CURLE_OK);
		if (done) {
			handles_set_pointer(easy, CURLOPT_PRIVATE, NULL);
			return (CURLcode)((uintptr_t)done - 1);
		}
		handles_turn(multi);
	}
	ck_abort_msg("a transfer did not end");
}

CURLcode
handles_run(CURLM *multi, CURL *easy)
{
	CURLcode code;

	ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
	code = handles_wait(multi, easy);
	ck_assert_int_eq(curl_multi_remove_handle(multi, easy), CURLM_OK);
	return code;
}
