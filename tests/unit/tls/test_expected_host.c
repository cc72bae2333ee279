/* What ordinary verification of a certificate is told to look for. */
#include <check.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls/handshake.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
	const char *host;
	const char *name;    /* of a dNSName; NULL: none */
	const char *address; /* of an iPAddress; NULL: none */
} hosts[] = {
    {"enclave.example", "enclave.example", NULL},
    {"a", "a", NULL},
    {"127.0.0.1", NULL, "127.0.0.1"},
    {"[::1]", NULL, "0:0:0:0:0:0:0:1"},
    {"[2001:db8::7]", NULL, "2001:DB8:0:0:0:0:0:7"},
    /* Four numbers alone make an address. */
    {"127.0.0.1.example", "127.0.0.1.example", NULL},
    {"1.2.3", "1.2.3", NULL},
};

static void
expect_text(const char *got, const char *wanted, const char *host)
{
	ck_assert_msg(!got == !wanted && (!got || !strcmp(got, wanted)),
	    "%s: %s", host, got ? got : "nothing");
}

START_TEST(an_address_is_no_name)
{
	X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
	char *address;

	ck_assert(handshake_expect_host(param, hosts[_i].host));
	address = X509_VERIFY_PARAM_get1_ip_asc(param);
	expect_text(address, hosts[_i].address, hosts[_i].host);
	expect_text(X509_VERIFY_PARAM_get0_host(param, 0), hosts[_i].name,
	    hosts[_i].host);
	/* RFC 9525 6.3: the subject's common name is not looked at. */
	ck_assert(
	    hosts[_i].address || (X509_VERIFY_PARAM_get_hostflags(param) &
				     X509_CHECK_FLAG_NEVER_CHECK_SUBJECT));
	OPENSSL_free(address);
	X509_VERIFY_PARAM_free(param);
}
END_TEST

static const char *const refused[] = {
    "[]",
    "[::g]",
    "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    "[]]",
};

/* Nothing to look for would be anything found. */
START_TEST(what_is_no_address_sets_none)
{
	X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
	char *address;

	if (handshake_expect_host(param, refused[_i]))
		ck_assert_ptr_nonnull(X509_VERIFY_PARAM_get0_host(param, 0));
	address = X509_VERIFY_PARAM_get1_ip_asc(param);
	ck_assert_ptr_null(address);
	X509_VERIFY_PARAM_free(param);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expected-host");
	TCase *tcase = tcase_create("hosts");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, an_address_is_no_name, 0, COUNT(hosts));
	tcase_add_loop_test(
	    tcase, what_is_no_address_sets_none, 0, COUNT(refused));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
