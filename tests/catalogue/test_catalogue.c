/*
 * Runs the catalogue of hostile documents that catalogue.py made: each must
 * get exactly the status, the step and the reason that its manifest expects,
 * whether nothing is remembered or the good document's chain is.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include "evidence_test.h"

static const char *folder;
static const cJSON *cases;
static const cJSON *root_files;
static struct evidence_roots *roots;
static struct file good;
/* One memory for all cases, one after the other: nothing may poison it. */
static struct chain_memory *shared_memory;

/*
 * Whatever in this process would fetch something, libcrypto included, comes by
 * here: these hide the C library's.
 */
static int network_calls;

int
socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	network_calls++;
	errno = EACCES;
	return -1;
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **ret_result)
{
	(void)node, (void)service, (void)hints, (void)ret_result;
	network_calls++;
	return EAI_FAIL;
}

static struct evidence_check
check_for(const cJSON *item)
{
	return (struct evidence_check){
	    .roots = roots,
	    .now_ms = json_member_integer(item, "now_ms"),
	    .max_age_ms = json_member_integer(item, "max_age_ms"),
	    .clock_skew_ms = json_member_integer(item, "clock_skew_ms"),
	};
}

static void
read_everything(const struct claims *claims)
{
	struct bytes value;
	size_t total = 0;

	for (unsigned int i = 0; i < 40; i++)
		if (claims_pcr(claims, i, &value))
			for (size_t j = 0; j < value.len; j++)
				total += value.data[j];
	for (int i = 0; i < CLAIMS_FIELDS; i++)
		if (claims_field(claims, (enum claims_field)i, &value))
			for (size_t j = 0; j < value.len; j++)
				total += value.data[j];
	for (size_t i = 0; i < claims_certificate_count(claims); i++)
		total += strlen(claims_certificate(claims, i)->subject);
	if (claims_module_id(claims))
		total += strlen(claims_module_id(claims));
	ck_assert_uint_lt(total, SIZE_MAX);
	ck_assert_ptr_null(
	    claims_certificate(claims, claims_certificate_count(claims)));
}

/* A newer OpenSSL may refuse first what is refused here as well. */
static bool
says(const char *message, const cJSON *item)
{
	return strstr(message, json_string(item, "message")) ||
	       strstr(message, json_string(item, "newer_message"));
}

/* Judges one case with one memory, live. */
static void
judge(const cJSON *item, struct chain_memory *memory)
{
	struct file file = file_read(folder, json_string(item, "file"));
	struct evidence_check check = check_for(item);
	struct enclave_client_error error = {0};
	struct claims *const untouched = (struct claims *)&error;
	struct claims *claims = untouched;
	const char *title = json_string(item, "title");
	int expected = status_by_name(json_string(item, "status"));
	enum enclave_client_status status;

	check.memory = memory;
	ck_assert_int_ge(expected, 0);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	status = evidence_verify(file_bytes(&file), &check, &claims, &error);
	ck_assert_msg((int)status == expected, "%s: %s instead of %s: %s",
	    title, enclave_client_status_name(status),
	    json_string(item, "status"), error.message);
	ck_assert_int_eq(error.status, status);
	ck_assert_msg(!strcmp(enclave_client_step_name(error.step),
			  json_string(item, "step")),
	    "%s: step %s", title, enclave_client_step_name(error.step));
	ck_assert_msg(says(error.message, item),
	    "%s: \"%s\" does not say \"%s\"", title, error.message,
	    json_string(item, "message"));
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert_int_eq(network_calls, 0);
	ck_assert_int_eq(claims == untouched, status != ENCLAVE_CLIENT_OK);
	if (status == ENCLAVE_CLIENT_OK) {
		ck_assert(claims_authentic(claims));
		ck_assert(!claims_replayed(claims));
		ck_assert_str_eq(error.message, "");
		/* PCR4 is set in it, as in every real one. */
		ck_assert_int_eq(claims_debug(claims),
		    !strncmp(title, "debug document", 14));
		read_everything(claims);
		claims_unref(claims);
	}
	file_free(&file);
}

/* The good document has been verified: its chain, leaf and bytes are known. */
static struct chain_memory *
warm_memory(void)
{
	struct evidence_check check = check_for(cJSON_GetArrayItem(cases, 0));
	struct claims *claims = NULL;

	check.memory = chain_memory_new();
	ck_assert_ptr_nonnull(check.memory);
	ck_assert_int_eq(
	    evidence_verify(file_bytes(&good), &check, &claims, NULL),
	    ENCLAVE_CLIENT_OK);
	claims_unref(claims);
	return check.memory;
}

/* The count counts: libcrypto's own way out is one of those that are hidden. */
START_TEST(a_fetch_would_be_seen)
{
	BIO *bio = BIO_new_connect("127.0.0.1:9");

	ck_assert_ptr_nonnull(bio);
	ck_assert_int_le(BIO_do_connect(bio), 0);
	BIO_free_all(bio);
	ERR_clear_error();
	ck_assert_int_gt(network_calls, 0);
	network_calls = 0;
}
END_TEST

START_TEST(nothing_remembered)
{
	judge(cJSON_GetArrayItem(cases, _i), NULL);
}
END_TEST

START_TEST(good_chain_remembered)
{
	struct chain_memory *memory = warm_memory();

	judge(cJSON_GetArrayItem(cases, _i), memory);
	/* And what it left behind changes no second verdict. */
	judge(cJSON_GetArrayItem(cases, _i), memory);
	judge(cJSON_GetArrayItem(cases, 0), memory);
	chain_memory_free(memory);
}
END_TEST

START_TEST(one_memory_for_all)
{
	const cJSON *item;

	for (int round = 0; round < 2; round++)
		cJSON_ArrayForEach(item, cases) judge(item, shared_memory);
}
END_TEST

/*
 * Replay reaches the same verdict, and says so in the claims; an old failure of
 * the caller's on OpenSSL's queue is neither taken for a new one nor lost.
 */
START_TEST(replayed)
{
	const cJSON *item = cJSON_GetArrayItem(cases, _i);
	struct file file = file_read(folder, json_string(item, "file"));
	struct evidence_check check = check_for(item);
	struct claims *claims = NULL;
	enum enclave_client_status status;
	int64_t at_ms = check.now_ms;

	check.now_ms = 1;
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	status = evidence_verify_replay(
	    file_bytes(&file), &check, at_ms, &claims, NULL);
	ck_assert_int_eq(
	    (int)status, status_by_name(json_string(item, "status")));
	ck_assert_int_eq(claims != NULL, status == ENCLAVE_CLIENT_OK);
	ck_assert(!claims || claims_replayed(claims));
	ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), ERR_R_MALLOC_FAILURE);
	ck_assert_uint_eq(ERR_get_error(), 0);
	claims_unref(claims);
	file_free(&file);
}
END_TEST

START_TEST(read_unverified)
{
	const cJSON *item = cJSON_GetArrayItem(cases, _i);
	struct file file = file_read(folder, json_string(item, "file"));
	struct claims *claims = evidence_read_unverified(file_bytes(&file));

	if (claims) {
		ck_assert(!claims_authentic(claims));
		read_everything(claims);
	}
	ck_assert_uint_eq(ERR_peek_error(), 0);
	claims_unref(claims);
	file_free(&file);
}
END_TEST

static const struct {
	int64_t later_ms;
	enum enclave_client_status status;
} moments[] = {
    {0, ENCLAVE_CLIENT_OK},
    {3600000 - 10001, ENCLAVE_CLIENT_OK},
    {3600000 - 10000, ENCLAVE_CLIENT_ERR_TOO_OLD},
    {10803000 - 3600000, ENCLAVE_CLIENT_ERR_EXPIRED},
    {-3600000 - 5001, ENCLAVE_CLIENT_ERR_NOT_YET_VALID},
    {-10000 - 5001, ENCLAVE_CLIENT_ERR_FROM_FUTURE},
};

/* What is remembered is judged by the clock each time. */
START_TEST(remembered_is_not_timeless)
{
	struct evidence_check check = check_for(cJSON_GetArrayItem(cases, 0));
	struct claims *claims = NULL;

	check.memory = warm_memory();
	check.now_ms += moments[_i].later_ms;
	ck_assert_int_eq(
	    evidence_verify(file_bytes(&good), &check, &claims, NULL),
	    moments[_i].status);
	claims_unref(claims);
	chain_memory_free(check.memory);
}
END_TEST

START_TEST(offered_as_roots)
{
	const cJSON *item = cJSON_GetArrayItem(root_files, _i);
	struct file pem = file_read(folder, json_string(item, "file"));
	struct evidence_roots *made = NULL;
	struct enclave_client_error error = {0};
	enum enclave_client_status status =
	    evidence_roots_new_insecure_pem(file_bytes(&pem), &made, &error);

	ck_assert_msg(
	    (int)status == status_by_name(json_string(item, "status")),
	    "%s: %s: %s", json_string(item, "title"),
	    enclave_client_status_name(status), error.message);
	ck_assert_msg(strstr(error.message, json_string(item, "message")),
	    "%s: %s", json_string(item, "title"), error.message);
	ck_assert_int_eq(error.step, ENCLAVE_CLIENT_STEP_NONE);
	ck_assert_int_eq(made != NULL, status == ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	evidence_roots_unref(made);
	file_free(&pem);
}
END_TEST

/* Whatever AWS signs, it does not vouch for under another root. */
START_TEST(other_roots)
{
	struct evidence_roots *aws = roots_aws();
	struct evidence_check check = check_for(cJSON_GetArrayItem(cases, 0));
	struct claims *claims = NULL;

	check.memory = warm_memory();
	check.roots = aws;
	ck_assert_int_eq(
	    evidence_verify(file_bytes(&good), &check, &claims, NULL),
	    ENCLAVE_CLIENT_ERR_ROOT);
	ck_assert_ptr_null(claims);
	chain_memory_free(check.memory);
	evidence_roots_unref(aws);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("catalogue");
	TCase *tcase = tcase_create("hostile documents");
	cJSON *manifest;
	SRunner *runner;
	int count;
	int failed;

	if (argc != 2)
		return 2;
	folder = argv[1];
	manifest = json_read(folder, "manifest.json");
	cases = cJSON_GetObjectItemCaseSensitive(manifest, "cases");
	root_files = cJSON_GetObjectItemCaseSensitive(manifest, "roots");
	count = cJSON_GetArraySize(cases);
	roots = roots_file(folder, json_string(manifest, "root"));
	good = file_read(folder, json_string(manifest, "good"));
	shared_memory = chain_memory_new();
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_fetch_would_be_seen);
	tcase_add_loop_test(tcase, nothing_remembered, 0, count);
	tcase_add_loop_test(tcase, good_chain_remembered, 0, count);
	tcase_add_test(tcase, one_memory_for_all);
	tcase_add_loop_test(tcase, replayed, 0, count);
	tcase_add_loop_test(tcase, read_unverified, 0, count);
	tcase_add_test(tcase, other_roots);
	tcase_add_loop_test(tcase, remembered_is_not_timeless, 0,
	    (int)(sizeof(moments) / sizeof(moments[0])));
	tcase_add_loop_test(
	    tcase, offered_as_roots, 0, cJSON_GetArraySize(root_files));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	chain_memory_free(shared_memory);
	evidence_roots_unref(roots);
	file_free(&good);
	cJSON_Delete(manifest);
	return failed ? 1 : 0;
}
