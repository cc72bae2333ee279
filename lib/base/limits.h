/* Every ceiling of the library, with its reason and its source. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/*
 * Evidence.  The NSM driver's response buffer is 12288 bytes
 * (aws-nitro-enclaves-nsm-api, NSM_RESPONSE_MAX_SIZE); real documents have
 * 4394 to 7539 bytes.
 */
#define DOCUMENT_MAX_BYTES 16384

/* base64 in JSON adds a third; nitro endpoints add a few members. */
#define EVIDENCE_BODY_MAX_BYTES_DEFAULT 65536
#define EVIDENCE_BODY_MAX_BYTES_CEILING 1048576

/*
 * Fields of the payload.  AWS's own texts disagree (512 and 1024 for
 * user_data and nonce, 1 and 0 as the least public_key); the hypervisor issues
 * 0 to 1024 in all three.  A nonce of 1025 was once reported, by a service
 * that re-encodes documents; it is refused.
 */
#define FIELD_MAX_BYTES       1024
#define MODULE_ID_MAX_BYTES   128
#define CERTIFICATE_MAX_BYTES 1024
/* Real bundles have 4; the AWS text sets no limit. */
#define BUNDLE_CERTIFICATES_MAX 8
/* SHA-384, the only digest that documents name. */
#define PCR_BYTES 48
/* Indices 0 to 31 (AWS, attestation_process.md 2.2). */
#define PCRS_MAX 32

/* Configuration. */
#define CONFIG_JSON_MAX_BYTES  (8 * 1024 * 1024)
#define CONFIG_JSON_DEPTH_MAX  8
#define POLICY_SETS_MAX        256
#define POLICY_LABEL_MAX_BYTES 128
#define ENCLAVES_MAX           65536
#define ENCLAVE_NAME_MAX_BYTES 255
#define URL_MAX_BYTES          2048

/* Keys that one enclave may have live (nine were seen behind three replicas). */
#define KEYS_PER_ENCLAVE_MAX 64
/* Withdrawn keys that are remembered, so that older evidence is refused. */
#define WITHDRAWN_PER_ENCLAVE_MAX 64

/* Times, in milliseconds. */
#define MAX_AGE_MS_DEFAULT 3600000
#define MAX_AGE_MS_FLOOR   60000
/* A Nitro leaf lives 10803 s. */
#define MAX_AGE_MS_CEILING       10803000
#define CLOCK_SKEW_MS_DEFAULT    5000
#define CLOCK_SKEW_MS_CEILING    300000
#define POLL_INTERVAL_MS_DEFAULT 300000
#define POLL_INTERVAL_MS_FLOOR   10000
#define POLL_INTERVAL_MS_CEILING 10800000
#define FETCH_TIMEOUT_MS_DEFAULT 10000
#define FETCH_TIMEOUT_MS_FLOOR   100
#define FETCH_TIMEOUT_MS_CEILING 300000
/* Renewal starts this long before the end of evidence; see schedule.h. */
#define POLL_MARGIN_MS_DEFAULT 120000
#define POLL_MARGIN_MS_FLOOR   1000
#define POLL_MARGIN_MS_CEILING 3600000
/* At most, and unless the configuration says less. */
#define POLLS_IN_FLIGHT_MAX 32

/* Learning (DESIGN section 4). */
#define LEARNING_TIMEOUT_MS      5000
#define LEARNING_TOKENS_MAX      6
#define LEARNING_TOKEN_MS        10000
#define LEARNING_REFUSED_KEY_MS  10000
#define LEARNING_CONNECTIONS_MAX 3

/* Requests. */
#define RESPONSE_BODY_MAX_BYTES_DEFAULT (16 * 1024 * 1024)
/* One write of libcurl (CURL_MAX_WRITE_SIZE is 16 KiB), with room to spare. */
#define STREAM_BUFFER_MAX_BYTES    (1024 * 1024)
#define RESPONSE_HEADERS_MAX_BYTES (256 * 1024)
#define REQUEST_HEADERS_MAX        256
/* An EIF's section of signatures: a certificate and a COSE_Sign1, each written
 * as an array of small integers, two bytes a byte. */
#define EIF_SIGNATURE_MAX_BYTES      (64 * 1024)
#define REQUEST_PARTS_MAX            1024
#define REQUEST_TIMEOUT_MS_DEFAULT   60000
#define CONNECT_TIMEOUT_MS_DEFAULT   30000
#define REDIRECTS_MAX                10
#define HANDLES_IDLE_PER_ENCLAVE_MAX 16
/* libcurl uses no connection again that idled for longer (MAXAGE_CONN). */
#define HANDLE_IDLE_MS_MAX 118000

/* One line, long enough for the shown PCR and several accepted ones. */
#define ERROR_MESSAGE_MAX_BYTES 1024
/* A register as hex digits and NUL. */
#define PCR_HEX_BYTES (2 * PCR_BYTES + 1)

#endif
