/* How often learning may fail: pure, so the clock is a number. */
#include <check.h>
#include <string.h>

#include "client/learning_limits.h"

#define NOW_BOOT_MS INT64_C(5000000)

static struct enclave_client_error failure = {
    .status = ENCLAVE_CLIENT_ERR_SIGNATURE,
    .step = ENCLAVE_CLIENT_STEP_SIGNATURE,
};

static struct binding_key
key_of(uint8_t byte)
{
	struct binding_key key;

	memset(&key, 0, sizeof(key));
	memset(key.sha256, byte, sizeof(key.sha256));
	return key;
}

static void
fail_times(struct learning_limits *limits, unsigned int count, int64_t at_ms)
{
	for (unsigned int i = 0; i < count; i++)
		learning_limits_failed(limits, NULL, at_ms, &failure);
}

START_TEST(six_failures_are_free_and_the_seventh_waits)
{
	struct learning_limits limits = {0};
	struct enclave_client_error error = {0};

	for (unsigned int i = 0; i < LEARNING_TOKENS_MAX; i++) {
		ck_assert_int_eq(
		    learning_limits_check(&limits, NOW_BOOT_MS, &error), 0);
		fail_times(&limits, 1, NOW_BOOT_MS);
	}
	ck_assert_int_eq(learning_limits_check(&limits, NOW_BOOT_MS, &error),
	    ENCLAVE_CLIENT_ERR_LEARNING_LIMITED);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_FETCH);
	ck_assert_ptr_nonnull(strstr(error.message, "in 10000 ms"));
}
END_TEST

START_TEST(success_costs_nothing)
{
	struct learning_limits limits = {0};

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
		    learning_limits_check(&limits, NOW_BOOT_MS, NULL), 0);
}
END_TEST

static const struct {
	int64_t after_ms;
	unsigned int back; /* attempts that are allowed again */
} refills[] = {
    {0, 0},
    {LEARNING_TOKEN_MS - 1, 0},
    {LEARNING_TOKEN_MS, 1},
    {2 * LEARNING_TOKEN_MS - 1, 1},
    {2 * LEARNING_TOKEN_MS, 2},
    {5 * LEARNING_TOKEN_MS, 5},
    {6 * LEARNING_TOKEN_MS, 6},
    /* The bucket holds no more than that. */
    {INT64_C(1000000) * LEARNING_TOKEN_MS, 6},
};

START_TEST(one_comes_back_each_ten_seconds)
{
	int64_t now_ms = NOW_BOOT_MS + refills[_i].after_ms;
	struct learning_limits limits = {0};
	unsigned int back = 0;

	fail_times(&limits, LEARNING_TOKENS_MAX, NOW_BOOT_MS);
	while (!learning_limits_check(&limits, now_ms, NULL) && back < 100) {
		fail_times(&limits, 1, now_ms);
		back++;
	}
	ck_assert_uint_eq(back, refills[_i].back);
}
END_TEST

START_TEST(time_short_of_a_token_is_not_lost)
{
	struct learning_limits limits = {0};

	fail_times(&limits, LEARNING_TOKENS_MAX, NOW_BOOT_MS);
	/* Asked each second; the asking must not put the refill off. */
	for (int64_t i = 1; i < 10; i++)
		ck_assert_int_ne(learning_limits_check(
				     &limits, NOW_BOOT_MS + i * 1000, NULL),
		    0);
	ck_assert_int_eq(
	    learning_limits_check(&limits, NOW_BOOT_MS + 10000, NULL), 0);
}
END_TEST

START_TEST(failures_beyond_the_bucket_do_not_pile_up)
{
	struct learning_limits limits = {0};

	fail_times(&limits, 1000, NOW_BOOT_MS);
	ck_assert_int_eq(learning_limits_check(
			     &limits, NOW_BOOT_MS + LEARNING_TOKEN_MS, NULL),
	    0);
}
END_TEST

START_TEST(refused_key_is_refused_unasked_for_ten_seconds)
{
	struct learning_limits limits = {0};
	struct enclave_client_error error = {0};
	const struct binding_key key = key_of(1);
	const struct binding_key other = key_of(2);

	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &key, NOW_BOOT_MS, &error), 0);
	learning_limits_failed(&limits, &key, NOW_BOOT_MS, &failure);
	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &key, NOW_BOOT_MS, &error),
	    ENCLAVE_CLIENT_ERR_SIGNATURE);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_SIGNATURE);
	ck_assert_int_eq(learning_limits_check_key(&limits, &key,
			     NOW_BOOT_MS + LEARNING_REFUSED_KEY_MS - 1, NULL),
	    ENCLAVE_CLIENT_ERR_SIGNATURE);
	ck_assert_int_eq(learning_limits_check_key(&limits, &key,
			     NOW_BOOT_MS + LEARNING_REFUSED_KEY_MS, NULL),
	    0);
	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &other, NOW_BOOT_MS, NULL), 0);
}
END_TEST

START_TEST(key_of_zeros_was_never_refused)
{
	struct learning_limits limits = {0};
	const struct binding_key zeros = key_of(0);

	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &zeros, -1000, NULL), 0);
	fail_times(&limits, 1, NOW_BOOT_MS);
	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &zeros, NOW_BOOT_MS, NULL), 0);
}
END_TEST

START_TEST(last_keys_are_remembered_and_the_first_forgotten)
{
	struct learning_limits limits = {0};
	struct binding_key key;

	for (uint8_t i = 1; i <= LEARNING_REFUSED_KEYS_MAX + 1; i++) {
		key = key_of(i);
		learning_limits_failed(&limits, &key, NOW_BOOT_MS, &failure);
	}
	key = key_of(1);
	ck_assert_int_eq(
	    learning_limits_check_key(&limits, &key, NOW_BOOT_MS, NULL), 0);
	for (uint8_t i = 2; i <= LEARNING_REFUSED_KEYS_MAX + 1; i++) {
		key = key_of(i);
		ck_assert_int_ne(
		    learning_limits_check_key(&limits, &key, NOW_BOOT_MS, NULL),
		    0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client-learning-limits");
	TCase *tcase = tcase_create("limits");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, six_failures_are_free_and_the_seventh_waits);
	tcase_add_test(tcase, success_costs_nothing);
	tcase_add_loop_test(tcase, one_comes_back_each_ten_seconds, 0,
	    (int)(sizeof(refills) / sizeof(refills[0])));
	tcase_add_test(tcase, time_short_of_a_token_is_not_lost);
	tcase_add_test(tcase, failures_beyond_the_bucket_do_not_pile_up);
	tcase_add_test(tcase, refused_key_is_refused_unasked_for_ten_seconds);
	tcase_add_test(tcase, key_of_zeros_was_never_refused);
	tcase_add_test(tcase, last_keys_are_remembered_and_the_first_forgotten);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
