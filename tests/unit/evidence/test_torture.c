/*
 * Torture: the n-th allocation fails, ours or OpenSSL's, for each n, over a
 * whole verification.  A forged document is never accepted, a good one is
 * accepted or refused for want of memory, outputs stay untouched, and nothing
 * of ours is left behind.
 *
 *   test-torture CATALOGUE [STRIDE]
 *
 * Ours are caught by the linker (--wrap), OpenSSL's by its own hooks.  libcbor
 * allocates nothing: its stream decoder is all that is used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "evidence_test.h"

/* -1: none fails. */
static long fail_at = -1;
static long calls;
static bool failed_ours; /* the one that failed was not OpenSSL's */
static long ours_alive;
static long openssl_alive;

static bool
must_fail(bool ours)
{
	if (calls++ != fail_at)
		return false;
	failed_ours = ours;
	return true;
}

/* Named by the linker. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static void *
counted(void *block)
{
	if (block)
		ours_alive++;
	return block;
}

void *
__wrap_malloc(size_t size)
{
	return must_fail(true) ? NULL : counted(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return must_fail(true) ? NULL : counted(__real_calloc(count, size));
}

char *
__wrap_strdup(const char *text)
{
	return must_fail(true) ? NULL : counted(__real_strdup(text));
}

void
__wrap_free(void *block)
{
	if (block)
		ours_alive--;
	__real_free(block);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	void *block;

	(void)file;
	(void)line;
	if (must_fail(false))
		return NULL;
	block = __real_malloc(size);
	if (block)
		openssl_alive++;
	return block;
}

static void *
openssl_realloc(void *block, size_t size, const char *file, int line)
{
	void *grown;

	(void)file;
	(void)line;
	if (must_fail(false))
		return NULL;
	grown = realloc(block, size);
	if (grown && !block)
		openssl_alive++;
	return grown;
}

static void
openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	if (block)
		openssl_alive--;
	__real_free(block);
}

static const char *folder;
static long stride = 1;
static const cJSON *cases;
static struct evidence_roots *roots;
static struct file good;

/* Documents that must never be accepted, by their titles. */
static const char *const forged[] = {
    "signature: last bit changed",
    "leaf: signed by another key",
    "issuer: signature changed",
    "whole chain of another root",
    "leaf: unknown critical extension",
    "leaf at its notAfter",
    "PCR0 twice",
};

enum warmth { COLD, CHAIN_KNOWN, ALL_KNOWN, WARMTHS };

static const cJSON *
case_named(const char *title)
{
	const cJSON *item;

	cJSON_ArrayForEach(item,
	    cases) if (!strcmp(json_string(item, "title"), title)) return item;
	ck_abort_msg("no case is named %s", title);
	return NULL;
}

static struct evidence_check
check_for(const cJSON *item)
{
	struct evidence_check check =
	    check_at(roots, json_member_integer(item, "now_ms"));

	check.max_age_ms = json_member_integer(item, "max_age_ms");
	check.clock_skew_ms = json_member_integer(item, "clock_skew_ms");
	return check;
}

/* A memory that knows the good document's chain, or all of it. */
static struct chain_memory *
memory_for(enum warmth warmth)
{
	struct evidence_check check = check_for(cJSON_GetArrayItem(cases, 0));
	const cJSON *other = case_named("leaf's keyUsage critical");
	struct file file = {NULL, 0};
	struct claims *claims = NULL;

	if (warmth == COLD)
		return NULL;
	check.memory = chain_memory_new();
	ck_assert_ptr_nonnull(check.memory);
	file = file_read(folder, json_string(other, "file"));
	ck_assert_int_eq(
	    evidence_verify(
		warmth == ALL_KNOWN ? file_bytes(&good) : file_bytes(&file),
		&check, &claims, NULL),
	    ENCLAVE_CLIENT_OK);
	claims_unref(claims);
	file_free(&file);
	return check.memory;
}

/*
 * A good document is accepted, or refused for want of memory.  Deep inside a
 * signature's check OpenSSL loses the reason: then it does not fit.
 */
static bool
is_clean(enum enclave_client_status status)
{
	if (!failed_ours && (status == ENCLAVE_CLIENT_ERR_SIGNATURE ||
				status == ENCLAVE_CLIENT_ERR_CHAIN))
		return true;
	return status == ENCLAVE_CLIENT_OK ||
	       status == ENCLAVE_CLIENT_ERR_MEMORY;
}

/* One verification whose allocation number n fails; true when one did. */
static bool
fail_nth(long n, const cJSON *item, struct bytes document, enum warmth warmth,
    bool acceptable)
{
	struct evidence_check check = check_for(item);
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;
	enum enclave_client_status status;
	long ours_before = ours_alive;
	bool failed;

	check.memory = memory_for(warmth);
	calls = 0;
	fail_at = n;
	status = evidence_verify(document, &check, &claims, &error);
	fail_at = -1;
	failed = calls > n;
	ck_assert_int_eq(claims != NULL, status == ENCLAVE_CLIENT_OK);
	ck_assert_msg(acceptable || status != ENCLAVE_CLIENT_OK,
	    "accepted when allocation %ld failed", n);
	ck_assert_msg(!acceptable || is_clean(status), "allocation %ld: %s: %s",
	    n, enclave_client_status_name(status), error.message);
	ck_assert_int_eq(error.status, status);
	ck_assert(claims == NULL || claims_authentic(claims));
	ck_assert_uint_eq(ERR_peek_error(), 0);
	claims_unref(claims);
	chain_memory_free(check.memory);
	ck_assert_msg(ours_alive == ours_before,
	    "allocation %ld: %ld blocks of ours left", n,
	    ours_alive - ours_before);
	return failed;
}

static long
fail_each(const cJSON *item, struct bytes document, enum warmth warmth,
    bool acceptable)
{
	long n = 0;

	/* Once without failure, so that OpenSSL's caches are filled. */
	(void)fail_nth(1 << 30, item, document, warmth, acceptable);
	while (fail_nth(n, item, document, warmth, acceptable))
		n += stride;
	return n;
}

START_TEST(a_good_document)
{
	long alive;
	long count = fail_each(cJSON_GetArrayItem(cases, 0), file_bytes(&good),
	    (enum warmth)_i, true);

	ck_assert_int_gt(count, 2);
	/* Then memory is there again, and nothing is broken. */
	alive = openssl_alive;
	(void)fail_nth(1 << 30, cJSON_GetArrayItem(cases, 0), file_bytes(&good),
	    (enum warmth)_i, true);
	ck_assert_int_eq(openssl_alive, alive);
}
END_TEST

START_TEST(a_forged_document)
{
	const cJSON *item = case_named(forged[_i / WARMTHS]);
	struct file file = file_read(folder, json_string(item, "file"));

	(void)fail_each(
	    item, file_bytes(&file), (enum warmth)(_i % WARMTHS), false);
	file_free(&file);
}
END_TEST

START_TEST(reading_what_is_not_verified)
{
	long n = 0;
	long ours_before = ours_alive;
	struct claims *claims;

	do {
		calls = 0;
		fail_at = n;
		claims = evidence_read_unverified(file_bytes(&good));
		fail_at = -1;
		ck_assert(!claims || !claims_authentic(claims));
		claims_unref(claims);
		ck_assert_int_eq(ours_alive, ours_before);
		n += stride;
	} while (calls > n - stride);
}
END_TEST

START_TEST(making_roots)
{
	static const char *const names[] = {"aws", "aws-us-gov"};
	long n = 0;
	long ours_before = ours_alive;
	struct evidence_roots *made;
	struct enclave_client_error error = {0};
	enum enclave_client_status status;

	do {
		made = NULL;
		calls = 0;
		fail_at = n;
		status = evidence_roots_new_named(names[_i], &made, &error);
		fail_at = -1;
		ck_assert_int_eq(made != NULL, status == ENCLAVE_CLIENT_OK);
		ck_assert_msg(
		    is_clean(status) ||
			(!failed_ours && status == ENCLAVE_CLIENT_ERR_CONFIG),
		    "allocation %ld: %s", n, error.message);
		evidence_roots_unref(made);
		ck_assert_int_eq(ours_alive, ours_before);
		n += stride;
	} while (calls > n - stride);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("torture");
	TCase *tcase = tcase_create("the n-th allocation fails");
	cJSON *manifest;
	SRunner *runner;
	int failed;

	if (argc < 2 || !CRYPTO_set_mem_functions(
			    openssl_malloc, openssl_realloc, openssl_free))
		return 2;
	folder = argv[1];
	if (argc > 2)
		stride = strtol(argv[2], NULL, 10);
	manifest = json_read(folder, "manifest.json");
	cases = cJSON_GetObjectItemCaseSensitive(manifest, "cases");
	roots = roots_file(folder, json_string(manifest, "root"));
	good = file_read(folder, json_string(manifest, "good"));
	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, a_good_document, 0, WARMTHS);
	tcase_add_loop_test(tcase, a_forged_document, 0,
	    (int)(sizeof(forged) / sizeof(forged[0])) * WARMTHS);
	tcase_add_test(tcase, reading_what_is_not_verified);
	tcase_add_loop_test(tcase, making_roots, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	evidence_roots_unref(roots);
	file_free(&good);
	cJSON_Delete(manifest);
	return failed ? 1 : 0;
}
