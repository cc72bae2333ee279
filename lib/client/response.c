#include "client/response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/document.h"
#include "client/transfer.h"

/* Of names and values; a power of two. */
#define HEADER_STRINGS_MIN 16

enum enclave_client_status
response_new(const struct enclave *enclave, size_t body_max_bytes,
    bool streaming, struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct enclave_client_response *response = calloc(1, sizeof(*response));

	if (!response)
		return error_memory(error);
	buffer_init(&response->header_text, RESPONSE_HEADERS_MAX_BYTES);
	buffer_init(&response->body, body_max_bytes);
	response->enclave = strdup(enclave->name);
	response->streaming = streaming;
	if (streaming)
		response->failure = enclave_client_error_new();
	if (!response->enclave || (streaming && !response->failure)) {
		enclave_client_response_free(response);
		return error_memory(error);
	}
	*ret_response = response;
	return ENCLAVE_CLIENT_OK;
}

void
response_reset(struct enclave_client_response *response)
{
	buffer_clear(&response->header_text);
	buffer_clear(&response->body);
	response->headers_done = false;
	response->body_ready = false;
	response->paused = false;
}

static void
clear_headers(struct enclave_client_response *response)
{
	for (size_t i = 0; i < response->header_strings; i++)
		free(response->headers[i]);
	free(response->headers);
	response->headers = NULL;
	response->header_strings = 0;
}

void
enclave_client_response_free(struct enclave_client_response *response)
{
	if (!response)
		return;
	if (response->client && !client_enter_to_end(response->client))
		return;
	/* A handle whose transfer has not ended is never used again. */
	handle_free(response->handle);
	if (response->transfer)
		transfer_clear(response->transfer);
	free(response->transfer);
	enclave_client_request_free(response->request);
	cache_slot_unref(response->slot);
	if (response->client)
		client_unref(response->client);
	enclave_client_document_free(response->document);
	buffer_clear(&response->header_text);
	buffer_clear(&response->body);
	clear_headers(response);
	free(response->enclave);
	free(response->url);
	free(response->remote_ip);
	free(response->local_ip);
	enclave_client_error_free(response->failure);
	free(response);
}

/* NUL after the last byte of what is shown as a string; not counted. */
static enum enclave_client_status
terminate(struct buffer *buffer)
{
	enum enclave_client_status status;

	if (buffer->len < buffer->capacity) {
		buffer->data[buffer->len] = '\0';
		return ENCLAVE_CLIENT_OK;
	}
	buffer->max++;
	status = buffer_append(buffer, (struct bytes){(const uint8_t *)"", 1});
	buffer->max--;
	if (!status)
		buffer->len--;
	return status;
}

static void
fill_info(struct enclave_client_response *response, CURL *easy)
{
	static const struct {
		enum enclave_client_info info;
		CURLINFO source;
	} sources[] = {
	    {ENCLAVE_CLIENT_INFO_TIME_TOTAL_US, CURLINFO_TOTAL_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_NAMELOOKUP_US,
		CURLINFO_NAMELOOKUP_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_CONNECT_US, CURLINFO_CONNECT_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_APPCONNECT_US,
		CURLINFO_APPCONNECT_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_PRETRANSFER_US,
		CURLINFO_PRETRANSFER_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_STARTTRANSFER_US,
		CURLINFO_STARTTRANSFER_TIME_T},
	    {ENCLAVE_CLIENT_INFO_TIME_REDIRECT_US, CURLINFO_REDIRECT_TIME_T},
	    {ENCLAVE_CLIENT_INFO_SIZE_DOWNLOAD_BYTES, CURLINFO_SIZE_DOWNLOAD_T},
	    {ENCLAVE_CLIENT_INFO_SIZE_UPLOAD_BYTES, CURLINFO_SIZE_UPLOAD_T},
	};
	static const struct {
		enum enclave_client_info info;
		CURLINFO source;
	} counts[] = {
	    {ENCLAVE_CLIENT_INFO_SIZE_HEADER_BYTES, CURLINFO_HEADER_SIZE},
	    {ENCLAVE_CLIENT_INFO_NUM_CONNECTS, CURLINFO_NUM_CONNECTS},
	    {ENCLAVE_CLIENT_INFO_NUM_REDIRECTS, CURLINFO_REDIRECT_COUNT},
	    {ENCLAVE_CLIENT_INFO_REMOTE_PORT, CURLINFO_PRIMARY_PORT},
	    {ENCLAVE_CLIENT_INFO_LOCAL_PORT, CURLINFO_LOCAL_PORT},
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		curl_off_t value = 0;
		if (!curl_easy_getinfo(easy, sources[i].source, &value))
			response->info[sources[i].info] = value;
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		long value = 0;
		if (!curl_easy_getinfo(easy, counts[i].source, &value))
			response->info[counts[i].info] = value;
	}
}

void
response_refresh_info(struct enclave_client_response *response)
{
	fill_info(response, response->handle->easy);
	response->info[ENCLAVE_CLIENT_INFO_TIME_TOTAL_US] +=
	    response->before_us;
}

/* For one more: the array's size is the next power of two. */
static bool
room_for_header(struct enclave_client_response *response)
{
	size_t count = response->header_strings;
	size_t wanted = count ? 2 * count : HEADER_STRINGS_MIN;
	char **grown;

	if (count & (count - 1) || (count > 0 && count < HEADER_STRINGS_MIN))
		return true;
	grown = realloc(response->headers, wanted * sizeof(*grown));
	if (!grown)
		return false;
	response->headers = grown;
	return true;
}

/* The final answer's headers as libcurl parsed them; false: no memory. */
static bool
fill_headers(struct enclave_client_response *response, CURL *easy)
{
	struct curl_header *header = NULL;

	clear_headers(response);
	while ((header = curl_easy_nextheader(
		    easy, CURLH_HEADER, -1, header)) != NULL) {
		size_t count = response->header_strings;
		char **place;
		if (!room_for_header(response))
			return false;
		place = &response->headers[count];
		place[0] = strdup(header->name);
		place[1] = strdup(header->value);
		response->header_strings += 2;
		if (!place[0] || !place[1])
			return false;
	}
	return true;
}

/* What libcurl tells as text; false: no memory. */
static bool
fill_text(CURL *easy, CURLINFO source, char **text)
{
	const char *told = NULL;

	(void)curl_easy_getinfo(easy, source, &told);
	if (!*text)
		*text = strdup(told ? told : "");
	return *text != NULL;
}

enum enclave_client_status
response_fill(struct enclave_client_response *response, struct handle *handle,
    bool insecure, struct enclave_client_error *error)
{
	const struct cache_hit *hit = &handle->gate.hit;

	if (curl_easy_getinfo(
		handle->easy, CURLINFO_RESPONSE_CODE, &response->status))
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl does not tell the status of the answer");
	(void)curl_easy_getinfo(
	    handle->easy, CURLINFO_HTTP_VERSION, &response->http_version);
	fill_info(response, handle->easy);
	if (!response->document)
		response->document = document_of_hit(&handle->document, hit,
		    insecure || handle->gate.enclave->insecure);
	if (!response->document ||
	    !fill_text(handle->easy, CURLINFO_EFFECTIVE_URL, &response->url) ||
	    !fill_text(
		handle->easy, CURLINFO_PRIMARY_IP, &response->remote_ip) ||
	    !fill_text(handle->easy, CURLINFO_LOCAL_IP, &response->local_ip) ||
	    !fill_headers(response, handle->easy) ||
	    terminate(&response->header_text) || terminate(&response->body))
		return error_memory(error);
	return ENCLAVE_CLIENT_OK;
}

long
enclave_client_response_status(const struct enclave_client_response *response)
{
	return response ? response->status : 0;
}

const char *
enclave_client_response_http_version(
    const struct enclave_client_response *response)
{
	if (!response)
		return "";
	switch (response->http_version) {
	case CURL_HTTP_VERSION_1_0:
		return "1.0";
	case CURL_HTTP_VERSION_1_1:
		return "1.1";
	case CURL_HTTP_VERSION_2_0:
		return "2";
	default:
		return "";
	}
}

const char *
enclave_client_response_header(const struct enclave_client_response *response,
    const char *name, size_t index)
{
	if (!response || !name)
		return NULL;
	for (size_t i = 0; i < response->header_strings; i += 2)
		if (!strcasecmp(response->headers[i], name) && index-- == 0)
			return response->headers[i + 1];
	return NULL;
}

const char *
enclave_client_response_header_text(
    const struct enclave_client_response *response, size_t *ret_len)
{
	bool empty = !response || !response->header_text.data;

	if (ret_len)
		*ret_len = empty ? 0 : response->header_text.len;
	return empty ? "" : (const char *)response->header_text.data;
}

const char *
enclave_client_response_body(
    const struct enclave_client_response *response, size_t *ret_len)
{
	bool empty = !response || response->streaming || !response->body.data;

	if (ret_len)
		*ret_len = empty ? 0 : response->body.len;
	return empty ? "" : (const char *)response->body.data;
}

const char *
enclave_client_response_enclave(const struct enclave_client_response *response)
{
	return response ? response->enclave : "";
}

const struct enclave_client_document *
enclave_client_response_document(const struct enclave_client_response *response)
{
	return response ? response->document : NULL;
}

int64_t
enclave_client_response_info(const struct enclave_client_response *response,
    enum enclave_client_info info)
{
	if (!response || (unsigned int)info > ENCLAVE_CLIENT_INFO_LOCAL_PORT)
		return 0;
	return response->info[info];
}

const char *
enclave_client_response_remote_ip(
    const struct enclave_client_response *response)
{
	return response && response->remote_ip ? response->remote_ip : "";
}

const char *
enclave_client_response_local_ip(const struct enclave_client_response *response)
{
	return response && response->local_ip ? response->local_ip : "";
}

const char *
enclave_client_response_url(const struct enclave_client_response *response)
{
	return response && response->url ? response->url : "";
}
