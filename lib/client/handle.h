/*
 * An easy handle with a multi handle of its own, whose pool is therefore
 * private, and the gate's attachment.  Confined; idle ones wait in the lane.
 */
#ifndef CLIENT_HANDLE_H
#define CLIENT_HANDLE_H

#include <curl/curl.h>

#include "tls/gate.h"

struct transfer;

struct handle {
	CURL *easy;
	CURLM *multi;
	struct gate_attachment gate;
	/* Of the last answer: the next is mostly sent under the same. */
	struct enclave_client_document *document; /* owned reference */
	char curl_error[CURL_ERROR_SIZE];
	/* Whom libcurl's callbacks are about; borrowed, NULL while idle. */
	struct transfer *transfer;
	/* Idle: easy holds what every request has and nothing of any one; else
	 * no option at all. */
	bool ready;
	bool added;         /* easy is in multi */
	uint64_t client_id; /* of the gate when it was made: see below */
	int64_t idle_since_boot_ms; /* in a lane */
	struct handle *next;
};

ENCLAVE_CLIENT_NODISCARD enum enclave_client_status handle_new(
    const struct gate *gate, struct cache_slot *slot,
    struct handle **ret_handle, struct enclave_client_error *error);
/*
 * A handle that was made before this process was forked is the parent's: it
 * can't be used, and freeing leaves it as it lies.  The client has been
 * entered.
 */
bool handle_inherited(const struct handle *handle);
void handle_free(struct handle *handle);
/* Into the multi and out of it; connections stay. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status handle_start(
    struct handle *handle, struct enclave_client_error *error);
void handle_finish(struct handle *handle);

#endif
