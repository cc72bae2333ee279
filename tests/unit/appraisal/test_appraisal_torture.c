/*
 * Every allocation of an appraisal fails once, OpenSSL's among them: short
 * memory is called so, and is never a verdict on the evidence.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"
#include "failing_malloc.h"
#include "fake_claims.h"
#include "json_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Far more than any of the calls needs. */
#define ALLOCATIONS_MAX 5000
#define BODY            "{\"attestation_doc\":\"ZG9jdW1lbnQ=\"}"

static struct claims *claims;
static unsigned char *spki, *leaf;
static size_t spki_len, leaf_len;

enum enclave_client_status
evidence_verify(struct bytes document, const struct evidence_check *check,
    struct claims **ret_claims, struct enclave_client_error *error)
{
	(void)document;
	(void)check;
	(void)error;
	*ret_claims = claims_ref(claims);
	return ENCLAVE_CLIENT_OK;
}

static void
make_leaf(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	ck_assert_ptr_nonnull(certificate);
	ck_assert(X509_set_pubkey(certificate, key));
	ck_assert(X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
		  X509_gmtime_adj(X509_getm_notAfter(certificate), 60));
	ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
	leaf_len = (size_t)i2d_X509(certificate, &leaf);
	spki_len = (size_t)i2d_PUBKEY(key, &spki);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
setup(void)
{
	make_leaf();
	claims = fake_claims_new("0=a");
	claims->timestamp_ms = clock_now(&clock_system).wall_ms;
	claims->field_given[CLAIMS_USER_DATA] = true;
	claims->fields[CLAIMS_USER_DATA] = (struct bytes){spki, spki_len};
}

static void
teardown(void)
{
	claims_unref(claims);
	OPENSSL_free(spki);
	OPENSSL_free(leaf);
	spki = leaf = NULL;
	ck_assert_int_eq(fake_claims_references(), 0);
}

/* Accepted, and refused at the policy step with a key to withdraw. */
static const struct {
	const char *pcrs;
	enum enclave_client_status status;
} policies[] = {
    {"{" PCR(0, "a") "}", ENCLAVE_CLIENT_OK},
    {"{" PCR(0, "b") "}", ENCLAVE_CLIENT_ERR_MEASUREMENT},
};

START_TEST(evidence_is_judged_whole_or_memory_is_short)
{
	const struct appraiser appraiser = {.clock = &clock_system};
	const struct enclave_map_options options = {0};
	const struct enclave_single single = {
	    "x", "https://h", bytes_from_string(policies[_i].pcrs)};
	struct enclave_map *map = NULL;
	size_t nth = 1;

	ck_assert(!enclave_map_new_single(&single, &options, &map, NULL));
	for (; nth < ALLOCATIONS_MAX; nth++) {
		struct enclave_client_error error;
		struct appraisal appraisal;
		failing_malloc_arm(nth);
		enum enclave_client_status status =
		    appraise(&appraiser, enclave_map_at(map, 0),
			(struct answer){.body = bytes_from_string(BODY)},
			&appraisal, &error);
		bool failed = failing_malloc_disarm();
		/* OpenSSL can do without some, of its error texts. */
		if (status == policies[_i].status) {
			ck_assert(appraisal.key_named);
		} else {
			ck_assert_msg(failed, "allocation %zu", nth);
			ck_assert_msg(status == ENCLAVE_CLIENT_ERR_MEMORY,
			    "allocation %zu: %s", nth, error.message);
			ck_assert_ptr_null(appraisal.claims);
		}
		appraisal_clear(&appraisal);
		if (!failed)
			break;
	}
	ck_assert_uint_gt(nth, 10);
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
	enclave_map_unref(map);
}
END_TEST

START_TEST(a_leaf_is_read_or_memory_is_short)
{
	const struct binding_rule *rule = &profile_default()->binding;
	size_t nth = 1;

	for (; nth < ALLOCATIONS_MAX; nth++) {
		struct enclave_client_error error;
		struct binding_key key;
		failing_malloc_arm(nth);
		enum enclave_client_status status = binding_from_leaf(
		    rule, (struct bytes){leaf, leaf_len}, &key, &error);
		bool failed = failing_malloc_disarm();
		if (status) {
			ck_assert_msg(failed, "allocation %zu", nth);
			ck_assert_msg(status == ENCLAVE_CLIENT_ERR_MEMORY,
			    "allocation %zu: %s", nth, error.message);
		}
		if (!failed)
			break;
	}
	ck_assert_uint_gt(nth, 10);
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
}
END_TEST

static const char *const files[] = {"\x84raw", "8465", "hG\nVl", BODY};

START_TEST(a_file_is_decoded_or_memory_is_short)
{
	size_t nth = 1;

	for (; nth < ALLOCATIONS_MAX; nth++) {
		struct buffer document = {.len = 77};
		failing_malloc_arm(nth);
		enum enclave_client_status status = appraisal_decode_any(
		    bytes_from_string(files[_i]), &document, NULL);
		bool failed = failing_malloc_disarm();
		if (status) {
			ck_assert(failed);
			ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_MEMORY);
			ck_assert_uint_eq(document.len, 77);
		} else {
			buffer_clear(&document);
		}
		if (!failed)
			break;
	}
	ck_assert_uint_gt(nth, 1);
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("appraisal-torture");
	TCase *tcase = tcase_create("appraisal-torture");
	SRunner *runner = srunner_create(suite);

	failing_malloc_setup();
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, evidence_is_judged_whole_or_memory_is_short,
	    0, COUNT(policies));
	tcase_add_test(tcase, a_leaf_is_read_or_memory_is_short);
	tcase_add_loop_test(
	    tcase, a_file_is_decoded_or_memory_is_short, 0, COUNT(files));
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
