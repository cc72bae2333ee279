/*
 * Numbers of the public enums are fixed for ever, and every status has name,
 * text and category.  tests/lint/statuses.py holds this table to the header.
 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <enclave_client.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROW(number, name)                                                      \
	{                                                                      \
		number, ENCLAVE_CLIENT_##name, "ENCLAVE_CLIENT_" #name         \
	}

static const struct {
	int number;
	enum enclave_client_status status;
	const char *name;
} statuses[] = {
    ROW(0, OK),
    ROW(100, ERR_USAGE),
    ROW(101, ERR_CONFIG),
    ROW(102, ERR_UNKNOWN_ENCLAVE),
    ROW(103, ERR_CANCELLED),
    ROW(104, ERR_BODY_TOO_LARGE),
    ROW(105, ERR_BODY_CALLBACK),
    ROW(200, ERR_MEMORY),
    ROW(300, ERR_NETWORK),
    ROW(301, ERR_EVIDENCE_NOT_SERVED),
    ROW(302, ERR_LEARNING_LIMITED),
    ROW(303, ERR_REDIRECT),
    ROW(400, ERR_TIMEOUT),
    ROW(500, ERR_ENCODING),
    ROW(501, ERR_DOCUMENT_SIZE),
    ROW(502, ERR_COSE),
    ROW(503, ERR_CBOR),
    ROW(504, ERR_FIELD),
    ROW(505, ERR_CERTIFICATE),
    ROW(600, ERR_ROOT),
    ROW(601, ERR_CHAIN),
    ROW(602, ERR_SIGNATURE),
    ROW(700, ERR_EXPIRED),
    ROW(701, ERR_NOT_YET_VALID),
    ROW(702, ERR_TOO_OLD),
    ROW(703, ERR_FROM_FUTURE),
    ROW(800, ERR_MEASUREMENT),
    ROW(801, ERR_DEBUG),
    ROW(900, ERR_KEY_NOT_ATTESTED),
    ROW(901, ERR_BINDING),
    ROW(1000, ERR_INTERNAL),
    ROW(1001, ERR_SELF_TEST),
    ROW(1002, ERR_UNSUPPORTED),
};

static const struct {
	int number;
	enum enclave_client_category category;
	const char *name;
} categories[] = {
    {0, ENCLAVE_CLIENT_CATEGORY_NONE, "none"},
    {1, ENCLAVE_CLIENT_CATEGORY_USAGE, "usage"},
    {2, ENCLAVE_CLIENT_CATEGORY_MEMORY, "memory"},
    {3, ENCLAVE_CLIENT_CATEGORY_NETWORK, "network"},
    {4, ENCLAVE_CLIENT_CATEGORY_TIMEOUT, "timeout"},
    {5, ENCLAVE_CLIENT_CATEGORY_MALFORMED, "malformed"},
    {6, ENCLAVE_CLIENT_CATEGORY_UNTRUSTED, "untrusted"},
    {7, ENCLAVE_CLIENT_CATEGORY_TIME, "time"},
    {8, ENCLAVE_CLIENT_CATEGORY_MEASUREMENT, "measurement"},
    {9, ENCLAVE_CLIENT_CATEGORY_KEY, "key"},
    {10, ENCLAVE_CLIENT_CATEGORY_INTERNAL, "internal"},
};

static const struct {
	int number;
	enum enclave_client_step step;
	const char *name;
} steps[] = {
    {0, ENCLAVE_CLIENT_STEP_NONE, "none"},
    {1, ENCLAVE_CLIENT_STEP_FETCH, "fetch"},
    {2, ENCLAVE_CLIENT_STEP_DECODE, "decode"},
    {3, ENCLAVE_CLIENT_STEP_STRUCTURE, "structure"},
    {4, ENCLAVE_CLIENT_STEP_CHAIN, "chain"},
    {5, ENCLAVE_CLIENT_STEP_SIGNATURE, "signature"},
    {6, ENCLAVE_CLIENT_STEP_TIME, "time"},
    {7, ENCLAVE_CLIENT_STEP_POLICY, "policy"},
    {8, ENCLAVE_CLIENT_STEP_BINDING, "binding"},
};

START_TEST(a_status_has_its_number_name_text_and_category)
{
	enum enclave_client_status status = statuses[_i].status;
	const char *text = enclave_client_status_text(status);

	ck_assert_int_eq(status, statuses[_i].number);
	ck_assert_str_eq(enclave_client_status_name(status), statuses[_i].name);
	ck_assert_str_ne(text, "unknown");
	ck_assert_uint_gt(strlen(text), 3);
	/* The hundreds are the category. */
	ck_assert_int_eq(
	    enclave_client_status_category(status), statuses[_i].number / 100);
}
END_TEST

START_TEST(no_two_statuses_read_alike)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(
			    enclave_client_status_text(statuses[i].status),
			    enclave_client_status_text(statuses[j].status));
}
END_TEST

static bool
status_exists(int number)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].number == number)
			return true;
	return false;
}

START_TEST(any_other_number_is_unknown_and_no_success)
{
	for (int number = -1; number < 2000; number++) {
		enum enclave_client_status status =
		    (enum enclave_client_status)number;
		if (status_exists(number))
			continue;
		ck_assert_str_eq(enclave_client_status_name(status), "unknown");
		ck_assert_str_eq(enclave_client_status_text(status), "unknown");
		ck_assert_int_ne(enclave_client_status_category(status),
		    ENCLAVE_CLIENT_CATEGORY_NONE);
	}
}
END_TEST

START_TEST(a_category_has_its_number_and_name)
{
	ck_assert_int_eq(categories[_i].category, categories[_i].number);
	ck_assert_str_eq(enclave_client_category_name(categories[_i].category),
	    categories[_i].name);
}
END_TEST

START_TEST(a_step_has_its_number_and_name)
{
	ck_assert_int_eq(steps[_i].step, steps[_i].number);
	ck_assert_str_eq(
	    enclave_client_step_name(steps[_i].step), steps[_i].name);
}
END_TEST

START_TEST(categories_and_steps_out_of_range_are_unknown)
{
	static const int numbers[] = {-1, 9, 11, 100, 0x7fffffff};

	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (numbers[i] != 9)
			ck_assert_str_eq(
			    enclave_client_category_name(
				(enum enclave_client_category)numbers[i]),
			    "unknown");
		ck_assert_str_eq(enclave_client_step_name(
				     (enum enclave_client_step)numbers[i]),
		    "unknown");
	}
}
END_TEST

START_TEST(the_version_is_that_of_the_header)
{
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "%d.%d.%d",
	    ENCLAVE_CLIENT_VERSION_MAJOR, ENCLAVE_CLIENT_VERSION_MINOR,
	    ENCLAVE_CLIENT_VERSION_PATCH);
	ck_assert_str_eq(enclave_client_version(), expected);
	/* The build system says the same. */
	ck_assert_str_eq(enclave_client_version(), PROJECT_VERSION);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/status");
	TCase *cases = tcase_create("tables");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(cases,
	    a_status_has_its_number_name_text_and_category, 0, COUNT(statuses));
	tcase_add_test(cases, no_two_statuses_read_alike);
	tcase_add_test(cases, any_other_number_is_unknown_and_no_success);
	tcase_add_loop_test(
	    cases, a_category_has_its_number_and_name, 0, COUNT(categories));
	tcase_add_loop_test(
	    cases, a_step_has_its_number_and_name, 0, COUNT(steps));
	tcase_add_test(cases, categories_and_steps_out_of_range_are_unknown);
	tcase_add_test(cases, the_version_is_that_of_the_header);
	suite_add_tcase(suite, cases);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
