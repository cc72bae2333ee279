#include "enclave/profile.h"

#include <stdio.h>
#include <string.h>

#define MARK(at, text)                                                         \
	{                                                                      \
		.offset = (at),                                                \
		.bytes = {                                                     \
		    (const uint8_t *)(text),                                   \
		    sizeof(text) - 1,                                          \
		},                                                             \
	}

/*
 * nitriding until 2023: "sha256:" and the digest, twice, with ";" between
 * them.  The second is the application's key, which is not TLS's.
 */
static const struct binding_rule nitriding_text = {
    .field = CLAIMS_USER_DATA,
    .offset = 7,
    .length = 32,
    .field_length = 79,
    .object = BINDING_CERTIFICATE,
    .transform = BINDING_SHA256,
    .marks = {MARK(0, "sha256:"), MARK(39, ";sha256:")},
};

/* What services do is in their sources; each row names where it was read. */
static const struct profile profiles[] = {
    {
	/* evervault/enclaves, crates/data-plane and shared: user_data is
	 * the DER SubjectPublicKeyInfo of the TLS leaf, byte for byte. */
	.name = "evervault",
	.evidence_path = "/.well-known/attestation",
	.accepted_status = 200,
	.encoding = PROFILE_JSON_BASE64,
	.json_member = "attestation_doc",
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.object = BINDING_SPKI,
		.transform = BINDING_IDENTITY,
	    },
    },
    {
	/* brave/nitriding-daemon: two multihashes (0x12 is SHA-256, 0x20
	 * its length), of the whole leaf and of the application's key. */
	.name = "nitriding",
	.evidence_path = "/enclave/attestation",
	.nonce = PROFILE_NONCE_QUERY,
	.nonce_bytes = 20,
	.accepted_status = 200,
	.encoding = PROFILE_BASE64,
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.offset = 2,
		.length = 32,
		.field_length = 68,
		.object = BINDING_CERTIFICATE,
		.transform = BINDING_SHA256,
		.marks = {MARK(0, "\x12\x20"), MARK(34, "\x12\x20")},
		.older = &nitriding_text,
	    },
    },
    {
	/* marlinprotocol/oyster-monorepo, attestation server: plain http,
	 * the enclave's raw key in public_key. */
	.name = "oyster",
	.evidence_path = "/attestation/raw",
	.plain_http = true,
	.evidence_port = 1300,
	.accepted_status = 200,
	.encoding = PROFILE_RAW,
	.binding =
	    {
		.field = CLAIMS_PUBLIC_KEY,
		.object = BINDING_RAW_KEY,
		.transform = BINDING_IDENTITY,
	    },
	.ungated = "it attests an X25519 or secp256k1 key unless the service "
		   "made another, and neither can be a TLS leaf's; where it "
		   "is the leaf's own, say {\"name\": \"oyster\", \"key\": "
		   "\"ed25519\"} or \"p256\"",
    },
    {
	/* RFC 9999 for the wrapping, Veraison for the media type.  No
	 * source fixes the binding: user_data = SPKI is our choice. */
	.name = "nitro-ra-tls",
	.source = PROFILE_CERTIFICATE,
	.wrapping = PROFILE_CMW,
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.object = BINDING_SPKI,
		.transform = BINDING_IDENTITY,
	    },
    },
    {
	/* Dstack-TEE/dstack, ra-tls and dstack-attest. */
	.name = "dstack",
	.source = PROFILE_CERTIFICATE,
	.wrapping = PROFILE_DSTACK,
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.length = 64,
		.field_length = 64,
		.object = BINDING_SPKI,
		.transform = BINDING_SHA512,
		.prefix = "ratls-cert:",
	    },
    },
    {
	/* evervault/cages; that user_data is the SPKI, as it is in their
	 * enclaves, is our reading: the sources at hand do not say. */
	.name = "evervault-cages",
	.source = PROFILE_CERTIFICATE,
	.wrapping = PROFILE_SAN,
	.binding =
	    {
		.field = CLAIMS_USER_DATA,
		.object = BINDING_SPKI,
		.transform = BINDING_IDENTITY,
	    },
    },
};

const struct profile *
profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const struct profile *
profile_default(void)
{
	return &profiles[0];
}

void
profile_names(char ret_text[PROFILE_NAMES_MAX_BYTES])
{
	size_t len = 0;

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		(void)snprintf(ret_text + len, PROFILE_NAMES_MAX_BYTES - len,
		    "%s%s", i ? ", " : "", profiles[i].name);
		len += strlen(ret_text + len);
	}
}

static bool
same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool
same_answer(const struct profile *a, const struct profile *b)
{
	return a->accepted_status == b->accepted_status &&
	       a->encoding == b->encoding &&
	       same_text(a->json_member, b->json_member);
}

static bool
same_question(const struct profile *a, const struct profile *b)
{
	return a->source == b->source && a->wrapping == b->wrapping &&
	       a->plain_http == b->plain_http && a->nonce == b->nonce &&
	       a->nonce_bytes == b->nonce_bytes &&
	       a->evidence_port == b->evidence_port &&
	       same_text(a->evidence_path, b->evidence_path);
}

bool
profile_equal(const struct profile *a, const struct profile *b)
{
	return a == b || (same_text(a->name, b->name) && same_question(a, b) &&
			     same_answer(a, b) &&
			     binding_rule_equal(&a->binding, &b->binding));
}
