/*
 * Torture of what callers own: easy handles, multi handles, TLS objects.
 * torture.h says what is promised; nothing leaves for an enclave that is not
 * accepted whichever call fails.
 */
#include <enclave_client_curl.h>
#include <enclave_client_openssl.h>
#include <stdio.h>
#include <string.h>

#include "integration/fixture.h"
#include "integration/handles.h"
#include "integration/line.h"
#include "integration/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SECRET "c0ffee-secret"
/* Of a multi handle's, 50 ms each. */
#define TURNS_MAX 400

static CURL *easy;
static CURLM *multi;
static SSL_CTX *ssl_ctx;
static SSL *ssl;

/* What the scene's calls gave. */
static struct {
	struct enclave_client_curl *attachment;
	struct enclave_client_request *request;
	struct enclave_client_transfer *transfer;
	struct enclave_client_response *response;
	struct enclave_client_document *document;
} given;

static void
clear_given(void)
{
	enclave_client_curl_detach(given.attachment);
	enclave_client_response_free(given.response);
	enclave_client_transfer_free(given.transfer);
	enclave_client_request_free(given.request);
	enclave_client_document_free(given.document);
	memset(&given, 0, sizeof(given));
}

static void
warm(void)
{
	if (fixture.client)
		return;
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
}

static void
refuse(void)
{
	warm();
	fixture_update(OTHER_PCR0, "");
}

static bool
nothing_given(void)
{
	return !given.response && !given.document;
}

/* An easy handle */

static void
make_easy(void)
{
	warm();
	easy = curl_easy_init();
	handles_get(easy, "/" SECRET);
}

static void
make_easy_refused(void)
{
	refuse();
	easy = curl_easy_init();
	handles_get(easy, "/" SECRET);
}

static CURLcode
callers_ssl_ctx(CURL *handle, void *context, void *data)
{
	(void)handle, (void)context, (void)data;
	return CURLE_OK;
}

static int
callers_prereq(void *data, char *own, char *theirs, int own_port, int port)
{
	(void)data, (void)own, (void)theirs, (void)own_port, (void)port;
	return CURL_PREREQFUNC_OK;
}

static enum enclave_client_status
perform(void)
{
	const struct enclave_client_curl_hooks hooks = {
	    .ssl_ctx = callers_ssl_ctx, .prereq = callers_prereq};
	enum enclave_client_status status = enclave_client_curl_attach(
	    fixture.client, easy, &hooks, &given.attachment, fixture.error);

	if (!status)
		status = enclave_client_curl_perform(
		    given.attachment, fixture.error);
	if (status)
		return status;
	given.document = enclave_client_curl_document(given.attachment);
	return given.document ? ENCLAVE_CLIENT_OK : ENCLAVE_CLIENT_ERR_MEMORY;
}

static bool
documented(void)
{
	return given.document != NULL;
}

static void
clear_easy(void)
{
	clear_given();
	curl_easy_cleanup(easy);
	easy = NULL;
}

/* A multi handle */

static void
make_multi(void)
{
	warm();
	multi = curl_multi_init();
}

static void
make_multi_cold(void)
{
	if (!fixture.client)
		fixture_client(OTHER_PCR0, "", false);
	/* A slot made anew has no evidence and no failure held against it. */
	fixture_update_map("{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}");
	fixture_update(NULL, "");
	multi = curl_multi_init();
}

/* handles_run() without its assertions. */
static CURLcode
drive(CURL *handle)
{
	CURLcode code = CURLE_OUT_OF_MEMORY;
	CURLMsg *message = NULL;
	int left = 0;

	if (curl_multi_add_handle(multi, handle))
		return code;
	for (int i = 0; i < TURNS_MAX; i++) {
		if (curl_multi_perform(multi, &left))
			break;
		message = curl_multi_info_read(multi, &left);
		if (message || curl_multi_poll(multi, NULL, 0, 50, NULL))
			break;
	}
	if (message)
		code = message->data.result;
	(void)curl_multi_remove_handle(multi, handle);
	return code;
}

static enum enclave_client_status
prepare_and_drive(void)
{
	enum enclave_client_status status =
	    enclave_client_request_new("GET", "/" SECRET, &given.request);
	bool again = true;

	if (!status)
		status = enclave_client_prepare(fixture.client, FIXTURE_NAME,
		    given.request, &given.transfer, fixture.error);
	while (!status && again)
		status = enclave_client_transfer_done(given.transfer,
		    drive(enclave_client_transfer_handle(given.transfer)),
		    &again, &given.response, fixture.error);
	return status;
}

static bool
answered(void)
{
	return enclave_client_response_status(given.response) == 200;
}

static void
clear_multi(void)
{
	clear_given();
	(void)curl_multi_cleanup(multi);
	multi = NULL;
}

/* TLS objects */

static void
make_line(void)
{
	warm();
	ssl_ctx = line_context();
	ssl = line_new(ssl_ctx);
}

static void
make_line_without_web_pki(void)
{
	if (!fixture.client) {
		fixture_client(NULL, ",\"trust\":\"attested_key\"", false);
		fixture_get_ok("/warm");
	}
	make_line();
}

static void
make_line_refused(void)
{
	refuse();
	ssl_ctx = line_context();
	ssl = line_new(ssl_ctx);
}

static enum enclave_client_status
check_line(void)
{
	if (SSL_connect(ssl) != 1)
		(void)0; /* checking says why */
	return enclave_client_ssl_check(
	    fixture.client, ssl, &given.document, fixture.error);
}

static enum enclave_client_status
attach_line(void)
{
	enum enclave_client_status status = enclave_client_ssl_attach(
	    fixture.client, FIXTURE_NAME, ssl, fixture.error);

	return status ? status : check_line();
}

/* The context of a line that was made before it: for the next one. */
static enum enclave_client_status
attach_context(void)
{
	enum enclave_client_status status = enclave_client_ssl_ctx_attach(
	    fixture.client, FIXTURE_NAME, ssl_ctx, fixture.error);
	SSL *next;

	if (status)
		return status;
	next = SSL_new(ssl_ctx);
	if (!next)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	(void)SSL_set_tlsext_host_name(next, "localhost");
	/* The descriptor moves over, and is closed once. */
	(void)SSL_set_fd(next, SSL_get_fd(ssl));
	SSL_set_quiet_shutdown(ssl, 1);
	SSL_free(ssl);
	ssl = next;
	return check_line();
}

static void
clear_line(void)
{
	clear_given();
	line_free(ssl);
	SSL_CTX_free(ssl_ctx);
	ssl = NULL;
	ssl_ctx = NULL;
}

static const struct torture_scene scenes[] = {
    {"an easy handle", make_easy, perform, documented, nothing_given,
	clear_easy, 30, false},
    {"an easy handle to what is refused", make_easy_refused, perform, NULL,
	nothing_given, clear_easy, 30, true},
    {"a multi handle", make_multi, prepare_and_drive, answered, nothing_given,
	clear_multi, 50, false},
    {"a multi handle, learning first", make_multi_cold, prepare_and_drive,
	answered, nothing_given, clear_multi, 100, false},
    {"an SSL", make_line, attach_line, documented, nothing_given, clear_line, 5,
	false},
    {"an SSL_CTX", make_line, attach_context, documented, nothing_given,
	clear_line, 5, false},
    {"an SSL whose key alone counts", make_line_without_web_pki, attach_line,
	documented, nothing_given, clear_line, 5, false},
    {"an SSL to what is refused", make_line_refused, attach_line, NULL,
	nothing_given, clear_line, 5, true},
    {"an SSL_CTX to what is refused", make_line_refused, attach_context, NULL,
	nothing_given, clear_line, 5, true},
};

START_TEST(whichever_call_fails_the_error_is_clean)
{
	torture_run(&scenes[_i]);
	if (scenes[_i].refused)
		ck_assert(!local_enclave_log_contains(fixture.enclave, SECRET));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("torture-owned");
	TCase *tcase = tcase_create("torture-owned");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(
	    tcase, whichever_call_fails_the_error_is_clean, 0, COUNT(scenes));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
