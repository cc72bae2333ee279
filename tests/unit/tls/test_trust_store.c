/* A CA file that has changed is read again, though a call may fail meanwhile. */
#include <check.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failing_malloc.h"

#include "tls/trust_store.h"

/* Far more than reading one certificate takes. */
#define ALLOCATIONS_MAX 20000

static char ca_file[] = "/tmp/enclave-client-ca-XXXXXX";
static X509 *first, *second;
static struct enclave_client_error failed;

static X509 *
make_ca(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *ca = X509_new();
	X509_NAME *subject = X509_get_subject_name(ca);

	ck_assert_ptr_nonnull(key);
	ck_assert(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0));
	ck_assert(X509_set_issuer_name(ca, subject));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(ca), 0));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(ca), 3600));
	ck_assert(X509_set_pubkey(ca, key));
	ck_assert_int_gt(X509_sign(ca, key, EVP_sha256()), 0);
	EVP_PKEY_free(key);
	return ca;
}

/* As a package manager does: a new file in the place of the old. */
static void
put(const X509 *ca)
{
	char beside[sizeof(ca_file) + 4];
	FILE *file;

	(void)snprintf(beside, sizeof(beside), "%s.new", ca_file);
	file = fopen(beside, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert(PEM_write_X509(file, ca));
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(beside, ca_file), 0);
}

static void
setup(void)
{
	int fd;

	failing_malloc_setup();
	fd = mkstemp(ca_file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	first = make_ca("the first");
	second = make_ca("one of the others");
}

static void
teardown(void)
{
	X509_free(first);
	X509_free(second);
	(void)unlink(ca_file);
}

static bool
holds(X509_STORE *anchors, const X509 *ca)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(anchors);
	bool found =
	    sk_X509_num(all) == 1 && X509_cmp(sk_X509_value(all, 0), ca) == 0;

	sk_X509_pop_free(all, X509_free);
	return found;
}

static void
expect(struct trust_store *trust, const X509 *ca)
{
	X509_STORE *anchors = trust_store_anchors(trust, &failed);

	ck_assert(holds(anchors, ca));
	X509_STORE_free(anchors);
}

/* True when an allocation failed while the changed file was read. */
static bool
read_with_failure(struct trust_store *trust, size_t nth)
{
	X509_STORE *anchors;
	bool any;

	failing_malloc_arm(nth);
	anchors = trust_store_anchors(trust, &failed);
	any = failing_malloc_disarm();
	/* One or the other, whole. */
	ck_assert(holds(anchors, failed.status ? first : second));
	ck_assert(any || !failed.status);
	X509_STORE_free(anchors);
	return any;
}

START_TEST(whichever_allocation_fails_the_change_is_found_afterwards)
{
	size_t nth = 1;
	size_t kept = 0;
	bool any = true;

	for (; any && nth < ALLOCATIONS_MAX; nth++) {
		struct trust_store *trust = NULL;

		put(first);
		ck_assert_int_eq(
		    trust_store_new(ca_file, NULL, &trust, &failed), 0);
		put(second);
		any = read_with_failure(trust, nth);
		kept += failed.status != ENCLAVE_CLIENT_OK;
		error_clear(&failed);
		expect(trust, second);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_OK);
		trust_store_free(trust);
	}
	ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
	/* Else nothing was shown. */
	ck_assert_uint_gt(kept, 10);
}
END_TEST

START_TEST(what_goes_on_failing_is_told_once)
{
	struct trust_store *trust = NULL;

	put(first);
	ck_assert_int_eq(trust_store_new(ca_file, NULL, &trust, &failed), 0);
	put(second);
	ck_assert(read_with_failure(trust, 1));
	ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_ERR_MEMORY);
	error_clear(&failed);
	failing_malloc_arm(1);
	X509_STORE_free(trust_store_anchors(trust, &failed));
	ck_assert(failing_malloc_disarm());
	ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_OK);
	expect(trust, second);
	trust_store_free(trust);
}
END_TEST

/* As often as it goes, and once each time; what was read stays meanwhile. */
START_TEST(a_file_that_has_gone_is_told_each_time_it_goes)
{
	struct trust_store *trust = NULL;

	put(first);
	ck_assert_int_eq(trust_store_new(ca_file, NULL, &trust, &failed), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(unlink(ca_file), 0);
		expect(trust, first);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_ERR_CONFIG);
		error_clear(&failed);
		expect(trust, first);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_OK);
		put(first);
		expect(trust, first);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_OK);
	}
	trust_store_free(trust);
}
END_TEST

/* The very same file: a mount that went away and came back. */
START_TEST(a_file_that_came_back_and_goes_again_is_told_again)
{
	char aside[sizeof(ca_file) + 6];
	char place[sizeof(ca_file) + 6];
	struct trust_store *trust = NULL;

	(void)snprintf(aside, sizeof(aside), "%s.aside", ca_file);
	(void)snprintf(place, sizeof(place), "%s.place", ca_file);
	put(first);
	ck_assert_int_eq(symlink(ca_file, place), 0);
	ck_assert_int_eq(trust_store_new(place, NULL, &trust, &failed), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(rename(place, aside), 0);
		expect(trust, first);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_ERR_CONFIG);
		error_clear(&failed);
		ck_assert_int_eq(rename(aside, place), 0);
		expect(trust, first);
		ck_assert_int_eq(failed.status, ENCLAVE_CLIENT_OK);
	}
	ck_assert_int_eq(unlink(place), 0);
	trust_store_free(trust);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trust-store");
	TCase *tcase = tcase_create("trust store");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(
	    tcase, whichever_allocation_fails_the_change_is_found_afterwards);
	tcase_add_test(tcase, what_goes_on_failing_is_told_once);
	tcase_add_test(tcase, a_file_that_has_gone_is_told_each_time_it_goes);
	tcase_add_test(
	    tcase, a_file_that_came_back_and_goes_again_is_told_again);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
