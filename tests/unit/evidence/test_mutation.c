/*
 * No change of a good document is accepted: each bit, each truncation, each
 * byte behind it.
 *
 *   test-mutation CATALOGUE [STRIDE [DISTANCE [FIRST]]]
 *
 * With stride 1 every single-bit change is tried: of the generated document and
 * of each DISTANCE-th real one from FIRST on, from the oldest to the newest
 * form.  Where a distance is given without it, FIRST is another each day, so
 * that all have their turn; which are taken is printed.  No single-bit change
 * keeps the meaning: the one malleable part, s against n - s, differs in many
 * bits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "evidence_test.h"

#define DOCUMENTS_MAX 64

struct subject {
	const char *name;
	struct file file;
	struct evidence_roots *roots;
	int64_t now_ms;
};

static struct subject subjects[DOCUMENTS_MAX];
static int subject_count;
static long stride = 1;
static long distance = 8;
static long first;

static enum enclave_client_status
judge(const struct subject *subject, struct bytes document,
    struct chain_memory *memory)
{
	struct evidence_check check = check_at(subject->roots, subject->now_ms);
	struct claims *claims = NULL;
	enum enclave_client_status status;

	check.memory = memory;
	status = evidence_verify(document, &check, &claims, NULL);
	ck_assert_int_eq(claims != NULL, status == ENCLAVE_CLIENT_OK);
	claims_unref(claims);
	return status;
}

/* Each refusal is of one of these: a change is never a matter of time. */
static bool
is_refusal(enum enclave_client_status status)
{
	enum enclave_client_category category =
	    enclave_client_status_category(status);

	return category == ENCLAVE_CLIENT_CATEGORY_MALFORMED ||
	       category == ENCLAVE_CLIENT_CATEGORY_UNTRUSTED;
}

static void
flip_bits(const struct subject *subject, struct chain_memory *memory)
{
	struct bytes document = file_bytes(&subject->file);
	size_t step = (size_t)stride;

	/* With a memory the bits between those tried without. */
	for (size_t bit = memory ? step / 2 : 0; bit < 8 * document.len;
	     bit += step) {
		uint8_t mask = (uint8_t)(1u << bit % 8);
		enum enclave_client_status status;
		subject->file.data[bit / 8] ^= mask;
		status = judge(subject, document, memory);
		subject->file.data[bit / 8] ^= mask;
		ck_assert_msg(is_refusal(status), "%s: bit %zu: %s",
		    subject->name, bit, enclave_client_status_name(status));
	}
	ck_assert_int_eq(judge(subject, document, memory), ENCLAVE_CLIENT_OK);
}

START_TEST(no_bit_is_free)
{
	flip_bits(&subjects[_i], NULL);
}
END_TEST

START_TEST(no_bit_is_free_when_it_is_remembered)
{
	const struct subject *subject = &subjects[_i];
	struct chain_memory *memory = chain_memory_new();

	ck_assert_ptr_nonnull(memory);
	ck_assert_int_eq(judge(subject, file_bytes(&subject->file), memory),
	    ENCLAVE_CLIENT_OK);
	flip_bits(subject, memory);
	chain_memory_free(memory);
}
END_TEST

/* Copies of exact size, so that sanitizers see each byte read too many. */
static enum enclave_client_status
judge_copy(const struct subject *subject, size_t len, const uint8_t *more)
{
	size_t total = len + (more ? 1 : 0);
	uint8_t *copy = malloc(total ? total : 1);
	enum enclave_client_status status;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, subject->file.data, len);
	if (more)
		copy[len] = *more;
	status = judge(subject, (struct bytes){copy, total}, NULL);
	free(copy);
	return status;
}

START_TEST(no_byte_can_be_missing)
{
	const struct subject *subject = &subjects[_i];

	for (size_t len = 0; len < subject->file.len; len++)
		ck_assert_msg(is_refusal(judge_copy(subject, len, NULL)),
		    "%s: %zu bytes", subject->name, len);
}
END_TEST

START_TEST(no_byte_can_follow)
{
	const struct subject *subject = &subjects[_i];

	for (unsigned int value = 0; value <= UINT8_MAX; value++) {
		uint8_t more = (uint8_t)value;
		ck_assert_int_eq(judge_copy(subject, subject->file.len, &more),
		    ENCLAVE_CLIENT_ERR_COSE);
	}
}
END_TEST

static void
add(const char *folder, const char *file, struct evidence_roots *roots,
    int64_t now_ms)
{
	if (subject_count == DOCUMENTS_MAX)
		return;
	subjects[subject_count++] = (struct subject){
	    .name = file,
	    .file = file_read(folder, file),
	    .roots = roots,
	    .now_ms = now_ms,
	};
}

static void
add_real(
    const char *folder, const cJSON *documents, struct evidence_roots *roots)
{
	const cJSON *document;
	long number = 0;

	cJSON_ArrayForEach(document,
	    documents) if (strcmp(json_string(document, "expect"), "refused") !=
			       0 &&
			   number++ % distance == first)
	    add(folder, json_string(document, "file"), roots,
		json_member_integer(document, "timestamp_ms"));
}

/* False: they are no numbers of this test's. */
static bool
read_arguments(int argc, char **argv)
{
	if (argc > 2)
		stride = strtol(argv[2], NULL, 10);
	if (argc > 3)
		distance = strtol(argv[3], NULL, 10);
	if (argc < 2 || stride < 1 || distance < 1)
		return false;
	if (argc > 4)
		first = strtol(argv[4], NULL, 10);
	else if (argc > 3)
		first = (long)(time(NULL) / 86400 % distance);
	return first >= 0 && first < distance;
}

static void
print_subjects(void)
{
	(void)printf(
	    "# each real document in %ld, from %ld on:\n", distance, first);
	for (int i = 0; i < subject_count; i++)
		(void)printf("# %s\n", subjects[i].name);
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("mutation");
	TCase *tcase = tcase_create("changed documents");
	const char *vectors = getenv("ENCLAVE_CLIENT_VECTORS");
	struct evidence_roots *aws = roots_aws();
	struct evidence_roots *test_roots;
	cJSON *manifest;
	cJSON *index = NULL;
	SRunner *runner;
	int failed;

	if (!read_arguments(argc, argv))
		return 2;
	manifest = json_read(argv[1], "manifest.json");
	test_roots = roots_file(argv[1], json_string(manifest, "root"));
	add(argv[1], json_string(manifest, "good"), test_roots,
	    json_member_integer(
		cJSON_GetArrayItem(
		    cJSON_GetObjectItemCaseSensitive(manifest, "cases"), 0),
		"now_ms"));
	if (vectors && *vectors) {
		index = json_read(vectors, "index.json");
		add_real(vectors,
		    cJSON_GetObjectItemCaseSensitive(index, "documents"), aws);
	}
	print_subjects();
	tcase_set_timeout(tcase, 3600);
	tcase_add_loop_test(tcase, no_bit_is_free, 0, subject_count);
	tcase_add_loop_test(
	    tcase, no_bit_is_free_when_it_is_remembered, 0, subject_count);
	tcase_add_loop_test(tcase, no_byte_can_be_missing, 0, subject_count);
	tcase_add_loop_test(tcase, no_byte_can_follow, 0, subject_count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (int i = 0; i < subject_count; i++)
		file_free(&subjects[i].file);
	evidence_roots_unref(test_roots);
	evidence_roots_unref(aws);
	cJSON_Delete(index);
	cJSON_Delete(manifest);
	return failed ? 1 : 0;
}
