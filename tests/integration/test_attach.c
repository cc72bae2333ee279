/*
 * enclave_client_curl_attach() and its kin: what include/enclave_client_curl.h
 * promises to programs that drive libcurl themselves, judged by what the
 * enclave's own log says it received.
 */
#include <enclave_client_curl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "integration/fixture.h"
#include "integration/handles.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static CURL *easy;
static struct enclave_client_curl *attachment;
static struct local_enclave *second;
static const char *tls_version;

static void
setup_handle(void)
{
	second = NULL;
	attachment = NULL;
	easy = curl_easy_init();
	ck_assert_ptr_nonnull(easy);
}

static void
setup(void)
{
	tls_version = "1.3";
	fixture_setup();
	setup_handle();
}

static void
setup_tls12(void)
{
	tls_version = "1.2";
	fixture_setup_tls12();
	setup_handle();
}

static void
teardown(void)
{
	enclave_client_curl_detach(attachment);
	curl_easy_cleanup(easy);
	if (second)
		ck_assert_int_eq(local_enclave_stop(second), 0);
	fixture_teardown();
}

/* With evidence in the cache, on a connection that nobody can reuse. */
static void
warm_client(void)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
}

static void
attach(const struct enclave_client_curl_hooks *hooks)
{
	handles_get(easy, "/unset");
	ck_assert_msg(enclave_client_curl_attach(fixture.client, easy, hooks,
			  &attachment, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
}

static enum enclave_client_status
perform(const char *path)
{
	handles_get(easy, path);
	return enclave_client_curl_perform(attachment, fixture.error);
}

static void
perform_ok(const char *path)
{
	fixture_expect(perform(path), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw(path));
}

static void
perform_refused(
    const char *path, enum enclave_client_status wanted, const char *text)
{
	fixture_expect(perform(path), wanted, text);
	ck_assert(!fixture_saw(path));
}

START_TEST(attached_handle_sends_to_an_attested_key)
{
	struct enclave_client_document *document;

	warm_client();
	attach(NULL);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
	perform_ok("/attached");
	document = enclave_client_curl_document(attachment);
	ck_assert_ptr_nonnull(document);
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	enclave_client_document_free(document);
	/* The last transfer's, and the next begins here. */
	ck_assert_int_eq(
	    enclave_client_curl_rearm(attachment, fixture.error), 0);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
	perform_ok("/pooled");
	/* The client's own and this handle's. */
	ck_assert_uint_eq(fixture_connections(), 2);
}
END_TEST

START_TEST(unknown_key_is_refused_inside_the_handshake)
{
	fixture_client(NULL, "", false);
	attach(NULL);
	perform_refused("/cold", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_uint_eq(fixture_handshakes(), 0);
	ck_assert_str_eq(
	    enclave_client_error_enclave(fixture.error), FIXTURE_NAME);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
}
END_TEST

/* What the manual says to do, while the key from before is still live. */
START_TEST(after_a_refused_key_attesting_makes_the_next_try_succeed)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, FIXTURE_NAME, 30000, NULL), 0);
	attach(NULL);
	fixture_rotate();
	perform_refused("/during", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME,
			   30000, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	enclave_client_document_free(document);
	perform_ok("/after");
}
END_TEST

START_TEST(poller_is_woken_and_the_next_try_succeeds)
{
	struct timespec pause = {.tv_nsec = 50000000};
	enum enclave_client_status status = ENCLAVE_CLIENT_ERR_TIMEOUT;

	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, FIXTURE_NAME, 30000, NULL), 0);
	attach(NULL);
	perform_ok("/before");
	fixture_rotate();
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	perform_refused("/during", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	/* Polls of one enclave are ten seconds apart: not waited for here. */
	fixture_advance_ms(11000);
	fixture_set("{\"clock_offset_ms\":11000}");
	for (int i = 0; status && i < 600; i++) {
		(void)nanosleep(&pause, NULL);
		status = perform("/after");
	}
	fixture_expect(status, ENCLAVE_CLIENT_OK, NULL);
	ck_assert(!fixture_saw("/during"));
}
END_TEST

START_TEST(expired_evidence_stops_a_pooled_connection)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/warm");
	attach(NULL);
	perform_ok("/before");
	fixture_advance_ms(61000);
	perform_refused("/after", ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
}
END_TEST

/* As a loop in a caller's program goes: the attachment is not armed again. */
static enum enclave_client_status
perform_bare(const char *path)
{
	handles_get(easy, path);
	return enclave_client_curl_result(
	    attachment, curl_easy_perform(easy), fixture.error);
}

static void
expect_bare(const char *path, enum enclave_client_status wanted)
{
	fixture_expect(perform_bare(path), wanted, NULL);
	ck_assert_int_eq(fixture_saw(path), wanted == ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(
	    enclave_client_error_status(fixture.error), (int)wanted);
}

START_TEST(verdict_ends_with_its_time)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/warm");
	attach(NULL);
	expect_bare("/first", ENCLAVE_CLIENT_OK);
	expect_bare("/second", ENCLAVE_CLIENT_OK);
	fixture_advance_ms(61000);
	expect_bare("/late", ENCLAVE_CLIENT_ERR_TOO_OLD);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
	expect_bare("/later", ENCLAVE_CLIENT_ERR_TOO_OLD);
}
END_TEST

static int64_t
timestamp_shown(void)
{
	struct enclave_client_document *document =
	    enclave_client_curl_document(attachment);
	int64_t timestamp_ms = enclave_client_document_timestamp_ms(document);

	enclave_client_document_free(document);
	return timestamp_ms;
}

/* Two connections in the pool, of two keys; the older one's evidence ends. */
START_TEST(each_connection_is_judged_by_its_own_key)
{
	struct enclave_client_document *document = NULL;
	int64_t older_ms;

	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_set("{\"evidence\":{\"mode\":\"old\",\"age_ms\":40000}}");
	fixture_get_ok("/warm");
	attach(NULL);
	expect_bare("/older-key", ENCLAVE_CLIENT_OK);
	older_ms = timestamp_shown();
	fixture_set("{\"evidence\":\"good\"}");
	fixture_rotate();
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME,
			   30000, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	enclave_client_document_free(document);
	expect_bare("/older-key-again", ENCLAVE_CLIENT_OK);
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	expect_bare("/newer-key", ENCLAVE_CLIENT_OK);
	ck_assert_int_gt(timestamp_shown(), older_ms);
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 0);
	expect_bare("/older-key-once-more", ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(timestamp_shown(), older_ms);
	fixture_advance_ms(30000);
	expect_bare("/expired-key", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
}
END_TEST

/* The same key on a new connection, judged by a newer document. */
START_TEST(request_is_told_of_the_evidence_of_its_moment)
{
	struct enclave_client_document *document = NULL;
	int64_t newer_ms;

	warm_client();
	attach(NULL);
	expect_bare("/before", ENCLAVE_CLIENT_OK);
	fixture_expect(enclave_client_attest(fixture.client, FIXTURE_NAME,
			   30000, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	newer_ms = enclave_client_document_timestamp_ms(document);
	enclave_client_document_free(document);
	ck_assert_int_lt(timestamp_shown(), newer_ms);
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	expect_bare("/after", ENCLAVE_CLIENT_OK);
	ck_assert_int_eq(timestamp_shown(), newer_ms);
}
END_TEST

START_TEST(policy_change_and_removal_stop_a_pooled_connection)
{
	warm_client();
	attach(NULL);
	perform_ok("/before");
	fixture_update(OTHER_PCR0, "");
	perform_refused("/changed", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_update(NULL, "");
	perform_ok("/changed-back");
	fixture_update_map("{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}");
	perform_refused("/removed", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
}
END_TEST

static enum enclave_client_status
perform_with_another_root(const char *path)
{
	handles_get(easy, path);
	handles_set_pointer(easy, CURLOPT_CAINFO,
	    (void *)local_enclave_text(fixture.enclave, "nitro_root"));
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	return enclave_client_curl_result(
	    attachment, curl_easy_perform(easy), fixture.error);
}

/* The same enclave, of which more is asked now. */
START_TEST(enclave_that_is_configured_anew_is_followed)
{
	fixture_client(NULL, ",\"trust\":\"attested_key\"", false);
	fixture_get_ok("/warm");
	attach(NULL);
	fixture_expect(
	    perform_with_another_root("/key-alone"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("/key-alone"));
	fixture_update(NULL, "");
	fixture_expect(perform_with_another_root("/web-pki-too"),
	    ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert(!fixture_saw("/web-pki-too"));
}
END_TEST

/* As another enclave, with another trust say, it is found anew. */
START_TEST(enclave_that_comes_back_is_found_again)
{
	warm_client();
	attach(NULL);
	perform_ok("/before");
	fixture_update_map("{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}");
	perform_refused("/removed", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_update(NULL, "");
	fixture_get_ok("/own");
	/* A connection that was the former one's may be met in the pool. */
	(void)perform("/pooled");
	perform_ok("/restored");
	fixture_update(NULL, ",\"trust\":\"attested_key\"");
	fixture_get_ok("/own-again");
	(void)perform("/pooled-again");
	perform_ok("/other-trust");
}
END_TEST

START_TEST(stopped_client_refuses)
{
	warm_client();
	attach(NULL);
	perform_ok("/before");
	enclave_client_stop(fixture.client);
	perform_refused("/pooled", ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	perform_refused("/new", ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
}
END_TEST

/* The caller's own callbacks, which try to let everything pass. */
static size_t callers_ssl_ctx;
static size_t callers_prereq;
static int callers_prereq_answer;

static int
trust_anyone(X509_STORE_CTX *context, void *argument)
{
	(void)argument;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

static CURLcode
open_wide(CURL *handle, void *ssl_ctx, void *argument)
{
	ck_assert_ptr_eq(handle, easy);
	ck_assert_ptr_eq(argument, &callers_ssl_ctx);
	callers_ssl_ctx++;
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ssl_ctx, trust_anyone, NULL);
	return CURLE_OK;
}

static int
let_pass(
    void *argument, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	ck_assert_ptr_eq(argument, &callers_prereq);
	ck_assert_str_eq(peer_ip, "127.0.0.1");
	ck_assert_ptr_nonnull(own_ip);
	ck_assert_int_gt(own_port, 0);
	ck_assert_int_eq(peer_port, local_enclave_port(fixture.enclave));
	callers_prereq++;
	return callers_prereq_answer;
}

static const struct enclave_client_curl_hooks hooks = {
    .ssl_ctx = open_wide,
    .ssl_ctx_data = &callers_ssl_ctx,
    .prereq = let_pass,
    .prereq_data = &callers_prereq,
};

START_TEST(callers_hooks_are_called_and_ours_decide_last)
{
	warm_client();
	attach(&hooks);
	perform_ok("/new");
	perform_ok("/pooled");
	ck_assert_uint_eq(callers_ssl_ctx, 1);
	ck_assert_uint_eq(callers_prereq, 2);
	fixture_update(OTHER_PCR0, "");
	perform_refused("/policy", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(callers_prereq, 3);
	/* Its new connection is refused by the first half. */
	perform_refused("/handshake", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(callers_ssl_ctx, 2);
	ck_assert_uint_eq(callers_prereq, 3);
}
END_TEST

START_TEST(callers_prereq_can_refuse)
{
	warm_client();
	attach(&hooks);
	callers_prereq_answer = CURL_PREREQFUNC_ABORT;
	perform_refused("/refused", ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_ABORTED_BY_CALLBACK);
	callers_prereq_answer = CURL_PREREQFUNC_OK;
	perform_ok("/allowed");
}
END_TEST

START_TEST(after_a_reset_the_transfer_is_not_attested_and_says_so)
{
	CURLcode code;

	warm_client();
	attach(NULL);
	perform_ok("/before");
	curl_easy_reset(easy);
	handles_get(easy, "/after-reset");
	code = curl_easy_perform(easy);
	ck_assert_int_eq(code, CURLE_OK);
	ck_assert(fixture_saw("/after-reset"));
	fixture_expect(
	    enclave_client_curl_result(attachment, code, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "the gate did not run");
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
	/* Armed again, the connection from before is judged. */
	fixture_update(OTHER_PCR0, "");
	perform_refused("/rearmed", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(fixture_connections(), 2);
}
END_TEST

START_TEST(rearmed_handle_keeps_its_connection)
{
	warm_client();
	attach(NULL);
	perform_ok("/before");
	curl_easy_reset(easy);
	handles_get(easy, "/rearmed");
	ck_assert_int_eq(
	    enclave_client_curl_rearm(attachment, fixture.error), 0);
	fixture_expect(enclave_client_curl_result(
			   attachment, curl_easy_perform(easy), fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("/rearmed"));
	ck_assert_uint_eq(fixture_connections(), 2);
}
END_TEST

START_TEST(connection_opened_after_a_reset_is_refused)
{
	warm_client();
	attach(NULL);
	curl_easy_reset(easy);
	handles_get(easy, "/plain");
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	perform_refused("/rearmed", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client");
	/* The next one is its own. */
	perform_ok("/again");
}
END_TEST

START_TEST(detached_handle_is_plain_again)
{
	warm_client();
	attach(NULL);
	perform_ok("/attached");
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	fixture_update(OTHER_PCR0, "");
	handles_get(easy, "/detached");
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	ck_assert(fixture_saw("/detached"));
}
END_TEST

START_TEST(second_attachment_is_usage_and_leaves_the_first)
{
	struct enclave_client_curl *again = NULL;

	warm_client();
	attach(NULL);
	fixture_expect(enclave_client_curl_attach(
			   fixture.client, easy, NULL, &again, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "attached already");
	ck_assert_ptr_null(again);
	perform_ok("/first");
	/* A reset leaves the attachment to be armed again, or to be ended. */
	curl_easy_reset(easy);
	ck_assert_int_eq(enclave_client_curl_attach(
			     fixture.client, easy, NULL, &again, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	enclave_client_curl_detach(attachment);
	attach(NULL);
	fixture_update(OTHER_PCR0, "");
	perform_refused("/pooled", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
}
END_TEST

START_TEST(duplicate_is_refused_until_it_is_attached)
{
	struct enclave_client_curl *own = NULL;
	CURL *copy;

	warm_client();
	attach(NULL);
	perform_ok("/original");
	copy = curl_easy_duphandle(easy);
	ck_assert_ptr_nonnull(copy);
	handles_get(copy, "/copy");
	ck_assert_int_eq(curl_easy_perform(copy), CURLE_SSL_CONNECT_ERROR);
	ck_assert(!fixture_saw("/copy"));
	perform_ok("/original-again");
	ck_assert_int_eq(enclave_client_curl_attach(
			     fixture.client, copy, NULL, &own, fixture.error),
	    0);
	handles_get(copy, "/attached-copy");
	ck_assert_int_eq(enclave_client_curl_perform(own, fixture.error), 0);
	ck_assert(fixture_saw("/attached-copy"));
	enclave_client_curl_detach(own);
	curl_easy_cleanup(copy);
}
END_TEST

/*
 * In one multi handle, with a pooled connection that nobody judged: while the
 * original has a good connection, its copy must not be judged by that.
 */
START_TEST(duplicate_is_not_judged_by_the_connection_of_its_original)
{
	CURLM *multi = curl_multi_init();
	CURL *plain = curl_easy_init();
	CURL *copy;

	warm_client();
	handles_get(plain, "/plain");
	ck_assert_int_eq(handles_run(multi, plain), CURLE_OK);
	attach(NULL);
	copy = curl_easy_duphandle(easy);
	handles_get(easy, "/delay/2000");
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	ck_assert_int_eq(curl_multi_add_handle(multi, easy), 0);
	for (int i = 0; !fixture_saw("/delay/2000") && i < 1000; i++)
		handles_turn(multi);
	ck_assert(fixture_saw("/delay/2000"));
	handles_get(copy, "/copy");
	ck_assert_int_eq(handles_run(multi, copy), CURLE_ABORTED_BY_CALLBACK);
	ck_assert(!fixture_saw("/copy"));
	fixture_expect(enclave_client_curl_result(attachment,
			   handles_wait(multi, easy), fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert_int_eq(curl_multi_remove_handle(multi, easy), 0);
	curl_easy_cleanup(copy);
	curl_easy_cleanup(plain);
	ck_assert_int_eq(curl_multi_cleanup(multi), 0);
}
END_TEST

START_TEST(transfers_in_a_multi_handle_are_judged_one_by_one)
{
	enum { TRANSFERS = 4 };
	CURLM *multi = curl_multi_init();
	CURL *handles[TRANSFERS];
	struct enclave_client_curl *attachments[TRANSFERS];
	char path[16];

	warm_client();
	for (int i = 0; i < TRANSFERS; i++) {
		handles[i] = curl_easy_init();
		(void)snprintf(path, sizeof(path), "/multi-%d", i);
		handles_get(handles[i], path);
		ck_assert_int_eq(
		    enclave_client_curl_attach(fixture.client, handles[i], NULL,
			&attachments[i], fixture.error),
		    0);
		ck_assert_int_eq(curl_multi_add_handle(multi, handles[i]), 0);
	}
	for (int i = 0; i < TRANSFERS; i++) {
		CURLcode code = handles_wait(multi, handles[i]);
		ck_assert_int_eq(
		    curl_multi_remove_handle(multi, handles[i]), 0);
		fixture_expect(enclave_client_curl_result(
				   attachments[i], code, fixture.error),
		    ENCLAVE_CLIENT_OK, NULL);
	}
	/* Pooled connections of others that this client judged are good. */
	fixture_update(OTHER_PCR0, "");
	handles_get(handles[0], "/multi-late");
	fixture_expect(enclave_client_curl_result(attachments[0],
			   handles_run(multi, handles[0]), fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/multi-late"));
	for (int i = 0; i < TRANSFERS; i++) {
		enclave_client_curl_detach(attachments[i]);
		curl_easy_cleanup(handles[i]);
	}
	ck_assert_int_eq(curl_multi_cleanup(multi), 0);
}
END_TEST

START_TEST(shared_pool_gives_nothing_that_was_not_judged)
{
	CURLSH *share = handles_share(CURL_LOCK_DATA_CONNECT);
	CURL *plain = curl_easy_init();

	warm_client();
	handles_set_pointer(plain, CURLOPT_SHARE, share);
	handles_get(plain, "/plain");
	ck_assert_int_eq(curl_easy_perform(plain), CURLE_OK);
	handles_set_pointer(easy, CURLOPT_SHARE, share);
	attach(NULL);
	perform_refused("/from-the-pool", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client");
	perform_ok("/fresh");
	/* The other way round is the plain handle's own business. */
	ck_assert_uint_eq(fixture_connections(), 3);
	handles_get(plain, "/plain-again");
	ck_assert_int_eq(curl_easy_perform(plain), CURLE_OK);
	ck_assert_uint_eq(fixture_connections(), 3);
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	curl_easy_cleanup(plain);
	curl_easy_cleanup(easy);
	easy = NULL;
	ck_assert_int_eq(curl_share_cleanup(share), 0);
}
END_TEST

START_TEST(connection_that_another_client_judged_is_refused)
{
	CURLSH *share = handles_share(CURL_LOCK_DATA_CONNECT);
	struct enclave_client_curl *other = NULL;
	struct enclave_client *client = NULL;
	CURL *others = curl_easy_init();

	warm_client();
	ck_assert_int_eq(
	    client_new(fixture.config, &fixture.clock, &client, fixture.error),
	    0);
	handles_set_pointer(easy, CURLOPT_SHARE, share);
	handles_set_pointer(others, CURLOPT_SHARE, share);
	attach(NULL);
	perform_ok("/first-client");
	handles_get(others, "/second-client");
	ck_assert_int_eq(
	    enclave_client_curl_attach(client, others, NULL, &other, NULL), 0);
	fixture_expect(enclave_client_curl_perform(other, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "another client");
	ck_assert(!fixture_saw("/second-client"));
	enclave_client_curl_detach(other);
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	curl_easy_cleanup(others);
	curl_easy_cleanup(easy);
	easy = NULL;
	ck_assert_int_eq(curl_share_cleanup(share), 0);
	enclave_client_free(client);
}
END_TEST

static size_t
resumed_handshakes(void)
{
	cJSON *log = local_enclave_log(fixture.enclave);
	const cJSON *event;
	size_t count = 0;

	cJSON_ArrayForEach(event, log) count +=
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "resumed"));
	cJSON_Delete(log);
	return count;
}

START_TEST(shared_sessions_are_not_resumed_and_stay_usable)
{
	CURLSH *share = handles_share(CURL_LOCK_DATA_SSL_SESSION);
	CURL *plain = curl_easy_init();

	warm_client();
	handles_set_pointer(plain, CURLOPT_SHARE, share);
	handles_set_long(plain, CURLOPT_FORBID_REUSE, 1);
	handles_get(plain, "/plain");
	ck_assert_int_eq(curl_easy_perform(plain), CURLE_OK);
	ck_assert_uint_eq(resumed_handshakes(), 0);
	/* What makes this test able to fail: sessions are there to resume. */
	ck_assert_int_eq(curl_easy_perform(plain), CURLE_OK);
	ck_assert_uint_eq(resumed_handshakes(), 1);
	handles_set_pointer(easy, CURLOPT_SHARE, share);
	handles_set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 1);
	handles_set_long(easy, CURLOPT_FORBID_REUSE, 1);
	attach(NULL);
	for (int i = 0; i < 3; i++)
		perform_ok("/attached");
	ck_assert_uint_eq(resumed_handshakes(), 1);
	handles_get(plain, "/plain-again");
	ck_assert_int_eq(curl_easy_perform(plain), CURLE_OK);
	ck_assert(fixture_saw("/plain-again"));
	/* Nor does a refused key slip in by a session. */
	fixture_update(OTHER_PCR0, "");
	perform_refused("/refused", ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	curl_easy_cleanup(plain);
	curl_easy_cleanup(easy);
	easy = NULL;
	ck_assert_int_eq(curl_share_cleanup(share), 0);
}
END_TEST

START_TEST(switched_off_verification_changes_nothing)
{
	warm_client();
	attach(NULL);
	handles_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0);
	handles_set_long(easy, CURLOPT_FORBID_REUSE, 1);
	perform_ok("/attested");
	/* Ordinary verification holds beside the key. */
	for (size_t i = 0; i < 3; i++) {
		static const char *const settings[] = {
		    "{\"web_ca\":\"foreign\"}", "{\"web_ca\":\"expired\"}",
		    "{\"web_ca\":\"wrong-name\"}"};
		fixture_set(settings[i]);
		perform_refused("/certificate", ENCLAVE_CLIENT_ERR_NETWORK,
		    "TLS certificate");
	}
	/* Told not to, libcurl 7.88 loads no store: nothing is trusted. */
	handles_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0);
	perform_refused(
	    "/foreign", ENCLAVE_CLIENT_ERR_NETWORK, "TLS certificate");
	fixture_set("{\"web_ca\":\"good\"}");
	fixture_rotate();
	ck_assert_int_ne(perform("/key"), ENCLAVE_CLIENT_OK);
	handles_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1);
	perform_refused("/key", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}
END_TEST

START_TEST(ca_options_mean_what_they_mean_to_curl)
{
	const char *ca = local_enclave_text(fixture.enclave, "web_ca");
	const char *other = local_enclave_text(fixture.enclave, "nitro_root");

	warm_client();
	attach(NULL);
	handles_get(easy, "/other-ca");
	handles_set_pointer(easy, CURLOPT_CAPATH, NULL);
	handles_set_pointer(easy, CURLOPT_CAINFO, (void *)other);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_NETWORK, "TLS certificate");
	ck_assert(!fixture_saw("/other-ca"));
	handles_set_pointer(easy, CURLOPT_CAINFO, (void *)ca);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	/* None at all: nothing is trusted. */
	handles_set_pointer(easy, CURLOPT_CAINFO, NULL);
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_NETWORK, NULL);
}
END_TEST

static const struct {
	const char *scheme_and_host;
	const char *path;
	enum enclave_client_status status;
	bool connects;
} origins[] = {
    {"https://LOCALHOST", "/upper", ENCLAVE_CLIENT_OK, true},
    {"https://localhost.", "/dot", ENCLAVE_CLIENT_OK, true},
    {"HTTPS://localhost", "/scheme", ENCLAVE_CLIENT_OK, true},
    {"https://user:pw@localhost", "/user", ENCLAVE_CLIENT_OK, true},
    {"https://127.0.0.1", "/address", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, true},
    {"https://enclave.test", "/name", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, true},
    {"http://localhost", "/http", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, false},
    {"smtp://user@localhost", "/smtp", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	false},
    {"ftp://user:pw@localhost", "/ftp", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	false},
    {"telnet://localhost", "/telnet", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	false},
    {"ftps://user:pw@localhost", "/ftps", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE,
	false},
};

START_TEST(origin_decides_which_enclave_it_is)
{
	char url[256];
	enum enclave_client_status wanted = origins[_i].status;
	struct curl_slist *resolve = NULL;
	char entry[64];

	warm_client();
	attach(NULL);
	(void)snprintf(url, sizeof(url), "%s:%d%s", origins[_i].scheme_and_host,
	    local_enclave_port(fixture.enclave), origins[_i].path);
	handles_get(easy, "/unset");
	handles_set_pointer(easy, CURLOPT_URL, url);
	(void)snprintf(entry, sizeof(entry), "*:%d:127.0.0.1",
	    local_enclave_port(fixture.enclave));
	resolve = curl_slist_append(NULL, entry);
	handles_set_pointer(easy, CURLOPT_RESOLVE, resolve);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    wanted, NULL);
	ck_assert_int_eq(
	    fixture_saw(origins[_i].path), wanted == ENCLAVE_CLIENT_OK);
	/* Other protocols are not even connected for: some log in at once. */
	if (origins[_i].connects)
		ck_assert(local_enclave_wait_for(
		    fixture.enclave, "connection", 2, 10000));
	else
		ck_assert_uint_eq(fixture_connections(), 1);
	handles_set_pointer(easy, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(resolve);
}
END_TEST

#define A_LABEL "xn--bcher-kva.test"
#define U_LABEL                                                                \
	"b\xc3\xbc"                                                            \
	"cher.test"

static const struct {
	const char *mapped;
	const char *asked;
	int port_offset;
	enum enclave_client_status status;
} named_origins[] = {
    {"127.0.0.1", "127.0.0.1", 0, ENCLAVE_CLIENT_OK},
    {"127.0.0.1", "127.0.0.1", 1, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {"127.0.0.1", "[::1]", 0, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {"[::1]", "[::1]", 0, ENCLAVE_CLIENT_OK},
    {"[::1]", "[0:0::0:1]", 0, ENCLAVE_CLIENT_OK},
    {"[::1]", "[::1]", 1, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {"[::1]", "127.0.0.1", 0, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {A_LABEL, A_LABEL, 0, ENCLAVE_CLIENT_OK},
    {A_LABEL, "XN--Bcher-KVA.test.", 0, ENCLAVE_CLIENT_OK},
    {A_LABEL, A_LABEL, 1, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {A_LABEL, U_LABEL, 0, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
    {"localhost", "localhost", 1, ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
};

/* An enclave at mapped alone, known to a client. */
static void
enclave_named(const char *mapped)
{
	const char *const arguments[] = {"--instance", "second", "--tls",
	    tls_version, "--host", A_LABEL, "--host", "localhost", NULL};
	char map[512];
	static char way[64];

	second = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(second);
	(void)snprintf(
	    way, sizeof(way), "::127.0.0.1:%d", local_enclave_port(second));
	fixture.connect_to = way;
	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" FIXTURE_NAME
	    "\":{\"url\":\"https://%s:%d\",\"pcrs\":{\"PCR0\":\"%s\"}}}}",
	    mapped, local_enclave_port(second), local_enclave_pcr(second, "0"));
	fixture_client_with_map(map, false);
	fixture_get_ok("/warm");
	ck_assert_uint_eq(local_enclave_count(second, "handshake"), 1);
}

/* All lead to the enclave: what is refused would arrive. */
START_TEST(name_and_port_decide_which_enclave_it_is)
{
	enum enclave_client_status wanted = named_origins[_i].status;
	struct curl_slist *way;
	char url[128];

	/* Where libcurl makes an A-label of a U-label, its locale must know. */
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	enclave_named(named_origins[_i].mapped);
	attach(NULL);
	way = curl_slist_append(NULL, fixture.connect_to);
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, way);
	(void)snprintf(url, sizeof(url), "https://%s:%d/named",
	    named_origins[_i].asked,
	    local_enclave_port(second) + named_origins[_i].port_offset);
	handles_set_pointer(easy, CURLOPT_URL, url);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    wanted, NULL);
	ck_assert_uint_eq(local_enclave_count(second, "request"),
	    1 + (size_t)(wanted == ENCLAVE_CLIENT_OK));
	ck_assert_int_eq(local_enclave_log_contains(second, "/named"),
	    wanted == ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(local_enclave_count(second, "handshake"),
	    1 + (size_t)(wanted == ENCLAVE_CLIENT_OK));
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, NULL);
	curl_slist_free_all(way);
}
END_TEST

static enum enclave_client_status follow(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static enum enclave_client_status
follow(const char *format, ...)
{
	char path[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	handles_set_long(easy, CURLOPT_FOLLOWLOCATION, 1);
	return perform(path);
}

static void
two_enclaves(void)
{
	static const char *const arguments[] = {"--instance", "second", NULL};
	char map[2048];

	second = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(second);
	ck_assert(
	    snprintf(map, sizeof(map),
		"{\"enclaves\":{\"" FIXTURE_NAME
		"\":{\"url\":\"%s\",\"pcrs\":{\"PCR0\":\"%s\"}},"
		"\"second\":{\"url\":\"%s\",\"pcrs\":{\"PCR0\":\"%s\"}}}}",
		local_enclave_url(fixture.enclave),
		local_enclave_pcr(fixture.enclave, "0"),
		local_enclave_url(second),
		local_enclave_pcr(second, "0")) < (int)sizeof(map));
	fixture_client_with_map(map, false);
	fixture_get_ok("/warm");
}

START_TEST(redirect_within_the_origin_is_followed)
{
	warm_client();
	attach(NULL);
	fixture_expect(follow("/redirect?to=%s/landed",
			   local_enclave_url(fixture.enclave)),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("\"path\":\"/landed\""));
}
END_TEST

START_TEST(redirect_to_another_enclave_is_judged_for_that_one)
{
	struct enclave_client_document *document = NULL;

	two_enclaves();
	attach(NULL);
	fixture_expect(
	    follow("/redirect?to=%s/landed", local_enclave_url(second)),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	ck_assert_str_eq(enclave_client_error_enclave(fixture.error), "second");
	ck_assert(!local_enclave_log_contains(second, "landed"));
	ck_assert_int_eq(enclave_client_attest(fixture.client, "second", 10000,
			     &document, fixture.error),
	    0);
	enclave_client_document_free(document);
	fixture_expect(
	    follow("/redirect?to=%s/landed", local_enclave_url(second)),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(local_enclave_log_contains(second, "landed"));
}
END_TEST

START_TEST(redirect_out_of_every_enclave_is_refused)
{
	static const char *const arguments[] = {"--instance", "second", NULL};

	second = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(second);
	warm_client();
	attach(NULL);
	fixture_expect(
	    follow("/redirect-307?to=%s/landed", local_enclave_url(second)),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "no accepted PCR set");
	ck_assert_uint_eq(local_enclave_count(second, "handshake"), 0);
	ck_assert_uint_eq(local_enclave_count(second, "client_hello"), 0);
	fixture_expect(follow("/redirect?to=http://localhost:%d/landed",
			   local_enclave_port(second)),
	    ENCLAVE_CLIENT_ERR_REDIRECT, "only https");
	fixture_expect(follow("/redirect?to=ftp://localhost:%d/landed",
			   local_enclave_port(second)),
	    ENCLAVE_CLIENT_ERR_REDIRECT, "only https");
}
END_TEST

START_TEST(missing_arguments_are_usage)
{
	warm_client();
	fixture_expect(enclave_client_curl_attach(
			   NULL, easy, NULL, &attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_curl_attach(fixture.client, NULL, NULL,
			   &attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_curl_attach(
			   fixture.client, easy, NULL, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_curl_rearm(NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_curl_result(NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_curl_perform(NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	ck_assert_ptr_null(enclave_client_curl_document(NULL));
	enclave_client_curl_detach(NULL);
	ck_assert_ptr_null(attachment);
}
END_TEST

START_TEST(failures_of_libcurl_keep_their_code)
{
	warm_client();
	attach(NULL);
	handles_set_long(easy, CURLOPT_TIMEOUT_MS, 300);
	fixture_expect(perform("/never"), ENCLAVE_CLIENT_ERR_TIMEOUT, NULL);
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_OPERATION_TIMEDOUT);
	handles_set_long(easy, CURLOPT_TIMEOUT_MS, 0);
	fixture_expect(perform("/cut"), ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	perform_ok("/after");
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, attached_handle_sends_to_an_attested_key);
	tcase_add_test(tcase, unknown_key_is_refused_inside_the_handshake);
	tcase_add_test(tcase, expired_evidence_stops_a_pooled_connection);
	tcase_add_test(tcase, verdict_ends_with_its_time);
	tcase_add_test(tcase, each_connection_is_judged_by_its_own_key);
	tcase_add_test(tcase, request_is_told_of_the_evidence_of_its_moment);
	tcase_add_test(
	    tcase, policy_change_and_removal_stop_a_pooled_connection);
	tcase_add_test(tcase, enclave_that_is_configured_anew_is_followed);
	tcase_add_test(tcase, enclave_that_comes_back_is_found_again);
	tcase_add_test(tcase, stopped_client_refuses);
	tcase_add_test(tcase, callers_hooks_are_called_and_ours_decide_last);
	tcase_add_test(tcase, callers_prereq_can_refuse);
	tcase_add_test(
	    tcase, after_a_reset_the_transfer_is_not_attested_and_says_so);
	tcase_add_test(tcase, rearmed_handle_keeps_its_connection);
	tcase_add_test(tcase, connection_opened_after_a_reset_is_refused);
	tcase_add_test(tcase, detached_handle_is_plain_again);
	tcase_add_test(tcase, second_attachment_is_usage_and_leaves_the_first);
	tcase_add_test(tcase, duplicate_is_refused_until_it_is_attached);
	tcase_add_test(
	    tcase, duplicate_is_not_judged_by_the_connection_of_its_original);
	tcase_add_test(
	    tcase, transfers_in_a_multi_handle_are_judged_one_by_one);
	tcase_add_test(tcase, shared_pool_gives_nothing_that_was_not_judged);
	tcase_add_test(tcase, connection_that_another_client_judged_is_refused);
	tcase_add_test(tcase, shared_sessions_are_not_resumed_and_stay_usable);
	tcase_add_test(tcase, switched_off_verification_changes_nothing);
	tcase_add_test(tcase, ca_options_mean_what_they_mean_to_curl);
	tcase_add_test(tcase, redirect_within_the_origin_is_followed);
	tcase_add_test(
	    tcase, redirect_to_another_enclave_is_judged_for_that_one);
	tcase_add_test(tcase, redirect_out_of_every_enclave_is_refused);
	tcase_add_loop_test(tcase, name_and_port_decide_which_enclave_it_is, 0,
	    sizeof(named_origins) / sizeof(named_origins[0]));
	tcase_add_loop_test(tcase, origin_decides_which_enclave_it_is, 0,
	    sizeof(origins) / sizeof(origins[0]));
}

int
main(void)
{
	Suite *suite = suite_create("attach");
	TCase *tls13 = tcase_create("TLS 1.3");
	TCase *tls12 = tcase_create("TLS 1.2");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls13, setup, teardown);
	add_tests(tls13);
	tcase_add_test(
	    tls13, after_a_refused_key_attesting_makes_the_next_try_succeed);
	tcase_add_test(tls13, poller_is_woken_and_the_next_try_succeeds);
	tcase_add_test(tls13, missing_arguments_are_usage);
	tcase_add_test(tls13, failures_of_libcurl_keep_their_code);
	suite_add_tcase(suite, tls13);
	tcase_add_checked_fixture(tls12, setup_tls12, teardown);
	add_tests(tls12);
	suite_add_tcase(suite, tls12);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
