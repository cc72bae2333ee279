#include "client/request_parts.h"

#include <stdlib.h>
#include <string.h>

#include "client/request.h"

struct request_part {
	char *name;
	char *file_name;
	char *content_type;
	const char *data;
	size_t len;
	struct enclave_client_body body;
};

/* One part on its way; libcurl frees it with the mime. */
struct part_reader {
	const struct request_part *part;
	struct parts_gate gate;
	size_t sent;
	bool *begun;
};

static void
part_free(struct request_part *part)
{
	if (!part)
		return;
	free(part->name);
	free(part->file_name);
	free(part->content_type);
	free(part);
}

void
request_parts_clear(struct request_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		part_free(parts->items[i]);
	free(parts->items);
	*parts = (struct request_parts){0};
}

static bool
copy_text(char **member, const char *text)
{
	if (!text)
		return true;
	*member = strdup(text);
	return *member != NULL;
}

static struct request_part *
part_copy(const struct enclave_client_part *part)
{
	struct request_part *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->data = part->data;
	copy->len = part->len;
	copy->body = part->body;
	if (copy_text(&copy->name, part->name) &&
	    copy_text(&copy->file_name, part->file_name) &&
	    copy_text(&copy->content_type, part->content_type))
		return copy;
	part_free(copy);
	return NULL;
}

static bool
add(struct request_parts *parts, const struct enclave_client_part *part)
{
	struct request_part *copy = part_copy(part);
	struct request_part **items;

	items = copy ? reallocarray(parts->items, parts->count + 1,
			   sizeof(parts->items[0]))
		     : NULL;
	if (!items) {
		part_free(copy);
		return false;
	}
	items[parts->count++] = copy;
	parts->items = items;
	return true;
}

static bool
is_allowed(const char *text)
{
	return !text || request_text_allowed(text);
}

void
enclave_client_request_add_part(struct enclave_client_request *request,
    const struct enclave_client_part *part)
{
	if (!request)
		return;
	if (!part || (!part->body.read && !part->data && part->len) ||
	    (part->body.read && part->body.len < -1)) {
		request_keep_error(request,
		    "a part lacks its data, or its length is below -1", "");
		return;
	}
	/* libcurl escapes quotes and line breaks in the two names. */
	if (!is_allowed(part->content_type)) {
		request_keep_error(request,
		    "there is a control character in a part's type", "");
		return;
	}
	if (request->parts.count >= REQUEST_PARTS_MAX) {
		request_keep_error(request, "more than 1024 parts", "");
		return;
	}
	if (!add(&request->parts, part))
		request_keep_memory_error(request);
}

static size_t
read_callback(struct part_reader *reader, char *buffer, size_t room)
{
	const struct enclave_client_body *body = &reader->part->body;
	int64_t len;

	*reader->begun = true;
	len = body->read(buffer, room, body->context);
	if (len < 0 || (uint64_t)len > room) {
		reader->gate.failed(reader->gate.context);
		return CURL_READFUNC_ABORT;
	}
	return (size_t)len;
}

static size_t
read_part(char *buffer, size_t size, size_t count, void *argument)
{
	struct part_reader *reader = argument;
	size_t room = size * count;
	size_t len;

	if (!reader->gate.allowed(reader->gate.context))
		return CURL_READFUNC_ABORT;
	if (reader->part->body.read) {
		len = read_callback(reader, buffer, room);
		/* And after it: the callback may have taken its time. */
		if (!reader->gate.allowed(reader->gate.context))
			return CURL_READFUNC_ABORT;
	} else {
		len = reader->part->len - reader->sent;
		if (len > room)
			len = room;
		if (len)
			memcpy(buffer, reader->part->data + reader->sent, len);
	}
	if (len != CURL_READFUNC_ABORT)
		reader->sent += len;
	return len;
}

static bool
rewind_callback(const struct request_part *part, bool *begun)
{
	const struct enclave_client_body *body = &part->body;

	if (!*begun)
		return true;
	if (!body->rewind || !body->rewind(body->context))
		return false;
	*begun = false;
	return true;
}

static bool
rewind_part(struct part_reader *reader)
{
	if (!rewind_callback(reader->part, reader->begun))
		return false;
	reader->sent = 0;
	return true;
}

bool
request_parts_rewind(const struct request_parts *parts, bool *begun)
{
	for (size_t i = 0; begun && i < parts->count; i++)
		if (!rewind_callback(parts->items[i], &begun[i]))
			return false;
	return true;
}

static int
seek_part(void *argument, curl_off_t offset, int origin)
{
	struct part_reader *reader = argument;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	return rewind_part(reader) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static CURLcode
fill(curl_mimepart *part, const struct request_part *from,
    const struct parts_gate *gate, bool *begun)
{
	curl_off_t len = from->body.read ? (curl_off_t)from->body.len
					 : (curl_off_t)from->len;
	struct part_reader *reader = malloc(sizeof(*reader));
	CURLcode code;

	if (!reader)
		return CURLE_OUT_OF_MEMORY;
	*reader =
	    (struct part_reader){.part = from, .gate = *gate, .begun = begun};
	code = curl_mime_data_cb(part, len, read_part, seek_part, free, reader);
	if (code) {
		free(reader);
		return code;
	}
	if (from->name)
		code = curl_mime_name(part, from->name);
	if (!code && from->file_name)
		code = curl_mime_filename(part, from->file_name);
	if (!code && from->content_type)
		code = curl_mime_type(part, from->content_type);
	return code;
}

CURLcode
request_parts_mime(const struct request_parts *parts,
    const struct parts_gate *gate, CURL *easy, bool *begun,
    curl_mime **ret_mime)
{
	curl_mime *mime = curl_mime_init(easy);
	CURLcode code = CURLE_OK;

	for (size_t i = 0; mime && !code && i < parts->count; i++) {
		curl_mimepart *part = curl_mime_addpart(mime);

		code = part ? fill(part, parts->items[i], gate, &begun[i])
			    : CURLE_OUT_OF_MEMORY;
	}
	if (mime && !code)
		code = curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime);
	if (!mime || code) {
		curl_mime_free(mime);
		return mime ? code : CURLE_OUT_OF_MEMORY;
	}
	*ret_mime = mime;
	return CURLE_OK;
}
