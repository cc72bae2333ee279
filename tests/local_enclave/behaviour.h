/* How the pretended enclave behaves: everything that a test can switch. */
#ifndef LOCAL_ENCLAVE_BEHAVIOUR_H
#define LOCAL_ENCLAVE_BEHAVIOUR_H

#include "mint.h"
#include "service.h"
#include "web_pki.h"

#include <cjson/cJSON.h>

enum evidence_mode {
	EVIDENCE_GOOD,
	/* What the document says. */
	EVIDENCE_OTHER_KEY,
	EVIDENCE_NULL_USER_DATA,
	EVIDENCE_OLD,
	EVIDENCE_EXPIRED,
	EVIDENCE_FUTURE,
	EVIDENCE_BROKEN_SIGNATURE,
	EVIDENCE_FOREIGN_ROOT,
	EVIDENCE_TRUNCATED,
	EVIDENCE_NITROTPM,
	/* What surrounds it. */
	EVIDENCE_EMPTY,
	EVIDENCE_NOT_JSON,
	EVIDENCE_MISSING_MEMBER,
	EVIDENCE_BAD_BASE64,
	/* How it is sent. */
	EVIDENCE_HUGE,
	EVIDENCE_SLOW,
	EVIDENCE_NEVER,
	EVIDENCE_STATUS,
	EVIDENCE_REDIRECT,
	EVIDENCE_CUT,
	EVIDENCE_CLOSE,
	EVIDENCE_MODES,
};

enum { REDIRECT_BYTES_MAX = 2048 };

/* What becomes of the nonce that a client asks for. */
enum nonce_mode {
	NONCE_ECHOED,
	NONCE_REPLAYED, /* the first that was ever asked for */
	NONCE_NULL,
	NONCE_EMPTY,
	NONCE_MODES,
};

struct behaviour {
	enum service service;
	enum statement statement;
	enum carriage carriage;
	enum nonce_mode nonce;
	/* What documents say in place of the service's own; len 0: nothing. */
	uint8_t user_data[FIELD_BYTES_MAX];
	size_t user_data_len;
	struct measurements pcrs;
	bool debug;
	enum era era;
	enum web_certificate web_ca;
	enum evidence_mode mode;
	/* Of the status and redirect modes. */
	int mode_status;
	char redirect_to[REDIRECT_BYTES_MAX];
	int64_t age_ms;
	int64_t interval_ms;
	/* The status that a document is sent with, whatever the mode. */
	int evidence_status;
	bool keep_alive;
	/* Clients are asked for a certificate; any will do, and none too. */
	bool ask_client_certificate;
	int64_t leaf_life_s;
	int64_t clock_offset_ms;
	/* How long one document is served; Evervault's server says 300,000. */
	int64_t document_cache_ms;
};

void behaviour_default(struct behaviour *behaviour);

/*
 * Applies every member of settings or none. Returns NULL, or new text that
 * says which member was not understood.
 */
char *behaviour_merge(struct behaviour *behaviour, const cJSON *settings);

cJSON *behaviour_json(const struct behaviour *behaviour);

/* What the enclave measures, debug mode applied. */
struct measurements behaviour_measurements(const struct behaviour *behaviour);

/* {"0": "<hex>", ...} of all registers that are shown. */
cJSON *measurements_json(const struct measurements *pcrs);

#endif
