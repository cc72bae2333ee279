/*
 * Nothing of a request reaches whoever is not the enclave.  A marker stands in
 * every place where a caller can put a secret; then everything that an impostor
 * could decrypt is searched for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

#define MARKER "s3cr3tmarker"
/* base64 of "someone:s3cr3tmarker" */
#define MARKER_BASIC "c29tZW9uZTpzM2NyM3RtYXJrZXI="

static struct local_enclave *impostor;

static void
setup(void)
{
	fixture_setup();
	impostor = NULL;
}

static void
teardown(void)
{
	if (impostor)
		ck_assert_int_eq(local_enclave_stop(impostor), 0);
	fixture_teardown();
}

/* A valid certificate for the name, a key of its own, the genuine evidence. */
static void
start_impostor(void)
{
	const char *const arguments[] = {"--instance", "impostor", "--relay",
	    local_enclave_url(fixture.enclave), NULL};

	impostor = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(impostor);
}

/* What a server logs that was shown one. */
#define CLIENT_CERTIFICATE "\"client_certificate\":\"/"

static void
set_client_certificate(struct enclave_client_config *config)
{
	char prefix[96];
	char certificate[112];
	char key[112];

	(void)snprintf(prefix, sizeof(prefix), "%s/client", fixture.state);
	(void)snprintf(certificate, sizeof(certificate), "%s.pem", prefix);
	(void)snprintf(key, sizeof(key), "%s.key", prefix);
	ck_assert(local_enclave_mint(
	    (const char *const[]){"--state", fixture.state, "--web-certificate",
		"client.example", "--out-prefix", prefix, NULL}));
	enclave_client_config_set_client_certificate_file(
	    config, certificate, key, NULL);
}

/* proxy: NULL for none, else its URL but for the port of the impostor. */
static void
new_client_behind(struct local_enclave *server, const char *proxy)
{
	char text[128];
	const char *map = fixture_map_at(local_enclave_url(server));
	struct enclave_client_config *config = NULL;

	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_insecure_allowed(config, true);
	enclave_client_config_set_insecure_nitro_root_file(
	    config, local_enclave_text(fixture.enclave, "nitro_root"));
	enclave_client_config_set_ca_file(
	    config, local_enclave_text(fixture.enclave, "web_ca"));
	enclave_client_config_set_user_agent(config, "agent-" MARKER);
	set_client_certificate(config);
	if (proxy) {
		(void)snprintf(text, sizeof(text), "%s:%d", proxy,
		    local_enclave_port(impostor));
		enclave_client_config_set_proxy(config, text);
		(void)snprintf(text, sizeof(text), "enclave.test:%d:127.0.0.1",
		    local_enclave_port(impostor));
		enclave_client_config_add_resolve(config, text);
	}
	enclave_client_config_set_polling(config, false);
	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	ck_assert_msg(client_new(config, &fixture.clock, &fixture.client,
			  fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	enclave_client_config_free(config);
}

static void
new_client(struct local_enclave *server)
{
	new_client_behind(server, NULL);
}

/* A netrc where libcurl would look for it. */
static void
write_netrc(void)
{
	char path[96];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/.netrc", fixture.state);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(
	    fputs("default login someone password " MARKER "\n"
		  "machine localhost login someone password " MARKER "\n",
		file),
	    0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(setenv("HOME", fixture.state, 1), 0);
	ck_assert_int_eq(setenv("NETRC", path, 1), 0);
}

static size_t body_reads;

static int64_t
give_marker(void *buffer, size_t size, void *context)
{
	bool *given = context;

	body_reads++;
	if (*given || size < sizeof(MARKER) - 1)
		return 0;
	memcpy(buffer, MARKER, sizeof(MARKER) - 1);
	*given = true;
	return (int64_t)sizeof(MARKER) - 1;
}

static bool
give_marker_again(void *context)
{
	*(bool *)context = false;
	return true;
}

static bool body_given;

enum body { NO_BODY, FROM_MEMORY, FROM_CALLBACK, FROM_PARTS, BODIES };

/* The same by the setters that let libcurl write the headers. */
static void
set_secret_options(struct enclave_client_request *request)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/.netrc", fixture.state);
	enclave_client_request_set_user_agent(request, "option-" MARKER);
	enclave_client_request_set_referer(request, "option-" MARKER, true);
	enclave_client_request_set_cookie(request, "option=" MARKER);
	enclave_client_request_set_basic_auth(request, "someone", MARKER);
	enclave_client_request_set_netrc(request, path);
}

static void
set_secret_body(struct enclave_client_request *request, enum body kind)
{
	const struct enclave_client_body body = {
	    .read = give_marker,
	    .rewind = give_marker_again,
	    .len = -1,
	    .context = &body_given,
	};
	const struct enclave_client_part part = {
	    .name = "name-" MARKER,
	    .file_name = "file-" MARKER,
	    .content_type = "text/" MARKER,
	    .body = body,
	};

	if (kind == FROM_MEMORY)
		enclave_client_request_set_body(
		    request, MARKER, sizeof(MARKER) - 1);
	if (kind == FROM_CALLBACK)
		enclave_client_request_set_body_callback(request, &body);
	if (kind == FROM_PARTS)
		enclave_client_request_add_part(request, &part);
}

/* The marker in all of them: what there is to give away at all. */
static struct enclave_client_request *
request_full_of_secrets(const char *method, enum body kind)
{
	static const char *const headers[] = {"X-Secret", "Cookie", "Referer",
	    "Authorization", "Proxy-Authorization", "User-Agent", "Accept",
	    "Content-Type", ("X-" MARKER), "Range", "Host"};
	struct enclave_client_request *request = NULL;

	body_reads = 0;
	body_given = false;
	ck_assert_int_eq(
	    enclave_client_request_new(method,
		"/path-" MARKER "?query=" MARKER "#fragment-" MARKER, &request),
	    0);
	/* Where a header is given by hand, an option would not be seen. */
	for (size_t i = 0; kind != NO_BODY && kind != FROM_PARTS &&
			   i < sizeof(headers) / sizeof(headers[0]);
	     i++)
		enclave_client_request_add_header(request, headers[i], MARKER);
	if (kind == NO_BODY || kind == FROM_PARTS)
		set_secret_options(request);
	set_secret_body(request, kind);
	enclave_client_request_set_redirects_max(request, 10);
	return request;
}

static enum enclave_client_status
send_secrets(const char *method, enum body kind)
{
	struct enclave_client_request *request =
	    request_full_of_secrets(method, kind);
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);

	ck_assert_int_eq(status == ENCLAVE_CLIENT_OK, response != NULL);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

static void
expect_nothing_in(struct local_enclave *server)
{
	static const char *const secrets[] = {MARKER, MARKER_BASIC,
	    "user-agent", "authorization", "cookie", "referer",
	    CLIENT_CERTIFICATE};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		ck_assert_msg(!local_enclave_log_contains(server, secrets[i]),
		    "an unjudged server saw %s", secrets[i]);
	ck_assert_uint_eq(body_reads, 0);
	/* And what it did see was the GET of the evidence, or nothing. */
	ck_assert_uint_eq(local_enclave_count(server, "request_started"),
	    local_enclave_count(server, "evidence"));
}

/* How an impostor may treat who asks it for evidence. */
static const char *const treatments[] = {
    "{}",
    "{\"keep_alive\":false}",
    "{\"evidence\":\"cut\"}",
    "{\"evidence\":\"other-key\"}",
    "{\"evidence\":\"broken-signature\"}",
    "{\"evidence\":{\"mode\":\"status\",\"status\":401}}",
    "{\"evidence\":{\"mode\":\"status\",\"status\":407}}",
    "{\"evidence\":{\"mode\":\"redirect\",\"to\":\"/collect\"}}",
    ("{\"evidence\":{\"mode\":\"redirect\","
     "\"to\":\"/.well-known/attestation?again\"}}"),
    "{\"ask_client_certificate\":true}",
    "{\"web_ca\":\"foreign\"}",
    "{\"web_ca\":\"wrong-name\"}",
};

#define TREATMENTS ((int)(sizeof(treatments) / sizeof(treatments[0])))

START_TEST(impostor_from_the_start_gets_nothing)
{
	write_netrc();
	start_impostor();
	ck_assert(local_enclave_set(impostor, treatments[_i / (int)BODIES]));
	new_client(impostor);
	for (int i = 0; i < 3; i++)
		ck_assert_int_ne(
		    send_secrets("POST-" MARKER, _i % (int)BODIES), 0);
	/* It asked, unless its certificate was not even good. */
	ck_assert_uint_gt(local_enclave_count(impostor, "connection"), 0);
	expect_nothing_in(impostor);
	expect_nothing_in(fixture.enclave);
}
END_TEST

/*
 * The same name and port, but from now on another key: what a hijacked address
 * looks like to a client that is warm.
 */
START_TEST(impostor_in_place_of_a_known_enclave_gets_nothing)
{
	write_netrc();
	new_client(fixture.enclave);
	ck_assert_int_eq(send_secrets("GET", NO_BODY), 0);
	fixture_set("{\"keep_alive\":false}");
	ck_assert_int_eq(send_secrets("GET", NO_BODY), 0);
	fixture_rotate();
	fixture_set(treatments[_i / (int)BODIES]);
	/* The treatments are an impostor's: none binds the key it shows. */
	if (_i / (int)BODIES < 2)
		fixture_set("{\"evidence\":\"other-key\"}");
	if (!strcmp(treatments[_i / (int)BODIES],
		"{\"ask_client_certificate\":true}"))
		fixture_set("{\"evidence\":\"null-user-data\"}");
	ck_assert(local_enclave_clear_log(fixture.enclave));
	for (int i = 0; i < 3; i++)
		ck_assert_int_ne(
		    send_secrets("POST-" MARKER, _i % (int)BODIES), 0);
	ck_assert_uint_gt(
	    local_enclave_count(fixture.enclave, "connection"), 0);
	expect_nothing_in(fixture.enclave);
}
END_TEST

/* An HTTPS proxy's own TLS: ordinary verification, and never a verdict. */
static const struct {
	const char *proxy;
	const char *settings;
	size_t handshakes; /* that finish, for each request */
	const char *text;
} proxies[] = {
    /* It does not speak CONNECT; what it was asked is the point. */
    {"https://enclave.test", "{}", 1, NULL},
    {"https://enclave.test", "{\"web_ca\":\"foreign\"}", 0,
	"TLS certificate for enclave.test refused"},
    {"https://enclave.test", "{\"web_ca\":\"expired\"}", 0,
	"TLS certificate for enclave.test refused"},
    {"https://enclave.test", "{\"web_ca\":\"wrong-name\"}", 0,
	"TLS certificate for enclave.test refused"},
    {"https://127.0.0.1", "{}", 0, "without a server name"},
};

/*
 * One with the enclave's own name, or without any where the enclave has none
 * either: under trust in the attested key alone nobody else verifies who is
 * asked for evidence, with the proxy's password.
 */
static const char *const like_the_enclave[] = {
    "https://user:" MARKER "@localhost", "https://user:" MARKER "@127.0.0.1"};

START_TEST(https_proxy_like_the_enclave_is_verified)
{
	char map[512];

	start_impostor();
	ck_assert(local_enclave_set(impostor, "{\"web_ca\":\"foreign\"}"));
	new_client_behind(fixture.enclave, like_the_enclave[_i]);
	ck_assert_int_lt(
	    snprintf(map, sizeof(map),
		"{\"enclaves\":{\"" FIXTURE_NAME
		"\":{\"url\":\"https://%s:%d\","
		"\"trust\":\"attested_key\",\"pcrs\":{\"PCR0\":\"%s\"}}}}",
		_i ? "127.0.0.1" : "localhost",
		local_enclave_port(fixture.enclave),
		local_enclave_pcr(fixture.enclave, "0")),
	    (int)sizeof(map));
	fixture_update_map(map);
	ck_assert_int_ne(send_secrets("POST", FROM_MEMORY), 0);
	ck_assert_uint_gt(local_enclave_count(impostor, "client_hello"), 0);
	ck_assert_uint_eq(local_enclave_count(impostor, "handshake"), 0);
	expect_nothing_in(impostor);
	expect_nothing_in(fixture.enclave);
}
END_TEST

START_TEST(https_proxy_is_verified_and_gets_no_secret)
{
	write_netrc();
	start_impostor();
	ck_assert(local_enclave_set(impostor, proxies[_i].settings));
	new_client_behind(fixture.enclave, proxies[_i].proxy);
	ck_assert_int_ne(send_secrets("POST", FROM_MEMORY), 0);
	if (proxies[_i].text)
		ck_assert_msg(
		    strstr(enclave_client_error_message(fixture.error),
			proxies[_i].text) != NULL,
		    "%s", enclave_client_error_message(fixture.error));
	ck_assert_uint_gt(local_enclave_count(impostor, "client_hello"), 0);
	ck_assert_uint_eq(
	    local_enclave_count(impostor, "handshake"), proxies[_i].handshakes);
	expect_nothing_in(fixture.enclave);
	ck_assert(!local_enclave_log_contains(impostor, MARKER));
	ck_assert(!local_enclave_log_contains(impostor, MARKER_BASIC));
	ck_assert(!local_enclave_log_contains(impostor, CLIENT_CERTIFICATE));
}
END_TEST

/* The port follows. */
static const struct {
	const char *proxy;
	const char *text;
} quoted_proxies[] = {
    {"foo://user:" MARKER "@127.0.0.1", "the proxy's URL"},
    {"http://user:x/" MARKER "@127.0.0.1", "the proxy's URL"},
    {"http://us er:" MARKER "@127.0.0.1", "the proxy's URL"},
    {"user:" MARKER "@127.0.0.1:1", "the proxy's URL"},
    {"http://user:" MARKER "@127.0.0.1", NULL},
    {"user:" MARKER "@proxy.invalid", "proxy.invalid"},
};

START_TEST(no_error_tells_a_proxys_password)
{
	const char *text = quoted_proxies[_i].text;
	char *json;

	start_impostor();
	new_client_behind(fixture.enclave, quoted_proxies[_i].proxy);
	ck_assert_int_ne(send_secrets("POST", FROM_MEMORY), 0);
	json = enclave_client_error_json(fixture.error);
	ck_assert_ptr_nonnull(json);
	ck_assert_msg(!strstr(json, MARKER), "%s", json);
	ck_assert_msg(!text || strstr(json, text), "%s", json);
	free(json);
	expect_nothing_in(fixture.enclave);
}
END_TEST

/* The controls: the marker is found where it belongs, and only that. */
START_TEST(enclave_gets_all_but_the_fragment_and_the_netrc)
{
	static const char *const seen[] = {"/path-" MARKER, "query=" MARKER,
	    "\"x-secret\":\"" MARKER, "\"cookie\":\"" MARKER,
	    "\"referer\":\"" MARKER, "\"authorization\":\"" MARKER,
	    "\"user-agent\":\"" MARKER, "x-" MARKER};

	write_netrc();
	new_client(fixture.enclave);
	ck_assert_msg(send_secrets("POST", FROM_CALLBACK) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		ck_assert_msg(fixture_saw(seen[i]), "no %s", seen[i]);
	ck_assert_uint_gt(body_reads, 0);
	ck_assert(!fixture_saw("fragment-"));
	ck_assert(!fixture_saw(MARKER_BASIC));
}
END_TEST

START_TEST(enclave_gets_what_options_and_parts_say)
{
	static const char *const seen[] = {"\"user-agent\":\"option-" MARKER,
	    "\"referer\":\"option-" MARKER, "\"cookie\":\"option=" MARKER,
	    MARKER_BASIC, "name-" MARKER, "file-" MARKER, "text/" MARKER,
	    CLIENT_CERTIFICATE};

	write_netrc();
	fixture_set("{\"ask_client_certificate\":true}");
	new_client(fixture.enclave);
	ck_assert_msg(send_secrets("POST", FROM_PARTS) == 0, "%s",
	    enclave_client_error_message(fixture.error));
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		ck_assert_msg(fixture_saw(seen[i]), "no %s", seen[i]);
	ck_assert_uint_gt(body_reads, 0);
}
END_TEST

START_TEST(netrc_is_not_read)
{
	write_netrc();
	new_client(fixture.enclave);
	fixture_get_ok("/plain");
	ck_assert(fixture_saw("\"user-agent\":\"agent-" MARKER "\""));
	ck_assert(!fixture_saw("authorization"));
	ck_assert(!fixture_saw(MARKER_BASIC));
}
END_TEST

START_TEST(evidence_get_is_built_from_the_configuration_alone)
{
	struct enclave_client_document *document = NULL;

	write_netrc();
	new_client(fixture.enclave);
	ck_assert_int_eq(enclave_client_attest(fixture.client, FIXTURE_NAME,
			     5000, &document, fixture.error),
	    0);
	enclave_client_document_free(document);
	ck_assert_uint_eq(fixture_evidence(), 1);
	expect_nothing_in(fixture.enclave);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("secrets");
	TCase *tcase = tcase_create("secrets");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, impostor_from_the_start_gets_nothing, 0,
	    TREATMENTS * (int)BODIES);
	tcase_add_loop_test(tcase,
	    impostor_in_place_of_a_known_enclave_gets_nothing, 0,
	    TREATMENTS * (int)BODIES);
	tcase_add_loop_test(tcase, no_error_tells_a_proxys_password, 0,
	    sizeof(quoted_proxies) / sizeof(quoted_proxies[0]));
	tcase_add_loop_test(
	    tcase, https_proxy_like_the_enclave_is_verified, 0, 2);
	tcase_add_loop_test(tcase, https_proxy_is_verified_and_gets_no_secret,
	    0, (int)(sizeof(proxies) / sizeof(proxies[0])));
	tcase_add_test(tcase, enclave_gets_all_but_the_fragment_and_the_netrc);
	tcase_add_test(tcase, enclave_gets_what_options_and_parts_say);
	tcase_add_test(tcase, netrc_is_not_read);
	tcase_add_test(
	    tcase, evidence_get_is_built_from_the_configuration_alone);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
