/*
 * Real documents through the whole appraisal, with the clock of the day on
 * which they were signed; ENCLAVE_CLIENT_VECTORS names their folder.
 */
#include <check.h>
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"

#define FILE_MAX_BYTES (4 * 1024 * 1024)

static const char *folder;
static cJSON *documents; /* the good ones and the bad ones */
static int document_count;
static cJSON *index_json;
static struct evidence_roots *roots;
static struct chain_memory *memory;

static struct buffer
read_file(const char *name)
{
	char path[4096];
	uint8_t chunk[4096];
	struct buffer buffer;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	buffer_init(&buffer, FILE_MAX_BYTES);
	while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
		if (buffer_append(&buffer, (struct bytes){chunk, len}))
			exit(EXIT_FAILURE);
	fclose(file);
	return buffer;
}

static int64_t
pretended(void *context)
{
	return *(int64_t *)context;
}

static int64_t now_ms;
static const struct clock_source test_clock = {pretended, pretended, &now_ms};

static const char *
member(const cJSON *json, const char *name)
{
	const char *text =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text ? text : "";
}

static bool
is_good(const cJSON *json)
{
	return !strcmp(member(json, "expect"), "valid at its timestamp");
}

static bool
is_debug(const cJSON *json)
{
	return cJSON_IsTrue(
	    cJSON_GetObjectItemCaseSensitive(json, "debug_mode"));
}

static int64_t
timestamp_ms(const cJSON *json)
{
	const cJSON *number =
	    cJSON_GetObjectItemCaseSensitive(json, "timestamp_ms");

	return (int64_t)number->valuedouble;
}

/* An enclave that accepts what the index says of the document's PCRs. */
static struct enclave_map *
map_for(const cJSON *json, bool insecure, bool spoil)
{
	const struct enclave_map_options options = {
	    .insecure_allow_debug = insecure};
	struct enclave_client_error error;
	struct enclave_map *map = NULL;
	cJSON *pcrs = cJSON_CreateObject();
	const cJSON *pcr;

	cJSON_ArrayForEach(
	    pcr, cJSON_GetObjectItemCaseSensitive(json, "pcrs_nonzero"))
	{
		char name[64], hex[2 * PCR_BYTES + 1];
		snprintf(name, sizeof(name), "PCR%s", pcr->string);
		snprintf(hex, sizeof(hex), "%s", pcr->valuestring);
		if (spoil)
			hex[95] = hex[95] == '0' ? '1' : '0';
		cJSON_AddStringToObject(pcrs, name, hex);
	}
	/* The index can't say anything of one that is no document. */
	if (!pcrs->child) {
		char hex[2 * PCR_BYTES + 1];
		memset(hex, 'a', sizeof(hex));
		hex[2 * PCR_BYTES] = '\0';
		cJSON_AddStringToObject(pcrs, "PCR0", hex);
	}
	char *text = cJSON_PrintUnformatted(pcrs);
	const struct enclave_single single = {
	    "real", "https://h", bytes_from_string(text)};
	ck_assert_msg(!enclave_map_new_single(&single, &options, &map, &error),
	    "%s", error.message);
	cJSON_free(text);
	cJSON_Delete(pcrs);
	return map;
}

static char *
base64_of(struct bytes document)
{
	char *text = malloc(document.len * 2 + 8);

	ck_assert_ptr_nonnull(text);
	EVP_EncodeBlock(
	    (unsigned char *)text, document.data, (int)document.len);
	return text;
}

static enum enclave_client_status
judge(const cJSON *json, struct enclave_map *map,
    struct appraisal *ret_appraisal, struct enclave_client_error *error)
{
	const struct appraiser appraiser = {
	    .roots = roots, .memory = memory, .clock = &test_clock};
	struct buffer document = read_file(member(json, "file"));
	char *base64 = base64_of(buffer_bytes(&document));
	char *body = NULL;

	ck_assert_int_gt(
	    asprintf(&body, "{\"attestation_doc\":\"%s\"}", base64), 0);
	enum enclave_client_status status =
	    appraise(&appraiser, enclave_map_at(map, 0),
		(struct answer){.body = bytes_from_string(body)}, ret_appraisal,
		error);
	free(body);
	free(base64);
	buffer_clear(&document);
	return status;
}

/* user_data is the SubjectPublicKeyInfo of an EC key (RFC 5480 2). */
static bool
names_key(const cJSON *user_data)
{
	const char *hex = member(user_data, "hex");

	return !strncmp(hex, "3059301306072a8648ce3d0201", 26) ||
	       !strncmp(hex, "3076301006072a8648ce3d0201", 26);
}

START_TEST(each_document_is_judged_at_its_moment)
{
	const cJSON *json = cJSON_GetArrayItem(documents, _i);
	struct enclave_client_error error;
	struct appraisal appraisal;

	now_ms = timestamp_ms(json) + 1000;
	struct enclave_map *map = map_for(json, is_debug(json), false);
	enum enclave_client_status status =
	    judge(json, map, &appraisal, &error);
	const cJSON *user_data =
	    cJSON_GetObjectItemCaseSensitive(json, "user_data");
	if (!is_good(json)) {
		ck_assert_int_ne(status, ENCLAVE_CLIENT_OK);
		ck_assert_int_lt(error.step, ENCLAVE_CLIENT_STEP_TIME);
		ck_assert_ptr_null(appraisal.claims);
	} else if (!names_key(user_data)) {
		/* Authentic and accepted; its service is not Evervault's. */
		ck_assert_msg(status == ENCLAVE_CLIENT_ERR_BINDING, "%s: %s",
		    member(json, "file"), error.message);
	} else {
		uint8_t sha256[32];
		ck_assert_msg(
		    !status, "%s: %s", member(json, "file"), error.message);
		ck_assert(
		    hex_decode(bytes_from_string(member(user_data, "sha256")),
			sha256, sizeof(sha256)));
		ck_assert_mem_eq(appraisal.key.sha256, sha256, 32);
		ck_assert_int_gt(appraisal.deadline_ms, now_ms);
		ck_assert_int_le(appraisal.deadline_ms,
		    timestamp_ms(json) + MAX_AGE_MS_DEFAULT);
	}
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

/* How many documents each service's rule was seen to read. */
static int nitriding_read, dstack_read;

static void
read_nitriding(const struct claims *claims, struct bytes field)
{
	const struct profile *profile = profile_find("nitriding");
	struct binding_keys keys = {0};
	uint8_t expected[32];

	ck_assert(
	    !binding_keys_from_claims(&profile->binding, claims, &keys, NULL));
	ck_assert_uint_eq(keys.count, 1);
	ck_assert(
	    EVP_Digest(field.data + 2, 32, expected, NULL, EVP_sha256(), NULL));
	ck_assert_mem_eq(keys.keys[0].sha256, expected, 32);
	nitriding_read++;
}

static void
read_dstack(const struct claims *claims, struct bytes field)
{
	const struct profile *profile = profile_find("dstack");
	struct binding_keys keys = {0};
	struct enclave_client_error error;
	enum enclave_client_status status =
	    binding_keys_from_claims(&profile->binding, claims, &keys, &error);

	ck_assert_int_eq(status,
	    field.len == 64 ? ENCLAVE_CLIENT_OK : ENCLAVE_CLIENT_ERR_BINDING);
	dstack_read++;
}

START_TEST(the_binding_fields_of_other_services_are_read)
{
	for (int i = 0; i < document_count; i++) {
		const cJSON *json = cJSON_GetArrayItem(documents, i);
		struct evidence_check check = {
		    .roots = roots, .max_age_ms = MAX_AGE_MS_DEFAULT};
		struct claims *claims = NULL;
		struct bytes field = {0};
		struct buffer document;
		if (!is_good(json))
			continue;
		document = read_file(member(json, "file"));
		ck_assert(!evidence_verify_replay(buffer_bytes(&document),
		    &check, EVIDENCE_AT_DOCUMENT, &claims, NULL));
		buffer_clear(&document);
		if (claims_field(claims, CLAIMS_USER_DATA, &field) &&
		    field.len == 68 && field.data[0] == 0x12)
			read_nitriding(claims, field);
		if (strstr(member(json, "file"), "Dstack"))
			read_dstack(claims, field);
		claims_unref(claims);
	}
	/* Or this test has shown nothing. */
	ck_assert_int_ge(nitriding_read, 5);
	ck_assert_int_ge(dstack_read, 2);
}
END_TEST

START_TEST(each_document_is_refused_today_with_other_pcrs_or_in_debug)
{
	const cJSON *json = cJSON_GetArrayItem(documents, _i);
	struct enclave_client_error error;
	struct appraisal appraisal;

	if (!is_good(json))
		return;
	now_ms = timestamp_ms(json) + 1000;
	struct enclave_map *map = map_for(json, false, true);
	ck_assert_int_eq(judge(json, map, &appraisal, &error),
	    is_debug(json) ? ENCLAVE_CLIENT_ERR_DEBUG
			   : ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_ptr_nonnull(appraisal.claims);
	appraisal_clear(&appraisal);
	now_ms = clock_now(&clock_system).wall_ms;
	ck_assert_int_eq(enclave_client_status_category(
			     judge(json, map, &appraisal, &error)),
	    ENCLAVE_CLIENT_CATEGORY_TIME);
	ck_assert_ptr_null(appraisal.claims);
	appraisal_clear(&appraisal);
	enclave_map_unref(map);
}
END_TEST

START_TEST(each_document_is_decoded_from_every_form)
{
	const cJSON *json = cJSON_GetArrayItem(documents, _i);
	struct buffer document = read_file(member(json, "file"));
	char *hex = malloc(2 * document.len + 1);
	char *base64 = base64_of(buffer_bytes(&document));
	char *body = NULL;

	ck_assert_ptr_nonnull(hex);
	hex_encode(buffer_bytes(&document), hex);
	ck_assert_int_gt(
	    asprintf(&body, "{\"attestation_doc\":\"%s\"}\n", base64), 0);
	const struct bytes forms[] = {buffer_bytes(&document),
	    bytes_from_string(hex), bytes_from_string(base64),
	    bytes_from_string(body)};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct buffer decoded;
		ck_assert(!appraisal_decode_any(forms[i], &decoded, NULL));
		ck_assert(bytes_equal(
		    buffer_bytes(&decoded), buffer_bytes(&document)));
		buffer_clear(&decoded);
	}
	free(body);
	free(base64);
	free(hex);
	buffer_clear(&document);
}
END_TEST

static void
load(void)
{
	struct buffer index = read_file("index.json");

	index_json = cJSON_ParseWithLength((const char *)index.data, index.len);
	buffer_clear(&index);
	documents = cJSON_GetObjectItemCaseSensitive(index_json, "documents");
	document_count = cJSON_GetArraySize(documents);
	memory = chain_memory_new();
	if (!document_count || evidence_roots_new_aws(&roots, NULL)) {
		fprintf(stderr, "no documents in %s\n", folder);
		exit(EXIT_FAILURE);
	}
}

int
main(void)
{
	folder = getenv("ENCLAVE_CLIENT_VECTORS");
	if (!folder || !*folder) {
		printf("1..0 # SKIP ENCLAVE_CLIENT_VECTORS is not set\n");
		return EXIT_SUCCESS;
	}
	load();
	Suite *suite = suite_create("appraisal-vectors");
	TCase *tcase = tcase_create("appraisal-vectors");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, each_document_is_judged_at_its_moment, 0, document_count);
	tcase_add_loop_test(tcase,
	    each_document_is_refused_today_with_other_pcrs_or_in_debug, 0,
	    document_count);
	tcase_add_loop_test(
	    tcase, each_document_is_decoded_from_every_form, 0, document_count);
	tcase_add_test(tcase, the_binding_fields_of_other_services_are_read);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	chain_memory_free(memory);
	evidence_roots_unref(roots);
	cJSON_Delete(index_json);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
