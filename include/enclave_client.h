/*
 * enclave-client: talk to AWS Nitro Enclaves, and to nothing else.
 *
 * No byte of a request leaves before the public key of this very connection
 * was found in a verified, unexpired attestation document whose measurements
 * (PCRs) the caller accepted.  Terms are those of RFC 9334: evidence is the
 * attestation document, reference values are the accepted PCR sets.
 *
 * Thread use of each type is given in one word:
 *   immutable          any number of threads, no care needed;
 *   confined           one thread at a time, the caller sees to it;
 *   internally locked  any number of threads at once.
 *
 * Ownership is given in one phrase: "copied" (the caller keeps his), "new"
 * (the caller frees it with the named function), "borrowed until ..." (do not
 * free; valid for the time named).
 *
 * Every function that can fail returns a status and leaves its outputs
 * untouched unless the status is ENCLAVE_CLIENT_OK.  Free functions take NULL.
 * The library prints nothing and reads no environment variable of its own
 * (libcurl's proxy variables are honoured; SSLKEYLOGFILE is not).
 */
#ifndef ENCLAVE_CLIENT_H
#define ENCLAVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ENCLAVE_CLIENT_VERSION_MAJOR 0
#define ENCLAVE_CLIENT_VERSION_MINOR 1
#define ENCLAVE_CLIENT_VERSION_PATCH 0

#if defined(__GNUC__)
#define ENCLAVE_CLIENT_PUBLIC    __attribute__((visibility("default")))
#define ENCLAVE_CLIENT_NODISCARD __attribute__((warn_unused_result))
#else
#define ENCLAVE_CLIENT_PUBLIC
#define ENCLAVE_CLIENT_NODISCARD
#endif

/* "0.1.0".  Static storage. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_version(void);

/*
 * Status
 * ======
 * Numbers are fixed for ever; a new status takes a new number.  The hundreds
 * are the category.
 */
enum enclave_client_status {
	ENCLAVE_CLIENT_OK = 0,

	/* usage: the caller can put it right */
	ENCLAVE_CLIENT_ERR_USAGE = 100,           /* argument or call order */
	ENCLAVE_CLIENT_ERR_CONFIG = 101,          /* configuration refused */
	ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE = 102, /* no policy for that name */
	ENCLAVE_CLIENT_ERR_CANCELLED = 103, /* cancelled, or client stopped */
	ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE = 104, /* answer exceeds the cap */
	ENCLAVE_CLIENT_ERR_BODY_CALLBACK = 105,  /* the body callback failed */

	/* memory */
	ENCLAVE_CLIENT_ERR_MEMORY = 200,

	/* network: see the foreign code for the CURLcode */
	ENCLAVE_CLIENT_ERR_NETWORK = 300, /* resolve, connect, TLS, HTTP */
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED = 301, /* status, size, empty */
	ENCLAVE_CLIENT_ERR_LEARNING_LIMITED =
	    302,                           /* too many failed attempts */
	ENCLAVE_CLIENT_ERR_REDIRECT = 303, /* redirect out of the origin */

	/* timeout */
	ENCLAVE_CLIENT_ERR_TIMEOUT = 400,

	/* malformed: the bytes are not what the specification says */
	ENCLAVE_CLIENT_ERR_ENCODING = 500, /* JSON, base64 or hex around it */
	ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE = 501, /* over 16 KiB */
	ENCLAVE_CLIENT_ERR_COSE = 502,          /* COSE_Sign1 envelope */
	ENCLAVE_CLIENT_ERR_CBOR = 503,          /* CBOR of the payload */
	ENCLAVE_CLIENT_ERR_FIELD = 504,         /* field missing, type, limit */
	ENCLAVE_CLIENT_ERR_CERTIFICATE = 505,   /* not one DER certificate */

	/* untrusted: well formed, and not authentic */
	ENCLAVE_CLIENT_ERR_ROOT = 600,  /* cabundle[0] is no accepted root */
	ENCLAVE_CLIENT_ERR_CHAIN = 601, /* certificate profile or path */
	ENCLAVE_CLIENT_ERR_SIGNATURE = 602, /* COSE signature */

	/* time: authentic, and not now */
	ENCLAVE_CLIENT_ERR_EXPIRED = 700, /* a certificate is past notAfter */
	ENCLAVE_CLIENT_ERR_NOT_YET_VALID =
	    701,                          /* a certificate before notBefore */
	ENCLAVE_CLIENT_ERR_TOO_OLD = 702, /* timestamp + max_age has passed */
	ENCLAVE_CLIENT_ERR_FROM_FUTURE = 703, /* timestamp is after now */

	/* measurement: authentic, and not what was accepted */
	ENCLAVE_CLIENT_ERR_MEASUREMENT = 800, /* no accepted PCR set matches */
	ENCLAVE_CLIENT_ERR_DEBUG = 801,       /* debug enclave: PCR0-2 zero */

	/* key: the connection's key is in no accepted evidence */
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED = 900,
	ENCLAVE_CLIENT_ERR_BINDING = 901, /* the evidence names no key */

	/* internal */
	ENCLAVE_CLIENT_ERR_INTERNAL = 1000,   /* OpenSSL or libcurl failed */
	ENCLAVE_CLIENT_ERR_SELF_TEST = 1001,  /* the gate does not hold here */
	ENCLAVE_CLIENT_ERR_UNSUPPORTED = 1002 /* libcurl without OpenSSL */
};

enum enclave_client_category {
	ENCLAVE_CLIENT_CATEGORY_NONE = 0,
	ENCLAVE_CLIENT_CATEGORY_USAGE = 1,
	ENCLAVE_CLIENT_CATEGORY_MEMORY = 2,
	ENCLAVE_CLIENT_CATEGORY_NETWORK = 3,
	ENCLAVE_CLIENT_CATEGORY_TIMEOUT = 4,
	ENCLAVE_CLIENT_CATEGORY_MALFORMED = 5,
	ENCLAVE_CLIENT_CATEGORY_UNTRUSTED = 6,
	ENCLAVE_CLIENT_CATEGORY_TIME = 7,
	ENCLAVE_CLIENT_CATEGORY_MEASUREMENT = 8,
	ENCLAVE_CLIENT_CATEGORY_KEY = 9,
	ENCLAVE_CLIENT_CATEGORY_INTERNAL = 10
};

/* The step of appraisal that refused, in the order in which they run. */
enum enclave_client_step {
	ENCLAVE_CLIENT_STEP_NONE = 0,
	ENCLAVE_CLIENT_STEP_FETCH = 1,
	ENCLAVE_CLIENT_STEP_DECODE = 2,
	ENCLAVE_CLIENT_STEP_STRUCTURE = 3,
	ENCLAVE_CLIENT_STEP_CHAIN = 4,
	ENCLAVE_CLIENT_STEP_SIGNATURE = 5,
	ENCLAVE_CLIENT_STEP_TIME = 6,
	ENCLAVE_CLIENT_STEP_POLICY = 7,
	ENCLAVE_CLIENT_STEP_BINDING = 8
};

/*
 * "ENCLAVE_CLIENT_ERR_CHAIN"; one English phrase; the category; "chain".
 * Static storage, never NULL; an unknown number gives "unknown".
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_status_name(
    enum enclave_client_status status);
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_status_text(
    enum enclave_client_status status);
ENCLAVE_CLIENT_PUBLIC enum enclave_client_category
enclave_client_status_category(enum enclave_client_status status);
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_category_name(
    enum enclave_client_category category);
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_step_name(
    enum enclave_client_step step);

/*
 * Error (confined)
 * ================
 * Pre-allocated by the caller, reused for any number of calls, the last
 * parameter of every call that can fail; NULL is allowed there.  A call that
 * succeeds clears it.  Nothing in it is allocated later, so it holds the
 * reason even when memory is short.
 */
struct enclave_client_error;

enum enclave_client_foreign {
	ENCLAVE_CLIENT_FOREIGN_NONE = 0,
	ENCLAVE_CLIENT_FOREIGN_CURL = 1, /* CURLcode */
	ENCLAVE_CLIENT_FOREIGN_X509 = 2, /* X509_V_ERR_* */
	ENCLAVE_CLIENT_FOREIGN_ERRNO = 3,
	ENCLAVE_CLIENT_FOREIGN_HTTP = 4 /* HTTP status of the evidence */
};

/* New; NULL when memory is short, which every later call tolerates. */
ENCLAVE_CLIENT_PUBLIC struct enclave_client_error *enclave_client_error_new(
    void);
ENCLAVE_CLIENT_PUBLIC void enclave_client_error_free(
    struct enclave_client_error *error);

/*
 * One line of printable ASCII that names the enclave and the fact.  Never
 * NULL: "" after success, and a constant text for a NULL error.  Borrowed
 * until the next call that uses the error.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_error_message(
    const struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC enum enclave_client_status enclave_client_error_status(
    const struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC enum enclave_client_step enclave_client_error_step(
    const struct enclave_client_error *error);
/* Name of the enclave, or "" where none is concerned.  Borrowed likewise. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_error_enclave(
    const struct enclave_client_error *error);
/* Code of another library and which library's; 0 and FOREIGN_NONE if none. */
ENCLAVE_CLIENT_PUBLIC long enclave_client_error_foreign_code(
    const struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC enum enclave_client_foreign enclave_client_error_foreign(
    const struct enclave_client_error *error);
/*
 * The error as one JSON object {"status","category","step","enclave",
 * "message","foreign","foreign_code"}.  New; free with free().  NULL when
 * memory is short.
 */
ENCLAVE_CLIENT_PUBLIC char *enclave_client_error_json(
    const struct enclave_client_error *error);

#ifdef __cplusplus
}
#endif

#endif
