#include "evidence/key.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

EVP_PKEY *
key_new(struct bytes point)
{
	static char curve[] = "P-384";
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
		(void *)(uintptr_t)point.data, point.len),
	    OSSL_PARAM_construct_end(),
	};

	if (context && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) !=
		1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}
