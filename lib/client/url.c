#include "client/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static enum enclave_client_status
check_same_origin(const struct enclave *enclave, const char *target,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct origin origin = {0};
	bool same;

	status = origin_from_url(target, &origin, error);
	if (status)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the URL can't be read");
	same = origin_equal(&origin, &enclave->origin);
	origin_clear(&origin);
	if (!same)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the URL is of another origin than the enclave's, %s",
		    enclave->url);
	return ENCLAVE_CLIENT_OK;
}

/* "path", "path?query"; what follows # stays here. */
static CURLUcode
set_path_and_query(CURLU *url, const char *target)
{
	CURLUcode code;
	char *copy = strndup(target, strcspn(target, "#"));
	char *query;

	if (!copy)
		return CURLUE_OUT_OF_MEMORY;
	query = strchr(copy, '?');
	if (query)
		*query++ = '\0';
	code = curl_url_set(url, CURLUPART_PATH, copy, 0);
	if (!code && query)
		code = curl_url_set(url, CURLUPART_QUERY, query, 0);
	free(copy);
	return code;
}

enum enclave_client_status
url_for(const struct enclave *enclave, const char *target, char **ret_url,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	CURLUcode code;
	CURLU *url = curl_url();

	if (!url)
		return error_memory(error);
	if (target[0] == '/') {
		code = curl_url_set(url, CURLUPART_URL, enclave->url, 0);
		if (!code)
			code = set_path_and_query(url, target);
	} else {
		status = check_same_origin(enclave, target, error);
		if (status)
			goto out;
		code = curl_url_set(url, CURLUPART_URL, target, 0);
		if (!code)
			code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
		/* As configured: lower case, no trailing dot, the same pool. */
		if (!code)
			code = curl_url_set(
			    url, CURLUPART_HOST, enclave->origin.host, 0);
	}
	if (!code)
		code = curl_url_get(url, CURLUPART_URL, ret_url, 0);
	if (code == CURLUE_OUT_OF_MEMORY)
		status = error_memory(error);
	else if (code)
		status = error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the target can't be used: %s",
		    curl_url_strerror(code));
out:
	curl_url_cleanup(url);
	return status;
}

void
url_kept_clear(struct url_kept *kept)
{
	free(kept->place);
	curl_free(kept->url);
	*kept = (struct url_kept){0};
}

enum enclave_client_status
url_kept_for(struct url_kept *kept, const struct enclave *enclave,
    const char *target, const char **ret_url,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct url_kept built = {0};

	if (kept->place && !strcmp(kept->place, enclave->url)) {
		*ret_url = kept->url;
		return ENCLAVE_CLIENT_OK;
	}
	status = url_for(enclave, target, &built.url, error);
	if (status)
		return status;
	built.place = strdup(enclave->url);
	if (!built.place) {
		url_kept_clear(&built);
		return error_memory(error);
	}
	url_kept_clear(kept);
	*kept = built;
	*ret_url = kept->url;
	return ENCLAVE_CLIENT_OK;
}
