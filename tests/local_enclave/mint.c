#include "mint.h"

#include "fatal.h"

#include <cbor/encoding.h>
#include <event2/buffer.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A COSE ES384 signature is r and s, 48 bytes each (RFC 9053, 2.1). */
	SIGNATURE_HALF_BYTES = 48,
	EXPIRED_SHIFT_MS = 86400 * 1000,
	FUTURE_SHIFT_MS = 3600 * 1000,
};

/* { 1: -35 }, the algorithm ES384. */
static const uint8_t protected_header[] = {0xa1, 0x01, 0x38, 0x22};

static const char tpm_module_id[] = MINT_INSTANCE_ID "-tpm0000000000000000";

bool
mint_fault_parse(const char *text, enum mint_fault *ret_fault)
{
	static const char *const names[] = {
	    [MINT_GOOD] = "good",
	    [MINT_BROKEN_SIGNATURE] = "broken-signature",
	    [MINT_FOREIGN_ROOT] = "foreign-root",
	    [MINT_EXPIRED] = "expired",
	    [MINT_FUTURE] = "future",
	    [MINT_TRUNCATED] = "truncated",
	    [MINT_NITROTPM] = "nitrotpm",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_fault = (enum mint_fault)i;
			return true;
		}
	}
	return false;
}

void
minter_open(struct minter *minter, const char *folder)
{
	struct identity *root;
	uint8_t id[7];

	memset(minter, 0, sizeof(*minter));
	nitro_pki_open(&minter->genuine, folder, "nitro-root");
	nitro_pki_open(&minter->foreign, folder, "nitro-root-foreign");
	root = &minter->aside.level[NITRO_ROOT];
	*root = minter->genuine.level[NITRO_ROOT];
	must(X509_up_ref(root->certificate) && EVP_PKEY_up_ref(root->key));
	must(RAND_bytes(id, sizeof(id)) == 1);
	snprintf(minter->module_id, sizeof(minter->module_id),
	    MINT_INSTANCE_ID "-enc01%02x%02x%02x%02x%02x%02x%02x", id[0], id[1],
	    id[2], id[3], id[4], id[5], id[6]);
}

void
minter_free(struct minter *minter)
{
	nitro_pki_free(&minter->genuine);
	nitro_pki_free(&minter->aside);
	nitro_pki_free(&minter->foreign);
}

/* The longest CBOR head is nine bytes. */
struct head {
	uint8_t bytes[9];
};

static void
put_head(struct evbuffer *out, const struct head *head, size_t len)
{
	must(len > 0 && evbuffer_add(out, head->bytes, len) == 0);
}

static void
put_map(struct evbuffer *out, size_t count)
{
	struct head head;

	put_head(out, &head,
	    cbor_encode_map_start(count, head.bytes, sizeof(head.bytes)));
}

static void
put_array(struct evbuffer *out, size_t count)
{
	struct head head;

	put_head(out, &head,
	    cbor_encode_array_start(count, head.bytes, sizeof(head.bytes)));
}

static void
put_text(struct evbuffer *out, const char *text)
{
	struct head head;
	size_t len = strlen(text);

	put_head(out, &head,
	    cbor_encode_string_start(len, head.bytes, sizeof(head.bytes)));
	must(evbuffer_add(out, text, len) == 0);
}

static void
put_bytes(struct evbuffer *out, const uint8_t *data, size_t len)
{
	struct head head;

	put_head(out, &head,
	    cbor_encode_bytestring_start(len, head.bytes, sizeof(head.bytes)));
	must(evbuffer_add(out, data, len) == 0);
}

static void
put_index(struct evbuffer *out, size_t index)
{
	struct head head;

	put_head(out, &head,
	    cbor_encode_uint(index, head.bytes, sizeof(head.bytes)));
}

/* Always eight bytes long, as real documents have it, though it is a choice. */
static void
put_timestamp(struct evbuffer *out, int64_t timestamp_ms)
{
	struct head head;

	put_text(out, "timestamp");
	put_head(out, &head,
	    cbor_encode_uint64(
		(uint64_t)timestamp_ms, head.bytes, sizeof(head.bytes)));
}

static void
put_pcrs(struct evbuffer *out, const char *name, size_t count,
    const struct measurements *pcrs)
{
	size_t i;

	put_text(out, name);
	put_map(out, count);
	for (i = 0; i < count; i++) {
		put_index(out, i);
		put_bytes(out, pcrs->value[i], PCR_BYTES);
	}
}

static void
put_certificate(struct evbuffer *out, const struct identity *identity)
{
	uint8_t *der = NULL;
	int len = i2d_X509(identity->certificate, &der);

	must(len > 0);
	put_bytes(out, der, (size_t)len);
	OPENSSL_free(der);
}

static void
put_field(
    struct evbuffer *out, const char *name, const struct mint_field *field)
{
	static const uint8_t null[] = {0xf6};

	if (field->state == FIELD_ABSENT)
		return;
	put_text(out, name);
	if (field->state == FIELD_NULL)
		must(evbuffer_add(out, null, sizeof(null)) == 0);
	else
		put_bytes(out, field->data, field->len);
}

static size_t
member_count(const struct mint_request *request)
{
	return 6 + (size_t)(request->public_key.state != FIELD_ABSENT) +
	       (size_t)(request->user_data.state != FIELD_ABSENT) +
	       (size_t)(request->nonce.state != FIELD_ABSENT);
}

/* The members in the order that all real documents have. */
static void
put_payload(struct evbuffer *out, const struct nitro_pki *pki,
    const char *module_id, const struct mint_request *request)
{
	static const uint8_t begin_indefinite[] = {0xbf};
	static const uint8_t end_indefinite[] = {0xff};
	size_t level;

	if (request->era == ERA_2024)
		put_map(out, member_count(request));
	else
		must(evbuffer_add(out, begin_indefinite, 1) == 0);
	put_text(out, "module_id");
	put_text(out, module_id);
	put_text(out, "digest");
	put_text(out, "SHA384");
	put_timestamp(out, request->timestamp_ms);
	if (request->fault == MINT_NITROTPM)
		put_pcrs(out, "nitrotpm_pcrs", PCR_TPM_COUNT, request->pcrs);
	else
		put_pcrs(out, "pcrs", request->pcrs->shown, request->pcrs);
	put_text(out, "certificate");
	put_certificate(out, &pki->level[NITRO_LEAF]);
	put_text(out, "cabundle");
	put_array(out, NITRO_LEAF);
	for (level = NITRO_ROOT; level < NITRO_LEAF; level++)
		put_certificate(out, &pki->level[level]);
	put_field(out, "public_key", &request->public_key);
	put_field(out, "user_data", &request->user_data);
	put_field(out, "nonce", &request->nonce);
	if (request->era != ERA_2024)
		must(evbuffer_add(out, end_indefinite, 1) == 0);
}

/* r and s as fixed halves, made from OpenSSL's DER form. */
static void
sign_es384(EVP_PKEY *key, struct evbuffer *signed_bytes, uint8_t *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t data_len = evbuffer_get_length(signed_bytes);
	const uint8_t *data = evbuffer_pullup(signed_bytes, -1);
	uint8_t der[160];
	const uint8_t *cursor = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *parts;

	must(context != NULL && data != NULL);
	must(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1);
	must(EVP_DigestSign(context, der, &der_len, data, data_len) == 1);
	parts = d2i_ECDSA_SIG(NULL, &cursor, (long)der_len);
	must(parts != NULL);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature,
		 SIGNATURE_HALF_BYTES) == SIGNATURE_HALF_BYTES);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(parts),
		 signature + SIGNATURE_HALF_BYTES,
		 SIGNATURE_HALF_BYTES) == SIGNATURE_HALF_BYTES);
	ECDSA_SIG_free(parts);
	EVP_MD_CTX_free(context);
}

/* The Sig_structure of RFC 9052, 4.4. */
static void
sign_payload(EVP_PKEY *key, struct evbuffer *payload, uint8_t *signature)
{
	struct evbuffer *to_sign = evbuffer_new();

	must(to_sign != NULL);
	put_array(to_sign, 4);
	put_text(to_sign, "Signature1");
	put_bytes(to_sign, protected_header, sizeof(protected_header));
	put_bytes(to_sign, protected_header, 0);
	put_bytes(to_sign, evbuffer_pullup(payload, -1),
	    evbuffer_get_length(payload));
	sign_es384(key, to_sign, signature);
	evbuffer_free(to_sign);
}

static uint8_t *
take_bytes(struct evbuffer *buffer, size_t *ret_len)
{
	size_t len = evbuffer_get_length(buffer);
	uint8_t *data = must_alloc(len);

	must(evbuffer_remove(buffer, data, len) == (ssize_t)len);
	*ret_len = len;
	return data;
}

static uint8_t *
seal(const struct nitro_pki *pki, const char *module_id,
    const struct mint_request *request, size_t *ret_len)
{
	struct evbuffer *payload = evbuffer_new();
	struct evbuffer *document = evbuffer_new();
	uint8_t signature[2 * SIGNATURE_HALF_BYTES];
	uint8_t *data;

	must(payload != NULL && document != NULL);
	put_payload(payload, pki, module_id, request);
	sign_payload(pki->level[NITRO_LEAF].key, payload, signature);
	if (request->fault == MINT_BROKEN_SIGNATURE)
		signature[sizeof(signature) / 2] ^= 1;
	put_array(document, 4);
	put_bytes(document, protected_header, sizeof(protected_header));
	put_map(document, 0);
	put_bytes(document, evbuffer_pullup(payload, -1),
	    evbuffer_get_length(payload));
	put_bytes(document, signature, sizeof(signature));
	data = take_bytes(document, ret_len);
	evbuffer_free(payload);
	evbuffer_free(document);
	return data;
}

/* Which chain vouches, and from when; a detour leaves the real leaf alone. */
static struct nitro_pki *
choose_chain(struct minter *minter, const struct mint_request *request)
{
	if (request->fault == MINT_FOREIGN_ROOT)
		return &minter->foreign;
	if (request->fault == MINT_EXPIRED || request->fault == MINT_NITROTPM) {
		nitro_pki_forget(&minter->aside);
		return &minter->aside;
	}
	return &minter->genuine;
}

uint8_t *
mint_document(
    struct minter *minter, const struct mint_request *request, size_t *ret_len)
{
	struct mint_request actual = *request;
	struct nitro_pki *pki = choose_chain(minter, request);
	const char *module_id =
	    request->fault == MINT_NITROTPM ? tpm_module_id : minter->module_id;
	struct nitro_subject subject = {
	    .instance_id = MINT_INSTANCE_ID,
	    .module_id = module_id,
	    .era = request->era,
	    .leaf_life_s = request->leaf_life_s,
	};
	uint8_t *document;

	if (request->fault == MINT_EXPIRED)
		actual.timestamp_ms -= EXPIRED_SHIFT_MS;
	nitro_pki_prepare(pki, &subject, actual.timestamp_ms);
	if (request->fault == MINT_FUTURE)
		actual.timestamp_ms += FUTURE_SHIFT_MS;
	document = seal(pki, module_id, &actual, ret_len);
	if (request->fault == MINT_TRUNCATED)
		*ret_len = *ret_len * 2 / 3;
	return document;
}
