/*
 * How services name their key: what they put into the document, and into the
 * certificate.  Written from their sources, apart from what judges them.
 */
#ifndef LOCAL_ENCLAVE_SERVICE_H
#define LOCAL_ENCLAVE_SERVICE_H

#include "mint.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

enum service {
	SERVICE_EVERVAULT,
	SERVICE_NITRIDING,      /* 68 bytes */
	SERVICE_NITRIDING_TEXT, /* 79 bytes */
	SERVICE_OYSTER,
	SERVICE_OPENSECRET,       /* an X25519 key that is not TLS's */
	SERVICE_CERTIFICATE_LIST, /* digests of keys, one after the other */
	/* In the certificate. */
	SERVICE_CMW,
	SERVICE_CMW_JSON,
	SERVICE_DSTACK,
	SERVICE_SAN,
	SERVICES,
};

/* What is wrong with how the document names the key. */
enum statement {
	STATEMENT_GOOD,
	STATEMENT_OTHER_KEY,    /* well formed, for a key not held */
	STATEMENT_OTHER_OBJECT, /* key where the certificate belongs, or so */
	STATEMENT_NULL,
	STATEMENT_SHORT,
	STATEMENT_LONG,
	STATEMENT_UNMARKED, /* the multihash prefix is another */
	STATEMENTS,
};

/* What is wrong with the certificate that carries the document. */
enum carriage {
	CARRIAGE_GOOD,
	CARRIAGE_ABSENT,
	CARRIAGE_TWICE,
	CARRIAGE_CRITICAL,         /* marked critical, which is allowed */
	CARRIAGE_UNKNOWN_CRITICAL, /* beside an extension nobody knows */
	CARRIAGE_GARBAGE,
	CARRIAGE_OTHER_TYPE, /* another media type, or another quote */
	CARRIAGES,
};

bool service_parse(const char *text, enum service *ret_service);
const char *service_name(enum service service);
bool statement_parse(const char *text, enum statement *ret_statement);
const char *statement_name(enum statement statement);
bool carriage_parse(const char *text, enum carriage *ret_carriage);
const char *carriage_name(enum carriage carriage);

bool service_in_certificate(enum service service);

/* What is served, and a key that is not held. */
struct service_subject {
	enum service service;
	enum statement statement;
	X509 *certificate; /* NULL when it carries the document */
	EVP_PKEY *key;
	EVP_PKEY *other_key;
};

/* Fills user_data and public_key, in buffer. */
void service_state(const struct service_subject *subject,
    struct mint_request *request, uint8_t buffer[FIELD_BYTES_MAX + 64]);

/* What a certificate is to carry. */
struct service_cargo {
	enum service service;
	enum carriage carriage;
	const uint8_t *document;
	size_t document_len;
};

/* To be called before the certificate is signed. */
void service_add_cargo(X509 *certificate, const struct service_cargo *cargo);
/* New text: a dNSName that holds the document; NULL for other services. */
char *service_host_name(const struct service_cargo *cargo);

#endif
