/*
 * enclave_client_openssl.h: SSL_CTX and SSL of a caller's own.  Each case runs
 * over an attached SSL_CTX and over an SSL attached alone, TLS 1.2 and 1.3.
 */
#include <enclave_client_openssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "integration/fixture.h"
#include "integration/line.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NO_ENCLAVE "{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}"

/* The loop's number: what the client is attached to. */
enum { ATTACH_CTX, ATTACH_SSL, ATTACH_WAYS };

static SSL_CTX *context;
static bool context_attached;
static SSL *ssl;

static void
setup(void)
{
	fixture_setup();
	context = line_context();
	context_attached = false;
	ssl = NULL;
}

static void
setup_tls12(void)
{
	fixture_setup_tls12();
	context = line_context();
	context_attached = false;
	ssl = NULL;
}

static void
teardown(void)
{
	if (ssl)
		line_free(ssl);
	SSL_CTX_free(context);
	fixture_teardown();
}

static void
warm_client(const char *members)
{
	fixture_client(NULL, members, false);
	fixture_get_ok("/warm");
}

/* Another line, after the one before was closed; whether it shook hands. */
static bool
dial(int way)
{
	if (ssl)
		line_free(ssl);
	if (way == ATTACH_CTX && !context_attached)
		fixture_expect(enclave_client_ssl_ctx_attach(fixture.client,
				   FIXTURE_NAME, context, fixture.error),
		    ENCLAVE_CLIENT_OK, NULL);
	context_attached = way == ATTACH_CTX;
	ssl = line_new(context);
	if (way == ATTACH_SSL)
		fixture_expect(enclave_client_ssl_attach(fixture.client,
				   FIXTURE_NAME, ssl, fixture.error),
		    ENCLAVE_CLIENT_OK, NULL);
	return SSL_connect(ssl) == 1;
}

static enum enclave_client_status
check(void)
{
	return enclave_client_ssl_check(
	    fixture.client, ssl, NULL, fixture.error);
}

START_TEST(line_to_an_attested_key_may_send)
{
	struct enclave_client_document *document = NULL;

	warm_client("");
	ck_assert(dial(_i));
	fixture_expect(enclave_client_ssl_check(
			   fixture.client, ssl, &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert_str_eq(enclave_client_document_pcr(document, 0),
	    local_enclave_pcr(fixture.enclave, "0"));
	enclave_client_document_free(document);
	ck_assert(line_get(ssl, "/line"));
	ck_assert_int_eq(check(), 0);
	ck_assert(fixture_saw("/line"));
}
END_TEST

START_TEST(unknown_key_is_refused_inside_the_handshake)
{
	fixture_client(NULL, "", false);
	ck_assert(!dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no evidence has come");
	ck_assert_str_eq(
	    enclave_client_error_enclave(fixture.error), FIXTURE_NAME);
	ck_assert_uint_eq(fixture_handshakes(), 0);
	/* And again, as often as one asks. */
	ck_assert_int_eq(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
}
END_TEST

/* Good evidence for the very key, and not where the profile has it. */
START_TEST(certificate_speaks_only_where_the_profile_says_so)
{
	fixture_set("{\"service\":\"cmw\"}");
	fixture_client(NULL, ",\"profile\":\"nitro-ra-tls\"", false);
	ck_assert(dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_OK, NULL);
	line_free(ssl);
	SSL_CTX_free(context);
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture.client = NULL;
	ssl = NULL;
	context = line_context();
	context_attached = false;
	fixture_client(NULL, "", false);
	ck_assert(!dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no evidence has come");
}
END_TEST

/* Of a certificate that nobody here vouches for. */
static void
trust_no_ca(void)
{
	SSL_CTX_free(context);
	context = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(context);
}

START_TEST(key_alone_counts_where_the_enclave_says_so)
{
	trust_no_ca();
	warm_client(",\"trust\":\"attested_key\"");
	ck_assert(dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(line_get(ssl, "/line"));
	fixture_rotate();
	ck_assert(!dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}
END_TEST

START_TEST(certificate_counts_too_where_nothing_is_said)
{
	trust_no_ca();
	warm_client("");
	ck_assert(!dial(_i));
	ck_assert_int_ne(check(), ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(fixture_requests(), 1);
}
END_TEST

START_TEST(rotated_key_is_refused)
{
	warm_client("");
	ck_assert(dial(_i));
	fixture_rotate();
	ck_assert(!dial(_i));
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}
END_TEST

START_TEST(policy_change_is_noticed_on_an_open_line)
{
	warm_client("");
	ck_assert(dial(_i));
	ck_assert_int_eq(check(), 0);
	fixture_update(OTHER_PCR0, "");
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_update(NULL, "");
	ck_assert_int_eq(check(), 0);
}
END_TEST

START_TEST(expiry_is_noticed_on_an_open_line)
{
	warm_client(",\"max_age_ms\":60000");
	ck_assert(dial(_i));
	ck_assert_int_eq(check(), 0);
	fixture_advance_ms(61000);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	ck_assert(!dial(_i));
}
END_TEST

START_TEST(removal_is_noticed_on_an_open_line_and_in_handshakes)
{
	SSL *later;

	warm_client("");
	ck_assert(dial(_i));
	later = line_new(context);
	if (_i == ATTACH_SSL)
		ck_assert_int_eq(enclave_client_ssl_attach(fixture.client,
				     FIXTURE_NAME, later, fixture.error),
		    0);
	fixture_update_map(NO_ENCLAVE);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	ck_assert_int_ne(SSL_connect(later), 1);
	line_free(later);
}
END_TEST

START_TEST(stopped_client_lets_nothing_pass)
{
	SSL *later;

	warm_client("");
	ck_assert(dial(_i));
	later = line_new(context);
	if (_i == ATTACH_SSL)
		ck_assert_int_eq(enclave_client_ssl_attach(fixture.client,
				     FIXTURE_NAME, later, fixture.error),
		    0);
	enclave_client_stop(fixture.client);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_CANCELLED, NULL);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	ck_assert_int_ne(SSL_connect(later), 1);
	line_free(later);
	ck_assert_uint_eq(fixture_handshakes(), 2);
}
END_TEST

START_TEST(session_is_never_resumed)
{
	SSL_SESSION *session;

	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	warm_client("");
	ck_assert(dial(_i));
	/* TLS 1.3 gives its ticket with the first bytes. */
	ck_assert(line_get(ssl, "/first"));
	session = SSL_get1_session(ssl);
	ck_assert_int_eq(SSL_SESSION_is_resumable(session), 1);
	for (int i = 0; i < 2; i++) {
		line_free(ssl);
		ssl = line_new(context);
		ck_assert_int_eq(SSL_set_session(ssl, session), 1);
		if (_i == ATTACH_SSL)
			ck_assert_int_eq(
			    enclave_client_ssl_attach(fixture.client,
				FIXTURE_NAME, ssl, fixture.error),
			    0);
		ck_assert_int_eq(SSL_connect(ssl), 1);
		ck_assert_int_eq(SSL_session_reused(ssl), 0);
		ck_assert_int_eq(check(), 0);
	}
	ck_assert(!fixture_saw("\"resumed\":true"));
	/* What makes this test able to fail: the session is good. */
	if (_i == ATTACH_SSL) {
		line_free(ssl);
		ssl = line_new(context);
		ck_assert_int_eq(SSL_set_session(ssl, session), 1);
		ck_assert_int_eq(SSL_connect(ssl), 1);
		ck_assert_int_eq(SSL_session_reused(ssl), 1);
		fixture_expect(
		    check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	}
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(renegotiation_is_not_followed)
{
	char byte;

	warm_client("");
	ck_assert(dial(_i));
	ck_assert(line_get(ssl, "/before"));
	ck_assert_int_ge(local_enclave_renegotiate(fixture.enclave), 1);
	(void)SSL_read(ssl, &byte, 1);
	ck_assert(!fixture_saw("\"renegotiated\":true"));
	ck_assert_int_ne(SSL_renegotiate(ssl), 1);
}
END_TEST

START_TEST(second_attachment_is_usage_and_leaves_the_first)
{
	warm_client("");
	ck_assert(dial(_i));
	line_free(ssl);
	ssl = line_new(context);
	if (_i == ATTACH_SSL)
		ck_assert_int_eq(enclave_client_ssl_attach(fixture.client,
				     FIXTURE_NAME, ssl, fixture.error),
		    0);
	fixture_expect(_i == ATTACH_CTX
			   ? enclave_client_ssl_ctx_attach(fixture.client,
				 FIXTURE_NAME, context, fixture.error)
			   : enclave_client_ssl_attach(fixture.client,
				 FIXTURE_NAME, ssl, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "is attached already");
	ck_assert_int_eq(SSL_connect(ssl), 1);
	ck_assert_int_eq(check(), 0);
	/* The first still judges. */
	fixture_update(OTHER_PCR0, "");
	ck_assert_int_ne(check(), 0);
}
END_TEST

static atomic_uint callers_calls;

static void
count_call(const SSL *object, int where, int value)
{
	(void)object, (void)where, (void)value;
	callers_calls++;
}

static void
nothing_to_tell(const SSL *object, int where, int value)
{
	(void)object, (void)where, (void)value;
}

START_TEST(info_callback_of_before_is_still_called)
{
	callers_calls = 0;
	warm_client("");
	SSL_CTX_set_info_callback(context, count_call);
	ck_assert(dial(_i));
	ck_assert_uint_gt(callers_calls, 0);
	ck_assert_int_eq(check(), 0);
	/* For another connection as well. */
	callers_calls = 0;
	ck_assert(dial(_i));
	ck_assert_uint_gt(callers_calls, 0);
}
END_TEST

static const char *const bad_certificates[] = {
    "{\"web_ca\":\"foreign\"}",
    "{\"web_ca\":\"expired\"}",
    "{\"web_ca\":\"wrong-name\"}",
};

START_TEST(ordinary_verification_holds_beside_the_key)
{
	warm_client("");
	for (size_t i = 0; i < 3; i++) {
		fixture_set(bad_certificates[i]);
		ck_assert(!dial(_i));
		ck_assert_int_ne(check(), 0);
	}
	fixture_set("{\"web_ca\":\"good\"}");
	ck_assert(dial(_i));
}
END_TEST

START_TEST(switched_off_verification_passes_nothing)
{
	fixture_client(NULL, "", false);
	(void)dial(_i);
	line_free(ssl);
	ssl = line_new(context);
	if (_i == ATTACH_SSL)
		ck_assert_int_eq(enclave_client_ssl_attach(fixture.client,
				     FIXTURE_NAME, ssl, fixture.error),
		    0);
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	(void)SSL_connect(ssl);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}
END_TEST

START_TEST(line_of_another_client_is_refused)
{
	struct enclave_client *other = NULL;

	warm_client("");
	ck_assert_int_eq(
	    client_new(fixture.config, &fixture.clock, &other, fixture.error),
	    0);
	ck_assert(dial(_i));
	fixture_expect(
	    enclave_client_ssl_check(other, ssl, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "another client");
	ck_assert_int_eq(check(), 0);
	enclave_client_free(other);
}
END_TEST

/* The fixture's enclave, and one by the name "other" on that host. */
static void
warm_client_of_two(const char *host)
{
	char map[1024];
	int port = local_enclave_port(fixture.enclave);
	const char *pcr0 = local_enclave_pcr(fixture.enclave, "0");

	ck_assert_int_lt(
	    snprintf(map, sizeof(map),
		"{\"enclaves\":{\"" FIXTURE_NAME "\":{\"url\":\"https://"
		"localhost:%d\",\"pcrs\":{\"PCR0\":\"%s\"}},"
		"\"other\":{\"url\":\"https://%s:%d\",\"pcrs\":"
		"{\"PCR0\":\"%s\"}}}}",
		port, pcr0, host, port, pcr0),
	    (int)sizeof(map));
	fixture_client_with_map(map, false);
	fixture_get_ok("/warm");
}

/* Attached to another enclave, with the same key and a policy of its own: what
 * was judged by the one is not the other's. */
START_TEST(line_of_another_enclave_is_refused)
{
	struct enclave_client_document *document = NULL;
	SSL_CTX *other = line_context();

	warm_client_of_two("127.0.0.1");
	fixture_expect(enclave_client_attest(fixture.client, "other", 30000,
			   &document, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	enclave_client_document_free(document);
	ck_assert(dial(ATTACH_CTX));
	ck_assert_int_eq(check(), 0);
	fixture_expect(enclave_client_ssl_ctx_attach(
			   fixture.client, "other", other, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert_ptr_eq(SSL_set_SSL_CTX(ssl, other), other);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "judged for another enclave");
	SSL_CTX_free(other);
}
END_TEST

/* The SSL_CTX is another enclave's, whose key nobody knows. */
START_TEST(attachment_of_the_ssl_goes_before_that_of_its_ssl_ctx)
{
	warm_client_of_two("other.example");
	fixture_expect(enclave_client_ssl_ctx_attach(
			   fixture.client, "other", context, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(dial(ATTACH_SSL));
	ck_assert_int_eq(check(), 0);
	ck_assert(line_get(ssl, "/mine"));
	fixture_update(OTHER_PCR0, "");
	ck_assert(!dial(ATTACH_SSL));
	ck_assert_int_ne(check(), 0);
}
END_TEST

/* A caller that hides our hook and resumes a session that was judged: the
 * verdict on the SSL is the first handshake's. */
START_TEST(line_that_was_resumed_is_refused)
{
	SSL_SESSION *session;

	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
	warm_client("");
	ck_assert(dial(_i));
	ck_assert(line_get(ssl, "/first"));
	ck_assert_int_eq(check(), 0);
	session = SSL_get1_session(ssl);
	SSL_set_info_callback(ssl, nothing_to_tell);
	line_again(ssl, session);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	ck_assert_int_eq(SSL_session_reused(ssl), 1);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "resumed");
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(check_before_the_handshake_refuses)
{
	warm_client("");
	ssl = line_new(context);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "the SSL is not attached");
	ck_assert_int_eq(enclave_client_ssl_attach(
			     fixture.client, FIXTURE_NAME, ssl, fixture.error),
	    0);
	fixture_expect(check(), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "no handshake of this client");
	ck_assert_int_eq(SSL_connect(ssl), 1);
	ck_assert_int_eq(check(), 0);
	fixture_expect(enclave_client_ssl_attach(
			   fixture.client, FIXTURE_NAME, ssl, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "begun");
	/* A new handshake on the same object starts from nothing. */
	ck_assert_int_eq(SSL_clear(ssl), 1);
	ck_assert_int_ne(check(), 0);
}
END_TEST

START_TEST(only_the_attached_ssl_is_judged)
{
	SSL *plain;
	bool done = false;

	fixture_client(NULL, "", false);
	ck_assert(!dial(ATTACH_SSL));
	plain = line_dial(context, &done);
	ck_assert(done);
	fixture_expect(enclave_client_ssl_check(
			   fixture.client, plain, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "not attached");
	line_free(plain);
}
END_TEST

START_TEST(missing_arguments_and_unknown_names_are_refused)
{
	fixture_client(NULL, "", false);
	ssl = line_new(context);
	fixture_expect(enclave_client_ssl_ctx_attach(
			   NULL, FIXTURE_NAME, context, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_ssl_ctx_attach(
			   fixture.client, NULL, context, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_ssl_ctx_attach(
			   fixture.client, FIXTURE_NAME, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_ssl_attach(
			   fixture.client, FIXTURE_NAME, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(enclave_client_ssl_ctx_attach(
			   fixture.client, "nobody", context, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_expect(enclave_client_ssl_attach(
			   fixture.client, "nobody", ssl, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	fixture_expect(enclave_client_ssl_check(NULL, ssl, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
	fixture_expect(
	    enclave_client_ssl_check(fixture.client, NULL, NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, NULL);
}
END_TEST

enum { THREADS = 8, LINES_PER_THREAD = 12 };

static atomic_uint lines_good;
static pthread_barrier_t policy_settled;

/* What passed is sent on; a refusal is typed. */
static enum enclave_client_status
use_line(void)
{
	bool done = false;
	SSL *line = line_dial(context, &done);
	enum enclave_client_status status =
	    enclave_client_ssl_check(fixture.client, line, NULL, NULL);

	ck_assert(done || status != ENCLAVE_CLIENT_OK);
	if (status == ENCLAVE_CLIENT_OK)
		ck_assert(line_get(line, "/thread"));
	else
		ck_assert_int_eq(status, ENCLAVE_CLIENT_ERR_MEASUREMENT);
	line_free(line);
	return status;
}

static void *
use_lines(void *argument)
{
	(void)argument;
	for (int i = 0; i < LINES_PER_THREAD; i++)
		(void)use_line();
	(void)pthread_barrier_wait(&policy_settled);
	lines_good += use_line() == ENCLAVE_CLIENT_OK;
	return NULL;
}

START_TEST(many_threads_share_one_context)
{
	pthread_t threads[THREADS];

	warm_client("");
	/* Once alone: OpenSSL works out a CA's extensions at first use, behind
	 * an atomic that the thread sanitizer does not see in its code. */
	ck_assert(dial(ATTACH_CTX));
	ck_assert_int_eq(
	    pthread_barrier_init(&policy_settled, NULL, THREADS + 1), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, use_lines, NULL), 0);
	/* Meanwhile the policy comes and goes. */
	for (int i = 0; i < 20; i++)
		fixture_update(i % 2 ? NULL : OTHER_PCR0, "");
	(void)pthread_barrier_wait(&policy_settled);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	(void)pthread_barrier_destroy(&policy_settled);
	ck_assert_uint_eq(lines_good, THREADS);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, line_to_an_attested_key_may_send, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, key_alone_counts_where_the_enclave_says_so, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase, certificate_counts_too_where_nothing_is_said,
	    0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, unknown_key_is_refused_inside_the_handshake, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase,
	    certificate_speaks_only_where_the_profile_says_so, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase, rotated_key_is_refused, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, policy_change_is_noticed_on_an_open_line, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, expiry_is_noticed_on_an_open_line, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase,
	    removal_is_noticed_on_an_open_line_and_in_handshakes, 0,
	    ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, stopped_client_lets_nothing_pass, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase, session_is_never_resumed, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, info_callback_of_before_is_still_called, 0, ATTACH_WAYS);
	tcase_add_loop_test(tcase,
	    second_attachment_is_usage_and_leaves_the_first, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, ordinary_verification_holds_beside_the_key, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, switched_off_verification_passes_nothing, 0, ATTACH_WAYS);
	tcase_add_loop_test(
	    tcase, line_of_another_client_is_refused, 0, ATTACH_WAYS);
	tcase_add_test(
	    tcase, attachment_of_the_ssl_goes_before_that_of_its_ssl_ctx);
	tcase_add_test(tcase, line_of_another_enclave_is_refused);
	tcase_add_loop_test(
	    tcase, line_that_was_resumed_is_refused, 0, ATTACH_WAYS);
	tcase_add_test(tcase, check_before_the_handshake_refuses);
	tcase_add_test(tcase, only_the_attached_ssl_is_judged);
	tcase_add_test(tcase, many_threads_share_one_context);
}

int
main(void)
{
	Suite *suite = suite_create("openssl");
	TCase *tls13 = tcase_create("TLS 1.3");
	TCase *tls12 = tcase_create("TLS 1.2");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls13, setup, teardown);
	add_tests(tls13);
	tcase_add_test(tls13, missing_arguments_and_unknown_names_are_refused);
	suite_add_tcase(suite, tls13);
	tcase_add_checked_fixture(tls12, setup_tls12, teardown);
	add_tests(tls12);
	tcase_add_loop_test(
	    tls12, renegotiation_is_not_followed, 0, ATTACH_WAYS);
	suite_add_tcase(suite, tls12);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
