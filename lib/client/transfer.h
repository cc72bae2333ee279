/* One request on one handle: options in, answer out. */
#ifndef CLIENT_TRANSFER_H
#define CLIENT_TRANSFER_H

#include "client/client.h"
#include "client/handle.h"
#include "client/request.h"
#include "client/response.h"

/* Confined; must outlive the transfer. */
struct transfer {
	const struct enclave_client_request *request;
	/* The request's own where only one of its transfers runs at a time. */
	struct url_kept *url;
	struct handle *handle;
	struct enclave_client_response *response;
	/*
	 * What callbacks use while it runs, as it was when the first try was
	 * made ready: the request may be changed meanwhile.
	 */
	bool taken;
	struct request_body *body; /* owned reference */
	struct enclave_client_body callback;
	enclave_client_trace_callback trace;
	void *trace_context;
	/* Owned reference: the handle shares them until it lets go. */
	struct enclave_client_cookies *cookies;
	struct curl_slist *headers; /* the request's, and some of ours */
	curl_mime *mime;            /* the request's parts; owned */
	/* Which of them were read; owned, with room for the most there can
	 * be: parts may be added meanwhile. */
	bool *parts_begun;
	size_t body_sent;
	/* As many connections were made as one request may have: this try must
	 * use one of them. */
	bool connections_spent;
	/* It leaves nothing on its handle that the next would not set anew. */
	bool plain;
	/* Records what is opened; borrowed; NULL: the pool is a caller's. */
	struct sockets *sockets;
	enum enclave_client_status failure; /* of a callback of ours */
};

/*
 * Makes the handle ready.  The URL is built from the enclave's origin and the
 * target's path and query; a target that is a URL must have that origin.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status transfer_prepare(
    struct transfer *transfer, const struct transport *transport,
    int64_t timeout_ms, struct enclave_client_error *error);
/* Takes the request off the handle that it was answered on, for a lane; its
 * response is filled. */
void transfer_leave(struct transfer *transfer);
void transfer_clear(struct transfer *transfer);
/* Asks before each connect; preparing does so already. */
CURLcode transfer_watch_sockets(struct handle *handle);
/* The body can be sent from its start (again). */
bool transfer_rewind(struct transfer *transfer);
/* Why a transfer ended with a code other than CURLE_OK. */
enum enclave_client_status transfer_failure(const struct transfer *transfer,
    CURLcode code, struct enclave_client_error *error);

#endif
