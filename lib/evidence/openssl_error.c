#include "evidence/openssl_error.h"

#include <openssl/err.h>

void
openssl_errors_begin(void)
{
	(void)ERR_set_mark();
	/* A fence, so that the caller's old failure is not taken for ours. */
	if (openssl_out_of_memory())
		ERR_raise(ERR_LIB_USER, ERR_R_OPERATION_FAIL);
}

void
openssl_errors_end(void)
{
	(void)ERR_pop_to_mark();
}

bool
openssl_out_of_memory(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}
