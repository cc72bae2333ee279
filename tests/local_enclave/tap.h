/*
 * Reads the decrypted bytes of one connection beside the HTTP server, with its
 * own idea of where a request begins and ends, and logs them as they arrive. A
 * request that never ends, or that the server refuses, is still in the log.
 */
#ifndef LOCAL_ENCLAVE_TAP_H
#define LOCAL_ENCLAVE_TAP_H

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

enum tap_state {
	TAP_HEAD,
	TAP_BODY,
	TAP_CHUNK_SIZE,
	TAP_CHUNK_DATA,
	TAP_CHUNK_END,
	TAP_TRAILER,
	/* No HTTP that we know: nothing more is taken apart. */
	TAP_OPAQUE,
};

struct tap {
	int log;
	uint64_t connection_id;
	uint64_t received_bytes;
	uint64_t requests;
	enum tap_state state;
	/* The line being read, without its end. */
	struct evbuffer *line;
	/* method, target and headers of the request being read. */
	cJSON *request;
	bool chunked;
	uint64_t left_bytes;
	uint64_t body_bytes;
	/* The first part of the body. */
	struct evbuffer *body;
	EVP_MD_CTX *digest;
	/* Of the request being read; logged as text so far. */
	uint64_t told_bytes;
	uint64_t untold_bytes;
};

void tap_open(struct tap *tap, int log, uint64_t connection_id);
void tap_feed(struct tap *tap, const uint8_t *data, size_t len);

/* Logs the end of the connection and what was left of an unfinished request. */
void tap_close(struct tap *tap);

#endif
