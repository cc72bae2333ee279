#include "evidence/claims_new.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t zero_pcr[PCR_BYTES];

/*
 * One block: this, then what the pointers point to.  PCRs that are all zero,
 * three in four of a real document, are not stored.
 */
struct claims {
	atomic_uint references;
	bool authentic;
	bool replayed;
	bool has_digest;
	bool field_present[CLAIMS_FIELDS];
	uint8_t certificate_count;
	uint32_t pcr_mask;
	uint32_t pcr_nonzero_mask;
	int64_t timestamp_ms;
	int64_t not_after_ms;
	uint8_t payload_sha256[32];
	const char *module_id;
	const uint8_t *pcrs; /* those of pcr_nonzero_mask, in order */
	struct bytes fields[CLAIMS_FIELDS];
	struct claims_certificate certificates[];
};

static uint32_t
nonzero_pcrs(const struct document *document)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < PCRS_MAX; i++)
		if (document->pcr_mask >> i & 1 &&
		    !bytes_zero(document->pcrs[i]))
			mask |= UINT32_C(1) << i;
	return mask;
}

static size_t
count_bits(uint32_t mask)
{
	size_t count = 0;

	for (; mask; mask &= mask - 1)
		count++;
	return count;
}

static size_t
block_size(const struct claims_source *source)
{
	const struct document *document = source->document;
	size_t size =
	    sizeof(struct claims) +
	    source->certificate_count * sizeof(struct claims_certificate) +
	    count_bits(nonzero_pcrs(document)) * PCR_BYTES +
	    document->module_id.len + 1;

	for (size_t i = 0; i < CLAIMS_FIELDS; i++)
		size += document->fields[i].len;
	for (size_t i = 0; i < source->certificate_count; i++)
		size += strlen(source->certificates[i]->subject) + 1;
	return size;
}

/* Copies to *next and moves it on. */
static const uint8_t *
store(uint8_t **next, struct bytes source)
{
	const uint8_t *stored = *next;

	if (source.len)
		memcpy(*next, source.data, source.len);
	*next += source.len;
	return stored;
}

static void
fill_certificates(
    struct claims *claims, const struct claims_source *source, uint8_t **next)
{
	claims->not_after_ms = source->certificate_count ? INT64_MAX : 0;
	claims->certificate_count = (uint8_t)source->certificate_count;
	for (size_t i = 0; i < source->certificate_count; i++) {
		const struct claims_certificate *from = source->certificates[i];
		struct claims_certificate *to = &claims->certificates[i];
		struct bytes subject = {
		    (const uint8_t *)from->subject, strlen(from->subject) + 1};
		*to = *from;
		to->subject = (const char *)store(next, subject);
		if (to->not_after_ms < claims->not_after_ms)
			claims->not_after_ms = to->not_after_ms;
	}
}

static void
fill_fields(
    struct claims *claims, const struct document *document, uint8_t **next)
{
	claims->pcr_mask = document->pcr_mask;
	claims->pcr_nonzero_mask = nonzero_pcrs(document);
	claims->pcrs = *next;
	for (unsigned int i = 0; i < PCRS_MAX; i++)
		if (claims->pcr_nonzero_mask >> i & 1)
			(void)store(next, document->pcrs[i]);
	for (size_t i = 0; i < CLAIMS_FIELDS; i++) {
		claims->field_present[i] = document->field_present[i];
		claims->fields[i].len = document->fields[i].len;
		claims->fields[i].data = store(next, document->fields[i]);
	}
	if (!document->module_id.len)
		return;
	claims->module_id = (const char *)store(next, document->module_id);
	*(*next)++ = '\0';
}

struct claims *
claims_new(const struct claims_source *source)
{
	const struct document *document = source->document;
	struct claims *claims = calloc(1, block_size(source));
	uint8_t *next;

	if (!claims)
		return NULL;
	atomic_init(&claims->references, 1);
	claims->authentic = source->authentic;
	claims->replayed = source->replayed;
	claims->has_digest = document->digest.len != 0;
	claims->timestamp_ms = document->timestamp_ms;
	memcpy(claims->payload_sha256, source->payload_sha256,
	    sizeof(claims->payload_sha256));
	next = (uint8_t *)&claims->certificates[source->certificate_count];
	fill_certificates(claims, source, &next);
	fill_fields(claims, document, &next);
	return claims;
}

struct claims *
claims_ref(struct claims *claims)
{
	atomic_fetch_add_explicit(&claims->references, 1, memory_order_relaxed);
	return claims;
}

void
claims_unref(struct claims *claims)
{
	if (claims && atomic_fetch_sub_explicit(
			  &claims->references, 1, memory_order_acq_rel) == 1)
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

const char *
claims_digest(const struct claims *claims)
{
	return claims->has_digest ? "SHA384" : NULL;
}

int64_t
claims_timestamp_ms(const struct claims *claims)
{
	return claims->timestamp_ms;
}

bool
claims_field(const struct claims *claims, enum claims_field field,
    struct bytes *ret_value)
{
	if ((unsigned int)field >= CLAIMS_FIELDS ||
	    !claims->field_present[field])
		return false;
	*ret_value = claims->fields[field];
	return true;
}

bool
claims_pcr(
    const struct claims *claims, unsigned int index, struct bytes *ret_value)
{
	uint32_t below;

	if (index >= PCRS_MAX || !(claims->pcr_mask >> index & 1))
		return false;
	*ret_value = (struct bytes){zero_pcr, PCR_BYTES};
	below = (UINT32_C(1) << index) - 1;
	if (claims->pcr_nonzero_mask >> index & 1)
		ret_value->data =
		    claims->pcrs +
		    count_bits(claims->pcr_nonzero_mask & below) * PCR_BYTES;
	return true;
}

uint32_t
claims_pcr_mask(const struct claims *claims)
{
	return claims->pcr_mask;
}

/*
 * AWS says that a debug enclave's PCRs are all zero; in fact PCR4 is set, and
 * PCR3 where the instance has a role.
 */
bool
claims_debug(const struct claims *claims)
{
	return (claims->pcr_mask & 7) == 7 &&
	       (claims->pcr_nonzero_mask & 7) == 0;
}

size_t
claims_certificate_count(const struct claims *claims)
{
	return claims->certificate_count;
}

const struct claims_certificate *
claims_certificate(const struct claims *claims, size_t index)
{
	return index < claims->certificate_count ? &claims->certificates[index]
						 : NULL;
}

int64_t
claims_not_after_ms(const struct claims *claims)
{
	return claims->not_after_ms;
}

const uint8_t *
claims_payload_sha256(const struct claims *claims)
{
	return claims->payload_sha256;
}
