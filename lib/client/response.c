#include "client/response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/document.h"
#include "client/headers.h"
#include "client/transfer.h"

enum enclave_client_status
response_new(struct enclave *enclave, size_t body_max_bytes, bool streaming,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error)
{
	struct enclave_client_response *response = calloc(1, sizeof(*response));

	if (!response)
		return error_memory(error);
	buffer_init(&response->header_text, RESPONSE_HEADERS_MAX_BYTES);
	buffer_init(&response->body, body_max_bytes);
	buffer_init(&response->texts, SIZE_MAX);
	response->enclave = enclave_ref(enclave);
	response->streaming = streaming;
	if (streaming)
		response->failure = enclave_client_error_new();
	if (streaming && !response->failure) {
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
	response->block_at = 0;
	response->block_over = false;
	response->headers_done = false;
	response->body_ready = false;
	response->paused = false;
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
	buffer_clear(&response->texts);
	enclave_unref(response->enclave);
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

/* With its NUL; *ret_at: where it stands.  False: no memory. */
static bool
add_text(
    struct enclave_client_response *response, const char *text, size_t *ret_at)
{
	size_t size = strlen(text) + 1;
	uint8_t *place;

	*ret_at = response->texts.len;
	place = buffer_extend(&response->texts, size);
	if (place)
		memcpy(place, text, size);
	return place != NULL;
}

/* What libcurl tells as text. */
static bool
add_told(struct enclave_client_response *response, CURL *easy, CURLINFO source,
    size_t *ret_at)
{
	const char *told = NULL;

	(void)curl_easy_getinfo(easy, source, &told);
	return add_text(response, told ? told : "", ret_at);
}

/* The final answer's: its block is the last. */
static bool
add_headers(struct enclave_client_response *response)
{
	const struct buffer *text = &response->header_text;
	const struct bytes block = {
	    text->data + response->block_at, text->len - response->block_at};

	response->headers_at = response->texts.len;
	return !text->len || headers_append(&response->texts, block);
}

/* False: no memory. */
static bool
fill_texts(struct enclave_client_response *response, CURL *easy)
{
	size_t url_at;

	buffer_clear(&response->texts);
	return add_told(response, easy, CURLINFO_EFFECTIVE_URL, &url_at) &&
	       add_told(response, easy, CURLINFO_PRIMARY_IP,
		   &response->remote_ip_at) &&
	       add_told(
		   response, easy, CURLINFO_LOCAL_IP, &response->local_ip_at) &&
	       add_headers(response);
}

/* "" before the answer has come. */
static const char *
text_at(const struct enclave_client_response *response, size_t at)
{
	return at < response->texts.len
		   ? (const char *)response->texts.data + at
		   : "";
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
	if (!response->document || !fill_texts(response, handle->easy) ||
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
	for (size_t at = response->headers_at; at < response->texts.len;) {
		const char *each = text_at(response, at);
		const char *value = each + strlen(each) + 1;

		if (!strcasecmp(each, name) && index-- == 0)
			return value;
		at += (size_t)(value - each) + strlen(value) + 1;
	}
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
	return response ? response->enclave->name : "";
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
	return response ? text_at(response, response->remote_ip_at) : "";
}

const char *
enclave_client_response_local_ip(const struct enclave_client_response *response)
{
	return response ? text_at(response, response->local_ip_at) : "";
}

const char *
enclave_client_response_url(const struct enclave_client_response *response)
{
	return response ? text_at(response, 0) : "";
}
