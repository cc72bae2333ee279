#include "evidence/digest.h"

bool
digest_begin(struct digest *digest, const char *meaning)
{
	digest->context = EVP_MD_CTX_new();
	return digest->context &&
	       EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) &&
	       digest_add(digest, bytes_from_string(meaning));
}

bool
digest_add(struct digest *digest, struct bytes part)
{
	uint8_t len[8];

	for (size_t i = 0; i < sizeof(len); i++)
		len[i] = (uint8_t)((uint64_t)part.len >> (56 - 8 * i));
	return EVP_DigestUpdate(digest->context, len, sizeof(len)) &&
	       EVP_DigestUpdate(digest->context, part.data, part.len);
}

bool
digest_end(struct digest *digest, bool done, uint8_t ret_digest[DIGEST_BYTES])
{
	done = done && EVP_DigestFinal_ex(digest->context, ret_digest, NULL);
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
	return done;
}

bool
digest_of(struct bytes data, uint8_t ret_digest[DIGEST_BYTES])
{
	return EVP_Digest(
	    data.data, data.len, ret_digest, NULL, EVP_sha256(), NULL);
}
