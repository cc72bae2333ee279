/* What evidence names and what a leaf presents, under every kind of rule. */
#include <check.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding/binding.h"
#include "binding/leaf_memory.h"
#include "fake_claims.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A leaf, and the three objects of it that a rule can name. */
struct leaf {
	struct bytes der;
	struct bytes spki;
	struct bytes raw;
};

static struct leaf first, renewed, other, edwards;

static void
add_comment(X509 *certificate, size_t len)
{
	char *text = calloc(1, len + 1);
	X509_EXTENSION *comment;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	comment = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, text);
	ck_assert(X509_add_ext(certificate, comment, -1));
	X509_EXTENSION_free(comment);
	free(text);
}

/* comment_len 0: without one. */
static struct leaf
make_commented_leaf(EVP_PKEY *key, long serial, size_t comment_len)
{
	unsigned char *der = NULL, *spki = NULL, *raw = NULL;
	X509 *certificate = X509_new();
	struct leaf leaf;

	ck_assert_ptr_nonnull(certificate);
	ck_assert(X509_set_version(certificate, X509_VERSION_3));
	ck_assert(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial));
	ck_assert_ptr_nonnull(
	    X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	ck_assert_ptr_nonnull(
	    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	ck_assert(X509_set_pubkey(certificate, key));
	if (comment_len)
		add_comment(certificate, comment_len);
	ck_assert(X509_sign(certificate, key,
	    EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()));
	int der_len = i2d_X509(certificate, &der);
	int spki_len = i2d_PUBKEY(key, &spki);
	ck_assert(der_len > 0 && spki_len > 0);
	leaf.der = (struct bytes){der, (size_t)der_len};
	leaf.spki = (struct bytes){spki, (size_t)spki_len};
	leaf.raw.len = EVP_PKEY_get1_encoded_public_key(key, &raw);
	leaf.raw.data = raw; /* none of Ed25519, which has no such call */
	X509_free(certificate);
	return leaf;
}

static struct leaf
make_leaf(EVP_PKEY *key, long serial)
{
	return make_commented_leaf(key, serial, 0);
}

static void
leaf_clear(struct leaf *leaf)
{
	OPENSSL_free((void *)(uintptr_t)leaf->der.data);
	OPENSSL_free((void *)(uintptr_t)leaf->spki.data);
	OPENSSL_free((void *)(uintptr_t)leaf->raw.data);
}

static void
setup(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	EVP_PKEY *other_key = EVP_EC_gen("P-256");
	EVP_PKEY *edwards_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	first = make_leaf(key, 1);
	renewed = make_leaf(key, 2);
	other = make_leaf(other_key, 3);
	edwards = make_leaf(edwards_key, 4);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(edwards_key);
}

static void
teardown(void)
{
	leaf_clear(&first);
	leaf_clear(&renewed);
	leaf_clear(&other);
	leaf_clear(&edwards);
}

static enum enclave_client_status
from_field(const struct binding_rule *rule, struct bytes field,
    struct binding_key *ret_key, struct enclave_client_error *error)
{
	struct claims *claims = fake_claims_new("");
	enum enclave_client_status status;

	claims->field_given[rule->field] = true;
	claims->fields[rule->field] = field;
	status = binding_from_claims(rule, claims, ret_key, error);
	claims_unref(claims);
	return status;
}

static const struct binding_rule spki_rule = {
    .field = CLAIMS_USER_DATA, .object = BINDING_SPKI};

START_TEST(the_key_that_evidence_names_is_the_leafs)
{
	struct binding_key named, shown;

	ck_assert(!from_field(&spki_rule, first.spki, &named, NULL));
	ck_assert(!binding_from_leaf(&spki_rule, first.der, &shown, NULL));
	ck_assert(binding_key_equal(&named, &shown));
	/* The key counts, not the certificate around it. */
	ck_assert(!binding_from_leaf(&spki_rule, renewed.der, &shown, NULL));
	ck_assert(binding_key_equal(&named, &shown));
	ck_assert(!binding_from_leaf(&spki_rule, other.der, &shown, NULL));
	ck_assert(!binding_key_equal(&named, &shown));
	ck_assert(!binding_from_leaf(&spki_rule, edwards.der, &shown, NULL));
	ck_assert(!binding_key_equal(&named, &shown));
}
END_TEST

START_TEST(the_key_is_the_sha256_of_what_the_field_must_hold)
{
	uint8_t digest[32];
	struct binding_key named;

	SHA256(first.spki.data, first.spki.len, digest);
	ck_assert(!from_field(&spki_rule, first.spki, &named, NULL));
	ck_assert_mem_eq(named.sha256, digest, sizeof(digest));
}
END_TEST

static const struct {
	enum binding_transform transform;
	size_t digest_len;
	unsigned char *(*digest)(
	    const unsigned char *, size_t, unsigned char *);
} transforms[] = {
    {BINDING_SHA256, 32, SHA256},
    {BINDING_SHA384, 48, SHA384},
    {BINDING_SHA512, 64, SHA512},
    {BINDING_IDENTITY, 0, NULL},
};
static const char *const prefixes[] = {NULL, "", "ratls-cert:"};

static struct bytes
object_of(const struct leaf *leaf, enum binding_object object)
{
	if (object == BINDING_SPKI)
		return leaf->spki;
	return object == BINDING_CERTIFICATE ? leaf->der : leaf->raw;
}

/* Every object, transform and prefix, at an offset in a longer field. */
START_TEST(every_composition_binds_its_own_object_and_no_other)
{
	int transform = _i % 4, object = _i / 4 % 3, prefix = _i / 12;
	const char *before = prefixes[prefix] ? prefixes[prefix] : "";
	struct bytes bytes = object_of(&first, (enum binding_object)object);
	uint8_t whole[4096], field[4096] = {0};
	size_t len = strlen(before) + bytes.len;
	struct binding_key named, shown;

	memcpy(whole, before, strlen(before));
	memcpy(whole + strlen(before), bytes.data, bytes.len);
	if (transforms[transform].digest) {
		transforms[transform].digest(whole, len, field + 2);
		len = transforms[transform].digest_len;
	} else {
		memcpy(field + 2, whole, len);
	}
	const struct binding_rule rule = {
	    .field = CLAIMS_NONCE,
	    .offset = 2,
	    .length = len,
	    .field_length = len + 36,
	    .object = (enum binding_object)object,
	    .transform = transforms[transform].transform,
	    .prefix = prefixes[prefix],
	};
	ck_assert(
	    !from_field(&rule, (struct bytes){field, len + 36}, &named, NULL));
	ck_assert(!binding_from_leaf(&rule, first.der, &shown, NULL));
	ck_assert(binding_key_equal(&named, &shown));
	ck_assert(!binding_from_leaf(&rule, other.der, &shown, NULL));
	ck_assert(!binding_key_equal(&named, &shown));
	ck_assert(!binding_from_leaf(&rule, renewed.der, &shown, NULL));
	ck_assert_int_eq(binding_key_equal(&named, &shown),
	    rule.object != BINDING_CERTIFICATE);
	/* Another length of the field is another service's. */
	for (size_t i = 35; i <= 37; i += 2)
		ck_assert_int_eq(
		    from_field(
			&rule, (struct bytes){field, len + i}, &named, NULL),
		    ENCLAVE_CLIENT_ERR_BINDING);
}
END_TEST

START_TEST(rules_for_other_objects_refuse_each_others_documents)
{
	const struct binding_rule certificate_rule = {
	    .field = CLAIMS_USER_DATA,
	    .object = BINDING_CERTIFICATE,
	    .transform = BINDING_SHA256,
	};
	uint8_t spki_sha256[32], certificate_sha256[32];
	struct binding_key named, shown;

	SHA256(first.spki.data, first.spki.len, spki_sha256);
	SHA256(first.der.data, first.der.len, certificate_sha256);
	ck_assert(!from_field(
	    &certificate_rule, (struct bytes){spki_sha256, 32}, &named, NULL));
	ck_assert(
	    !binding_from_leaf(&certificate_rule, first.der, &shown, NULL));
	ck_assert(!binding_key_equal(&named, &shown));
	ck_assert_int_eq(
	    from_field(&spki_rule, (struct bytes){certificate_sha256, 32},
		&named, NULL),
	    ENCLAVE_CLIENT_ERR_BINDING);
	ck_assert_int_eq(
	    from_field(&certificate_rule, first.spki, &named, NULL),
	    ENCLAVE_CLIENT_ERR_BINDING);
}
END_TEST

static void
check_refused(
    const struct binding_rule *rule, struct bytes field, const char *message)
{
	struct enclave_client_error error;
	struct binding_key key;

	memset(&key, 0x5a, sizeof(key));
	ck_assert_msg(
	    from_field(rule, field, &key, &error) == ENCLAVE_CLIENT_ERR_BINDING,
	    "passed: %s", message);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_BINDING);
	ck_assert_msg(strstr(error.message, message) != NULL,
	    "\"%s\" without \"%s\"", error.message, message);
	for (size_t i = 0; i < sizeof(key.sha256); i++)
		ck_assert_uint_eq(key.sha256[i], 0x5a);
}

START_TEST(a_field_that_is_absent_or_empty_names_no_key)
{
	struct claims *claims = fake_claims_new("");
	struct enclave_client_error error;
	struct binding_key key;

	ck_assert_int_eq(binding_from_claims(&spki_rule, claims, &key, &error),
	    ENCLAVE_CLIENT_ERR_BINDING);
	ck_assert_ptr_nonnull(strstr(error.message, "it has no user_data"));
	claims_unref(claims);
	check_refused(&spki_rule, (struct bytes){(uint8_t *)"", 0},
	    "user_data is empty (0 bytes)");
	/* Empty equals empty under no transform. */
	for (size_t i = 0; i < COUNT(transforms); i++) {
		struct binding_rule rule = {.field = CLAIMS_PUBLIC_KEY,
		    .object = BINDING_RAW_KEY,
		    .transform = transforms[i].transform};
		check_refused(&rule, (struct bytes){(uint8_t *)"", 0},
		    "public_key is empty");
	}
}
END_TEST

START_TEST(another_field_does_not_stand_in)
{
	struct claims *claims = fake_claims_new("");
	struct binding_key key;

	claims->field_given[CLAIMS_PUBLIC_KEY] = true;
	claims->fields[CLAIMS_PUBLIC_KEY] = first.spki;
	claims->field_given[CLAIMS_NONCE] = true;
	claims->fields[CLAIMS_NONCE] = first.spki;
	ck_assert_int_eq(binding_from_claims(&spki_rule, claims, &key, NULL),
	    ENCLAVE_CLIENT_ERR_BINDING);
	claims_unref(claims);
}
END_TEST

START_TEST(a_subject_public_key_info_is_read_to_its_end)
{
	uint8_t field[FIELD_MAX_BYTES + 1] = {0};
	static const char message[] = "is no DER SubjectPublicKeyInfo";

	memcpy(field, first.spki.data, first.spki.len);
	for (size_t len = 1; len < first.spki.len; len++)
		check_refused(&spki_rule, (struct bytes){field, len}, message);
	check_refused(
	    &spki_rule, (struct bytes){field, first.spki.len + 1}, message);
	check_refused(
	    &spki_rule, (struct bytes){field, sizeof(field)}, message);
	check_refused(&spki_rule, first.raw, message);
	check_refused(&spki_rule, first.der, message);
	check_refused(&spki_rule,
	    bytes_from_string("-----BEGIN PUBLIC KEY-----"), message);
}
END_TEST

static const struct {
	struct binding_rule rule;
	size_t field_len;
	const char *message;
} lengths[] = {
    {{.length = 32, .offset = 2, .transform = BINDING_SHA256}, 33,
	"is too short"},
    {{.length = 32, .offset = 2, .transform = BINDING_SHA256}, 2,
	"is too short"},
    {{.length = 32, .offset = 2, .transform = BINDING_SHA256}, 1,
	"is too short"},
    {{.length = 32, .offset = SIZE_MAX, .transform = BINDING_SHA256}, 64,
	"is too short"},
    {{.length = SIZE_MAX, .offset = 2, .transform = BINDING_SHA256}, 64,
	"is too short"},
    {{.field_length = 68, .length = 32, .transform = BINDING_SHA256}, 67,
	"has another length (67 bytes)"},
    {{.field_length = 68, .length = 32, .transform = BINDING_SHA256}, 69,
	"has another length (69 bytes)"},
    {{.transform = BINDING_SHA256}, 31, "the length of the digest"},
    {{.transform = BINDING_SHA256}, 33, "the length of the digest"},
    {{.transform = BINDING_SHA384}, 32, "the length of the digest"},
    {{.transform = BINDING_SHA512}, 63, "the length of the digest"},
    {{.transform = BINDING_SHA512}, 65, "the length of the digest"},
};

START_TEST(a_field_of_the_wrong_length_names_no_key)
{
	uint8_t field[128] = {1};

	check_refused(&lengths[_i].rule,
	    (struct bytes){field, lengths[_i].field_len}, lengths[_i].message);
}
END_TEST

/* Two multihashes, as nitriding has them, and its older text. */
static const struct binding_rule text_rule = {.field = CLAIMS_USER_DATA,
    .offset = 7,
    .length = 32,
    .field_length = 79,
    .object = BINDING_CERTIFICATE,
    .transform = BINDING_SHA256,
    .marks = {{0, {(const uint8_t *)"sha256:", 7}},
	{39, {(const uint8_t *)";sha256:", 8}}}};
static const struct binding_rule marked_rule = {.field = CLAIMS_USER_DATA,
    .offset = 2,
    .length = 32,
    .field_length = 68,
    .object = BINDING_CERTIFICATE,
    .transform = BINDING_SHA256,
    .marks = {{0, {(const uint8_t *)"\x12\x20", 2}},
	{34, {(const uint8_t *)"\x12\x20", 2}}},
    .older = &text_rule};

static void
fill_marked(uint8_t field[68])
{
	memset(field, 0, 68);
	memcpy(field, "\x12\x20", 2);
	SHA256(first.der.data, first.der.len, field + 2);
	memcpy(field + 34, "\x12\x20", 2);
}

START_TEST(either_layout_of_a_service_binds_the_same_object)
{
	uint8_t field[79] = {0};
	struct binding_key named, shown;

	ck_assert(!binding_from_leaf(&marked_rule, first.der, &shown, NULL));
	fill_marked(field);
	ck_assert(
	    !from_field(&marked_rule, (struct bytes){field, 68}, &named, NULL));
	ck_assert(binding_key_equal(&named, &shown));
	memcpy(field, "sha256:", 7);
	SHA256(first.der.data, first.der.len, field + 7);
	memcpy(field + 39, ";sha256:", 8);
	ck_assert(
	    !from_field(&marked_rule, (struct bytes){field, 79}, &named, NULL));
	ck_assert(binding_key_equal(&named, &shown));
	/* Another certificate for the same key is another object. */
	ck_assert(!binding_from_leaf(&marked_rule, renewed.der, &shown, NULL));
	ck_assert(!binding_key_equal(&named, &shown));
}
END_TEST

START_TEST(every_mark_must_stand_in_its_place)
{
	static const size_t marks[] = {0, 1, 34, 35};
	uint8_t field[80];

	for (size_t i = 0; i < COUNT(marks); i++) {
		fill_marked(field);
		field[marks[i]] ^= 1;
		check_refused(&marked_rule, (struct bytes){field, 68},
		    "does not say that a digest follows");
	}
	fill_marked(field);
	check_refused(
	    &marked_rule, (struct bytes){field, 67}, "has another length");
	check_refused(
	    &marked_rule, (struct bytes){field, 69}, "has another length");
	memset(field, 's', sizeof(field));
	check_refused(&marked_rule, (struct bytes){field, 79},
	    "does not say that a digest follows");
}
END_TEST

static const struct binding_rule list_rule = {.field = CLAIMS_USER_DATA,
    .object = BINDING_SPKI,
    .transform = BINDING_SHA256,
    .keys_max = 3};

START_TEST(a_document_may_name_several_keys)
{
	uint8_t field[96] = {0};
	struct binding_keys keys = {0};
	struct claims *claims = fake_claims_new("");
	struct binding_key key;

	SHA256(first.spki.data, first.spki.len, field);
	SHA256(other.spki.data, other.spki.len, field + 64);
	claims->field_given[CLAIMS_USER_DATA] = true;
	claims->fields[CLAIMS_USER_DATA] = (struct bytes){field, 96};
	ck_assert(!binding_keys_from_claims(&list_rule, claims, &keys, NULL));
	/* The place in the middle is zero: not used. */
	ck_assert_uint_eq(keys.count, 2);
	ck_assert(!binding_from_leaf(&list_rule, first.der, &key, NULL));
	ck_assert(binding_keys_hold(&keys, &key));
	ck_assert(!binding_from_leaf(&list_rule, other.der, &key, NULL));
	ck_assert(binding_keys_hold(&keys, &key));
	ck_assert(!binding_from_leaf(&list_rule, edwards.der, &key, NULL));
	ck_assert(!binding_keys_hold(&keys, &key));
	claims_unref(claims);
}
END_TEST

START_TEST(a_list_of_keys_is_whole_and_within_its_limit)
{
	static const uint8_t field[128] = {1};
	static const uint8_t zero[96];
	static const char message[] = "does not hold digests one after";

	check_refused(&list_rule, (struct bytes){field, 31}, message);
	check_refused(&list_rule, (struct bytes){field, 33}, message);
	check_refused(&list_rule, (struct bytes){field, 128}, message);
	check_refused(
	    &list_rule, (struct bytes){zero, 96}, "holds zeros alone");
}
END_TEST

static void
check_leaf_refused(struct bytes der)
{
	struct enclave_client_error error;
	struct binding_key key;

	memset(&key, 0x5a, sizeof(key));
	ck_assert_int_eq(binding_from_leaf(&spki_rule, der, &key, &error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_BINDING);
	for (size_t i = 0; i < sizeof(key.sha256); i++)
		ck_assert_uint_eq(key.sha256[i], 0x5a);
}

/* As a handshake has it: parsed already. */
static void
check_parsed_refused(const struct binding_rule *rule, struct bytes der)
{
	const unsigned char *at = der.data;
	X509 *leaf = d2i_X509(NULL, &at, (long)der.len);
	struct binding_key key;

	ck_assert_ptr_nonnull(leaf);
	ck_assert_int_eq(binding_from_certificate(rule, leaf, &key, NULL),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
	X509_free(leaf);
}

START_TEST(a_leaf_is_exactly_one_certificate)
{
	uint8_t der[2048] = {0};

	ck_assert_uint_lt(first.der.len, sizeof(der));
	memcpy(der, first.der.data, first.der.len);
	for (size_t len = 0; len < first.der.len; len++)
		check_leaf_refused((struct bytes){der, len});
	check_leaf_refused((struct bytes){der, first.der.len + 1});
	check_leaf_refused(first.spki);
	check_leaf_refused(bytes_from_string("-----BEGIN CERTIFICATE-----"));
	check_leaf_refused((struct bytes){NULL, 0});
}
END_TEST

/* The same bits on a curve that the certificate's maker wrote down himself. */
START_TEST(bits_of_a_key_name_none_beside_parameters_of_its_own)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct enclave_client_error error;
	struct binding_key shown;
	struct leaf named, written;
	struct binding_rule rule = {
	    .field = CLAIMS_PUBLIC_KEY, .object = BINDING_RAW_KEY};

	named = make_leaf(key, 5);
	ck_assert(EVP_PKEY_set_utf8_string_param(
	    key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT));
	written = make_leaf(key, 6);
	ck_assert_uint_eq(named.raw.len, written.raw.len);
	ck_assert_mem_eq(named.raw.data, written.raw.data, named.raw.len);
	ck_assert(!binding_from_leaf(&rule, named.der, &shown, NULL));
	for (size_t i = 0; i < COUNT(transforms); i++) {
		rule.transform = transforms[i].transform;
		ck_assert_int_eq(
		    binding_from_leaf(&rule, written.der, &shown, &error),
		    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
		ck_assert_ptr_nonnull(
		    strstr(error.message, "parameters of its own"));
		check_parsed_refused(&rule, written.der);
	}
	leaf_clear(&named);
	leaf_clear(&written);
	EVP_PKEY_free(key);
}
END_TEST

static void
check_keyless(const struct binding_rule *rule, X509 *leaf, struct bytes der)
{
	struct enclave_client_error errors[2];
	struct binding_key key;

	ck_assert_int_eq(binding_from_leaf(rule, der, &key, &errors[0]),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	ck_assert_int_eq(binding_from_certificate(rule, leaf, &key, &errors[1]),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	for (size_t i = 0; i < COUNT(errors); i++) {
		ck_assert_int_eq(errors[i].step, ENCLAVE_CLIENT_STEP_BINDING);
		ck_assert_ptr_nonnull(
		    strstr(errors[i].message, "the leaf has no key"));
	}
}

/* What is empty has a digest all the same, and names nobody. */
START_TEST(a_leaf_without_bits_of_a_key_is_no_want_of_memory)
{
	const unsigned char *at = first.der.data;
	X509 *leaf = d2i_X509(NULL, &at, (long)first.der.len);
	struct binding_rule rule = {
	    .field = CLAIMS_PUBLIC_KEY, .object = BINDING_RAW_KEY};
	unsigned char *der = NULL;
	int len;

	ck_assert_ptr_nonnull(leaf);
	ck_assert(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(leaf),
	    OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL, OPENSSL_zalloc(1),
	    0));
	len = i2d_re_X509_tbs(leaf, &der);
	ck_assert_int_gt(len, 0);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509(leaf, &der);
	ck_assert_int_gt(len, 0);
	for (size_t i = 0; i < COUNT(transforms); i++) {
		rule.transform = transforms[i].transform;
		check_keyless(&rule, leaf, (struct bytes){der, (size_t)len});
	}
	OPENSSL_free(der);
	X509_free(leaf);
}
END_TEST

START_TEST(the_error_queue_of_openssl_is_left_as_it_was)
{
	struct binding_key key;

	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, 77);
	unsigned long before = ERR_peek_error();
	check_leaf_refused(first.spki);
	check_refused(&spki_rule, first.raw, "SubjectPublicKeyInfo");
	ck_assert(!from_field(&spki_rule, first.spki, &key, NULL));
	ck_assert(!binding_from_leaf(&spki_rule, first.der, &key, NULL));
	ck_assert_uint_eq(ERR_peek_error(), before);
	ck_assert_uint_eq(ERR_peek_last_error(), before);
	ERR_clear_error();
	check_leaf_refused(first.spki);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(keys_are_equal_in_every_bit)
{
	struct binding_key a, b;

	memset(&a, 0, sizeof(a));
	for (size_t bit = 0; bit < 8 * sizeof(a.sha256); bit++) {
		b = a;
		b.sha256[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!binding_key_equal(&a, &b));
	}
	b = a;
	ck_assert(binding_key_equal(&a, &b));
}
END_TEST

/* How often a certificate was parsed; the linker puts this in between. */
static size_t parsed;
X509 *__real_d2i_X509(X509 **, const unsigned char **, long);
X509 *__wrap_d2i_X509(X509 **, const unsigned char **, long);

X509 *
__wrap_d2i_X509(X509 **certificate, const unsigned char **at, long len)
{
	parsed++;
	return __real_d2i_X509(certificate, at, len);
}

/* The memory says what parsing says; how many certificates it parsed. */
static size_t
look_up(struct leaf_memory *memory, const struct binding_rule *rule,
    struct bytes der)
{
	struct binding_key read, remembered;
	size_t before = parsed;

	ck_assert(!leaf_memory_key(memory, rule, der, &remembered, NULL));
	before = parsed - before;
	ck_assert(!binding_from_leaf(rule, der, &read, NULL));
	ck_assert(binding_key_equal(&read, &remembered));
	return before;
}

START_TEST(a_leaf_is_parsed_once_for_each_rule)
{
	static const struct binding_rule rules[] = {
	    {.object = BINDING_SPKI},
	    {.object = BINDING_CERTIFICATE},
	    {.object = BINDING_RAW_KEY},
	    {.object = BINDING_SPKI, .transform = BINDING_SHA256},
	    {.object = BINDING_SPKI, .transform = BINDING_SHA384},
	    {.object = BINDING_SPKI, .prefix = "ratls-cert:"},
	};
	struct leaf_memory *memory = leaf_memory_new();

	for (size_t i = 0; i < COUNT(rules); i++) {
		ck_assert_uint_eq(look_up(memory, &rules[i], first.der), 1);
		ck_assert_uint_eq(look_up(memory, &rules[i], renewed.der), 1);
		ck_assert_uint_eq(look_up(memory, &rules[i], other.der), 1);
	}
	for (size_t i = 0; i < COUNT(rules); i++) {
		ck_assert_uint_eq(look_up(memory, &rules[i], first.der), 0);
		ck_assert_uint_eq(look_up(memory, &rules[i], other.der), 0);
	}
	leaf_memory_free(memory);
	ck_assert_uint_eq(look_up(NULL, &rules[0], first.der), 1);
}
END_TEST

/* Ed25519's signatures, unlike those of ECDSA, have one length. */
START_TEST(leaves_of_one_length_are_told_apart)
{
	static const struct binding_rule rule = {.object = BINDING_SPKI};
	struct leaf_memory *memory = leaf_memory_new();
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct leaf twin = make_leaf(key, 4);

	ck_assert_uint_eq(twin.der.len, edwards.der.len);
	ck_assert_uint_eq(look_up(memory, &rule, edwards.der), 1);
	ck_assert_uint_eq(look_up(memory, &rule, twin.der), 1);
	ck_assert_uint_eq(look_up(memory, &rule, edwards.der), 0);
	leaf_clear(&twin);
	EVP_PKEY_free(key);
	leaf_memory_free(memory);
}
END_TEST

START_TEST(the_oldest_of_too_many_leaves_is_parsed_again)
{
	static const struct binding_rule raw = {.object = BINDING_RAW_KEY};
	struct leaf_memory *memory = leaf_memory_new();
	char prefixes_of_many[LEAF_MEMORY_ENTRIES_MAX][8];

	ck_assert_uint_eq(look_up(memory, &raw, first.der), 1);
	for (int i = 0; i < LEAF_MEMORY_ENTRIES_MAX; i++) {
		const struct binding_rule rule = {
		    .prefix = prefixes_of_many[i]};

		(void)snprintf(
		    prefixes_of_many[i], sizeof(prefixes_of_many[i]), "%d", i);
		ck_assert_uint_eq(look_up(memory, &rule, first.der), 1);
	}
	ck_assert_uint_eq(look_up(memory, &raw, first.der), 1);
	ck_assert_uint_eq(look_up(memory, &raw, first.der), 0);
	leaf_memory_free(memory);
}
END_TEST

START_TEST(a_leaf_that_is_too_long_is_parsed_each_time)
{
	static const struct binding_rule rule = {.object = BINDING_CERTIFICATE};
	struct leaf_memory *memory = leaf_memory_new();
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct leaf sample = make_commented_leaf(key, 1, 1000);
	size_t len = 1000 + LEAF_MEMORY_LEAF_BYTES_MAX - sample.der.len;
	struct leaf longest = make_commented_leaf(key, 1, len);
	struct leaf longer = make_commented_leaf(key, 1, len + 1);

	ck_assert_uint_eq(longest.der.len, LEAF_MEMORY_LEAF_BYTES_MAX);
	ck_assert_uint_eq(longer.der.len, LEAF_MEMORY_LEAF_BYTES_MAX + 1);
	ck_assert_uint_eq(look_up(memory, &rule, longest.der), 1);
	ck_assert_uint_eq(look_up(memory, &rule, longest.der), 0);
	ck_assert_uint_eq(look_up(memory, &rule, longer.der), 1);
	ck_assert_uint_eq(look_up(memory, &rule, longer.der), 1);
	leaf_clear(&sample);
	leaf_clear(&longest);
	leaf_clear(&longer);
	EVP_PKEY_free(key);
	leaf_memory_free(memory);
}
END_TEST

START_TEST(what_is_no_certificate_is_not_remembered)
{
	struct leaf_memory *memory = leaf_memory_new();
	const struct bytes junk = bytes_from_string("junk");
	struct binding_key key;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    leaf_memory_key(memory, &spki_rule, junk, &key, NULL),
		    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	ck_assert_int_eq(leaf_memory_key(memory, &spki_rule,
			     (struct bytes){NULL, 0}, &key, NULL),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE);
	leaf_memory_free(memory);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("binding");
	TCase *tcase = tcase_create("binding");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_key_that_evidence_names_is_the_leafs);
	tcase_add_test(
	    tcase, the_key_is_the_sha256_of_what_the_field_must_hold);
	tcase_add_loop_test(tcase,
	    every_composition_binds_its_own_object_and_no_other, 0,
	    COUNT(transforms) * 3 * COUNT(prefixes));
	tcase_add_test(
	    tcase, rules_for_other_objects_refuse_each_others_documents);
	tcase_add_test(tcase, a_field_that_is_absent_or_empty_names_no_key);
	tcase_add_test(tcase, another_field_does_not_stand_in);
	tcase_add_test(tcase, a_subject_public_key_info_is_read_to_its_end);
	tcase_add_loop_test(
	    tcase, a_field_of_the_wrong_length_names_no_key, 0, COUNT(lengths));
	tcase_add_test(tcase, either_layout_of_a_service_binds_the_same_object);
	tcase_add_test(tcase, every_mark_must_stand_in_its_place);
	tcase_add_test(tcase, a_document_may_name_several_keys);
	tcase_add_test(tcase, a_list_of_keys_is_whole_and_within_its_limit);
	tcase_add_test(tcase, a_leaf_is_exactly_one_certificate);
	tcase_add_test(
	    tcase, bits_of_a_key_name_none_beside_parameters_of_its_own);
	tcase_add_test(
	    tcase, a_leaf_without_bits_of_a_key_is_no_want_of_memory);
	tcase_add_test(tcase, the_error_queue_of_openssl_is_left_as_it_was);
	tcase_add_test(tcase, keys_are_equal_in_every_bit);
	tcase_add_test(tcase, a_leaf_is_parsed_once_for_each_rule);
	tcase_add_test(tcase, leaves_of_one_length_are_told_apart);
	tcase_add_test(tcase, the_oldest_of_too_many_leaves_is_parsed_again);
	tcase_add_test(tcase, a_leaf_that_is_too_long_is_parsed_each_time);
	tcase_add_test(tcase, what_is_no_certificate_is_not_remembered);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
