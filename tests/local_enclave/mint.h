/*
 * Minting attestation documents, byte for byte of the shape that the Nitro
 * hypervisor gives them, and documents that are wrong in one way.
 */
#ifndef LOCAL_ENCLAVE_MINT_H
#define LOCAL_ENCLAVE_MINT_H

#include "measurements.h"
#include "nitro_pki.h"

enum mint_fault {
	MINT_GOOD,
	/* One bit of the signature is wrong. */
	MINT_BROKEN_SIGNATURE,
	/* Whole and well signed, under another root of the same name. */
	MINT_FOREIGN_ROOT,
	/* Every time lies a day back: only the leaf and instance have ended. */
	MINT_EXPIRED,
	/* The timestamp is an hour ahead, the certificates are not. */
	MINT_FUTURE,
	/* The last third is missing. */
	MINT_TRUNCATED,
	/* A NitroTPM document: same root, nitrotpm_pcrs in place of pcrs. */
	MINT_NITROTPM,
};

bool mint_fault_parse(const char *text, enum mint_fault *ret_fault);

enum field_state {
	/* The enclave asked for no value. */
	FIELD_NULL,
	/* Real documents never do this. */
	FIELD_ABSENT,
	FIELD_BYTES,
};

struct mint_field {
	enum field_state state;
	const uint8_t *data;
	size_t len;
};

struct mint_request {
	enum era era;
	enum mint_fault fault;
	const struct measurements *pcrs;
	int64_t timestamp_ms;
	int64_t leaf_life_s;
	struct mint_field public_key;
	struct mint_field user_data;
	struct mint_field nonce;
};

enum {
	LEAF_LIFE_S = 10803,
	FIELD_BYTES_MAX = 1024,
};

/* The instance that every pretended enclave runs on. */
#define MINT_INSTANCE_ID "i-0123456789abcdef0"

struct minter {
	/* Issues for the present and keeps its leaf. */
	struct nitro_pki genuine;
	/* The same root, for documents of other times and kinds. */
	struct nitro_pki aside;
	struct nitro_pki foreign;
	char module_id[40];
};

/* The state folder must be locked. */
void minter_open(struct minter *minter, const char *folder);
void minter_free(struct minter *minter);

/* A new document; the caller frees it. */
uint8_t *mint_document(
    struct minter *minter, const struct mint_request *request, size_t *ret_len);

#endif
