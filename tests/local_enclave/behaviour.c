#include "behaviour.h"

#include "encoding.h"
#include "fatal.h"

#include <stdlib.h>
#include <string.h>

static const char *const mode_names[EVIDENCE_MODES] = {
    [EVIDENCE_GOOD] = "good",
    [EVIDENCE_OTHER_KEY] = "other-key",
    [EVIDENCE_NULL_USER_DATA] = "null-user-data",
    [EVIDENCE_OLD] = "old",
    [EVIDENCE_EXPIRED] = "expired",
    [EVIDENCE_FUTURE] = "future",
    [EVIDENCE_BROKEN_SIGNATURE] = "broken-signature",
    [EVIDENCE_FOREIGN_ROOT] = "foreign-root",
    [EVIDENCE_TRUNCATED] = "truncated",
    [EVIDENCE_NITROTPM] = "nitrotpm",
    [EVIDENCE_EMPTY] = "empty",
    [EVIDENCE_NOT_JSON] = "not-json",
    [EVIDENCE_MISSING_MEMBER] = "missing-member",
    [EVIDENCE_BAD_BASE64] = "bad-base64",
    [EVIDENCE_HUGE] = "huge",
    [EVIDENCE_SLOW] = "slow",
    [EVIDENCE_NEVER] = "never",
    [EVIDENCE_STATUS] = "status",
    [EVIDENCE_REDIRECT] = "redirect",
    [EVIDENCE_CUT] = "cut",
    [EVIDENCE_CLOSE] = "close",
};

/* Integers that JSON's doubles hold exactly. */
static const double number_max = 9007199254740992.0;

void
behaviour_default(struct behaviour *behaviour)
{
	memset(behaviour, 0, sizeof(*behaviour));
	measurements_default(&behaviour->pcrs, MINT_INSTANCE_ID);
	behaviour->era = ERA_2026;
	behaviour->mode_status = 503;
	behaviour->age_ms = 600000;
	behaviour->interval_ms = 100;
	behaviour->evidence_status = 200;
	behaviour->keep_alive = true;
	behaviour->leaf_life_s = LEAF_LIFE_S;
}

static bool
take_number(
    const cJSON *item, double minimum, double maximum, double *ret_value)
{
	double value = cJSON_GetNumberValue(item);

	if (!cJSON_IsNumber(item) || value < minimum || value > maximum)
		return false;
	*ret_value = value;
	return true;
}

static bool
take_int64(const cJSON *item, double minimum, int64_t *ret_value)
{
	double value;

	if (!take_number(item, minimum, number_max, &value))
		return false;
	*ret_value = (int64_t)value;
	return true;
}

static bool
take_status(const cJSON *item, int *ret_status)
{
	double value;

	if (!take_number(item, 200, 599, &value))
		return false;
	*ret_status = (int)value;
	return true;
}

static bool
take_bool(const cJSON *item, bool *ret_value)
{
	if (!cJSON_IsBool(item))
		return false;
	*ret_value = cJSON_IsTrue(item);
	return true;
}

/* An object merges index by index; null brings the defaults back. */
static bool
take_pcrs(const cJSON *item, struct measurements *pcrs)
{
	const cJSON *member;

	if (cJSON_IsNull(item)) {
		measurements_default(pcrs, MINT_INSTANCE_ID);
		return true;
	}
	if (!cJSON_IsObject(item))
		return false;
	cJSON_ArrayForEach(member, item)
	{
		char *text;
		bool good;

		if (!cJSON_IsString(member))
			return false;
		text =
		    must_format("%s=%s", member->string, member->valuestring);
		good = measurements_set_text(pcrs, text);
		free(text);
		if (!good)
			return false;
	}
	return true;
}

static bool
take_mode(const cJSON *item, enum evidence_mode *ret_mode)
{
	size_t i;

	for (i = 0; cJSON_IsString(item) && i < EVIDENCE_MODES; i++) {
		if (strcmp(item->valuestring, mode_names[i]) == 0) {
			*ret_mode = (enum evidence_mode)i;
			return true;
		}
	}
	return false;
}

static const char *const nonce_names[NONCE_MODES] = {
    [NONCE_ECHOED] = "echoed",
    [NONCE_REPLAYED] = "replayed",
    [NONCE_NULL] = "null",
    [NONCE_EMPTY] = "empty",
};

static bool
take_nonce(const char *text, enum nonce_mode *ret_mode)
{
	size_t i;

	for (i = 0; i < NONCE_MODES; i++) {
		if (strcmp(text, nonce_names[i]) == 0) {
			*ret_mode = (enum nonce_mode)i;
			return true;
		}
	}
	return false;
}

static bool
take_redirect(const cJSON *item, char *buffer)
{
	if (!cJSON_IsString(item) ||
	    strlen(item->valuestring) >= REDIRECT_BYTES_MAX)
		return false;
	memcpy(buffer, item->valuestring, strlen(item->valuestring) + 1);
	return true;
}

static bool
take_evidence_member(struct behaviour *behaviour, const cJSON *item)
{
	if (strcmp(item->string, "mode") == 0)
		return take_mode(item, &behaviour->mode);
	if (strcmp(item->string, "status") == 0)
		return take_status(item, &behaviour->mode_status);
	if (strcmp(item->string, "to") == 0)
		return take_redirect(item, behaviour->redirect_to);
	if (strcmp(item->string, "age_ms") == 0)
		return take_int64(item, 0, &behaviour->age_ms);
	if (strcmp(item->string, "interval_ms") == 0)
		return take_int64(item, 1, &behaviour->interval_ms);
	return false;
}

/* A bare string is short for {"mode": string}. */
static bool
take_evidence(struct behaviour *behaviour, const cJSON *item)
{
	const cJSON *member;

	if (cJSON_IsString(item))
		return take_mode(item, &behaviour->mode);
	if (!cJSON_IsObject(item))
		return false;
	cJSON_ArrayForEach(member, item)
	{
		if (!take_evidence_member(behaviour, member))
			return false;
	}
	return true;
}

/* Hexadecimal; null: the service's own again. */
static bool
take_user_data(const cJSON *item, struct behaviour *behaviour)
{
	size_t len = 0;

	if (cJSON_IsNull(item)) {
		behaviour->user_data_len = 0;
		return true;
	}
	if (!cJSON_IsString(item) ||
	    !hex_decode(item->valuestring, behaviour->user_data,
		sizeof(behaviour->user_data), &len) ||
	    len == 0)
		return false;
	behaviour->user_data_len = len;
	return true;
}

/* What the service is, and how it goes wrong. */
static bool
take_service_member(struct behaviour *behaviour, const cJSON *item)
{
	const char *name = item->string;
	const char *text = cJSON_IsString(item) ? item->valuestring : "";

	if (strcmp(name, "service") == 0)
		return service_parse(text, &behaviour->service);
	if (strcmp(name, "statement") == 0)
		return statement_parse(text, &behaviour->statement);
	if (strcmp(name, "carriage") == 0)
		return carriage_parse(text, &behaviour->carriage);
	if (strcmp(name, "nonce") == 0)
		return take_nonce(text, &behaviour->nonce);
	if (strcmp(name, "user_data") == 0)
		return take_user_data(item, behaviour);
	return false;
}

static bool
take_member(struct behaviour *behaviour, const cJSON *item)
{
	const char *name = item->string;
	const char *text = cJSON_IsString(item) ? item->valuestring : "";

	if (strcmp(name, "pcrs") == 0)
		return take_pcrs(item, &behaviour->pcrs);
	if (strcmp(name, "debug") == 0)
		return take_bool(item, &behaviour->debug);
	if (strcmp(name, "era") == 0)
		return era_parse(text, &behaviour->era);
	if (strcmp(name, "web_ca") == 0)
		return web_certificate_parse(text, &behaviour->web_ca);
	if (strcmp(name, "evidence") == 0)
		return take_evidence(behaviour, item);
	if (strcmp(name, "evidence_status") == 0)
		return take_status(item, &behaviour->evidence_status);
	if (strcmp(name, "keep_alive") == 0)
		return take_bool(item, &behaviour->keep_alive);
	if (strcmp(name, "ask_client_certificate") == 0)
		return take_bool(item, &behaviour->ask_client_certificate);
	if (strcmp(name, "leaf_life_s") == 0)
		return take_int64(item, 4, &behaviour->leaf_life_s);
	if (strcmp(name, "clock_offset_ms") == 0)
		return take_int64(
		    item, -number_max, &behaviour->clock_offset_ms);
	if (strcmp(name, "document_cache_ms") == 0)
		return take_int64(item, 0, &behaviour->document_cache_ms);
	return take_service_member(behaviour, item);
}

char *
behaviour_merge(struct behaviour *behaviour, const cJSON *settings)
{
	struct behaviour merged = *behaviour;
	const cJSON *item;

	if (!cJSON_IsObject(settings))
		return must_copy_text("not a JSON object");
	cJSON_ArrayForEach(item, settings)
	{
		if (!take_member(&merged, item))
			return must_format("not understood: %s", item->string);
	}
	*behaviour = merged;
	return NULL;
}

cJSON *
measurements_json(const struct measurements *pcrs)
{
	cJSON *object = cJSON_CreateObject();
	size_t i;

	must(object != NULL);
	for (i = 0; i < pcrs->shown; i++) {
		char *index = must_format("%zu", i);
		char *hex = hex_encode(pcrs->value[i], PCR_BYTES);

		must(cJSON_AddStringToObject(object, index, hex) != NULL);
		free(index);
		free(hex);
	}
	return object;
}

static void
add_number(cJSON *object, const char *name, int64_t value)
{
	must(cJSON_AddNumberToObject(object, name, (double)value) != NULL);
}

static void
add_text(cJSON *object, const char *name, const char *text)
{
	must(cJSON_AddStringToObject(object, name, text) != NULL);
}

cJSON *
behaviour_json(const struct behaviour *behaviour)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *evidence;

	must(object != NULL);
	must(cJSON_AddItemToObject(
	    object, "pcrs", measurements_json(&behaviour->pcrs)));
	must(cJSON_AddBoolToObject(object, "debug", behaviour->debug) != NULL);
	add_text(object, "service", service_name(behaviour->service));
	add_text(object, "statement", statement_name(behaviour->statement));
	add_text(object, "carriage", carriage_name(behaviour->carriage));
	add_text(object, "nonce", nonce_names[behaviour->nonce]);
	if (behaviour->user_data_len > 0) {
		char *hex =
		    hex_encode(behaviour->user_data, behaviour->user_data_len);

		add_text(object, "user_data", hex);
		free(hex);
	} else {
		must(cJSON_AddNullToObject(object, "user_data") != NULL);
	}
	add_text(object, "era", era_name(behaviour->era));
	add_text(object, "web_ca", web_certificate_name(behaviour->web_ca));
	evidence = cJSON_AddObjectToObject(object, "evidence");
	must(evidence != NULL);
	add_text(evidence, "mode", mode_names[behaviour->mode]);
	add_number(evidence, "status", behaviour->mode_status);
	add_text(evidence, "to", behaviour->redirect_to);
	add_number(evidence, "age_ms", behaviour->age_ms);
	add_number(evidence, "interval_ms", behaviour->interval_ms);
	add_number(object, "evidence_status", behaviour->evidence_status);
	must(cJSON_AddBoolToObject(
		 object, "keep_alive", behaviour->keep_alive) != NULL);
	must(cJSON_AddBoolToObject(object, "ask_client_certificate",
		 behaviour->ask_client_certificate) != NULL);
	add_number(object, "leaf_life_s", behaviour->leaf_life_s);
	add_number(object, "clock_offset_ms", behaviour->clock_offset_ms);
	add_number(object, "document_cache_ms", behaviour->document_cache_ms);
	return object;
}

struct measurements
behaviour_measurements(const struct behaviour *behaviour)
{
	struct measurements pcrs = behaviour->pcrs;

	if (behaviour->debug)
		measurements_debug(&pcrs);
	return pcrs;
}
