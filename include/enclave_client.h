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

/* How many accepted values of a register an error keeps. */
#define ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX 8
/* No moment, or no span of time, is known. */
#define ENCLAVE_CLIENT_MS_UNKNOWN INT64_MIN

/*
 * The register (PCR) that was refused, 0 to 31; -1 where none is concerned.
 * After MEASUREMENT it is the first one that differs from the accepted set
 * that comes nearest; after DEBUG it is PCR0.  A key that is refused unasked,
 * because it was refused a moment ago, has none of these facts.
 */
ENCLAVE_CLIENT_PUBLIC int enclave_client_error_pcr(
    const struct enclave_client_error *error);
/*
 * What the document shows there, 96 hex digits; "" where it has no such
 * register.  Never NULL.  Borrowed likewise.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_error_pcr_shown(
    const struct enclave_client_error *error);
/*
 * What would have been accepted there, in the order of the PCR sets that name
 * the register and have not expired: index from 0, NULL past the last one that
 * is kept (ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX).  Borrowed likewise.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_error_pcr_accepted(
    const struct enclave_client_error *error, size_t index);
/* More values are accepted than are kept. */
ENCLAVE_CLIENT_PUBLIC bool enclave_client_error_pcr_accepted_more(
    const struct enclave_client_error *error);
/*
 * How old the refused document was when it was judged, in milliseconds;
 * negative when it is from the future.  ENCLAVE_CLIENT_MS_UNKNOWN where no
 * authentic document was refused.
 */
ENCLAVE_CLIENT_PUBLIC int64_t enclave_client_error_age_ms(
    const struct enclave_client_error *error);
/*
 * When the evidence stopped counting, milliseconds since the epoch: the
 * notAfter that passed, timestamp + max_age, or the end of the accepted sets.
 * ENCLAVE_CLIENT_MS_UNKNOWN where that is not why it was refused.
 */
ENCLAVE_CLIENT_PUBLIC int64_t enclave_client_error_deadline_ms(
    const struct enclave_client_error *error);
/*
 * The error as one JSON object {"status","category","step","enclave",
 * "message","foreign","foreign_code","pcr","age_ms","deadline_ms"}: pcr is
 * {"index","shown","accepted","accepted_more"}; it, shown and the times are
 * null where there is none.  New; free with free().  NULL when memory is
 * short.
 */
ENCLAVE_CLIENT_PUBLIC char *enclave_client_error_json(
    const struct enclave_client_error *error);

/*
 * Documents (immutable)
 * =====================
 * An attestation document that was judged, and what it says.  Sources: AWS
 * Nitro Enclaves attestation process, 2.2; RFC 9052 4.2.
 */
struct enclave_client_config;
struct enclave_client_document;

/* Moments at which evidence can be judged, beside milliseconds since 1970. */
#define ENCLAVE_CLIENT_AT_NOW      INT64_MIN
#define ENCLAVE_CLIENT_AT_DOCUMENT (INT64_MIN + 1)

/* Borrowed by the call that takes it. */
struct enclave_client_evidence {
	/* Raw COSE_Sign1, base64 or hex of it, or an endpoint's JSON body. */
	const void *data;
	size_t len; /* bytes */
	/*
	 * AT_NOW, AT_DOCUMENT (its own timestamp) or milliseconds since the
	 * epoch, UTC.  A verdict at any time but now is a replay: the document
	 * says so and serves no connection.
	 */
	int64_t judged_at_ms;
};

/*
 * Judges a document without any network: structure, chain, signature, time;
 * and, unless name is NULL, the measurements that config accepts for the
 * enclave of that name.  With name NULL a debug document can pass; ask
 * enclave_client_document_debug().  config gives roots, limits and policies;
 * NULL means the defaults.  *ret_document is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_document_verify(const struct enclave_client_config *config,
    const char *name, const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

/*
 * What evidence says that was refused, for display.  Time and policy are not
 * judged: enclave_client_document_authentic() tells whether chain and
 * signature hold under config's roots; where they do not, whatever could be
 * read is a claim of nobody's.  Such a document serves no connection.
 * *ret_document is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_document_read(const struct enclave_client_config *config,
    const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

ENCLAVE_CLIENT_PUBLIC void enclave_client_document_free(
    struct enclave_client_document *document);

/* Chain and signature held. */
ENCLAVE_CLIENT_PUBLIC bool enclave_client_document_authentic(
    const struct enclave_client_document *document);
/* PCR0, 1 and 2 are all zero: the enclave runs in debug mode. */
ENCLAVE_CLIENT_PUBLIC bool enclave_client_document_debug(
    const struct enclave_client_document *document);
/* Judged under a switch that has "insecure" in its name. */
ENCLAVE_CLIENT_PUBLIC bool enclave_client_document_insecure(
    const struct enclave_client_document *document);
/* Borrowed until the document is freed; NULL or 0 only when unverified. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_document_module_id(
    const struct enclave_client_document *document);
ENCLAVE_CLIENT_PUBLIC int64_t enclave_client_document_timestamp_ms(
    const struct enclave_client_document *document);
/*
 * Milliseconds since the epoch at which it stops counting: the earliest
 * notAfter of its chain, timestamp + max_age, the end of the accepted set.
 */
ENCLAVE_CLIENT_PUBLIC int64_t enclave_client_document_deadline_ms(
    const struct enclave_client_document *document);
/*
 * PCRn as 96 hex digits; NULL when the document has none.  Borrowed until the
 * document is freed.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_document_pcr(
    const struct enclave_client_document *document, unsigned int index);
/*
 * Label of the accepted PCR set that matched, "" when it has none; NULL when
 * no policy was asked.  Its place in the list, from 0, or -1.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_document_set_label(
    const struct enclave_client_document *document);
ENCLAVE_CLIENT_PUBLIC int enclave_client_document_set_index(
    const struct enclave_client_document *document);
/*
 * One JSON object: {"module_id", "digest", "timestamp_ms", "pcrs": {"0": hex},
 * "public_key", "user_data", "nonce" (hex, "" when empty, null when absent),
 * "chain" root first [{"subject", "not_before_ms", "not_after_ms",
 * "sha256"}]}; members that could not be read are absent.  New; free with
 * free().  NULL when memory is short.
 */
ENCLAVE_CLIENT_PUBLIC char *enclave_client_document_json(
    const struct enclave_client_document *document);

/*
 * What an enclave image file (EIF, versions 2 to 4) will measure as, without
 * running it: {"Measurements": {"HashAlgorithm", "PCR0", "PCR1", "PCR2", and
 * PCR8 where it is signed}}, as `nitro-cli describe-eif` prints and
 * configurations take.  The image's checksum must hold; its signature is not
 * checked.  Source: the EIF specification of aws-nitro-enclaves-image-format.
 * *ret_json is new; free with free().  CONFIG: the file can't be read;
 * ENCODING: it is no such image.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_image_pcrs(
    const char *path, char **ret_json, struct enclave_client_error *error);

/*
 * Reference values that follow from what is known beforehand: PCR3 from the
 * IAM role of the parent instance, PCR4 from its instance id, PCR8 from the
 * certificate (PEM, one) that the image is signed with.  96 hex digits, as
 * configurations take them; *ret_pcr is new, free with free().  USAGE: what is
 * given is no such thing.  Sources: AWS Nitro Enclaves User Guide,
 * "Cryptographic attestation" (PCR3, PCR4: SHA-384 of 48 zero bytes and the
 * text); aws-nitro-enclaves-image-format (PCR8: SHA-384 of 48 zero bytes and
 * the SHA-384 of the certificate's DER).
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_pcr3_from_role_arn(
    const char *role_arn, char **ret_pcr, struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_pcr4_from_instance_id(const char *instance_id, char **ret_pcr,
    struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_pcr8_from_certificate_pem(const char *pem, size_t len,
    char **ret_pcr, struct enclave_client_error *error);

/*
 * Events
 * ======
 * Told once per change, on the thread where it happened, with no lock held.
 * The callback may call anything of this library but enclave_client_free(); it
 * must not block for long: failed polls and ends of keys are told on the thread
 * that polls, whose transfers and timeouts wait for it.
 */
enum enclave_client_event_kind {
	ENCLAVE_CLIENT_EVENT_ATTESTED = 1, /* first live key */
	ENCLAVE_CLIENT_EVENT_REFUSED = 2,  /* evidence refused: status, step */
	ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED = 3, /* key withdrawn, or
	                                     * authentic evidence not accepted */
	ENCLAVE_CLIENT_EVENT_KEY_ADDED = 4,           /* one more live key */
	ENCLAVE_CLIENT_EVENT_EXPIRED = 5,     /* last live key passed its end */
	ENCLAVE_CLIENT_EVENT_POLL_FAILED = 6, /* fetch failed */
	ENCLAVE_CLIENT_EVENT_RECOVERED = 7,   /* good again after a failure */
	ENCLAVE_CLIENT_EVENT_INSECURE = 8,    /* a weakening is in force */
	ENCLAVE_CLIENT_EVENT_STORE =
	    9, /* evidence store: skipped, not written */
	ENCLAVE_CLIENT_EVENT_TRUST = 10 /* changed CA file or directory can't
	                                 * be used; the former one stays */
};

/* Borrowed until the callback returns. */
struct enclave_client_event {
	enum enclave_client_event_kind kind;
	const char *enclave; /* name; "" where all are meant */
	enum enclave_client_status status;
	enum enclave_client_step step;
	const char *message; /* one line of printable ASCII */
	int64_t at_ms;       /* wall clock, since the epoch */
};

typedef void (*enclave_client_event_callback)(
    const struct enclave_client_event *event, void *context);

ENCLAVE_CLIENT_PUBLIC const char *enclave_client_event_name(
    enum enclave_client_event_kind kind);

/*
 * Configuration (confined)
 * ========================
 * Setters keep the first error; the next call with a status returns it.
 * enclave_client_new() copies what it needs: free the configuration when you
 * like.  Strings are copied.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_config_new(struct enclave_client_config **ret_config);
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_free(
    struct enclave_client_config *config);

/*
 * The map of enclaves as JSON, long or short form, at most 8 MiB; replaces a
 * map that was loaded before.  CONFIG names the member at fault.
 *
 * Profiles.  "profile" says how an enclave's evidence names its key:
 *   evervault        user_data is the key (SubjectPublicKeyInfo); the default
 *   nitriding        user_data holds SHA-256 of the whole certificate; each
 *                    fetch has a nonce of its own that must come back
 *   oyster           public_key is the raw key, evidence over http on port 1300;
 *                    gates only where "key" says ed25519 or p256
 *   nitro-ra-tls     the document is in the certificate (RFC 9999), user_data
 *                    is the key; that binding is this library's own choice
 *   dstack           in the certificate; SHA-512("ratls-cert:" + key); of
 *                    version 0 (SCALE), the newer MessagePack is refused
 *   evervault-cages  in a name of the certificate; user_data is the key
 * An object composes one: {"name": a profile to begin with, "evidence":
 * "endpoint" or "certificate", "wrapping": "cmw", "dstack" or "san", "path",
 * "plain_http", "status", "encoding": "raw", "hex", "base64" or "json" with
 * "member", "nonce": "none", "query" with "nonce_bytes", or "path" (a UUID),
 * "binding": {"field": "user_data", "public_key" or "nonce", "object": "spki",
 * "certificate" or "key", "transform": "identity", "sha256", "sha384" or
 * "sha512", "prefix", "offset", "length", "field_length", "keys": how many
 * digests may follow each other}}.  Nothing is guessed: a contradiction, and a
 * wrapping, encoding or binding that is left out, is refused.
 *
 * Trust.  "web_pki+attested_key" (the default) proves that an accepted enclave
 * holds the key and that a public authority gave the host's name to it;
 * "attested_key" proves the first alone, for self-signed servers: which of
 * several accepted enclaves answers is then the network's to choose.
 *
 * "evidence_of": {"pcrs", "evidence_url", "profile"} in place of those three:
 * another enclave vouches, a certificate generator say.  It proves that the
 * enclave measured there named the key; who holds it now is what that code
 * made sure of.  Evidence that lies elsewhere is fetched with web PKI, whatever
 * "trust" says of the enclave's own origin.
 *
 * A PCR set may also pin "image_id" (Oyster's), "module_id" or "instance_id".
 * One without "image_id", PCR0, 1, 2 and 8 names no code, so any image that its
 * operator starts passes: a client that gets it raises EVENT_INSECURE.
 *
 * Numbers.  "poll_interval_ms", "poll_margin_ms", "max_age_ms",
 * "clock_skew_ms", "fetch_timeout_ms" and "body_max_bytes" of an enclave or of
 * "defaults", "polls_in_flight" of the whole: enclave_client_policy(3) has each
 * with unit, default and range.  They have no setters on purpose: they belong
 * to the policy and are replaced with it, by enclave_client_update().
 *
 * Polls.  After a failed one the next comes after 10 s, and each further
 * failure doubles that, up to poll_interval_ms and to 300 s at most (a tenth
 * more or less by chance).  While evidence is held that ends sooner, its end
 * less the margin still counts, never more often than every 10 s.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_config_load_file(struct enclave_client_config *config,
    const char *path, struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_config_load_text(struct enclave_client_config *config,
    const char *text, size_t len, struct enclave_client_error *error);
/*
 * One enclave instead of a map: the origin of url with the PCR sets of
 * pcrs_json (an object, a list, or nitro-cli output).  name NULL: the URL's
 * host, with the port where it is not 443.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_config_load_single(struct enclave_client_config *config,
    const char *name, const char *url, const char *pcrs_json,
    struct enclave_client_error *error);

/*
 * Trust for ordinary verification (web PKI): a PEM bundle, a hash directory;
 * each replaces the system's store.  NULL: the system's.  Where one has
 * changed, the next connection reads it again.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_ca_file(
    struct enclave_client_config *config, const char *path);
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_ca_directory(
    struct enclave_client_config *config, const char *path);

/* As curl's --resolve "host:port:address" and --connect-to "h1:p1:h2:p2". */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_add_resolve(
    struct enclave_client_config *config, const char *entry);
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_add_connect_to(
    struct enclave_client_config *config, const char *entry);

/* The bounds of TLS; the lower one is never below 1.2.  With 1.3 as the upper
 * one an HTTPS proxy speaks 1.2. */
enum enclave_client_tls_version {
	ENCLAVE_CLIENT_TLS_DEFAULT = 0,
	ENCLAVE_CLIENT_TLS_1_2 = 12,
	ENCLAVE_CLIENT_TLS_1_3 = 13
};
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_tls_versions(
    struct enclave_client_config *config, enum enclave_client_tls_version min,
    enum enclave_client_tls_version max);
enum enclave_client_http_version {
	ENCLAVE_CLIENT_HTTP_DEFAULT = 0, /* 2 where the server offers it */
	ENCLAVE_CLIENT_HTTP_1_0 = 10,
	ENCLAVE_CLIENT_HTTP_1_1 = 11,
	ENCLAVE_CLIENT_HTTP_2 = 20
};
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_http_version(
    struct enclave_client_config *config,
    enum enclave_client_http_version version);
/* 4 or 6: addresses of that version alone; 0: both. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_ip_version(
    struct enclave_client_config *config, unsigned int version);
/* Name, address or host name that connections begin from; NULL: any. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_interface(
    struct enclave_client_config *config, const char *name);
/*
 * For servers that ask requests for a certificate: PEM, the key in
 * certificate_path where key_path is NULL, passphrase NULL for none.  Evidence
 * is fetched without it, and it is shown on connections whose key is attested
 * already: learning then costs one more connection.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_client_certificate_file(
    struct enclave_client_config *config, const char *certificate_path,
    const char *key_path, const char *passphrase);

/* NULL: libcurl's environment variables; "": none. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_proxy(
    struct enclave_client_config *config, const char *url);
/* Default "enclave-client/VERSION".  Never sent with evidence requests. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_user_agent(
    struct enclave_client_config *config, const char *agent);

/* Default true.  False: no thread; evidence is learned by requests alone. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_polling(
    struct enclave_client_config *config, bool polling);

/*
 * A directory that keeps raw documents, at most 16 KiB each, from one run to
 * the next; made with mode 0700 when it is not there.  CONFIG at
 * enclave_client_new() when it is a symbolic link, belongs to another user or
 * is open to others.  What is there is judged like polled evidence, so a wrong
 * or hostile file can't do more than a wrong or hostile answer: it is skipped
 * with EVENT_STORE.  Read once, by enclave_client_new() when polling is off,
 * else first thing in the background; written when a poll or a request brought
 * good evidence.  Evidence that withdraws a key takes the place of the document
 * that vouched for it, so that the next run does not begin with that key.
 * Newer evidence for the same key is never replaced.  Nothing is kept where
 * each fetch asks with a nonce (profile "nitriding"), or where evidence is in
 * the certificate.  Documents written more than 11103 s ago, which are good for
 * nobody, are removed.  Any number of processes may share it.  NULL, the
 * default: none.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_evidence_store(
    struct enclave_client_config *config, const char *directory);

ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_event_callback(
    struct enclave_client_config *config,
    enclave_client_event_callback callback, void *context);

/*
 * Whose hypervisors are believed: "aws" (NULL, the default) or "aws-us-gov",
 * AWS's GovCloud partition, whose root is another one.  Replaces the choice
 * before, an insecure one too.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_nitro_root(
    struct enclave_client_config *config, const char *name);

/* Weakenings.  Each marks every verdict and raises EVENT_INSECURE. */

/* Let insecure_* members of the JSON count.  Call it before loading. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_insecure_allowed(
    struct enclave_client_config *config, bool allowed);
/* Accept debug enclaves and all-zero reference values.  Before loading. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_insecure_allow_debug(
    struct enclave_client_config *config, bool allowed);
/* PEM certificates that replace AWS's Nitro root: a local enclave's. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_insecure_nitro_root_file(
    struct enclave_client_config *config, const char *path);
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_insecure_nitro_root_mem(
    struct enclave_client_config *config, const char *pem, size_t len);
/* Honour SSLKEYLOGFILE, which libcurl otherwise would: anyone who reads that
 * file reads the traffic. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_config_set_insecure_key_log(
    struct enclave_client_config *config, bool allowed);

/*
 * Client (internally locked)
 * ==========================
 * After fork() parent and child may both use it.  The child notices at its
 * first call: it keeps the evidence, opens connections of its own and, where
 * polling is on, starts a thread of its own.  What was opened before, a stream,
 * a prepared transfer or a connection of an attached handle, stays the
 * parent's: in the child it is refused.  A child that only calls exec() or
 * _exit() costs nothing.  Not for a fork() inside one of this library's own
 * callbacks; and OpenSSL's and libcurl's own locks are as fork-safe as they
 * make them.
 */
struct enclave_client;
struct enclave_client_request;
struct enclave_client_response;

/*
 * Returns at once; polling starts in the background.  SELF_TEST or
 * UNSUPPORTED when the gate would not hold with these builds of libcurl and
 * OpenSSL.  *ret_client is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_new(const struct enclave_client_config *config,
    struct enclave_client **ret_client, struct enclave_client_error *error);
/*
 * Ends everything within 100 ms: calls that other threads are in return
 * CANCELLED, and so does every later call.  Any thread, any number of times.
 * From the event callback it does not wait for the thread that it is on.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_stop(struct enclave_client *client);
/*
 * Stops, waits for calls in other threads to return, frees.  Responses and
 * documents may be freed later; responses can't be read any more.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_free(struct enclave_client *client);

/*
 * The whole map of enclaves of config replaces the client's, atomically; other
 * settings of config are not looked at.  Evidence in the cache is matched
 * again; nothing is fetched for an enclave that did not change.  A connection
 * that is open honours it before its next request and at its next byte of
 * body.  Nothing changes on failure.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_update(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error);

/*
 * Until the enclave (NULL: every one) has a live attested key.  TIMEOUT names
 * who is not ready and why.  timeout_ms 0 asks without waiting.  Where polls
 * have failed, the next comes as soon as their least distance allows.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_wait(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_error *error);

/*
 * Reports (immutable)
 * ===================
 * How things stand at one moment, by enclave, in the order of the map.
 */
struct enclave_client_report;

enum enclave_client_state {
	ENCLAVE_CLIENT_STATE_COLD = 0,     /* nothing is known yet */
	ENCLAVE_CLIENT_STATE_ATTESTED = 1, /* at least one key is live */
	ENCLAVE_CLIENT_STATE_EXPIRED = 2,  /* the last live key has ended */
	ENCLAVE_CLIENT_STATE_REFUSED = 3,  /* none live; evidence was refused */
	ENCLAVE_CLIENT_STATE_UNREACHABLE = 4 /* none yet; fetching failed */
};
/* "attested".  Static storage, never NULL. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_state_name(
    enum enclave_client_state state);

/* Later versions may add members at the end of these three. */
struct enclave_client_report_key {
	char sha256[65];       /* of the key as it is bound; hex */
	const char *module_id; /* of the document that vouches for it */
	int64_t timestamp_ms;  /* of that document */
	/* When it stops counting, on the wall clock as it goes now: earlier
	 * than at first where that clock was set back. */
	int64_t deadline_ms;
	const char *set_label; /* of the accepted PCR set; "" when none */
	size_t set_index;      /* its place in the list, from 0 */
};

/* Since the enclave was configured in this process. */
struct enclave_client_counters {
	uint64_t polls;
	uint64_t polls_failed; /* not fetched, or refused */
	uint64_t documents_accepted;
	uint64_t documents_refused;
	uint64_t requests;  /* that the gate let through */
	uint64_t refusals;  /* of the gate: a connection or a request each */
	uint64_t learnings; /* GETs of evidence by requests, accepted or not */
};

/* Times are milliseconds since the epoch, UTC; 0: never. */
struct enclave_client_report_enclave {
	const char *name;
	const char *url; /* origin */
	enum enclave_client_state state;
	bool insecure;       /* a switch weakens its verdicts */
	uint64_t generation; /* changes with whatever changes its keys */
	const struct enclave_client_report_key *keys; /* live ones */
	size_t key_count;
	int64_t last_poll_ms;
	int64_t next_poll_ms; /* 0 when polling is off */
	/* The last failure since the last success; OK, NONE and "" if none. */
	enum enclave_client_status last_status;
	enum enclave_client_step last_step;
	const char *last_message;
	struct enclave_client_counters counters;
};

/*
 * Of one enclave, or of all (name NULL).  Waits for no fetch and no
 * verification.  *ret_report is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_report(struct enclave_client *client, const char *name,
    struct enclave_client_report **ret_report,
    struct enclave_client_error *error);
ENCLAVE_CLIENT_PUBLIC void enclave_client_report_free(
    struct enclave_client_report *report);
ENCLAVE_CLIENT_PUBLIC size_t enclave_client_report_count(
    const struct enclave_client_report *report);
/* Borrowed until the report is freed; NULL past the end. */
ENCLAVE_CLIENT_PUBLIC const struct enclave_client_report_enclave *
enclave_client_report_at(
    const struct enclave_client_report *report, size_t index);
/*
 * {"at_ms", "enclaves": [{"name", "url", "state", "insecure", "generation",
 * "keys": [{"sha256", "module_id", "timestamp_ms", "deadline_ms", "set_label",
 * "set_index"}], "last_poll_ms", "next_poll_ms" (null: never), "last_error"
 * (null, or {"status", "category", "step", "message"}), "counters": {...}}]},
 * members named as in the structs.  New; free with free().  NULL when memory
 * is short.
 */
ENCLAVE_CLIENT_PUBLIC char *enclave_client_report_json(
    const struct enclave_client_report *report);
/*
 * Prometheus text format 0.0.4, with the label enclave: gauges
 * enclave_client_attested (0 or 1), enclave_client_insecure,
 * enclave_client_live_keys, enclave_client_first_deadline_seconds (since the
 * epoch; absent without a live key), enclave_client_last_poll_seconds; and for
 * each counter enclave_client_NAME_total.  New; free with free().  NULL when
 * memory is short.
 */
ENCLAVE_CLIENT_PUBLIC char *enclave_client_report_prometheus(
    const struct enclave_client_report *report);

/*
 * Fetches and judges the enclave's evidence on a connection of its own, and
 * sends nothing else; the key of that connection must be bound.  Good evidence
 * enters the cache.  name: the enclave's, or an https URL of its origin.
 * *ret_document is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_attest(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

/*
 * Name of the enclave whose origin url has; new, free with free().
 * UNKNOWN_ENCLAVE when it has no policy.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_find(struct enclave_client *client, const char *url,
    char **ret_name, struct enclave_client_error *error);
/*
 * Where the enclave's evidence is fetched from; new, free with free().  For
 * whoever fetches it over a connection of his own, to offer it.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_evidence_url(struct enclave_client *client, const char *name,
    char **ret_url, struct enclave_client_error *error);

/*
 * The attested keys of this moment as curl's --pinnedpubkey takes them,
 * "sha256//...;sha256//...", for programs that pin and know nothing of
 * evidence; each counts until its deadline, which the report says.  name: as
 * for enclave_client_attest().  KEY_NOT_ATTESTED when there is none; CONFIG
 * where the evidence names something else than the key.  New; free with free().
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_pins(struct enclave_client *client, const char *name,
    char **ret_pins, struct enclave_client_error *error);

/* Bytes of the caller's; borrowed by the call that takes them. */
struct enclave_client_bytes {
	const void *data;
	size_t len;
};

/*
 * For TLS stacks that this library does not hook into: is the key of this leaf
 * certificate (DER) attested for the enclave at this moment?  To be asked after
 * each handshake and again before each request; ordinary verification is the
 * caller's.  KEY_NOT_ATTESTED also makes the poller fetch at once.
 * *ret_document is new; NULL: not wanted.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_check_certificate(struct enclave_client *client,
    const char *name, struct enclave_client_bytes leaf,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

/* Evidence that the caller fetched, and the connection it came over. */
struct enclave_client_offer {
	struct enclave_client_bytes body; /* as the endpoint served it */
	struct enclave_client_bytes leaf; /* DER */
};

/*
 * Appraises and, where it is good, publishes.  OK only when the leaf's key is
 * attested now; evidence for another key is published and still refused with
 * KEY_NOT_ATTESTED.  *ret_document is new; NULL: not wanted.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_evidence_offer(struct enclave_client *client, const char *name,
    const struct enclave_client_offer *offer,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);

/*
 * Sends the request and collects the whole answer, up to the body cap.  name
 * NULL: the enclave whose origin the request's URL has; no such enclave is
 * UNKNOWN_ENCLAVE, never a plain request.  Any HTTP status is a success.
 * *ret_response is new.  A request may be sent again, by one thread at a time.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_request(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);
/*
 * The same, but returns at the headers; the body is pulled with
 * enclave_client_response_read().  The deadline goes on through the reading.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_open(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);

/*
 * Request (confined, but for cancel)
 * ==================================
 * Setters keep the first error, which the verb returns as USAGE.
 */

/*
 * method: a token (RFC 9110 5.6.2), copied.  target: a path with its query
 * that begins with "/", or an https URL; copied.  CR, LF and NUL are refused.
 * *ret_request is new.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_request_new(const char *method, const char *target,
    struct enclave_client_request **ret_request);
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_free(
    struct enclave_client_request *request);

/*
 * Adds a header; value "" sends it empty, NULL leaves out one that libcurl
 * would send by itself.  Host may be set; it never moves the connection.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_add_header(
    struct enclave_client_request *request, const char *name,
    const char *value);
/* Copied. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_body(
    struct enclave_client_request *request, const void *data, size_t len);

struct enclave_client_body {
	/*
	 * Fills at most size bytes; 0 is the end, -1 fails the request.  The
	 * gate is judged again before each call.
	 */
	int64_t (*read)(void *buffer, size_t size, void *context);
	/* To the start, true when done; NULL: the body can be sent once. */
	bool (*rewind)(void *context);
	int64_t len; /* bytes, -1: unknown, sent chunked */
	void *context;
};
/* The struct is copied, its context borrowed until the request is freed. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_body_callback(
    struct enclave_client_request *request,
    const struct enclave_client_body *body);

/* All of it: waiting, learning, connecting, sending, reading.  Default 60 s;
 * 0: none. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms);
/* Default 30 s. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_connect_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms);
/* Of enclave_client_request(); default 16 MiB. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_body_max_bytes(
    struct enclave_client_request *request, size_t max_bytes);
/* Redirects within the enclave's origin, at most 10; default 0. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_redirects_max(
    struct enclave_client_request *request, unsigned int max);
/* A redirect keeps the method, whatever its status says.  Default false. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_keep_method(
    struct enclave_client_request *request, bool keep);

/*
 * Headers that libcurl writes, in its own place and with its own rules (on a
 * redirect, say).  NULL takes one back.  A header of the same name from
 * enclave_client_request_add_header() comes in its place.  None of them, and
 * no credential, ever goes with an evidence request or to a server that was
 * not judged.
 */

/* "": none.  NULL: the client's. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_user_agent(
    struct enclave_client_request *request, const char *agent);
/* follow: a redirect names the page that it came from. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_referer(
    struct enclave_client_request *request, const char *referer, bool follow);
/* RFC 9110 14.2, without "bytes=": "0-499", "500-", "-500", "0-0,-1". */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_range(
    struct enclave_client_request *request, const char *range);
/* RFC 7617.  user NULL: none.  Wiped when the request is freed. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_basic_auth(
    struct enclave_client_request *request, const char *user,
    const char *password);
/*
 * Credentials for the host from a .netrc file, where it has any; a user name
 * that was set comes first.  NULL: ~/.netrc.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_netrc(
    struct enclave_client_request *request, const char *path);
/* Offers every encoding that libcurl can undo, and undoes it. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_compressed(
    struct enclave_client_request *request, bool compressed);
/* The body is of the type application/x-www-form-urlencoded. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_form(
    struct enclave_client_request *request, bool form);
/*
 * The body waits for the server's consent, at most a second (RFC 9110
 * 10.1.1).  Default false: only a body over 1 MiB does.  With libcurl 8.14,
 * unlike 7.88, a small body of known length does not wait either way.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_expect_continue(
    struct enclave_client_request *request, bool expect);
/* Bytes a second on the average; 0: no limit. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_rate_max(
    struct enclave_client_request *request, int64_t receive_bytes_per_s,
    int64_t send_bytes_per_s);

/* Cookies for this request alone, "a=1; b=2"; wiped likewise. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_cookie(
    struct enclave_client_request *request, const char *cookie);
/*
 * Cookies (internally locked) that requests share: sent where they belong, and
 * kept when an answer sets them.  Files are in the form that curl writes.  A
 * child that is forked while another thread uses them makes its own: what
 * libcurl was changing just then stays half changed.
 */
struct enclave_client_cookies;

/* *ret_cookies is new. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_cookies_new(struct enclave_client_cookies **ret_cookies);
/* Requests that were given them keep them. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_cookies_free(
    struct enclave_client_cookies *cookies);
/* As curl, a file that is not there holds none. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_cookies_load_file(struct enclave_client_cookies *cookies,
    const char *path, bool drop_session_cookies,
    struct enclave_client_error *error);
/* "-" is standard output.  As curl, failing to write is no failure. */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_cookies_save_file(struct enclave_client_cookies *cookies,
    const char *path, struct enclave_client_error *error);
/* NULL: none, the default. */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_cookies(
    struct enclave_client_request *request,
    struct enclave_client_cookies *cookies);

/*
 * One part of a form with files (RFC 7578); borrowed by the call, its strings
 * copied, its data and the context of its callback borrowed until the request
 * is freed.  A request with parts has no other body.
 */
struct enclave_client_part {
	const char *name;         /* NULL: none */
	const char *file_name;    /* as the server is told; NULL: none */
	const char *content_type; /* NULL: after the file name, or none */
	const void *data;         /* where body.read is NULL */
	size_t len;
	struct enclave_client_body body;
};
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_add_part(
    struct enclave_client_request *request,
    const struct enclave_client_part *part);

/* What libcurl says and what goes over the wire, for display. */
enum enclave_client_trace_kind {
	ENCLAVE_CLIENT_TRACE_TEXT = 0,
	ENCLAVE_CLIENT_TRACE_HEADER_IN = 1,
	ENCLAVE_CLIENT_TRACE_HEADER_OUT = 2,
	ENCLAVE_CLIENT_TRACE_ATTESTATION = 3 /* this library's own steps */
};
typedef void (*enclave_client_trace_callback)(
    enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context);
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_set_trace(
    struct enclave_client_request *request,
    enclave_client_trace_callback callback, void *context);

/*
 * Ends the call that uses the request, or its response's next read, with
 * CANCELLED, within 100 ms.  Any thread, while the request is not being freed.
 * A cancelled request stays cancelled.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_request_cancel(
    struct enclave_client_request *request);

/*
 * Response (confined)
 * ===================
 * What is borrowed from it lives until it is freed.
 */
ENCLAVE_CLIENT_PUBLIC void enclave_client_response_free(
    struct enclave_client_response *response);
/* HTTP status of the final answer; "1.1" or "2". */
ENCLAVE_CLIENT_PUBLIC long enclave_client_response_status(
    const struct enclave_client_response *response);
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_http_version(
    const struct enclave_client_response *response);
/*
 * Value of a header of the final answer by name, whatever its case; several of
 * one name by index from 0.  NULL when there is none.
 */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_header(
    const struct enclave_client_response *response, const char *name,
    size_t index);
/* Every header block as received, redirects and 1xx included. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_header_text(
    const struct enclave_client_response *response, size_t *ret_len);
/* NUL after the last byte; "" when streaming. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_body(
    const struct enclave_client_response *response, size_t *ret_len);
/*
 * Next bytes of a response from enclave_client_open(), at most size; *ret_len
 * 0 is the end.  Blocks until some are there.  After a failure every later
 * read fails likewise.
 */
ENCLAVE_CLIENT_PUBLIC ENCLAVE_CLIENT_NODISCARD enum enclave_client_status
enclave_client_response_read(struct enclave_client_response *response,
    void *buffer, size_t size, size_t *ret_len,
    struct enclave_client_error *error);
/* Name of the enclave that answered. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_enclave(
    const struct enclave_client_response *response);
/* The evidence that the request was sent under. */
ENCLAVE_CLIENT_PUBLIC const struct enclave_client_document *
enclave_client_response_document(
    const struct enclave_client_response *response);

/* As curl's --write-out variables; microseconds, bytes or counts. */
enum enclave_client_info {
	ENCLAVE_CLIENT_INFO_TIME_TOTAL_US = 0, /* learning included */
	ENCLAVE_CLIENT_INFO_TIME_NAMELOOKUP_US = 1,
	ENCLAVE_CLIENT_INFO_TIME_CONNECT_US = 2,
	ENCLAVE_CLIENT_INFO_TIME_APPCONNECT_US = 3,
	ENCLAVE_CLIENT_INFO_TIME_PRETRANSFER_US = 4,
	ENCLAVE_CLIENT_INFO_TIME_STARTTRANSFER_US = 5,
	ENCLAVE_CLIENT_INFO_SIZE_DOWNLOAD_BYTES = 6,
	ENCLAVE_CLIENT_INFO_SIZE_UPLOAD_BYTES = 7,
	ENCLAVE_CLIENT_INFO_SIZE_HEADER_BYTES = 8,
	ENCLAVE_CLIENT_INFO_NUM_CONNECTS = 9,
	ENCLAVE_CLIENT_INFO_NUM_REDIRECTS = 10,
	ENCLAVE_CLIENT_INFO_TIME_REDIRECT_US = 11,
	ENCLAVE_CLIENT_INFO_REMOTE_PORT = 12,
	ENCLAVE_CLIENT_INFO_LOCAL_PORT = 13
};
ENCLAVE_CLIENT_PUBLIC int64_t enclave_client_response_info(
    const struct enclave_client_response *response,
    enum enclave_client_info info);
/* Addresses of the connection that answered; a proxy's where one stands
 * between. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_remote_ip(
    const struct enclave_client_response *response);
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_local_ip(
    const struct enclave_client_response *response);
/* The URL that was fetched last. */
ENCLAVE_CLIENT_PUBLIC const char *enclave_client_response_url(
    const struct enclave_client_response *response);

#ifdef __cplusplus
}
#endif

#endif
