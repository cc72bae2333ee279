#include "tls/transport.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static void
wipe(void *secret, size_t len)
{
	if (secret)
		OPENSSL_cleanse(secret, len);
	free(secret);
}

void
transport_connection_clear(struct transport_connection *connection)
{
	free(connection->interface);
	*connection = (struct transport_connection){0};
}

void
transport_identity_clear(struct transport_identity *identity)
{
	/* The key may stand in the certificate's file. */
	wipe(identity->certificate.data, identity->certificate.len);
	wipe(identity->key.data, identity->key.len);
	wipe(identity->passphrase,
	    identity->passphrase ? strlen(identity->passphrase) : 0);
	*identity = (struct transport_identity){0};
}

static bool
copy_blob(const struct curl_blob *from, struct curl_blob *ret_blob)
{
	if (!from->data)
		return true;
	ret_blob->data = malloc(from->len ? from->len : 1);
	if (!ret_blob->data)
		return false;
	memcpy(ret_blob->data, from->data, from->len);
	ret_blob->len = from->len;
	ret_blob->flags = CURL_BLOB_COPY;
	return true;
}

static bool
copy_text(const char *from, char **ret_text)
{
	if (!from)
		return true;
	*ret_text = strdup(from);
	return *ret_text != NULL;
}

bool
transport_copy(struct transport *transport,
    const struct transport_connection *connection,
    const struct transport_identity *identity)
{
	transport->connection = *connection;
	transport->connection.interface = NULL;
	return copy_text(
		   connection->interface, &transport->connection.interface) &&
	       copy_blob(
		   &identity->certificate, &transport->identity.certificate) &&
	       copy_blob(&identity->key, &transport->identity.key) &&
	       copy_text(identity->passphrase, &transport->identity.passphrase);
}

void
transport_clear(struct transport *transport)
{
	curl_slist_free_all(transport->resolve);
	curl_slist_free_all(transport->connect_to);
	free(transport->proxy);
	free(transport->user_agent);
	transport_connection_clear(&transport->connection);
	transport_identity_clear(&transport->identity);
	sockets_free(transport->sockets);
	*transport = (struct transport){0};
}

static CURLcode
set_long(CURL *easy, CURLoption option, long value)
{
	return curl_easy_setopt(easy, option, value);
}

/*
 * The newest TLS that an HTTPS proxy may speak, never the enclave's: the gate
 * knows the proxy's handshakes by it (handshake.c), whatever name it has and
 * whoever named it.
 */
static CURLcode
mark_proxy(const struct transport_connection *connection,
    struct gate_attachment *attachment, CURL *easy)
{
	bool taken = connection->tls_version_max == CURL_SSLVERSION_MAX_TLSv1_3;

	attachment->proxy_version_max = taken ? TLS1_2_VERSION : TLS1_3_VERSION;
	return set_long(easy, CURLOPT_PROXY_SSLVERSION,
	    CURL_SSLVERSION_TLSv1_2 | (taken ? CURL_SSLVERSION_MAX_TLSv1_2
					     : CURL_SSLVERSION_MAX_TLSv1_3));
}

/* Ordinary verification is ours (handshake.c), so libcurl loads no store; its
 * own switches stay on all the same. */
static CURLcode
set_tls(const struct transport_connection *connection, CURL *easy)
{
	long versions = connection->tls_version_min
			    ? connection->tls_version_min
			    : CURL_SSLVERSION_TLSv1_2;
	CURLcode code = set_long(easy, CURLOPT_SSL_VERIFYPEER, 1);

	if (!code)
		code = set_long(easy, CURLOPT_SSL_VERIFYHOST, 2);
	if (!code)
		code = set_long(easy, CURLOPT_SSLVERSION,
		    versions | connection->tls_version_max);
	if (!code)
		code = set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 0);
	/* CAPATH too: Debian's 7.88 loads /etc/ssl/certs beside a CAINFO. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	/* An HTTPS proxy's certificate is verified by our store as well. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	return code;
}

static CURLcode
set_protocols(const struct transport_connection *connection, CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");

	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	if (!code)
		code = set_long(easy, CURLOPT_FOLLOWLOCATION, 0);
	if (!code)
		code = set_long(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
	/* HTTP/3 has another TLS, which the gate does not see. */
	if (!code)
		code = set_long(easy, CURLOPT_HTTP_VERSION,
		    connection->http_version ? connection->http_version
					     : CURL_HTTP_VERSION_2TLS);
	return code;
}

static CURLcode
set_network(const struct transport *transport, CURL *easy)
{
	CURLcode code = set_long(easy, CURLOPT_NOSIGNAL, 1);

	/* Another's cookies, where the handle's last transfer had some. */
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
	if (!code)
		code = set_long(
		    easy, CURLOPT_IPRESOLVE, transport->connection.ip_version);
	if (!code && transport->connection.interface)
		code = curl_easy_setopt(
		    easy, CURLOPT_INTERFACE, transport->connection.interface);
	/* A hanging resolver is not joined when the handle goes. */
	if (!code)
		code = set_long(easy, CURLOPT_QUICK_EXIT, 1);
	if (!code)
		code =
		    curl_easy_setopt(easy, CURLOPT_RESOLVE, transport->resolve);
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_CONNECT_TO, transport->connect_to);
	if (!code && transport->proxy)
		code = curl_easy_setopt(easy, CURLOPT_PROXY, transport->proxy);
	if (!code && transport->sockets)
		code = sockets_record(transport->sockets, easy);
	return code;
}

/* libcurl frees its list of cookie files when it reads them, and else never. */
static void
free_cookie_files(CURL *easy)
{
	(void)curl_easy_setopt(easy, CURLOPT_COOKIEFILE, NULL);
}

void
transport_forget(CURL *easy)
{
	free_cookie_files(easy);
	curl_easy_reset(easy);
}

void
transport_free(CURL *easy)
{
	free_cookie_files(easy);
	curl_easy_cleanup(easy);
}

enum enclave_client_status
transport_prepare(const struct transport *transport,
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	CURLcode code;

	/* Nothing of an earlier transfer is left; connections stay. */
	transport_forget(easy);
	code = set_tls(&transport->connection, easy);
	if (!code)
		code = mark_proxy(&transport->connection, attachment, easy);
	if (!code)
		code = set_protocols(&transport->connection, easy);
	if (!code)
		code = set_network(transport, easy);
	if (!code)
		return gate_attach(attachment, easy, error);
	if (code == CURLE_OUT_OF_MEMORY)
		return error_memory(error);
	status = error_set(error, ENCLAVE_CLIENT_ERR_UNSUPPORTED,
	    ENCLAVE_CLIENT_STEP_NONE,
	    "libcurl refuses an option that the gate needs: %s",
	    curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	return status;
}

CURLcode
transport_show_identity(const struct transport *transport, CURL *easy)
{
	const struct transport_identity *identity = &transport->identity;
	const struct curl_blob *key =
	    identity->key.data ? &identity->key : &identity->certificate;
	CURLcode code;

	if (!identity->certificate.data)
		return CURLE_OK;
	code = curl_easy_setopt(
	    easy, CURLOPT_SSLCERT_BLOB, &identity->certificate);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, key);
	if (!code && identity->passphrase)
		code = curl_easy_setopt(
		    easy, CURLOPT_KEYPASSWD, identity->passphrase);
	return code;
}

static enum enclave_client_status
status_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return ENCLAVE_CLIENT_ERR_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return ENCLAVE_CLIENT_ERR_MEMORY;
	default:
		return ENCLAVE_CLIENT_ERR_NETWORK;
	}
}

/*
 * Of a proxy's URL that it can't use libcurl says "Unsupported proxy ..." and
 * quotes the whole of it, the password too.
 */
static const char *
words_of(CURLcode code, const char *curl_error)
{
	static const char quoting[] = "Unsupported proxy";

	if (!curl_error || !curl_error[0])
		return curl_easy_strerror(code);
	if (!strncmp(curl_error, quoting, sizeof(quoting) - 1))
		return "the proxy's URL is none that libcurl can use";
	return curl_error;
}

enum enclave_client_status
transport_failure(const struct gate_attachment *attachment, CURL *easy,
    CURLcode code, const char *curl_error, struct enclave_client_error *error)
{
	enum enclave_client_status status;

	(void)easy;
	if (attachment->error.status) {
		error_copy(error, &attachment->error);
		error_set_enclave(error, attachment->enclave->name);
		return attachment->error.status;
	}
	status = error_set(error, status_of(code), ENCLAVE_CLIENT_STEP_NONE,
	    "%s", words_of(code, curl_error));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	error_set_enclave(error, attachment->enclave->name);
	return status;
}
