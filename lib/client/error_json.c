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
		(double)enclave_client_error_foreign_code(error)))
		goto out;
	text = cJSON_PrintUnformatted(json);

out:
	cJSON_Delete(json);
	return text;
}
