#include "tls/note.h"

#include <pthread.h>

#include "tls/handshake.h"

struct note {
	note_info_callback callers_info;
	struct gate_owned owned; /* attachment NULL: none */
	struct enclave_client_error *refusal;
};

/* Of the same kind as the verdict's index: one of the allowed globals. */
static int ssl_ctx_index = -1;
static int ssl_index = -1;
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static void
release(struct note *note)
{
	if (note->owned.attachment)
		note->owned.release(note->owned.context);
	note->owned = (struct gate_owned){0};
}

/* OpenSSL sets the parameters: NOLINTBEGIN(readability-function-size) */
static void
free_note(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct note *note = pointer;

	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	if (!note)
		return;
	release(note);
	OPENSSL_free(note->refusal);
	OPENSSL_free(note);
}

/* SSL_dup: the copy owns nothing, and so is refused until it is attached. */
static int
dup_note(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **pointer,
    int index, long argl, void *argp)
{
	(void)to, (void)from, (void)index, (void)argl, (void)argp;
	*pointer = NULL;
	return 1;
}
/* NOLINTEND(readability-function-size) */

static void
make_indices(void)
{
	ssl_ctx_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, dup_note, free_note);
	ssl_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, dup_note, free_note);
}

static bool
ready(void)
{
	(void)pthread_once(&index_once, make_indices);
	return ssl_ctx_index >= 0 && ssl_index >= 0;
}

static struct note *
note_of_ctx(const SSL_CTX *ssl_ctx)
{
	return ready() ? SSL_CTX_get_ex_data(ssl_ctx, ssl_ctx_index) : NULL;
}

static struct note *
note_of_ssl(const SSL *ssl)
{
	return ready() ? SSL_get_ex_data(ssl, ssl_index) : NULL;
}

static struct note *
make_ctx_note(SSL_CTX *ssl_ctx)
{
	struct note *note = note_of_ctx(ssl_ctx);

	if (note || !ready())
		return note;
	note = OPENSSL_zalloc(sizeof(*note));
	if (note && SSL_CTX_set_ex_data(ssl_ctx, ssl_ctx_index, note) != 1) {
		OPENSSL_free(note);
		return NULL;
	}
	return note;
}

static struct note *
make_ssl_note(SSL *ssl)
{
	struct note *note = note_of_ssl(ssl);

	if (note || !ready())
		return note;
	note = OPENSSL_zalloc(sizeof(*note));
	if (note && SSL_set_ex_data(ssl, ssl_index, note) != 1) {
		OPENSSL_free(note);
		return NULL;
	}
	return note;
}

/* Attached a second time, ours is what stands there already. */
static bool
keep_info(struct note *note, note_info_callback callers)
{
	if (note && callers != handshake_forbid_resumption)
		note->callers_info = callers;
	return note != NULL;
}

bool
note_keep_info(SSL_CTX *ssl_ctx, note_info_callback callers)
{
	return keep_info(make_ctx_note(ssl_ctx), callers);
}

bool
note_keep_info_of_ssl(SSL *ssl, note_info_callback callers)
{
	return keep_info(make_ssl_note(ssl), callers);
}

note_info_callback
note_callers_info(const SSL *ssl)
{
	const struct note *note = note_of_ssl(ssl);
	note_info_callback of_ctx;

	if (note && note->callers_info)
		return note->callers_info;
	/* Set on the SSL, ours hides what stands on its SSL_CTX. */
	of_ctx = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
	if (of_ctx != handshake_forbid_resumption)
		return of_ctx;
	note = note_of_ctx(SSL_get_SSL_CTX(ssl));
	return note ? note->callers_info : NULL;
}

bool
note_is_owned(const SSL_CTX *ssl_ctx)
{
	const struct note *note = note_of_ctx(ssl_ctx);

	return note && note->owned.attachment;
}

bool
note_ssl_is_owned(const SSL *ssl)
{
	const struct note *note = note_of_ssl(ssl);

	return note && note->owned.attachment;
}

static bool
own(struct note *note, const struct gate_owned *owned)
{
	if (!note || note->owned.attachment)
		return false;
	note->owned = *owned;
	return true;
}

bool
note_own(SSL_CTX *ssl_ctx, const struct gate_owned *owned)
{
	return own(make_ctx_note(ssl_ctx), owned);
}

bool
note_own_of_ssl(SSL *ssl, const struct gate_owned *owned)
{
	return own(make_ssl_note(ssl), owned);
}

struct gate_attachment *
note_attachment(const SSL *ssl)
{
	const struct note *note = note_of_ssl(ssl);

	if (note && note->owned.attachment)
		return note->owned.attachment;
	note = note_of_ctx(SSL_get_SSL_CTX(ssl));
	return note ? note->owned.attachment : NULL;
}

void
note_refusal(SSL *ssl, const struct enclave_client_error *error)
{
	struct note *note = make_ssl_note(ssl);

	if (!note)
		return;
	OPENSSL_free(note->refusal);
	note->refusal = OPENSSL_memdup(error, sizeof(*error));
}

const struct enclave_client_error *
note_last_refusal(const SSL *ssl)
{
	const struct note *note = note_of_ssl(ssl);

	return note ? note->refusal : NULL;
}
