/*
 * The parts of a form with files, as libcurl sends them.  Each piece is asked
 * of the gate before it leaves, as any other body (rule 10).
 */
#ifndef CLIENT_REQUEST_PARTS_H
#define CLIENT_REQUEST_PARTS_H

#include <curl/curl.h>
#include <enclave_client.h>
#include <stdbool.h>

struct request_part; /* never changed; lives as long as its request */

struct request_parts {
	struct request_part **items; /* owned */
	size_t count;
};

void request_parts_clear(struct request_parts *parts);

/* Asked before each piece and after a callback; false ends the transfer. */
struct parts_gate {
	bool (*allowed)(void *context);
	/* A callback of the caller's failed. */
	void (*failed)(void *context);
	void *context;
};

/*
 * The parts as a body for easy; gate's context must outlive the transfer.
 * *ret_mime is new: free it after the transfer, before the handle.  begun has
 * a place for each part, and as long a life: true where a callback was asked.
 */
CURLcode request_parts_mime(const struct request_parts *parts,
    const struct parts_gate *gate, CURL *easy, bool *begun,
    curl_mime **ret_mime);

/* Every callback that was asked starts again; false when one can't. */
bool request_parts_rewind(const struct request_parts *parts, bool *begun);

#endif
