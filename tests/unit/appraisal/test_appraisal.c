/*
 * The order of the steps and what each leaves behind, with a verifier that
 * says what the test wants: evidence_verify() is defined here.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"
#include "appraisal/nonce.h"
#include "fake_claims.h"
#include "json_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_MS       INT64_C(1800000000000)
#define AGE_MS       10000
#define MAX_AGE_MS   600000
#define SKEW_MS      7000
/* base64 of "document" */
#define BODY "{\"attestation_doc\":\"ZG9jdW1lbnQ=\"}"

/* What the verifier will say, and what it was asked. */
static struct {
	enum enclave_client_status status;
	enum enclave_client_step step;
	struct claims *claims;
	int calls;
	struct evidence_check check;
	char document[16];
} verifier;

enum enclave_client_status
evidence_verify(struct bytes document, const struct evidence_check *check,
    struct claims **ret_claims, struct enclave_client_error *error)
{
	verifier.calls++;
	verifier.check = *check;
	ck_assert_uint_lt(document.len, sizeof(verifier.document));
	memcpy(verifier.document, document.data, document.len);
	verifier.document[document.len] = '\0';
	if (verifier.status)
		return error_set(
		    error, verifier.status, verifier.step, "refused by test");
	*ret_claims = claims_ref(verifier.claims);
	return ENCLAVE_CLIENT_OK;
}

static int64_t
pretended(void *context)
{
	return *(int64_t *)context;
}

static int64_t now_ms;
static const struct clock_source test_clock = {pretended, pretended, &now_ms};
static const struct appraiser appraiser = {.clock = &test_clock};
static struct bytes spki;
static uint8_t spki_sha256[32];

static void
setup(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	ck_assert_int_gt(len, 0);
	spki = (struct bytes){der, (size_t)len};
	SHA256(spki.data, spki.len, spki_sha256);
	EVP_PKEY_free(key);
	memset(&verifier, 0, sizeof(verifier));
	now_ms = NOW_MS;
}

static void
teardown(void)
{
	claims_unref(verifier.claims);
	verifier.claims = NULL;
	OPENSSL_free((void *)(uintptr_t)spki.data);
	ck_assert_int_eq(fake_claims_references(), 0);
}

/* Claims of a good document, ten seconds old. */
static struct claims *
good_claims(const char *pcrs)
{
	struct claims *claims = fake_claims_new(pcrs);

	claims->timestamp_ms = NOW_MS - AGE_MS;
	claims->not_after_ms = NOW_MS + 10000000;
	claims->field_given[CLAIMS_USER_DATA] = true;
	claims->fields[CLAIMS_USER_DATA] = spki;
	return claims;
}

/* The enclave "payments" with these PCR sets. */
static struct enclave_map *
load(const char *pcrs, struct enclave **ret_enclave)
{
	const struct enclave_map_options options = {0};
	struct enclave_client_error error;
	struct enclave_map *map = NULL;
	char text[2048];

	snprintf(text, sizeof(text),
	    "{\"payments\":{\"url\":\"https://h\",\"max_age_ms\":%d,"
	    "\"clock_skew_ms\":%d,\"pcrs\":%s}}",
	    MAX_AGE_MS, SKEW_MS, pcrs);
	ck_assert_msg(!enclave_map_new_json(
			  bytes_from_string(text), &options, &map, &error),
	    "%s", error.message);
	*ret_enclave = enclave_map_at(map, 0);
	return map;
}

static enum enclave_client_status
appraise_body(const char *pcrs, const char *body,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	struct enclave *enclave;
	struct enclave_map *map = load(pcrs, &enclave);
	enum enclave_client_status status = appraise(&appraiser, enclave,
	    (struct answer){.body = bytes_from_string(body)}, ret_appraisal,
	    error);

	ck_assert_int_eq(status, ret_appraisal->status);
	enclave_map_unref(map);
	return status;
}

#define PCRS "{" PCR(0, "a") "}"

START_TEST(good_evidence_is_accepted_with_its_key_and_deadline)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	ck_assert(!appraise_body(
	    "[{" PCR(0, "b") "}," PCRS "]", BODY, &appraisal, &error));
	ck_assert_int_eq(error.status, ENCLAVE_CLIENT_OK);
	ck_assert_str_eq(error.message, "");
	ck_assert_ptr_eq(appraisal.claims, verifier.claims);
	ck_assert(appraisal.key_named);
	ck_assert_mem_eq(appraisal.key.sha256, spki_sha256, 32);
	ck_assert_uint_eq(appraisal.set, 1);
	ck_assert_int_eq(appraisal.judged.wall_ms, NOW_MS);
	ck_assert_int_eq(appraisal.deadline_ms, NOW_MS - 10000 + MAX_AGE_MS);
	appraisal_clear(&appraisal);
	ck_assert_ptr_null(appraisal.claims);
	ck_assert_int_ne(appraisal.status, ENCLAVE_CLIENT_OK);
	appraisal_clear(&appraisal);
}
END_TEST

START_TEST(the_verifier_is_asked_with_the_enclaves_times)
{
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	ck_assert(!appraise_body(PCRS, BODY, &appraisal, NULL));
	ck_assert_int_eq(verifier.calls, 1);
	ck_assert_str_eq(verifier.document, "document");
	ck_assert_int_eq(verifier.check.now_ms, NOW_MS);
	ck_assert_int_eq(verifier.check.max_age_ms, MAX_AGE_MS);
	ck_assert_int_eq(verifier.check.clock_skew_ms, SKEW_MS);
	appraisal_clear(&appraisal);
}
END_TEST

static const struct {
	enum enclave_client_status status;
	enum enclave_client_step step;
} verdicts[] = {
    {ENCLAVE_CLIENT_ERR_COSE, ENCLAVE_CLIENT_STEP_STRUCTURE},
    {ENCLAVE_CLIENT_ERR_CHAIN, ENCLAVE_CLIENT_STEP_CHAIN},
    {ENCLAVE_CLIENT_ERR_SIGNATURE, ENCLAVE_CLIENT_STEP_SIGNATURE},
    {ENCLAVE_CLIENT_ERR_TOO_OLD, ENCLAVE_CLIENT_STEP_TIME},
    {ENCLAVE_CLIENT_ERR_MEMORY, ENCLAVE_CLIENT_STEP_NONE},
};

START_TEST(a_refusal_of_the_verifier_stands)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	verifier.status = verdicts[_i].status;
	verifier.step = verdicts[_i].step;
	ck_assert_int_eq(
	    appraise_body(PCRS, BODY, &appraisal, &error), verdicts[_i].status);
	ck_assert_int_eq(error.step, verdicts[_i].step);
	ck_assert_str_eq(error.enclave, "payments");
	ck_assert_str_eq(error.message, "payments: refused by test");
	ck_assert_ptr_null(appraisal.claims);
	ck_assert(!appraisal.key_named);
	appraisal_clear(&appraisal);
}
END_TEST

START_TEST(what_can_not_be_decoded_is_not_verified)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	ck_assert_int_eq(appraise_body(PCRS, "<html>", &appraisal, &error),
	    ENCLAVE_CLIENT_ERR_ENCODING);
	ck_assert_int_eq(verifier.calls, 0);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_DECODE);
	ck_assert_ptr_null(appraisal.claims);
	appraisal_clear(&appraisal);
}
END_TEST

START_TEST(replayed_or_unauthentic_claims_serve_nothing)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	verifier.claims->replayed = _i == 0;
	verifier.claims->authentic = _i == 0;
	ck_assert_int_ne(
	    appraise_body(PCRS, BODY, &appraisal, &error), ENCLAVE_CLIENT_OK);
	ck_assert_ptr_null(appraisal.claims);
	ck_assert(!appraisal.key_named);
	appraisal_clear(&appraisal);
	struct enclave *enclave;
	struct enclave_map *map = load(PCRS, &enclave);
	ck_assert_int_ne(appraise_claims(&appraiser, enclave, verifier.claims,
			     &appraisal, &error),
	    ENCLAVE_CLIENT_OK);
	ck_assert_ptr_null(appraisal.claims);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

static const struct {
	const char *policy;
	const char *shown;
	bool names_key;
	enum enclave_client_status status;
} unaccepted[] = {
    {PCRS, "0=b", true, ENCLAVE_CLIENT_ERR_MEASUREMENT},
    {PCRS, "1=a", true, ENCLAVE_CLIENT_ERR_MEASUREMENT},
    {PCRS, "0=b", false, ENCLAVE_CLIENT_ERR_MEASUREMENT},
    {PCRS, "0=0 1=0 2=0", true, ENCLAVE_CLIENT_ERR_DEBUG},
    {"{" PCR(0, "a") ",\"expires\":1800000000}", "0=a", true,
	ENCLAVE_CLIENT_ERR_MEASUREMENT},
};

/* So that the cache can withdraw the key (DESIGN section 3). */
START_TEST(an_unaccepted_measurement_keeps_claims_and_key)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims(unaccepted[_i].shown);
	verifier.claims->field_given[CLAIMS_USER_DATA] =
	    unaccepted[_i].names_key;
	ck_assert_int_eq(
	    appraise_body(unaccepted[_i].policy, BODY, &appraisal, &error),
	    unaccepted[_i].status);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_POLICY);
	ck_assert_str_eq(error.enclave, "payments");
	ck_assert_ptr_eq(appraisal.claims, verifier.claims);
	ck_assert_int_eq(appraisal.key_named, unaccepted[_i].names_key);
	if (appraisal.key_named)
		ck_assert_mem_eq(appraisal.key.sha256, spki_sha256, 32);
	appraisal_clear(&appraisal);
}
END_TEST

START_TEST(accepted_evidence_that_names_no_key_is_refused)
{
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	verifier.claims->fields[CLAIMS_USER_DATA].len = (size_t)_i;
	ck_assert_int_eq(appraise_body(PCRS, BODY, &appraisal, &error),
	    ENCLAVE_CLIENT_ERR_BINDING);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_BINDING);
	ck_assert_int_eq(enclave_client_error_age_ms(&error), AGE_MS);
	ck_assert_ptr_null(appraisal.claims);
	ck_assert(!appraisal.key_named);
	appraisal_clear(&appraisal);
}
END_TEST

#define EXPIRES(seconds) "{" PCR(0, "a") ",\"expires\":" #seconds "}"

/* The earliest of certificate, age and set. */
static const struct {
	const char *policy;
	int64_t timestamp_ms;
	int64_t not_after_ms;
	int64_t deadline_ms;
} deadlines[] = {
    {PCRS, NOW_MS, INT64_MAX, NOW_MS + MAX_AGE_MS},
    {PCRS, NOW_MS - MAX_AGE_MS + 1, INT64_MAX, NOW_MS + 1},
    {PCRS, NOW_MS, NOW_MS + 5, NOW_MS + 5},
    {PCRS, NOW_MS, NOW_MS + MAX_AGE_MS + 1, NOW_MS + MAX_AGE_MS},
    {PCRS, NOW_MS, NOW_MS + MAX_AGE_MS - 1, NOW_MS + MAX_AGE_MS - 1},
    {EXPIRES(1800000001), NOW_MS, INT64_MAX, NOW_MS + 1000},
    {EXPIRES(1800000001), NOW_MS, NOW_MS + 999, NOW_MS + 999},
    {EXPIRES(1900000000), NOW_MS, INT64_MAX, NOW_MS + MAX_AGE_MS},
    {PCRS, NOW_MS + SKEW_MS, INT64_MAX, NOW_MS + SKEW_MS + MAX_AGE_MS},
};

START_TEST(the_deadline_is_the_earliest_end)
{
	struct appraisal first, again;
	struct enclave *enclave;
	struct enclave_map *map = load(deadlines[_i].policy, &enclave);

	verifier.claims = good_claims("0=a");
	verifier.claims->timestamp_ms = deadlines[_i].timestamp_ms;
	verifier.claims->not_after_ms = deadlines[_i].not_after_ms;
	ck_assert(!appraise(&appraiser, enclave,
	    (struct answer){.body = bytes_from_string(BODY)}, &first, NULL));
	ck_assert_int_eq(first.deadline_ms, deadlines[_i].deadline_ms);
	ck_assert(
	    !appraise_claims(&appraiser, enclave, first.claims, &again, NULL));
	ck_assert_int_eq(again.deadline_ms, deadlines[_i].deadline_ms);
	appraisal_clear(&first);
	appraisal_clear(&again);
	enclave_map_unref(map);
}
END_TEST

static const struct {
	int64_t timestamp_ms;
	int64_t not_after_ms;
	enum enclave_client_status status;
	int64_t ended_ms; /* the error's deadline */
} ages[] = {
    {NOW_MS - MAX_AGE_MS + 1, INT64_MAX, ENCLAVE_CLIENT_OK, 0},
    {NOW_MS - MAX_AGE_MS, INT64_MAX, ENCLAVE_CLIENT_ERR_TOO_OLD, NOW_MS},
    {0, INT64_MAX, ENCLAVE_CLIENT_ERR_TOO_OLD, MAX_AGE_MS},
    {NOW_MS, NOW_MS + 1, ENCLAVE_CLIENT_OK, 0},
    {NOW_MS, NOW_MS, ENCLAVE_CLIENT_ERR_EXPIRED, NOW_MS},
    {NOW_MS, 0, ENCLAVE_CLIENT_ERR_EXPIRED, 0},
    {NOW_MS + SKEW_MS, INT64_MAX, ENCLAVE_CLIENT_OK, 0},
    {NOW_MS + SKEW_MS + 1, INT64_MAX, ENCLAVE_CLIENT_ERR_FROM_FUTURE,
	ENCLAVE_CLIENT_MS_UNKNOWN},
    {INT64_MAX, INT64_MAX, ENCLAVE_CLIENT_ERR_FROM_FUTURE,
	ENCLAVE_CLIENT_MS_UNKNOWN},
};

START_TEST(claims_are_judged_again_at_the_time_it_is)
{
	struct enclave_client_error error;
	struct appraisal appraisal;
	struct enclave *enclave;
	struct enclave_map *map = load(PCRS, &enclave);

	verifier.claims = good_claims("0=a");
	verifier.claims->timestamp_ms = ages[_i].timestamp_ms;
	verifier.claims->not_after_ms = ages[_i].not_after_ms;
	ck_assert_int_eq(appraise_claims(&appraiser, enclave, verifier.claims,
			     &appraisal, &error),
	    ages[_i].status);
	ck_assert_int_eq(appraisal.status, ages[_i].status);
	if (ages[_i].status) {
		ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_TIME);
		ck_assert_ptr_eq(
		    strstr(error.message, "payments: "), error.message);
		ck_assert_ptr_nonnull(strstr(error.message, " ms "));
		ck_assert_ptr_null(appraisal.claims);
		ck_assert_int_eq(enclave_client_error_age_ms(&error),
		    NOW_MS - ages[_i].timestamp_ms);
		ck_assert_int_eq(enclave_client_error_deadline_ms(&error),
		    ages[_i].ended_ms);
	}
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

START_TEST(claims_are_matched_with_the_policy_there_is_now)
{
	struct enclave_client_error error;
	struct appraisal appraisal;
	struct enclave *enclave;
	struct enclave_map *map = load("{" PCR(0, "b") "}", &enclave);

	verifier.claims = good_claims("0=a");
	ck_assert_int_eq(appraise_claims(&appraiser, enclave, verifier.claims,
			     &appraisal, &error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_ptr_eq(appraisal.claims, verifier.claims);
	ck_assert(appraisal.key_named);
	/* Shared, not copied. */
	ck_assert_int_eq(verifier.claims->references, 2);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

static struct enclave_map *
load_map(const char *text)
{
	const struct enclave_map_options options = {0};
	struct enclave_client_error error;
	struct enclave_map *map = NULL;

	ck_assert_msg(!enclave_map_new_json(
			  bytes_from_string(text), &options, &map, &error),
	    "%s", error.message);
	return map;
}

#define D32 "dddddddddddddddddddddddddddddddd"
/* What stands in the field, without the NUL. */
#define HOLDS(text)                                                            \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}
#define NITRIDING   "\"nitriding\""
#define OYSTER(key) "{\"name\":\"oyster\",\"key\":\"" key "\"}"

/* Layouts that services have, and what is nearly one. */
static const struct {
	const char *profile;
	enum claims_field field;
	struct bytes value;
	enum enclave_client_status status;
} layouts[] = {
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("\x12\x20" D32 "\x12\x20" D32),
	ENCLAVE_CLIENT_OK},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("\x13\x20" D32 "\x12\x20" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("\x12\x40" D32 "\x12\x20" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("\x12\x20" D32 "\x13\x20" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("\x12\x20" D32 "\x12\x40" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("sha256:" D32 ";sha256:" D32),
	ENCLAVE_CLIENT_OK},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("sha512:" D32 ";sha256:" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("sha256:" D32 ";sha512:" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {NITRIDING, CLAIMS_USER_DATA, HOLDS("sha256:" D32 ",sha256:" D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {OYSTER("ed25519"), CLAIMS_PUBLIC_KEY, HOLDS(D32), ENCLAVE_CLIENT_OK},
    {OYSTER("ed25519"), CLAIMS_PUBLIC_KEY, HOLDS(D32 "d"),
	ENCLAVE_CLIENT_ERR_BINDING},
    {OYSTER("ed25519"), CLAIMS_PUBLIC_KEY, HOLDS("d"),
	ENCLAVE_CLIENT_ERR_BINDING},
    {OYSTER("p256"), CLAIMS_PUBLIC_KEY, HOLDS("\x04" D32 D32),
	ENCLAVE_CLIENT_OK},
    {OYSTER("p256"), CLAIMS_PUBLIC_KEY, HOLDS(D32 D32),
	ENCLAVE_CLIENT_ERR_BINDING},
    {OYSTER("p256"), CLAIMS_PUBLIC_KEY, HOLDS("\x04" D32 D32 "d"),
	ENCLAVE_CLIENT_ERR_BINDING},
};

START_TEST(a_key_is_named_in_the_services_own_layout)
{
	struct enclave_client_error error;
	struct appraisal appraisal;
	struct enclave_map *map;
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "{\"h\":{\"pcrs\":" PCRS ",\"profile\":%s}}", layouts[_i].profile);
	map = load_map(text);
	verifier.claims = good_claims("0=a");
	verifier.claims->field_given[layouts[_i].field] = true;
	verifier.claims->fields[layouts[_i].field] = layouts[_i].value;
	ck_assert_msg(
	    appraise_claims(&appraiser, enclave_map_at(map, 0), verifier.claims,
		&appraisal, &error) == layouts[_i].status,
	    "%s", error.message);
	ck_assert_int_eq(
	    appraisal.key_named, layouts[_i].status == ENCLAVE_CLIENT_OK);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

#define NONCE_MAP(nonce)                                                       \
	"{\"h\":{\"pcrs\":" PCRS ",\"profile\":{\"encoding\":\"base64\","      \
	"\"nonce\":\"" nonce "\",\"binding\":{\"field\":\"user_data\","        \
	"\"object\":\"spki\",\"transform\":\"identity\"}}}}"

/* What the document's nonce is, and what was asked for. */
static const struct {
	const char *asked; /* NULL: nothing */
	const char *shown; /* NULL: absent */
	enum enclave_client_status status;
	const char *message;
} nonces[] = {
    {"0123456789abcdef0123", "0123456789abcdef0123", ENCLAVE_CLIENT_OK, ""},
    {"0123456789abcdef0123", "0123456789abcdef0124", ENCLAVE_CLIENT_ERR_TOO_OLD,
	"its nonce is another"},
    {"0123456789abcdef0123", "0123456789abcdef012", ENCLAVE_CLIENT_ERR_TOO_OLD,
	"its nonce is another"},
    {"0123456789abcdef0123", "0123456789abcdef01234",
	ENCLAVE_CLIENT_ERR_TOO_OLD, "its nonce is another"},
    {"0123456789abcdef0123", "", ENCLAVE_CLIENT_ERR_TOO_OLD,
	"its nonce is empty"},
    {"0123456789abcdef0123", NULL, ENCLAVE_CLIENT_ERR_TOO_OLD,
	"its nonce is absent"},
    {NULL, "0123456789abcdef0123", ENCLAVE_CLIENT_ERR_USAGE, "none was"},
    {NULL, "", ENCLAVE_CLIENT_ERR_USAGE, "none was"},
    {NULL, NULL, ENCLAVE_CLIENT_ERR_USAGE, "none was"},
};

START_TEST(a_document_repeats_the_nonce_of_its_own_fetch)
{
	struct enclave_map *map = load_map(NONCE_MAP("query"));
	struct answer answer = {.body = bytes_from_string("ZG9jdW1lbnQ=")};
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	verifier.claims->field_given[CLAIMS_NONCE] = nonces[_i].shown != NULL;
	if (nonces[_i].shown)
		verifier.claims->fields[CLAIMS_NONCE] =
		    bytes_from_string(nonces[_i].shown);
	if (nonces[_i].asked)
		answer.nonce = bytes_from_string(nonces[_i].asked);
	ck_assert_int_eq(appraise(&appraiser, enclave_map_at(map, 0), answer,
			     &appraisal, &error),
	    nonces[_i].status);
	ck_assert_msg(strstr(error.message, nonces[_i].message) != NULL, "%s",
	    error.message);
	if (nonces[_i].status) {
		ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_TIME);
		ck_assert_int_eq(enclave_client_error_age_ms(&error), AGE_MS);
		ck_assert_ptr_null(appraisal.claims);
	}
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

/* A body that somebody fetched all the same, of a key that is not the leaf's:
 * neither as the endpoint would encode it nor as the store keeps it. */
START_TEST(what_certificates_carry_is_not_taken_from_a_body)
{
	struct enclave_map *map = load_map(
	    "{\"h\":{\"pcrs\":" PCRS ",\"profile\":\"nitro-ra-tls\"}}");
	struct answer answer = {
	    .body = bytes_from_string("document"), .decoded = _i};
	struct enclave_client_error error;
	struct appraisal appraisal;

	verifier.claims = good_claims("0=a");
	ck_assert_int_eq(appraise(&appraiser, enclave_map_at(map, 0), answer,
			     &appraisal, &error),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_msg(strstr(error.message, "is in the certificate") != NULL,
	    "%s", error.message);
	ck_assert_int_eq(verifier.calls, 0);
	ck_assert(!appraisal.key_named);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

/* Else whoever kept a document of an unaccepted build could show it again and
 * have a good key withdrawn. */
START_TEST(a_replayed_document_withdraws_nothing)
{
	struct enclave_map *map = load_map(NONCE_MAP("query"));
	struct answer answer = {.body = bytes_from_string("ZG9jdW1lbnQ="),
	    .nonce = bytes_from_string("0123456789abcdef0123")};
	struct appraisal appraisal;

	verifier.claims = good_claims("0=b");
	ck_assert_int_eq(appraise(&appraiser, enclave_map_at(map, 0), answer,
			     &appraisal, NULL),
	    ENCLAVE_CLIENT_ERR_TOO_OLD);
	ck_assert(!appraisal.key_named);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

START_TEST(each_fetch_asks_with_a_nonce_of_its_own)
{
	static const char *const texts[] = {
	    NONCE_MAP("query"), NONCE_MAP("path")};
	struct enclave_map *map = load_map(texts[_i]);
	const struct profile *profile = enclave_map_at(map, 0)->profile;
	struct nonce a = {0}, b = {0};
	char *plain, *query;

	ck_assert(!nonce_make(profile, &a, NULL));
	ck_assert(!nonce_make(profile, &b, NULL));
	ck_assert_uint_eq(a.len, _i ? 36 : 20);
	ck_assert_uint_eq(b.len, a.len);
	ck_assert_mem_ne(a.bytes, b.bytes, a.len);
	a = (struct nonce){.len = 2, .bytes = {0x0f, 0xa0}};
	if (_i)
		a = (struct nonce){.len = 2, .bytes = "ab"};
	plain = nonce_url(profile, "https://h/x", &a);
	query = nonce_url(profile, "https://h/x?y=1", &a);
	ck_assert_str_eq(
	    plain, _i ? "https://h/x/ab" : "https://h/x?nonce=0fa0");
	if (!_i)
		ck_assert_str_eq(query, "https://h/x?y=1&nonce=0fa0");
	free(plain);
	free(query);
	enclave_map_unref(map);
}
END_TEST

START_TEST(a_uuid_is_written_as_rfc_9562_has_it)
{
	struct enclave_map *map = load_map(NONCE_MAP("path"));
	const struct profile *profile = enclave_map_at(map, 0)->profile;
	static const char form[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

	for (int round = 0; round < 64; round++) {
		struct nonce nonce = {0};
		ck_assert(!nonce_make(profile, &nonce, NULL));
		for (size_t i = 0; i < nonce.len; i++) {
			char byte = (char)nonce.bytes[i];
			if (form[i] == 'x')
				ck_assert(strchr("0123456789abcdef", byte));
			else if (form[i] == 'v')
				ck_assert(strchr("89ab", byte));
			else
				ck_assert_int_eq(byte, form[i]);
		}
	}
	enclave_map_unref(map);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("appraisal");
	TCase *tcase = tcase_create("appraisal");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(
	    tcase, good_evidence_is_accepted_with_its_key_and_deadline);
	tcase_add_test(tcase, the_verifier_is_asked_with_the_enclaves_times);
	tcase_add_loop_test(
	    tcase, a_refusal_of_the_verifier_stands, 0, COUNT(verdicts));
	tcase_add_test(tcase, what_can_not_be_decoded_is_not_verified);
	tcase_add_loop_test(
	    tcase, replayed_or_unauthentic_claims_serve_nothing, 0, 2);
	tcase_add_loop_test(tcase,
	    an_unaccepted_measurement_keeps_claims_and_key, 0,
	    COUNT(unaccepted));
	tcase_add_loop_test(
	    tcase, accepted_evidence_that_names_no_key_is_refused, 0, 10);
	tcase_add_loop_test(
	    tcase, the_deadline_is_the_earliest_end, 0, COUNT(deadlines));
	tcase_add_loop_test(
	    tcase, claims_are_judged_again_at_the_time_it_is, 0, COUNT(ages));
	tcase_add_test(tcase, claims_are_matched_with_the_policy_there_is_now);
	tcase_add_loop_test(tcase, a_key_is_named_in_the_services_own_layout, 0,
	    COUNT(layouts));
	tcase_add_loop_test(tcase,
	    a_document_repeats_the_nonce_of_its_own_fetch, 0, COUNT(nonces));
	tcase_add_loop_test(
	    tcase, what_certificates_carry_is_not_taken_from_a_body, 0, 2);
	tcase_add_test(tcase, a_replayed_document_withdraws_nothing);
	tcase_add_loop_test(
	    tcase, each_fetch_asks_with_a_nonce_of_its_own, 0, 2);
	tcase_add_test(tcase, a_uuid_is_written_as_rfc_9562_has_it);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
