/* What differs between deployed services, as data (DESIGN section 6). */
#ifndef ENCLAVE_PROFILE_H
#define ENCLAVE_PROFILE_H

#include "binding/binding.h"

enum profile_source {
	PROFILE_ENDPOINT,   /* a GET of its own */
	PROFILE_CERTIFICATE /* the TLS leaf carries the document */
};

enum profile_encoding {
	PROFILE_RAW,
	PROFILE_HEX,
	PROFILE_BASE64,
	PROFILE_JSON_BASE64 /* base64 in a member of a JSON object */
};

/* Where in the leaf, and in what wrapping, the document stands. */
enum profile_wrapping {
	/* RFC 9999: extension 1.3.6.1.5.5.7.1.35, a CMW record whose type is
	 * application/aws-nitro-document. */
	PROFILE_CMW,
	/* dstack: extension 1.3.6.1.4.1.62397.1.8, SCALE version 0. */
	PROFILE_DSTACK,
	/* Evervault's old cages: dNSName "<hex of the document>.<host>". */
	PROFILE_SAN
};

/* What each fetch asks for anew, and the document must repeat in `nonce`. */
enum profile_nonce {
	PROFILE_NONCE_NONE,
	PROFILE_NONCE_QUERY, /* ?nonce=<hex>; the document has the bytes */
	PROFILE_NONCE_PATH   /* .../<UUID>; the document has its ASCII */
};

struct profile {
	const char *name;
	enum profile_source source;
	enum profile_wrapping wrapping; /* PROFILE_CERTIFICATE */
	/* The rest of an evidence URL that the configuration does not name. */
	const char *evidence_path; /* "/.well-known/attestation" */
	bool plain_http;           /* http is allowed, and the default */
	uint16_t evidence_port;    /* 0: the origin's */
	enum profile_nonce nonce;
	size_t nonce_bytes;   /* PROFILE_NONCE_QUERY */
	long accepted_status; /* HTTP */
	enum profile_encoding encoding;
	const char *json_member;
	struct binding_rule binding;
	/* Why the key that it attests can be no TLS key; NULL: it can. */
	const char *ungated;
};

/* NULL when there is none of that name. */
const struct profile *profile_find(const char *name);
const struct profile *profile_default(void);
/* "evervault, nitriding, ...": all there are, the default first. */
#define PROFILE_NAMES_MAX_BYTES 256
void profile_names(char ret_text[PROFILE_NAMES_MAX_BYTES]);
/* By content: a composed profile may be written twice. */
bool profile_equal(const struct profile *a, const struct profile *b);

#endif
