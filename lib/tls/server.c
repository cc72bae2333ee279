/* The gate the other way round: a server that accepts attested clients only. */
#include "tls/handshake.h"
#include "tls/note.h"

/*
 * A resumed handshake shows no certificate.  Nothing is kept to resume from:
 * no cache, no ticket of TLS 1.2, none of TLS 1.3, and no cache of the
 * caller's is asked.
 */
static void
forbid_sessions(SSL_CTX *ssl_ctx)
{
	/* Off alone keeps no new one, and still finds those from before. */
	(void)SSL_CTX_set_session_cache_mode(
	    ssl_ctx, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_get_cb(ssl_ctx, NULL);
	(void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(ssl_ctx, 0);
	(void)SSL_CTX_set_recv_max_early_data(ssl_ctx, 0);
	/* A key agreed elsewhere would stand in for the certificate. */
	SSL_CTX_set_psk_server_callback(ssl_ctx, NULL);
	SSL_CTX_set_psk_find_session_callback(ssl_ctx, NULL);
}

enum enclave_client_status
gate_attach_server(const struct gate_owned *owned, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error)
{
	int quiet = SSL_CTX_get_quiet_shutdown(ssl_ctx);
	enum enclave_client_status status =
	    gate_attach_ssl_ctx(owned, ssl_ctx, error);

	if (status)
		return status;
	/* A client must be able to tell the end from a cut. */
	SSL_CTX_set_quiet_shutdown(ssl_ctx, quiet);
	forbid_sessions(ssl_ctx);
	/* Without a certificate there is nobody to judge: OpenSSL would not
	 * call us at all. */
	SSL_CTX_set_verify(
	    ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ENCLAVE_CLIENT_OK;
}
