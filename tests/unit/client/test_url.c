/*
 * The URL of a request: whatever a target says, scheme, host and port are the
 * enclave's.  A server may get any path; no path may get another server.
 */
#include <check.h>
#include <curl/curl.h>

#include "client/url.h"

#define PCR0                                                                   \
	"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"                     \
	"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"

enum place { NAMED, WITH_PORT, IPV4, IPV6, PLACES };

static const char map_json[] =
    "{\"enclaves\":{"
    "\"a\":{\"url\":\"https://enclave.example\",\"pcrs\":{\"PCR0\":\"" PCR0
    "\"}},"
    "\"b\":{\"url\":\"https://enclave.example:8443\",\"pcrs\":{\"PCR0\":\"" PCR0
    "\"}},"
    "\"c\":{\"url\":\"https://192.0.2.1\",\"pcrs\":{\"PCR0\":\"" PCR0 "\"}},"
    "\"d\":{\"url\":\"https://[2001:db8::1]:444\",\"pcrs\":{\"PCR0\":\"" PCR0
    "\"}}}}";

static struct enclave_map *map;

static void
setup(void)
{
	static const struct enclave_map_options options = {0};

	ck_assert_int_eq(enclave_map_new_json(
			     bytes_from_string(map_json), &options, &map, NULL),
	    ENCLAVE_CLIENT_OK);
}

static void
teardown(void)
{
	enclave_map_unref(map);
}

static const struct enclave *
enclave_of(enum place place)
{
	static const char *const names[PLACES] = {"a", "b", "c", "d"};
	const struct enclave *enclave = enclave_map_find(map, names[place]);

	ck_assert_ptr_nonnull(enclave);
	return enclave;
}

static const struct {
	enum place place;
	const char *target;
	const char *url;
} used[] = {
    {NAMED, "/", "https://enclave.example/"},
    {NAMED, "/a/b?c=d", "https://enclave.example/a/b?c=d"},
    {WITH_PORT, "/a", "https://enclave.example:8443/a"},
    {IPV4, "/a", "https://192.0.2.1/a"},
    {IPV6, "/a", "https://[2001:db8::1]:444/a"},
    /* What would move the host if it were joined as text. */
    {NAMED, "/@evil.example/x", "https://enclave.example/@evil.example/x"},
    {NAMED, "//evil.example/x", "https://enclave.example//evil.example/x"},
    {NAMED, "///evil.example/x", "https://enclave.example///evil.example/x"},
    {NAMED, "/\\evil.example/x", "https://enclave.example/\\evil.example/x"},
    {NAMED, "/\\\\evil.example", "https://enclave.example/\\\\evil.example"},
    {NAMED, "/.evil.example/x", "https://enclave.example/.evil.example/x"},
    {NAMED, "/:1234/", "https://enclave.example/:1234/"},
    {NAMED, "/https://evil.example/",
	"https://enclave.example/https://evil.example/"},
    {NAMED, "/?@evil.example/x", "https://enclave.example/?@evil.example/x"},
    {NAMED, "/x?y?z", "https://enclave.example/x?y?z"},
    {NAMED, "/x?", "https://enclave.example/x"},
    {NAMED, "/%2e%2e/%2f", "https://enclave.example/%2e%2e/%2f"},
    /* Escapes stay escapes: no line break comes of them. */
    {NAMED, "/a%0d%0aX:%201", "https://enclave.example/a%0d%0aX:%201"},
    /* A fragment stays here. */
    {NAMED, "/x#secret", "https://enclave.example/x"},
    {NAMED, "/x#?@evil.example", "https://enclave.example/x"},
    {NAMED, "/#//evil.example", "https://enclave.example/"},
    {NAMED, "/x?y#z", "https://enclave.example/x?y"},
    /* URLs of the very origin, however they write it. */
    {NAMED, "https://enclave.example/a?b", "https://enclave.example/a?b"},
    {NAMED, "https://enclave.example", "https://enclave.example/"},
    {NAMED, "https://ENCLAVE.Example/A", "https://enclave.example/A"},
    {NAMED, "https://enclave.example./a", "https://enclave.example/a"},
    {NAMED, "https://enclave.example:443/a", "https://enclave.example:443/a"},
    {NAMED, "https://enclave.example/a#secret", "https://enclave.example/a"},
    {NAMED, "https://enclave.example/@evil.example",
	"https://enclave.example/@evil.example"},
    {WITH_PORT, "https://enclave.example:8443/a",
	"https://enclave.example:8443/a"},
    {IPV4, "https://3221225985/a", "https://192.0.2.1/a"},
    {IPV6, "https://[2001:DB8:0::1]:444/a", "https://[2001:db8::1]:444/a"},
};

START_TEST(target_becomes_a_url_of_the_enclave)
{
	struct enclave_client_error error = {0};
	char *url = NULL;

	ck_assert_msg(url_for(enclave_of(used[_i].place), used[_i].target, &url,
			  &error) == ENCLAVE_CLIENT_OK,
	    "%s: %s", used[_i].target, error.message);
	ck_assert_str_eq(url, used[_i].url);
	curl_free(url);
}
END_TEST

/* What libcurl itself will make of the URL is what counts. */
START_TEST(host_and_port_are_the_enclaves_when_libcurl_reads_the_url)
{
	const struct enclave *enclave = enclave_of(used[_i].place);
	struct origin origin = {0};
	char *url = NULL;

	ck_assert_int_eq(url_for(enclave, used[_i].target, &url, NULL), 0);
	ck_assert_int_eq(origin_from_url(url, &origin, NULL), 0);
	ck_assert(origin_equal(&origin, &enclave->origin));
	origin_clear(&origin);
	curl_free(url);
}
END_TEST

static const struct {
	enum place place;
	const char *target;
} refused[] = {
    {NAMED, ""},
    {NAMED, "a"},
    {NAMED, "@evil.example/"},
    {NAMED, ".evil.example/"},
    {NAMED, ":1234/"},
    {NAMED, "?x"},
    {NAMED, "#x"},
    {NAMED, "\\\\evil.example/"},
    {NAMED, "http://enclave.example/"},
    {NAMED, "ftp://enclave.example/"},
    {NAMED, "file:///etc/passwd"},
    {NAMED, "https://evil.example/"},
    {NAMED, "https://enclave.example.evil.example/"},
    {NAMED, "https://enclave.example@evil.example/"},
    {NAMED, "https://user@enclave.example/"},
    {NAMED, "https://user:secret@enclave.example/"},
    {NAMED, "https://@enclave.example/"},
    {NAMED, "https://enclave.example\\@evil.example/"},
    {NAMED, "https://enclave.example%2eevil.example/"},
    {NAMED, "https://enclave.example:8443/"},
    {NAMED, "https://enclave.example:0/"},
    {NAMED, "https://enclave.example:65979/"},
    {NAMED, "https://enclave.example:-1/"},
    {NAMED, "https:///enclave.example/"},
    {NAMED, "https:/enclave.example/"},
    {NAMED, "https:enclave.example/"},
    {NAMED, "https://"},
    {NAMED, "https://enclave.example../"},
    {NAMED, "https://[::1]/"},
    {WITH_PORT, "https://enclave.example/"},
    {IPV4, "https://192.0.2.1.evil.example/"},
    {IPV6, "https://[2001:db8::1]/"},
    {IPV6, "https://[2001:db8::1%25lo]:444/"},
    {IPV6, "https://[2001:db8::2]:444/"},
};

START_TEST(target_of_another_place_is_misuse)
{
	struct enclave_client_error error = {0};
	char *url = NULL;

	ck_assert_msg(url_for(enclave_of(refused[_i].place), refused[_i].target,
			  &url, &error) == ENCLAVE_CLIENT_ERR_USAGE,
	    "%s became %s", refused[_i].target, url ? url : "nothing");
	ck_assert_ptr_null(url);
	ck_assert_int_eq(error.status, ENCLAVE_CLIENT_ERR_USAGE);
}
END_TEST

/* A request that is used again, and for another enclave meanwhile. */
START_TEST(kept_url_is_the_places)
{
	struct url_kept kept = {0};
	const char *url = NULL;
	const char *again = NULL;

	ck_assert_int_eq(
	    url_kept_for(&kept, enclave_of(NAMED), "/a", &url, NULL), 0);
	ck_assert_str_eq(url, "https://enclave.example/a");
	ck_assert_int_eq(
	    url_kept_for(&kept, enclave_of(NAMED), "/a", &again, NULL), 0);
	ck_assert_ptr_eq(again, url);
	ck_assert_int_eq(
	    url_kept_for(&kept, enclave_of(WITH_PORT), "/a", &url, NULL), 0);
	ck_assert_str_eq(url, "https://enclave.example:8443/a");
	url_kept_clear(&kept);
	ck_assert_int_eq(url_kept_for(&kept, enclave_of(NAMED),
			     "https://evil.example/", &url, NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(kept.place);
	url_kept_clear(&kept);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("client-url");
	TCase *tcase = tcase_create("url");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, kept_url_is_the_places);
	tcase_add_loop_test(
	    tcase, target_becomes_a_url_of_the_enclave, 0, COUNT(used));
	tcase_add_loop_test(tcase,
	    host_and_port_are_the_enclaves_when_libcurl_reads_the_url, 0,
	    COUNT(used));
	tcase_add_loop_test(
	    tcase, target_of_another_place_is_misuse, 0, COUNT(refused));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
