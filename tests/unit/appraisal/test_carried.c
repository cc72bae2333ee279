/* Documents out of certificates whose makers are hostile: every length lies. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/carried.h"
#include "base/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CMW_OID      "1.3.6.1.5.5.7.1.35"
#define DSTACK_OID   "1.3.6.1.4.1.62397.1.8"
#define NITRO        "application/aws-nitro-document"
/* The same as CBOR text of 30 bytes. */
#define TYPE      "\x78\x1e" NITRO
#define RAW(text) text, sizeof(text) - 1

static EVP_PKEY *key;

static void
setup(void)
{
	key = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(key);
}

static void
teardown(void)
{
	EVP_PKEY_free(key);
}

static void
add(X509 *leaf, const char *oid, struct bytes value, int critical)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ck_assert(ASN1_OCTET_STRING_set(data, value.data, (int)value.len));
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, data);
	ck_assert_ptr_nonnull(extension);
	ck_assert(X509_add_ext(leaf, extension, -1));
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(object);
}

static X509 *
make_leaf(void)
{
	X509 *leaf = X509_new();

	ck_assert(X509_set_version(leaf, X509_VERSION_3));
	ck_assert(ASN1_INTEGER_set(X509_get_serialNumber(leaf), 1));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(leaf), 0));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(leaf), 3600));
	ck_assert(X509_set_pubkey(leaf, key));
	return leaf;
}

/* DER of the leaf, which goes; the caller frees it. */
static struct bytes
finish(X509 *leaf)
{
	unsigned char *der = NULL;
	int len;

	ck_assert(X509_sign(leaf, key, EVP_sha256()));
	len = i2d_X509(leaf, &der);
	ck_assert_int_gt(len, 0);
	X509_free(leaf);
	return (struct bytes){der, (size_t)len};
}

/* Finds the document "doc", or is refused with this status; frees der. */
static void
expect(const char *profile, struct bytes der, enum enclave_client_status wanted,
    const char *what)
{
	struct enclave_client_error error = {0};
	struct buffer document;
	enum enclave_client_status status;

	status =
	    carried_document(profile_find(profile), der, &document, &error);
	ck_assert_msg(status == wanted, "%s: %s instead of %s: %s", what,
	    enclave_client_status_name(status),
	    enclave_client_status_name(wanted), error.message);
	if (!status) {
		ck_assert(bytes_equal_string(buffer_bytes(&document), "doc"));
		buffer_clear(&document);
	}
	OPENSSL_free((void *)(uintptr_t)der.data);
}

#define GOOD ENCLAVE_CLIENT_OK
#define BAD  ENCLAVE_CLIENT_ERR_ENCODING

/* What stands in the extension, byte for byte. */
static const struct {
	const char *what;
	const char *profile;
	enum enclave_client_status status;
	const char *value;
	size_t len;
} values[] = {
    {"a record", "nitro-ra-tls", GOOD,
	RAW("\x04\x25\x82" TYPE "\x43"
	    "doc")},
    {"a record with its indicator", "nitro-ra-tls", GOOD,
	RAW("\x04\x26\x83" TYPE "\x43"
	    "doc\x04")},
    {"an indicator that is no number", "nitro-ra-tls", BAD,
	RAW("\x04\x26\x83" TYPE "\x43"
	    "doc\xf6")},
    {"an indicator that is not there", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x83" TYPE "\x43"
	    "doc")},
    {"four members", "nitro-ra-tls", BAD,
	RAW("\x04\x27\x84" TYPE "\x43"
	    "doc\x04\x04")},
    {"four members of which two are there", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x84" TYPE "\x43"
	    "doc")},
    {"one member", "nitro-ra-tls", BAD, RAW("\x04\x21\x81" TYPE)},
    {"an array without an end", "nitro-ra-tls", BAD,
	RAW("\x04\x26\x9f" TYPE "\x43"
	    "doc\xff")},
    {"a map", "nitro-ra-tls", BAD,
	RAW("\x04\x25\xa2" TYPE "\x43"
	    "doc")},
    {"a record in a tag", "nitro-ra-tls", BAD,
	RAW("\x04\x26\xd2\x82" TYPE "\x43"
	    "doc")},
    {"bytes behind the record", "nitro-ra-tls", BAD,
	RAW("\x04\x26\x82" TYPE "\x43"
	    "doc\x00")},
    {"text in place of bytes", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x82" TYPE "\x63"
	    "doc")},
    {"bytes in place of the type", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x82\x58\x1e" NITRO "\x43"
	    "doc")},
    {"a type that goes on", "nitro-ra-tls", BAD,
	RAW("\x04\x26\x82\x78\x1f" NITRO "x\x43"
	    "doc")},
    {"a document longer than the record", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x82" TYPE "\x44"
	    "doc")},
    {"a document of 4 GiB", "nitro-ra-tls", BAD,
	RAW("\x04\x29\x82" TYPE "\x5a\xff\xff\xff\xff"
	    "doc")},
    {"a document of 2^64 bytes", "nitro-ra-tls", BAD,
	RAW("\x04\x2d\x82" TYPE "\x5b\xff\xff\xff\xff\xff\xff\xff\xff"
	    "doc")},
    {"an array of 2^64", "nitro-ra-tls", BAD,
	RAW("\x04\x09\x9b\xff\xff\xff\xff\xff\xff\xff\xff")},
    {"no document", "nitro-ra-tls", BAD, RAW("\x04\x22\x82" TYPE "\x40")},
    {"an octet string without bytes", "nitro-ra-tls", BAD, RAW("\x04\x00")},
    {"bytes behind the octet string", "nitro-ra-tls", BAD,
	RAW("\x04\x25\x82" TYPE "\x43"
	    "doc\x00")},
    {"an octet string cut short", "nitro-ra-tls", BAD,
	RAW("\x04\x26\x82" TYPE "\x43"
	    "doc")},
    {"an octet string of 2 GiB", "nitro-ra-tls", BAD,
	RAW("\x04\x84\x7f\xff\xff\xff"
	    "doc")},
    {"another string", "nitro-ra-tls", BAD,
	RAW("\x16\x25\x82" TYPE "\x43"
	    "doc")},
    {"a number", "nitro-ra-tls", BAD, RAW("\x02\x01\x01")},
    {"nothing", "nitro-ra-tls", BAD, RAW("")},
    /* The same in JSON; "ZG9j" is "doc". */
    {"JSON", "nitro-ra-tls", GOOD, RAW("\x0c\x29[\"" NITRO "\",\"ZG9j\"]")},
    {"JSON with its indicator", "nitro-ra-tls", GOOD,
	RAW("\x0c\x2b[\"" NITRO "\",\"ZG9j\",4]")},
    {"JSON with a word as indicator", "nitro-ra-tls", BAD,
	RAW("\x0c\x2d[\"" NITRO "\",\"ZG9j\",\"4\"]")},
    {"JSON of four", "nitro-ra-tls", BAD,
	RAW("\x0c\x2d[\"" NITRO "\",\"ZG9j\",4,4]")},
    {"JSON of one", "nitro-ra-tls", BAD, RAW("\x0c\x22[\"" NITRO "\"]")},
    {"a JSON object", "nitro-ra-tls", BAD,
	RAW("\x0c\x29{\"" NITRO "\":\"ZG9j\"}")},
    {"a JSON object of two strings", "nitro-ra-tls", BAD,
	RAW("\x0c\x31{\"t\":\"" NITRO "\",\"v\":\"ZG9j\"}")},
    {"a JSON number as type", "nitro-ra-tls", BAD, RAW("\x0c\x0a[1,\"ZG9j\"]")},
    {"a JSON number as document", "nitro-ra-tls", BAD,
	RAW("\x0c\x24[\"" NITRO "\",1]")},
    {"JSON with something behind it", "nitro-ra-tls", BAD,
	RAW("\x0c\x2a[\"" NITRO "\",\"ZG9j\"]x")},
    {"base64 with padding", "nitro-ra-tls", BAD,
	RAW("\x0c\x29[\"" NITRO "\",\"ZG8=\"]")},
    {"base64 of the other alphabet", "nitro-ra-tls", BAD,
	RAW("\x0c\x29[\"" NITRO "\",\"Zm9+\"]")},
    {"base64 of one digit", "nitro-ra-tls", BAD,
	RAW("\x0c\x26[\"" NITRO "\",\"Z\"]")},
    {"base64 of none", "nitro-ra-tls", BAD,
	RAW("\x0c\x25[\"" NITRO "\",\"\"]")},
    {"dstack's SCALE", "dstack", GOOD,
	RAW("\x04\x06\x00\x02\x0c"
	    "doc")},
    {"dstack's, and what follows", "dstack", GOOD,
	RAW("\x04\x08\x00\x02\x0c"
	    "doc\x01\x02")},
    {"dstack's in two bytes", "dstack", GOOD,
	RAW("\x04\x07\x00\x02\x0d\x00"
	    "doc")},
    {"dstack's in four bytes", "dstack", GOOD,
	RAW("\x04\x09\x00\x02\x0e\x00\x00\x00"
	    "doc")},
    {"dstack's in eight bytes", "dstack", BAD,
	RAW("\x04\x0d\x00\x02\x0f\x03\x00\x00\x00\x00\x00\x00"
	    "doc")},
    {"dstack's in eight bytes, read as the shorter ones", "dstack", BAD,
	RAW("\x04\x0d\x00\x02\x0f\x00\x00\x00\x00\x00\x00\x00"
	    "doc")},
    {"dstack's, longer than there is", "dstack", BAD,
	RAW("\x04\x06\x00\x02\x10"
	    "doc")},
    {"dstack's of 1 GiB", "dstack", BAD,
	RAW("\x04\x09\x00\x02\xfe\xff\xff\xff"
	    "doc")},
    {"dstack's of none", "dstack", BAD, RAW("\x04\x03\x00\x02\x00")},
    {"dstack's length cut short", "dstack", BAD, RAW("\x04\x03\x00\x02\x01")},
    {"dstack's length cut short, of something", "dstack", BAD,
	RAW("\x04\x03\x00\x02\x0d")},
    {"dstack's without a length", "dstack", BAD, RAW("\x04\x02\x00\x02")},
    {"dstack's of one byte", "dstack", BAD, RAW("\x04\x01\x00")},
    {"dstack's map of messages", "dstack", BAD,
	RAW("\x04\x06\x81\x02\x0c"
	    "doc")},
    {"dstack's as text", "dstack", BAD,
	RAW("\x0c\x06\x00\x02\x0c"
	    "doc")},
};

START_TEST(what_the_extension_holds_is_read_to_its_end)
{
	X509 *leaf = make_leaf();
	bool dstack = !strcmp(values[_i].profile, "dstack");

	add(leaf, dstack ? DSTACK_OID : CMW_OID,
	    (struct bytes){(const uint8_t *)values[_i].value, values[_i].len},
	    0);
	expect(values[_i].profile, finish(leaf), values[_i].status,
	    values[_i].what);
}
END_TEST

/* The bytes that say the version and the hardware are there, or not read. */
START_TEST(what_is_too_short_for_dstack_is_not_looked_into)
{
	static const uint8_t value[] = {0x04, 0x01, 0x00};
	struct enclave_client_error error = {0};
	struct buffer document;
	X509 *leaf = make_leaf();
	struct bytes der;

	add(leaf, DSTACK_OID, (struct bytes){value, sizeof(value)}, 0);
	der = finish(leaf);
	ck_assert_int_eq(
	    carried_document(profile_find("dstack"), der, &document, &error),
	    BAD);
	ck_assert_msg(strstr(error.message, "can't be read") != NULL, "%s",
	    error.message);
	OPENSSL_free((void *)(uintptr_t)der.data);
}
END_TEST

static const struct bytes cmw = {(const uint8_t *)"\x04\x25\x82" TYPE "\x43"
						  "doc",
    39};
static const struct bytes dstack = {(const uint8_t *)"\x04\x06\x00\x02\x0c"
						     "doc",
    8};

START_TEST(each_profile_looks_at_its_own_extension)
{
	X509 *leaf = make_leaf();

	add(leaf, CMW_OID, cmw, 0);
	add(leaf, DSTACK_OID, dstack, 0);
	expect("nitro-ra-tls", finish(leaf), GOOD, "beside dstack's");
	leaf = make_leaf();
	add(leaf, CMW_OID, cmw, 0);
	add(leaf, DSTACK_OID, dstack, 0);
	expect("dstack", finish(leaf), GOOD, "beside a record");
	leaf = make_leaf();
	add(leaf, CMW_OID, cmw, 1);
	add(leaf, DSTACK_OID, dstack, 0);
	/* Critical, and not what this profile understands. */
	expect("dstack", finish(leaf), ENCLAVE_CLIENT_ERR_CERTIFICATE,
	    "beside a critical record");
	leaf = make_leaf();
	add(leaf, CMW_OID, cmw, 0);
	expect("evervault-cages", finish(leaf),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, "no names");
}
END_TEST

START_TEST(a_leaf_is_one_certificate_and_nothing_behind_it)
{
	X509 *leaf = make_leaf();
	struct bytes der;
	uint8_t *longer;

	add(leaf, CMW_OID, cmw, 0);
	der = finish(leaf);
	longer = OPENSSL_zalloc(der.len + 1);
	memcpy(longer, der.data, der.len);
	expect("nitro-ra-tls", (struct bytes){longer, der.len + 1},
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, "a byte behind it");
	expect("nitro-ra-tls", (struct bytes){der.data, der.len - 1},
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, "a byte missing");
	expect("nitro-ra-tls", (struct bytes){NULL, 0},
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, "nothing");
}
END_TEST

/* The leaf that has this octet string, or this text, as its extension. */
static struct bytes
wrapped(const char *oid, bool text, const void *content, size_t len)
{
	X509 *leaf = make_leaf();
	ASN1_STRING *string = ASN1_STRING_type_new(
	    text ? V_ASN1_UTF8STRING : V_ASN1_OCTET_STRING);
	unsigned char *der = NULL;
	int der_len;

	ck_assert(ASN1_STRING_set(string, content, (int)len));
	der_len = text ? i2d_ASN1_UTF8STRING(string, &der)
		       : i2d_ASN1_OCTET_STRING(string, &der);
	ck_assert_int_gt(der_len, 0);
	ASN1_STRING_free(string);
	add(leaf, oid, (struct bytes){der, (size_t)der_len}, 0);
	OPENSSL_free(der);
	return finish(leaf);
}

/* A document of so many bytes, as a record and in four bytes of SCALE. */
static struct bytes
of_size(bool scale, size_t len)
{
	uint8_t content[DOCUMENT_MAX_BYTES + 64] = {0};
	size_t at = 0;

	if (scale) {
		size_t compact = len << 2 | 2;
		memcpy(content, "\x00\x02", 2);
		for (at = 2; at < 6; at++, compact >>= 8)
			content[at] = (uint8_t)compact;
	} else {
		memcpy(content, "\x82" TYPE "\x59", 34);
		content[34] = (uint8_t)(len >> 8);
		content[35] = (uint8_t)len;
		at = 36;
	}
	memset(content + at, 'd', len);
	return wrapped(scale ? DSTACK_OID : CMW_OID, false, content, at + len);
}

/* The same as a record in JSON: base64url without padding. */
static struct bytes
of_size_in_json(size_t len)
{
	static const char before[] = "[\"" NITRO "\",\"";
	char text[2 * DOCUMENT_MAX_BYTES];
	size_t at = sizeof(before) - 1, digits = (8 * len + 5) / 6;

	memcpy(text, before, at);
	memset(text + at, 'A', digits);
	memcpy(text + at + digits, "\"]", 2);
	return wrapped(CMW_OID, true, text, at + digits + 2);
}

/* A document of the largest size, and another of one byte more. */
static void
expect_limit(
    const char *profile, struct bytes largest, struct bytes one_byte_more)
{
	struct enclave_client_error error = {0};
	struct buffer document;

	ck_assert_msg(!carried_document(
			  profile_find(profile), largest, &document, &error),
	    "%s", error.message);
	ck_assert_uint_eq(buffer_bytes(&document).len, DOCUMENT_MAX_BYTES);
	buffer_clear(&document);
	OPENSSL_free((void *)(uintptr_t)largest.data);
	expect(profile, one_byte_more, ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE,
	    "one byte more");
}

START_TEST(a_carried_document_has_the_size_of_any)
{
	expect_limit("nitro-ra-tls", of_size(false, DOCUMENT_MAX_BYTES),
	    of_size(false, DOCUMENT_MAX_BYTES + 1));
	expect_limit("dstack", of_size(true, DOCUMENT_MAX_BYTES),
	    of_size(true, DOCUMENT_MAX_BYTES + 1));
	expect_limit("nitro-ra-tls", of_size_in_json(DOCUMENT_MAX_BYTES),
	    of_size_in_json(DOCUMENT_MAX_BYTES + 1));
}
END_TEST

/* A leaf with these names, GEN_DNS or another kind that is text. */
static struct bytes
named(int kind, const char *const *names)
{
	X509 *leaf = make_leaf();
	GENERAL_NAMES *all = GENERAL_NAMES_new();

	for (; *names; names++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		ck_assert(ASN1_STRING_set(text, *names, -1));
		GENERAL_NAME_set0_value(name, kind, text);
		ck_assert(sk_GENERAL_NAME_push(all, name));
	}
	ck_assert(X509_add1_ext_i2d(leaf, NID_subject_alt_name, all, 0, 0));
	GENERAL_NAMES_free(all);
	return finish(leaf);
}

#define HEX8  "646f63646f63646f"
#define HEX62 HEX8 HEX8 HEX8 "646f63646f6364"

static const struct {
	const char *what;
	const char *names[4];
	enum enclave_client_status status;
} sans[] = {
    {"ordinary names", {"a.test", "b.test"},
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED},
    {"a label as long as DNS has it", {HEX62 "6.test"},
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED},
    {"an odd number of digits", {HEX62 "646.test"}, BAD},
    {"no digit", {HEX62 "6g.test"}, BAD},
    {"two long labels", {HEX62 "64.test", HEX62 "64.test"},
	ENCLAVE_CLIENT_ERR_CERTIFICATE},
    {"a long label that is not the first", {"a." HEX62 "64.test"},
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED},
};

START_TEST(a_label_longer_than_dns_has_them_is_the_document)
{
	expect("evervault-cages", named(GEN_DNS, sans[_i].names),
	    sans[_i].status, sans[_i].what);
}
END_TEST

START_TEST(names_of_another_kind_hold_no_document)
{
	static const char *const names[] = {HEX62 "64.test", NULL};

	expect("evervault-cages", named(GEN_EMAIL, names),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, "an e-mail address");
	expect("evervault-cages", named(GEN_URI, names),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, "a URI");
}
END_TEST

START_TEST(a_label_may_be_a_document_long_and_no_longer)
{
	static char label[2 * DOCUMENT_MAX_BYTES + 8];
	const char *const names[] = {label, NULL};
	struct bytes largest;

	memset(label, '6', 2 * DOCUMENT_MAX_BYTES);
	largest = named(GEN_DNS, names);
	memset(label, '6', 2 * DOCUMENT_MAX_BYTES + 2);
	expect_limit("evervault-cages", largest, named(GEN_DNS, names));
}
END_TEST

/* Is refused as no certificate should be, with these words; frees der. */
static void
expect_no_names(struct bytes der, const char *words)
{
	struct enclave_client_error error = {0};
	struct buffer document;

	ck_assert_int_eq(carried_document(profile_find("evervault-cages"), der,
			     &document, &error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	ck_assert_msg(
	    strstr(error.message, words) != NULL, "%s", error.message);
	OPENSSL_free((void *)(uintptr_t)der.data);
}

START_TEST(names_that_are_there_twice_or_unreadable_are_not_absent)
{
	/* A sequence with one dNSName, "a"; the second is cut short. */
	static const struct bytes names = {
	    (const uint8_t *)"\x30\x03\x82\x01\x61", 5};
	static const struct bytes broken = {
	    (const uint8_t *)"\x30\x03\x82\x02\x61", 5};

	for (int critical = 0; critical < 2; critical++) {
		X509 *leaf = make_leaf();

		add(leaf, "2.5.29.17", names, critical);
		add(leaf, "2.5.29.17", names, 0);
		expect_no_names(finish(leaf), "more than one subjectAltName");
		leaf = make_leaf();
		add(leaf, "2.5.29.17", broken, critical);
		expect_no_names(finish(leaf), "can't be read");
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("carried");
	TCase *tcase = tcase_create("carried");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, what_the_extension_holds_is_read_to_its_end,
	    0, COUNT(values));
	tcase_add_test(tcase, what_is_too_short_for_dstack_is_not_looked_into);
	tcase_add_test(tcase, each_profile_looks_at_its_own_extension);
	tcase_add_test(tcase, a_leaf_is_one_certificate_and_nothing_behind_it);
	tcase_add_test(tcase, a_carried_document_has_the_size_of_any);
	tcase_add_loop_test(tcase,
	    a_label_longer_than_dns_has_them_is_the_document, 0, COUNT(sans));
	tcase_add_test(tcase, names_of_another_kind_hold_no_document);
	tcase_add_test(tcase, a_label_may_be_a_document_long_and_no_longer);
	tcase_add_test(
	    tcase, names_that_are_there_twice_or_unreadable_are_not_absent);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
