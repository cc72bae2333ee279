/*
 * Real documents, collected from public repositories; ENCLAVE_CLIENT_VECTORS
 * names the folder that holds them and index.json, which says of each what it
 * claims or why it is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>
#include <openssl/sha.h>

#include "evidence_test.h"

static const char *folder;
static cJSON *index_json;
static const cJSON *documents;
static struct evidence_roots *roots;

/* Steps that index.json explains in prose. */
static const struct {
	const char *file;
	enum enclave_client_status status;
	enum enclave_client_step step;
} refused[] = {
    {"cape-js-missing-line.cose", ENCLAVE_CLIENT_ERR_COSE,
	ENCLAVE_CLIENT_STEP_STRUCTURE},
    {"veracruz-bad-sig.cose", ENCLAVE_CLIENT_ERR_SIGNATURE,
	ENCLAVE_CLIENT_STEP_SIGNATURE},
    {"bedrock-mutated.cose", ENCLAVE_CLIENT_ERR_CERTIFICATE,
	ENCLAVE_CLIENT_STEP_STRUCTURE},
};

static bool
is_good(const cJSON *document)
{
	return strcmp(json_string(document, "expect"), "refused") != 0;
}

static void
check_field(const cJSON *document, const char *name,
    const struct claims *claims, enum claims_field field)
{
	const cJSON *expected =
	    cJSON_GetObjectItemCaseSensitive(document, name);
	bool present = !strcmp(json_string(expected, "state"), "bstr");
	struct bytes value;
	uint8_t sha256[32];
	char hex[65];

	ck_assert_int_eq(claims_field(claims, field, &value), present);
	if (!present)
		return;
	ck_assert_int_eq(
	    (int64_t)value.len, json_member_integer(expected, "length"));
	SHA256(value.data, value.len, sha256);
	hex_encode((struct bytes){sha256, 32}, hex);
	ck_assert_str_eq(hex, json_string(expected, "sha256"));
}

static void
check_pcrs(const cJSON *document, const struct claims *claims)
{
	const cJSON *indices =
	    cJSON_GetObjectItemCaseSensitive(document, "pcr_indices");
	const cJSON *nonzero =
	    cJSON_GetObjectItemCaseSensitive(document, "pcrs_nonzero");
	const cJSON *index;
	uint32_t mask = 0;

	cJSON_ArrayForEach(index, indices)
	{
		char name[8];
		char hex[2 * PCR_BYTES + 1];
		struct bytes value;
		const cJSON *expected;

		(void)snprintf(name, sizeof(name), "%d", index->valueint);
		expected = cJSON_GetObjectItemCaseSensitive(nonzero, name);
		mask |= UINT32_C(1) << index->valueint;
		ck_assert(
		    claims_pcr(claims, (unsigned int)index->valueint, &value));
		ck_assert_uint_eq(value.len, PCR_BYTES);
		hex_encode(value, hex);
		if (expected)
			ck_assert_str_eq(hex, expected->valuestring);
		else
			ck_assert_uint_eq(strspn(hex, "0"), 2 * PCR_BYTES);
	}
	ck_assert_uint_eq(claims_pcr_mask(claims), mask);
}

static int64_t
rfc3339_ms(const char *text)
{
	struct tm parts = {0};

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts));
	return (int64_t)timegm(&parts) * 1000;
}

static void
check_claims(const cJSON *document, const struct claims *claims)
{
	const struct claims_certificate *leaf =
	    claims_certificate(claims, claims_certificate_count(claims) - 1);

	ck_assert_str_eq(
	    claims_module_id(claims), json_string(document, "module_id"));
	ck_assert_str_eq(claims_digest(claims), "SHA384");
	ck_assert_int_eq(claims_timestamp_ms(claims),
	    json_member_integer(document, "timestamp_ms"));
	ck_assert_int_eq(claims_debug(claims),
	    cJSON_IsTrue(
		cJSON_GetObjectItemCaseSensitive(document, "debug_mode")));
	check_pcrs(document, claims);
	check_field(document, "public_key", claims, CLAIMS_PUBLIC_KEY);
	check_field(document, "user_data", claims, CLAIMS_USER_DATA);
	check_field(document, "nonce", claims, CLAIMS_NONCE);
	ck_assert_uint_eq(claims_certificate_count(claims), 5);
	ck_assert_int_eq(leaf->not_before_ms,
	    rfc3339_ms(json_string(document, "leaf_not_before")));
	ck_assert_int_eq(leaf->not_after_ms,
	    rfc3339_ms(json_string(document, "leaf_not_after")));
	ck_assert_int_eq(claims_not_after_ms(claims), leaf->not_after_ms);
	ck_assert_ptr_nonnull(
	    strstr(leaf->subject, json_string(document, "module_id")));
}

START_TEST(good_at_its_own_timestamp)
{
	const cJSON *document = cJSON_GetArrayItem(documents, _i);
	struct evidence_check check = check_at(roots, 0);
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;
	struct file file;
	enum enclave_client_status status;

	if (!is_good(document))
		return;
	file = file_read(folder, json_string(document, "file"));
	status = evidence_verify_replay(
	    file_bytes(&file), &check, EVIDENCE_AT_DOCUMENT, &claims, &error);
	ck_assert_msg(status == ENCLAVE_CLIENT_OK, "%s: %s",
	    json_string(document, "file"), error.message);
	ck_assert(claims_authentic(claims));
	ck_assert(claims_replayed(claims));
	check_claims(document, claims);
	claims_unref(claims);
	/* Live, at the same moment: not replayed. */
	check.now_ms = json_member_integer(document, "timestamp_ms");
	status = evidence_verify(file_bytes(&file), &check, &claims, &error);
	ck_assert_int_eq(status, ENCLAVE_CLIENT_OK);
	ck_assert(!claims_replayed(claims));
	claims_unref(claims);
	file_free(&file);
}
END_TEST

START_TEST(good_is_expired_now)
{
	const cJSON *document = cJSON_GetArrayItem(documents, _i);
	struct evidence_check check =
	    check_at(roots, (int64_t)time(NULL) * 1000);
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;
	struct file file;

	if (!is_good(document))
		return;
	file = file_read(folder, json_string(document, "file"));
	ck_assert_int_eq(
	    evidence_verify(file_bytes(&file), &check, &claims, &error),
	    ENCLAVE_CLIENT_ERR_EXPIRED);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_TIME);
	ck_assert_ptr_null(claims);
	/* What it says can still be shown, as not vouched for. */
	claims = evidence_read_unverified(file_bytes(&file));
	ck_assert_ptr_nonnull(claims);
	ck_assert(!claims_authentic(claims));
	check_claims(document, claims);
	claims_unref(claims);
	file_free(&file);
}
END_TEST

START_TEST(bad_at_its_step)
{
	struct evidence_check check = check_at(roots, 0);
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;
	struct file file = file_read(folder, refused[_i].file);
	enum enclave_client_status status;

	status = evidence_verify_replay(
	    file_bytes(&file), &check, EVIDENCE_AT_DOCUMENT, &claims, &error);
	ck_assert_msg(status == refused[_i].status, "%s: %s", refused[_i].file,
	    error.message);
	ck_assert_int_eq(error.step, refused[_i].step);
	ck_assert_ptr_null(claims);
	/* A forgery is never called expired. */
	check.now_ms = (int64_t)time(NULL) * 1000;
	ck_assert_int_eq(
	    evidence_verify(file_bytes(&file), &check, &claims, &error),
	    refused[_i].status);
	file_free(&file);
}
END_TEST

/* index.json names a module even where a document is broken. */
START_TEST(bad_can_still_be_read)
{
	const cJSON *document = cJSON_GetArrayItem(documents, _i);
	struct file file;
	struct claims *claims;

	if (is_good(document))
		return;
	file = file_read(folder, json_string(document, "file"));
	claims = evidence_read_unverified(file_bytes(&file));
	ck_assert_ptr_nonnull(claims);
	ck_assert(!claims_authentic(claims));
	ck_assert_str_eq(
	    claims_module_id(claims), json_string(document, "module_id"));
	claims_unref(claims);
	file_free(&file);
}
END_TEST

START_TEST(the_index_is_whole)
{
	int good = 0;
	const cJSON *document;

	cJSON_ArrayForEach(document, documents)
	{
		good += is_good(document);
	}
	ck_assert_int_ge(good, 41);
	ck_assert_int_eq(cJSON_GetArraySize(documents) - good,
	    (int)(sizeof(refused) / sizeof(refused[0])));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vectors");
	TCase *tcase = tcase_create("real documents");
	SRunner *runner;
	int failed;
	int count;

	folder = vectors_folder();
	if (!folder)
		return 0;
	index_json = json_read(folder, "index.json");
	documents = cJSON_GetObjectItemCaseSensitive(index_json, "documents");
	roots = roots_aws();
	count = cJSON_GetArraySize(documents);
	tcase_add_test(tcase, the_index_is_whole);
	tcase_add_loop_test(tcase, good_at_its_own_timestamp, 0, count);
	tcase_add_loop_test(tcase, good_is_expired_now, 0, count);
	tcase_add_loop_test(tcase, bad_at_its_step, 0,
	    (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_loop_test(tcase, bad_can_still_be_read, 0, count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	evidence_roots_unref(roots);
	cJSON_Delete(index_json);
	return failed ? 1 : 0;
}
