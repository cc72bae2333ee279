/*
 * What a caller can get wrong while he sets things: setters give nothing back,
 * so the verb that follows tells.  Each case names the first mistake; no byte
 * is sent for any of them.
 */
#include <check.h>
#include <enclave_client.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/config.h"
#include "evidence/roots.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define HEX48                                                                  \
	"111111111111111111111111111111111111111111111111"                     \
	"111111111111111111111111111111111111111111111111"
#define MAP     "{\"payments.example\":{\"PCR0\":\"" HEX48 "\"}}"
#define NO_FILE "/nowhere/at/all"

static struct enclave_client_error *error;
static struct enclave_client_config *config;
static struct enclave_client_request *request;
static char made_file[64];

static void
setup(void)
{
	error = enclave_client_error_new();
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	ck_assert_int_eq(enclave_client_request_new("POST", "/", &request), 0);
	(void)snprintf(made_file, sizeof(made_file), "%s/misuse-XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ck_assert_int_eq(close(mkstemp(made_file)), 0);
}

static void
teardown(void)
{
	(void)unlink(made_file);
	enclave_client_request_free(request);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
}

static void
expect(enum enclave_client_status got, enum enclave_client_status wanted,
    const char *text)
{
	const char *message = enclave_client_error_message(error);

	ck_assert_msg(got == wanted, "%s instead of %s: %s",
	    enclave_client_status_name(got), enclave_client_status_name(wanted),
	    message);
	ck_assert_int_eq(enclave_client_error_status(error), wanted);
	ck_assert_msg(
	    strstr(message, text) != NULL, "no \"%s\" in: %s", text, message);
}

/* The configuration */

static void
resolve_nothing(void)
{
	enclave_client_config_add_resolve(config, NULL);
}

static void
connect_to_nothing(void)
{
	enclave_client_config_add_connect_to(config, NULL);
}

static void
agent_of_two_lines(void)
{
	enclave_client_config_set_user_agent(config, "me\r\nX-Other: 1");
}

static void
tls_upside_down(void)
{
	enclave_client_config_set_tls_versions(
	    config, ENCLAVE_CLIENT_TLS_1_3, ENCLAVE_CLIENT_TLS_1_2);
}

static void
tls_too_old(void)
{
	enclave_client_config_set_tls_versions(config,
	    (enum enclave_client_tls_version)11, ENCLAVE_CLIENT_TLS_DEFAULT);
}

static void
tls_to_come(void)
{
	enclave_client_config_set_tls_versions(config,
	    ENCLAVE_CLIENT_TLS_DEFAULT, (enum enclave_client_tls_version)14);
}

static void
http_3(void)
{
	enclave_client_config_set_http_version(
	    config, (enum enclave_client_http_version)30);
}

static void
ip_5(void)
{
	enclave_client_config_set_ip_version(config, 5);
}

static void
key_alone(void)
{
	enclave_client_config_set_client_certificate_file(
	    config, NULL, made_file, NULL);
}

static void
no_certificate(void)
{
	enclave_client_config_set_client_certificate_file(
	    config, NO_FILE, made_file, NULL);
}

static void
no_key(void)
{
	enclave_client_config_set_client_certificate_file(
	    config, made_file, NO_FILE, NULL);
}

static void
no_root_file(void)
{
	enclave_client_config_set_insecure_nitro_root_file(config, NO_FILE);
}

static void
root_file_without_root(void)
{
	enclave_client_config_set_insecure_nitro_root_file(config, made_file);
}

static void
root_file_is_a_folder(void)
{
	enclave_client_config_set_insecure_nitro_root_file(config, "/");
}

static void
root_of_mars(void)
{
	enclave_client_config_set_nitro_root(config, "mars");
}

static void
text_without_root(void)
{
	enclave_client_config_set_insecure_nitro_root_mem(config, "root", 4);
}

static const struct {
	void (*set)(void);
	enum enclave_client_status status;
	const char *text;
} settings[] = {
    {root_of_mars, ENCLAVE_CLIENT_ERR_CONFIG,
	"no root is named \"mars\"; known are aws and aws-us-gov"},
    {resolve_nothing, ENCLAVE_CLIENT_ERR_USAGE, "an entry to add is NULL"},
    {connect_to_nothing, ENCLAVE_CLIENT_ERR_USAGE, "an entry to add is NULL"},
    {agent_of_two_lines, ENCLAVE_CLIENT_ERR_USAGE,
	"the user agent contains a line break"},
    {tls_upside_down, ENCLAVE_CLIENT_ERR_USAGE,
	"no such range of TLS versions"},
    {tls_too_old, ENCLAVE_CLIENT_ERR_USAGE, "no such range of TLS versions"},
    {tls_to_come, ENCLAVE_CLIENT_ERR_USAGE, "no such range of TLS versions"},
    {http_3, ENCLAVE_CLIENT_ERR_USAGE, "no such version of HTTP"},
    {ip_5, ENCLAVE_CLIENT_ERR_USAGE, "the IP version is not 0, 4 or 6"},
    {key_alone, ENCLAVE_CLIENT_ERR_USAGE, "a client key without its cert"},
    {no_certificate, ENCLAVE_CLIENT_ERR_CONFIG, "can't read " NO_FILE},
    {no_key, ENCLAVE_CLIENT_ERR_CONFIG, "can't read " NO_FILE},
    {no_root_file, ENCLAVE_CLIENT_ERR_CONFIG, "can't read " NO_FILE},
    {root_file_without_root, ENCLAVE_CLIENT_ERR_CONFIG,
	"no PEM certificate is in the file"},
    {root_file_is_a_folder, ENCLAVE_CLIENT_ERR_CONFIG,
	"can't read /: Is a directory"},
    {text_without_root, ENCLAVE_CLIENT_ERR_CONFIG, "no PEM certificate"},
};

/* Whichever verb comes next. */
START_TEST(a_wrong_setting_is_told_by_the_next_verb)
{
	const struct enclave_client_evidence evidence = {"00", 2, 0};
	const enum enclave_client_status status = settings[_i].status;
	const char *text = settings[_i].text;
	struct enclave_client_document *document = NULL;
	struct enclave_client *client = NULL;

	settings[_i].set();
	expect(enclave_client_new(config, &client, error), status, text);
	ck_assert_ptr_null(client);
	expect(enclave_client_config_load_text(config, MAP, strlen(MAP), error),
	    status, text);
	expect(enclave_client_config_load_file(config, made_file, error),
	    status, text);
	expect(enclave_client_config_load_single(
		   config, NULL, "https://h", "{}", error),
	    status, text);
	expect(enclave_client_document_verify(
		   config, NULL, &evidence, &document, error),
	    status, text);
	expect(
	    enclave_client_document_read(config, &evidence, &document, error),
	    status, text);
	ck_assert_ptr_null(document);
}
END_TEST

START_TEST(the_first_wrong_setting_stays)
{
	struct enclave_client *client = NULL;

	settings[_i].set();
	settings[(_i + 1) % COUNT(settings)].set();
	settings[(_i + 7) % COUNT(settings)].set();
	expect(enclave_client_new(config, &client, error), settings[_i].status,
	    settings[_i].text);
	ck_assert_ptr_null(client);
}
END_TEST

/* What is undone in time is no mistake. */
START_TEST(settings_that_are_taken_back)
{
	struct enclave_client *client = NULL;

	ck_assert_int_eq(
	    enclave_client_config_load_text(config, MAP, strlen(MAP), error),
	    0);
	enclave_client_config_set_polling(config, false);
	enclave_client_config_set_proxy(config, "http://127.0.0.1:1");
	enclave_client_config_set_proxy(config, NULL);
	enclave_client_config_set_interface(config, "lo");
	enclave_client_config_set_interface(config, NULL);
	enclave_client_config_set_ca_file(config, NO_FILE);
	enclave_client_config_set_ca_file(config, NULL);
	enclave_client_config_set_ca_directory(config, NO_FILE);
	enclave_client_config_set_ca_directory(config, NULL);
	enclave_client_config_set_user_agent(config, "me");
	enclave_client_config_set_user_agent(config, NULL);
	enclave_client_config_set_evidence_store(config, NO_FILE);
	enclave_client_config_set_evidence_store(config, NULL);
	enclave_client_config_set_client_certificate_file(
	    config, made_file, made_file, "secret");
	enclave_client_config_set_client_certificate_file(
	    config, NULL, NULL, NULL);
	enclave_client_config_set_nitro_root(config, NULL);
	enclave_client_config_set_insecure_nitro_root_file(config, NULL);
	enclave_client_config_set_insecure_nitro_root_mem(config, NULL, 0);
	ck_assert_msg(enclave_client_new(config, &client, error) == 0, "%s",
	    enclave_client_error_message(error));
	enclave_client_free(client);
}
END_TEST

static void
expect_root(const char *name)
{
	struct evidence_roots *named = NULL;

	ck_assert_int_eq(evidence_roots_new_named(name, &named, NULL), 0);
	ck_assert_ptr_nonnull(config->roots);
	ck_assert_mem_eq(
	    config->roots->digest, named->digest, sizeof(named->digest));
	ck_assert(!config->insecure_nitro_root);
	evidence_roots_unref(named);
}

/* GovCloud's root in place of the commercial one, and neither is insecure. */
START_TEST(roots_are_named)
{
	enclave_client_config_set_nitro_root(config, "aws-us-gov");
	expect_root("aws-us-gov");
	enclave_client_config_set_nitro_root(config, "aws");
	expect_root("aws");
	enclave_client_config_set_nitro_root(config, NULL);
	ck_assert_ptr_null(config->roots);
	enclave_client_config_set_nitro_root(NULL, "aws");
}
END_TEST

START_TEST(a_map_that_can_not_be_loaded)
{
	char *large = malloc(CONFIG_JSON_MAX_BYTES + 1);

	expect(enclave_client_config_load_file(config, NULL, error),
	    ENCLAVE_CLIENT_ERR_USAGE, "the path is NULL");
	expect(enclave_client_config_load_file(config, NO_FILE, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "can't read " NO_FILE);
	expect(enclave_client_config_load_text(config, NULL, 0, error),
	    ENCLAVE_CLIENT_ERR_USAGE, "the text is NULL");
	ck_assert_ptr_nonnull(large);
	memset(large, ' ', CONFIG_JSON_MAX_BYTES + 1);
	expect(enclave_client_config_load_text(
		   config, large, CONFIG_JSON_MAX_BYTES + 1, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "the configuration is larger than");
	free(large);
	expect(
	    enclave_client_config_load_single(config, NULL, NULL, "{}", error),
	    ENCLAVE_CLIENT_ERR_USAGE, "the URL is NULL");
	expect(enclave_client_config_load_single(
		   config, NULL, "https://h", NULL, error),
	    ENCLAVE_CLIENT_ERR_USAGE, "the PCR object is NULL");
	expect(enclave_client_config_load_single(config, NULL, "https://h:0",
		   "{\"PCR0\":\"" HEX48 "\"}", error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "https://h:0: ");
	expect(enclave_client_config_load_text(NULL, MAP, strlen(MAP), error),
	    ENCLAVE_CLIENT_ERR_USAGE, "the configuration is NULL");
}
END_TEST

/* The request */

static void
header_without_name(void)
{
	enclave_client_request_add_header(request, NULL, "1");
}

static void
header_of_two_words(void)
{
	enclave_client_request_add_header(request, "X Y", "1");
}

static void
header_of_two_lines(void)
{
	enclave_client_request_add_header(request, "X", "1\r\nY: 2");
}

static void
header_with_delete(void)
{
	enclave_client_request_add_header(request, "X", "\x7f");
}

static void
too_many_headers(void)
{
	for (int i = 0; i <= REQUEST_HEADERS_MAX; i++)
		enclave_client_request_add_header(request, "X", "1");
}

static void
body_without_data(void)
{
	enclave_client_request_set_body(request, NULL, 1);
}

static void
body_past_memory(void)
{
	enclave_client_request_set_body(request, "", SIZE_MAX);
}

static void
no_body_callback(void)
{
	enclave_client_request_set_body_callback(request, NULL);
}

static void
body_callback_without_read(void)
{
	enclave_client_request_set_body_callback(
	    request, &(struct enclave_client_body){.len = 1});
}

static int64_t
read_nothing(void *buffer, size_t size, void *context)
{
	(void)buffer, (void)size, (void)context;
	return 0;
}

static void
body_callback_below(void)
{
	enclave_client_request_set_body_callback(request,
	    &(struct enclave_client_body){.read = read_nothing, .len = -2});
}

static void
timeout_below(void)
{
	enclave_client_request_set_timeout_ms(request, -1);
}

static void
timeout_past_a_month(void)
{
	enclave_client_request_set_timeout_ms(request, INT64_C(2678400001));
}

static void
connect_timeout_below(void)
{
	enclave_client_request_set_connect_timeout_ms(request, -1);
}

static void
too_many_redirects(void)
{
	enclave_client_request_set_redirects_max(request, REDIRECTS_MAX + 1);
}

static void
agent_with_control(void)
{
	enclave_client_request_set_user_agent(request, "me\n");
}

static void
referer_with_control(void)
{
	enclave_client_request_set_referer(request, "\x01", false);
}

static void
cookie_with_control(void)
{
	enclave_client_request_set_cookie(request, "a=b\r\nX: 1");
}

static void
range_with_control(void)
{
	enclave_client_request_set_range(request, "0-1\n");
}

static void
user_with_control(void)
{
	enclave_client_request_set_basic_auth(request, "a\n", "b");
}

static void
password_with_control(void)
{
	enclave_client_request_set_basic_auth(request, "a", "b\n");
}

static void
netrc_with_control(void)
{
	enclave_client_request_set_netrc(request, "a\n");
}

static void
receive_rate_below(void)
{
	enclave_client_request_set_rate_max(request, -1, 0);
}

static void
send_rate_below(void)
{
	enclave_client_request_set_rate_max(request, 0, -1);
}

static void
no_part(void)
{
	enclave_client_request_add_part(request, NULL);
}

static void
part_without_data(void)
{
	enclave_client_request_add_part(
	    request, &(struct enclave_client_part){.name = "a", .len = 1});
}

static void
part_callback_below(void)
{
	enclave_client_request_add_part(
	    request, &(struct enclave_client_part){
			 .body = {.read = read_nothing, .len = -2}});
}

static void
part_type_with_control(void)
{
	enclave_client_request_add_part(request,
	    &(struct enclave_client_part){.content_type = "text/plain\r\n"});
}

static void
too_many_parts(void)
{
	for (int i = 0; i <= REQUEST_PARTS_MAX; i++)
		enclave_client_request_add_part(
		    request, &(struct enclave_client_part){.name = "a"});
}

static const struct {
	void (*set)(void);
	enum enclave_client_status status;
	const char *text;
} wishes[] = {
    {header_without_name, ENCLAVE_CLIENT_ERR_USAGE,
	"the header's name is not a token"},
    {header_of_two_words, ENCLAVE_CLIENT_ERR_USAGE,
	"the header's name is not a token: X Y"},
    {header_of_two_lines, ENCLAVE_CLIENT_ERR_USAGE,
	"the header's value holds a control character: X"},
    {header_with_delete, ENCLAVE_CLIENT_ERR_USAGE,
	"the header's value holds a control character: X"},
    {too_many_headers, ENCLAVE_CLIENT_ERR_USAGE, "more than 256 headers"},
    {body_without_data, ENCLAVE_CLIENT_ERR_USAGE,
	"the body has a length and no data"},
    {body_past_memory, ENCLAVE_CLIENT_ERR_MEMORY, "memory"},
    {no_body_callback, ENCLAVE_CLIENT_ERR_USAGE, "lacks a read function"},
    {body_callback_without_read, ENCLAVE_CLIENT_ERR_USAGE,
	"lacks a read function"},
    {body_callback_below, ENCLAVE_CLIENT_ERR_USAGE, "length is below -1"},
    {timeout_below, ENCLAVE_CLIENT_ERR_USAGE,
	"the timeout is not between 0 and 2678400000 ms"},
    {timeout_past_a_month, ENCLAVE_CLIENT_ERR_USAGE,
	"the timeout is not between 0 and 2678400000 ms"},
    {connect_timeout_below, ENCLAVE_CLIENT_ERR_USAGE,
	"the timeout is not between 0 and 2678400000 ms"},
    {too_many_redirects, ENCLAVE_CLIENT_ERR_USAGE, "more than 10 redirects"},
    {agent_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the user agent"},
    {referer_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the referer"},
    {cookie_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the cookie"},
    {range_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the range"},
    {user_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the user name"},
    {password_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the password"},
    {netrc_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in: the path"},
    {receive_rate_below, ENCLAVE_CLIENT_ERR_USAGE, "a rate is below 0"},
    {send_rate_below, ENCLAVE_CLIENT_ERR_USAGE, "a rate is below 0"},
    {no_part, ENCLAVE_CLIENT_ERR_USAGE, "a part lacks its data"},
    {part_without_data, ENCLAVE_CLIENT_ERR_USAGE, "a part lacks its data"},
    {part_callback_below, ENCLAVE_CLIENT_ERR_USAGE, "length is below -1"},
    {part_type_with_control, ENCLAVE_CLIENT_ERR_USAGE,
	"a control character in a part's type"},
    {too_many_parts, ENCLAVE_CLIENT_ERR_USAGE, "more than 1024 parts"},
};

static struct enclave_client *
make_client(void)
{
	struct enclave_client *client = NULL;

	enclave_client_config_set_polling(config, false);
	ck_assert_int_eq(
	    enclave_client_config_load_text(config, MAP, strlen(MAP), error),
	    0);
	ck_assert_msg(enclave_client_new(config, &client, error) == 0, "%s",
	    enclave_client_error_message(error));
	return client;
}

static void
expect_refused(enum enclave_client_status status, const char *text)
{
	struct enclave_client *client = make_client();
	struct enclave_client_response *response = NULL;

	expect(enclave_client_request(
		   client, "payments.example", request, &response, error),
	    status, text);
	expect(enclave_client_open(
		   client, "payments.example", request, &response, error),
	    status, text);
	ck_assert_ptr_null(response);
	enclave_client_free(client);
}

START_TEST(a_wrong_wish_is_told_by_the_next_verb)
{
	wishes[_i].set();
	expect_refused(wishes[_i].status, wishes[_i].text);
}
END_TEST

START_TEST(the_first_wrong_wish_stays)
{
	wishes[_i].set();
	wishes[(_i + 5) % COUNT(wishes)].set();
	wishes[(_i + 6) % COUNT(wishes)].set();
	expect_refused(wishes[_i].status, wishes[_i].text);
}
END_TEST

static const struct {
	const char *method;
	const char *target;
	const char *text;
} lines[] = {
    {"", "/", "the method is not a token"},
    {"GET ", "/", "the method is not a token: GET "},
    {"G\r\nX", "/", "the method is not a token"},
    {"GET", "", "the target is neither a path"},
    {"GET", "a", "the target is neither a path"},
    {"GET", "http://payments.example/", "the target is neither a path"},
    {"GET", "/a b", "the target holds a space or a control character"},
    {"GET", "/\r\nX: 1", "the target holds a space or a control character"},
};

START_TEST(a_wrong_request_line_is_told_by_the_next_verb)
{
	enclave_client_request_free(request);
	ck_assert_int_eq(enclave_client_request_new(
			     lines[_i].method, lines[_i].target, &request),
	    0);
	expect_refused(ENCLAVE_CLIENT_ERR_USAGE, lines[_i].text);
}
END_TEST

START_TEST(a_target_longer_than_any_server_takes)
{
	char *target = malloc(URL_MAX_BYTES * 8 + 2);

	ck_assert_ptr_nonnull(target);
	memset(target, '/', URL_MAX_BYTES * 8 + 1);
	target[URL_MAX_BYTES * 8 + 1] = '\0';
	enclave_client_request_free(request);
	ck_assert_int_eq(
	    enclave_client_request_new("GET", target, &request), 0);
	free(target);
	expect_refused(
	    ENCLAVE_CLIENT_ERR_USAGE, "the target is longer than 16384 bytes");
}
END_TEST

START_TEST(what_is_made_needs_a_place)
{
	struct enclave_client_request *none = NULL;

	ck_assert_int_eq(
	    enclave_client_config_new(NULL), ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(
	    enclave_client_cookies_new(NULL), ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_request_new(NULL, "/", &none),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_request_new("GET", NULL, &none),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_request_new("GET", "/", NULL),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(none);
}
END_TEST

static TCase *
configuration(void)
{
	TCase *tcase = tcase_create("configuration");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_wrong_setting_is_told_by_the_next_verb, 0,
	    COUNT(settings));
	tcase_add_loop_test(
	    tcase, the_first_wrong_setting_stays, 0, COUNT(settings));
	tcase_add_test(tcase, settings_that_are_taken_back);
	tcase_add_test(tcase, roots_are_named);
	tcase_add_test(tcase, a_map_that_can_not_be_loaded);
	return tcase;
}

static TCase *
requests(void)
{
	TCase *tcase = tcase_create("requests");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(
	    tcase, a_wrong_wish_is_told_by_the_next_verb, 0, COUNT(wishes));
	tcase_add_loop_test(
	    tcase, the_first_wrong_wish_stays, 0, COUNT(wishes));
	tcase_add_loop_test(tcase,
	    a_wrong_request_line_is_told_by_the_next_verb, 0, COUNT(lines));
	tcase_add_test(tcase, a_target_longer_than_any_server_takes);
	tcase_add_test(tcase, what_is_made_needs_a_place);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("client-misuse");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, configuration());
	suite_add_tcase(suite, requests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
