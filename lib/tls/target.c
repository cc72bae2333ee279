#include "tls/target.h"

#include <stdlib.h>
#include <string.h>

bool
target_as_written(const struct enclave *enclave, const char *url)
{
	size_t len = strlen(enclave->url);

	return !strncmp(url, enclave->url, len) && url[len] == '/';
}

static enum enclave_client_status
refuse(struct gate_attachment *attachment, const char *url)
{
	char *escaped = bytes_escape(bytes_from_string(url), 256);

	(void)error_set(&attachment->error, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "no accepted PCR set is configured for the origin of %s; nothing "
	    "was sent",
	    escaped ? escaped : "this URL");
	free(escaped);
	return ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE;
}

/* The same enclave as last time; what is configured for it may have changed. */
static bool
still_there(struct gate_attachment *attachment, const char *url)
{
	struct enclave *enclave;

	if (!attachment->slot || !target_as_written(attachment->enclave, url))
		return false;
	enclave = cache_slot_enclave(attachment->slot, NULL);
	if (!enclave)
		return false;
	enclave_unref(attachment->enclave);
	attachment->enclave = enclave;
	return true;
}

static void
set_slot(struct gate_attachment *attachment, struct cache_slot *slot,
    struct enclave *enclave)
{
	enclave_unref(attachment->enclave);
	cache_slot_unref(attachment->slot);
	attachment->slot = slot;
	attachment->enclave = enclave;
}

enum enclave_client_status
target_find(struct gate_attachment *attachment, CURL *easy)
{
	struct cache_slot *slot = NULL;
	struct enclave *enclave = NULL;
	struct origin origin = {0};
	const char *url = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) || !url)
		return refuse(attachment, "");
	if (still_there(attachment, url))
		return ENCLAVE_CLIENT_OK;
	if (!origin_from_url(url, &origin, NULL))
		slot = cache_find_origin(attachment->gate->cache, &origin);
	origin_clear(&origin);
	if (slot)
		enclave = cache_slot_enclave(slot, NULL);
	if (!enclave) {
		cache_slot_unref(slot);
		return refuse(attachment, url);
	}
	set_slot(attachment, slot, enclave);
	return ENCLAVE_CLIENT_OK;
}
