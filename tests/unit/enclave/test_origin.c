/* Origins: one normal form for what libcurl connects to, or a refusal. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/origin.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define L10          "abcdefghij"
#define L60          L10 L10 L10 L10 L10 L10
#define L63          L60 "abc"

static const struct {
	const char *url;
	const char *origin;
} accepted[] = {
    {"https://payments.example.com", "https://payments.example.com"},
    {"payments.example.com", "https://payments.example.com"},
    {"HTTPS://PAYMENTS.Example.COM", "https://payments.example.com"},
    {"https://payments.example.com.", "https://payments.example.com"},
    {"https://payments.example.com.:8443", "https://payments.example.com:8443"},
    {"https://payments.example.com:443", "https://payments.example.com"},
    {"https://payments.example.com:0443", "https://payments.example.com"},
    {"https://payments.example.com:", "https://payments.example.com"},
    {"https://payments.example.com:1", "https://payments.example.com:1"},
    {"https://payments.example.com:65535",
	"https://payments.example.com:65535"},
    {"http://payments.example.com", "http://payments.example.com"},
    {"http://payments.example.com:443", "http://payments.example.com:443"},
    {"https://payments.example.com:80", "https://payments.example.com:80"},
    {"https://h/path?query#fragment", "https://h"},
    {"https://h?query", "https://h"},
    {"https://h#fragment", "https://h"},
    {"https://h/a@b:c", "https://h"},
    {"https://h/%61", "https://h"},
    {"https://h?@evil.example", "https://h"},
    {"h/https://evil.example", "https://h"},
    {"localhost:8443", "https://localhost:8443"},
    {"https://app_1.example.com", "https://app_1.example.com"},
    {"https://xn--mnchen-3ya.de", "https://xn--mnchen-3ya.de"},
    {"https://XN--MNCHEN-3YA.de", "https://xn--mnchen-3ya.de"},
    {"https://127.0.0.1:9", "https://127.0.0.1:9"},
    {"https://127.1", "https://127.0.0.1"},
    {"https://0x7f.1", "https://127.0.0.1"},
    {"https://2130706433", "https://127.0.0.1"},
    {"https://127.0.0.1.", "https://127.0.0.1"},
    {"https://[::1]", "https://[::1]"},
    {"[::1]:444", "https://[::1]:444"},
    {"https://[0:0:0:0:0:0:0:1]", "https://[::1]"},
    {"https://[2001:DB8::00a]:8443", "https://[2001:db8::a]:8443"},
    {"https://[::ffff:127.0.0.1]", "https://[::ffff:127.0.0.1]"},
    {"https://" L63 "." L63 "." L63 "." L60 "x",
	"https://" L63 "." L63 "." L63 "." L60 "x"},
};

START_TEST(urls_have_one_normal_form)
{
	struct enclave_client_error error;
	struct origin origin = {0}, again = {0};

	error_clear(&error);
	ck_assert_msg(!origin_from_url(accepted[_i].url, &origin, &error),
	    "%s: %s", accepted[_i].url, error.message);
	char *text = origin_string(&origin);
	ck_assert_str_eq(text, accepted[_i].origin);
	/* The normal form is its own. */
	ck_assert(!origin_from_url(text, &again, &error));
	ck_assert(origin_equal(&origin, &again));
	free(text);
	origin_clear(&origin);
	origin_clear(&again);
}
END_TEST

static const struct {
	const char *url;
	const char *message;
} refused[] = {
    {"", "no host"},
    {"https://", "no host"},
    {"https:///h", "no host"},
    {"https:/h", "no host"},
    {"/h", "no host"},
    {"?q", "no host"},
    {"https://?q", "no host"},
    {"https://user@h", "user name or password"},
    {"https://user:password@h", "user name or password"},
    {"https://@h", "user name or password"},
    {"https://h@evil.example", "user name or password"},
    {"https://h:443@evil.example", "user name or password"},
    {"https://h\\@evil.example", "no host has"},
    {"https://h\\evil", "no host has"},
    {"https://h evil", "no host has"},
    {"https://h\nevil", "no host has"},
    {"https://h\r\nX: y", "no host has"},
    {"https://h\x7f", "no host has"},
    {"https://ex%61mple.com", "percent sign"},
    {"https://%65xample.com", "percent sign"},
    {"https://a%00b", "percent sign"},
    {"https://a%2eb", "percent sign"},
    {"https://[fe80::1%25eth0]", "percent sign"},
    {"https://[fe80::1%eth0]", "percent sign"},
    {"https://m\xc3\xbcnchen.de", "A-label"},
    {"https://\xe3\x80\x82.example", "A-label"},
    {"ftp://h", "scheme is not https"},
    {"wss://h", "https"},
    {"file:///etc/passwd", "no host"},
    {"javascript://h", "https"},
    {"https://h:0", "not within 1 to 65535"},
    {"https://h:00", "not within 1 to 65535"},
    {"https://h:65536", "libcurl"},
    {"https://h:-1", "libcurl"},
    {"https://h:+443", "libcurl"},
    {"https://h:44x", "libcurl"},
    {"https://h..", "no name that DNS takes"},
    {"https://a..b", "no name that DNS takes"},
    {"https://.h", "no name that DNS takes"},
    {"https://.", ""},
    {"https://-h", "no name that DNS takes"},
    {"https://h-.example", "no name that DNS takes"},
    {"https://*.example.com", ""},
    {"https://h~x", "no name that DNS takes"},
    {"https://" L63 "a.example", "no name that DNS takes"},
    {"https://" L63 "." L63 "." L63 "." L60 "xy", "too long for DNS"},
    {"https://256.256.256.256", "ends in a number"},
    {"https://4294967296", "ends in a number"},
    {"https://127.1.", "ends in a number"},
    {"https://1.2.3.4.5", "ends in a number"},
    {"https://h.0x7f", "ends in a number"},
    {"https://h.0x", "ends in a number"},
    {"https://[::1", ""},
    {"https://::1", ""},
    {"https://[::1]x", ""},
    {"https://[::g]", ""},
    {"https://[]", ""},
    {"https://[127.0.0.1]", ""},
};

START_TEST(what_is_no_origin_is_refused)
{
	struct enclave_client_error error;
	struct origin origin = {.port = 77};

	ck_assert_msg(origin_from_url(refused[_i].url, &origin, &error) ==
			  ENCLAVE_CLIENT_ERR_CONFIG,
	    "%s passed", refused[_i].url);
	ck_assert_msg(strstr(error.message, refused[_i].message) != NULL,
	    "%s: \"%s\" without \"%s\"", refused[_i].url, error.message,
	    refused[_i].message);
	ck_assert_uint_eq(origin.port, 77);
	ck_assert_ptr_null(origin.host);
}
END_TEST

START_TEST(a_url_is_taken_up_to_its_limit)
{
	char url[URL_MAX_BYTES + 2];
	struct origin origin = {0};

	memset(url, 'p', sizeof(url));
	memcpy(url, "https://h/", 10);
	url[URL_MAX_BYTES] = '\0';
	ck_assert(!origin_from_url(url, &origin, NULL));
	origin_clear(&origin);
	url[URL_MAX_BYTES] = 'p';
	url[URL_MAX_BYTES + 1] = '\0';
	ck_assert_int_eq(
	    origin_from_url(url, &origin, NULL), ENCLAVE_CLIENT_ERR_CONFIG);
}
END_TEST

static const struct {
	const char *url;
	bool only;
} onlys[] = {
    {"https://h", true},
    {"https://h/", true},
    {"https://h:443/", true},
    {"h", true},
    {"h:443", true},
    {"[::1]:443/", true},
    {"https://h/x", false},
    {"https://h//", false},
    {"https://h/.", false},
    {"https://h/?", false},
    {"https://h?", false},
    {"https://h#", false},
    {"https://h?x=/", false},
    {"h/x", false},
    {"h#x", false},
};

START_TEST(an_origin_has_no_path_query_or_fragment)
{
	ck_assert_msg(
	    origin_only(onlys[_i].url) == onlys[_i].only, "%s", onlys[_i].url);
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	bool equal;
} equalities[] = {
    {"https://h", "https://H.:443/", true},
    {"https://h", "https://h:444", false},
    {"https://h", "http://h", false},
    {"https://h:80", "http://h:80", false},
    {"https://h", "https://h.h", false},
    {"https://[::1]", "https://[0::1]", true},
    {"https://127.0.0.1", "https://0x7f000001", true},
    {"https://127.0.0.1", "https://[::ffff:127.0.0.1]", false},
};

START_TEST(origins_are_equal_in_scheme_host_and_port)
{
	struct origin a = {0}, b = {0};

	ck_assert(!origin_from_url(equalities[_i].a, &a, NULL));
	ck_assert(!origin_from_url(equalities[_i].b, &b, NULL));
	ck_assert_int_eq(origin_equal(&a, &b), equalities[_i].equal);
	origin_clear(&a);
	origin_clear(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("origin");
	TCase *tcase = tcase_create("origin");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(
	    tcase, urls_have_one_normal_form, 0, COUNT(accepted));
	tcase_add_loop_test(
	    tcase, what_is_no_origin_is_refused, 0, COUNT(refused));
	tcase_add_test(tcase, a_url_is_taken_up_to_its_limit);
	tcase_add_loop_test(
	    tcase, an_origin_has_no_path_query_or_fragment, 0, COUNT(onlys));
	tcase_add_loop_test(tcase, origins_are_equal_in_scheme_host_and_port, 0,
	    COUNT(equalities));
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
