/* The error as one JSON object; apart, because lib/base is libc only. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/error.h"

static const char *
foreign_name(enum enclave_client_foreign foreign)
{
	switch (foreign) {
	case ENCLAVE_CLIENT_FOREIGN_CURL:
		return "curl";
	case ENCLAVE_CLIENT_FOREIGN_X509:
		return "x509";
	case ENCLAVE_CLIENT_FOREIGN_ERRNO:
		return "errno";
	case ENCLAVE_CLIENT_FOREIGN_HTTP:
		return "http";
	case ENCLAVE_CLIENT_FOREIGN_NONE:
		break;
	}
	return "none";
}

/* Each gives false when memory is short. */

static bool
add_ms(cJSON *json, const char *name, int64_t ms)
{
	return ms == ENCLAVE_CLIENT_MS_UNKNOWN
		   ? cJSON_AddNullToObject(json, name) != NULL
		   : cJSON_AddNumberToObject(json, name, (double)ms) != NULL;
}

static bool
add_accepted(cJSON *pcr, const struct enclave_client_error *error)
{
	cJSON *accepted = cJSON_AddArrayToObject(pcr, "accepted");
	const char *hex;

	if (!accepted)
		return false;
	for (size_t i = 0;
	     (hex = enclave_client_error_pcr_accepted(error, i)) != NULL; i++) {
		cJSON *item = cJSON_CreateString(hex);

		if (!item || !cJSON_AddItemToArray(accepted, item)) {
			cJSON_Delete(item);
			return false;
		}
	}
	return cJSON_AddBoolToObject(pcr, "accepted_more",
		   enclave_client_error_pcr_accepted_more(error)) != NULL;
}

static bool
add_pcr(cJSON *json, const struct enclave_client_error *error)
{
	const char *shown = enclave_client_error_pcr_shown(error);
	int index = enclave_client_error_pcr(error);
	cJSON *pcr;

	if (index < 0)
		return cJSON_AddNullToObject(json, "pcr") != NULL;
	pcr = cJSON_AddObjectToObject(json, "pcr");
	return pcr && cJSON_AddNumberToObject(pcr, "index", index) &&
	       (*shown ? cJSON_AddStringToObject(pcr, "shown", shown)
		       : cJSON_AddNullToObject(pcr, "shown")) &&
	       add_accepted(pcr, error);
}

static bool
add_facts(cJSON *json, const struct enclave_client_error *error)
{
	return add_pcr(json, error) &&
	       add_ms(json, "age_ms", enclave_client_error_age_ms(error)) &&
	       add_ms(json, "deadline_ms",
		   enclave_client_error_deadline_ms(error));
}

char *
enclave_client_error_json(const struct enclave_client_error *error)
{
	enum enclave_client_status status = enclave_client_error_status(error);
	enum enclave_client_category category =
	    enclave_client_status_category(status);
	const struct {
		const char *name;
		const char *value;
	} members[] = {
	    {"status", enclave_client_status_name(status)},
	    {"category", enclave_client_category_name(category)},
	    {"step",
		enclave_client_step_name(enclave_client_error_step(error))},
	    {"enclave", enclave_client_error_enclave(error)},
	    {"message", enclave_client_error_message(error)},
	    {"foreign", foreign_name(enclave_client_error_foreign(error))},
	};
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (!json)
		return NULL;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!cJSON_AddStringToObject(
			json, members[i].name, members[i].value))
			goto out;
	if (!cJSON_AddNumberToObject(json, "foreign_code",
		(double)enclave_client_error_foreign_code(error)) ||
	    !add_facts(json, error))
		goto out;
	text = cJSON_PrintUnformatted(json);

out:
	cJSON_Delete(json);
	return text;
}
