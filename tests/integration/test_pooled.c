/*
 * A handle that served one request serves the next as if it were new: some are
 * not even reset in between (transfer.c).  Every kind of request is sent after
 * every other, on one connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

#include "client/lane.h"

static struct enclave_client_cookies *cookies;
static char netrc[160];

static bool body_given;

static void
set_callback(struct enclave_client_request *request, int64_t len)
{
	const struct enclave_client_body body = {
	    fixture_give_once, fixture_give_again, len, &body_given};

	body_given = false;
	enclave_client_request_set_body_callback(request, &body);
}

static void
ignore_trace(enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context)
{
	(void)kind, (void)data, (void)len, (void)context;
}

/* What makes a kind of request what it is. */
static void
plain(struct enclave_client_request *request)
{
	(void)request;
}

static void
headers(struct enclave_client_request *request)
{
	enclave_client_request_add_header(request, "X-Marker", "one");
	enclave_client_request_add_header(request, "Accept", NULL);
}

static void
body(struct enclave_client_request *request)
{
	enclave_client_request_set_body(request, "a body", 6);
}

static void
typed_body(struct enclave_client_request *request)
{
	enclave_client_request_add_header(
	    request, "Content-Type", "application/json");
	enclave_client_request_set_body(request, "{\"long\":\"er\"}", 13);
}

static void
called_body(struct enclave_client_request *request)
{
	set_callback(request, 4);
}

static void
chunked_body(struct enclave_client_request *request)
{
	set_callback(request, -1);
}

static void
expecting(struct enclave_client_request *request)
{
	enclave_client_request_set_expect_continue(request, true);
	body(request);
}

static void
form(struct enclave_client_request *request)
{
	enclave_client_request_set_form(request, true);
	enclave_client_request_set_body(request, "a=b", 3);
}

static void
keeping_method(struct enclave_client_request *request)
{
	enclave_client_request_set_keep_method(request, true);
	body(request);
}

static void
agent(struct enclave_client_request *request)
{
	enclave_client_request_set_user_agent(request, "another/1");
}

static void
referer(struct enclave_client_request *request)
{
	enclave_client_request_set_referer(request, "https://x.example/", true);
}

static void
cookie(struct enclave_client_request *request)
{
	enclave_client_request_set_cookie(request, "a=1");
}

static void
with_cookies(struct enclave_client_request *request)
{
	enclave_client_request_set_cookies(request, cookies);
}

static void
range(struct enclave_client_request *request)
{
	enclave_client_request_set_range(request, "0-99");
}

static void
basic(struct enclave_client_request *request)
{
	enclave_client_request_set_basic_auth(request, "user", "secret");
}

static void
from_netrc(struct enclave_client_request *request)
{
	enclave_client_request_set_netrc(request, netrc);
}

static void
compressed(struct enclave_client_request *request)
{
	enclave_client_request_set_compressed(request, true);
}

static void
slow(struct enclave_client_request *request)
{
	enclave_client_request_set_rate_max(request, 1 << 30, 1 << 30);
}

static void
following(struct enclave_client_request *request)
{
	enclave_client_request_set_redirects_max(request, 3);
}

static void
traced(struct enclave_client_request *request)
{
	enclave_client_request_set_trace(request, ignore_trace, NULL);
}

static void
parts(struct enclave_client_request *request)
{
	const struct enclave_client_part part = {
	    .name = "part", .data = "of it", .len = 5};

	enclave_client_request_add_part(request, &part);
}

static const struct kind {
	const char *name;
	const char *method;
	void (*make)(struct enclave_client_request *request);
	bool ready; /* its handle needs no reset after it */
} kinds[] = {
    {"GET", "GET", plain, true},
    {"GET with headers", "GET", headers, true},
    {"POST", "POST", body, true},
    {"POST with a type", "POST", typed_body, true},
    {"POST from a callback", "POST", called_body, true},
    {"POST in chunks", "POST", chunked_body, true},
    {"POST of nothing", "POST", plain, false},
    {"POST after 100", "POST", expecting, false},
    {"POST of a form", "POST", form, true},
    {"POST kept", "POST", keeping_method, false},
    {"PUT", "PUT", body, false},
    {"DELETE", "DELETE", plain, false},
    {"GET with a body", "GET", body, false},
    {"HEAD", "HEAD", plain, false},
    {"agent", "GET", agent, false},
    {"referer", "GET", referer, false},
    {"cookie", "GET", cookie, false},
    {"cookies", "GET", with_cookies, false},
    {"range", "GET", range, false},
    {"basic", "GET", basic, false},
    {"netrc", "GET", from_netrc, false},
    {"compressed", "GET", compressed, false},
    {"slow", "GET", slow, false},
    {"following", "GET", following, false},
    {"traced", "GET", traced, false},
    {"parts", "POST", parts, false},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* New text: what the enclave says that it was sent. */
static char *
ask(const struct kind *kind, const struct kind *after)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	char *echo;

	ck_assert_int_eq(
	    enclave_client_request_new(kind->method, "/pooled", &request), 0);
	kind->make(request);
	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s after %s: %s", kind->name, after ? after->name : "nothing",
	    enclave_client_error_message(fixture.error));
	ck_assert_int_eq(enclave_client_response_status(response), 200);
	echo = strdup(enclave_client_response_body(response, NULL));
	ck_assert_ptr_nonnull(echo);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return echo;
}

/* libcurl chooses a boundary at random. */
static void
blot_boundary(char *echo)
{
	char *body_at = strstr(echo, ",\"body_sha256\"");
	char *boundary = strstr(echo, "boundary=");

	if (!boundary)
		return;
	boundary[strcspn(boundary, "\"")] = '\0';
	if (body_at)
		*body_at = '\0';
	boundary[strlen("boundary=")] = '\0';
}

static void
send_and_expect(
    const struct kind *kind, const char *expected, const struct kind *after)
{
	char *echo = ask(kind, after);

	blot_boundary(echo);
	ck_assert_msg(!strcmp(echo, expected), "%s after %s: %s, not %s",
	    kind->name, after->name, echo, expected);
	free(echo);
}

static void
write_netrc(void)
{
	FILE *file;

	(void)snprintf(netrc, sizeof(netrc), "%s/netrc", fixture.state);
	file = fopen(netrc, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(
	    fputs("machine localhost login n password p\n", file), -1);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(request_is_as_on_a_new_handle_whatever_came_before)
{
	char *alone[KINDS];

	write_netrc();
	ck_assert_int_eq(enclave_client_cookies_new(&cookies), 0);
	for (size_t i = 0; i < KINDS; i++) {
		fixture_client(NULL, "", false);
		alone[i] = ask(&kinds[i], NULL);
		blot_boundary(alone[i]);
		enclave_client_free(fixture.client);
		enclave_client_config_free(fixture.config);
		fixture.client = NULL;
		fixture.config = NULL;
	}
	fixture_client(NULL, "", false);
	free(ask(&kinds[0], NULL));
	ck_assert(local_enclave_clear_log(fixture.enclave));
	for (size_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < KINDS; j++) {
			free(ask(&kinds[i], j ? &kinds[j - 1] : NULL));
			send_and_expect(&kinds[j], alone[j], &kinds[i]);
		}
	/* All of it on one connection. */
	ck_assert_uint_eq(fixture_handshakes(), 0);
	for (size_t i = 0; i < KINDS; i++)
		free(alone[i]);
	enclave_client_cookies_free(cookies);
}
END_TEST

static struct handle *
idle_handle(void)
{
	struct cache_slot *slot =
	    cache_find(fixture.client->cache, FIXTURE_NAME);
	struct handle *idle = lane_of(slot)->idle;

	cache_slot_unref(slot);
	ck_assert_ptr_nonnull(idle);
	return idle;
}

/* Nor a pointer to what the request was made of. */
START_TEST(idle_handle_holds_nothing_of_its_request)
{
	for (size_t i = 0; i < KINDS; i++) {
		const char *url = "none";
		const struct handle *idle;

		if (kinds[i].make == with_cookies ||
		    kinds[i].make == from_netrc)
			continue;
		fixture_client(NULL, "", false);
		free(ask(&kinds[i], NULL));
		idle = idle_handle();
		ck_assert_ptr_null(idle->transfer);
		ck_assert_int_eq(
		    curl_easy_getinfo(idle->easy, CURLINFO_EFFECTIVE_URL, &url),
		    0);
		ck_assert_msg(!url || !url[0], "%s: %s", kinds[i].name, url);
		ck_assert_msg(
		    idle->ready == kinds[i].ready, "%s", kinds[i].name);
		enclave_client_free(fixture.client);
		enclave_client_config_free(fixture.config);
		fixture.client = NULL;
		fixture.config = NULL;
	}
}
END_TEST

/* What CURLOPT_RESOLVE brought to the handle's cache may grow old there. */
START_TEST(handle_that_resolves_by_hand_is_made_anew)
{
	fixture.resolve = "+elsewhere.test:443:127.0.0.1";
	fixture_client(NULL, "", false);
	free(ask(&kinds[0], NULL));
	ck_assert(!idle_handle()->ready);
}
END_TEST

/* On the same connection, for the key is as good as before. */
START_TEST(pooled_handle_follows_its_enclaves_configuration)
{
	fixture_client(NULL, "", false);
	free(ask(&kinds[0], NULL));
	ck_assert(!idle_handle()->gate.enclave->insecure_keep_withdrawn);
	fixture_update(NULL, ",\"insecure_keep_withdrawn\":true");
	free(ask(&kinds[0], NULL));
	ck_assert(idle_handle()->gate.enclave->insecure_keep_withdrawn);
	fixture_update(NULL, "");
	free(ask(&kinds[0], NULL));
	ck_assert(!idle_handle()->gate.enclave->insecure_keep_withdrawn);
	ck_assert_uint_eq(fixture_handshakes(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pooled");
	TCase *tcase = tcase_create("handles");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_test(
	    tcase, request_is_as_on_a_new_handle_whatever_came_before);
	tcase_add_test(tcase, idle_handle_holds_nothing_of_its_request);
	tcase_add_test(tcase, handle_that_resolves_by_hand_is_made_anew);
	tcase_add_test(tcase, pooled_handle_follows_its_enclaves_configuration);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
