/*
 * The rules of the gate (DESIGN section 5), each judged by what the enclave's
 * own log says it received.  tests/mutants/gate takes them out one by one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/fixture.h"

#include "client/handle.h"
#include "client/lane.h"
#include "fetch/fetch.h"
#include "tls/trust_store.h"
#include "tls/verdict.h"

#define OTHER_PCR0                                                             \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                     \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A handle of the client's for its enclave, ready for GET path. */
static struct handle *
new_handle(const struct gate *gate, struct cache_slot *slot)
{
	struct handle *handle = NULL;

	ck_assert_int_eq(handle_new(gate, slot, &handle, fixture.error), 0);
	return handle;
}

static size_t
swallow(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

static void
prepare_get(struct handle *handle, const char *path)
{
	char url[256];

	(void)snprintf(
	    url, sizeof(url), "%s%s", local_enclave_url(fixture.enclave), path);
	gate_attachment_begin(&handle->gate, GATE_REQUEST);
	ck_assert_int_eq(transport_prepare(&fixture.client->transport,
			     &handle->gate, handle->easy, fixture.error),
	    0);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_URL, url), CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_WRITEFUNCTION, swallow),
	    CURLE_OK);
}

static CURLcode
get_with(struct handle *handle, const char *path)
{
	prepare_get(handle, path);
	return curl_easy_perform(handle->easy);
}

static struct cache_slot *
slot_of_fixture(void)
{
	struct cache_slot *slot =
	    cache_find(fixture.client->cache, FIXTURE_NAME);

	ck_assert_ptr_nonnull(slot);
	return slot;
}

START_TEST(cold_request_takes_one_handshake_and_one_evidence_get)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/hello");
	ck_assert_uint_eq(fixture_handshakes(), 1);
	ck_assert_uint_eq(fixture_evidence(), 1);
	ck_assert_uint_eq(fixture_requests(), 1);
}
END_TEST

START_TEST(warm_requests_share_the_connection)
{
	fixture_client(NULL, "", false);
	for (int i = 0; i < 5; i++)
		fixture_get_ok("/hello");
	ck_assert_uint_eq(fixture_connections(), 1);
	ck_assert_uint_eq(fixture_evidence(), 1);
}
END_TEST

START_TEST(pooled_connection_is_refused_once_its_key_is_withdrawn)
{
	struct cache_slot *slot;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	/* The build changes, the key stays: newer evidence says so. */
	fixture_set("{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}");
	fixture_expect(
	    enclave_client_attest(fixture.client, FIXTURE_NAME, 5000,
		&(struct enclave_client_document *){NULL}, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0 is bbbb");
	slot = slot_of_fixture();
	fixture_expect(
	    fixture_get("/after"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	cache_slot_unref(slot);
	ck_assert(!fixture_saw("/after"));
	ck_assert_uint_eq(
	    fixture_events(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED), 1);
}
END_TEST

START_TEST(pooled_connection_is_refused_once_the_policy_changed)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_update(OTHER_PCR0, "");
	fixture_expect(
	    fixture_get("/after"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

START_TEST(each_map_says_how_many_polls_are_in_flight)
{
	fixture_client_with_map(
	    "{\"enclaves\":{},\"polls_in_flight\":3}", false);
	ck_assert_uint_eq(fixture.client->polls_in_flight, 3);
	fixture_update_map("{\"enclaves\":{}}");
	ck_assert_uint_eq(fixture.client->polls_in_flight, POLLS_IN_FLIGHT_MAX);
}
END_TEST

START_TEST(pooled_connection_is_refused_once_the_enclave_was_removed)
{
	struct enclave_client_config *other = NULL;
	const char map[] = "{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}";

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert_int_eq(enclave_client_config_new(&other), 0);
	ck_assert_int_eq(enclave_client_config_load_text(
			     other, map, strlen(map), fixture.error),
	    0);
	ck_assert_int_eq(
	    enclave_client_update(fixture.client, other, fixture.error), 0);
	enclave_client_config_free(other);
	fixture_expect(
	    fixture_get("/after"), ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

/*
 * A handle with a connection that was judged well.  By itself: the request
 * path asks the cache before it takes a handle, and would refuse first.
 */
static struct handle *
new_judged_handle(void)
{
	struct cache_slot *slot = slot_of_fixture();
	struct handle *handle = new_handle(&fixture.client->gate, slot);

	cache_slot_unref(slot);
	ck_assert_int_eq(get_with(handle, "/own"), CURLE_OK);
	return handle;
}

static void
expect_pooled_refusal(
    struct handle *handle, enum enclave_client_status expected)
{
	size_t connections = fixture_connections();

	ck_assert_int_eq(get_with(handle, "/after"), CURLE_ABORTED_BY_CALLBACK);
	ck_assert_int_eq(handle->gate.error.status, expected);
	ck_assert(handle->gate.key_refused);
	ck_assert(!handle->gate.ran);
	/* It was the pooled one: the first half had no say. */
	ck_assert_uint_eq(fixture_connections(), connections);
	handle_free(handle);
	ck_assert(!fixture_saw("/after"));
}

START_TEST(second_half_alone_refuses_a_withdrawn_key)
{
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	handle = new_judged_handle();
	fixture_set("{\"pcrs\":{\"0\":\"" OTHER_PCR0 "\"}}");
	fixture_expect(
	    enclave_client_attest(fixture.client, FIXTURE_NAME, 5000,
		&(struct enclave_client_document *){NULL}, fixture.error),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, "PCR0 is bbbb");
	expect_pooled_refusal(handle, ENCLAVE_CLIENT_ERR_MEASUREMENT);
}
END_TEST

START_TEST(second_half_alone_refuses_after_a_change_of_policy)
{
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	handle = new_judged_handle();
	fixture_update(OTHER_PCR0, "");
	expect_pooled_refusal(handle, ENCLAVE_CLIENT_ERR_MEASUREMENT);
}
END_TEST

START_TEST(second_half_alone_refuses_expired_evidence)
{
	struct handle *handle;

	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/before");
	handle = new_judged_handle();
	fixture_advance_ms(61000);
	expect_pooled_refusal(handle, ENCLAVE_CLIENT_ERR_TOO_OLD);
}
END_TEST

/* The CA file of the client, and what the enclave's certificate needs. */
static const char *
ca_path(void)
{
	return local_enclave_text(fixture.enclave, "web_ca");
}

static size_t
read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, size, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_lt(len, size);
	return len;
}

/* In one step, as programs that take care do. */
static void
replace_file(const char *path, const char *text, size_t len)
{
	char other[256];
	FILE *file;

	ck_assert_int_lt(
	    snprintf(other, sizeof(other), "%s.new", path), sizeof(other));
	file = fopen(other, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(other, path), 0);
}

/* A client whose every request takes a connection of its own. */
static void
client_without_a_pool(void)
{
	fixture_set("{\"keep_alive\":false}");
	fixture_client(NULL, "", false);
}

static void
expect_distrust(const char *path)
{
	fixture_expect(fixture_get(path), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate for localhost refused");
	ck_assert(!fixture_saw(path));
}

START_TEST(changed_ca_file_is_read_again)
{
	char good[8192];
	char foreign[8192];
	size_t good_len = read_file(ca_path(), good, sizeof(good));
	size_t foreign_len =
	    read_file(local_enclave_text(fixture.enclave, "nitro_root"),
		foreign, sizeof(foreign));

	client_without_a_pool();
	fixture_get_ok("/trusted");
	replace_file(ca_path(), foreign, foreign_len);
	expect_distrust("/withdrawn");
	replace_file(ca_path(), good, good_len);
	fixture_get_ok("/trusted-again");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_TRUST), 0);
}
END_TEST

START_TEST(changed_ca_file_that_is_broken_leaves_the_former)
{
	char good[8192];
	size_t good_len = read_file(ca_path(), good, sizeof(good));

	client_without_a_pool();
	fixture_get_ok("/before");
	replace_file(ca_path(), "no certificate", 14);
	fixture_get_ok("/broken");
	fixture_get_ok("/still-broken");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_TRUST), 1);
	ck_assert_int_eq(remove(ca_path()), 0);
	fixture_get_ok("/gone");
	fixture_get_ok("/still-gone");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_TRUST), 2);
	replace_file(ca_path(), good, good_len);
	fixture_get_ok("/mended");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_TRUST), 2);
}
END_TEST

/* A CA directory with the CA of the enclave in it, under its hash. */
static void
make_ca_directory(char *directory, size_t size)
{
	char command[1024];

	ck_assert_int_lt(
	    snprintf(directory, size, "%s/cas", fixture.state), size);
	ck_assert_int_lt(
	    snprintf(command, sizeof(command),
		"mkdir '%s' && cp '%s' '%s/ca.pem' && openssl rehash '%s'",
		directory, ca_path(), directory, directory),
	    sizeof(command));
	ck_assert_int_eq(system(command), 0);
}

START_TEST(ca_taken_out_of_the_directory_is_trusted_no_more)
{
	char directory[256];
	char command[512];
	struct trust_store *before;
	struct trust_store *by_directory = NULL;

	make_ca_directory(directory, sizeof(directory));
	client_without_a_pool();
	ck_assert_int_eq(
	    trust_store_new(NULL, directory, &by_directory, fixture.error), 0);
	before = fixture.client->gate.trust;
	fixture.client->gate.trust = by_directory;
	trust_store_free(before);
	fixture_get_ok("/trusted");
	(void)snprintf(command, sizeof(command), "rm '%s'/*", directory);
	ck_assert_int_eq(system(command), 0);
	expect_distrust("/withdrawn");
}
END_TEST

START_TEST(expired_evidence_on_a_pooled_connection_is_learned_again)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/before");
	fixture_advance_ms(61000);
	/* What the enclave says now is too old as well, seen from our clock. */
	fixture_expect(fixture_get("/after"), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
	ck_assert(!fixture_saw("/after"));
	fixture_set("{\"clock_offset_ms\":61000}");
	fixture_advance_ms(11000);
	fixture_set("{\"clock_offset_ms\":72000}");
	fixture_get_ok("/later");
}
END_TEST

START_TEST(clock_set_back_revives_nothing)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/before");
	fixture_set("{\"evidence\":\"empty\"}");
	/* A minute passed, and the wall clock was set back by as much. */
	fixture.boot_offset_ms += 61000;
	fixture_expect(fixture_get("/after"),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

START_TEST(unknown_key_is_refused_inside_the_handshake)
{
	struct cache_slot *slot;
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_rotate();
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_int_eq(
	    get_with(handle, "/after"), CURLE_PEER_FAILED_VERIFICATION);
	ck_assert_int_eq(
	    handle->gate.error.status, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED);
	ck_assert(handle->gate.key_refused);
	handle_free(handle);
	cache_slot_unref(slot);
	/* The server's side never finished it. */
	ck_assert_uint_eq(fixture_handshakes(), 1);
	ck_assert(local_enclave_wait_for(fixture.enclave, "alert", 1, 10000));
	ck_assert(!fixture_saw("/after"));
}
END_TEST

START_TEST(rotated_key_costs_one_refused_and_one_finished_handshake)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_rotate();
	/* The pooled connection is gone, as after a restart. */
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/one-more");
	fixture_set("{\"keep_alive\":true}");
	fixture_get_ok("/after");
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_KEY_ADDED), 1);
	ck_assert(fixture_saw("/after"));
}
END_TEST

START_TEST(connection_of_another_client_is_refused)
{
	struct cache_slot *slot;
	struct handle *handle;
	struct gate other;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_int_eq(get_with(handle, "/own"), CURLE_OK);
	/* The same pool, the same enclave, another client's hooks. */
	other = fixture.client->gate;
	other.client_id++;
	handle->gate.gate = &other;
	ck_assert_int_eq(
	    get_with(handle, "/foreign"), CURLE_ABORTED_BY_CALLBACK);
	ck_assert_ptr_nonnull(
	    strstr(handle->gate.error.message, "another client"));
	handle->gate.gate = &fixture.client->gate;
	handle_free(handle);
	cache_slot_unref(slot);
	ck_assert(!fixture_saw("/foreign"));
}
END_TEST

/* The enclave leaves the map; by the same name it comes back as another one. */
static void
remove_and_add_enclave(void)
{
	static const char map[] =
	    "{\"other.example\":{\"PCR0\":\"" OTHER_PCR0 "\"}}";
	struct enclave_client_config *other = NULL;

	ck_assert_int_eq(enclave_client_config_new(&other), 0);
	ck_assert_int_eq(enclave_client_config_load_text(
			     other, map, strlen(map), fixture.error),
	    0);
	ck_assert_int_eq(
	    enclave_client_update(fixture.client, other, fixture.error), 0);
	enclave_client_config_free(other);
	fixture_update(NULL, "");
}

START_TEST(connection_of_another_enclave_is_refused)
{
	struct cache_slot *slot;
	struct cache_slot *other;
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_int_eq(get_with(handle, "/own"), CURLE_OK);
	remove_and_add_enclave();
	/* The very key is live there too. */
	fixture_get_ok("/learned-again");
	other = slot_of_fixture();
	ck_assert_uint_ne(cache_slot_id(other), cache_slot_id(slot));
	handle->gate.slot = other;
	ck_assert_int_eq(
	    get_with(handle, "/foreign"), CURLE_ABORTED_BY_CALLBACK);
	ck_assert_ptr_nonnull(
	    strstr(handle->gate.error.message, "for another enclave"));
	handle->gate.slot = slot;
	ck_assert(!fixture_saw("/foreign"));
	cache_slot_unref(other);
	/* Takes the reference that new_handle() gave it. */
	handle_free(handle);
	cache_slot_unref(slot);
}
END_TEST

START_TEST(connection_that_no_hook_of_ours_opened_is_refused)
{
	struct cache_slot *slot;
	struct handle *handle;
	const char *ca = local_enclave_text(fixture.enclave, "web_ca");

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	prepare_get(handle, "/plain");
	/* A plain curl user's handle opens the connection. */
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_SSL_CTX_FUNCTION, NULL), 0);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_PREREQFUNCTION, NULL), 0);
	ck_assert_int_eq(curl_easy_setopt(handle->easy, CURLOPT_CAINFO, ca), 0);
	ck_assert_int_eq(curl_easy_perform(handle->easy), CURLE_OK);
	/* And ours finds it in the pool. */
	prepare_get(handle, "/gated");
	ck_assert_int_eq(curl_easy_setopt(handle->easy, CURLOPT_CAINFO, ca), 0);
	ck_assert_int_eq(
	    curl_easy_perform(handle->easy), CURLE_ABORTED_BY_CALLBACK);
	ck_assert_ptr_nonnull(
	    strstr(handle->gate.error.message, "no handshake of this client"));
	handle_free(handle);
	cache_slot_unref(slot);
	ck_assert(!fixture_saw("/gated"));
}
END_TEST

START_TEST(evidence_connection_carries_nothing_but_the_evidence_get)
{
	struct cache_slot *slot;
	struct handle *handle;

	fixture_client(NULL, "", false);
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	prepare_get(handle, "/smuggled");
	handle->gate.mode = GATE_EVIDENCE;
	ck_assert_int_eq(
	    curl_easy_perform(handle->easy), CURLE_ABORTED_BY_CALLBACK);
	ck_assert(!fixture_saw("/smuggled"));
	/* Nor a request, once it is there: its key is not live. */
	ck_assert_int_ne(get_with(handle, "/request"), CURLE_OK);
	ck_assert(!fixture_saw("/request\""));
	handle_free(handle);
	cache_slot_unref(slot);
}
END_TEST

START_TEST(other_origin_and_plain_http_are_refused)
{
	struct cache_slot *slot;
	struct handle *handle;
	char url[256];

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	prepare_get(handle, "/x");
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/elsewhere",
	    local_enclave_port(fixture.enclave));
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_URL, url), CURLE_OK);
	ck_assert_int_ne(curl_easy_perform(handle->easy), CURLE_OK);
	(void)snprintf(url, sizeof(url), "http://localhost:%d/plain",
	    (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(
		local_enclave_ready(fixture.enclave), "control_port")));
	prepare_get(handle, "/x");
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_URL, url), CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_perform(handle->easy), CURLE_UNSUPPORTED_PROTOCOL);
	/* Even where a handle was told to allow it. */
	prepare_get(handle, "/x");
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_URL, url), CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_PROTOCOLS_STR, "http,https"),
	    CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_perform(handle->easy), CURLE_ABORTED_BY_CALLBACK);
	ck_assert_ptr_nonnull(strstr(handle->gate.error.message, "not https"));
	handle_free(handle);
	cache_slot_unref(slot);
	ck_assert(!fixture_saw("/elsewhere"));
}
END_TEST

static void
expect_no_resumption(void)
{
	struct cache_slot *slot;
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	/* The caller forces libcurl's session cache, and fresh connections. */
	for (int i = 0; i < 4; i++) {
		prepare_get(handle, "/again");
		ck_assert_int_eq(curl_easy_setopt(handle->easy,
				     CURLOPT_SSL_SESSIONID_CACHE, 1L),
		    CURLE_OK);
		ck_assert_int_eq(
		    curl_easy_setopt(handle->easy, CURLOPT_FORBID_REUSE, 1L),
		    CURLE_OK);
		ck_assert_int_eq(curl_easy_perform(handle->easy), CURLE_OK);
	}
	handle_free(handle);
	cache_slot_unref(slot);
	ck_assert_uint_eq(fixture_handshakes(), 5);
	ck_assert(!fixture_saw("\"resumed\":true"));
	ck_assert(!fixture_saw("\"offers_psk\":true"));
}

START_TEST(tls13_session_is_never_resumed)
{
	expect_no_resumption();
}
END_TEST

START_TEST(tls12_session_is_never_resumed)
{
	expect_no_resumption();
}
END_TEST

START_TEST(renegotiation_is_not_followed)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert_int_ge(local_enclave_renegotiate(fixture.enclave), 1);
	(void)fixture_get("/during");
	(void)fixture_get("/after");
	ck_assert(!fixture_saw("\"renegotiated\":true"));
}
END_TEST

START_TEST(key_log_variable_is_ignored)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/keys.log", fixture.state);
	ck_assert_int_eq(setenv("SSLKEYLOGFILE", path, 1), 0);
	fixture_client(NULL, "", false);
	fixture_get_ok("/hello");
	fixture_get_ok("/hello");
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	ck_assert_int_eq(unsetenv("SSLKEYLOGFILE"), 0);
	FILE *log = fopen(path, "r");
	if (log) {
		/* libcurl opens the file; nothing may be in it. */
		ck_assert_int_eq(fgetc(log), EOF);
		(void)fclose(log);
	}
}
END_TEST

static void
ssl_ctx_after_the_hook(void (*look)(SSL_CTX *ssl_ctx))
{
	struct cache_slot *slot;
	struct handle *handle;
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_client_method());

	fixture_client(NULL, "", false);
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_ptr_nonnull(ssl_ctx);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ssl_ctx, 0), 1);
	ck_assert_int_eq(SSL_CTX_set_max_early_data(ssl_ctx, 16384), 1);
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_NONE, NULL);
	ck_assert_int_eq(
	    gate_prepare_ssl_ctx(&handle->gate, ssl_ctx, fixture.error), 0);
	look(ssl_ctx);
	SSL_CTX_free(ssl_ctx);
	handle_free(handle);
	cache_slot_unref(slot);
}

static void
look_at_versions(SSL_CTX *ssl_ctx)
{
	ck_assert_int_eq(
	    SSL_CTX_get_min_proto_version(ssl_ctx), TLS1_2_VERSION);
	ck_assert_uint_eq(SSL_CTX_get_max_early_data(ssl_ctx), 0);
	ck_assert_int_eq(SSL_CTX_get_verify_mode(ssl_ctx), SSL_VERIFY_PEER);
	ck_assert(SSL_CTX_get_options(ssl_ctx) & SSL_OP_NO_RENEGOTIATION);
	ck_assert_int_eq(SSL_CTX_get_quiet_shutdown(ssl_ctx), 1);
}

START_TEST(old_tls_early_data_and_unverified_peers_are_off)
{
	ssl_ctx_after_the_hook(look_at_versions);
}
END_TEST

START_TEST(switched_off_verification_changes_nothing)
{
	struct cache_slot *slot;
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_rotate();
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	prepare_get(handle, "/after");
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_SSL_VERIFYPEER, 0L), 0);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_SSL_VERIFYHOST, 0L), 0);
	ck_assert_int_ne(curl_easy_perform(handle->easy), CURLE_OK);
	handle_free(handle);
	cache_slot_unref(slot);
	ck_assert_uint_eq(fixture_handshakes(), 1);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

static const char *const bad_certificates[] = {
    "foreign", "expired", "wrong-name"};

START_TEST(web_pki_is_required_beside_the_attested_key)
{
	char settings[64];

	(void)snprintf(settings, sizeof(settings), "{\"web_ca\":\"%s\"}",
	    bad_certificates[_i]);
	fixture_client(NULL, "", false);
	fixture_set(settings);
	fixture_expect(fixture_get("/cold"), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate");
	ck_assert_int_eq(enclave_client_error_foreign_code(fixture.error),
	    CURLE_PEER_FAILED_VERIFICATION);
	ck_assert_uint_eq(fixture_evidence(), 0);
	fixture_set("{\"web_ca\":\"good\",\"keep_alive\":false}");
	fixture_get_ok("/good");
	/* The key is attested now; the certificate is not. */
	fixture_set(settings);
	fixture_expect(fixture_get("/warm"), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate");
	ck_assert(!fixture_saw("/warm"));
	ck_assert(!fixture_saw("/cold"));
}
END_TEST

/* Counts what it gives, and does something to the enclave on the way. */
struct upload {
	size_t pieces;
	size_t pieces_max;
	void (*at_second_piece)(void);
};

static int64_t
give_piece(void *buffer, size_t size, void *context)
{
	struct upload *upload = context;

	if (upload->pieces == upload->pieces_max)
		return 0;
	if (++upload->pieces == 2)
		upload->at_second_piece();
	if (size > 1000)
		size = 1000;
	memset(buffer, upload->pieces == 2 ? 'v' : 'u', size);
	return (int64_t)size;
}

static void
remove_enclave(void)
{
	fixture_update(OTHER_PCR0, "");
}

static void
let_evidence_expire(void)
{
	fixture_set("{\"evidence\":\"empty\"}");
	fixture_advance_ms(61000);
}

static enum enclave_client_status
upload_with(void (*at_second_piece)(void))
{
	struct upload upload = {
	    .pieces_max = 50, .at_second_piece = at_second_piece};
	struct enclave_client_body body = {
	    .read = give_piece, .len = -1, .context = &upload};
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status;

	ck_assert_int_eq(
	    enclave_client_request_new("POST", "/upload", &request), 0);
	enclave_client_request_set_body_callback(request, &body);
	/* The test moves the clock that deadlines are kept on. */
	enclave_client_request_set_timeout_ms(request, 0);
	status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);
	ck_assert_ptr_null(response);
	ck_assert_uint_lt(upload.pieces, 4);
	/* Not even the piece that was being made when it happened. */
	ck_assert(!fixture_saw("vvvvvvvv"));
	enclave_client_request_free(request);
	return status;
}

START_TEST(upload_stops_when_the_policy_changes)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_expect(
	    upload_with(remove_enclave), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
}
END_TEST

START_TEST(upload_stops_when_the_evidence_expires)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/before");
	fixture_expect(
	    upload_with(let_evidence_expire), ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
}
END_TEST

/* Reads a little, lets something happen, and reads on to the end. */
static enum enclave_client_status
download_with(void (*meanwhile)(void))
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status;
	char buffer[65536];
	size_t len = 1;
	int reads = 0;

	ck_assert_int_eq(
	    enclave_client_request_new("GET", "/bytes/50000000", &request), 0);
	enclave_client_request_set_timeout_ms(request, 0);
	ck_assert_int_eq(enclave_client_open(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	status = enclave_client_response_read(
	    response, buffer, 100, &len, fixture.error);
	meanwhile();
	while (!status && len > 0 && reads++ < 100000)
		status = enclave_client_response_read(
		    response, buffer, sizeof(buffer), &len, fixture.error);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

START_TEST(download_stops_when_the_policy_changes)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_expect(download_with(remove_enclave),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
}
END_TEST

START_TEST(download_goes_on_after_expiry_by_default)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	ck_assert_int_eq(download_with(let_evidence_expire), 0);
}
END_TEST

START_TEST(download_stops_at_expiry_when_told_to)
{
	fixture_client(
	    NULL, ",\"max_age_ms\":60000,\"cut_on_expiry\":true", false);
	fixture_expect(download_with(let_evidence_expire),
	    ENCLAVE_CLIENT_ERR_TOO_OLD, NULL);
}
END_TEST

static size_t
idle_handles(void)
{
	struct cache_slot *slot = slot_of_fixture();
	size_t count = lane_of(slot)->idle_count;

	cache_slot_unref(slot);
	return count;
}

START_TEST(refused_handle_is_never_pooled)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert_uint_eq(idle_handles(), 1);
	ck_assert_int_ne(upload_with(remove_enclave), 0);
	ck_assert_uint_eq(idle_handles(), 0);
	/* Nor a connection that was opened for evidence alone. */
	fixture_update(NULL, "");
	ck_assert_int_eq(enclave_client_attest(fixture.client, FIXTURE_NAME,
			     5000, &document, fixture.error),
	    0);
	enclave_client_document_free(document);
	ck_assert_uint_eq(idle_handles(), 0);
}
END_TEST

START_TEST(insecure_switches_mark_verdicts_and_raise_events)
{
	struct enclave_client_document *document = NULL;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_attest(fixture.client, FIXTURE_NAME,
			     5000, &document, fixture.error),
	    0);
	ck_assert(enclave_client_document_insecure(document));
	enclave_client_document_free(document);
	ck_assert_uint_ge(fixture_events(ENCLAVE_CLIENT_EVENT_INSECURE), 1);
}
END_TEST

START_TEST(self_test_passes_here)
{
	ck_assert_msg(gate_self_test(&clock_system, fixture.error) == 0, "%s",
	    enclave_client_error_message(fixture.error));
}
END_TEST

static int64_t
century_ahead(void *context)
{
	(void)context;
	return clock_system.wall_ms(NULL) + INT64_C(3155760000000);
}

START_TEST(self_test_that_fails_names_the_builds)
{
	/* Its own certificate has expired by then: the control can't pass. */
	const struct clock_source clock = {
	    century_ahead, clock_system.boot_ms, NULL};

	fixture_expect(gate_self_test(&clock, fixture.error),
	    ENCLAVE_CLIENT_ERR_SELF_TEST, "a sound handshake did not finish");
	fixture_expect(gate_self_test(&clock, fixture.error),
	    ENCLAVE_CLIENT_ERR_SELF_TEST,
	    curl_version_info(CURLVERSION_NOW)->version);
}
END_TEST

START_TEST(refusal_leaves_its_mark_where_every_libcurl_looks)
{
	struct cache_slot *slot;
	struct handle *handle;
	long result = X509_V_OK;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_rotate();
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_int_ne(get_with(handle, "/after"), CURLE_OK);
	/* From 8.17 on libcurl looks at this alone. */
	ck_assert_int_eq(
	    curl_easy_getinfo(handle->easy, CURLINFO_SSL_VERIFYRESULT, &result),
	    CURLE_OK);
	ck_assert_int_eq(result, X509_V_ERR_APPLICATION_VERIFICATION);
	handle_free(handle);
	cache_slot_unref(slot);
}
END_TEST

START_TEST(clock_set_forward_ends_what_has_passed)
{
	fixture_client(NULL, ",\"max_age_ms\":60000", false);
	fixture_get_ok("/before");
	fixture_set("{\"evidence\":\"empty\"}");
	fixture.wall_offset_ms += 61000;
	fixture_expect(fixture_get("/after"),
	    ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED, NULL);
	ck_assert(!fixture_saw("/after"));
}
END_TEST

/* What a resumed connection would be, had somebody given it a verdict. */
static struct verdict stolen_verdict;

static void
put_verdict(const SSL *ssl, int where, int value)
{
	(void)value;
	if (where & SSL_CB_HANDSHAKE_DONE)
		ck_assert(verdict_set((SSL *)ssl, &stolen_verdict));
}

static CURLcode
allow_resumption(CURL *easy, void *ssl_ctx, void *argument)
{
	(void)easy;
	if (gate_prepare_ssl_ctx(argument, ssl_ctx, NULL))
		return CURLE_SSL_CONNECT_ERROR;
	SSL_CTX_set_info_callback(ssl_ctx, put_verdict);
	return CURLE_OK;
}

static CURLcode
get_with_resumption(struct handle *handle, const char *path)
{
	prepare_get(handle, path);
	ck_assert_int_eq(curl_easy_setopt(handle->easy,
			     CURLOPT_SSL_CTX_FUNCTION, allow_resumption),
	    CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_SSL_SESSIONID_CACHE, 1L),
	    CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_FORBID_REUSE, 1L), CURLE_OK);
	ck_assert_int_eq(
	    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, 1L),
	    CURLE_OK);
	return curl_easy_perform(handle->easy);
}

START_TEST(resumed_connection_is_refused_whatever_verdict_it_has)
{
	struct cache_slot *slot;
	struct handle *handle;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	slot = slot_of_fixture();
	handle = new_handle(&fixture.client->gate, slot);
	ck_assert_int_eq(get_with(handle, "/own"), CURLE_OK);
	stolen_verdict = (struct verdict){
	    .client_id = fixture.client->gate.client_id,
	    .slot_id = cache_slot_id(slot),
	    .key = handle->gate.key,
	};
	ck_assert_int_eq(get_with_resumption(handle, "/full"), CURLE_OK);
	ck_assert_int_eq(get_with_resumption(handle, "/resumed-request"),
	    CURLE_ABORTED_BY_CALLBACK);
	ck_assert_ptr_nonnull(strstr(handle->gate.error.message, "resumed"));
	handle_free(handle);
	cache_slot_unref(slot);
	/* Or this test has shown nothing. */
	ck_assert(fixture_saw_soon("\"resumed\":true"));
	ck_assert(!fixture_saw("/resumed-request"));
}
END_TEST

START_TEST(stream_that_was_cut_off_is_never_pooled)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	ck_assert_uint_eq(idle_handles(), 1);
	fixture_expect(download_with(remove_enclave),
	    ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(idle_handles(), 0);
}
END_TEST

START_TEST(insecure_switches_mark_the_document_of_a_response)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	fixture_client(NULL, "", false);
	ck_assert_int_eq(enclave_client_request_new("GET", "/x", &request), 0);
	ck_assert_int_eq(enclave_client_request(fixture.client, FIXTURE_NAME,
			     request, &response, fixture.error),
	    0);
	ck_assert(enclave_client_document_insecure(
	    enclave_client_response_document(response)));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}
END_TEST

static void
send_once(const char *method, const char *header, const char *body)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;

	ck_assert_int_eq(
	    enclave_client_request_new(method, "/pooled", &request), 0);
	if (header)
		enclave_client_request_add_header(request, header, "marker");
	if (body)
		enclave_client_request_set_body(request, body, strlen(body));
	ck_assert_msg(enclave_client_request(fixture.client, FIXTURE_NAME,
			  request, &response, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	enclave_client_response_free(response);
	enclave_client_request_free(request);
}

START_TEST(pooled_handle_keeps_nothing_of_the_request_before)
{
	fixture_client(NULL, "", false);
	send_once("PATCH", "X-First", "first body");
	send_once("PUT", "X-Second", "second body");
	ck_assert(local_enclave_clear_log(fixture.enclave));
	send_once("GET", NULL, NULL);
	ck_assert(fixture_saw("\"method\":\"GET\""));
	ck_assert(!fixture_saw("PATCH"));
	ck_assert(!fixture_saw("marker"));
	ck_assert(!fixture_saw("first body"));
	ck_assert(!fixture_saw("second body"));
	ck_assert(!fixture_saw("content-length"));
	ck_assert_uint_eq(fixture_handshakes(), 0);
}
END_TEST

/* Nor of the evidence GET, whose answer is capped much lower. */
START_TEST(learned_connection_keeps_nothing_of_the_evidence_get)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/length/200000");
	ck_assert_uint_eq(fixture_handshakes(), 1);
}
END_TEST

START_TEST(key_that_failed_is_refused_unasked_for_a_while)
{
	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"broken-signature\"}");
	fixture_expect(fixture_get("/x"), ENCLAVE_CLIENT_ERR_SIGNATURE, NULL);
	ck_assert_uint_eq(fixture_evidence(), 1);
	fixture_expect(fixture_get("/x"), ENCLAVE_CLIENT_ERR_SIGNATURE,
	    "refused a moment ago");
	ck_assert_uint_eq(fixture_evidence(), 1);
	fixture_set("{\"evidence\":\"good\"}");
	fixture_advance_ms(10001);
	fixture_set("{\"clock_offset_ms\":10001}");
	fixture_get_ok("/x");
}
END_TEST

/* The key is to blame, and what was amiss with the evidence is still told. */
START_TEST(refusal_of_the_key_keeps_what_its_evidence_showed)
{
	int64_t age_ms;

	fixture_client(NULL, "", false);
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/before");
	fixture_rotate();
	fixture_set("{\"evidence\":{\"mode\":\"old\",\"age_ms\":4000000}}");
	fixture_expect(fixture_get("/after"),
	    ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "what was served as evidence over it was refused");
	age_ms = enclave_client_error_age_ms(fixture.error);
	ck_assert_int_ge(age_ms, 4000000);
	ck_assert_int_lt(age_ms, 4060000);
	ck_assert_int_ne(enclave_client_error_deadline_ms(fixture.error),
	    ENCLAVE_CLIENT_MS_UNKNOWN);
}
END_TEST

START_TEST(key_that_failed_beside_a_live_one_opens_no_connection)
{
	size_t connections;

	fixture_client(NULL, "", false);
	fixture_get_ok("/before");
	fixture_set("{\"keep_alive\":false,\"evidence\":\"other-key\"}");
	fixture_get_ok("/last");
	fixture_rotate();
	fixture_expect(
	    fixture_get("/x"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED, NULL);
	connections = fixture_connections();
	fixture_expect(fixture_get("/x"), ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	    "refused a moment ago");
	/* The strict one alone. */
	ck_assert_uint_eq(fixture_connections(), connections + 1);
	ck_assert(!fixture_saw("/x\""));
}
END_TEST

START_TEST(empty_bucket_opens_no_connection_and_says_until_when)
{
	size_t connections;

	fixture_client(NULL, "", false);
	fixture_set("{\"evidence\":\"empty\"}");
	for (int i = 0; i < LEARNING_TOKENS_MAX; i++)
		ck_assert_int_ne(
		    fixture_get("/x"), ENCLAVE_CLIENT_ERR_LEARNING_LIMITED);
	connections = fixture_connections();
	fixture_expect(fixture_get("/x"), ENCLAVE_CLIENT_ERR_LEARNING_LIMITED,
	    "the next one is allowed in");
	ck_assert_uint_eq(fixture_connections(), connections);
	fixture_advance_ms(10001);
	fixture_set("{\"evidence\":\"good\",\"clock_offset_ms\":10001}");
	fixture_get_ok("/x");
}
END_TEST

START_TEST(refused_certificate_is_not_learned)
{
	size_t connections;

	fixture_client(NULL, "", false);
	fixture_set("{\"keep_alive\":false}");
	fixture_get_ok("/before");
	fixture_set("{\"web_ca\":\"foreign\"}");
	connections = fixture_connections();
	fixture_expect(fixture_get("/after"), ENCLAVE_CLIENT_ERR_NETWORK,
	    "TLS certificate");
	/* Evidence would not make the certificate any better. */
	ck_assert_uint_eq(fixture_connections(), connections + 1);
}
END_TEST

static void
add_tests_of_attackers(TCase *tcase)
{
	tcase_add_test(
	    tcase, refusal_leaves_its_mark_where_every_libcurl_looks);
	tcase_add_test(tcase, clock_set_forward_ends_what_has_passed);
	tcase_add_test(
	    tcase, resumed_connection_is_refused_whatever_verdict_it_has);
	tcase_add_test(tcase, stream_that_was_cut_off_is_never_pooled);
	tcase_add_test(
	    tcase, insecure_switches_mark_the_document_of_a_response);
	tcase_add_test(
	    tcase, pooled_handle_keeps_nothing_of_the_request_before);
	tcase_add_test(
	    tcase, learned_connection_keeps_nothing_of_the_evidence_get);
	tcase_add_test(tcase, key_that_failed_is_refused_unasked_for_a_while);
	tcase_add_test(
	    tcase, key_that_failed_beside_a_live_one_opens_no_connection);
	tcase_add_test(
	    tcase, empty_bucket_opens_no_connection_and_says_until_when);
	tcase_add_test(tcase, refused_certificate_is_not_learned);
}

static void
add_tests(TCase *tcase)
{
	tcase_add_test(
	    tcase, cold_request_takes_one_handshake_and_one_evidence_get);
	tcase_add_test(tcase, warm_requests_share_the_connection);
	tcase_add_test(
	    tcase, pooled_connection_is_refused_once_its_key_is_withdrawn);
	tcase_add_test(
	    tcase, pooled_connection_is_refused_once_the_policy_changed);
	tcase_add_test(tcase, each_map_says_how_many_polls_are_in_flight);
	tcase_add_test(
	    tcase, pooled_connection_is_refused_once_the_enclave_was_removed);
	tcase_add_test(tcase, second_half_alone_refuses_a_withdrawn_key);
	tcase_add_test(
	    tcase, second_half_alone_refuses_after_a_change_of_policy);
	tcase_add_test(tcase, second_half_alone_refuses_expired_evidence);
	tcase_add_test(tcase, changed_ca_file_is_read_again);
	tcase_add_test(tcase, changed_ca_file_that_is_broken_leaves_the_former);
	tcase_add_test(tcase, ca_taken_out_of_the_directory_is_trusted_no_more);
	tcase_add_test(
	    tcase, expired_evidence_on_a_pooled_connection_is_learned_again);
	tcase_add_test(tcase, clock_set_back_revives_nothing);
	tcase_add_test(tcase, unknown_key_is_refused_inside_the_handshake);
	tcase_add_test(
	    tcase, rotated_key_costs_one_refused_and_one_finished_handshake);
	tcase_add_test(tcase, connection_of_another_client_is_refused);
	tcase_add_test(tcase, connection_of_another_enclave_is_refused);
	tcase_add_test(
	    tcase, connection_that_no_hook_of_ours_opened_is_refused);
	tcase_add_test(
	    tcase, evidence_connection_carries_nothing_but_the_evidence_get);
	tcase_add_test(tcase, other_origin_and_plain_http_are_refused);
	tcase_add_test(tcase, tls13_session_is_never_resumed);
	tcase_add_test(tcase, key_log_variable_is_ignored);
	tcase_add_test(tcase, old_tls_early_data_and_unverified_peers_are_off);
	tcase_add_test(tcase, switched_off_verification_changes_nothing);
	tcase_add_loop_test(
	    tcase, web_pki_is_required_beside_the_attested_key, 0, 3);
	tcase_add_test(tcase, upload_stops_when_the_policy_changes);
	tcase_add_test(tcase, upload_stops_when_the_evidence_expires);
	tcase_add_test(tcase, download_stops_when_the_policy_changes);
	tcase_add_test(tcase, download_goes_on_after_expiry_by_default);
	tcase_add_test(tcase, download_stops_at_expiry_when_told_to);
	tcase_add_test(tcase, refused_handle_is_never_pooled);
	tcase_add_test(tcase, insecure_switches_mark_verdicts_and_raise_events);
	tcase_add_test(
	    tcase, refusal_of_the_key_keeps_what_its_evidence_showed);
	tcase_add_test(tcase, self_test_passes_here);
	tcase_add_test(tcase, self_test_that_fails_names_the_builds);
}

int
main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tls13 = tcase_create("TLS 1.3");
	TCase *tls12 = tcase_create("TLS 1.2");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls13, fixture_setup, fixture_teardown);
	add_tests(tls13);
	add_tests_of_attackers(tls13);
	suite_add_tcase(suite, tls13);
	tcase_add_checked_fixture(tls12, fixture_setup_tls12, fixture_teardown);
	tcase_add_test(tls12, tls12_session_is_never_resumed);
	tcase_add_test(tls12, renegotiation_is_not_followed);
	tcase_add_test(tls12, warm_requests_share_the_connection);
	suite_add_tcase(suite, tls12);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
