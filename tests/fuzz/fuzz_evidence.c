/*
 * Fuzz target: any bytes as a document, as a payload, as a certificate.  What
 * is read is then read out whole, so that a wrong length or a dangling pointer
 * meets a sanitizer.  ENCLAVE_CLIENT_FUZZ_ROOT names a PEM root under which the
 * corpus was made; without it AWS's root is used.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/cbor_reader.h"
#include "evidence/certificate.h"
#include "evidence/document.h"
#include "evidence/evidence.h"
#include "evidence/verified.h"
#include "evidence_test.h"

/* The catalogue's pinned clock. */
#define NOW_MS INT64_C(1768478400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void
read_bytes(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		sink += value.data[i];
}

static void
read_claims(const struct claims *claims)
{
	struct bytes value;

	for (unsigned int i = 0; i <= PCRS_MAX; i++)
		if (claims_pcr(claims, i, &value))
			read_bytes(value);
	for (int i = 0; i <= CLAIMS_FIELDS; i++)
		if (claims_field(claims, (enum claims_field)i, &value))
			read_bytes(value);
	for (size_t i = 0; i < claims_certificate_count(claims); i++)
		sink += strlen(claims_certificate(claims, i)->subject);
	if (claims_module_id(claims))
		sink += strlen(claims_module_id(claims));
	sink += (size_t)claims_timestamp_ms(claims) +
		(size_t)claims_not_after_ms(claims) + claims_debug(claims) +
		claims_pcr_mask(claims) + claims_payload_sha256(claims)[31];
}

static void
as_document(struct bytes input, const struct evidence_roots *roots,
    struct chain_memory *memory)
{
	struct evidence_check check = check_at(roots, NOW_MS);
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;

	check.memory = memory;
	if (evidence_verify(input, &check, &claims, &error)) {
		if (claims || !error.status || !error.message[0])
			abort();
	} else {
		read_claims(claims);
		claims_unref(claims);
	}
	claims = evidence_read_unverified(input);
	if (!claims)
		return;
	if (claims_authentic(claims))
		abort();
	read_claims(claims);
	claims_unref(claims);
}

static void
as_payload(struct bytes input)
{
	struct document document = {0};

	if (!document_read(input, &document, NULL)) {
		read_bytes(document.module_id);
		read_bytes(document.certificate);
		for (size_t i = 0; i < document.cabundle_count; i++)
			read_bytes(document.cabundle[i]);
	}
	document_read_unverified(input, &document);
	for (size_t i = 0; i < CLAIMS_FIELDS; i++)
		read_bytes(document.fields[i]);
}

static void
as_items(struct bytes input)
{
	struct reader reader = {.input = input};
	struct item item;

	while (reader_next(&reader, &item) == READER_OK)
		if (item.type == ITEM_BYTES || item.type == ITEM_TEXT)
			read_bytes(item.string);
}

static void
as_certificate(struct bytes input)
{
	struct certificate certificate = {0};
	struct verified_chain *chain;

	if (certificate_read(input, "input", &certificate, NULL))
		return;
	(void)!certificate_check_profile(&certificate, CERTIFICATE_CA, 1, NULL);
	(void)!certificate_check_profile(
	    &certificate, CERTIFICATE_LEAF, 0, NULL);
	read_bytes(certificate_subject_der(&certificate));
	read_bytes(certificate_issuer_der(&certificate));
	read_bytes(certificate_key_id(&certificate));
	chain = verified_chain_new(&certificate, 1);
	if (chain)
		read_bytes(chain->issuer_point);
	verified_chain_unref(chain);
	certificate_clear(&certificate);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct evidence_roots *roots;
	static struct chain_memory *memory;
	const char *root = getenv("ENCLAVE_CLIENT_FUZZ_ROOT");
	struct bytes input = {data, size};

	if (!roots) {
		roots = root ? roots_file("", root) : roots_aws();
		memory = chain_memory_new();
	}
	as_document(input, roots, NULL);
	as_document(input, roots, memory);
	as_payload(input);
	as_items(input);
	as_certificate(input);
	return 0;
}
