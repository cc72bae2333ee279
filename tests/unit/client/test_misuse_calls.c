/*
 * What a caller can get wrong in a call: nothing where something is needed,
 * numbers out of their range, names that are not configured, a client that was
 * stopped.  The status and its text tell; outputs stay as they were.
 */
#include <check.h>
#include <enclave_client_curl.h>
#include <enclave_client_openssl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define HEX48                                                                  \
	"111111111111111111111111111111111111111111111111"                     \
	"111111111111111111111111111111111111111111111111"
/* Nobody listens on port 1. */
#define NAME    "127.0.0.1:1"
#define MAP     "{\"" NAME "\":{\"PCR0\":\"" HEX48 "\"}}"
#define OWN_URL "https://" NAME "/"

static struct enclave_client *client;
static struct enclave_client_config *config;
static struct enclave_client_error *error;
static struct enclave_client_request *request;
static struct enclave_client_cookies *cookies;
static CURL *easy;
static SSL_CTX *ssl_ctx;
static SSL *ssl;

/* Whatever a call would give; refused calls leave it as it is. */
static struct {
	struct enclave_client_document *document;
	struct enclave_client_response *response;
	struct enclave_client_report *report;
	struct enclave_client_transfer *transfer;
	struct enclave_client_curl *attachment;
	struct enclave_client *client;
	char *text;
	size_t len;
	bool again;
} given;

static void
setup(void)
{
	memset(&given, 0, sizeof(given));
	error = enclave_client_error_new();
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_polling(config, false);
	ck_assert_int_eq(
	    enclave_client_config_load_text(config, MAP, strlen(MAP), error),
	    0);
	ck_assert_msg(enclave_client_new(config, &client, error) == 0, "%s",
	    enclave_client_error_message(error));
	ck_assert_int_eq(enclave_client_request_new("GET", "/", &request), 0);
	ck_assert_int_eq(enclave_client_cookies_new(&cookies), 0);
	easy = curl_easy_init();
	ssl_ctx = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(ssl_ctx);
	ck_assert(easy && ssl);
}

static void
teardown(void)
{
	SSL_free(ssl);
	SSL_CTX_free(ssl_ctx);
	curl_easy_cleanup(easy);
	enclave_client_cookies_free(cookies);
	enclave_client_request_free(request);
	enclave_client_free(client);
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
	ck_assert(!given.document && !given.response && !given.report &&
		  !given.transfer && !given.attachment && !given.client &&
		  !given.text && !given.len && !given.again);
}

static void
expect_usage(enum enclave_client_status got, const char *text)
{
	expect(got, ENCLAVE_CLIENT_ERR_USAGE, text);
}

/* The client */

START_TEST(a_client_needs_a_configuration_with_a_map)
{
	struct enclave_client_config *empty = NULL;

	expect_usage(enclave_client_new(NULL, &given.client, error),
	    "needs a configuration and a place for the client");
	expect_usage(enclave_client_new(config, NULL, error),
	    "needs a configuration and a place for the client");
	expect_usage(enclave_client_update(NULL, config, error),
	    "needs a client and a configuration");
	expect_usage(enclave_client_update(client, NULL, error),
	    "needs a client and a configuration");
	ck_assert_int_eq(enclave_client_config_new(&empty), 0);
	expect(enclave_client_new(empty, &given.client, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "no map of enclaves was loaded");
	expect(enclave_client_update(client, empty, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "no map of enclaves was loaded");
	enclave_client_config_set_ip_version(empty, 5);
	expect_usage(enclave_client_update(client, empty, error),
	    "the IP version is not 0, 4 or 6");
	enclave_client_config_free(empty);
}
END_TEST

START_TEST(waiting_and_attesting)
{
	expect_usage(enclave_client_wait(NULL, NAME, 0, error),
	    "a client and a timeout that is not negative are needed");
	expect_usage(enclave_client_wait(client, NAME, -1, error),
	    "a client and a timeout that is not negative are needed");
	expect_usage(
	    enclave_client_attest(NULL, NAME, 1, &given.document, error),
	    "a client, a name, a timeout");
	expect_usage(
	    enclave_client_attest(client, NULL, 1, &given.document, error),
	    "a client, a name, a timeout");
	expect_usage(
	    enclave_client_attest(client, NAME, -1, &given.document, error),
	    "a timeout that is not negative");
	expect_usage(enclave_client_attest(client, NAME, 1, NULL, error),
	    "a place for the document");
	expect(enclave_client_wait(client, "nobody", 0, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect(enclave_client_attest(
		   client, "https://nobody", 1, &given.document, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "https://nobody");
	expect(enclave_client_wait(client, NAME, 0, error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, "no attempt has ended");
	expect(enclave_client_wait(client, NULL, 0, error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, NAME ": no attested key yet");
}
END_TEST

/* Not: a moment that has passed long ago. */
START_TEST(a_timeout_of_all_time_is_none)
{
	expect(enclave_client_attest(
		   client, NAME, INT64_MAX, &given.document, error),
	    ENCLAVE_CLIENT_ERR_NETWORK, NAME);
}
END_TEST

START_TEST(names_and_what_belongs_to_them)
{
	expect_usage(enclave_client_find(NULL, OWN_URL, &given.text, error),
	    "a client, a URL and a place");
	expect_usage(enclave_client_find(client, NULL, &given.text, error),
	    "a client, a URL and a place");
	expect_usage(enclave_client_find(client, OWN_URL, NULL, error),
	    "a client, a URL and a place");
	expect(enclave_client_find(client, "https://h:0", &given.text, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "the port");
	expect_usage(
	    enclave_client_evidence_url(NULL, NAME, &given.text, error),
	    "a client and an enclave's name");
	expect_usage(
	    enclave_client_evidence_url(client, NULL, &given.text, error),
	    "a client and an enclave's name");
	expect_usage(enclave_client_evidence_url(client, NAME, NULL, error),
	    "a place for the URL");
	expect_usage(enclave_client_pins(NULL, NAME, &given.text, error),
	    "a client, a name and a place for the pins");
	expect_usage(enclave_client_pins(client, NULL, &given.text, error),
	    "a client, a name and a place for the pins");
	expect_usage(enclave_client_pins(client, NAME, NULL, error),
	    "a client, a name and a place for the pins");
	expect(enclave_client_pins(client, "nobody", &given.text, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect(enclave_client_pins(client, "https://no", &given.text, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "https://no");
	expect(enclave_client_pins(client, NAME, &given.text, error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no key is attested now");
	expect(enclave_client_pins(client, OWN_URL, &given.text, error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no key is attested now");
	expect(enclave_client_report(client, "nobody", &given.report, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect_usage(enclave_client_report(client, NAME, NULL, error),
	    "a client and a place for the report");
}
END_TEST

/* One enclave without a name of its own is called by its origin. */
START_TEST(a_single_enclave_is_called_by_its_origin)
{
	static const char *const urls[] = {
	    "https://h.example", "https://h.example:8443"};
	static const char *const names[] = {"h.example", "h.example:8443"};
	char *name = NULL;

	for (int i = 0; i < COUNT(urls); i++) {
		ck_assert_int_eq(
		    enclave_client_config_load_single(config, NULL, urls[i],
			"{\"PCR0\":\"" HEX48 "\"}", error),
		    0);
		ck_assert_int_eq(
		    enclave_client_update(client, config, error), 0);
		ck_assert_int_eq(
		    enclave_client_find(client, urls[i], &name, error), 0);
		ck_assert_str_eq(name, names[i]);
		free(name);
	}
}
END_TEST

/* A certificate that carries its evidence has no pin but itself. */
START_TEST(no_pins_where_the_key_is_not_named)
{
	static const char map[] =
	    "{\"enclaves\":{\"c\":{\"url\":\"https://h\","
	    "\"profile\":\"dstack\",\"pcrs\":{\"PCR0\":\"" HEX48 "\"}}}}";

	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), error) == 0,
	    "%s", enclave_client_error_message(error));
	ck_assert_int_eq(enclave_client_update(client, config, error), 0);
	expect(enclave_client_pins(client, "c", &given.text, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "nothing else can be pinned");
	/* Nor is anything fetched or waited for. */
	expect_usage(
	    enclave_client_attest(client, "c", 1000, &given.document, error),
	    "its evidence is in its certificate");
	ck_assert_int_eq(
	    enclave_client_wait(client, NULL, INT64_MAX, error), 0);
}
END_TEST

/* The key itself may be meant, and still what evidence names is no pin. */
static const char *const unpinnable[] = {
    "\"object\":\"key\",\"transform\":\"identity\"",
    "\"object\":\"certificate\",\"transform\":\"identity\"",
    "\"object\":\"spki\",\"transform\":\"sha256\"",
    "\"object\":\"spki\",\"transform\":\"identity\",\"prefix\":\"x\"",
};

static enum enclave_client_status
pins_of(const char *profile)
{
	char map[512];

	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"c\":{\"url\":\"https://h\",\"profile\":%s,"
	    "\"pcrs\":{\"PCR0\":\"" HEX48 "\"}}}}",
	    profile);
	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), error) == 0,
	    "%s", enclave_client_error_message(error));
	ck_assert_int_eq(enclave_client_update(client, config, error), 0);
	return enclave_client_pins(client, "c", &given.text, error);
}

START_TEST(no_pins_where_something_else_is_named)
{
	char profile[256];

	(void)snprintf(profile, sizeof(profile),
	    "{\"encoding\":\"raw\",\"binding\":{\"field\":\"user_data\",%s}}",
	    unpinnable[_i]);
	expect(pins_of(profile), ENCLAVE_CLIENT_ERR_CONFIG,
	    "nothing else can be pinned");
	/* The digest of such a certificate would look like a pin. */
	expect(pins_of("\"nitro-ra-tls\""), ENCLAVE_CLIENT_ERR_CONFIG,
	    "nothing else can be pinned");
	/* Another profile alone is no reason. */
	expect(pins_of("{\"encoding\":\"raw\",\"binding\":{\"field\":"
		       "\"public_key\",\"object\":\"spki\",\"transform\":"
		       "\"identity\"}}"),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no key is attested now");
}
END_TEST

/* Documents and registers */

START_TEST(documents)
{
	const struct enclave_client_evidence none = {NULL, 0, 0};
	struct enclave_client_evidence some = {"00", 2, -1};

	expect_usage(enclave_client_document_verify(
			 config, NAME, NULL, &given.document, error),
	    "evidence and the place for the document are needed");
	expect_usage(enclave_client_document_verify(
			 config, NAME, &none, &given.document, error),
	    "evidence and the place for the document are needed");
	expect_usage(
	    enclave_client_document_verify(config, NAME, &some, NULL, error),
	    "evidence and the place for the document are needed");
	expect_usage(enclave_client_document_verify(
			 config, NAME, &some, &given.document, error),
	    "the time to judge at is not between 1970 and 9999");
	expect_usage(
	    enclave_client_document_read(config, NULL, &given.document, error),
	    "evidence and the place for the document are needed");
	expect_usage(
	    enclave_client_document_read(config, &none, &given.document, error),
	    "evidence and the place for the document are needed");
	expect_usage(enclave_client_document_read(config, &some, NULL, error),
	    "evidence and the place for the document are needed");
	some.judged_at_ms = INT64_MAX;
	expect_usage(
	    enclave_client_document_read(config, &some, &given.document, error),
	    "the time to judge at is not between 1970 and 9999");
	some.judged_at_ms = 0;
	expect(enclave_client_document_verify(
		   config, "nobody", &some, &given.document, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name nobody");
	expect(enclave_client_document_verify(
		   NULL, NAME, &some, &given.document, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name " NAME);
}
END_TEST

START_TEST(registers_and_images)
{
	expect_usage(enclave_client_image_pcrs(NULL, &given.text, error),
	    "a path and a place for the measurements");
	expect_usage(enclave_client_image_pcrs("/", NULL, error),
	    "a path and a place for the measurements");
	expect(enclave_client_image_pcrs("/", &given.text, error),
	    ENCLAVE_CLIENT_ERR_CONFIG, "Is a directory");
	expect_usage(
	    enclave_client_pcr3_from_role_arn(NULL, &given.text, error),
	    "a role ARN and a place for PCR3");
	expect_usage(enclave_client_pcr3_from_role_arn(
			 "arn:aws:iam::123456789012:role/a", NULL, error),
	    "a role ARN and a place for PCR3");
	expect_usage(
	    enclave_client_pcr3_from_role_arn(
		"arn:aws:iam::123456789012:role/a b", &given.text, error),
	    "expected the ARN of an IAM role");
	expect_usage(
	    enclave_client_pcr3_from_role_arn(
		"arn:aws:iam::123456789012:role/\x7f", &given.text, error),
	    "expected the ARN of an IAM role");
	expect_usage(
	    enclave_client_pcr4_from_instance_id(NULL, &given.text, error),
	    "an instance id and a place for PCR4");
	expect_usage(
	    enclave_client_pcr4_from_instance_id("i-01234567", NULL, error),
	    "an instance id and a place for PCR4");
	expect_usage(enclave_client_pcr4_from_instance_id(
			 "i-0123456g", &given.text, error),
	    "expected an instance id");
	expect_usage(enclave_client_pcr8_from_certificate_pem(
			 NULL, 0, &given.text, error),
	    "a certificate and a place for PCR8");
	expect_usage(
	    enclave_client_pcr8_from_certificate_pem("", 0, NULL, error),
	    "a certificate and a place for PCR8");
	expect_usage(enclave_client_pcr8_from_certificate_pem(
			 "", (size_t)INT_MAX + 1, &given.text, error),
	    "a certificate and a place for PCR8");
	expect_usage(
	    enclave_client_pcr8_from_certificate_pem("", 0, &given.text, error),
	    "expected one certificate in PEM");
}
END_TEST

/* Requests and their parts */

START_TEST(requests)
{
	expect_usage(
	    enclave_client_request(NULL, NAME, request, &given.response, error),
	    "a client, a request and a place for the response");
	expect_usage(
	    enclave_client_request(client, NAME, NULL, &given.response, error),
	    "a client, a request and a place for the response");
	expect_usage(enclave_client_request(client, NAME, request, NULL, error),
	    "a client, a request and a place for the response");
	expect_usage(
	    enclave_client_open(client, NAME, NULL, &given.response, error),
	    "a client, a request and a place for the response");
	expect(enclave_client_request(
		   client, "nobody", request, &given.response, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect_usage(enclave_client_response_read(
			 NULL, &given.text, 1, &given.len, error),
	    "reading needs a response from enclave_client_open");
	expect_usage(enclave_client_cookies_load_file(NULL, "/", false, error),
	    "cookies and a path");
	expect_usage(
	    enclave_client_cookies_load_file(cookies, NULL, false, error),
	    "cookies and a path");
	expect_usage(enclave_client_cookies_save_file(NULL, "/", error),
	    "cookies and a path");
	expect_usage(enclave_client_cookies_save_file(cookies, NULL, error),
	    "cookies and a path");
}
END_TEST

START_TEST(transfers_for_a_multi_handle_of_ones_own)
{
	expect_usage(
	    enclave_client_prepare(NULL, NAME, request, &given.transfer, error),
	    "a client, a request and a place for the transfer");
	expect_usage(
	    enclave_client_prepare(client, NAME, NULL, &given.transfer, error),
	    "a client, a request and a place for the transfer");
	expect_usage(enclave_client_prepare(client, NAME, request, NULL, error),
	    "a client, a request and a place for the transfer");
	expect(enclave_client_prepare(
		   client, "nobody", request, &given.transfer, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect_usage(enclave_client_transfer_done(
			 NULL, CURLE_OK, &given.again, &given.response, error),
	    "a place for its result is missing");
	enclave_client_request_add_header(request, "", "");
	expect_usage(enclave_client_prepare(
			 client, NAME, request, &given.transfer, error),
	    "the header's name is not a token");
}
END_TEST

START_TEST(a_transfer_needs_places_and_ends_once)
{
	struct enclave_client_transfer *transfer = NULL;

	ck_assert_int_eq(
	    enclave_client_prepare(client, NAME, request, &transfer, error), 0);
	ck_assert_ptr_nonnull(enclave_client_transfer_handle(transfer));
	expect_usage(enclave_client_transfer_done(
			 transfer, CURLE_OK, NULL, &given.response, error),
	    "a place for its result is missing");
	expect_usage(enclave_client_transfer_done(
			 transfer, CURLE_OK, &given.again, NULL, error),
	    "a place for its result is missing");
	expect(enclave_client_transfer_done(transfer, CURLE_COULDNT_CONNECT,
		   &given.again, &given.response, error),
	    ENCLAVE_CLIENT_ERR_NETWORK, NAME);
	expect_usage(enclave_client_transfer_done(transfer, CURLE_OK,
			 &given.again, &given.response, error),
	    "the transfer has ended");
	enclave_client_transfer_free(transfer);
}
END_TEST

/* A transfer that nobody drove: libcurl's OK is no verdict. */
START_TEST(a_result_without_a_transfer_attests_nothing)
{
	struct enclave_client_transfer *transfer = NULL;
	struct enclave_client_curl *attachment = NULL;

	ck_assert_int_eq(
	    enclave_client_curl_attach(client, easy, NULL, &attachment, error),
	    0);
	expect(enclave_client_curl_result(attachment, CURLE_OK, error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "the gate did not run");
	expect(
	    enclave_client_curl_result(attachment, CURLE_OUT_OF_MEMORY, error),
	    ENCLAVE_CLIENT_ERR_MEMORY, "");
	expect(enclave_client_curl_result(
		   attachment, CURLE_OPERATION_TIMEDOUT, error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT, "");
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
	enclave_client_curl_detach(attachment);
	ck_assert_int_eq(
	    enclave_client_prepare(client, NAME, request, &transfer, error), 0);
	ck_assert_int_ne(enclave_client_transfer_done(transfer, CURLE_OK,
			     &given.again, &given.response, error),
	    0);
	ck_assert(!given.response && !given.again);
	enclave_client_transfer_free(transfer);
}
END_TEST

/* What callers own */

START_TEST(easy_handles)
{
	const char *text = "a client, an easy handle and a place";

	expect_usage(enclave_client_curl_attach(
			 NULL, easy, NULL, &given.attachment, error),
	    text);
	expect_usage(enclave_client_curl_attach(
			 client, NULL, NULL, &given.attachment, error),
	    text);
	expect_usage(
	    enclave_client_curl_attach(client, easy, NULL, NULL, error), text);
	expect_usage(enclave_client_curl_rearm(NULL, error), "no attachment");
	expect_usage(
	    enclave_client_curl_result(NULL, CURLE_OK, error), "no attachment");
	expect_usage(enclave_client_curl_perform(NULL, error), "no attachment");
}
END_TEST

START_TEST(tls_objects)
{
	expect_usage(enclave_client_ssl_ctx_attach(client, NAME, NULL, error),
	    "an SSL_CTX is needed");
	expect_usage(
	    enclave_client_ssl_ctx_attach_server(client, NAME, NULL, error),
	    "an SSL_CTX is needed");
	expect_usage(enclave_client_ssl_attach(client, NAME, NULL, error),
	    "an SSL is needed");
	expect_usage(enclave_client_ssl_check(NULL, ssl, NULL, error),
	    "a client and an SSL are needed");
	expect_usage(enclave_client_ssl_check(client, NULL, NULL, error),
	    "a client and an SSL are needed");
	expect(enclave_client_ssl_ctx_attach(client, "nobody", ssl_ctx, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect(enclave_client_ssl_ctx_attach_server(
		   client, "nobody", ssl_ctx, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect(enclave_client_ssl_attach(client, "nobody", ssl, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "the name \"nobody\"");
	expect_usage(
	    enclave_client_ssl_ctx_attach_server(client, NAME, ssl_ctx, error),
	    "evidence of the profile");
	ck_assert_int_ne(
	    enclave_client_ssl_check(client, ssl, &given.document, error), 0);
	ck_assert_ptr_null(given.document);
}
END_TEST

/* A client that was stopped */

START_TEST(a_stopped_client_does_nothing_more)
{
	enclave_client_stop(client);
	enclave_client_stop(client);
	expect(enclave_client_request(
		   client, NAME, request, &given.response, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(
	    enclave_client_open(client, NAME, request, &given.response, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(enclave_client_prepare(
		   client, NAME, request, &given.transfer, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(enclave_client_wait(client, NAME, INT64_MAX, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(enclave_client_attest(client, NAME, 0, &given.document, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(
	    enclave_client_check_certificate(client, NAME,
		(struct enclave_client_bytes){"", 0}, &given.document, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
	expect(enclave_client_evidence_offer(client, NAME,
		   &(struct enclave_client_offer){.body = {"", 0}},
		   &given.document, error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "the client was stopped");
}
END_TEST

/* Nothing */

START_TEST(setters_take_nothing)
{
	enclave_client_config_set_ca_file(NULL, "");
	enclave_client_config_set_ca_directory(NULL, "");
	enclave_client_config_add_resolve(NULL, "");
	enclave_client_config_add_connect_to(NULL, "");
	enclave_client_config_set_tls_versions(NULL, 0, 0);
	enclave_client_config_set_http_version(NULL, 0);
	enclave_client_config_set_ip_version(NULL, 0);
	enclave_client_config_set_interface(NULL, "");
	enclave_client_config_set_client_certificate_file(NULL, "", "", "");
	enclave_client_config_set_proxy(NULL, "");
	enclave_client_config_set_user_agent(NULL, "");
	enclave_client_config_set_user_agent(NULL, NULL);
	enclave_client_config_set_polling(NULL, true);
	enclave_client_config_set_evidence_store(NULL, "");
	enclave_client_config_set_event_callback(NULL, NULL, NULL);
	enclave_client_config_set_insecure_allowed(NULL, true);
	enclave_client_config_set_insecure_allow_debug(NULL, true);
	enclave_client_config_set_insecure_nitro_root_file(NULL, "");
	enclave_client_config_set_insecure_nitro_root_mem(NULL, "", 0);
	enclave_client_config_set_insecure_key_log(NULL, true);
	enclave_client_config_free(NULL);
}
END_TEST

START_TEST(requests_take_nothing)
{
	enclave_client_request_add_header(NULL, "A", "b");
	enclave_client_request_set_body(NULL, "", 0);
	enclave_client_request_set_body_callback(NULL, NULL);
	enclave_client_request_set_timeout_ms(NULL, 0);
	enclave_client_request_set_connect_timeout_ms(NULL, 0);
	enclave_client_request_set_body_max_bytes(NULL, 0);
	enclave_client_request_set_redirects_max(NULL, 0);
	enclave_client_request_set_keep_method(NULL, true);
	enclave_client_request_set_user_agent(NULL, "");
	enclave_client_request_set_referer(NULL, "", true);
	enclave_client_request_set_range(NULL, "");
	enclave_client_request_set_basic_auth(NULL, "", "");
	enclave_client_request_set_netrc(NULL, "");
	enclave_client_request_set_compressed(NULL, true);
	enclave_client_request_set_form(NULL, true);
	enclave_client_request_set_expect_continue(NULL, true);
	enclave_client_request_set_rate_max(NULL, 0, 0);
	enclave_client_request_set_cookie(NULL, "");
	enclave_client_request_set_cookies(NULL, cookies);
	enclave_client_request_add_part(NULL, NULL);
	enclave_client_request_set_trace(NULL, NULL, NULL);
	enclave_client_request_cancel(NULL);
	enclave_client_request_free(NULL);
	enclave_client_cookies_free(NULL);
	enclave_client_transfer_free(NULL);
	ck_assert_ptr_null(enclave_client_transfer_handle(NULL));
	enclave_client_curl_detach(NULL);
	ck_assert_ptr_null(enclave_client_curl_document(NULL));
	enclave_client_stop(NULL);
	enclave_client_free(NULL);
}
END_TEST

START_TEST(getters_of_nothing_say_nothing)
{
	size_t len = 7;

	ck_assert_int_eq(enclave_client_response_status(NULL), 0);
	ck_assert_str_eq(enclave_client_response_http_version(NULL), "");
	ck_assert_ptr_null(enclave_client_response_header(NULL, "A", 0));
	ck_assert_str_eq(enclave_client_response_header_text(NULL, &len), "");
	ck_assert_uint_eq(len, 0);
	len = 7;
	ck_assert_str_eq(enclave_client_response_body(NULL, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(enclave_client_response_body(NULL, NULL), "");
	ck_assert_str_eq(enclave_client_response_header_text(NULL, NULL), "");
	ck_assert_str_eq(enclave_client_response_enclave(NULL), "");
	ck_assert_ptr_null(enclave_client_response_document(NULL));
	ck_assert_int_eq(enclave_client_response_info(
			     NULL, ENCLAVE_CLIENT_INFO_TIME_TOTAL_US),
	    0);
	ck_assert_str_eq(enclave_client_response_remote_ip(NULL), "");
	ck_assert_str_eq(enclave_client_response_local_ip(NULL), "");
	ck_assert_str_eq(enclave_client_response_url(NULL), "");
	enclave_client_response_free(NULL);
	ck_assert(!enclave_client_document_authentic(NULL));
	ck_assert(!enclave_client_document_debug(NULL));
	ck_assert(!enclave_client_document_insecure(NULL));
	ck_assert_ptr_null(enclave_client_document_module_id(NULL));
	ck_assert_int_eq(enclave_client_document_timestamp_ms(NULL), 0);
	ck_assert_int_eq(enclave_client_document_deadline_ms(NULL), 0);
	ck_assert_ptr_null(enclave_client_document_pcr(NULL, 0));
	ck_assert_ptr_null(enclave_client_document_set_label(NULL));
	ck_assert_int_eq(enclave_client_document_set_index(NULL), -1);
	ck_assert_ptr_null(enclave_client_document_json(NULL));
	enclave_client_document_free(NULL);
}
END_TEST

START_TEST(every_kind_of_event_has_its_name)
{
	static const char *const names[] = {"unknown", "attested", "refused",
	    "measurement_refused", "key_added", "expired", "poll_failed",
	    "recovered", "insecure", "store", "trust", "unknown"};

	for (int i = 0; i < COUNT(names); i++)
		ck_assert_str_eq(enclave_client_event_name(
				     (enum enclave_client_event_kind)i),
		    names[i]);
}
END_TEST

static void
add_calls(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_client_needs_a_configuration_with_a_map);
	tcase_add_test(tcase, waiting_and_attesting);
	tcase_add_test(tcase, a_timeout_of_all_time_is_none);
	tcase_add_test(tcase, names_and_what_belongs_to_them);
	tcase_add_test(tcase, a_single_enclave_is_called_by_its_origin);
	tcase_add_test(tcase, no_pins_where_the_key_is_not_named);
	tcase_add_loop_test(
	    tcase, no_pins_where_something_else_is_named, 0, COUNT(unpinnable));
	tcase_add_test(tcase, documents);
	tcase_add_test(tcase, registers_and_images);
	tcase_add_test(tcase, requests);
	tcase_add_test(tcase, transfers_for_a_multi_handle_of_ones_own);
	tcase_add_test(tcase, a_transfer_needs_places_and_ends_once);
	tcase_add_test(tcase, a_result_without_a_transfer_attests_nothing);
	tcase_add_test(tcase, easy_handles);
	tcase_add_test(tcase, tls_objects);
	tcase_add_test(tcase, a_stopped_client_does_nothing_more);
	tcase_add_test(tcase, requests_take_nothing);
}

int
main(void)
{
	Suite *suite = suite_create("client-misuse-calls");
	TCase *calls = tcase_create("calls");
	TCase *nothing = tcase_create("nothing");
	SRunner *runner;
	int failed;

	add_calls(calls);
	tcase_add_test(nothing, setters_take_nothing);
	tcase_add_test(nothing, getters_of_nothing_say_nothing);
	tcase_add_test(nothing, every_kind_of_event_has_its_name);
	suite_add_tcase(suite, calls);
	suite_add_tcase(suite, nothing);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
