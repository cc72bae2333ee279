/*
 * Torture of everything but requests: making and changing clients, asking them,
 * judging what a caller fetched himself.  torture.h says what is promised.
 */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/fixture.h"
#include "integration/line.h"
#include "integration/servers.h"
#include "integration/torture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEX48                                                                  \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NO_ENCLAVE "{\"other.example\":{\"PCR0\":\"" HEX48 "\"}}"
#define PCRS       "{\"PCR0\":\"" HEX48 "\"}"
#define FILE_MAX   65536

/* What the scene's calls gave. */
static struct {
	struct enclave_client_config *config;
	struct enclave_client *client;
	struct enclave_client_document *document;
	struct enclave_client_report *report;
	struct enclave_client_cookies *cookies;
	char *texts[3];
} given;

/* What callers have at hand. */
static struct {
	char certificate[160]; /* file names */
	char key[160];
	char store[160];
	char cookies[160];
	unsigned char *leaf;
	int leaf_len;
	char pem[FILE_MAX];
	size_t pem_len;
	char body[FILE_MAX];
	size_t body_len;
} held;

static void
clear(void)
{
	enclave_client_free(given.client);
	enclave_client_config_free(given.config);
	enclave_client_document_free(given.document);
	enclave_client_report_free(given.report);
	enclave_client_cookies_free(given.cookies);
	for (size_t i = 0; i < COUNT(given.texts); i++)
		free(given.texts[i]);
	memset(&given, 0, sizeof(given));
}

static enum enclave_client_status
text_or_memory(const char *text)
{
	return text ? ENCLAVE_CLIENT_OK : ENCLAVE_CLIENT_ERR_MEMORY;
}

/* Configurations and clients */

static void
set_everything(struct enclave_client_config *config)
{
	enclave_client_config_set_insecure_allowed(config, true);
	enclave_client_config_set_insecure_nitro_root_file(
	    config, local_enclave_text(fixture.enclave, "nitro_root"));
	enclave_client_config_set_ca_file(
	    config, local_enclave_text(fixture.enclave, "web_ca"));
	enclave_client_config_set_ca_directory(config, fixture.state);
	enclave_client_config_add_resolve(config, "a.example:443:127.0.0.1");
	enclave_client_config_add_resolve(config, "b.example:443:127.0.0.1");
	enclave_client_config_add_connect_to(config, "::127.0.0.1:1");
	enclave_client_config_set_interface(config, "lo");
	enclave_client_config_set_client_certificate_file(
	    config, held.certificate, held.key, "secret");
	enclave_client_config_set_proxy(config, "http://127.0.0.1:1");
	enclave_client_config_set_user_agent(config, "torture");
	enclave_client_config_set_evidence_store(config, held.store);
}

static enum enclave_client_status
configure(void)
{
	enum enclave_client_status status =
	    enclave_client_config_new(&given.config);

	if (status)
		return status;
	set_everything(given.config);
	return enclave_client_config_load_single(given.config, NULL,
	    "https://h.example:8443/a", PCRS, fixture.error);
}

static enum enclave_client_status
configure_from_file(void)
{
	enum enclave_client_status status =
	    enclave_client_config_new(&given.config);

	return status ? status
		      : enclave_client_config_load_file(
			    given.config, held.cookies, fixture.error);
}

static bool
configured(void)
{
	return given.config->map != NULL;
}

static bool
no_map(void)
{
	return !given.config || !given.config->map;
}

static void
make_configuration(void)
{
	ck_assert_msg(configure() == 0, "%s",
	    enclave_client_error_message(fixture.error));
}

static enum enclave_client_status
make_client(void)
{
	return client_new(
	    given.config, &fixture.clock, &given.client, fixture.error);
}

static bool
client_made(void)
{
	return given.client != NULL;
}

static bool
no_client(void)
{
	return !given.client;
}

static enum enclave_client_status
update(void)
{
	return enclave_client_update(
	    fixture.client, given.config, fixture.error);
}

static bool
knows_the_next(void)
{
	char *name = NULL;
	bool knows = !enclave_client_find(
	    fixture.client, "https://h.example:8443", &name, NULL);

	free(name);
	return knows;
}

static bool
knows_the_former(void)
{
	return !knows_the_next() &&
	       !enclave_client_wait(fixture.client, FIXTURE_NAME, 0, NULL);
}

/* Asking */

static void
make_cold(void)
{
	if (!fixture.client)
		fixture_client_with_map(NO_ENCLAVE, false);
	/* A slot made anew has no evidence and no failure held against it. */
	fixture_update_map(NO_ENCLAVE);
	fixture_update(NULL, "");
}

static void
make_warm(void)
{
	make_cold();
	fixture_get_ok("/warm");
}

static void
make_warm_and_configuration(void)
{
	make_warm();
	make_configuration();
}

static void
stay_warm(void)
{
	if (!fixture.client)
		make_warm();
}

/* One that refuses, so that the report shows why. */
static void
stay_refused(void)
{
	if (fixture.client)
		return;
	make_warm();
	fixture_update(HEX48, "");
	ck_assert_int_eq(fixture_get("/"), ENCLAVE_CLIENT_ERR_MEASUREMENT);
}

static enum enclave_client_status
report(const char *name)
{
	enum enclave_client_status status = enclave_client_report(
	    fixture.client, name, &given.report, fixture.error);

	if (status)
		return status;
	given.texts[0] = enclave_client_report_json(given.report);
	given.texts[1] = enclave_client_report_prometheus(given.report);
	given.texts[2] = enclave_client_error_json(fixture.error);
	return given.texts[0] && given.texts[1] ? text_or_memory(given.texts[2])
						: ENCLAVE_CLIENT_ERR_MEMORY;
}

static enum enclave_client_status
report_all(void)
{
	return report(NULL);
}

static enum enclave_client_status
report_one(void)
{
	return report(FIXTURE_NAME);
}

static bool
reported(void)
{
	return strstr(given.texts[0], FIXTURE_NAME) &&
	       strstr(given.texts[1], FIXTURE_NAME);
}

/* Getters keep what is whole; the JSON of the rest is not half there. */
static bool
anything(void)
{
	return true;
}

static enum enclave_client_status
ask(void)
{
	const char *url = local_enclave_url(fixture.enclave);
	enum enclave_client_status status = enclave_client_find(
	    fixture.client, url, &given.texts[0], fixture.error);

	if (!status)
		status = enclave_client_evidence_url(fixture.client,
		    FIXTURE_NAME, &given.texts[1], fixture.error);
	if (!status)
		status = enclave_client_pins(
		    fixture.client, url, &given.texts[2], fixture.error);
	return status;
}

static bool
answered(void)
{
	return !strcmp(given.texts[0], FIXTURE_NAME) && given.texts[1] &&
	       !strncmp(given.texts[2], "sha256//", 8);
}

static bool
last_is_missing(void)
{
	return !given.texts[2];
}

static enum enclave_client_status
attest(void)
{
	return enclave_client_attest(
	    fixture.client, FIXTURE_NAME, 0, &given.document, fixture.error);
}

static enum enclave_client_status
wait_for_all(void)
{
	return enclave_client_wait(fixture.client, NULL, 0, fixture.error);
}

static bool
attested(void)
{
	return given.document != NULL;
}

/* Evidence and certificates that the caller has */

static void
look_at_leaf(void)
{
	SSL_CTX *context = line_context();
	bool done = false;
	SSL *ssl = line_dial(context, &done);
	X509 *certificate = SSL_get1_peer_certificate(ssl);

	held.leaf_len = i2d_X509(certificate, &held.leaf);
	ck_assert_int_gt(held.leaf_len, 0);
	X509_free(certificate);
	line_free(ssl);
	SSL_CTX_free(context);
}

static size_t
keep_body(char *data, size_t size, size_t count, void *context)
{
	(void)context;
	ck_assert_uint_le(size * count, sizeof(held.body) - held.body_len);
	memcpy(held.body + held.body_len, data, size * count);
	held.body_len += size * count;
	return size * count;
}

static void
fetch_body(void)
{
	CURL *easy = curl_easy_init();
	char url[256];

	(void)snprintf(url, sizeof(url), "%s/.well-known/attestation",
	    local_enclave_url(fixture.enclave));
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_CAINFO,
	    local_enclave_text(fixture.enclave, "web_ca"));
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	curl_easy_cleanup(easy);
}

static void
make_cold_with_evidence(void)
{
	make_cold();
	if (held.leaf)
		return;
	look_at_leaf();
	fetch_body();
}

static enum enclave_client_status
offer(void)
{
	const struct enclave_client_offer offered = {
	    .body = {held.body, held.body_len},
	    .leaf = {held.leaf, (size_t)held.leaf_len},
	};

	return enclave_client_evidence_offer(fixture.client, FIXTURE_NAME,
	    &offered, &given.document, fixture.error);
}

static bool
no_document(void)
{
	return !given.document;
}

/* At its own time, with its JSON. */
static enum enclave_client_status
verify(void)
{
	const struct enclave_client_evidence evidence = {
	    held.body, held.body_len, ENCLAVE_CLIENT_AT_DOCUMENT};
	enum enclave_client_status status = enclave_client_document_verify(
	    fixture.config, NULL, &evidence, &given.document, fixture.error);

	if (status)
		return status;
	given.texts[0] = enclave_client_document_json(given.document);
	return text_or_memory(given.texts[0]);
}

static enum enclave_client_status
show(void)
{
	const struct enclave_client_evidence evidence = {
	    held.body, held.body_len, ENCLAVE_CLIENT_AT_DOCUMENT};
	enum enclave_client_status status = enclave_client_document_read(
	    fixture.config, &evidence, &given.document, fixture.error);

	if (status)
		return status;
	given.texts[0] = enclave_client_document_json(given.document);
	return text_or_memory(given.texts[0]);
}

static bool
verified(void)
{
	return enclave_client_document_authentic(given.document) &&
	       strstr(given.texts[0], "\"chain\"");
}

static bool
shown(void)
{
	return strstr(given.texts[0], "\"pcrs\"");
}

static bool
no_json(void)
{
	return !given.texts[0];
}

static enum enclave_client_status
reckon(void)
{
	enum enclave_client_status status = enclave_client_pcr3_from_role_arn(
	    "arn:aws:iam::123456789012:role/a", &given.texts[0], fixture.error);

	if (!status)
		status = enclave_client_pcr4_from_instance_id(
		    "i-0123456789abcdef0", &given.texts[1], fixture.error);
	if (!status)
		status = enclave_client_pcr8_from_certificate_pem(
		    held.pem, held.pem_len, &given.texts[2], fixture.error);
	return status;
}

static bool
reckoned(void)
{
	return given.texts[0] && given.texts[1] && strlen(given.texts[2]) == 96;
}

static enum enclave_client_status
keep_cookies(void)
{
	enum enclave_client_status status =
	    enclave_client_cookies_new(&given.cookies);

	if (!status)
		status = enclave_client_cookies_load_file(
		    given.cookies, held.cookies, true, fixture.error);
	return status ? status
		      : enclave_client_cookies_save_file(
			    given.cookies, "/dev/null", fixture.error);
}

static bool
cookies_kept(void)
{
	return given.cookies != NULL;
}

static const struct torture_scene scenes[] = {
    {"a configuration with everything", NULL, configure, configured, no_map,
	clear, 40, false},
    {"a configuration from a file", NULL, configure_from_file, configured,
	no_map, clear, 20, false},
    {"a client with everything", make_configuration, make_client, client_made,
	no_client, clear, 100, false},
    {"another map", make_warm_and_configuration, update, knows_the_next,
	knows_the_former, clear, 5, false},
    {"reports of all", stay_warm, report_all, reported, anything, clear, 40,
	false},
    {"a report of one that is refused", stay_refused, report_one, reported,
	anything, clear, 40, false},
    {"names, addresses and pins", stay_warm, ask, answered, last_is_missing,
	clear, 5, false},
    {"attesting alone", make_cold, attest, attested, no_document, clear, 50,
	false},
    {"waiting for what is there", stay_warm, wait_for_all, anything, anything,
	clear, 1, false},
    {"evidence that is offered", make_cold_with_evidence, offer, attested,
	no_document, clear, 20, false},
    {"a document that is verified", make_cold_with_evidence, verify, verified,
	no_json, clear, 50, false},
    {"a document that is shown", make_cold_with_evidence, show, shown, no_json,
	clear, 50, false},
    {"registers", NULL, reckon, reckoned, last_is_missing, clear, 5, false},
    {"cookies in files", NULL, keep_cookies, cookies_kept, anything, clear, 5,
	false},
};

/* The file is no cookie jar for libcurl, which takes what it can read. */
static void
write_map(void)
{
	FILE *file = fopen(held.cookies, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(fputs(NO_ENCLAVE, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
read_certificate(void)
{
	FILE *file = fopen(held.certificate, "r");

	ck_assert_ptr_nonnull(file);
	held.pem_len = fread(held.pem, 1, sizeof(held.pem), file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
setup(void)
{
	char prefix[128];

	fixture_setup();
	memset(&held, 0, sizeof(held));
	(void)snprintf(prefix, sizeof(prefix), "%s/caller", fixture.state);
	(void)snprintf(
	    held.certificate, sizeof(held.certificate), "%s.pem", prefix);
	(void)snprintf(held.key, sizeof(held.key), "%s.key", prefix);
	(void)snprintf(held.store, sizeof(held.store), "%s.store", prefix);
	(void)snprintf(held.cookies, sizeof(held.cookies), "%s.file", prefix);
	servers_mint_certificate(fixture.state, "caller.example", prefix);
	write_map();
	read_certificate();
}

static void
teardown(void)
{
	OPENSSL_free(held.leaf);
	fixture_teardown();
}

START_TEST(whichever_call_fails_the_error_is_clean)
{
	torture_run(&scenes[_i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("torture-client");
	TCase *tcase = tcase_create("torture-client");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(
	    tcase, whichever_call_fails_the_error_is_clean, 0, COUNT(scenes));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
