#include "appraisal/nonce.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/openssl_error.h"

#define UUID_BYTES       16
#define UUID_TEXT_BYTES  36
#define NONCE_TEXT_BYTES (2 * NONCE_MAX_BYTES + 1)

/* Version 4, variant 1 (RFC 9562 5.4), in lower case. */
static void
write_uuid(uint8_t random[UUID_BYTES], struct nonce *nonce)
{
	char hex[2 * UUID_BYTES + 1];
	char text[UUID_TEXT_BYTES + 1];

	random[6] = (uint8_t)((random[6] & 0x0f) | 0x40);
	random[8] = (uint8_t)((random[8] & 0x3f) | 0x80);
	hex_encode((struct bytes){random, UUID_BYTES}, hex);
	(void)snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
	    hex + 8, hex + 12, hex + 16, hex + 20);
	memcpy(nonce->bytes, text, UUID_TEXT_BYTES);
	nonce->len = UUID_TEXT_BYTES;
}

enum enclave_client_status
nonce_make(const struct profile *profile, struct nonce *ret_nonce,
    struct enclave_client_error *error)
{
	struct nonce nonce = {0};
	uint8_t random[NONCE_MAX_BYTES];
	bool drawn;

	if (profile->nonce == PROFILE_NONCE_NONE) {
		*ret_nonce = nonce;
		return ENCLAVE_CLIENT_OK;
	}
	openssl_errors_begin();
	drawn = RAND_bytes(random, sizeof(random)) == 1;
	openssl_errors_end();
	if (!drawn)
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "OpenSSL has no random bytes for a nonce");
	if (profile->nonce == PROFILE_NONCE_PATH) {
		write_uuid(random, &nonce);
	} else {
		nonce.len = profile->nonce_bytes;
		memcpy(nonce.bytes, random, nonce.len);
	}
	*ret_nonce = nonce;
	return ENCLAVE_CLIENT_OK;
}

char *
nonce_url(
    const struct profile *profile, const char *url, const struct nonce *nonce)
{
	char hex[NONCE_TEXT_BYTES];
	char *whole = NULL;
	int len;

	switch (profile->nonce) {
	case PROFILE_NONCE_QUERY:
		hex_encode((struct bytes){nonce->bytes, nonce->len}, hex);
		len = asprintf(&whole, "%s%snonce=%s", url,
		    strchr(url, '?') ? "&" : "?", hex);
		break;
	case PROFILE_NONCE_PATH:
		len = asprintf(&whole, "%s/%.*s", url, (int)nonce->len,
		    (const char *)nonce->bytes);
		break;
	default:
		return strdup(url);
	}
	return len < 0 ? NULL : whole;
}

enum enclave_client_status
nonce_check(const struct profile *profile, struct bytes nonce,
    const struct claims *claims, struct enclave_client_error *error)
{
	struct bytes shown = {0};
	bool given;

	if (profile->nonce == PROFILE_NONCE_NONE)
		return ENCLAVE_CLIENT_OK;
	/* Nothing would equal nothing. */
	if (!nonce.len)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_TIME,
		    "evidence of the profile \"%s\" must repeat a nonce that "
		    "was asked for, and none was",
		    profile->name);
	given = claims_field(claims, CLAIMS_NONCE, &shown);
	if (given && shown.len == nonce.len &&
	    !CRYPTO_memcmp(shown.data, nonce.data, nonce.len))
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_TOO_OLD,
	    ENCLAVE_CLIENT_STEP_TIME,
	    "the document does not answer this fetch: its nonce is %s; it may "
	    "be an older one, shown again",
	    !given       ? "absent"
	    : !shown.len ? "empty"
			 : "another");
}
