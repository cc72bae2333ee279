/* Many threads verify with one memory that is too small for what they bring. */
#include <pthread.h>
#include <stdatomic.h>

#include <check.h>

#include "evidence/chain_memory.h"
#include "evidence_test.h"

#define THREADS 4
#define ROUNDS  60
/* Good ones and refused ones of each step: every so many of the catalogue. */
#define DOCUMENTS 24
#define DISTANCE  20

static const char *folder;
static const cJSON *cases;
static struct evidence_roots *roots;
static struct chain_memory *memory;
static struct file files[DOCUMENTS];
static struct evidence_check checks[DOCUMENTS];
static int expected[DOCUMENTS];
static atomic_uint wrong;
static atomic_uint accepted;

static void *
verify_some(void *argument)
{
	unsigned int seed = *(unsigned int *)argument;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int number = (seed + round * 5) % DOCUMENTS;
		struct evidence_check check = checks[number];
		struct enclave_client_error error = {0};
		struct claims *claims = NULL;
		enum enclave_client_status status;

		status = evidence_verify(
		    file_bytes(&files[number]), &check, &claims, &error);
		if ((int)status != expected[number])
			atomic_fetch_add(&wrong, 1);
		if (claims)
			atomic_fetch_add(&accepted, 1);
		claims_unref(claims);
	}
	return NULL;
}

START_TEST(verdicts_do_not_mix)
{
	pthread_t threads[THREADS];
	unsigned int seeds[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		seeds[i] = i * 7;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, verify_some, &seeds[i]),
		    0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(atomic_load(&wrong), 0);
	ck_assert_uint_gt(atomic_load(&accepted), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("evidence-threads");
	TCase *tcase = tcase_create("threads");
	cJSON *manifest;
	SRunner *runner;
	int failed;

	if (argc != 2)
		return 2;
	folder = argv[1];
	manifest = json_read(folder, "manifest.json");
	cases = cJSON_GetObjectItemCaseSensitive(manifest, "cases");
	roots = roots_file(folder, json_string(manifest, "root"));
	memory = chain_memory_new_bounded(2);
	for (int i = 0; i < DOCUMENTS; i++) {
		const cJSON *item = cJSON_GetArrayItem(cases, i * DISTANCE);
		files[i] = file_read(folder, json_string(item, "file"));
		checks[i] =
		    check_at(roots, json_member_integer(item, "now_ms"));
		checks[i].max_age_ms = json_member_integer(item, "max_age_ms");
		checks[i].clock_skew_ms =
		    json_member_integer(item, "clock_skew_ms");
		checks[i].memory = memory;
		expected[i] = status_by_name(json_string(item, "status"));
	}
	tcase_add_test(tcase, verdicts_do_not_mix);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (int i = 0; i < DOCUMENTS; i++)
		file_free(&files[i]);
	chain_memory_free(memory);
	evidence_roots_unref(roots);
	cJSON_Delete(manifest);
	return failed ? 1 : 0;
}
