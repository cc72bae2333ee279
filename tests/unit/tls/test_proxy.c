/* Which HTTPS proxies can't be told from the enclave. */
#include <check.h>
#include <stdlib.h>

#include "tls/proxy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
clear_environment(void)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY",
	    "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

	for (size_t i = 0; i < COUNT(names); i++)
		ck_assert_int_eq(unsetenv(names[i]), 0);
}

static const struct {
	const char *proxy;
	const char *host;
	bool passes;
} configured[] = {
    {"https://enclave.test", "enclave.test", true},
    {"https://enclave.test:8443", "enclave.test", true},
    {"HTTPS://user:secret@ENCLAVE.test:8443/", "enclave.test", true},
    {"https://10.0.0.1", "10.0.0.5", true},
    {"https://10.0.0.1:3128", "[::1]", true},
    {"https://[::1]:3128", "10.0.0.5", true},
    {"https://proxy.test", "enclave.test", false},
    {"https://enclave.test.example", "enclave.test", false},
    {"https://proxy.test", "10.0.0.5", false},
    /* No server name: refused in the handshake, as nobody's. */
    {"https://10.0.0.1", "enclave.test", false},
    /* No TLS of its own. */
    {"http://enclave.test", "enclave.test", false},
    {"socks5h://enclave.test", "enclave.test", false},
    {"enclave.test:3128", "enclave.test", false},
    {"", "enclave.test", false},
    /* Nothing that libcurl could connect to. */
    {"https://", "enclave.test", false},
};

START_TEST(proxy_that_was_configured)
{
	clear_environment();
	ck_assert_int_eq(
	    proxy_passes_for(configured[_i].proxy, configured[_i].host),
	    configured[_i].passes);
}
END_TEST

static const struct {
	const char *variable;
	const char *proxy;
	const char *exempt; /* no_proxy */
	bool passes;
} environments[] = {
    {"https_proxy", "https://enclave.test", NULL, true},
    {"HTTPS_PROXY", "https://enclave.test", NULL, true},
    {"all_proxy", "https://enclave.test", NULL, true},
    {"ALL_PROXY", "https://enclave.test", NULL, true},
    {"https_proxy", "", NULL, false},
    {"https_proxy", "https://proxy.test", NULL, false},
    {"http_proxy", "https://enclave.test", NULL, false},
    {"https_proxy", "https://enclave.test", "*", false},
    {"https_proxy", "https://enclave.test", "enclave.test", false},
    {"https_proxy", "https://enclave.test", "other, .TEST", false},
    {"https_proxy", "https://enclave.test", "test", false},
    {"https_proxy", "https://enclave.test", "clave.test", true},
    {"https_proxy", "https://enclave.test", "a.enclave.test", true},
    {"https_proxy", "https://enclave.test", " , ", true},
};

START_TEST(proxy_of_the_environment)
{
	clear_environment();
	ck_assert_int_eq(
	    setenv(environments[_i].variable, environments[_i].proxy, 1), 0);
	if (environments[_i].exempt)
		ck_assert_int_eq(
		    setenv("NO_PROXY", environments[_i].exempt, 1), 0);
	ck_assert_int_eq(
	    proxy_passes_for(NULL, "enclave.test"), environments[_i].passes);
	/* One that is configured, or none, goes before it. */
	ck_assert(!proxy_passes_for("", "enclave.test"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy");
	TCase *tcase = tcase_create("proxy");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, proxy_that_was_configured, 0, COUNT(configured));
	tcase_add_loop_test(
	    tcase, proxy_of_the_environment, 0, COUNT(environments));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
