/* The verdict lives and dies with its SSL and with the handshake it is of. */
#include <check.h>

#include "tls/handshake.h"
#include "tls/verdict.h"

static SSL_CTX *ssl_ctx;
static SSL *ssl;

static void
setup(void)
{
	ssl_ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_ptr_nonnull(ssl_ctx);
	ssl = SSL_new(ssl_ctx);
	ck_assert_ptr_nonnull(ssl);
}

static void
teardown(void)
{
	SSL_free(ssl);
	SSL_CTX_free(ssl_ctx);
}

static const struct verdict verdict = {
    .client_id = 1,
    .slot_id = 2,
    .generation = 3,
};

START_TEST(ssl_begins_without_one)
{
	ck_assert_ptr_null(verdict_get(ssl));
	/* Nothing to drop is no mistake. */
	verdict_drop(ssl);
	ck_assert_ptr_null(verdict_get(ssl));
}
END_TEST

START_TEST(verdict_is_copied_and_replaced_whole)
{
	struct verdict own = verdict;

	ck_assert(verdict_set(ssl, &own));
	own.client_id = 9;
	ck_assert_uint_eq(verdict_get(ssl)->client_id, 1);
	own.generation++;
	ck_assert(verdict_set(ssl, &own));
	ck_assert_uint_eq(verdict_get(ssl)->client_id, 9);
	ck_assert_uint_eq(verdict_get(ssl)->generation, own.generation);
	verdict_drop(ssl);
	ck_assert_ptr_null(verdict_get(ssl));
}
END_TEST

START_TEST(another_ssl_of_the_same_context_has_none)
{
	SSL *other = SSL_new(ssl_ctx);

	ck_assert_ptr_nonnull(other);
	ck_assert(verdict_set(ssl, &verdict));
	ck_assert_ptr_null(verdict_get(other));
	SSL_free(other);
}
END_TEST

START_TEST(copy_of_an_ssl_has_none)
{
	SSL *copy;

	ck_assert(verdict_set(ssl, &verdict));
	copy = SSL_dup(ssl);
	/* Before a handshake OpenSSL makes a new one; after, the same. */
	ck_assert_ptr_nonnull(copy);
	ck_assert_ptr_ne(copy, ssl);
	ck_assert_ptr_null(verdict_get(copy));
	SSL_free(copy);
	ck_assert_ptr_nonnull(verdict_get(ssl));
}
END_TEST

START_TEST(new_handshake_begins_without_one)
{
	ck_assert(verdict_set(ssl, &verdict));
	handshake_forbid_resumption(ssl, SSL_CB_LOOP, 1);
	handshake_forbid_resumption(ssl, SSL_CB_HANDSHAKE_DONE, 1);
	ck_assert_ptr_nonnull(verdict_get(ssl));
	handshake_forbid_resumption(ssl, SSL_CB_HANDSHAKE_START, 1);
	ck_assert_ptr_null(verdict_get(ssl));
}
END_TEST

START_TEST(new_handshake_begins_without_a_session)
{
	SSL_SESSION *session = SSL_SESSION_new();

	ck_assert_ptr_nonnull(session);
	ck_assert_int_eq(
	    SSL_SESSION_set_protocol_version(session, TLS1_2_VERSION), 1);
	ck_assert_int_eq(SSL_set_session(ssl, session), 1);
	ck_assert_ptr_nonnull(SSL_get0_session(ssl));
	handshake_forbid_resumption(ssl, SSL_CB_HANDSHAKE_START, 1);
	ck_assert_ptr_null(SSL_get0_session(ssl));
	SSL_SESSION_free(session);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls-verdict");
	TCase *tcase = tcase_create("verdict");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, ssl_begins_without_one);
	tcase_add_test(tcase, verdict_is_copied_and_replaced_whole);
	tcase_add_test(tcase, another_ssl_of_the_same_context_has_none);
	tcase_add_test(tcase, copy_of_an_ssl_has_none);
	tcase_add_test(tcase, new_handshake_begins_without_one);
	tcase_add_test(tcase, new_handshake_begins_without_a_session);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
