/* Document bytes out of bodies and files, and what is no body. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"
#include "appraisal/decode.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define JSON(text)   "{\"attestation_doc\":\"" text "\"}"

static struct profile
with_encoding(enum profile_encoding encoding)
{
	struct profile profile = *profile_default();

	profile.encoding = encoding;
	return profile;
}

static const struct {
	enum profile_encoding encoding;
	const char *body;
	const char *document; /* NULL: refused */
	const char *message;
} bodies[] = {
    {PROFILE_JSON_BASE64, JSON("aGVsbG8="), "hello", NULL},
    {PROFILE_JSON_BASE64, JSON("aGVsbG8h"), "hello!", NULL},
    {PROFILE_JSON_BASE64, JSON("aGVsbA=="), "hell", NULL},
    {PROFILE_JSON_BASE64, JSON("Pz8/Pj4+"), "\?\?\?>>>", NULL},
    {PROFILE_JSON_BASE64, JSON("Pz8\\/Pj4+"), "\?\?\?>>>", NULL},
    {PROFILE_JSON_BASE64, " " JSON("aGVsbG8=") "\n", "hello", NULL},
    {PROFILE_JSON_BASE64,
	"{\"more\":[1],\"attestation_doc\":\"aGVsbG8=\",\"v\":2}", "hello",
	NULL},
    {PROFILE_BASE64, "aGVsbG8=", "hello", NULL},
    {PROFILE_BASE64, "aGVsbG8=\n", "hello", NULL},
    {PROFILE_BASE64, "aGVsbG8=\r\n", "hello", NULL},
    {PROFILE_HEX, "68656c6C6F", "hello", NULL},
    {PROFILE_HEX, "68656c6c6f\n", "hello", NULL},
    {PROFILE_RAW, "hello", "hello", NULL},
    {PROFILE_RAW, "hello\n", "hello\n", NULL},
    /* JSON */
    {PROFILE_JSON_BASE64, "<!DOCTYPE html>", NULL,
	"the body is not JSON: line 1, column 1: expected a value; it begins "
	"with \"<!DOCTYPE html>\" (HTML?)"},
    {PROFILE_JSON_BASE64, "\x1b[2Jx", NULL, "it begins with \"\\x1b[2Jx\""},
    {PROFILE_JSON_BASE64, "aGVsbG8=", NULL, "the body is not JSON"},
    {PROFILE_JSON_BASE64, "{\"attestation_doc\":\"aGVsbG8=\"", NULL,
	"the body is not JSON"},
    {PROFILE_JSON_BASE64, JSON("aGVsbG8=") "x", NULL, "follows the end"},
    {PROFILE_JSON_BASE64, "[]", NULL, "a list, expected a JSON object"},
    {PROFILE_JSON_BASE64, "\"aGVsbG8=\"", NULL, "a string, expected a JSON"},
    {PROFILE_JSON_BASE64, "{}", NULL,
	"the member \"attestation_doc\" of the body is missing"},
    {PROFILE_JSON_BASE64, "{\"Attestation_doc\":\"aGVsbG8=\"}", NULL,
	"is missing"},
    {PROFILE_JSON_BASE64, "{\"error\":\"x\"}", NULL, "begins with \"{\"error"},
    {PROFILE_JSON_BASE64, "{\"attestation_doc\":null}", NULL, "is null"},
    {PROFILE_JSON_BASE64, "{\"attestation_doc\":[\"aGVsbG8=\"]}", NULL,
	"is a list"},
    {PROFILE_JSON_BASE64,
	"{\"attestation_doc\":\"aGVsbG8=\",\"attestation_doc\":\"aGVsbG8=\"}",
	NULL, "stands there twice"},
    {PROFILE_JSON_BASE64, JSON(""), NULL, "not base64"},
    {PROFILE_JSON_BASE64, JSON("aGVsbG8=\\n"), NULL, "not base64"},
    {PROFILE_JSON_BASE64, JSON("aGVs\\nbG8="), NULL, "not base64"},
    {PROFILE_JSON_BASE64, JSON(" aGVsbG8="), NULL, "not base64"},
    /* base64 */
    {PROFILE_BASE64, "aGVsbG8", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG8==", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG8===", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsb===", NULL, "not base64"},
    {PROFILE_BASE64, "====", NULL, "not base64"},
    {PROFILE_BASE64, "aGVs=bG8", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG8=aGVs", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG9=", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbB==", NULL, "not base64"},
    {PROFILE_BASE64, "Pz8_Pj4-", NULL, "not base64"},
    {PROFILE_BASE64, "aGVs bG8=", NULL, "not base64"},
    {PROFILE_BASE64, "aGVs\nbG8=", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG8=\n\n", NULL, "not base64"},
    {PROFILE_BASE64, "aGVsbG8\x80", NULL, "not base64"},
    {PROFILE_BASE64, "\n", NULL, "not base64"},
    /* hex */
    {PROFILE_HEX, "68656c6c6", NULL, "not hex"},
    {PROFILE_HEX, "0x6865", NULL, "not hex"},
    {PROFILE_HEX, "68 65", NULL, "not hex"},
    {PROFILE_HEX, "686g", NULL, "not hex"},
    {PROFILE_HEX, "\n", NULL, "not hex"},
};

START_TEST(a_body_is_decoded_strictly)
{
	struct profile profile = with_encoding(bodies[_i].encoding);
	struct enclave_client_error error;
	struct buffer document = {.len = 77};
	enum enclave_client_status status = decode_body(
	    &profile, bytes_from_string(bodies[_i].body), &document, &error);

	if (bodies[_i].document) {
		ck_assert_msg(
		    !status, "%s: %s", bodies[_i].body, error.message);
		ck_assert(bytes_equal_string(
		    buffer_bytes(&document), bodies[_i].document));
		buffer_clear(&document);
		return;
	}
	ck_assert_msg(status == ENCLAVE_CLIENT_ERR_ENCODING, "%s: %d",
	    bodies[_i].body, status);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_DECODE);
	ck_assert_msg(strstr(error.message, bodies[_i].message) != NULL,
	    "%s: \"%s\" without \"%s\"", bodies[_i].body, error.message,
	    bodies[_i].message);
	ck_assert_ptr_nonnull(strstr(error.message, "it begins with"));
	ck_assert_uint_eq(document.len, 77);
	ck_assert_ptr_null(document.data);
}
END_TEST

START_TEST(an_empty_body_is_evidence_not_served)
{
	struct profile profile = with_encoding((enum profile_encoding)_i);
	struct enclave_client_error error;
	struct buffer document;

	ck_assert_int_eq(
	    decode_body(&profile, (struct bytes){NULL, 0}, &document, &error),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_FETCH);
}
END_TEST

/* The text of len zero bytes in the encoding; free(). */
static char *
encode_zeros(enum profile_encoding encoding, size_t len)
{
	static const char before[] = "{\"attestation_doc\":\"";
	char *text = calloc(1, 2 * len + 64);
	size_t digits;

	ck_assert_ptr_nonnull(text);
	switch (encoding) {
	case PROFILE_RAW:
		memset(text, 'r', len);
		return text;
	case PROFILE_HEX:
		memset(text, '0', 2 * len);
		return text;
	case PROFILE_JSON_BASE64:
		memcpy(text, before, sizeof(before) - 1);
		break;
	case PROFILE_BASE64:
		break;
	}
	digits = (len + 2) / 3 * 4;
	char *start = text + strlen(text);
	memset(start, 'A', digits);
	for (size_t i = 0; i < (3 - len % 3) % 3; i++)
		start[digits - 1 - i] = '=';
	if (encoding == PROFILE_JSON_BASE64)
		memcpy(start + digits, "\"}", 2);
	return text;
}

START_TEST(a_document_is_taken_up_to_16_kib)
{
	enum profile_encoding encoding = (enum profile_encoding)(_i / 2);
	size_t len = DOCUMENT_MAX_BYTES + (size_t)(_i % 2);
	struct profile profile = with_encoding(encoding);
	char *text = encode_zeros(encoding, len);
	struct enclave_client_error error;
	struct buffer document = {0};
	enum enclave_client_status status =
	    decode_body(&profile, bytes_from_string(text), &document, &error);

	if (_i % 2) {
		ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE);
		ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_DECODE);
	} else {
		ck_assert_msg(!status, "%s", error.message);
		ck_assert_uint_eq(document.len, len);
	}
	buffer_clear(&document);
	free(text);
}
END_TEST

static const struct {
	const char *text;
	size_t text_len;      /* 0: up to the NUL */
	const char *document; /* NULL: refused */
	const char *message;
} files[] = {
    {"\x84"
     "rest",
	0,
	"\x84"
	"rest",
	NULL},
    {"\xd2\x84"
     "rest\n",
	0,
	"\xd2\x84"
	"rest\n",
	NULL},
    {"8465", 0,
	"\x84"
	"e",
	NULL},
    {" 84 65\r\n\t65\n", 0,
	"\x84"
	"ee",
	NULL},
    {"hGVl", 0,
	"\x84"
	"ee",
	NULL},
    {"hGVl\n", 0,
	"\x84"
	"ee",
	NULL},
    {"hG\nVl\r\nZWVl\n", 0,
	"\x84"
	"eeeee",
	NULL},
    {"hGVlZQ==", 0,
	"\x84"
	"eee",
	NULL},
    {"\n " JSON("hGVl") "\n", 0,
	"\x84"
	"ee",
	NULL},
    {"", 0, NULL, "there is nothing in it"},
    {"\n \t\r\n", 0, NULL, "there is nothing in it"},
    {"hGVlZQ", 0, NULL, "neither a raw document, hex, base64 nor JSON"},
    {"hGVlZR==", 0, NULL, "neither a raw document"},
    {"hGV_", 0, NULL, "base64url"},
    {"hGV-", 0, NULL, "base64url"},
    {"-----BEGIN CERTIFICATE-----", 0, NULL, "neither"},
    {"846", 0, NULL, "neither"},
    {"{\"document\":\"hGVl\"}", 0, NULL, "\"attestation_doc\" of the body is"},
    {"{", 0, NULL, "the body is not JSON"},
    {"<html>", 0, NULL, "(HTML?)"},
    {"hG\0Vl", 5, NULL, "neither"},
};

START_TEST(a_file_is_recognised_by_what_it_holds)
{
	struct bytes text = bytes_from_string(files[_i].text);
	struct enclave_client_error error;
	struct buffer document = {.len = 77};

	if (files[_i].text_len)
		text.len = files[_i].text_len;
	enum enclave_client_status status =
	    appraisal_decode_any(text, &document, &error);
	if (files[_i].document) {
		ck_assert_msg(!status, "%s: %s", files[_i].text, error.message);
		ck_assert(bytes_equal_string(
		    buffer_bytes(&document), files[_i].document));
		buffer_clear(&document);
		return;
	}
	ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_ENCODING);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_DECODE);
	ck_assert_msg(strstr(error.message, files[_i].message) != NULL,
	    "%s: \"%s\" without \"%s\"", files[_i].text, error.message,
	    files[_i].message);
	ck_assert_uint_eq(document.len, 77);
}
END_TEST

START_TEST(a_file_larger_than_any_evidence_is_refused)
{
	size_t len = EVIDENCE_BODY_MAX_BYTES_CEILING + 1;
	uint8_t *data = malloc(len);
	struct buffer document;

	ck_assert_ptr_nonnull(data);
	memset(data, 'A', len);
	ck_assert_int_eq(
	    appraisal_decode_any((struct bytes){data, len}, &document, NULL),
	    ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE);
	data[0] = 0x84;
	ck_assert_int_eq(
	    appraisal_decode_any(
		(struct bytes){data, DOCUMENT_MAX_BYTES + 1}, &document, NULL),
	    ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE);
	ck_assert(!appraisal_decode_any(
	    (struct bytes){data, DOCUMENT_MAX_BYTES}, &document, NULL));
	buffer_clear(&document);
	free(data);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode");
	TCase *tcase = tcase_create("decode");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, a_body_is_decoded_strictly, 0, COUNT(bodies));
	tcase_add_loop_test(tcase, an_empty_body_is_evidence_not_served, 0, 4);
	tcase_add_loop_test(tcase, a_document_is_taken_up_to_16_kib, 0, 8);
	tcase_add_loop_test(
	    tcase, a_file_is_recognised_by_what_it_holds, 0, COUNT(files));
	tcase_add_test(tcase, a_file_larger_than_any_evidence_is_refused);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
