#include "tls/transport.h"

#include <stdlib.h>

void
transport_clear(struct transport *transport)
{
	curl_slist_free_all(transport->resolve);
	curl_slist_free_all(transport->connect_to);
	free(transport->proxy);
	free(transport->user_agent);
	*transport = (struct transport){0};
}

static CURLcode
set_long(CURL *easy, CURLoption option, long value)
{
	return curl_easy_setopt(easy, option, value);
}

/* Ordinary verification is ours (handshake.c), so libcurl loads no store; its
 * own switches stay on all the same. */
static CURLcode
set_tls(CURL *easy)
{
	CURLcode code = set_long(easy, CURLOPT_SSL_VERIFYPEER, 1);

	if (!code)
		code = set_long(easy, CURLOPT_SSL_VERIFYHOST, 2);
	if (!code)
		code =
		    set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
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
set_protocols(CURL *easy)
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
		code = set_long(
		    easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	return code;
}

static CURLcode
set_network(const struct transport *transport, CURL *easy)
{
	CURLcode code = set_long(easy, CURLOPT_NOSIGNAL, 1);

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
	return code;
}

enum enclave_client_status
transport_prepare(const struct transport *transport,
    struct gate_attachment *attachment, CURL *easy,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	CURLcode code;

	/* Nothing of an earlier transfer is left; connections stay. */
	curl_easy_reset(easy);
	code = set_tls(easy);
	if (!code)
		code = set_protocols(easy);
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
	status =
	    error_set(error, status_of(code), ENCLAVE_CLIENT_STEP_NONE, "%s",
		curl_error && curl_error[0] ? curl_error
					    : curl_easy_strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL, code);
	error_set_enclave(error, attachment->enclave->name);
	return status;
}
