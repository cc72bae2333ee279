#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

/* Each gives false when memory is short. */

static bool
add_outcome(cJSON *json, const struct verdict *verdict)
{
	bool refused = verdict->status != ENCLAVE_CLIENT_OK;
	enum enclave_client_step step =
	    enclave_client_error_step(verdict->error);
	const char *message = enclave_client_error_message(verdict->error);

	if (!refused || !message[0])
		message = enclave_client_status_text(verdict->status);
	if (!cJSON_AddStringToObject(
		json, "verdict", refused ? "refused" : verdict->accepted_as) ||
	    !cJSON_AddStringToObject(
		json, "status", enclave_client_status_name(verdict->status)))
		return false;
	if (refused && step != ENCLAVE_CLIENT_STEP_NONE) {
		if (!cJSON_AddStringToObject(
			json, "step", enclave_client_step_name(step)))
			return false;
	} else if (!cJSON_AddNullToObject(json, "step")) {
		return false;
	}
	return cJSON_AddStringToObject(json, "message", message) &&
	       cJSON_AddNumberToObject(json, "exit",
		   exit_status_of(verdict->status, verdict->error)) &&
	       cJSON_AddStringToObject(json, "judged_at", verdict->judged_at);
}

static int64_t
age_ms_of(const struct verdict *verdict)
{
	int64_t timestamp_ms =
	    enclave_client_document_timestamp_ms(verdict->document);
	struct timespec now;

	if (verdict->judged_at_ms == ENCLAVE_CLIENT_AT_DOCUMENT)
		return 0;
	if (verdict->judged_at_ms != ENCLAVE_CLIENT_AT_NOW)
		return verdict->judged_at_ms - timestamp_ms;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	       timestamp_ms;
}

/* How long it counts, and by what: of what was accepted alone. */
static bool
add_validity(cJSON *json, const struct verdict *verdict)
{
	const struct enclave_client_document *document = verdict->document;
	const char *label = enclave_client_document_set_label(document);

	/* Without a label no policy was asked. */
	if (verdict->status != ENCLAVE_CLIENT_OK || !label)
		return true;
	return cJSON_AddNumberToObject(json, "deadline_ms",
		   (double)enclave_client_document_deadline_ms(document)) &&
	       cJSON_AddNumberToObject(
		   json, "age_ms", (double)age_ms_of(verdict)) &&
	       cJSON_AddStringToObject(json, "set_label", label) &&
	       cJSON_AddNumberToObject(json, "set_index",
		   enclave_client_document_set_index(document));
}

/*
 * Claims stand under "document" only when chain and signature hold; what
 * nobody vouches for says nothing about debug mode either.
 */
static bool
add_document(cJSON *json, const struct verdict *verdict)
{
	bool authentic = enclave_client_document_authentic(verdict->document);
	char *text = NULL;
	cJSON *claims;

	if (authentic && !cJSON_AddBoolToObject(json, "debug",
			     enclave_client_document_debug(verdict->document)))
		return false;
	if (!authentic && !cJSON_AddNullToObject(json, "debug"))
		return false;
	if (verdict->enclave &&
	    !cJSON_AddStringToObject(json, "enclave", verdict->enclave))
		return false;
	if (!verdict->document)
		return verdict->enclave ||
		       cJSON_AddObjectToObject(json, "unverified");
	text = enclave_client_document_json(verdict->document);
	claims = text ? cJSON_Parse(text) : NULL;
	free(text);
	if (!cJSON_AddItemToObject(
		json, authentic ? "document" : "unverified", claims)) {
		cJSON_Delete(claims);
		return false;
	}
	return true;
}

int
json_print_verdict(const struct verdict *verdict, struct fault *fault)
{
	int result = exit_status_of(verdict->status, verdict->error);
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (json && add_outcome(json, verdict) && add_validity(json, verdict) &&
	    add_document(json, verdict))
		text = cJSON_Print(json);
	if (!text)
		result = fault_memory(fault);
	else if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		result = fault_set(fault, EXIT_WRITE,
		    "writing to standard output failed: %s", strerror(errno));
	free(text);
	cJSON_Delete(json);
	return result;
}

/* The item is given away. */
static bool
add_item(cJSON *json, const char *name, cJSON *item)
{
	if (cJSON_AddItemToObject(json, name, item))
		return true;
	cJSON_Delete(item);
	return false;
}

/* What the library's JSON of an error has beside the line's own members. */
static const char *const facts[] = {"pcr", "age_ms", "deadline_ms"};

void
json_facts(const struct enclave_client_error *error, char *ret_text, int size)
{
	char *whole = enclave_client_error_json(error);
	cJSON *json = whole ? cJSON_Parse(whole) : NULL;
	cJSON *chosen = cJSON_CreateObject();

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		(void)add_item(chosen, facts[i],
		    cJSON_DetachItemFromObject(json, facts[i]));
	if (!chosen || !cJSON_PrintPreallocated(chosen, ret_text, size, false))
		ret_text[0] = '\0';
	cJSON_Delete(chosen);
	cJSON_Delete(json);
	free(whole);
}

static bool
add_facts(cJSON *json, const struct fault *fault)
{
	cJSON *chosen = cJSON_Parse(fault->facts[0] ? fault->facts : "{}");
	bool added = chosen != NULL;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		cJSON *fact = cJSON_DetachItemFromObject(chosen, facts[i]);

		if (!fact)
			fact = cJSON_CreateNull();
		added = add_item(json, facts[i], fact) && added;
	}
	cJSON_Delete(chosen);
	return added;
}

static bool
add_text_or_null(cJSON *json, const char *name, const char *text)
{
	return text ? cJSON_AddStringToObject(json, name, text) != NULL
		    : cJSON_AddNullToObject(json, name) != NULL;
}

void
json_print_fault(const struct fault *fault)
{
	bool ours = fault->status != ENCLAVE_CLIENT_OK;
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (json && cJSON_AddNumberToObject(json, "exit", fault->exit_status) &&
	    add_text_or_null(json, "status",
		ours ? enclave_client_status_name(fault->status) : NULL) &&
	    add_text_or_null(json, "category",
		ours ? enclave_client_category_name(
			   enclave_client_status_category(fault->status))
		     : NULL) &&
	    add_text_or_null(json, "step",
		fault->step ? enclave_client_step_name(fault->step) : NULL) &&
	    add_text_or_null(
		json, "enclave", fault->enclave[0] ? fault->enclave : NULL) &&
	    cJSON_AddStringToObject(json, "message", fault->text) &&
	    add_facts(json, fault))
		text = cJSON_PrintUnformatted(json);
	/* Without memory for it the plain line says as much. */
	if (text)
		(void)fprintf(stderr, "%s\n", text);
	else
		(void)fprintf(stderr, "attest-curl: (%d) %s\n",
		    fault->exit_status, fault->text);
	free(text);
	cJSON_Delete(json);
}
