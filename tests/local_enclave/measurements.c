#include "measurements.h"

#include "encoding.h"
#include "fatal.h"

#include <openssl/evp.h>
#include <string.h>

void
measurements_default(struct measurements *pcrs, const char *instance_id)
{
	static const uint8_t zero[PCR_BYTES];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	memset(pcrs, 0, sizeof(*pcrs));
	pcrs->shown = PCR_ALWAYS_SHOWN;
	memset(pcrs->value[0], 0xa0, PCR_BYTES);
	memset(pcrs->value[1], 0xa1, PCR_BYTES);
	memset(pcrs->value[2], 0xa2, PCR_BYTES);
	must(digest != NULL);
	must(EVP_DigestInit_ex(digest, EVP_sha384(), NULL));
	must(EVP_DigestUpdate(digest, zero, sizeof(zero)));
	must(EVP_DigestUpdate(digest, instance_id, strlen(instance_id)));
	must(EVP_DigestFinal_ex(digest, pcrs->value[4], NULL));
	EVP_MD_CTX_free(digest);
}

void
measurements_debug(struct measurements *pcrs)
{
	memset(pcrs->value[0], 0, 3 * sizeof(pcrs->value[0]));
}

bool
measurements_set(struct measurements *pcrs, size_t index, const char *hex)
{
	uint8_t value[PCR_BYTES];
	size_t len;

	if (index >= PCR_COUNT ||
	    !hex_decode(hex, value, sizeof(value), &len) || len != PCR_BYTES)
		return false;
	memcpy(pcrs->value[index], value, PCR_BYTES);
	if (index >= pcrs->shown)
		pcrs->shown = index + 1;
	return true;
}

bool
measurements_set_text(struct measurements *pcrs, const char *assignment)
{
	const char *end;
	uint64_t index;

	if (!number_read(assignment, 10, &index, &end) || *end != '=')
		return false;
	return measurements_set(pcrs, index, end + 1);
}
