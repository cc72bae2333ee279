/* Reports as structs, JSON and Prometheus text, of clients that never speak. */
#include <check.h>
#include <cjson/cJSON.h>
#include <enclave_client.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "client/client.h"

#define HEX48                                                                  \
	"111111111111111111111111111111111111111111111111"                     \
	"111111111111111111111111111111111111111111111111"

static struct enclave_client *client;
static struct enclave_client_error *error;

static void
make_client(const char *map)
{
	struct enclave_client_config *config = NULL;

	error = enclave_client_error_new();
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_polling(config, false);
	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), error) == 0,
	    "%s", enclave_client_error_message(error));
	ck_assert_int_eq(enclave_client_new(config, &client, error), 0);
	enclave_client_config_free(config);
}

static void
two(void)
{
	make_client("{\"enclaves\":{"
		    "\"a\\\"b\\\\c\":{\"url\":\"https://a.example\","
		    "\"pcrs\":{\"PCR0\":\"" HEX48 "\"}},"
		    "\"second\":{\"url\":\"https://b.example:8443\","
		    "\"pcrs\":{\"PCR0\":\"" HEX48 "\"}}}}");
}

static void
teardown(void)
{
	enclave_client_free(client);
	enclave_client_error_free(error);
	client = NULL;
}

static struct enclave_client_report *
report(const char *name)
{
	struct enclave_client_report *made = NULL;

	ck_assert_msg(enclave_client_report(client, name, &made, error) == 0,
	    "%s", enclave_client_error_message(error));
	return made;
}

static void
note_failure(const char *name, enum enclave_client_status status,
    enum enclave_client_step step)
{
	struct enclave_client_error about = {0};
	struct cache_slot *slot = cache_find(client->cache, name);

	ck_assert_ptr_nonnull(slot);
	error_set(&about, status, step, "it went \"wrong\"");
	cache_note_failure(client->cache, slot, &about);
	cache_slot_unref(slot);
}

START_TEST(cold_enclaves_in_the_order_of_the_map)
{
	struct enclave_client_report *all;
	const struct enclave_client_report_enclave *first;

	two();
	all = report(NULL);
	ck_assert_uint_eq(enclave_client_report_count(all), 2);
	first = enclave_client_report_at(all, 0);
	ck_assert_str_eq(first->name, "a\"b\\c");
	ck_assert_str_eq(first->url, "https://a.example");
	ck_assert_int_eq(first->state, ENCLAVE_CLIENT_STATE_COLD);
	ck_assert_uint_eq(first->key_count, 0);
	ck_assert_int_eq(first->last_status, ENCLAVE_CLIENT_OK);
	ck_assert_str_eq(first->last_message, "");
	ck_assert_int_eq(first->last_poll_ms, 0);
	ck_assert_int_eq(first->next_poll_ms, 0);
	ck_assert(!first->insecure);
	ck_assert_str_eq(enclave_client_report_at(all, 1)->name, "second");
	ck_assert_ptr_null(enclave_client_report_at(all, 2));
	enclave_client_report_free(all);
}
END_TEST

START_TEST(one_enclave_by_name)
{
	struct enclave_client_report *one;

	two();
	one = report("second");
	ck_assert_uint_eq(enclave_client_report_count(one), 1);
	ck_assert_str_eq(enclave_client_report_at(one, 0)->name, "second");
	enclave_client_report_free(one);
}
END_TEST

START_TEST(what_is_not_there_is_refused)
{
	struct enclave_client_report *none = NULL;

	two();
	ck_assert_int_eq(enclave_client_report(client, "third", &none, error),
	    ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE);
	ck_assert_int_eq(enclave_client_report(NULL, NULL, &none, error),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_int_eq(enclave_client_report(client, NULL, NULL, error),
	    ENCLAVE_CLIENT_ERR_USAGE);
	ck_assert_ptr_null(none);
	ck_assert_uint_eq(enclave_client_report_count(NULL), 0);
	ck_assert_ptr_null(enclave_client_report_at(NULL, 0));
	ck_assert_ptr_null(enclave_client_report_json(NULL));
	ck_assert_ptr_null(enclave_client_report_prometheus(NULL));
	enclave_client_report_free(NULL);
}
END_TEST

static const struct {
	enum enclave_client_status status;
	enum enclave_client_step step;
	enum enclave_client_state state;
} failures[] = {
    {ENCLAVE_CLIENT_ERR_NETWORK, ENCLAVE_CLIENT_STEP_FETCH,
	ENCLAVE_CLIENT_STATE_UNREACHABLE},
    {ENCLAVE_CLIENT_ERR_TIMEOUT, ENCLAVE_CLIENT_STEP_FETCH,
	ENCLAVE_CLIENT_STATE_UNREACHABLE},
    {ENCLAVE_CLIENT_ERR_SIGNATURE, ENCLAVE_CLIENT_STEP_SIGNATURE,
	ENCLAVE_CLIENT_STATE_REFUSED},
    {ENCLAVE_CLIENT_ERR_MEASUREMENT, ENCLAVE_CLIENT_STEP_POLICY,
	ENCLAVE_CLIENT_STATE_REFUSED},
};

START_TEST(a_failure_makes_the_state)
{
	struct enclave_client_report *one;
	const struct enclave_client_report_enclave *shown;

	two();
	note_failure("second", failures[_i].status, failures[_i].step);
	one = report("second");
	shown = enclave_client_report_at(one, 0);
	ck_assert_int_eq(shown->state, failures[_i].state);
	ck_assert_int_eq(shown->last_status, failures[_i].status);
	ck_assert_int_eq(shown->last_step, failures[_i].step);
	ck_assert_str_eq(shown->last_message, "it went \"wrong\"");
	enclave_client_report_free(one);
}
END_TEST

static const cJSON *
member(const cJSON *json, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);

	ck_assert_msg(value != NULL, "no member %s", name);
	return value;
}

START_TEST(json_has_every_member)
{
	static const char *const counters[] = {"polls", "polls_failed",
	    "documents_accepted", "documents_refused", "requests", "refusals",
	    "learnings"};
	struct enclave_client_report *all;
	const cJSON *first;
	const cJSON *second;
	char *text;
	cJSON *json;

	two();
	note_failure("second", ENCLAVE_CLIENT_ERR_SIGNATURE,
	    ENCLAVE_CLIENT_STEP_SIGNATURE);
	all = report(NULL);
	text = enclave_client_report_json(all);
	ck_assert_ptr_nonnull(text);
	json = cJSON_Parse(text);
	ck_assert_ptr_nonnull(json);
	ck_assert(cJSON_IsNumber(member(json, "at_ms")));
	first = cJSON_GetArrayItem(member(json, "enclaves"), 0);
	second = cJSON_GetArrayItem(member(json, "enclaves"), 1);
	ck_assert_str_eq(member(first, "name")->valuestring, "a\"b\\c");
	ck_assert_str_eq(member(first, "state")->valuestring, "cold");
	ck_assert(cJSON_IsNull(member(first, "last_error")));
	ck_assert(cJSON_IsNull(member(first, "last_poll_ms")));
	ck_assert(cJSON_IsNull(member(first, "next_poll_ms")));
	ck_assert(cJSON_IsFalse(member(first, "insecure")));
	ck_assert(cJSON_IsNumber(member(first, "generation")));
	ck_assert_int_eq(cJSON_GetArraySize(member(first, "keys")), 0);
	ck_assert_str_eq(
	    member(second, "url")->valuestring, "https://b.example:8443");
	ck_assert_str_eq(
	    member(member(second, "last_error"), "status")->valuestring,
	    "ENCLAVE_CLIENT_ERR_SIGNATURE");
	ck_assert_str_eq(
	    member(member(second, "last_error"), "step")->valuestring,
	    "signature");
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		ck_assert(cJSON_IsNumber(
		    member(member(second, "counters"), counters[i])));
	cJSON_Delete(json);
	free(text);
	enclave_client_report_free(all);
}
END_TEST

START_TEST(prometheus_text_is_well_formed)
{
	static const char *const lines[] = {
	    "# TYPE enclave_client_attested gauge\n",
	    "enclave_client_attested{enclave=\"a\\\"b\\\\c\"} 0\n",
	    "enclave_client_live_keys{enclave=\"second\"} 0\n",
	    "# TYPE enclave_client_polls_total counter\n",
	    "enclave_client_refusals_total{enclave=\"second\"} 2\n",
	    "# HELP enclave_client_requests_total ",
	};
	struct enclave_client_report *all;
	struct cache_slot *slot;
	char *text;

	two();
	slot = cache_find(client->cache, "second");
	cache_count(slot, CACHE_REFUSALS);
	cache_count(slot, CACHE_REFUSALS);
	cache_slot_unref(slot);
	all = report(NULL);
	text = enclave_client_report_prometheus(all);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(text, lines[i]) != NULL, "no %s in:\n%s",
		    lines[i], text);
	/* What never was has no line, rather than the year 1970. */
	ck_assert_ptr_null(strstr(text, "first_deadline_seconds{"));
	ck_assert_ptr_null(strstr(text, "last_poll_seconds{"));
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	free(text);
	enclave_client_report_free(all);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(
	    enclave_client_state_name(ENCLAVE_CLIENT_STATE_EXPIRED), "expired");
	ck_assert_str_eq(
	    enclave_client_state_name(ENCLAVE_CLIENT_STATE_UNREACHABLE),
	    "unreachable");
	ck_assert_str_eq(
	    enclave_client_state_name((enum enclave_client_state)99),
	    "unknown");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("report");
	TCase *cases = tcase_create("report");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, NULL, teardown);
	tcase_add_test(cases, cold_enclaves_in_the_order_of_the_map);
	tcase_add_test(cases, one_enclave_by_name);
	tcase_add_test(cases, what_is_not_there_is_refused);
	tcase_add_loop_test(cases, a_failure_makes_the_state, 0,
	    sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(cases, json_has_every_member);
	tcase_add_test(cases, prometheus_text_is_well_formed);
	tcase_add_test(cases, states_have_names);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
