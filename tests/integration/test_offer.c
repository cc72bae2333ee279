/*
 * What other TLS stacks use: enclave_client_check_certificate() and
 * enclave_client_evidence_offer(), enclave_client_find() and _evidence_url().
 */
#include <enclave_client_curl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "integration/fixture.h"
#include "integration/handles.h"
#include "integration/line.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What a caller with a TLS stack of its own has at hand. */
static unsigned char *leaf;
static int leaf_len;
static char body[65536];
static size_t body_len;

static void
setup(void)
{
	fixture_setup();
	leaf = NULL;
	body_len = 0;
}

static void
teardown(void)
{
	OPENSSL_free(leaf);
	fixture_teardown();
}

/* The leaf that the server shows now. */
static void
look_at_leaf(void)
{
	SSL_CTX *context = line_context();
	bool done = false;
	SSL *ssl = line_dial(context, &done);
	X509 *certificate = SSL_get1_peer_certificate(ssl);

	ck_assert_ptr_nonnull(certificate);
	OPENSSL_free(leaf);
	leaf = NULL;
	leaf_len = i2d_X509(certificate, &leaf);
	ck_assert_int_gt(leaf_len, 0);
	X509_free(certificate);
	line_free(ssl);
	SSL_CTX_free(context);
}

static size_t
keep_body(char *data, size_t size, size_t count, void *context)
{
	(void)context;
	ck_assert_uint_le(size * count, sizeof(body) - body_len);
	memcpy(body + body_len, data, size * count);
	body_len += size * count;
	return size * count;
}

static void
fetch_body(void)
{
	char *url = NULL;
	CURL *easy = curl_easy_init();

	body_len = 0;
	ck_assert_int_eq(enclave_client_evidence_url(
			     fixture.client, FIXTURE_NAME, &url, fixture.error),
	    0);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_CAINFO,
	    local_enclave_text(fixture.enclave, "web_ca"));
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	curl_easy_cleanup(easy);
	free(url);
}

static struct enclave_client_bytes
leaf_bytes(void)
{
	return (struct enclave_client_bytes){leaf, (size_t)leaf_len};
}

static enum enclave_client_status
check(struct enclave_client_document **ret_document)
{
	return enclave_client_check_certificate(fixture.client, FIXTURE_NAME,
	    leaf_bytes(), ret_document, fixture.error);
}

static enum enclave_client_status
offer(struct enclave_client_document **ret_document)
{
	const struct enclave_client_offer offered = {
	    .body = {body, body_len},
	    .leaf = leaf_bytes(),
	};

	return enclave_client_evidence_offer(fixture.client, FIXTURE_NAME,
	    &offered, ret_document, fixture.error);
}

START_TEST(certificate_is_judged_by_the_evidence_of_the_moment)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	look_at_leaf();
	fixture_expect(
	    check(&document), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_ptr_null(document);
	fixture_get_ok("/warm");
	fixture_expect(check(&document), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	enclave_client_document_free(document);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_OK, NULL);
	fixture_update(OTHER_PCR0, ",\"max_age_ms\":60000");
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_update(NULL, ",\"max_age_ms\":60000");
	fixture_expect(check(NULL), ENCLAVE_CLIENT_OK, NULL);
	fixture_advance_ms(61000);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	enclave_client_stop(fixture.client);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
}
END_TEST

START_TEST(unknown_certificate_wakes_the_poller)
{
	size_t before;

	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, FIXTURE_NAME, 30000, NULL), 0);
	fixture_rotate();
	look_at_leaf();
	/* Polls of one enclave are ten seconds apart: not waited for here. */
	fixture_advance_ms(11000);
	fixture_set("{\"clock_offset_ms\":11000}");
	before = fixture_evidence();
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert(local_enclave_wait_for(
	    fixture.enclave, "evidence", before + 1, 30000));
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_KEY_ADDED));
	fixture_expect(check(NULL), ENCLAVE_CLIENT_OK, NULL);
}
END_TEST

START_TEST(offered_evidence_counts_as_a_poll)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", false);
	look_at_leaf();
	fetch_body();
	fixture_expect(offer(&document), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_ptr_nonnull(enclave_client_document_module_id(document));
	enclave_client_document_free(document);
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	ck_assert_uint_eq(fixture_evidence(), 1);
	fixture_get_ok("/hello");
	ck_assert_uint_eq(fixture_evidence(), 1);
	/* Once more, the same bytes. */
	fixture_expect(offer(NULL), ENCLAVE_CLIENT_OK, NULL);
}
END_TEST

/* Genuine evidence over an impostor's connection: good, but not for that. */
START_TEST(relayed_evidence_does_not_vouch_for_the_relay)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", false);
	fetch_body();
	fixture_rotate();
	look_at_leaf();
	fixture_expect(offer(&document), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "in no accepted evidence");
	ck_assert_ptr_null(document);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, FIXTURE_NAME, 0, fixture.error),
	    0);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}
END_TEST

static const struct {
	const char *settings;
	enum enclave_client_status status;
} bad_evidence[] = {
    {"{\"evidence\":\"broken-signature\"}", ENCLAVE_CLIENT_ERR_SIGNATURE},
    {"{\"evidence\":\"foreign-root\"}", ENCLAVE_CLIENT_ERR_ROOT},
    {"{\"evidence\":\"future\"}", ENCLAVE_CLIENT_ERR_FROM_FUTURE},
    {"{\"evidence\":\"null-user-data\"}", ENCLAVE_CLIENT_ERR_BINDING},
    {"{\"evidence\":\"not-json\"}", ENCLAVE_CLIENT_ERR_ENCODING},
    {"{\"debug\":true}", ENCLAVE_CLIENT_ERR_DEBUG},
    {"{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}", ENCLAVE_CLIENT_ERR_MEASUREMENT},
};

START_TEST(bad_evidence_is_refused_and_never_published)
{
	fixture_client(NULL, "", false);
	look_at_leaf();
	fixture_set(bad_evidence[_i].settings);
	fetch_body();
	fixture_expect(offer(NULL), bad_evidence[_i].status, NULL);
	ck_assert_str_eq(
	    enclave_client_error_enclave(fixture.error), FIXTURE_NAME);
	ck_assert_int_ne(check(NULL), ENCLAVE_CLIENT_OK);
	ck_assert_int_ne(
	    enclave_client_wait(fixture.client, FIXTURE_NAME, 0, NULL), 0);
}
END_TEST

START_TEST(offered_refusal_withdraws_the_key)
{
	fixture_client(NULL, "", false);
	look_at_leaf();
	fixture_get_ok("/before");
	fixture_set("{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}");
	fetch_body();
	fixture_expect(offer(NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_expect(
	    fixture_get("/after"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

/* The key of the connection is withdrawn between a redirect's two requests. */
static size_t
withdraw_at_redirect(char *data, size_t size, size_t count, void *context)
{
	if (size * count > 9 && !strncasecmp(data, "Location:", 9))
		*(enum enclave_client_status *)context = offer(NULL);
	return size * count;
}

START_TEST(what_was_sent_is_not_sent_again_on_another_connection)
{
	enum enclave_client_status offered = ENCLAVE_CLIENT_OK;
	struct enclave_client_document *document = NULL;
	struct enclave_client_curl *attachment = NULL;
	CURL *easy = curl_easy_init();
	char settings[160];
	size_t before;

	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
	look_at_leaf();
	handles_get(easy, "/before");
	fixture_expect(enclave_client_curl_attach(fixture.client, easy, NULL,
			   &attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	(void)snprintf(settings, sizeof(settings), "{\"pcrs\":{\"0\":\"%s\"}}",
	    local_enclave_pcr(fixture.enclave, "0"));
	fixture_set("{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}");
	fetch_body();
	fixture_set(settings);
	/* Another key counts: a new connection would do. */
	fixture_rotate();
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME,
			   30000, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	enclave_client_document_free(document);
	handles_get(easy, "/redirect?to=/there");
	handles_set_long(easy, CURLOPT_FOLLOWLOCATION, 1);
	ck_assert_int_eq(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
			     withdraw_at_redirect),
	    0);
	handles_set_pointer(easy, CURLOPT_HEADERDATA, &offered);
	before = fixture_requests();
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_int_eq(offered, ENCLAVE_CLIENT_ERR_MEASUREMENT);
	ck_assert_uint_eq(fixture_requests(), before + 1);
	enclave_client_curl_detach(attachment);
	curl_easy_cleanup(easy);
}
END_TEST

START_TEST(what_an_offer_withdrew_is_no_good_in_the_next_run)
{
	char store[128];

	(void)snprintf(store, sizeof(store), "%s/store", fixture.state);
	fixture.evidence_store = store;
	fixture_client(NULL, "", false);
	look_at_leaf();
	fixture_get_ok("/before");
	fixture_set("{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}");
	fetch_body();
	fixture_expect(offer(NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture_client(NULL, "", false);
	fixture_expect(check(NULL), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
}
END_TEST

START_TEST(what_is_no_certificate_or_no_offer_is_refused)
{
	const struct enclave_client_bytes junk = {"junk", 4};
	const struct enclave_client_bytes none = {NULL, 0};
	struct enclave_client_offer offered = {{NULL, 0}, junk};

	fixture_client(NULL, "", false);
	fixture_expect(enclave_client_check_certificate(fixture.client,
			   FIXTURE_NAME, junk, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, NULL);
	fixture_expect(enclave_client_check_certificate(fixture.client,
			   FIXTURE_NAME, none, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, NULL);
	look_at_leaf();
	fixture_expect(
	    enclave_client_check_certificate(fixture.client, FIXTURE_NAME,
		(struct enclave_client_bytes){leaf, (size_t)leaf_len - 1}, NULL,
		fixture.error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, NULL);
	fixture_expect(enclave_client_check_certificate(
			   fixture.client, "nobody", junk, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_expect(enclave_client_check_certificate(
			   NULL, FIXTURE_NAME, junk, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_evidence_offer(fixture.client,
			   FIXTURE_NAME, NULL, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_evidence_offer(fixture.client,
			   FIXTURE_NAME, &offered, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	offered.body = junk;
	fixture_expect(enclave_client_evidence_offer(fixture.client,
			   FIXTURE_NAME, &offered, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, NULL);
	fetch_body();
	offered.body = (struct enclave_client_bytes){body, body_len};
	fixture_expect(enclave_client_evidence_offer(fixture.client,
			   FIXTURE_NAME, &offered, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_CERTIFICATE, NULL);
	enclave_client_stop(fixture.client);
	fixture_expect(offer(NULL), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
}
END_TEST

/* A moment of the caller's: too early, right, too late. */
START_TEST(document_is_judged_at_the_moment_that_is_named)
{
	static const int64_t from_then_ms[] = {-600000, 1000, 7200000};
	static const enum enclave_client_status wanted[] = {
	    ENCLAVE_CLIENT_ERR_NOT_YET_VALID, ENCLAVE_CLIENT_OK,
	    ENCLAVE_CLIENT_ERR_TOO_OLD};
	struct enclave_client_evidence evidence = {
	    .judged_at_ms = ENCLAVE_CLIENT_AT_DOCUMENT};
	struct enclave_client_document *document = NULL;
	int64_t then_ms;

	fixture_client(NULL, "", false);
	fetch_body();
	evidence.data = body;
	evidence.len = body_len;
	fixture_expect(enclave_client_document_verify(fixture.config,
			   FIXTURE_NAME, &evidence, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	then_ms = enclave_client_document_timestamp_ms(document);
	enclave_client_document_free(document);
	document = NULL;
	evidence.judged_at_ms = then_ms + from_then_ms[_i];
	fixture_expect(enclave_client_document_verify(fixture.config,
			   FIXTURE_NAME, &evidence, &document, fixture.error),
	    wanted[_i], NULL);
	ck_assert_int_eq(document != NULL, wanted[_i] == ENCLAVE_CLIENT_OK);
	ck_assert(!document || enclave_client_document_insecure(document));
	enclave_client_document_free(document);
}
END_TEST

START_TEST(enclave_is_found_by_its_origin)
{
	char *name = NULL;
	char *url = NULL;
	char text[256];

	fixture_client(NULL, "", false);
	(void)snprintf(text, sizeof(text), "https://LOCALHOST.:%d/a?b#c",
	    local_enclave_port(fixture.enclave));
	ck_assert_int_eq(
	    enclave_client_find(fixture.client, text, &name, fixture.error), 0);
	ck_assert_str_eq(name, FIXTURE_NAME);
	free(name);
	name = NULL;
	fixture_expect(enclave_client_find(fixture.client,
			   "https://localhost:1/", &name, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_expect(
	    enclave_client_find(fixture.client, NULL, &name, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	ck_assert_ptr_null(name);
	ck_assert_int_eq(enclave_client_evidence_url(
			     fixture.client, FIXTURE_NAME, &url, fixture.error),
	    0);
	(void)snprintf(text, sizeof(text), "%s/.well-known/attestation",
	    local_enclave_url(fixture.enclave));
	ck_assert_str_eq(url, text);
	free(url);
	fixture_expect(enclave_client_evidence_url(
			   fixture.client, "nobody", &url, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("offer");
	TCase *tcase = tcase_create("other TLS stacks");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(
	    tcase, certificate_is_judged_by_the_evidence_of_the_moment);
	tcase_add_test(tcase, unknown_certificate_wakes_the_poller);
	tcase_add_test(tcase, offered_evidence_counts_as_a_poll);
	tcase_add_test(tcase, relayed_evidence_does_not_vouch_for_the_relay);
	tcase_add_loop_test(tcase, bad_evidence_is_refused_and_never_published,
	    0, sizeof(bad_evidence) / sizeof(bad_evidence[0]));
	tcase_add_test(
	    tcase, what_was_sent_is_not_sent_again_on_another_connection);
	tcase_add_test(tcase, offered_refusal_withdraws_the_key);
	tcase_add_test(
	    tcase, what_an_offer_withdrew_is_no_good_in_the_next_run);
	tcase_add_test(tcase, what_is_no_certificate_or_no_offer_is_refused);
	tcase_add_loop_test(
	    tcase, document_is_judged_at_the_moment_that_is_named, 0, 3);
	tcase_add_test(tcase, enclave_is_found_by_its_origin);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
