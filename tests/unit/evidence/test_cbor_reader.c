/* The strict reader: one head at a time, by RFC 8949's own examples and by
 * what it must refuse. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "evidence/cbor_reader.h"
#include "evidence/cose.h"
#include "evidence_test.h"

/* Input in hex, exactly sized on the heap so that sanitizers see overreads. */
static struct file
from_hex(const char *hex)
{
	struct file file = {NULL, strlen(hex) / 2};

	file.data = malloc(file.len ? file.len : 1);
	ck_assert_ptr_nonnull(file.data);
	ck_assert(hex_decode(bytes_from_string(hex), file.data, file.len));
	return file;
}

static const struct {
	const char *hex;
	enum item_type type;
	uint64_t value;
	bool indefinite;
	size_t taken;
} heads[] = {
    {"00", ITEM_UINT, 0, false, 1},
    {"17", ITEM_UINT, 23, false, 1},
    {"1818", ITEM_UINT, 24, false, 2},
    {"18ff", ITEM_UINT, 255, false, 2},
    {"190100", ITEM_UINT, 256, false, 3},
    {"19ffff", ITEM_UINT, 65535, false, 3},
    {"1a00010000", ITEM_UINT, 65536, false, 5},
    {"1affffffff", ITEM_UINT, UINT32_MAX, false, 5},
    {"1b0000000100000000", ITEM_UINT, UINT64_C(1) << 32, false, 9},
    {"1bffffffffffffffff", ITEM_UINT, UINT64_MAX, false, 9},
    {"20", ITEM_NEGATIVE, 0, false, 1},
    {"3863", ITEM_NEGATIVE, 99, false, 2},
    {"3903e7", ITEM_NEGATIVE, 999, false, 3},
    {"3a00010000", ITEM_NEGATIVE, 65536, false, 5},
    {"3bffffffffffffffff", ITEM_NEGATIVE, UINT64_MAX, false, 9},
    {"40", ITEM_BYTES, 0, false, 1},
    {"4401020304", ITEM_BYTES, 4, false, 5},
    {"60", ITEM_TEXT, 0, false, 1},
    {"6449455446", ITEM_TEXT, 4, false, 5},
    {"80", ITEM_ARRAY, 0, false, 1},
    {"83010203", ITEM_ARRAY, 3, false, 1},
    {"9f", ITEM_ARRAY, 0, true, 1},
    {"a0", ITEM_MAP, 0, false, 1},
    {"a201020304", ITEM_MAP, 2, false, 1},
    {"bf", ITEM_MAP, 0, true, 1},
    {"d81800", ITEM_TAG, 24, false, 2},
    {"f4", ITEM_OTHER, 0, false, 1},
    {"f5", ITEM_OTHER, 0, false, 1},
    {"f6", ITEM_NULL, 0, false, 1},
    {"f7", ITEM_OTHER, 0, false, 1},
    {"f90000", ITEM_OTHER, 0, false, 3},
    {"fa47c35000", ITEM_OTHER, 0, false, 5},
    {"fb3ff199999999999a", ITEM_OTHER, 0, false, 9},
    {"ff", ITEM_BREAK, 0, false, 1},
};

START_TEST(a_head_is_read)
{
	struct file file = from_hex(heads[_i].hex);
	struct reader reader = {.input = file_bytes(&file)};
	struct item item;

	ck_assert_int_eq(reader_next(&reader, &item), READER_OK);
	ck_assert_int_eq(item.type, heads[_i].type);
	ck_assert(item.value == heads[_i].value);
	ck_assert_int_eq(item.indefinite, heads[_i].indefinite);
	ck_assert_uint_eq(reader.offset, heads[_i].taken);
	ck_assert_int_eq(reader_at_end(&reader), heads[_i].taken == file.len);
	if (item.type == ITEM_BYTES || item.type == ITEM_TEXT)
		ck_assert_uint_eq(item.string.len, item.value);
	ck_assert_uint_gt(strlen(item_type_text(item.type)), 0);
	file_free(&file);
}
END_TEST

static const struct {
	const char *hex;
	enum reader_fault fault;
} faults[] = {
    {"", READER_ENDED},
    {"18", READER_ENDED},
    {"1900", READER_ENDED},
    {"1b00000000000000", READER_ENDED},
    {"41", READER_ENDED},
    {"430102", READER_ENDED},
    {"62ff", READER_ENDED},
    {"59ffff00", READER_ENDED},
    {"5bffffffffffffffff", READER_ENDED},
    {"5b8000000000000000", READER_ENDED},
    {"5b7fffffffffffffff41", READER_ENDED},
    {"7bffffffffffffffff", READER_ENDED},
    {"1800", READER_NOT_SHORTEST},
    {"1817", READER_NOT_SHORTEST},
    {"1900ff", READER_NOT_SHORTEST},
    {"1a0000ffff", READER_NOT_SHORTEST},
    {"1b00000000ffffffff", READER_NOT_SHORTEST},
    {"3800", READER_NOT_SHORTEST},
    {"3b0000000000000000", READER_NOT_SHORTEST},
    {"580141", READER_NOT_SHORTEST},
    {"59000141", READER_NOT_SHORTEST},
    {"5a0000000141", READER_NOT_SHORTEST},
    {"7801ff", READER_NOT_SHORTEST},
    {"980100", READER_NOT_SHORTEST},
    {"b8010000", READER_NOT_SHORTEST},
    {"990001f6", READER_NOT_SHORTEST},
    {"5f4101ff", READER_CHUNKED},
    {"7f6161ff", READER_CHUNKED},
    {"5f", READER_CHUNKED},
    {"81", READER_COUNT},
    {"8200", READER_COUNT},
    {"9a0fffffff", READER_COUNT},
    {"9a80000000", READER_COUNT},
    {"9bffffffffffffffff00", READER_COUNT},
    {"a1", READER_COUNT},
    {"a100", READER_COUNT},
    {"a2000000", READER_COUNT},
    {"bbffffffffffffffff0000", READER_COUNT},
    {"bb80000000000000010000", READER_COUNT},
    {"1c", READER_MALFORMED},
    {"1d", READER_MALFORMED},
    {"1e", READER_MALFORMED},
    {"1f", READER_MALFORMED},
    {"3c", READER_MALFORMED},
    {"5c", READER_MALFORMED},
    {"7d", READER_MALFORMED},
    {"9e", READER_MALFORMED},
    {"bc", READER_MALFORMED},
    {"fc", READER_MALFORMED},
};

START_TEST(a_fault_is_named_and_nothing_moves)
{
	struct file file = from_hex(faults[_i].hex);
	struct reader reader = {.input = file_bytes(&file)};
	struct item item = {.type = ITEM_BREAK, .value = 77};

	ck_assert_int_eq(reader_next(&reader, &item), faults[_i].fault);
	ck_assert_uint_eq(reader.offset, 0);
	ck_assert_int_eq(item.type, ITEM_BREAK);
	ck_assert_uint_eq(item.value, 77);
	ck_assert_uint_gt(strlen(reader_fault_text(faults[_i].fault)), 0);
	file_free(&file);
}
END_TEST

/* No two bytes crash it, or make it take more than there is. */
START_TEST(every_pair_of_bytes)
{
	uint8_t pair[2];
	struct item item;

	for (unsigned int i = 0; i <= UINT16_MAX; i++) {
		struct reader reader = {.input = {pair, 2}};
		pair[0] = (uint8_t)(i >> 8);
		pair[1] = (uint8_t)i;
		if (reader_next(&reader, &item) == READER_OK)
			ck_assert_uint_gt(reader.offset, 0);
		ck_assert_uint_le(reader.offset, 2);
	}
}
END_TEST

static const struct {
	size_t payload_len;
	const char *end; /* of the head, behind the constant part */
} structures[] = {
    {1, "41"},
    {23, "57"},
    {24, "5818"},
    {255, "58ff"},
    {256, "590100"},
    {4381, "59111d"},
    {16384, "594000"},
};

/* RFC 9052 4.4, with shortest lengths. */
START_TEST(sig_structure_begins_as_it_should)
{
	static const char constant[] = "846a5369676e61747572653144a101382240";
	uint8_t head[SIG_STRUCTURE_HEAD_MAX_BYTES];
	char hex[2 * SIG_STRUCTURE_HEAD_MAX_BYTES + 1];
	size_t len = sig_structure_head(structures[_i].payload_len, head);

	hex_encode((struct bytes){head, len}, hex);
	ck_assert(!strncmp(hex, constant, strlen(constant)));
	ck_assert_str_eq(hex + strlen(constant), structures[_i].end);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("cbor-reader");
	TCase *tcase = tcase_create("heads");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, a_head_is_read, 0, COUNT(heads));
	tcase_add_loop_test(
	    tcase, a_fault_is_named_and_nothing_moves, 0, COUNT(faults));
	tcase_add_test(tcase, every_pair_of_bytes);
	tcase_add_loop_test(
	    tcase, sig_structure_begins_as_it_should, 0, COUNT(structures));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
