/*
 * What every easy handle of our own is set to, whoever uses it: trust, protocols,
 * resolution, proxy.  Poll, learning and requests differ only in what they add.
 */
#ifndef TLS_TRANSPORT_H
#define TLS_TRANSPORT_H

#include <curl/curl.h>

#include "base/error.h"
#include "tls/gate.h"

/* Immutable after it was made; owned by the client. */
struct transport {
	struct curl_slist *resolve;
	struct curl_slist *connect_to;
	char *proxy; /* NULL: the environment's; "": none */
	char *user_agent;
};

void transport_clear(struct transport *transport);

/*
 * curl_easy_reset, then the hooks and the options of every transfer.  Each
 * setopt is checked.  The live connections of the handle survive.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status transport_prepare(
    const struct transport *transport, struct gate_attachment *attachment,
    CURL *easy, struct enclave_client_error *error);

/*
 * What a finished transfer that failed means: the gate's own refusal when
 * there is one, else TIMEOUT, MEMORY or NETWORK with the CURLcode.
 */
enum enclave_client_status transport_failure(
    const struct gate_attachment *attachment, CURL *easy, CURLcode code,
    const char *curl_error, struct enclave_client_error *error);

#endif
