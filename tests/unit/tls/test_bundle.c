/* Anchors that are parsed when a chain names them: the same chains hold. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing_malloc.h"

#include "tls/bundle.h"

/* So many that none is parsed at once. */
#define MANY            (BUNDLE_AT_ONCE_MAX + 4)
#define THREADS         4
#define ALLOCATIONS_MAX 100000

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static char path[] = "/tmp/enclave-client-bundle-XXXXXX";
static struct authority authorities[MANY];

static X509 *
make_certificate(const char *name, int string_type, EVP_PKEY *key,
    const struct authority *issuer, long version)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	ck_assert(X509_NAME_add_entry_by_txt(subject, "CN", string_type,
	    (const unsigned char *)name, -1, -1, 0));
	ck_assert(X509_set_version(certificate, version));
	ck_assert(X509_set_issuer_name(certificate,
	    issuer ? X509_get_subject_name(issuer->certificate) : subject));
	ck_assert(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	ck_assert(X509_set_pubkey(certificate, key));
	if (!issuer && version == X509_VERSION_3) {
		X509_EXTENSION *is_ca = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
		ck_assert(X509_add_ext(certificate, is_ca, -1));
		X509_EXTENSION_free(is_ca);
	}
	ck_assert_int_gt(
	    X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()),
	    0);
	return certificate;
}

static struct authority
make_authority(const char *name, int string_type, long version)
{
	struct authority authority = {.key = EVP_EC_gen("P-256")};

	ck_assert_ptr_nonnull(authority.key);
	authority.certificate =
	    make_certificate(name, string_type, authority.key, NULL, version);
	return authority;
}

static void
authority_clear(struct authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
}

static void
setup(void)
{
	char name[16];
	int fd;

	failing_malloc_setup();
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "authority %d", i);
		authorities[i] =
		    make_authority(name, MBSTRING_ASC, X509_VERSION_3);
	}
}

static void
teardown(void)
{
	for (int i = 0; i < MANY; i++)
		authority_clear(&authorities[i]);
	(void)unlink(path);
}

/* A file of the first so many, which may be added to. */
static FILE *
begin_file(int count)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < count; i++)
		ck_assert(PEM_write_X509(file, authorities[i].certificate));
	return file;
}

static X509_STORE *
load(FILE *file)
{
	X509_STORE *store = X509_STORE_new();

	ck_assert_int_eq(fclose(file), 0);
	ck_assert_ptr_nonnull(store);
	ck_assert(bundle_add(store, path));
	return store;
}

static int
parsed(X509_STORE *store)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
	int count = sk_X509_num(all);

	sk_X509_pop_free(all, X509_free);
	return count;
}

/* Does a leaf that this one signed have a chain? */
static bool
vouches(X509_STORE *store, const struct authority *authority)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = make_certificate(
	    "leaf", MBSTRING_ASC, key, authority, X509_VERSION_3);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	bool holds;

	ck_assert(X509_STORE_CTX_init(context, store, leaf, NULL));
	holds = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	X509_free(leaf);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return holds;
}

START_TEST(an_anchor_is_parsed_when_a_chain_names_it)
{
	X509_STORE *store = load(begin_file(MANY - 1));

	ck_assert_int_eq(parsed(store), 0);
	ck_assert(vouches(store, &authorities[3]));
	ck_assert_int_eq(parsed(store), 1);
	ck_assert(vouches(store, &authorities[3]));
	ck_assert(vouches(store, &authorities[0]));
	ck_assert(vouches(store, &authorities[MANY - 2]));
	ck_assert_int_eq(parsed(store), 3);
	/* Not in the file. */
	ck_assert(!vouches(store, &authorities[MANY - 1]));
	ck_assert_int_eq(parsed(store), 3);
	X509_STORE_free(store);
}
END_TEST

START_TEST(a_few_are_parsed_at_once)
{
	X509_STORE *store = load(begin_file(BUNDLE_AT_ONCE_MAX));

	ck_assert_int_eq(parsed(store), BUNDLE_AT_ONCE_MAX);
	X509_STORE_free(store);
	store = load(begin_file(BUNDLE_AT_ONCE_MAX + 1));
	ck_assert_int_eq(parsed(store), 0);
	X509_STORE_free(store);
}
END_TEST

/* A certificate authority that has a new key under its old name. */
START_TEST(every_anchor_of_a_name_counts)
{
	struct authority other =
	    make_authority("authority 1", MBSTRING_ASC, X509_VERSION_3);
	FILE *file = begin_file(MANY);
	X509_STORE *store;

	ck_assert(PEM_write_X509(file, other.certificate));
	store = load(file);
	ck_assert(vouches(store, &other));
	ck_assert(vouches(store, &authorities[1]));
	ck_assert_int_eq(parsed(store), 2);
	X509_STORE_free(store);
	authority_clear(&other);
}
END_TEST

/* RFC 5280, 7.1: what differs in case, blanks or the kind of string. */
START_TEST(a_name_is_compared_as_names_are)
{
	struct authority written = {.key = authorities[2].key};
	X509_STORE *store = load(begin_file(MANY));

	written.certificate = make_certificate("AUTHORITY  2",
	    V_ASN1_UTF8STRING, written.key, NULL, X509_VERSION_3);
	ck_assert(vouches(store, &written));
	X509_free(written.certificate);
	X509_STORE_free(store);
}
END_TEST

START_TEST(other_forms_and_other_objects_are_no_obstacle)
{
	struct authority first =
	    make_authority("of version 1", MBSTRING_ASC, X509_VERSION_1);
	FILE *file = begin_file(MANY - 1);
	X509_STORE *store;

	ck_assert(
	    PEM_write_PrivateKey(file, first.key, NULL, NULL, 0, NULL, NULL));
	ck_assert(PEM_write_X509(file, first.certificate));
	ck_assert_int_ge(fputs("a comment\n", file), 0);
	ck_assert(PEM_write_X509_AUX(file, authorities[MANY - 1].certificate));
	store = load(file);
	ck_assert(vouches(store, &first));
	ck_assert(vouches(store, &authorities[MANY - 1]));
	X509_STORE_free(store);
	authority_clear(&first);
}
END_TEST

/* OpenSSL's own form says what an anchor is not for. */
START_TEST(an_anchor_that_is_rejected_vouches_for_nothing)
{
	ASN1_OBJECT *any = OBJ_nid2obj(NID_anyExtendedKeyUsage);
	FILE *file = begin_file(MANY - 1);
	X509_STORE *store;

	ck_assert(
	    X509_add1_reject_object(authorities[MANY - 1].certificate, any));
	ck_assert(PEM_write_X509_AUX(file, authorities[MANY - 1].certificate));
	store = load(file);
	ck_assert(X509_STORE_set_trust(store, X509_TRUST_SSL_SERVER));
	ck_assert(!vouches(store, &authorities[MANY - 1]));
	ck_assert(vouches(store, &authorities[0]));
	X509_STORE_free(store);
}
END_TEST

static const struct {
	const char *text;
	bool alone; /* without good ones before it */
} broken[] = {
    {"", true},
    {"no PEM at all\n", true},
    {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", false},
    {"-----BEGIN CERTIFICATE-----\nMAUwAwIBAQ==\n-----END CERTIFICATE-----\n",
	false},
    {"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", false},
    {"-----BEGIN CERTIFICATE-----\nMIIB", false},
    /* An outline that says less than it holds, and no subject in it. */
    {"-----BEGIN CERTIFICATE-----\nMIAwgAAAAAA=\n-----END CERTIFICATE-----\n",
	false},
};

START_TEST(a_broken_file_is_no_bundle)
{
	FILE *file = begin_file(broken[_i].alone ? 0 : MANY);
	X509_STORE *store = X509_STORE_new();

	ck_assert_int_ge(fputs(broken[_i].text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert(!bundle_add(store, path));
	ck_assert(!bundle_add(store, "/nonexistent/bundle.pem"));
	ERR_clear_error();
	ck_assert_int_eq(parsed(store), 0);
	X509_STORE_free(store);
}
END_TEST

START_TEST(whichever_allocation_fails_nothing_is_lost)
{
	bool any = true;

	ck_assert_int_eq(fclose(begin_file(MANY)), 0);
	for (size_t nth = 1; any && nth < ALLOCATIONS_MAX; nth++) {
		X509_STORE *store = X509_STORE_new();
		bool added;

		failing_malloc_arm(nth);
		added = bundle_add(store, path);
		any = failing_malloc_disarm();
		ck_assert(any || added);
		if (added)
			ck_assert(vouches(store, &authorities[1]));
		ERR_clear_error();
		X509_STORE_free(store);
	}
	ck_assert(!any);
}
END_TEST

static void *
ask_for_all(void *context)
{
	size_t missing = 0;

	for (int i = 0; i < MANY; i++)
		missing += !vouches(context, &authorities[i]);
	return missing ? context : NULL;
}

START_TEST(threads_share_a_bundle)
{
	X509_STORE *store = load(begin_file(MANY));
	pthread_t threads[THREADS];
	void *failed = NULL;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, ask_for_all, store), 0);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	ck_assert_int_eq(parsed(store), MANY);
	X509_STORE_free(store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bundle");
	TCase *tcase = tcase_create("bundle");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_anchor_is_parsed_when_a_chain_names_it);
	tcase_add_test(tcase, a_few_are_parsed_at_once);
	tcase_add_test(tcase, every_anchor_of_a_name_counts);
	tcase_add_test(tcase, a_name_is_compared_as_names_are);
	tcase_add_test(tcase, other_forms_and_other_objects_are_no_obstacle);
	tcase_add_test(tcase, an_anchor_that_is_rejected_vouches_for_nothing);
	tcase_add_loop_test(tcase, a_broken_file_is_no_bundle, 0,
	    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tcase, whichever_allocation_fails_nothing_is_lost);
	tcase_add_test(tcase, threads_share_a_bundle);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
