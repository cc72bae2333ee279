/* Times of certificates, roots, the memory, arguments: what documents alone
 * do not reach. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/err.h>

#include "evidence/chain_memory.h"
#include "evidence/roots.h"
#include "evidence_test.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
	const char *text;
	bool generalized;
	int64_t time_ms; /* -1: refused */
} times[] = {
    {"700101000000Z", false, 0},
    {"700101000001Z", false, 1000},
    {"000229235959Z", false, INT64_C(951868799000)},
    {"191028132805Z", false, INT64_C(1572269285000)},
    {"491231235959Z", false, INT64_C(2524607999000)},
    {"500101000000Z", false, INT64_C(-631152000000)},
    {"691231235959Z", false, -1000},
    {"20500910130346Z", true, INT64_C(2546427826000)},
    {"20380119031408Z", true, INT64_C(2147483648000)},
    {"99991231235959Z", true, INT64_C(253402300799000)},
    {"00010101000000Z", true, INT64_C(-62135596800000)},
    {"20000229000000Z", true, INT64_C(951782400000)},
    {"24000229000000Z", true, INT64_C(13574563200000)},
    {"", false, -1},
    {"Z", false, -1},
    {"700101000000", false, -1},
    {"7001010000Z", false, -1},
    {"700101000000z", false, -1},
    {"700101000000Z0", false, -1},
    {"70010100000aZ", false, -1},
    {"-00101000000Z", false, -1},
    {"70 101000000Z", false, -1},
    {"700001000000Z", false, -1},
    {"701301000000Z", false, -1},
    {"700100000000Z", false, -1},
    {"700132000000Z", false, -1},
    {"700431000000Z", false, -1},
    {"010229000000Z", false, -1},
    {"700101240000Z", false, -1},
    {"700101006000Z", false, -1},
    {"700101000060Z", false, -1},
    {"19000229000000Z", true, -1},
    {"21000229000000Z", true, -1},
    {"00000101000000Z", true, -1},
    {"700101000000Z", true, -1},
    {"20000101000000Z", false, -1},
    {"20000101000000.1Z", true, -1},
    {"2000010100000+0000", true, -1},
};

START_TEST(a_time_is_read_strictly)
{
	/* On the heap, without the NUL, so that sanitizers see overreads. */
	size_t len = strlen(times[_i].text);
	uint8_t *copy = malloc(len ? len : 1);
	int64_t time_ms = 77;
	bool read;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, times[_i].text, len);
	read = certificate_time(
	    (struct bytes){copy, len}, times[_i].generalized, &time_ms);
	if (times[_i].time_ms == -1) {
		ck_assert(!read);
		ck_assert_int_eq(time_ms, 77);
	} else {
		ck_assert(read);
		ck_assert_int_eq(time_ms, times[_i].time_ms);
	}
	free(copy);
}
END_TEST

/* What AWS publishes, and for GovCloud what follows from what it prints. */
static const struct {
	const char *name;
	const char *sha256;
	const char *subject;
} published[] = {
    {"aws", "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b",
	"CN=aws.nitro-enclaves,OU=AWS,O=Amazon,C=US"},
    {"aws-us-gov",
	"20bcd30a3e168ea03789e1c45912bc123c4de3c977b8a6e1c125c7929d668b3b",
	"CN=aws-us-gov.nitro-enclaves,OU=AWS,O=Amazon,C=US"},
};

START_TEST(a_named_root_has_its_published_fingerprint)
{
	struct evidence_roots *roots = NULL;
	char hex[65];

	ck_assert_int_eq(
	    evidence_roots_new_named(published[_i].name, &roots, NULL),
	    ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(roots->count, 1);
	hex_encode((struct bytes){roots->anchors[0].sha256, 32}, hex);
	ck_assert_str_eq(hex, published[_i].sha256);
	ck_assert_str_eq(roots->anchors[0].subject, published[_i].subject);
	evidence_roots_unref(roots);
}
END_TEST

START_TEST(the_default_is_the_commercial_root_alone)
{
	struct evidence_roots *aws = roots_aws();
	struct evidence_roots *named = NULL;
	struct evidence_roots *gov = NULL;

	ck_assert_int_eq(
	    evidence_roots_new_named("aws", &named, NULL), ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(evidence_roots_new_named("aws-us-gov", &gov, NULL),
	    ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(aws->count, 1);
	ck_assert_mem_eq(aws->digest, named->digest, DIGEST_BYTES);
	ck_assert_mem_ne(aws->digest, gov->digest, DIGEST_BYTES);
	ck_assert_ptr_null(roots_find(aws, gov->anchors[0].der));
	ck_assert_ptr_nonnull(roots_find(aws, named->anchors[0].der));
	evidence_roots_unref(evidence_roots_ref(aws));
	evidence_roots_unref(aws);
	evidence_roots_unref(named);
	evidence_roots_unref(gov);
}
END_TEST

static const char *const unknown_names[] = {
    "", "AWS", "aws ", "aws-cn", "aws-us", "g1"};

START_TEST(an_unknown_root_is_refused)
{
	struct evidence_roots *roots = NULL;
	struct enclave_client_error error = {0};

	ck_assert_int_eq(
	    evidence_roots_new_named(unknown_names[_i], &roots, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_null(roots);
	ck_assert_ptr_nonnull(strstr(error.message, "aws-us-gov"));
}
END_TEST

static const char *const no_pem[] = {
    "",
    "\n",
    "not PEM",
    "-----BEGIN CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
};

START_TEST(what_is_no_root_is_refused)
{
	struct evidence_roots *roots = NULL;
	struct enclave_client_error error = {0};

	ck_assert_int_eq(evidence_roots_new_insecure_pem(
			     bytes_from_string(no_pem[_i]), &roots, &error),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_ptr_null(roots);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_NONE);
	ck_assert_ptr_nonnull(strstr(error.message, "not a Nitro root"));
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* Two lists of strings never look alike, whatever their bytes. */
START_TEST(a_digest_tells_where_its_parts_end)
{
	static const char *const lists[][3] = {{"roots", "ab", "c"},
	    {"roots", "a", "bc"}, {"roots", "", "abc"}, {"rootsa", "b", "c"}};
	uint8_t digests[4][DIGEST_BYTES];

	for (size_t i = 0; i < 4; i++) {
		struct digest digest;
		bool done =
		    digest_begin(&digest, lists[i][0]) &&
		    digest_add(&digest, bytes_from_string(lists[i][1])) &&
		    digest_add(&digest, bytes_from_string(lists[i][2]));
		ck_assert(digest_end(&digest, done, digests[i]));
		for (size_t j = 0; j < i; j++)
			ck_assert_mem_ne(digests[i], digests[j], DIGEST_BYTES);
	}
}
END_TEST

/* Records for the memory's tests: any certificate does. */
static struct verified_leaf *
leaf_new(void)
{
	struct evidence_roots *roots = roots_aws();
	struct verified_chain *chain = verified_chain_new(roots->anchors, 1);
	struct verified_leaf *leaf =
	    verified_leaf_new(chain, &roots->anchors[0]);

	ck_assert_ptr_nonnull(leaf);
	verified_chain_unref(chain);
	evidence_roots_unref(roots);
	return leaf;
}

static struct memory_keys
keys_for(uint8_t number)
{
	struct memory_keys keys;

	memset(keys.chain, number, DIGEST_BYTES);
	memset(keys.leaf, 0x40 | number, DIGEST_BYTES);
	memset(keys.document, 0x80 | number, DIGEST_BYTES);
	return keys;
}

static bool
knows(struct chain_memory *memory, uint8_t number)
{
	struct memory_keys keys = keys_for(number);
	struct verified_chain *chain =
	    chain_memory_find_chain(memory, keys.chain);
	struct verified_leaf *leaf = chain_memory_find_leaf(memory, keys.leaf);
	struct verified_leaf *document =
	    chain_memory_find_document(memory, keys.document);
	bool known = chain != NULL;

	ck_assert_int_eq(leaf != NULL, known);
	ck_assert_int_eq(document != NULL, known);
	verified_chain_unref(chain);
	verified_leaf_unref(leaf);
	verified_leaf_unref(document);
	return known;
}

START_TEST(the_memory_forgets_the_least_recently_used)
{
	struct chain_memory *memory = chain_memory_new_bounded(3);
	struct verified_leaf *leaf = leaf_new();

	ck_assert(!knows(memory, 1));
	for (uint8_t number = 1; number <= 3; number++) {
		struct memory_keys keys = keys_for(number);
		chain_memory_remember(memory, &keys, leaf, 0);
		chain_memory_remember(memory, &keys, leaf, 0);
	}
	ck_assert(knows(memory, 1)); /* now the most recently used */
	for (uint8_t number = 4; number <= 5; number++) {
		struct memory_keys keys = keys_for(number);
		chain_memory_remember(memory, &keys, leaf, 0);
	}
	ck_assert(knows(memory, 1));
	ck_assert(!knows(memory, 2));
	ck_assert(!knows(memory, 3));
	ck_assert(knows(memory, 4));
	ck_assert(knows(memory, 5));
	chain_memory_free(memory);
	/* Three tables let go of it: ours is the last reference. */
	ck_assert_uint_eq(leaf->references, 1);
	ck_assert_uint_eq(leaf->chain->references, 1);
	verified_leaf_unref(leaf);
}
END_TEST

START_TEST(the_memory_forgets_what_has_ended)
{
	struct chain_memory *memory = chain_memory_new();
	struct verified_leaf *leaf = leaf_new();
	struct memory_keys first = keys_for(1);
	struct memory_keys second = keys_for(2);
	struct memory_keys third = keys_for(3);

	leaf->certificate.not_after_ms = 1000;
	leaf->chain->certificates[0].not_after_ms = 2000;
	chain_memory_remember(memory, &first, leaf, 0);
	chain_memory_remember(memory, &second, leaf, 999);
	ck_assert(knows(memory, 1));
	/* The leaf has ended, its chain has not. */
	chain_memory_remember(memory, &third, leaf, 1000);
	ck_assert_ptr_null(chain_memory_find_leaf(memory, first.leaf));
	ck_assert_ptr_null(chain_memory_find_document(memory, second.document));
	ck_assert(knows(memory, 3));
	ck_assert_uint_eq(leaf->chain->references, 1 + 3);
	chain_memory_remember(memory, &third, leaf, 2000);
	ck_assert_ptr_null(chain_memory_find_chain(memory, first.chain));
	ck_assert_ptr_null(chain_memory_find_chain(memory, second.chain));
	ck_assert_uint_eq(leaf->chain->references, 1 + 1);
	chain_memory_free(memory);
	verified_leaf_unref(leaf);
}
END_TEST

START_TEST(the_memory_tells_one_kind_of_key_from_another)
{
	struct chain_memory *memory = chain_memory_new();
	struct verified_leaf *leaf = leaf_new();
	struct memory_keys keys = keys_for(1);

	chain_memory_remember(memory, &keys, leaf, 0);
	ck_assert_ptr_null(chain_memory_find_leaf(memory, keys.chain));
	ck_assert_ptr_null(chain_memory_find_leaf(memory, keys.document));
	ck_assert_ptr_null(chain_memory_find_document(memory, keys.leaf));
	ck_assert_ptr_null(chain_memory_find_chain(memory, keys.leaf));
	chain_memory_free(memory);
	chain_memory_free(NULL);
	verified_leaf_unref(leaf);
}
END_TEST

START_TEST(the_memory_grows_and_keeps_all)
{
	struct chain_memory *memory = chain_memory_new_bounded(1000);
	struct verified_leaf *leaf = leaf_new();
	struct memory_keys keys = keys_for(0);

	for (unsigned int i = 0; i < 2000; i++) {
		memcpy(keys.chain, &i, sizeof(i));
		memcpy(keys.leaf, &i, sizeof(i));
		memcpy(keys.document, &i, sizeof(i));
		chain_memory_remember(memory, &keys, leaf, 0);
	}
	for (unsigned int i = 0; i < 2000; i++) {
		struct verified_chain *chain;
		memcpy(keys.chain, &i, sizeof(i));
		chain = chain_memory_find_chain(memory, keys.chain);
		ck_assert_int_eq(chain != NULL, i >= 1000);
		verified_chain_unref(chain);
	}
	/* 1000 leaves and 1000 documents, and ours. */
	ck_assert_uint_eq(leaf->references, 2001);
	chain_memory_free(memory);
	verified_leaf_unref(leaf);
}
END_TEST

struct crowd {
	struct chain_memory *memory;
	struct verified_leaf *leaf;
};

static void *
one_of_many(void *argument)
{
	struct crowd *crowd = argument;

	for (unsigned int i = 0; i < 4000; i++) {
		struct memory_keys keys = keys_for((uint8_t)(i * 7 % 13));
		verified_chain_unref(
		    chain_memory_find_chain(crowd->memory, keys.chain));
		verified_leaf_unref(
		    chain_memory_find_document(crowd->memory, keys.document));
		chain_memory_remember(crowd->memory, &keys, crowd->leaf, 0);
	}
	return NULL;
}

START_TEST(the_memory_is_used_by_many_threads)
{
	struct crowd crowd = {chain_memory_new_bounded(5), leaf_new()};
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, one_of_many, &crowd), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	chain_memory_free(crowd.memory);
	ck_assert_uint_eq(crowd.leaf->references, 1);
	verified_leaf_unref(crowd.leaf);
}
END_TEST

#define LAST_MS INT64_C(253402300799999)

/* Ranges within which no sum overflows and no skew hides an expiry. */
static const struct {
	int64_t now_ms;
	int64_t max_age_ms;
	int64_t clock_skew_ms;
	bool usable;
} arguments[] = {
    {0, 1, 0, true},
    {LAST_MS, MAX_AGE_MS_CEILING, CLOCK_SKEW_MS_CEILING, true},
    {-1, 1, 0, false},
    {INT64_MIN, 1, 0, false},
    {LAST_MS + 1, 1, 0, false},
    {INT64_MAX, 1, 0, false},
    {0, 0, 0, false},
    {0, -1, 0, false},
    {0, MAX_AGE_MS_CEILING + 1, 0, false},
    {0, INT64_MAX, 0, false},
    {0, 1, -1, false},
    {0, 1, CLOCK_SKEW_MS_CEILING + 1, false},
    {0, 1, INT64_MAX, false},
};

START_TEST(arguments_out_of_range_are_refused)
{
	struct evidence_roots *roots = roots_aws();
	struct evidence_check check = {
	    .roots = roots,
	    .now_ms = arguments[_i].now_ms,
	    .max_age_ms = arguments[_i].max_age_ms,
	    .clock_skew_ms = arguments[_i].clock_skew_ms,
	};
	struct claims *claims = NULL;
	struct enclave_client_error error = {0};
	enum enclave_client_status expected = arguments[_i].usable
						  ? ENCLAVE_CLIENT_ERR_COSE
						  : ENCLAVE_CLIENT_ERR_USAGE;

	ck_assert_int_eq(
	    evidence_verify((struct bytes){NULL, 0}, &check, &claims, &error),
	    expected);
	ck_assert_int_eq(error.status, expected);
	if (check.now_ms != EVIDENCE_AT_DOCUMENT)
		ck_assert_int_eq(evidence_verify_replay((struct bytes){NULL, 0},
				     &check, check.now_ms, &claims, &error),
		    expected);
	ck_assert_ptr_null(claims);
	evidence_roots_unref(roots);
}
END_TEST

START_TEST(nothing_is_judged_without_roots)
{
	struct evidence_check check = check_at(NULL, 0);
	struct claims *claims = NULL;

	ck_assert_int_eq(
	    evidence_verify((struct bytes){NULL, 0}, &check, &claims, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(
	    evidence_verify((struct bytes){NULL, 0}, NULL, &claims, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(claims);
	ck_assert_ptr_null(evidence_read_unverified((struct bytes){NULL, 0}));
}
END_TEST

/* What the caller has on OpenSSL's queue is there afterwards, and no more. */
START_TEST(the_error_queue_is_left_as_it_was)
{
	static const uint8_t garbage[] = {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22};
	struct evidence_roots *roots = roots_aws();
	struct evidence_check check = check_at(roots, 1);
	struct claims *claims = NULL;

	/* An old failure of memory must not be taken for a new one. */
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	ck_assert_int_eq(
	    evidence_verify((struct bytes){garbage, sizeof(garbage)}, &check,
		&claims, NULL),
	    ENCLAVE_CLIENT_ERR_COSE);
	evidence_roots_unref(roots);
	ck_assert_int_eq(evidence_roots_new_insecure_pem(
			     bytes_from_string(no_pem[5]), &roots, NULL),
	    ENCLAVE_CLIENT_ERR_CONFIG);
	ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), ERR_R_MALLOC_FAILURE);
	ck_assert_uint_eq(ERR_get_error(), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("evidence-parts");
	TCase *tcase = tcase_create("parts");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, a_time_is_read_strictly, 0, COUNT(times));
	tcase_add_loop_test(tcase, a_named_root_has_its_published_fingerprint,
	    0, COUNT(published));
	tcase_add_test(tcase, the_default_is_the_commercial_root_alone);
	tcase_add_loop_test(
	    tcase, an_unknown_root_is_refused, 0, COUNT(unknown_names));
	tcase_add_loop_test(
	    tcase, what_is_no_root_is_refused, 0, COUNT(no_pem));
	tcase_add_test(tcase, a_digest_tells_where_its_parts_end);
	tcase_add_test(tcase, the_memory_forgets_the_least_recently_used);
	tcase_add_test(tcase, the_memory_forgets_what_has_ended);
	tcase_add_test(tcase, the_memory_tells_one_kind_of_key_from_another);
	tcase_add_test(tcase, the_memory_grows_and_keeps_all);
	tcase_add_test(tcase, the_memory_is_used_by_many_threads);
	tcase_add_loop_test(
	    tcase, arguments_out_of_range_are_refused, 0, COUNT(arguments));
	tcase_add_test(tcase, nothing_is_judged_without_roots);
	tcase_add_test(tcase, the_error_queue_is_left_as_it_was);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
