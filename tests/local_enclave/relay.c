#include "relay.h"

#include "fatal.h"

#include <curl/curl.h>
#include <event2/buffer.h>
#include <stdlib.h>

enum {
	RELAY_TIMEOUT_MS = 5000,
	RELAY_BYTES_MAX = 1024 * 1024,
};

static size_t
on_body(char *data, size_t size, size_t count, void *argument)
{
	struct evbuffer *body = argument;
	size_t len = size * count;

	if (evbuffer_get_length(body) + len > RELAY_BYTES_MAX)
		return 0;
	must(evbuffer_add(body, data, len) == 0);
	return len;
}

char *
relay_fetch(const char *origin, const char *path)
{
	CURL *handle = curl_easy_init();
	struct evbuffer *body = evbuffer_new();
	char *url = must_format("%s%s", origin, path);
	size_t len;
	char *text = NULL;

	must(handle != NULL && body != NULL);
	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)RELAY_TIMEOUT_MS);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
	if (curl_easy_perform(handle) == CURLE_OK) {
		len = evbuffer_get_length(body);
		text = must_alloc(len + 1);
		must(evbuffer_remove(body, text, len) == (int)len);
	}
	free(url);
	evbuffer_free(body);
	curl_easy_cleanup(handle);
	return text;
}
