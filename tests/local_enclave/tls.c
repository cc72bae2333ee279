#include "tls.h"

#include "connection.h"
#include "fatal.h"

#include <string.h>

static int connection_index = -1;

static void
free_connection(void *parent, void *connection, CRYPTO_EX_DATA *data, int index,
    long argument, void *pointer)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argument;
	(void)pointer;
	if (connection != NULL)
		connection_free(connection);
}

void
tls_set_connection(SSL *ssl, struct connection *connection)
{
	must(SSL_set_ex_data(ssl, connection_index, connection));
}

struct connection *
tls_connection(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, connection_index);
}

static int
accept_certificate(int verified, X509_STORE_CTX *store)
{
	(void)verified;
	(void)store;
	return 1;
}

void
tls_ask_client_certificate(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_PEER, accept_certificate);
}

/* The name in a ClientHello's server_name extension (RFC 6066, 3), or NULL. */
static const uint8_t *
hello_server_name(SSL *ssl, size_t *ret_len)
{
	const unsigned char *data;
	size_t len;
	size_t name_len;

	if (!SSL_client_hello_get0_ext(
		ssl, TLSEXT_TYPE_server_name, &data, &len) ||
	    len < 5)
		return NULL;
	name_len = (size_t)data[3] << 8 | data[4];
	if (name_len > len - 5)
		return NULL;
	*ret_len = name_len;
	return data + 5;
}

static int
on_client_hello(SSL *ssl, int *alert, void *argument)
{
	struct connection_hello hello = {0};
	const unsigned char *data;
	size_t len = 0;

	(void)alert;
	(void)argument;
	hello.server_name = hello_server_name(ssl, &hello.server_name_len);
	hello.offers_psk =
	    SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &data, &len) == 1;
	hello.offers_early_data = SSL_client_hello_get0_ext(ssl,
				      TLSEXT_TYPE_early_data, &data, &len) == 1;
	hello.offers_ticket =
	    SSL_client_hello_get0_ext(
		ssl, TLSEXT_TYPE_session_ticket, &data, &len) == 1 &&
	    len > 0;
	connection_hello(tls_connection(ssl), &hello);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static void
on_info(const SSL *ssl, int where, int value)
{
	struct connection *connection = tls_connection(ssl);

	if ((where & SSL_CB_HANDSHAKE_START) != 0)
		connection_accepted(connection);
	if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
		connection_handshaken(connection);
	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
		return;
	connection_alert(connection, SSL_alert_desc_string_long(value));
	if ((value & 0xff) == SSL_AD_CLOSE_NOTIFY)
		connection_ends(connection);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *argument)
{
	static const unsigned char http[] = "\x08http/1.1";

	(void)ssl;
	(void)argument;
	if (SSL_select_next_proto((unsigned char **)out, out_len, http,
		sizeof(http) - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *
tls_context_new(const struct enclave *enclave)
{
	static const unsigned char session_context[] = "local-enclave";
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int version = enclave->options->tls_version;

	must(context != NULL);
	if (connection_index == -1)
		connection_index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, free_connection);
	must(connection_index != -1);
	must(SSL_CTX_set_min_proto_version(
	    context, version != 0 ? version : TLS1_2_VERSION));
	must(SSL_CTX_set_max_proto_version(context, version));
	must(SSL_CTX_use_certificate(context, enclave->served.certificate));
	must(SSL_CTX_use_PrivateKey(context, enclave->served.key));
	must(SSL_CTX_set_session_id_context(
	    context, session_context, sizeof(session_context) - 1));
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
	must(SSL_CTX_set_tlsext_ticket_keys(
	    context, (void *)(uintptr_t)enclave->ticket_key, TICKET_KEY_BYTES));
	SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
	SSL_CTX_set_info_callback(context, on_info);
	SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
	return context;
}
