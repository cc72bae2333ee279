#include "evidence/openssl_error.h"

#include <openssl/err.h>

/* A code that OpenSSL itself never raises. */
#define FENCE_REASON 1

static bool
is_memory(unsigned long code)
{
	return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
}

static bool
is_fence(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_USER &&
	       ERR_GET_REASON(code) == FENCE_REASON;
}

/*
 * The fence keeps the caller's old failure from being taken for ours, and,
 * as the oldest entry, says that everything behind it is ours to read.
 */
void
openssl_errors_begin(void)
{
	(void)ERR_set_mark();
	if (!ERR_peek_error() || is_memory(ERR_peek_last_error()))
		ERR_raise(ERR_LIB_USER, FENCE_REASON);
}

void
openssl_errors_end(void)
{
	(void)ERR_pop_to_mark();
}

/*
 * OpenSSL buries a lack of memory under what followed from it, and its queue
 * can only be read by emptying it.
 */
bool
openssl_out_of_memory(void)
{
	bool found = false;
	unsigned long code;

	if (!is_fence(ERR_peek_error()))
		return is_memory(ERR_peek_last_error());
	while ((code = ERR_get_error()) != 0)
		found = found || is_memory(code);
	ERR_raise(ERR_LIB_USER, FENCE_REASON);
	return found;
}

X509 *
openssl_read_certificate(struct bytes der, const uint8_t **ret_end)
{
	X509 *x509;

	*ret_end = der.data;
	(void)ERR_set_mark();
	x509 = d2i_X509(NULL, ret_end, (long)der.len);
	(void)ERR_pop_to_mark();
	if (x509)
		return x509;
	*ret_end = der.data;
	return d2i_X509(NULL, ret_end, (long)der.len);
}

X509_PUBKEY *
openssl_read_spki(struct bytes der, const uint8_t **ret_end)
{
	X509_PUBKEY *spki;

	*ret_end = der.data;
	(void)ERR_set_mark();
	spki = d2i_X509_PUBKEY(NULL, ret_end, (long)der.len);
	(void)ERR_pop_to_mark();
	if (spki)
		return spki;
	*ret_end = der.data;
	return d2i_X509_PUBKEY(NULL, ret_end, (long)der.len);
}
