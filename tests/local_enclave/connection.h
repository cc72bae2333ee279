/* One TLS connection and everything the log says of it. */
#ifndef LOCAL_ENCLAVE_CONNECTION_H
#define LOCAL_ENCLAVE_CONNECTION_H

#include "enclave.h"
#include "tap.h"

struct answer;
struct bufferevent;

struct connection {
	struct enclave *enclave;
	struct connection *next;
	struct connection *previous;
	SSL *ssl;
	struct bufferevent *stream;
	bool accepted;
	/* A ClientHello came, and its handshake is not over. */
	bool greeted;
	bool handshaken;
	struct tap tap;
	/* What is being sent, owned; NULL between requests. */
	struct answer *answer;
};

/* What is worth telling of a ClientHello. */
struct connection_hello {
	const uint8_t *server_name;
	size_t server_name_len;
	bool offers_psk;
	bool offers_ticket;
	bool offers_early_data;
};

/* For evhttp_set_bevcb: a TLS stream for a connection about to be accepted. */
struct bufferevent *connection_stream_new(
    struct event_base *base, void *enclave);

struct connection *connection_of(struct evhttp_request *request);

/* From TLS, in this order. */
void connection_accepted(struct connection *connection);
void connection_hello(
    struct connection *connection, const struct connection_hello *hello);
void connection_handshaken(struct connection *connection);
void connection_alert(struct connection *connection, const char *text);
/* The client has said that it closes. */
void connection_ends(struct connection *connection);
void connection_free(struct connection *connection);

/* Asks every TLS 1.2 client for a new handshake; returns how many. */
size_t connections_renegotiate(struct enclave *enclave);

#endif
