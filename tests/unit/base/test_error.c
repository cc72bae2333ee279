/* The error object: set, named, added to, cut, copied; and none at all. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct enclave_client_error *error;

static void
setup(void)
{
	error = enclave_client_error_new();
	ck_assert_ptr_nonnull(error);
}

static void
teardown(void)
{
	enclave_client_error_free(error);
}

static void
assert_clear(void)
{
	ck_assert_int_eq(enclave_client_error_status(error), ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(
	    enclave_client_error_step(error), ENCLAVE_CLIENT_STEP_NONE);
	ck_assert_int_eq(
	    enclave_client_error_foreign(error), ENCLAVE_CLIENT_FOREIGN_NONE);
	ck_assert_int_eq(enclave_client_error_foreign_code(error), 0);
	ck_assert_str_eq(enclave_client_error_enclave(error), "");
	ck_assert_str_eq(enclave_client_error_message(error), "");
	ck_assert_int_eq(enclave_client_error_pcr(error), -1);
	ck_assert_str_eq(enclave_client_error_pcr_shown(error), "");
	ck_assert_ptr_null(enclave_client_error_pcr_accepted(error, 0));
	ck_assert(!enclave_client_error_pcr_accepted_more(error));
	ck_assert_int_eq(
	    enclave_client_error_age_ms(error), ENCLAVE_CLIENT_MS_UNKNOWN);
	ck_assert_int_eq(
	    enclave_client_error_deadline_ms(error), ENCLAVE_CLIENT_MS_UNKNOWN);
}

START_TEST(a_new_error_is_clear)
{
	assert_clear();
}
END_TEST

START_TEST(set_gives_the_status_back_and_keeps_everything)
{
	ck_assert_int_eq(
	    error_set(error, ENCLAVE_CLIENT_ERR_CHAIN,
		ENCLAVE_CLIENT_STEP_CHAIN, "certificate %d of %d", 2, 5),
	    ENCLAVE_CLIENT_ERR_CHAIN);
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_X509, 20);
	ck_assert_int_eq(
	    enclave_client_error_status(error), ENCLAVE_CLIENT_ERR_CHAIN);
	ck_assert_int_eq(
	    enclave_client_error_step(error), ENCLAVE_CLIENT_STEP_CHAIN);
	ck_assert_str_eq(
	    enclave_client_error_message(error), "certificate 2 of 5");
	ck_assert_int_eq(
	    enclave_client_error_foreign(error), ENCLAVE_CLIENT_FOREIGN_X509);
	ck_assert_int_eq(enclave_client_error_foreign_code(error), 20);
	error_clear(error);
	assert_clear();
}
END_TEST

/* 48 times a byte, as a register and as its digits. */
struct register_text {
	uint8_t bytes[PCR_BYTES];
	char hex[PCR_HEX_BYTES];
};

static struct register_text
register_of(uint8_t byte)
{
	struct register_text text;

	memset(text.bytes, byte, sizeof(text.bytes));
	hex_encode((struct bytes){text.bytes, sizeof(text.bytes)}, text.hex);
	return text;
}

static struct bytes
bytes_of(const struct register_text *text)
{
	return (struct bytes){text->bytes, sizeof(text->bytes)};
}

START_TEST(a_register_is_told_with_all_that_fits)
{
	struct register_text shown = register_of(0xa5);

	error_set(error, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY, "refused");
	error_set_pcr(error, 8, bytes_of(&shown));
	for (uint8_t i = 0; i < ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX; i++) {
		struct register_text accepted = register_of(i);

		ck_assert_ptr_null(enclave_client_error_pcr_accepted(error, i));
		error_add_accepted(error, bytes_of(&accepted));
		ck_assert_str_eq(
		    enclave_client_error_pcr_accepted(error, i), accepted.hex);
	}
	ck_assert_int_eq(enclave_client_error_pcr(error), 8);
	ck_assert_str_eq(enclave_client_error_pcr_shown(error), shown.hex);
	ck_assert(!enclave_client_error_pcr_accepted_more(error));
	error_add_accepted(error, bytes_of(&shown));
	ck_assert(enclave_client_error_pcr_accepted_more(error));
	ck_assert_ptr_null(enclave_client_error_pcr_accepted(
	    error, ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX));
	error_clear(error);
	assert_clear();
}
END_TEST

START_TEST(a_register_that_is_not_there_is_told_too)
{
	error_set(error, ENCLAVE_CLIENT_ERR_MEASUREMENT,
	    ENCLAVE_CLIENT_STEP_POLICY, "refused");
	error_set_pcr(error, 0, (struct bytes){0});
	ck_assert_int_eq(enclave_client_error_pcr(error), 0);
	ck_assert_str_eq(enclave_client_error_pcr_shown(error), "");
}
END_TEST

START_TEST(times_are_told_and_zero_is_a_time)
{
	error_set(error, ENCLAVE_CLIENT_ERR_TOO_OLD, ENCLAVE_CLIENT_STEP_TIME,
	    "too old");
	error_set_age(error, 0);
	ck_assert_int_eq(enclave_client_error_age_ms(error), 0);
	ck_assert_int_eq(
	    enclave_client_error_deadline_ms(error), ENCLAVE_CLIENT_MS_UNKNOWN);
	error_set_age(error, -77);
	error_set_deadline(error, 0);
	ck_assert_int_eq(enclave_client_error_age_ms(error), -77);
	ck_assert_int_eq(enclave_client_error_deadline_ms(error), 0);
	error_clear(error);
	assert_clear();
}
END_TEST

START_TEST(set_again_leaves_nothing_of_what_was_before)
{
	struct register_text shown = register_of(1);

	error_set(error, ENCLAVE_CLIENT_ERR_NETWORK, ENCLAVE_CLIENT_STEP_FETCH,
	    "could not connect");
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, ECONNREFUSED);
	error_set_enclave(error, "payments");
	error_set_pcr(error, 1, bytes_of(&shown));
	error_add_accepted(error, bytes_of(&shown));
	error_set_age(error, 1);
	error_set_deadline(error, 1);
	error_set(error, ENCLAVE_CLIENT_ERR_USAGE, ENCLAVE_CLIENT_STEP_NONE,
	    "no method");
	ck_assert_str_eq(enclave_client_error_enclave(error), "");
	ck_assert_str_eq(enclave_client_error_message(error), "no method");
	ck_assert_int_eq(
	    enclave_client_error_step(error), ENCLAVE_CLIENT_STEP_NONE);
	ck_assert_int_eq(
	    enclave_client_error_foreign(error), ENCLAVE_CLIENT_FOREIGN_NONE);
	ck_assert_int_eq(enclave_client_error_foreign_code(error), 0);
	ck_assert_int_eq(enclave_client_error_pcr(error), -1);
	ck_assert_str_eq(enclave_client_error_pcr_shown(error), "");
	ck_assert_ptr_null(enclave_client_error_pcr_accepted(error, 0));
	ck_assert_int_eq(
	    enclave_client_error_age_ms(error), ENCLAVE_CLIENT_MS_UNKNOWN);
	ck_assert_int_eq(
	    enclave_client_error_deadline_ms(error), ENCLAVE_CLIENT_MS_UNKNOWN);
}
END_TEST

START_TEST(short_memory_has_one_constant_message)
{
	ck_assert_int_eq(error_memory(error), ENCLAVE_CLIENT_ERR_MEMORY);
	ck_assert_int_eq(
	    enclave_client_error_status(error), ENCLAVE_CLIENT_ERR_MEMORY);
	ck_assert_str_eq(enclave_client_error_message(error), "out of memory");
}
END_TEST

START_TEST(the_enclave_is_named_once_and_first)
{
	error_set(error, ENCLAVE_CLIENT_ERR_TOO_OLD, ENCLAVE_CLIENT_STEP_TIME,
	    "too old");
	error_set_enclave(error, "payments");
	error_set_enclave(error, "another");
	ck_assert_str_eq(enclave_client_error_enclave(error), "payments");
	ck_assert_str_eq(
	    enclave_client_error_message(error), "payments: too old");
}
END_TEST

START_TEST(a_success_names_no_enclave)
{
	error_set_enclave(error, "payments");
	assert_clear();
}
END_TEST

START_TEST(what_is_appended_comes_last)
{
	error_set(error, ENCLAVE_CLIENT_ERR_FROM_FUTURE,
	    ENCLAVE_CLIENT_STEP_TIME, "from the future");
	error_append(error, "; by %d ms", 77);
	error_append(error, "; the clock may be wrong");
	ck_assert_str_eq(enclave_client_error_message(error),
	    "from the future; by 77 ms; the clock may be wrong");
}
END_TEST

/* Letters with a start and an end that are told apart. */
static void
fill(char *text, size_t len)
{
	memset(text, 'm', len);
	text[0] = '<';
	text[len - 1] = '>';
	text[len] = '\0';
}

START_TEST(a_long_message_is_cut_and_stays_a_string)
{
	static const size_t lens[] = {
	    ERROR_MESSAGE_MAX_BYTES - 2,
	    ERROR_MESSAGE_MAX_BYTES - 1,
	    ERROR_MESSAGE_MAX_BYTES,
	    ERROR_MESSAGE_MAX_BYTES + 1,
	    3 * ERROR_MESSAGE_MAX_BYTES,
	};
	char text[3 * ERROR_MESSAGE_MAX_BYTES + 1];
	size_t kept = lens[_i] < ERROR_MESSAGE_MAX_BYTES
			  ? lens[_i]
			  : ERROR_MESSAGE_MAX_BYTES - 1;
	const char *message;

	fill(text, lens[_i]);
	error_set(error, ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
	    "%s", text);
	message = enclave_client_error_message(error);
	ck_assert_uint_eq(strlen(message), kept);
	ck_assert(!strncmp(message, text, kept));
	error_append(error, "more");
	ck_assert_uint_lt(strlen(enclave_client_error_message(error)),
	    ERROR_MESSAGE_MAX_BYTES);
	ck_assert(!strncmp(message, text, kept));
}
END_TEST

START_TEST(the_longest_name_and_message_keep_the_name_whole)
{
	char name[ENCLAVE_NAME_MAX_BYTES + 1];
	char text[2 * ERROR_MESSAGE_MAX_BYTES];
	const char *message;

	fill(name, ENCLAVE_NAME_MAX_BYTES);
	fill(text, sizeof(text) - 1);
	error_set(error, ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
	    "%s", text);
	error_set_enclave(error, name);
	message = enclave_client_error_message(error);
	ck_assert_str_eq(enclave_client_error_enclave(error), name);
	ck_assert(!strncmp(message, name, strlen(name)));
	ck_assert(!strncmp(message + strlen(name), ": <mmm", 6));
	ck_assert_uint_lt(strlen(message), ERROR_MESSAGE_MAX_BYTES);
}
END_TEST

START_TEST(a_name_past_the_limit_is_cut)
{
	char name[ENCLAVE_NAME_MAX_BYTES + 2];

	fill(name, ENCLAVE_NAME_MAX_BYTES + 1);
	error_set(error, ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
	    "refused");
	error_set_enclave(error, name);
	ck_assert_uint_eq(strlen(enclave_client_error_enclave(error)),
	    ENCLAVE_NAME_MAX_BYTES);
}
END_TEST

static const struct {
	const char *raw;
	const char *shown;
} unprintables[] = {
    {"two\nlines", "two?lines"},
    {"\033[31mred", "?[31mred"},
    {"caf\xc3\xa9", "caf??"},
    {"\x7f\t\r", "???"},
    {"~ is the last", "~ is the last"},
};

START_TEST(a_message_is_one_line_of_printable_ascii)
{
	error_set(error, ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
	    "%s", unprintables[_i].raw);
	ck_assert_str_eq(
	    enclave_client_error_message(error), unprintables[_i].shown);
	error_set(error, ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
	    "%s", "");
	error_append(error, "%s", unprintables[_i].raw);
	ck_assert_str_eq(
	    enclave_client_error_message(error), unprintables[_i].shown);
	error_set_enclave(error, unprintables[_i].raw);
	ck_assert_str_eq(
	    enclave_client_error_enclave(error), unprintables[_i].shown);
}
END_TEST

START_TEST(a_copy_is_equal_and_apart)
{
	struct enclave_client_error *copy = enclave_client_error_new();

	ck_assert_ptr_nonnull(copy);
	error_set(error, ENCLAVE_CLIENT_ERR_DEBUG, ENCLAVE_CLIENT_STEP_POLICY,
	    "debug enclave");
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_HTTP, 503);
	error_set_enclave(error, "payments");
	error_copy(copy, error);
	error_clear(error);
	ck_assert_int_eq(
	    enclave_client_error_status(copy), ENCLAVE_CLIENT_ERR_DEBUG);
	ck_assert_int_eq(
	    enclave_client_error_step(copy), ENCLAVE_CLIENT_STEP_POLICY);
	ck_assert_int_eq(enclave_client_error_foreign_code(copy), 503);
	ck_assert_str_eq(
	    enclave_client_error_message(copy), "payments: debug enclave");
	error_copy(error, copy);
	error_copy(error, NULL);
	assert_clear();
	enclave_client_error_free(copy);
}
END_TEST

START_TEST(no_error_object_is_tolerated_everywhere)
{
	ck_assert_int_eq(error_set(NULL, ENCLAVE_CLIENT_ERR_COSE,
			     ENCLAVE_CLIENT_STEP_STRUCTURE, "tag %d", 17),
	    ENCLAVE_CLIENT_ERR_COSE);
	ck_assert_int_eq(error_memory(NULL), ENCLAVE_CLIENT_ERR_MEMORY);
	error_clear(NULL);
	error_append(NULL, "%d", 1);
	error_set_enclave(NULL, "payments");
	error_set_foreign(NULL, ENCLAVE_CLIENT_FOREIGN_CURL, 7);
	error_set_age(NULL, 1);
	error_set_deadline(NULL, 1);
	error_set_pcr(NULL, 0, (struct bytes){0});
	error_add_accepted(NULL, (struct bytes){0});
	error_copy(NULL, error);
	error_copy(NULL, NULL);
	enclave_client_error_free(NULL);
	ck_assert_str_ne(enclave_client_error_message(NULL), "");
	ck_assert_str_eq(enclave_client_error_enclave(NULL), "");
	ck_assert_int_eq(enclave_client_error_status(NULL), ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(
	    enclave_client_error_step(NULL), ENCLAVE_CLIENT_STEP_NONE);
	ck_assert_int_eq(
	    enclave_client_error_foreign(NULL), ENCLAVE_CLIENT_FOREIGN_NONE);
	ck_assert_int_eq(enclave_client_error_foreign_code(NULL), 0);
	ck_assert_int_eq(enclave_client_error_pcr(NULL), -1);
	ck_assert_str_eq(enclave_client_error_pcr_shown(NULL), "");
	ck_assert_ptr_null(enclave_client_error_pcr_accepted(NULL, 0));
	ck_assert(!enclave_client_error_pcr_accepted_more(NULL));
	ck_assert_int_eq(
	    enclave_client_error_age_ms(NULL), ENCLAVE_CLIENT_MS_UNKNOWN);
	ck_assert_int_eq(
	    enclave_client_error_deadline_ms(NULL), ENCLAVE_CLIENT_MS_UNKNOWN);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/error");
	TCase *cases = tcase_create("error");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_new_error_is_clear);
	tcase_add_test(cases, set_gives_the_status_back_and_keeps_everything);
	tcase_add_test(cases, a_register_is_told_with_all_that_fits);
	tcase_add_test(cases, a_register_that_is_not_there_is_told_too);
	tcase_add_test(cases, times_are_told_and_zero_is_a_time);
	tcase_add_test(cases, set_again_leaves_nothing_of_what_was_before);
	tcase_add_test(cases, short_memory_has_one_constant_message);
	tcase_add_test(cases, the_enclave_is_named_once_and_first);
	tcase_add_test(cases, a_success_names_no_enclave);
	tcase_add_test(cases, what_is_appended_comes_last);
	tcase_add_loop_test(
	    cases, a_long_message_is_cut_and_stays_a_string, 0, 5);
	tcase_add_test(cases, the_longest_name_and_message_keep_the_name_whole);
	tcase_add_test(cases, a_name_past_the_limit_is_cut);
	tcase_add_loop_test(cases, a_message_is_one_line_of_printable_ascii, 0,
	    COUNT(unprintables));
	tcase_add_test(cases, a_copy_is_equal_and_apart);
	tcase_add_test(cases, no_error_object_is_tolerated_everywhere);
	suite_add_tcase(suite, cases);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
