#include "tls/verdict.h"

#include <pthread.h>
#include <stdatomic.h>

/* One of the three globals that the library allows itself (DESIGN 8). */
static atomic_int ex_data_index = -1;
static pthread_once_t ex_data_once = PTHREAD_ONCE_INIT;

/* OpenSSL sets the parameters: NOLINTBEGIN(readability-function-size) */
static void
free_verdict(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	OPENSSL_free(pointer);
}

/* SSL_dup: the copy is another connection and starts without a verdict. */
static int
dup_verdict(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **pointer,
    int index, long argl, void *argp)
{
	(void)to, (void)from, (void)index, (void)argl, (void)argp;
	*pointer = NULL;
	return 1;
}
/* NOLINTEND(readability-function-size) */

static void
make_index(void)
{
	ex_data_index =
	    SSL_get_ex_new_index(0, NULL, NULL, dup_verdict, free_verdict);
}

static int
get_index(void)
{
	if (ex_data_index < 0)
		(void)pthread_once(&ex_data_once, make_index);
	return ex_data_index;
}

struct verdict *
verdict_get(const SSL *ssl)
{
	int index = get_index();

	return index < 0 ? NULL : SSL_get_ex_data(ssl, index);
}

bool
verdict_set(SSL *ssl, const struct verdict *verdict)
{
	struct verdict *copy;
	int index = get_index();

	if (index < 0)
		return false;
	copy = OPENSSL_memdup(verdict, sizeof(*verdict));
	if (!copy)
		return false;
	verdict_drop(ssl);
	if (SSL_set_ex_data(ssl, index, copy) != 1) {
		OPENSSL_free(copy);
		return false;
	}
	return true;
}

void
verdict_drop(SSL *ssl)
{
	struct verdict *verdict = verdict_get(ssl);

	if (!verdict)
		return;
	(void)SSL_set_ex_data(ssl, get_index(), NULL);
	OPENSSL_free(verdict);
}
