/*
 * Registers that follow from a name or a file.  The known answers were
 * reckoned with Python's hashlib; PCR4 is held against real documents too,
 * whose folder ENCLAVE_CLIENT_VECTORS names.
 */
#include <check.h>
#include <cjson/cJSON.h>
#include <enclave_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define FILE_MAX_BYTES  (4 * 1024 * 1024)
#define PCR_INDEX       4
#define INSTANCE_DIGITS 17

/* A certificate as nitro-cli signs images with: P-384, self-signed. */
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIB0DCCAVagAwIBAgIUZBss2LxNhiWBu2MdPtoky5EG4hMwCgYIKoZIzj0EAwIw\n"
    "HzEdMBsGA1UEAwwUZW5jbGF2ZSBpbWFnZSBzaWduZXIwHhcNMjYxMTIxMTMzOTUz\n"
    "WhcNMzYxMTE4MTMzOTUzWjAfMR0wGwYDVQQDDBRlbmNsYXZlIGltYWdlIHNpZ25l\n"
    "cjB2MBAGByqGSM49AgEGBSuBBAAiA2IABNb0vEyVjvF39StfE2Anv6JmEWRKgTil\n"
    "c0JfgyTV8wC+NxNdpFjL2pOnvf2o0WDoUzaf5S22F/qA8z4BsIQXO6dfo/ISupsw\n"
    "3koFkw+6N8iDQiPx+Xyt3GcIvcnB+b1DPKNTMFEwHQYDVR0OBBYEFMJ2dFxw5SOQ\n"
    "TY7GBMwRxLr7EvGYMB8GA1UdIwQYMBaAFMJ2dFxw5SOQTY7GBMwRxLr7EvGYMA8G\n"
    "A1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDaAAwZQIxAKOBXTQzZVJcQ3/H1iFK\n"
    "q9hyWASBUtiVEVycCAuZ+vmvCUOzRhlphaqQZI6BhY2xSwIwMzB8nl/iijTj6wrp\n"
    "H21QNZnCuCSgBmBji/XxJGu/z04L7vp/goyncPO3gPDpinZQ\n"
    "-----END CERTIFICATE-----\n";

START_TEST(each_register_is_the_one_that_aws_reckons)
{
	char *pcr = NULL;

	ck_assert(!enclave_client_pcr3_from_role_arn(
	    "arn:aws:iam::123456789012:role/enclave-parent", &pcr, NULL));
	ck_assert_str_eq(pcr,
	    "2fc0d200c60242eafff3458004396999f47ecfeec622859865bb3a4e7d5acfe1"
	    "070925baeb1a0c695e912c8a370d9371");
	free(pcr);
	ck_assert(!enclave_client_pcr4_from_instance_id(
	    "i-0123456789abcdef0", &pcr, NULL));
	ck_assert_str_eq(pcr,
	    "d6432900ac1c343cb40286898792c55e962aef0cc35c4910c0c286145b51af19"
	    "e782cb21cc31a042671d7dfbd398251c");
	free(pcr);
	ck_assert(!enclave_client_pcr8_from_certificate_pem(
	    certificate, strlen(certificate), &pcr, NULL));
	ck_assert_str_eq(pcr,
	    "5303a769929b9c3f869cfe398b5bba27a50f2938bbd6a7012461eb7f49d2f6ae"
	    "ab8983fadb35da671448b89c98598fec");
	free(pcr);
}
END_TEST

static const char *const roles[] = {"", "enclave-parent",
    "arn:aws:iam::123456789012:instance-profile/enclave-parent",
    "arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:user/x",
    "arn:aws:iam::123456789012:role/x ", "arn:aws:iam::123456789012:role/x\n",
    "arn:aws:sts::123456789012:role/x", " arn:aws:iam::1:role/x",
    "arn:gcp:iam::123456789012:role/x", "aws:iam::123456789012:role/x"};

static const char *const instances[] = {"", "i-", "i-0", "0123456789abcdef0",
    "j-0123456789abcdef0", "i_0123456789abcdef0", "i-01234567-",
    "i-0123456789abcdef", "i-0123456789abcdef01", "i-0123456789ABCDEF0",
    "i-0123456789abcdef0 ", "i-0123456789abcdef0-enc0123456789abcdef"};

START_TEST(what_is_no_role_or_instance_is_refused)
{
	struct enclave_client_error *error = enclave_client_error_new();
	char *pcr = NULL;

	for (size_t i = 0; i < COUNT(roles); i++) {
		ck_assert_int_eq(
		    enclave_client_pcr3_from_role_arn(roles[i], &pcr, error),
		    ENCLAVE_CLIENT_ERR_USAGE);
		ck_assert_ptr_nonnull(strstr(
		    enclave_client_error_message(error), "ARN of an IAM role"));
	}
	for (size_t i = 0; i < COUNT(instances); i++)
		ck_assert_int_eq(enclave_client_pcr4_from_instance_id(
				     instances[i], &pcr, error),
		    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_pcr3_from_role_arn(NULL, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_pcr4_from_instance_id(NULL, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(pcr);
	enclave_client_error_free(error);
}
END_TEST

START_TEST(a_role_has_at_most_2048_bytes)
{
	char arn[2048 + 2] = "arn:aws:iam::123456789012:role/";
	size_t len = strlen(arn);
	char *pcr = NULL;

	memset(arn + len, 'x', 2048 - len);
	ck_assert(!enclave_client_pcr3_from_role_arn(arn, &pcr, NULL));
	free(pcr);
	pcr = NULL;
	arn[2048] = 'x';
	ck_assert_int_eq(enclave_client_pcr3_from_role_arn(arn, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(pcr);
}
END_TEST

START_TEST(a_signing_certificate_is_one_and_whole)
{
	char twice[2 * sizeof(certificate)];
	char *pcr = NULL;
	size_t len = strlen(certificate);

	(void)snprintf(twice, sizeof(twice), "%s%s", certificate, certificate);
	ck_assert_int_eq(enclave_client_pcr8_from_certificate_pem(
			     twice, strlen(twice), &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_pcr8_from_certificate_pem(
			     certificate, len / 2, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(
	    enclave_client_pcr8_from_certificate_pem("", 0, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(
	    enclave_client_pcr8_from_certificate_pem(NULL, 0, &pcr, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(pcr);
}
END_TEST

static const char *folder;

/* New text, NUL after it. */
static char *
read_file(const char *name, size_t *ret_len)
{
	char path[4096];
	char *text = malloc(FILE_MAX_BYTES);
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_ptr_nonnull(text);
	*ret_len = fread(text, 1, FILE_MAX_BYTES - 1, file);
	text[*ret_len] = '\0';
	(void)fclose(file);
	return text;
}

/* 1 when the document is authentic, and its PCR4 that of its module_id. */
static int
check_document(const char *name)
{
	struct enclave_client_document *document = NULL;
	struct enclave_client_evidence evidence = {0};
	char instance[2 + INSTANCE_DIGITS + 1];
	int authentic = 0;
	char *pcr = NULL;
	char *data = read_file(name, &evidence.len);

	evidence.data = data;
	evidence.judged_at_ms = ENCLAVE_CLIENT_AT_DOCUMENT;
	if (!enclave_client_document_read(NULL, &evidence, &document, NULL) &&
	    enclave_client_document_authentic(document)) {
		(void)snprintf(instance, sizeof(instance), "%s",
		    enclave_client_document_module_id(document));
		ck_assert_msg(
		    !enclave_client_pcr4_from_instance_id(instance, &pcr, NULL),
		    "%s: %s", name, instance);
		ck_assert_str_eq(
		    enclave_client_document_pcr(document, PCR_INDEX), pcr);
		authentic = 1;
	}
	free(pcr);
	enclave_client_document_free(document);
	free(data);
	return authentic;
}

START_TEST(pcr4_of_every_real_document_is_that_of_its_instance)
{
	size_t len = 0;
	char *text = read_file("index.json", &len);
	cJSON *json = cJSON_ParseWithLength(text, len);
	const cJSON *document;
	int authentic = 0;

	cJSON_ArrayForEach(
	    document, cJSON_GetObjectItemCaseSensitive(json, "documents"))
	{
		authentic += check_document(cJSON_GetStringValue(
		    cJSON_GetObjectItemCaseSensitive(document, "file")));
	}
	/* Or this test has shown nothing. */
	ck_assert_int_gt(authentic, 30);
	cJSON_Delete(json);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pcr");
	TCase *tcase = tcase_create("pcr");
	SRunner *runner = srunner_create(suite);
	int failed;

	folder = getenv("ENCLAVE_CLIENT_VECTORS");
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, each_register_is_the_one_that_aws_reckons);
	tcase_add_test(tcase, what_is_no_role_or_instance_is_refused);
	tcase_add_test(tcase, a_role_has_at_most_2048_bytes);
	tcase_add_test(tcase, a_signing_certificate_is_one_and_whole);
	if (folder && *folder)
		tcase_add_test(
		    tcase, pcr4_of_every_real_document_is_that_of_its_instance);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
