/* Slices, hex, the buffer at its ceiling, and what escapes a peer's bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *a;
	const char *b;
	bool equal;
} equalities[] = {
    {"", "", true},
    {"pcr0", "pcr0", true},
    {"pc", "pcrs", false},
    {"pcrs", "pc", false},
    {"pcr0", "pcr1", false},
    {"pcr0", "PCR0", false},
    {"", "p", false},
    {"p", "", false},
};

START_TEST(bytes_are_equal_only_in_length_and_content)
{
	struct bytes a = bytes_from_string(equalities[_i].a);
	struct bytes b = bytes_from_string(equalities[_i].b);

	ck_assert_uint_eq(a.len, strlen(equalities[_i].a));
	ck_assert_int_eq(bytes_equal(a, b), equalities[_i].equal);
	ck_assert_int_eq(
	    bytes_equal_string(a, equalities[_i].b), equalities[_i].equal);
}
END_TEST

START_TEST(empty_bytes_without_address_are_equal_to_any_empty)
{
	struct bytes none = {NULL, 0};

	ck_assert(bytes_equal(none, none));
	ck_assert(bytes_equal(none, bytes_from_string("")));
	ck_assert(bytes_equal(bytes_from_string(""), none));
	ck_assert(!bytes_equal(none, bytes_from_string("x")));
}
END_TEST

START_TEST(equality_looks_past_a_nul)
{
	static const uint8_t a[] = {'a', 0, 'b'};
	static const uint8_t b[] = {'a', 0, 'c'};

	ck_assert(!bytes_equal(
	    (struct bytes){a, sizeof(a)}, (struct bytes){b, sizeof(b)}));
	ck_assert(!bytes_equal_string((struct bytes){a, sizeof(a)}, "a"));
}
END_TEST

START_TEST(zero_is_every_byte_zero)
{
	uint8_t data[48] = {0};

	ck_assert(bytes_zero((struct bytes){data, sizeof(data)}));
	ck_assert(bytes_zero((struct bytes){NULL, 0}));
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = 128;
		ck_assert(!bytes_zero((struct bytes){data, sizeof(data)}));
		ck_assert(bytes_zero((struct bytes){data, i}));
		ck_assert(!bytes_zero((struct bytes){data + i, 1}));
		data[i] = 0;
	}
	memset(data, 1, sizeof(data));
	ck_assert(!bytes_zero((struct bytes){data, sizeof(data)}));
}
END_TEST

START_TEST(hex_gives_back_every_byte)
{
	uint8_t every[256], decoded[256];
	char text[2 * sizeof(every) + 1];

	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (uint8_t)i;
	hex_encode((struct bytes){every, sizeof(every)}, text);
	ck_assert_uint_eq(strlen(text), 2 * sizeof(every));
	ck_assert(!strncmp(text, "000102", 6));
	ck_assert_str_eq(text + 2 * sizeof(every) - 4, "feff");
	ck_assert(
	    hex_decode(bytes_from_string(text), decoded, sizeof(decoded)));
	ck_assert_mem_eq(decoded, every, sizeof(every));
}
END_TEST

START_TEST(no_bytes_are_an_empty_string_in_hex)
{
	char text[1] = {'x'};

	hex_encode((struct bytes){NULL, 0}, text);
	ck_assert_str_eq(text, "");
	ck_assert(hex_decode(bytes_from_string(""), NULL, 0));
}
END_TEST

START_TEST(hex_is_read_in_either_case)
{
	uint8_t value = 0;

	ck_assert(hex_decode(bytes_from_string("aF"), &value, 1));
	ck_assert_uint_eq(value, 0xaf);
	ck_assert(hex_decode(bytes_from_string("Fa"), &value, 1));
	ck_assert_uint_eq(value, 0xfa);
}
END_TEST

static const char *const not_two_bytes_of_hex[] = {
    "",
    "0",
    "00",
    "000",
    "00000",
    "000000",
    "0x00",
    "00 0",
    " 000",
    "000 ",
    "0g00",
    "000G",
    "/000",
    ":000",
    "@000",
    "`000",
    "00-1",
    "+000",
    "000\x80",
    "000\xff",
};

START_TEST(hex_of_another_length_or_alphabet_is_refused)
{
	uint8_t value[] = {0xa5, 0x5a};

	ck_assert(!hex_decode(
	    bytes_from_string(not_two_bytes_of_hex[_i]), value, sizeof(value)));
	ck_assert_uint_eq(value[0], 0xa5);
	ck_assert_uint_eq(value[1], 0x5a);
}
END_TEST

START_TEST(hex_that_hides_a_nul_is_refused)
{
	static const uint8_t digits[] = {'0', '0', '0', 0};
	uint8_t value[2];

	ck_assert(!hex_decode(
	    (struct bytes){digits, sizeof(digits)}, value, sizeof(value)));
}
END_TEST

START_TEST(buffer_holds_its_maximum_and_not_one_byte_more)
{
	static const size_t ceilings[] = {0, 1, 255, 256, 257, 1000, 4096};
	static const uint8_t filler[4097];
	size_t max = ceilings[_i];
	struct buffer buffer;

	buffer_init(&buffer, max);
	ck_assert_int_eq(buffer_append(&buffer, (struct bytes){filler, max}),
	    ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(buffer_bytes(&buffer).len, max);
	ck_assert_int_eq(buffer_append(&buffer, (struct bytes){filler, 1}),
	    ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE);
	ck_assert_uint_eq(buffer_bytes(&buffer).len, max);
	ck_assert_int_eq(buffer_append(&buffer, (struct bytes){filler, 0}),
	    ENCLAVE_CLIENT_OK);
	/* 256 is the first step of growth. */
	ck_assert_uint_le(buffer.capacity, max > 256 ? max : 256);
	buffer_clear(&buffer);
	ck_assert_int_eq(
	    buffer_append(&buffer, (struct bytes){filler, max + 1}),
	    ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE);
	ck_assert_uint_eq(buffer_bytes(&buffer).len, 0);
	buffer_clear(&buffer);
}
END_TEST

START_TEST(buffer_keeps_the_order_of_what_was_appended)
{
	struct buffer buffer;
	struct bytes all;

	buffer_init(&buffer, 1000);
	for (size_t i = 0; i < 1000; i++) {
		uint8_t byte = (uint8_t)(i % 251);
		ck_assert_int_eq(
		    buffer_append(&buffer, (struct bytes){&byte, 1}),
		    ENCLAVE_CLIENT_OK);
	}
	all = buffer_bytes(&buffer);
	ck_assert_uint_eq(all.len, 1000);
	for (size_t i = 0; i < all.len; i++)
		ck_assert_uint_eq(all.data[i], i % 251);
	buffer_clear(&buffer);
}
END_TEST

START_TEST(a_length_that_would_overflow_is_refused)
{
	static const uint8_t byte;
	struct buffer buffer;

	buffer_init(&buffer, SIZE_MAX);
	ck_assert_int_eq(buffer_append(&buffer, (struct bytes){&byte, 1}),
	    ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(
	    buffer_append(&buffer, (struct bytes){&byte, SIZE_MAX}),
	    ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE);
	ck_assert_uint_eq(buffer_bytes(&buffer).len, 1);
	buffer_clear(&buffer);
}
END_TEST

START_TEST(a_cleared_buffer_keeps_its_maximum_and_can_be_used_again)
{
	struct buffer buffer;

	buffer_init(&buffer, 3);
	buffer_clear(&buffer);
	buffer_clear(&buffer);
	ck_assert_ptr_null(buffer_bytes(&buffer).data);
	ck_assert_int_eq(buffer_append(&buffer, bytes_from_string("abc")),
	    ENCLAVE_CLIENT_OK);
	ck_assert(bytes_equal_string(buffer_bytes(&buffer), "abc"));
	buffer_clear(&buffer);
	ck_assert_int_eq(buffer_append(&buffer, bytes_from_string("abcd")),
	    ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE);
	ck_assert_uint_eq(buffer.max, 3);
}
END_TEST

static const struct {
	struct bytes input;
	size_t max;
	const char *text;
} escapes[] = {
    {{(const uint8_t *)"", 0}, 10, ""},
    {{(const uint8_t *)"plain text ~", 12}, 20, "plain text ~"},
    /* What would move a terminal's cursor or end a line of a log. */
    {{(const uint8_t *)"\033[2J", 4}, 20, "\\x1b[2J"},
    {{(const uint8_t *)"a\r\nb", 4}, 20, "a\\x0d\\x0ab"},
    {{(const uint8_t *)"\0", 1}, 20, "\\x00"},
    {{(const uint8_t *)"\x7f\x80\xff", 3}, 20, "\\x7f\\x80\\xff"},
    /* The escape character itself, or \x41 would be told two ways. */
    {{(const uint8_t *)"\\x41", 4}, 20, "\\x5cx41"},
    /* Cut at max, never inside an escape. */
    {{(const uint8_t *)"abcd", 4}, 3, "abc"},
    {{(const uint8_t *)"abcd", 4}, 4, "abcd"},
    {{(const uint8_t *)"abcd", 4}, 0, ""},
    {{(const uint8_t *)"a\n", 2}, 4, "a"},
    {{(const uint8_t *)"a\n", 2}, 5, "a\\x0a"},
    {{(const uint8_t *)"\n", 1}, 3, ""},
};

START_TEST(what_a_peer_sent_is_escaped_and_cut)
{
	char *text = bytes_escape(escapes[_i].input, escapes[_i].max);

	ck_assert_str_eq(text, escapes[_i].text);
	free(text);
}
END_TEST

START_TEST(every_escaped_byte_is_printable_ascii)
{
	uint8_t every[256];
	char *text;

	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (uint8_t)i;
	text = bytes_escape((struct bytes){every, sizeof(every)}, 4096);
	ck_assert_ptr_nonnull(text);
	for (const char *c = text; *c; c++)
		ck_assert(*c >= 0x20 && *c < 0x7f);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/bytes");
	TCase *bytes = tcase_create("bytes");
	TCase *hex = tcase_create("hex");
	TCase *growing = tcase_create("buffer");
	TCase *escaping = tcase_create("escape");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(bytes, bytes_are_equal_only_in_length_and_content,
	    0, COUNT(equalities));
	tcase_add_test(
	    bytes, empty_bytes_without_address_are_equal_to_any_empty);
	tcase_add_test(bytes, equality_looks_past_a_nul);
	tcase_add_test(bytes, zero_is_every_byte_zero);
	suite_add_tcase(suite, bytes);

	tcase_add_test(hex, hex_gives_back_every_byte);
	tcase_add_test(hex, no_bytes_are_an_empty_string_in_hex);
	tcase_add_test(hex, hex_is_read_in_either_case);
	tcase_add_loop_test(hex, hex_of_another_length_or_alphabet_is_refused,
	    0, COUNT(not_two_bytes_of_hex));
	tcase_add_test(hex, hex_that_hides_a_nul_is_refused);
	suite_add_tcase(suite, hex);

	tcase_add_loop_test(
	    growing, buffer_holds_its_maximum_and_not_one_byte_more, 0, 7);
	tcase_add_test(growing, buffer_keeps_the_order_of_what_was_appended);
	tcase_add_test(growing, a_length_that_would_overflow_is_refused);
	tcase_add_test(
	    growing, a_cleared_buffer_keeps_its_maximum_and_can_be_used_again);
	suite_add_tcase(suite, growing);

	tcase_add_loop_test(
	    escaping, what_a_peer_sent_is_escaped_and_cut, 0, COUNT(escapes));
	tcase_add_test(escaping, every_escaped_byte_is_printable_ascii);
	suite_add_tcase(suite, escaping);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
