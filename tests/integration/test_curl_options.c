/*
 * libcurl's options against the gate: whatever a program sets on an attached
 * handle, a key that is not attested gets nothing, or the call that judges the
 * transfer says no.  Judged by what the servers' own logs say they received.
 */
#include <arpa/inet.h>
#include <enclave_client_curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/fixture.h"
#include "integration/handles.h"
#include "integration/peers.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define EVERY_PROTOCOL "all"

static CURL *easy;
static struct enclave_client_curl *attachment;
/* A valid certificate for the name, a key of its own, the enclave's evidence. */
static struct local_enclave *impostor;
static struct peer *peer;
static struct curl_slist *list;
static char path_in_state[128];

static void
setup(void)
{
	fixture_setup();
	attachment = NULL;
	impostor = NULL;
	peer = NULL;
	list = NULL;
	easy = curl_easy_init();
	ck_assert_ptr_nonnull(easy);
}

static void
teardown(void)
{
	enclave_client_curl_detach(attachment);
	curl_easy_cleanup(easy);
	curl_slist_free_all(list);
	peer_free(peer);
	if (impostor)
		ck_assert_int_eq(local_enclave_stop(impostor), 0);
	fixture_teardown();
}

/* With evidence in the cache. */
static void
warm_client(void)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/warm");
}

static void
attach(void)
{
	handles_get(easy, "/unset");
	fixture_expect(enclave_client_curl_attach(fixture.client, easy, NULL,
			   &attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
}

static void
warm_and_attached(void)
{
	warm_client();
	attach();
}

static void
start_impostor(void)
{
	const char *const arguments[] = {"--instance", "impostor", "--relay",
	    local_enclave_url(fixture.enclave), NULL};

	impostor = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(impostor);
}

/* Every connection of the handle ends there, whatever its URL says. */
static void
lead_to(int port)
{
	char entry[64];

	(void)snprintf(entry, sizeof(entry), "::127.0.0.1:%d", port);
	list = curl_slist_append(NULL, entry);
	ck_assert_ptr_nonnull(list);
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, list);
}

static void
lead_back(void)
{
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, NULL);
	curl_slist_free_all(list);
	list = NULL;
}

static enum enclave_client_status
perform(const char *path)
{
	handles_get(easy, path);
	return enclave_client_curl_perform(attachment, fixture.error);
}

static void
perform_ok(const char *path)
{
	fixture_expect(perform(path), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw(path));
}

/* What the caller's own curl_easy_perform came to. */
static enum enclave_client_status
plain(const char *path, CURLcode *ret_code)
{
	handles_get(easy, path);
	*ret_code = curl_easy_perform(easy);
	return enclave_client_curl_result(attachment, *ret_code, fixture.error);
}

static void
expect_unattested(const char *path)
{
	fixture_expect(
	    perform(path), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
}

/* It was met count times, and not one decrypted byte came. */
static void
impostor_got_nothing(size_t count)
{
	ck_assert_uint_eq(local_enclave_count(impostor, "connection"), count);
	ck_assert(local_enclave_wait_for(impostor, "closed", count, 10000));
	ck_assert_uint_eq(local_enclave_count(impostor, "received"), 0);
	ck_assert_uint_eq(local_enclave_count(impostor, "request_started"), 0);
}

static const char *
in_state(const char *name)
{
	ck_assert(snprintf(path_in_state, sizeof(path_in_state), "%s/%s",
		      fixture.state, name) < (int)sizeof(path_in_state));
	return path_in_state;
}

static bool
send_on_connection(const char *path)
{
	char request[128];
	size_t sent = 0;
	int len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

	return curl_easy_send(easy, request, (size_t)len, &sent) == CURLE_OK &&
	       sent == (size_t)len;
}

START_TEST(bare_connection_to_an_attested_key_can_be_sent_on)
{
	warm_and_attached();
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 1);
	fixture_expect(perform("/never-asked-for"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(send_on_connection("/sent"));
	ck_assert(fixture_saw_soon("\"path\":\"/sent\""));
	ck_assert(!fixture_saw("/never-asked-for"));
}
END_TEST

START_TEST(bare_connection_to_an_impostor_does_not_come_about)
{
	warm_and_attached();
	start_impostor();
	lead_to(local_enclave_port(impostor));
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 1);
	expect_unattested("/never-asked-for");
	ck_assert(!send_on_connection("/sent"));
	impostor_got_nothing(1);
}
END_TEST

START_TEST(bare_connection_without_live_evidence_does_not_come_about)
{
	fixture_client(NULL, "", false);
	attach();
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 1);
	expect_unattested("/cold");
	ck_assert(!send_on_connection("/sent"));
	ck_assert_uint_eq(fixture_handshakes(), 0);
	ck_assert_uint_eq(fixture_requests(), 0);
}
END_TEST

/* What the manual says: it was judged when it was opened, and never again. */
START_TEST(bare_connection_is_judged_once_and_never_reused)
{
	warm_and_attached();
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 1);
	fixture_expect(perform("/unused"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_uint_eq(fixture_connections(), 2);
	fixture_update(OTHER_PCR0, "");
	ck_assert(send_on_connection("/sent-after"));
	ck_assert(fixture_saw_soon("\"path\":\"/sent-after\""));
#ifdef __SANITIZE_ADDRESS__
	/* libcurl 7.88 forgets the first of a handle's two bare connections,
	 * which the leak sanitizer would count as ours. */
	return;
#endif
	fixture_expect(
	    perform("/unused"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(fixture_connections(), 3);
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 0);
	fixture_update(NULL, "");
	perform_ok("/ordinary");
	ck_assert_uint_eq(fixture_connections(), 4);
}
END_TEST

START_TEST(connection_for_websockets_is_judged_like_any)
{
	warm_and_attached();
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, 2);
	perform_ok("/upgrade");
	start_impostor();
	lead_to(local_enclave_port(impostor));
	expect_unattested("/upgrade-elsewhere");
	impostor_got_nothing(1);
	lead_back();
	fixture_update(OTHER_PCR0, "");
	fixture_expect(
	    perform("/refused"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/refused"));
}
END_TEST

static const char *const schemes[] = {"http", "ws", "wss", "ftp", "ftps",
    "file", "gopher", "gophers", "telnet", "tftp", "imap", "imaps", "pop3",
    "pop3s", "smtp", "smtps", "smb", "smbs", "rtsp", "mqtt", "ldap", "ldaps",
    "dict", "scp", "sftp"};

static size_t
count_bytes(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	*(size_t *)context += size * count;
	return size * count;
}

/* Even when the caller has allowed them all: performing allows https alone. */
START_TEST(other_protocols_connect_to_nothing)
{
	size_t read_bytes = 0;
	char url[192];

	warm_and_attached();
	(void)snprintf(url, sizeof(url), "%s://user:pw@localhost:%d%s",
	    schemes[_i], local_enclave_port(fixture.enclave), fixture.state);
	if (!strcmp(schemes[_i], "file"))
		(void)snprintf(url, sizeof(url), "file://%s",
		    local_enclave_text(fixture.enclave, "web_ca"));
	handles_set_pointer(
	    easy, CURLOPT_PROTOCOLS_STR, (void *)EVERY_PROTOCOL);
	handles_set_pointer(easy, CURLOPT_URL, url);
	handles_set_pointer(easy, CURLOPT_WRITEDATA, &read_bytes);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes), 0);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, "only https");
	ck_assert_uint_eq(fixture_connections(), 1);
	ck_assert_uint_eq(read_bytes, 0);
}
END_TEST

/* The second half alone, where the caller runs the transfer by himself. */
START_TEST(plain_http_that_the_caller_allowed_sends_nothing)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int connection;
	CURLcode code;
	char url[64];

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(
	    getsockname(listener, (struct sockaddr *)&address, &len), 0);
	warm_and_attached();
	(void)snprintf(url, sizeof(url), "http://localhost:%d/http",
	    (int)ntohs(address.sin_port));
	handles_set_pointer(
	    easy, CURLOPT_PROTOCOLS_STR, (void *)EVERY_PROTOCOL);
	handles_set_pointer(easy, CURLOPT_URL, url);
	code = curl_easy_perform(easy);
	ck_assert_int_eq(code, CURLE_ABORTED_BY_CALLBACK);
	fixture_expect(
	    enclave_client_curl_result(attachment, code, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "not https");
	connection = accept(listener, NULL, NULL);
	ck_assert_int_ge(connection, 0);
	ck_assert_int_eq(recv(connection, url, sizeof(url), 0), 0);
	(void)close(connection);
	(void)close(listener);
}
END_TEST

static void
use_unix_socket(int kind, const char *name, int port)
{
	char address[128];

	(void)snprintf(address, sizeof(address), "%s%s/%s", kind ? "@" : "",
	    fixture.state, name);
	peer = peer_new_unix(address, port);
	handles_set_pointer(easy,
	    kind ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH,
	    kind ? address + 1 : address);
}

START_TEST(unix_socket_leads_to_the_enclave)
{
	warm_and_attached();
	use_unix_socket(_i, "right", local_enclave_port(fixture.enclave));
	/* libcurl 7.88 does not reuse those with an abstract name. */
	handles_set_long(easy, CURLOPT_FORBID_REUSE, _i);
	perform_ok("/through-the-socket");
	perform_ok("/pooled");
	ck_assert_uint_eq(fixture_connections(), _i ? 3 : 2);
	fixture_update(OTHER_PCR0, "");
	fixture_expect(
	    perform("/refused"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/refused"));
}
END_TEST

START_TEST(unix_socket_of_an_impostor_gets_nothing)
{
	warm_and_attached();
	start_impostor();
	use_unix_socket(_i, "wrong", local_enclave_port(impostor));
	expect_unattested("/through-the-socket");
	impostor_got_nothing(1);
}
END_TEST

static void
attach_by_another_name(void)
{
	char map[1024];

	ck_assert(
	    snprintf(map, sizeof(map),
		"{\"enclaves\":{\"" FIXTURE_NAME
		"\":{\"url\":\"https://enclave.test:%d\",\"pcrs\":{\"PCR0\":"
		"\"%s\"}}}}",
		local_enclave_port(fixture.enclave),
		local_enclave_pcr(fixture.enclave, "0")) < (int)sizeof(map));
	fixture_client_with_map(map, false);
	attach();
}

/*
 * libcurl asks a DoH server by handles of its own, which get the first half
 * with the attachment of the handle they ask for, and no second half.
 */
START_TEST(dns_over_https_asks_nobody)
{
	char url[96];
	char doh[96];

	attach_by_another_name();
	start_impostor();
	(void)snprintf(
	    doh, sizeof(doh), "%s/dns-query", local_enclave_url(impostor));
	(void)snprintf(url, sizeof(url), "https://enclave.test:%d/secret",
	    local_enclave_port(fixture.enclave));
	handles_set_pointer(easy, CURLOPT_DOH_URL, doh);
	handles_set_pointer(easy, CURLOPT_URL, url);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert_uint_eq(local_enclave_count(impostor, "handshake"), 0);
	ck_assert_uint_eq(local_enclave_count(impostor, "request_started"), 0);
	/* What makes this test able to fail: a plain handle does ask. */
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	ck_assert_int_ne(curl_easy_perform(easy), CURLE_OK);
	ck_assert(local_enclave_log_contains(impostor, "/dns-query"));
	ck_assert_uint_eq(fixture_connections(), 0);
}
END_TEST

static int
trust_anyone(X509_STORE_CTX *context, void *argument)
{
	(void)argument;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

static CURLcode
open_wide(CURL *handle, void *ssl_ctx, void *argument)
{
	(void)handle, (void)argument;
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ssl_ctx, trust_anyone, NULL);
	return CURLE_OK;
}

static int
let_pass(
    void *argument, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	(void)argument, (void)peer_ip, (void)own_ip;
	(void)peer_port, (void)own_port;
	return CURL_PREREQFUNC_OK;
}

enum half { FIRST_HALF = 1, SECOND_HALF = 2, BOTH = 3 };

static void
replace_hooks(int halves)
{
	if (halves & FIRST_HALF)
		ck_assert_int_eq(
		    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, open_wide),
		    CURLE_OK);
	if (halves & SECOND_HALF)
		ck_assert_int_eq(
		    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, let_pass),
		    CURLE_OK);
}

/* One half still refuses; with neither the transfer is said not to be
 * attested. */
START_TEST(impostor_behind_replaced_hooks_never_counts_as_attested)
{
	CURLcode code;

	warm_and_attached();
	start_impostor();
	lead_to(local_enclave_port(impostor));
	replace_hooks(_i);
	fixture_expect(plain("/plain", &code),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    _i == BOTH ? "the gate did not run" : NULL);
	ck_assert_int_eq(code == CURLE_OK, _i == BOTH);
	ck_assert_int_eq(
	    local_enclave_log_contains(impostor, "/plain"), _i == BOTH);
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
}
END_TEST

START_TEST(performing_puts_replaced_hooks_back)
{
	CURLcode code;

	warm_and_attached();
	replace_hooks(_i);
	perform_ok("/performed");
	start_impostor();
	lead_to(local_enclave_port(impostor));
	replace_hooks(_i);
	expect_unattested("/elsewhere");
	impostor_got_nothing(1);
	/* The connection that the caller's hooks let through is in the pool. */
	if (_i != BOTH)
		return;
	replace_hooks(_i);
	(void)plain("/plain", &code);
	ck_assert_int_eq(code, CURLE_OK);
	expect_unattested("/on-the-pooled-one");
	ck_assert(!local_enclave_log_contains(impostor, "/on-the-pooled-one"));
}
END_TEST

/* The handshake was judged, the request on its pooled connection was not. */
START_TEST(pooled_request_without_the_second_half_never_counts_as_attested)
{
	CURLcode code;

	warm_and_attached();
	perform_ok("/judged");
	fixture_update(OTHER_PCR0, "");
	replace_hooks(SECOND_HALF);
	fixture_expect(plain("/not-judged", &code),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "the gate did not run");
	ck_assert_int_eq(code, CURLE_OK);
	ck_assert_uint_eq(fixture_connections(), 2);
	fixture_expect(
	    perform("/refused"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/refused"));
}
END_TEST

static size_t
take_second_half_off(char *line, size_t size, size_t count, void *context)
{
	(void)line, (void)context;
	replace_hooks(SECOND_HALF);
	return size * count;
}

/* In the middle of a transfer: its first request passed the gate. */
START_TEST(redirect_without_the_second_half_never_counts_as_attested)
{
	char path[128];

	warm_and_attached();
	(void)snprintf(path, sizeof(path), "/redirect?to=%s/landed",
	    local_enclave_url(fixture.enclave));
	handles_set_long(easy, CURLOPT_FOLLOWLOCATION, 1);
	fixture_expect(perform(path), ENCLAVE_CLIENT_OK, NULL);
	ck_assert_int_eq(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
			     take_second_half_off),
	    CURLE_OK);
	fixture_expect(perform(path), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "the gate did not run");
	ck_assert_ptr_null(enclave_client_curl_document(attachment));
}
END_TEST

static curl_socket_t
open_elsewhere(void *port, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct sockaddr_in *to = (void *)&address->addr;

	(void)purpose;
	to->sin_port = htons((uint16_t) * (int *)port);
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

START_TEST(socket_that_leads_elsewhere_gets_nothing)
{
	int port;

	warm_and_attached();
	start_impostor();
	port = local_enclave_port(impostor);
	handles_set_long(easy, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_elsewhere),
	    CURLE_OK);
	handles_set_pointer(easy, CURLOPT_OPENSOCKETDATA, &port);
	expect_unattested("/elsewhere");
	impostor_got_nothing(1);
	port = local_enclave_port(fixture.enclave);
	perform_ok("/here");
}
END_TEST

static void
write_line(const char *path, const char *line)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(line, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
use_alternative(int port)
{
	char line[160];

	(void)snprintf(line, sizeof(line),
	    "h1 localhost %d h1 localhost %d \"20991231 23:59:59\" 1 0\n",
	    local_enclave_port(fixture.enclave), port);
	write_line(in_state("alternatives"), line);
	handles_set_long(easy, CURLOPT_ALTSVC_CTRL,
	    CURLALTSVC_H1 | CURLALTSVC_H2 | CURLALTSVC_READONLYFILE);
	handles_set_pointer(
	    easy, CURLOPT_ALTSVC, (void *)in_state("alternatives"));
}

START_TEST(alternative_service_of_an_impostor_gets_nothing)
{
	warm_and_attached();
	start_impostor();
	use_alternative(local_enclave_port(impostor));
	expect_unattested("/alternative");
	impostor_got_nothing(1);
	ck_assert_uint_eq(fixture_connections(), 1);
}
END_TEST

/* libcurl makes https of the URL before it looks at the protocol. */
START_TEST(host_that_wants_https_alone_is_attested_like_any)
{
	char url[64];

	warm_and_attached();
	start_impostor();
	write_line(in_state("strict"), "localhost \"20991231 23:59:59\"\n");
	handles_set_long(
	    easy, CURLOPT_HSTS_CTRL, CURLHSTS_ENABLE | CURLHSTS_READONLYFILE);
	handles_set_pointer(easy, CURLOPT_HSTS, (void *)in_state("strict"));
	(void)snprintf(url, sizeof(url), "http://localhost:%d/upgraded",
	    local_enclave_port(fixture.enclave));
	handles_set_pointer(easy, CURLOPT_URL, url);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("/upgraded"));
	lead_to(local_enclave_port(impostor));
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	impostor_got_nothing(1);
}
END_TEST

static void
use_impostor_as_proxy(const char *host, const char *ca)
{
	char proxy[64];
	char entry[64];

	(void)snprintf(entry, sizeof(entry), "%s:%d:127.0.0.1", host,
	    local_enclave_port(impostor));
	list = curl_slist_append(NULL, entry);
	handles_set_pointer(easy, CURLOPT_RESOLVE, list);
	(void)snprintf(proxy, sizeof(proxy), "https://%s:%d", host,
	    local_enclave_port(impostor));
	handles_set_pointer(easy, CURLOPT_PROXY, proxy);
	handles_set_pointer(easy, CURLOPT_PROXYUSERPWD, (void *)"user:pw");
	handles_set_pointer(easy, CURLOPT_PROXY_CAPATH, NULL);
	handles_set_pointer(easy, CURLOPT_PROXY_CAINFO, (void *)ca);
}

static const struct {
	const char *host;
	const char *web_ca;
	enum enclave_client_status status;
} proxies[] = {
    /* Named like the enclave, it is judged like the enclave. */
    {"localhost", "good", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED},
    {"enclave.test", "foreign", ENCLAVE_CLIENT_ERR_NETWORK},
    {"enclave.test", "expired", ENCLAVE_CLIENT_ERR_NETWORK},
    {"enclave.test", "wrong-name", ENCLAVE_CLIENT_ERR_NETWORK},
};

/* Whatever curl was told not to verify of it. */
START_TEST(proxy_without_a_good_certificate_gets_nothing)
{
	char settings[64];

	warm_and_attached();
	start_impostor();
	(void)snprintf(settings, sizeof(settings), "{\"web_ca\":\"%s\"}",
	    proxies[_i].web_ca);
	ck_assert(local_enclave_set(impostor, settings));
	use_impostor_as_proxy(
	    proxies[_i].host, local_enclave_text(fixture.enclave, "web_ca"));
	handles_set_long(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0);
	fixture_expect(perform("/proxied"), proxies[_i].status, NULL);
	handles_set_long(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0);
	ck_assert_int_ne(perform("/proxied"), ENCLAVE_CLIENT_OK);
	impostor_got_nothing(2);
	ck_assert_uint_eq(fixture_connections(), 1);
}
END_TEST

/* Asks the server for something that it does not have. */
START_TEST(certificate_without_a_stapled_status_is_refused_as_asked)
{
	warm_and_attached();
	handles_set_long(easy, CURLOPT_SSL_VERIFYSTATUS, 1);
	fixture_expect(perform("/status"), ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_SSL_INVALIDCERTSTATUS);
	ck_assert(!fixture_saw("/status"));
	handles_set_long(easy, CURLOPT_SSL_VERIFYSTATUS, 0);
	perform_ok("/without");
}
END_TEST

/* "sha256//" and the Base64 of the key's digest. */
static const char *
pin_of(const struct local_enclave *enclave)
{
	static char pin[64] = "sha256//";
	const char *hex = local_enclave_text(enclave, "spki_sha256");
	unsigned char digest[32];

	ck_assert_int_eq(
	    OPENSSL_hexstr2buf_ex(digest, sizeof(digest), NULL, hex, '\0'), 1);
	(void)EVP_EncodeBlock((unsigned char *)pin + 8, digest, sizeof(digest));
	return pin;
}

START_TEST(pinned_key_is_required_beside_the_attested_one)
{
	warm_and_attached();
	start_impostor();
	handles_set_pointer(
	    easy, CURLOPT_PINNEDPUBLICKEY, (void *)pin_of(impostor));
	fixture_expect(perform("/pin"), ENCLAVE_CLIENT_ERR_NETWORK, NULL);
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_SSL_PINNEDPUBKEYNOTMATCH);
	ck_assert(!fixture_saw("/pin"));
	/* The impostor's own pin does not vouch for it. */
	lead_to(local_enclave_port(impostor));
	expect_unattested("/pinned-impostor");
	impostor_got_nothing(1);
	lead_back();
	handles_set_pointer(
	    easy, CURLOPT_PINNEDPUBLICKEY, (void *)pin_of(fixture.enclave));
	perform_ok("/right-pin");
}
END_TEST

static const long ssl_options[] = {CURLSSLOPT_ALLOW_BEAST, CURLSSLOPT_NO_REVOKE,
    CURLSSLOPT_NO_PARTIALCHAIN, CURLSSLOPT_REVOKE_BEST_EFFORT,
    CURLSSLOPT_NATIVE_CA, CURLSSLOPT_AUTO_CLIENT_CERT};

START_TEST(ssl_options_change_no_verdict)
{
	warm_and_attached();
	start_impostor();
	handles_set_long(easy, CURLOPT_SSL_OPTIONS, ssl_options[_i]);
	perform_ok("/attested");
	lead_to(local_enclave_port(impostor));
	expect_unattested("/impostor");
	impostor_got_nothing(1);
	lead_back();
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	fixture_set("{\"web_ca\":\"foreign\"}");
	fixture_expect(
	    perform("/foreign"), ENCLAVE_CLIENT_ERR_NETWORK, "TLS certificate");
	ck_assert(!fixture_saw("/foreign"));
}
END_TEST

START_TEST(unknown_engine_and_tls_passwords_change_no_verdict)
{
	warm_and_attached();
	start_impostor();
	ck_assert_int_ne(
	    curl_easy_setopt(easy, CURLOPT_SSLENGINE, "no-such-engine"),
	    CURLE_OK);
	perform_ok("/attested");
	lead_to(local_enclave_port(impostor));
	expect_unattested("/engine");
	/* A build without SRP knows none of these. */
	(void)curl_easy_setopt(easy, CURLOPT_TLSAUTH_TYPE, "SRP");
	(void)curl_easy_setopt(easy, CURLOPT_TLSAUTH_USERNAME, "user");
	(void)curl_easy_setopt(easy, CURLOPT_TLSAUTH_PASSWORD, "pw");
	ck_assert_int_ne(perform("/passwords"), ENCLAVE_CLIENT_OK);
	impostor_got_nothing(2);
}
END_TEST

/*
 * Cipher suites without a certificate call no verify callback: only the second
 * half is left.
 */
START_TEST(connection_without_a_certificate_gets_nothing)
{
	CURLcode code;

	warm_and_attached();
	peer = peer_new_anonymous();
	lead_to(peer_port(peer));
	handles_set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_MAX_TLSv1_2);
	handles_set_pointer(easy, CURLOPT_SSL_CIPHER_LIST,
	    (void *)"AECDH-AES256-SHA:@SECLEVEL=0");
	handles_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0);
	handles_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0);
	handles_set_long(easy, CURLOPT_CONNECT_ONLY, _i);
	fixture_expect(perform("/anonymous"),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no handshake of this client");
	ck_assert(!send_on_connection("/sent"));
	for (int i = 0; peer_ended(peer) < 1 && i < 1000; i++)
		(void)usleep(10000);
	ck_assert_uint_eq(peer_handshakes(peer), 1);
	ck_assert_uint_eq(peer_received_bytes(peer), 0);
	/* What makes this test able to fail: a plain handle does send. */
	if (_i)
		return;
	enclave_client_curl_detach(attachment);
	attachment = NULL;
	code = curl_easy_perform(easy);
	ck_assert_int_eq(code, CURLE_OK);
	ck_assert_uint_gt(peer_received_bytes(peer), 0);
}
END_TEST

static CURLU *
parse(const char *origin, const char *path)
{
	CURLU *url = curl_url();
	char text[128];

	ck_assert_ptr_nonnull(url);
	(void)snprintf(text, sizeof(text), "%s%s", origin, path);
	ck_assert_int_eq(curl_url_set(url, CURLUPART_URL, text, 0), CURLUE_OK);
	return url;
}

/*
 * libcurl connects for the parsed URL, and where both are set tells the other
 * one as the effective URL.
 */
START_TEST(parsed_url_beside_a_written_one_gets_nothing_elsewhere)
{
	CURLU *url;

	warm_and_attached();
	start_impostor();
	url = parse(local_enclave_url(impostor), "/parsed");
	handles_set_pointer(easy, CURLOPT_CURLU, url);
	ck_assert_int_ne(perform("/written"), ENCLAVE_CLIENT_OK);
	/* libcurl 8.14 asks before it connects. */
	ck_assert_uint_le(local_enclave_count(impostor, "connection"), 1);
	impostor_got_nothing(local_enclave_count(impostor, "connection"));
	handles_set_pointer(easy, CURLOPT_CURLU, NULL);
	perform_ok("/written-again");
	curl_url_cleanup(url);
}
END_TEST

START_TEST(parsed_url_alone_is_judged)
{
	CURLU *url;

	warm_and_attached();
	start_impostor();
	url = parse(local_enclave_url(fixture.enclave), "/parsed");
	handles_set_pointer(easy, CURLOPT_URL, NULL);
	handles_set_pointer(easy, CURLOPT_CURLU, url);
	fixture_expect(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("/parsed"));
	curl_url_cleanup(url);
	url = parse(local_enclave_url(impostor), "/elsewhere");
	handles_set_pointer(easy, CURLOPT_CURLU, url);
	ck_assert_int_ne(enclave_client_curl_perform(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK);
	impostor_got_nothing(local_enclave_count(impostor, "connection"));
	handles_set_pointer(easy, CURLOPT_CURLU, NULL);
	curl_url_cleanup(url);
}
END_TEST

/* The request line names another host; the connection is the enclave's. */
START_TEST(request_target_moves_no_request)
{
	char target[96];

	warm_and_attached();
	start_impostor();
	(void)snprintf(
	    target, sizeof(target), "%s/target", local_enclave_url(impostor));
	handles_set_pointer(easy, CURLOPT_REQUEST_TARGET, target);
	fixture_expect(perform("/path"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(fixture_saw("/target"));
	ck_assert_uint_eq(local_enclave_count(impostor, "connection"), 0);
	fixture_update(OTHER_PCR0, "");
	handles_set_pointer(
	    easy, CURLOPT_REQUEST_TARGET, (void *)"/refused-target");
	fixture_expect(perform("/path"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/refused-target"));
}
END_TEST

/* A line in clear text goes before TLS; it names addresses, and no more. */
START_TEST(addresses_before_the_handshake_are_all_that_is_sent)
{
	warm_and_attached();
	handles_set_long(easy, CURLOPT_HAPROXYPROTOCOL, 1);
	ck_assert_int_ne(perform("/announced"), ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/announced"));
	ck_assert_uint_eq(fixture_handshakes(), 1);
}
END_TEST

/* A body in two pieces; the policy changes between them. */
static struct {
	bool paused;  /* by its read callback; else it awaits 100 Continue */
	bool asks;    /* before each piece, whether it may be sent */
	bool changed; /* the policy */
	int pieces;
	enum enclave_client_status answer;
} body;

static void
change_policy(void)
{
	if (!body.changed)
		fixture_update(OTHER_PCR0, "");
	body.changed = true;
}

static size_t
give_piece(char *buffer, size_t size, size_t count, void *context)
{
	(void)size, (void)count, (void)context;
	if (body.paused && body.pieces == 1 && !body.changed)
		return CURL_READFUNC_PAUSE;
	if (body.asks) {
		body.answer =
		    enclave_client_curl_check(attachment, fixture.error);
		if (body.answer)
			return CURL_READFUNC_ABORT;
	}
	if (body.pieces == 2)
		return 0;
	memcpy(buffer, body.pieces++ ? "second-piece" : "first-pieces", 12);
	return 12;
}

static int
go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)context, (void)a, (void)b, (void)c, (void)d;
	if (!body.paused || body.pieces != 1 || body.changed)
		return 0;
	change_policy();
	ck_assert_int_eq(curl_easy_pause(easy, CURLPAUSE_CONT), CURLE_OK);
	return 0;
}

static size_t
take_continue(char *line, size_t size, size_t count, void *context)
{
	(void)context;
	if (!body.paused && size * count > 12 && !memcmp(line + 9, "100", 3))
		change_policy();
	return size * count;
}

static void
upload(void)
{
	list = curl_slist_append(NULL, "Transfer-Encoding: chunked");
	list = curl_slist_append(
	    list, body.paused ? "Expect:" : "Expect: 100-continue");
	ck_assert_ptr_nonnull(list);
	handles_set_pointer(easy, CURLOPT_HTTPHEADER, list);
	handles_set_long(easy, CURLOPT_POST, 1);
	/* For the server's word, however long it takes. */
	handles_set_long(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 60000);
	handles_set_long(easy, CURLOPT_NOPROGRESS, 0);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_piece), 0);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_continue), 0);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, go_on), 0);
}

START_TEST(body_goes_on_after_a_withdrawal_unless_the_caller_asks)
{
	const char *last;

	memset(&body, 0, sizeof(body));
	body.paused = _i & 1;
	body.asks = _i & 2;
	last = body.paused ? "second-piece" : "first-pieces";
	warm_and_attached();
	upload();
	if (body.asks)
		fixture_expect(
		    perform("/upload"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	else
		fixture_expect(perform("/upload"), ENCLAVE_CLIENT_OK, NULL);
	ck_assert(body.changed);
	ck_assert_int_eq(body.answer,
	    body.asks ? ENCLAVE_CLIENT_ERR_MEASUREMENT : ENCLAVE_CLIENT_OK);
	if (body.asks)
		ck_assert(local_enclave_wait_for(
		    fixture.enclave, "closed", 1, 10000));
	ck_assert_int_eq(fixture_saw(last), !body.asks);
}
END_TEST

#define TRAILER_MARKER "s3cr3t-trailer"

static int
give_trailer(struct curl_slist **trailers, void *context)
{
	size_t *asked = context;

	++*asked;
	*trailers = curl_slist_append(*trailers, "X-Late: " TRAILER_MARKER);
	return *trailers ? CURL_TRAILERFUNC_OK : CURL_TRAILERFUNC_ABORT;
}

static void
upload_with_trailer(size_t *asked)
{
	upload();
	list = curl_slist_append(list, "Trailer: X-Late");
	handles_set_pointer(easy, CURLOPT_HTTPHEADER, list);
	handles_set_pointer(easy, CURLOPT_TRAILERDATA, asked);
	ck_assert_int_eq(
	    curl_easy_setopt(easy, CURLOPT_TRAILERFUNCTION, give_trailer), 0);
}

START_TEST(impostor_gets_no_trailer)
{
	char way[64];
	struct curl_slist *ways;
	size_t asked = 0;

	memset(&body, 0, sizeof(body));
	body.paused = body.changed = true;
	warm_and_attached();
	start_impostor();
	upload_with_trailer(&asked);
	/* The control: an attested key gets it. */
	perform_ok("/upload");
	ck_assert(fixture_saw(TRAILER_MARKER));
	ck_assert_uint_eq(asked, 1);
	body.pieces = 0;
	(void)snprintf(
	    way, sizeof(way), "::127.0.0.1:%d", local_enclave_port(impostor));
	ways = curl_slist_append(NULL, way);
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, ways);
	expect_unattested("/upload");
	impostor_got_nothing(1);
	ck_assert(!local_enclave_log_contains(impostor, TRAILER_MARKER));
	ck_assert_uint_eq(asked, 1);
	handles_set_pointer(easy, CURLOPT_CONNECT_TO, NULL);
	curl_slist_free_all(ways);
}
END_TEST

/* The loop's number: withdrawn after a pause, or by the time of the 100. */
START_TEST(withdrawn_key_gets_no_trailer_where_the_caller_asks)
{
	size_t asked = 0;

	memset(&body, 0, sizeof(body));
	body.paused = _i & 1;
	body.asks = true;
	warm_and_attached();
	upload_with_trailer(&asked);
	fixture_expect(
	    perform("/upload"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(body.changed);
	ck_assert(local_enclave_wait_for(fixture.enclave, "closed", 1, 10000));
	ck_assert(!fixture_saw(TRAILER_MARKER));
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* The reason is told for as long as the transfer lasts. */
START_TEST(refused_body_stays_refused)
{
	warm_and_attached();
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no request");
	perform_ok("/between");
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, "no request");
	handles_get(easy, "/judged");
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	/* What the last transfer's check left is not about this one. */
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	fixture_update(OTHER_PCR0, "");
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_str_eq(
	    enclave_client_error_enclave(fixture.error), FIXTURE_NAME);
	fixture_update(NULL, "");
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	fixture_expect(
	    enclave_client_curl_result(attachment, CURLE_OK, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
}
END_TEST

START_TEST(body_ends_with_the_client)
{
	warm_and_attached();
	handles_get(easy, "/judged");
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	enclave_client_stop(fixture.client);
	fixture_expect(enclave_client_curl_check(attachment, fixture.error),
	    ENCLAVE_CLIENT_ERR_CANCELLED, "stopped");
	fixture_expect(enclave_client_curl_check(NULL, fixture.error),
	    ENCLAVE_CLIENT_ERR_USAGE, "no attachment");
}
END_TEST

static void
add_facts_of_connections(TCase *tcase)
{
	tcase_add_test(
	    tcase, bare_connection_to_an_attested_key_can_be_sent_on);
	tcase_add_test(
	    tcase, bare_connection_to_an_impostor_does_not_come_about);
	tcase_add_test(
	    tcase, bare_connection_without_live_evidence_does_not_come_about);
	tcase_add_test(tcase, bare_connection_is_judged_once_and_never_reused);
	tcase_add_test(tcase, connection_for_websockets_is_judged_like_any);
	tcase_add_loop_test(tcase, other_protocols_connect_to_nothing, 0,
	    sizeof(schemes) / sizeof(schemes[0]));
	tcase_add_test(tcase, plain_http_that_the_caller_allowed_sends_nothing);
	tcase_add_loop_test(tcase, unix_socket_leads_to_the_enclave, 0, 2);
	tcase_add_loop_test(
	    tcase, unix_socket_of_an_impostor_gets_nothing, 0, 2);
	tcase_add_test(tcase, dns_over_https_asks_nobody);
	tcase_add_test(tcase, socket_that_leads_elsewhere_gets_nothing);
	tcase_add_test(tcase, alternative_service_of_an_impostor_gets_nothing);
	tcase_add_test(tcase, host_that_wants_https_alone_is_attested_like_any);
	tcase_add_loop_test(tcase,
	    proxy_without_a_good_certificate_gets_nothing, 0,
	    sizeof(proxies) / sizeof(proxies[0]));
	tcase_add_test(
	    tcase, addresses_before_the_handshake_are_all_that_is_sent);
}

static void
add_hooks(TCase *tcase)
{
	tcase_add_loop_test(tcase,
	    impostor_behind_replaced_hooks_never_counts_as_attested, FIRST_HALF,
	    BOTH + 1);
	tcase_add_loop_test(
	    tcase, performing_puts_replaced_hooks_back, FIRST_HALF, BOTH + 1);
	tcase_add_test(tcase,
	    pooled_request_without_the_second_half_never_counts_as_attested);
	tcase_add_test(
	    tcase, redirect_without_the_second_half_never_counts_as_attested);
}

static void
add_tls_and_urls(TCase *tcase)
{
	tcase_add_test(
	    tcase, certificate_without_a_stapled_status_is_refused_as_asked);
	tcase_add_test(tcase, pinned_key_is_required_beside_the_attested_one);
	tcase_add_loop_test(tcase, ssl_options_change_no_verdict, 0,
	    sizeof(ssl_options) / sizeof(ssl_options[0]));
	tcase_add_test(
	    tcase, unknown_engine_and_tls_passwords_change_no_verdict);
	tcase_add_loop_test(
	    tcase, connection_without_a_certificate_gets_nothing, 0, 2);
	tcase_add_test(
	    tcase, parsed_url_beside_a_written_one_gets_nothing_elsewhere);
	tcase_add_test(tcase, parsed_url_alone_is_judged);
	tcase_add_test(tcase, request_target_moves_no_request);
}

int
main(void)
{
	Suite *suite = suite_create("curl options");
	TCase *tcase = tcase_create("an attached handle");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	add_facts_of_connections(tcase);
	add_hooks(tcase);
	add_tls_and_urls(tcase);
	tcase_add_loop_test(tcase,
	    body_goes_on_after_a_withdrawal_unless_the_caller_asks, 0, 4);
	tcase_add_test(tcase, impostor_gets_no_trailer);
	tcase_add_loop_test(
	    tcase, withdrawn_key_gets_no_trailer_where_the_caller_asks, 0, 2);
	tcase_add_test(tcase, refused_body_stays_refused);
	tcase_add_test(tcase, body_ends_with_the_client);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
