#include "tls/target.h"

#include <stdlib.h>
#include <string.h>

bool
target_as_written(const struct enclave *enclave, const char *url)
{
	size_t len = strlen(enclave->url);

	return !strncmp(url, enclave->url, len) && url[len] == '/';
}

/* New, as libcurl reads it and without user name and password; or NULL. */
static char *
without_credentials(const char *url)
{
	CURLU *handle = curl_url();
	char *text = NULL;

	if (!handle)
		return NULL;
	if (!curl_url_set(
		handle, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) &&
	    !curl_url_set(handle, CURLUPART_USER, NULL, 0) &&
	    !curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0))
		(void)curl_url_get(handle, CURLUPART_URL, &text, 0);
	curl_url_cleanup(handle);
	return text;
}

enum enclave_client_status
target_origin(const char *url, struct origin *ret_origin)
{
	char *text = without_credentials(url);
	enum enclave_client_status status =
	    text ? origin_from_url(text, ret_origin, NULL)
		 : ENCLAVE_CLIENT_ERR_CONFIG;

	curl_free(text);
	return status;
}

static enum enclave_client_status
refuse(struct gate_attachment *attachment, const char *url)
{
	char *shown = without_credentials(url);
	char *escaped =
	    shown ? bytes_escape(bytes_from_string(shown), 256) : NULL;

	(void)error_set(&attachment->error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "no accepted PCR set is configured for the origin of %s; nothing "
	    "was sent",
	    escaped ? escaped : "this URL");
	curl_free(shown);
	free(escaped);
	return ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE;
}

/*
 * The same enclave as last time.  Its policy may have changed, which the cache
 * knows; with another origin, profile or trust it would have another slot.
 */
static bool
still_there(const struct gate_attachment *attachment, const char *url)
{
	return attachment->slot && !cache_slot_removed(attachment->slot) &&
	       target_as_written(attachment->enclave, url);
}

static void
set_slot(struct gate_attachment *attachment, struct cache_slot *slot)
{
	enclave_unref(attachment->enclave);
	cache_slot_unref(attachment->slot);
	attachment->slot = slot;
	attachment->enclave = cache_slot_enclave(slot, NULL);
}

const char *
target_url(CURL *easy)
{
	const char *url = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url))
		return NULL;
	return url;
}

enum enclave_client_status
target_find(struct gate_attachment *attachment, const char *url)
{
	struct cache_slot *slot = NULL;
	struct origin origin = {0};

	if (!url)
		return refuse(attachment, "");
	if (still_there(attachment, url))
		return ENCLAVE_CLIENT_OK;
	if (!target_origin(url, &origin))
		slot = cache_find_origin(attachment->gate->cache, &origin);
	origin_clear(&origin);
	if (!slot)
		return refuse(attachment, url);
	set_slot(attachment, slot);
	return ENCLAVE_CLIENT_OK;
}
