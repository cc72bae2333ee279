/*
 * The matrix of the gate, judged by the server's log: {good key, wrong key,
 * expired, changed policy, removed} x {fresh, pooled, resumed, shared pool,
 * shared sessions} in one test, and a test for each of {TLS 1.2, 1.3} x
 * {HTTP/1.1, 2} x {direct, CONNECT, HTTPS proxy}: 300 cells.  None of them is
 * impossible; a wrong key can't have been let into a pool by an attached
 * handle, so there a plain one of the same program has opened the connection.
 *
 * The server is nginx, whose access log names URL, protocol, TLS version,
 * whether the session was resumed, and the connection.
 */
#include <enclave_client_curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/pem.h>

#include "integration/fixture.h"
#include "integration/handles.h"
#include "integration/servers.h"
#include "local_enclave/harness.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MAX_AGE_MS 600000
#define LINE_BYTES 256

enum state { GOOD, WRONG_KEY, EXPIRED, CHANGED_POLICY, REMOVED, STATES };
enum kind { FRESH, POOLED, RESUMED, SHARED_POOL, SHARED_SESSIONS, KINDS };
enum route { DIRECT, CONNECT, HTTPS_PROXY, ROUTES };

static const struct {
	const char *name;
	enum enclave_client_status status;
} states[STATES] = {
    [GOOD] = {"good key", ENCLAVE_CLIENT_OK},
    [WRONG_KEY] = {"wrong key", ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED},
    [EXPIRED] = {"expired", ENCLAVE_CLIENT_ERR_TOO_OLD},
    [CHANGED_POLICY] = {"changed policy", ENCLAVE_CLIENT_ERR_MEASUREMENT},
    [REMOVED] = {"removed", ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE},
};
static const char *const kinds[KINDS] = {
    "fresh", "pooled", "resumed", "shared pool", "shared sessions"};

/* The test's number: TLS version, HTTP version, route. */
enum { TRANSPORTS = 2 * 2 * ROUTES };

static struct server nginx;
static struct server tinyproxy;
static struct server haproxy;
static bool http2;
static const char *tls;
static enum route route;
static char origin[64];
static char folder[128];

static const char *
in_folder(const char *name)
{
	static char paths[4][192];
	static size_t next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", fixture.state, name);
	return path;
}

static void
teardown(void)
{
	servers_stop(&haproxy);
	servers_stop(&tinyproxy);
	servers_stop(&nginx);
	fixture_teardown();
}

static void
start_proxies(void)
{
	(void)snprintf(folder, sizeof(folder), "%s", in_folder("tinyproxy"));
	(void)mkdir(folder, 0700);
	tinyproxy = servers_start_tinyproxy(folder);
	if (route != HTTPS_PROXY)
		return;
	servers_mint_certificate(
	    fixture.state, "proxy.test", in_folder("proxy"));
	(void)snprintf(folder, sizeof(folder), "%s", in_folder("haproxy"));
	(void)mkdir(folder, 0700);
	haproxy = servers_start_haproxy(
	    folder, in_folder("proxy.both"), &tinyproxy.port, 1);
}

/* A server whose key the evidence names, and evidence of another key. */
static void
start_servers(int transport)
{
	struct nginx_options options;

	tls = transport % 2 ? "TLSv1.3" : "TLSv1.2";
	http2 = transport / 2 % 2;
	route = (enum route)(transport / 4);
	servers_mint_certificate(
	    fixture.state, "localhost", in_folder("server"));
	servers_mint_certificate(
	    fixture.state, "localhost", in_folder("other"));
	servers_mint_evidence(
	    fixture.state, in_folder("server.pem"), in_folder("server.json"));
	servers_mint_evidence(
	    fixture.state, in_folder("other.pem"), in_folder("other.json"));
	(void)snprintf(folder, sizeof(folder), "%s", in_folder("nginx"));
	(void)mkdir(folder, 0700);
	options = (struct nginx_options){
	    .tls = tls,
	    .certificate_prefix = in_folder("server"),
	};
	nginx = servers_start_nginx(folder, &options);
	(void)snprintf(
	    origin, sizeof(origin), "https://localhost:%d", nginx.port);
	if (route != DIRECT)
		start_proxies();
}

static const char *
map_text(const char *pcr0)
{
	static char map[1024];

	(void)snprintf(map, sizeof(map),
	    "{\"enclaves\":{\"" FIXTURE_NAME
	    "\":{\"url\":\"%s\",\"max_age_ms\":%d,"
	    "\"pcrs\":{\"PCR0\":\"%s\"}}}}",
	    origin, MAX_AGE_MS,
	    pcr0 ? pcr0 : local_enclave_pcr(fixture.enclave, "0"));
	return map;
}

static size_t
read_whole(const char *path, char *buffer, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(buffer, 1, size, file);
	(void)fclose(file);
	return len;
}

/* The client is offered the evidence in name.json for the key in key.pem. */
static void
offer_evidence(
    const char *key, const char *name, enum enclave_client_status expected)
{
	static char body[32768];
	char path[192];
	unsigned char *der = NULL;
	struct enclave_client_offer offer = {0};
	FILE *file;
	X509 *certificate;

	(void)snprintf(path, sizeof(path), "%s/%s.pem", fixture.state, key);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	ck_assert_ptr_nonnull(certificate);
	offer.leaf.len = (size_t)i2d_X509(certificate, &der);
	offer.leaf.data = der;
	(void)snprintf(path, sizeof(path), "%s/%s.json", fixture.state, name);
	offer.body.data = body;
	offer.body.len = read_whole(path, body, sizeof(body));
	fixture_expect(enclave_client_evidence_offer(fixture.client,
			   FIXTURE_NAME, &offer, NULL, fixture.error),
	    expected, NULL);
	X509_free(certificate);
	OPENSSL_free(der);
}

/* The client learns of the key in name.pem by the evidence in name.json. */
static void
make_known(const char *name)
{
	offer_evidence(name, name, ENCLAVE_CLIENT_OK);
}

static void
enter_state(enum state state)
{
	switch (state) {
	case EXPIRED:
		fixture_advance_ms(MAX_AGE_MS + 1000);
		break;
	case CHANGED_POLICY:
		fixture_update_map(map_text(OTHER_PCR0));
		break;
	case REMOVED:
		fixture_update_map(
		    "{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}");
		break;
	default:
		break;
	}
}

static struct curl_slist *proxy_address;

static void
take_route(CURL *easy)
{
	char proxy[64];

	if (route == DIRECT)
		return;
	if (route == CONNECT) {
		(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d",
		    tinyproxy.port);
		handles_set_pointer(easy, CURLOPT_PROXY, proxy);
		return;
	}
	(void)snprintf(
	    proxy, sizeof(proxy), "https://proxy.test:%d", haproxy.port);
	handles_set_pointer(easy, CURLOPT_PROXY, proxy);
	handles_set_pointer(easy, CURLOPT_PROXY_CAPATH, NULL);
	handles_set_pointer(easy, CURLOPT_PROXY_CAINFO,
	    (void *)local_enclave_text(fixture.enclave, "web_ca"));
	handles_set_pointer(easy, CURLOPT_RESOLVE, proxy_address);
}

/* One cell's handles. */
struct cell {
	enum state state;
	enum kind kind;
	char name[64];
	char path[32];  /* the request that is judged */
	char prior[32]; /* the one before it, which left something behind */
	CURLSH *share;
	CURL *easy;
	CURL *other; /* whoever went before, where it is another handle */
	struct enclave_client_curl *attachment;
};

static CURL *
new_handle(const struct cell *cell, const char *path)
{
	CURL *easy = curl_easy_init();

	ck_assert_ptr_nonnull(easy);
	handles_get_from(easy, origin, path);
	handles_set_long(easy, CURLOPT_HTTP_VERSION,
	    http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	take_route(easy);
	if (cell->share)
		handles_set_pointer(easy, CURLOPT_SHARE, cell->share);
	handles_set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 1);
	return easy;
}

static struct enclave_client_curl *
attach(CURL *easy)
{
	struct enclave_client_curl *attachment = NULL;

	fixture_expect(enclave_client_curl_attach(fixture.client, easy, NULL,
			   &attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
	return attachment;
}

/*
 * What went before.  A session is left by a plain handle, which libcurl keeps
 * for certain; a connection by an attached one, where the key was good then.
 */
static void
go_before(struct cell *cell)
{
	bool plain = cell->state == WRONG_KEY || cell->kind == RESUMED ||
		     cell->kind == SHARED_SESSIONS;
	bool same = cell->kind == POOLED || cell->kind == RESUMED;
	struct enclave_client_curl *attachment = NULL;
	CURL *easy;

	if (cell->kind == FRESH)
		return;
	easy =
	    same ? cell->easy : (cell->other = new_handle(cell, cell->prior));
	handles_get_from(easy, origin, cell->prior);
	if (!plain)
		attachment = attach(easy);
	ck_assert_msg(
	    curl_easy_perform(easy) == CURLE_OK, "before: %s", cell->name);
	enclave_client_curl_detach(attachment);
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, cell->kind == RESUMED);
	handles_get_from(easy, origin, cell->path);
}

static void
clear_cell(struct cell *cell)
{
	enclave_client_curl_detach(cell->attachment);
	curl_easy_cleanup(cell->easy);
	curl_easy_cleanup(cell->other);
	if (cell->share)
		ck_assert_int_eq(curl_share_cleanup(cell->share), CURLSHE_OK);
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture.client = NULL;
	fixture.config = NULL;
	fixture.wall_offset_ms = 0;
	fixture.boot_offset_ms = 0;
}

/* What nginx was told before this is in its log once this is. */
static void
pass_barrier(const struct cell *cell)
{
	char path[48];
	CURL *easy = curl_easy_init();

	(void)snprintf(path, sizeof(path), "/barrier%s", cell->path);
	handles_get_from(easy, origin, path);
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	curl_easy_cleanup(easy);
	ck_assert(servers_wait_logged(&nginx, path, NULL, 0));
}

struct logged {
	char protocol[16];
	char tls[16];
	char resumed[4];
	char connection[24];
};

/* Copies the word at text, unless ret_word is NULL; gives what follows it, or
 * NULL where there is none or it does not fit. */
static const char *
word(const char *text, char *ret_word, size_t size)
{
	size_t blanks = strspn(text, " ");
	size_t len = strcspn(text + blanks, " \n");

	if (len == 0 || (ret_word && len >= size))
		return NULL;
	if (ret_word) {
		memcpy(ret_word, text + blanks, len);
		ret_word[len] = '\0';
	}
	return text + blanks + len;
}

static struct logged
look_up(const struct cell *cell, const char *path)
{
	struct logged logged;
	const char *next;
	char line[LINE_BYTES];

	ck_assert_msg(servers_wait_logged(&nginx, path, line, sizeof(line)),
	    "%s: nothing arrived", cell->name);
	ck_assert_ptr_nonnull(next = word(line, NULL, 0));
	ck_assert_ptr_nonnull(
	    next = word(next, logged.protocol, sizeof(logged.protocol)));
	ck_assert_ptr_nonnull(
	    next = word(next, logged.tls, sizeof(logged.tls)));
	ck_assert_ptr_nonnull(
	    next = word(next, logged.resumed, sizeof(logged.resumed)));
	ck_assert_ptr_nonnull(
	    word(next, logged.connection, sizeof(logged.connection)));
	return logged;
}

static void
expect_served(const struct cell *cell)
{
	struct logged logged = look_up(cell, cell->path);
	bool pooled = cell->kind == POOLED || cell->kind == SHARED_POOL;

	ck_assert_str_eq(logged.protocol, http2 ? "HTTP/2.0" : "HTTP/1.1");
	ck_assert_str_eq(logged.tls, tls);
	ck_assert_msg(!strcmp(logged.resumed, "."), "%s: resumed", cell->name);
	if (cell->kind != FRESH) {
		struct logged prior = look_up(cell, cell->prior);
		ck_assert_msg(
		    pooled == !strcmp(prior.connection, logged.connection),
		    "%s: connections %s and %s", cell->name, prior.connection,
		    logged.connection);
	}
}

static void
run_cell(enum state state, enum kind kind)
{
	struct cell cell = {.state = state, .kind = kind};
	enum enclave_client_status status;
	long port = 0;

	(void)snprintf(cell.name, sizeof(cell.name), "%s, %s",
	    states[state].name, kinds[kind]);
	(void)snprintf(
	    cell.path, sizeof(cell.path), "/cell-%d-%d", state, kind);
	(void)snprintf(
	    cell.prior, sizeof(cell.prior), "/prior-%d-%d", state, kind);
	fixture_client_with_map(map_text(NULL), false);
	make_known(state == WRONG_KEY ? "other" : "server");
	if (kind == SHARED_POOL || kind == SHARED_SESSIONS)
		cell.share = handles_share(kind == SHARED_POOL
					       ? CURL_LOCK_DATA_CONNECT
					       : CURL_LOCK_DATA_SSL_SESSION);
	cell.easy = new_handle(&cell, cell.path);
	go_before(&cell);
	enter_state(state);
	cell.attachment = attach(cell.easy);
	status = enclave_client_curl_perform(cell.attachment, fixture.error);
	ck_assert_msg(status == states[state].status, "%s: %s (%s)", cell.name,
	    enclave_client_status_name(status),
	    enclave_client_error_message(fixture.error));
	if (state == GOOD) {
		(void)curl_easy_getinfo(
		    cell.easy, CURLINFO_PRIMARY_PORT, &port);
		ck_assert_int_eq(port, route == DIRECT    ? nginx.port
				       : route == CONNECT ? tinyproxy.port
							  : haproxy.port);
	}
	clear_cell(&cell);
	pass_barrier(&cell);
	if (state == GOOD)
		expect_served(&cell);
	else
		ck_assert_msg(!servers_logged(&nginx, cell.path, NULL, 0),
		    "%s: it arrived", cell.name);
}

/* What makes the cells of sessions able to fail: plain handles resume. */
static void
expect_that_plain_handles_resume(void)
{
	struct cell cell = {.kind = RESUMED, .name = "plain"};
	CURL *easy;

	easy = new_handle(&cell, "/plain-1");
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	handles_get_from(easy, origin, "/plain-2");
	handles_set_long(easy, CURLOPT_FRESH_CONNECT, 1);
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	curl_easy_cleanup(easy);
	ck_assert_str_eq(look_up(&cell, "/plain-2").resumed, "r");
}

START_TEST(twenty_five_cells)
{
	char address[64];

	start_servers(_i);
	(void)snprintf(
	    address, sizeof(address), "proxy.test:%d:127.0.0.1", haproxy.port);
	proxy_address = curl_slist_append(NULL, address);
	expect_that_plain_handles_resume();
	for (int state = 0; state < STATES; state++)
		for (int kind = 0; kind < KINDS; kind++)
			run_cell((enum state)state, (enum kind)kind);
	curl_slist_free_all(proxy_address);
}
END_TEST

/* Which of two servers it was. */
static bool
arrived_at(
    const struct server *one, const struct server *other, const char *path)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 1000; i++) {
		if (servers_logged(one, path, NULL, 0))
			return true;
		if (servers_logged(other, path, NULL, 0))
			return false;
		(void)nanosleep(&pause, NULL);
	}
	ck_abort_msg("%s arrived nowhere", path);
}

static struct server other_nginx;

/* One of eight connections goes to nginx, the rest to the other. */
static void
start_balanced(void)
{
	struct nginx_options options = {.tls = "TLSv1.3"};
	int ports[8];

	start_servers(2 + 1);
	options.certificate_prefix = in_folder("other");
	(void)snprintf(folder, sizeof(folder), "%s", in_folder("nginx-other"));
	(void)mkdir(folder, 0700);
	other_nginx = servers_start_nginx(folder, &options);
	ports[0] = nginx.port;
	for (int i = 1; i < 8; i++)
		ports[i] = other_nginx.port;
	(void)snprintf(folder, sizeof(folder), "%s", in_folder("haproxy"));
	(void)mkdir(folder, 0700);
	haproxy = servers_start_haproxy(folder, NULL, ports, 8);
	(void)snprintf(
	    origin, sizeof(origin), "https://localhost:%d", haproxy.port);
}

static void
perform_ok(const struct cell *cell, const char *path)
{
	handles_get_from(cell->easy, origin, path);
	fixture_expect(
	    enclave_client_curl_perform(cell->attachment, fixture.error),
	    ENCLAVE_CLIENT_OK, NULL);
}

/* Whose only connection is nginx's. */
static void
connect_to_nginx(struct cell *cell)
{
	bool there = false;

	for (int i = 0; i < 16 && !there; i++) {
		(void)snprintf(cell->path, sizeof(cell->path), "/first-%d", i);
		enclave_client_curl_detach(cell->attachment);
		curl_easy_cleanup(cell->easy);
		cell->easy = new_handle(cell, cell->path);
		cell->attachment = attach(cell->easy);
		perform_ok(cell, cell->path);
		there = arrived_at(&nginx, &other_nginx, cell->path);
	}
	ck_assert(there);
}

/*
 * The key of the pool's one connection is withdrawn, another key counts.
 * libcurl keeps that connection, whose streams ended, and matches it first.
 */
START_TEST(withdrawn_connection_of_http2_is_left_for_another)
{
	struct cell cell = {.kind = POOLED, .name = "withdrawn"};

	start_balanced();
	ck_assert(local_enclave_mint(
	    (const char *const[]){"--state", fixture.state, "--spki-of",
		in_folder("server.pem"), "--format", "json", "--pcr",
		"0=" OTHER_PCR0, "--out", in_folder("withdrawn.json"), NULL}));
	fixture_client_with_map(map_text(NULL), false);
	make_known("server");
	make_known("other");
	connect_to_nginx(&cell);
	offer_evidence("server", "withdrawn", ENCLAVE_CLIENT_ERR_MEASUREMENT);
	for (int i = 0; i < 3; i++)
		perform_ok(&cell, "/later");
	clear_cell(&cell);
	ck_assert(servers_wait_logged(&other_nginx, "/later", NULL, 0));
	ck_assert(!servers_logged(&nginx, "/later", NULL, 0));
	servers_stop(&other_nginx);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("matrix");
	TCase *tcase = tcase_create("TLS, HTTP, route");
	SRunner *runner;
	int failed;

	if (!servers_have("nginx") || !servers_have("tinyproxy") ||
	    !servers_have("haproxy")) {
		puts("1..0 # SKIP nginx, tinyproxy and haproxy are needed");
		return 0;
	}
	tcase_add_checked_fixture(tcase, fixture_setup, teardown);
	tcase_add_loop_test(tcase, twenty_five_cells, 0, TRANSPORTS);
	tcase_add_test(
	    tcase, withdrawn_connection_of_http2_is_left_for_another);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
