#include "fake_claims.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int references;

struct claims *
fake_claims_new(const char *pcrs)
{
	struct claims *claims = calloc(1, sizeof(*claims));

	ck_assert_ptr_nonnull(claims);
	claims->references = 1;
	references++;
	claims->authentic = true;
	claims->not_after_ms = INT64_MAX;
	while (*pcrs) {
		char *end;
		unsigned long index = strtoul(pcrs, &end, 10);
		ck_assert(*end == '=' && index < PCRS_MAX);
		char pair[] = {end[1], end[1]};
		uint8_t byte;
		ck_assert(
		    hex_decode((struct bytes){(uint8_t *)pair, 2}, &byte, 1));
		memset(claims->pcrs[index], byte, PCR_BYTES);
		claims->pcr_mask |= UINT32_C(1) << index;
		pcrs = end + 2;
		pcrs += *pcrs == ' ';
	}
	return claims;
}

int
fake_claims_references(void)
{
	return references;
}

struct claims *
claims_ref(struct claims *claims)
{
	claims->references++;
	references++;
	return claims;
}

void
claims_unref(struct claims *claims)
{
	if (!claims)
		return;
	references--;
	if (!--claims->references)
		free(claims);
}

bool
claims_authentic(const struct claims *claims)
{
	return claims->authentic;
}

bool
claims_replayed(const struct claims *claims)
{
	return claims->replayed;
}

const char *
claims_module_id(const struct claims *claims)
{
	return claims->module_id;
}

int64_t
claims_timestamp_ms(const struct claims *claims)
{
	return claims->timestamp_ms;
}

int64_t
claims_not_after_ms(const struct claims *claims)
{
	return claims->not_after_ms;
}

bool
claims_field(const struct claims *claims, enum claims_field field,
    struct bytes *ret_value)
{
	if (!claims->field_given[field])
		return false;
	*ret_value = claims->fields[field];
	return true;
}

bool
claims_pcr(
    const struct claims *claims, unsigned int index, struct bytes *ret_value)
{
	if (index >= PCRS_MAX || !(claims->pcr_mask & UINT32_C(1) << index))
		return false;
	*ret_value = (struct bytes){claims->pcrs[index], PCR_BYTES};
	return true;
}

bool
claims_debug(const struct claims *claims)
{
	static const uint8_t zero[3][PCR_BYTES];

	return (claims->pcr_mask & 7) == 7 &&
	       !memcmp(claims->pcrs, zero, sizeof(zero));
}
