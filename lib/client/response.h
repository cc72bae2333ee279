/*
 * An answer, whole or as it comes.  A streaming one keeps its handle, a
 * reference on the client, and what libcurl gave but nobody has read yet.
 */
#ifndef CLIENT_RESPONSE_H
#define CLIENT_RESPONSE_H

#include <curl/curl.h>

#include "base/bytes.h"
#include "client/client.h"
#include "client/handle.h"
#include "client/lane.h"
#include "client/request.h"

struct transfer;

struct enclave_client_response {
	struct enclave *enclave; /* owned reference */
	/* Strings one after the other, each with its NUL: the URL, the two
	 * addresses, and from headers_at the final answer's headers, name and
	 * value by turns. */
	struct buffer texts;
	size_t remote_ip_at;
	size_t local_ip_at;
	size_t headers_at;
	long status;
	long http_version; /* CURL_HTTP_VERSION_* */
	struct buffer header_text;
	size_t block_at;    /* in header_text: the block that came last */
	bool block_over;    /* another may follow */
	bool headers_done;  /* of the final answer */
	struct buffer body; /* whole, or the bytes not read yet */
	size_t body_read;   /* of body, by response_read */
	struct enclave_client_document *document;
	int64_t info[ENCLAVE_CLIENT_INFO_LOCAL_PORT + 1];
	/* Waiting and learning, before the transfer that info is about. */
	int64_t before_us;

	/* Streaming. */
	bool streaming;
	bool paused;
	bool done;
	bool body_ready;                        /* bytes to read, or the end */
	struct enclave_client_error *failure;   /* owned */
	struct enclave_client *client;          /* owned reference */
	struct cache_slot *slot;                /* owned reference */
	struct handle *handle;                  /* owned */
	struct transfer *transfer;              /* owned */
	struct enclave_client_request *request; /* owned reference */
	int64_t until_boot_ms;
};

ENCLAVE_CLIENT_NODISCARD enum enclave_client_status response_new(
    struct enclave *enclave, size_t body_max_bytes, bool streaming,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);
/* Forgets what an attempt left that was refused before anything was sent. */
void response_reset(struct enclave_client_response *response);
/* Status, URL, timings, document: from the handle, after the headers. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status response_fill(
    struct enclave_client_response *response, struct handle *handle,
    bool insecure, struct enclave_client_error *error);
/* Timings and sizes once more, when a streamed answer has ended. */
void response_refresh_info(struct enclave_client_response *response);

#endif
