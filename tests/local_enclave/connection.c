#include "connection.h"

#include "answer.h"
#include "encoding.h"
#include "fatal.h"
#include "tls.h"
#include "truth_log.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static cJSON *
connection_event(const struct connection *connection, const char *name)
{
	cJSON *event = truth_event(name);

	must(cJSON_AddNumberToObject(event, "connection",
		 (double)connection->tap.connection_id) != NULL);
	return event;
}

/* Every decrypted byte passes here before the HTTP server looks at it. */
static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *change,
    void *argument)
{
	struct connection *connection = argument;
	struct evbuffer_ptr begin;
	uint8_t *data;

	if (change->n_added == 0)
		return;
	data = must_alloc(change->n_added);
	must(evbuffer_ptr_set(
		 input, &begin, change->orig_size, EVBUFFER_PTR_SET) == 0);
	must(evbuffer_copyout_from(input, &begin, data, change->n_added) ==
	     (ssize_t)change->n_added);
	tap_feed(&connection->tap, data, change->n_added);
	free(data);
}

struct bufferevent *
connection_stream_new(struct event_base *base, void *argument)
{
	struct enclave *enclave = argument;
	struct connection *connection = must_alloc(sizeof(*connection));

	connection->enclave = enclave;
	connection->ssl = SSL_new(enclave->tls);
	must(connection->ssl != NULL);
	tap_open(&connection->tap, enclave->log, ++enclave->connections_made);
	tls_set_connection(connection->ssl, connection);
	if (enclave->behaviour.ask_client_certificate)
		tls_ask_client_certificate(connection->ssl);
	connection->stream = bufferevent_openssl_socket_new(base, -1,
	    connection->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	must(connection->stream != NULL);
	bufferevent_openssl_set_allow_dirty_shutdown(connection->stream, 1);
	must(evbuffer_add_cb(bufferevent_get_input(connection->stream),
		 on_input, connection) != NULL);
	connection->next = enclave->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	enclave->connections = connection;
	return connection->stream;
}

struct connection *
connection_of(struct evhttp_request *request)
{
	struct bufferevent *stream = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(request));

	return tls_connection(bufferevent_openssl_get_ssl(stream));
}

static int
peer_port(const SSL *ssl)
{
	struct sockaddr_in address = {0};
	socklen_t len = sizeof(address);

	if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&address, &len) !=
	    0)
		return 0;
	return ntohs(address.sin_port);
}

void
connection_accepted(struct connection *connection)
{
	static const int no_delay = 1;
	cJSON *event;

	if (connection->accepted)
		return;
	connection->accepted = true;
	/* A body sent after its headers would wait 40 ms for an ACK. */
	setsockopt(SSL_get_fd(connection->ssl), IPPROTO_TCP, TCP_NODELAY,
	    &no_delay, sizeof(no_delay));
	event = connection_event(connection, "connection");
	must(cJSON_AddNumberToObject(
		 event, "peer_port", peer_port(connection->ssl)) != NULL);
	truth_log_write(connection->enclave->log, event);
}

void
connection_hello(
    struct connection *connection, const struct connection_hello *hello)
{
	cJSON *event = connection_event(connection, "client_hello");

	connection->greeted = true;
	if (hello->server_name != NULL)
		truth_add_bytes(
		    event, "sni", hello->server_name, hello->server_name_len);
	else
		must(cJSON_AddNullToObject(event, "sni") != NULL);
	must(cJSON_AddBoolToObject(event, "offers_psk", hello->offers_psk) !=
	     NULL);
	must(cJSON_AddBoolToObject(
		 event, "offers_ticket", hello->offers_ticket) != NULL);
	must(cJSON_AddBoolToObject(
		 event, "offers_early_data", hello->offers_early_data) != NULL);
	truth_log_write(connection->enclave->log, event);
}

/* New text: the key in the certificate that this connection was shown. */
static char *
shown_key(const SSL *ssl)
{
	EVP_PKEY *key = X509_get0_pubkey(SSL_get_certificate(ssl));
	size_t len;
	uint8_t *spki = key_spki(key, &len);
	char *hex = sha256_hex(spki, len);

	OPENSSL_free(spki);
	return hex;
}

static void
add_client_certificate(cJSON *event, const SSL *ssl)
{
	const X509 *certificate = SSL_get0_peer_certificate(ssl);
	char *subject;

	if (certificate == NULL) {
		must(
		    cJSON_AddNullToObject(event, "client_certificate") != NULL);
		return;
	}
	subject =
	    X509_NAME_oneline(X509_get_subject_name(certificate), NULL, 0);
	must(subject != NULL);
	truth_add_bytes(
	    event, "client_certificate", (uint8_t *)subject, strlen(subject));
	OPENSSL_free(subject);
}

void
connection_handshaken(struct connection *connection)
{
	struct measurements pcrs =
	    behaviour_measurements(&connection->enclave->behaviour);
	const SSL *ssl = connection->ssl;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char *key;
	char *pcr0;
	cJSON *event;

	/* OpenSSL also says this of tickets and of having asked for another. */
	if (!connection->greeted)
		return;
	connection->greeted = false;
	key = shown_key(ssl);
	pcr0 = hex_encode(pcrs.value[0], PCR_BYTES);
	event = connection_event(connection, "handshake");
	must(cJSON_AddStringToObject(event, "tls", SSL_get_version(ssl)) !=
	     NULL);
	must(cJSON_AddBoolToObject(event, "resumed", SSL_session_reused(ssl)) !=
	     NULL);
	must(cJSON_AddBoolToObject(
		 event, "renegotiated", connection->handshaken) != NULL);
	must(cJSON_AddStringToObject(event, "sni", name != NULL ? name : "") !=
	     NULL);
	must(cJSON_AddStringToObject(event, "spki_sha256", key) != NULL);
	must(cJSON_AddStringToObject(event, "pcr0", pcr0) != NULL);
	add_client_certificate(event, ssl);
	truth_log_write(connection->enclave->log, event);
	connection->handshaken = true;
	free(key);
	free(pcr0);
}

void
connection_alert(struct connection *connection, const char *text)
{
	cJSON *event = connection_event(connection, "alert");

	must(cJSON_AddStringToObject(event, "text", text) != NULL);
	truth_log_write(connection->enclave->log, event);
}

void
connection_ends(struct connection *connection)
{
	/* Or OpenSSL would forget the session of a connection that was not
	 * closed in form, and no client could resume by its id. Since OpenSSL
	 * 3.2 it does so before the data that hang on an SSL are freed. */
	SSL_set_shutdown(
	    connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void
connection_free(struct connection *connection)
{
	answer_free(connection->answer);
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		connection->enclave->connections = connection->next;
	tap_close(&connection->tap);
	free(connection);
}

size_t
connections_renegotiate(struct enclave *enclave)
{
	struct connection *connection;
	size_t asked = 0;

	for (connection = enclave->connections; connection != NULL;
	     connection = connection->next) {
		if (!connection->handshaken ||
		    SSL_version(connection->ssl) != TLS1_2_VERSION)
			continue;
		if (bufferevent_ssl_renegotiate(connection->stream) >= 0)
			asked++;
	}
	return asked;
}
