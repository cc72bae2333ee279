/*
 * What every easy handle of our own is set to, whoever uses it: trust, protocols,
 * resolution, proxy.  Poll, learning and requests differ only in what they add.
 */
#ifndef TLS_TRANSPORT_H
#define TLS_TRANSPORT_H

#include <curl/curl.h>

#include "base/error.h"
#include "tls/gate.h"
#include "tls/sockets.h"

/* How every connection is made, polls' and learning's too: one that was made
 * otherwise would be one that the request can't use. */
struct transport_connection {
	long tls_version_min; /* CURL_SSLVERSION_TLSv1_*; 0: the default */
	long tls_version_max; /* CURL_SSLVERSION_MAX_*; 0: none */
	long http_version;    /* CURL_HTTP_VERSION_*; 0: the default */
	long ip_version;      /* CURL_IPRESOLVE_* */
	char *interface;      /* owned; NULL: any */
};

/*
 * Shown on a request's own connection and never on one that evidence is
 * fetched over.  Owned; certificate.data NULL: none.
 */
struct transport_identity {
	struct curl_blob certificate; /* PEM */
	struct curl_blob key;         /* data NULL: in certificate */
	char *passphrase;             /* NULL: none */
};

/* Immutable after it was made, but for a fork; owned by the client. */
struct transport {
	struct curl_slist *resolve;
	struct curl_slist *connect_to;
	char *proxy; /* NULL: the environment's; "": none */
	char *user_agent;
	struct transport_connection connection;
	struct transport_identity identity;
	struct sockets *sockets; /* NULL: connections are not recorded */
};

void transport_connection_clear(struct transport_connection *connection);
void transport_identity_clear(struct transport_identity *identity);
/* Into a transport that has neither; false when memory is short. */
bool transport_copy(struct transport *transport,
    const struct transport_connection *connection,
    const struct transport_identity *identity);
void transport_clear(struct transport *transport);

/* Takes every option off; live connections stay. */
void transport_forget(CURL *easy);
/* In place of curl_easy_cleanup(). */
void transport_free(CURL *easy);

/*
 * transport_forget, then the hooks and the options of every transfer.  Each
 * setopt is checked.  The live connections of the handle survive.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status transport_prepare(
    const struct transport *transport, struct gate_attachment *attachment,
    CURL *easy, struct enclave_client_error *error);

/* The client certificate, where there is one: for requests alone. */
CURLcode transport_show_identity(const struct transport *transport, CURL *easy);

/*
 * What a finished transfer that failed means: the gate's own refusal when
 * there is one, else TIMEOUT, MEMORY or NETWORK with the CURLcode.
 */
enum enclave_client_status transport_failure(
    const struct gate_attachment *attachment, CURL *easy, CURLcode code,
    const char *curl_error, struct enclave_client_error *error);

#endif
