/* The gate on a caller's SSL_CTX or SSL, for protocols that curl does not
 * speak. */
#include <openssl/err.h>
#include <string.h>

#include "tls/handshake.h"
#include "tls/leaf.h"
#include "tls/note.h"
#include "tls/verdict.h"

/*
 * A second attachment would free the first under handshakes that go on, and
 * judge for another enclave than the one that was named.
 */
static enum enclave_client_status
refuse_second(const struct gate_owned *owned, const char *what,
    struct enclave_client_error *error)
{
	owned->release(owned->context);
	return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE, "the %s is attached already", what);
}

enum enclave_client_status
gate_attach_ssl_ctx(const struct gate_owned *owned, SSL_CTX *ssl_ctx,
    struct enclave_client_error *error)
{
	if (note_is_owned(ssl_ctx))
		return refuse_second(owned, "SSL_CTX", error);
	/* Owned before it is hooked in, so that no hook outlives it. */
	if (!note_own(ssl_ctx, owned)) {
		owned->release(owned->context);
		return error_memory(error);
	}
	return gate_prepare_ssl_ctx(owned->attachment, ssl_ctx, error);
}

/*
 * The enclave's attested key is trusted alone: what ordinary verification says
 * of its certificate is passed over.  The leaf is still judged, in the last
 * call for it, which OpenSSL makes when nothing is left to complain of.
 */
static bool
may_go_unverified(
    const struct gate_attachment *attachment, X509_STORE_CTX *context)
{
	if (!attachment || attachment->enclave->web_pki)
		return false;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return true;
}

/*
 * X509_STORE_CTX's verify callback, for one SSL alone: called for each
 * certificate once the chain holds, the leaf's last.  A certificate that
 * ordinary verification refused stays refused.
 */
static int
verify_leaf(int verified, X509_STORE_CTX *context)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    context, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct gate_attachment *attachment =
	    ssl ? note_attachment(ssl) : NULL;
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_INTERNAL;

	if (!verified && !may_go_unverified(attachment, context))
		return 0;
	if (!verified)
		return 1;
	if (X509_STORE_CTX_get_error_depth(context) > 0)
		return 1;
	(void)ERR_set_mark();
	if (attachment && gate_enter(attachment->gate)) {
		struct gate_attachment own = *attachment;
		status = handshake_begin_shared(&own);
		if (!status)
			status = handshake_judge_key(
			    &own, X509_STORE_CTX_get0_cert(context), ssl);
		if (status)
			note_refusal(ssl, &own.error);
		enclave_unref(own.enclave);
	}
	(void)ERR_pop_to_mark();
	if (!status)
		return 1;
	X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static enum enclave_client_status
prepare_ssl(const struct gate_attachment *attachment, SSL *ssl,
    struct enclave_client_error *error)
{
	if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION &&
	    SSL_set_min_proto_version(ssl, TLS1_2_VERSION) != 1)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "OpenSSL does not take TLS 1.2 as the least version");
	if ((attachment->enclave->web_pki &&
		!handshake_expect_host(
		    SSL_get0_param(ssl), attachment->enclave->origin.host)) ||
	    !note_keep_info_of_ssl(ssl, SSL_get_info_callback(ssl)))
		return error_memory(error);
	(void)SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_set_max_early_data(ssl, 0);
	SSL_set_quiet_shutdown(ssl, 1);
	SSL_set_info_callback(ssl, handshake_forbid_resumption);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_leaf);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
gate_attach_ssl(const struct gate_owned *owned, SSL *ssl,
    struct enclave_client_error *error)
{
	if (!SSL_in_before(ssl)) {
		owned->release(owned->context);
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the SSL's handshake has begun already");
	}
	if (note_ssl_is_owned(ssl))
		return refuse_second(owned, "SSL", error);
	/* Owned before it is hooked in, so that no hook outlives it. */
	if (!note_own_of_ssl(ssl, owned)) {
		owned->release(owned->context);
		return error_memory(error);
	}
	return prepare_ssl(owned->attachment, ssl, error);
}

static enum enclave_client_status
refuse(const char *why, struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    ENCLAVE_CLIENT_STEP_NONE, "nothing may be sent: %s", why);
}

/* The verdict is this client's, for the attached enclave, of this handshake. */
static enum enclave_client_status
check_verdict(const struct gate *gate, const struct gate_attachment *attachment,
    SSL *ssl, struct enclave_client_error *error)
{
	const struct verdict *verdict = verdict_get(ssl);
	const struct enclave_client_error *refusal = note_last_refusal(ssl);

	if (!verdict && refusal) {
		error_copy(error, refusal);
		return refusal->status;
	}
	if (!verdict)
		return refuse(
		    "no handshake of this client judged the connection", error);
	if (verdict->client_id != gate->client_id)
		return refuse("another client judged the connection", error);
	if (verdict->slot_id != cache_slot_id(attachment->slot))
		return refuse(
		    "the connection was judged for another enclave", error);
	if (!SSL_is_init_finished(ssl))
		return refuse("the handshake has not finished", error);
	if (SSL_session_reused(ssl))
		return refuse("the TLS session was resumed", error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
gate_check_ssl(const struct gate *gate, SSL *ssl, struct cache_hit *ret_hit,
    struct enclave_client_error *error)
{
	const struct gate_attachment *attachment = note_attachment(ssl);
	enum enclave_client_status status;

	if (!attachment)
		return refuse("the SSL is not attached", error);
	if (gate->stopped && atomic_load(gate->stopped))
		status = error_set(error, ENCLAVE_CLIENT_ERR_CANCELLED,
		    ENCLAVE_CLIENT_STEP_NONE, "the client was stopped");
	else
		status = check_verdict(gate, attachment, ssl, error);
	if (!status) {
		const struct leaf leaf = {verdict_get(ssl)->key,
		    SSL_get0_peer_certificate(ssl), true};
		status =
		    leaf_judge(gate, attachment->slot, &leaf, ret_hit, error);
		if (status)
			cache_mark_wanted(gate->cache, attachment->slot);
	}
	error_set_enclave(error, attachment->enclave->name);
	return status;
}

struct cache_slot *
gate_ssl_slot(const SSL *ssl)
{
	const struct gate_attachment *attachment = note_attachment(ssl);

	return attachment ? attachment->slot : NULL;
}
