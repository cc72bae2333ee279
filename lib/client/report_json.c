#include <cjson/cJSON.h>

#include "client/report.h"

static bool
add_text(cJSON *json, const char *name, const char *value)
{
	return cJSON_AddStringToObject(json, name, value) != NULL;
}

static bool
add_number(cJSON *json, const char *name, double value)
{
	return cJSON_AddNumberToObject(json, name, value) != NULL;
}

static bool
add_time(cJSON *json, const char *name, int64_t time_ms)
{
	if (!time_ms)
		return cJSON_AddNullToObject(json, name) != NULL;
	return add_number(json, name, (double)time_ms);
}

/* A new object at the end of the array; NULL when memory is short. */
static cJSON *
append_object(cJSON *array)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddItemToArray(array, json))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static bool
add_key(cJSON *keys, const struct enclave_client_report_key *key)
{
	cJSON *json = append_object(keys);

	return json && add_text(json, "sha256", key->sha256) &&
	       add_text(json, "module_id", key->module_id) &&
	       add_time(json, "timestamp_ms", key->timestamp_ms) &&
	       add_time(json, "deadline_ms", key->deadline_ms) &&
	       add_text(json, "set_label", key->set_label) &&
	       add_number(json, "set_index", (double)key->set_index);
}

static bool
add_keys(cJSON *json, const struct enclave_client_report_enclave *enclave)
{
	cJSON *keys = cJSON_AddArrayToObject(json, "keys");
	bool added = keys != NULL;

	for (size_t i = 0; added && i < enclave->key_count; i++)
		added = add_key(keys, &enclave->keys[i]);
	return added;
}

static bool
add_last_error(cJSON *json, const struct enclave_client_report_enclave *enclave)
{
	enum enclave_client_status status = enclave->last_status;
	cJSON *error;

	if (!status)
		return cJSON_AddNullToObject(json, "last_error") != NULL;
	error = cJSON_AddObjectToObject(json, "last_error");
	return error &&
	       add_text(error, "status", enclave_client_status_name(status)) &&
	       add_text(error, "category",
		   enclave_client_category_name(
		       enclave_client_status_category(status))) &&
	       add_text(error, "step",
		   enclave_client_step_name(enclave->last_step)) &&
	       add_text(error, "message", enclave->last_message);
}

static bool
add_counters(cJSON *json, const struct enclave_client_report_enclave *enclave)
{
	cJSON *counters = cJSON_AddObjectToObject(json, "counters");
	bool added = counters != NULL;

	for (size_t i = 0; added && i < report_counters_count; i++)
		added = add_number(counters, report_counters[i].name,
		    (double)report_counter_value(&report_counters[i], enclave));
	return added;
}

static bool
add_enclave(
    cJSON *enclaves, const struct enclave_client_report_enclave *enclave)
{
	cJSON *json = append_object(enclaves);

	return json && add_text(json, "name", enclave->name) &&
	       add_text(json, "url", enclave->url) &&
	       add_text(
		   json, "state", enclave_client_state_name(enclave->state)) &&
	       cJSON_AddBoolToObject(json, "insecure", enclave->insecure) &&
	       add_number(json, "generation", (double)enclave->generation) &&
	       add_keys(json, enclave) &&
	       add_time(json, "last_poll_ms", enclave->last_poll_ms) &&
	       add_time(json, "next_poll_ms", enclave->next_poll_ms) &&
	       add_last_error(json, enclave) && add_counters(json, enclave);
}

char *
enclave_client_report_json(const struct enclave_client_report *report)
{
	cJSON *json = report ? cJSON_CreateObject() : NULL;
	cJSON *enclaves = NULL;
	char *text = NULL;
	bool added = json && add_number(json, "at_ms", (double)report->at_ms);

	if (added)
		enclaves = cJSON_AddArrayToObject(json, "enclaves");
	added = enclaves != NULL;
	for (size_t i = 0; added && i < report->count; i++)
		added = add_enclave(enclaves, &report->items[i].shown);
	if (added)
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}
