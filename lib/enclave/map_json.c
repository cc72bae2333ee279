/* The map of enclaves out of JSON, long or short form (DESIGN section 12). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/draft.h"
#include "enclave/map.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct json_rules config_rules = {
    .what = "the configuration",
    .bytes_max = CONFIG_JSON_MAX_BYTES,
    .depth_max = CONFIG_JSON_DEPTH_MAX,
    .status = ENCLAVE_CLIENT_ERR_CONFIG,
    .step = ENCLAVE_CLIENT_STEP_NONE,
};

static const struct json_rules pcrs_rules = {
    .what = "the text of the PCRs",
    .bytes_max = CONFIG_JSON_MAX_BYTES,
    .depth_max = CONFIG_JSON_DEPTH_MAX,
    .status = ENCLAVE_CLIENT_ERR_CONFIG,
    .step = ENCLAVE_CLIENT_STEP_NONE,
};

static const char *const long_members[] = {
    "enclaves", "version", "defaults", "domain", "polls_in_flight"};

struct reading {
	const struct enclave_map_options *options;
	struct draft defaults;
	bool long_form;
	const char *domain; /* NULL: none */
	int64_t polls_in_flight;
	struct enclave_map *map;
};

/*
 * A name without a dot under "domain".  Host names have no underscore, and
 * Evervault's ids have (app_1 is served as app-1).
 */
static char *
url_under_domain(const char *name, const char *domain)
{
	char *url = NULL;

	if (asprintf(&url, "https://%s.%s", name, domain) < 0)
		return NULL;
	for (char *byte = url; *byte; byte++)
		if (*byte == '_')
			*byte = '-';
	return url;
}

static enum enclave_client_status
url_from_name(const struct reading *reading, const char *name,
    const struct json_place *place, char **ret_url,
    struct enclave_client_error *error)
{
	bool dotted = name[strcspn(name, ".:[")] != '\0';
	char *url = NULL;

	if (name[strcspn(name, "/?#")])
		return json_refuse(error, place,
		    "a name that stands for a host is host[:port], without "
		    "scheme or path");
	if (reading->long_form && !dotted) {
		if (!reading->domain)
			return json_refuse(error, place,
			    "\"url\" is missing, and without \"domain\" the "
			    "name alone makes no host");
		url = url_under_domain(name, reading->domain);
	} else if (asprintf(&url, "https://%s", name) < 0) {
		url = NULL;
	}
	if (!url)
		return error_memory(error);
	*ret_url = url;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
add_enclave(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct draft draft = reading->defaults;
	struct enclave *enclave = NULL;
	const struct enclave *other;
	char *url = NULL;
	enum enclave_client_status status;

	draft.name = json->string;
	status = draft_read(&draft, json, place, error);
	if (status)
		return status;
	if (!draft.url) {
		status = url_from_name(reading, draft.name, place, &url, error);
		if (status)
			return status;
		draft.url = url;
	}
	status = draft_make(&draft, reading->options, place, &enclave, error);
	free(url);
	if (status)
		return status;
	/* Else it would hang on chance which policy judges the origin. */
	other = enclave_map_find_origin(reading->map, &enclave->origin);
	if (other) {
		char name[JSON_PLACE_MAX_BYTES];
		struct json_place at =
		    json_place_member(place->parent, other->name);
		json_place_text(&at, name);
		status = json_refuse(error, place, "%s is already bound by %s",
		    enclave->url, name);
		enclave_unref(enclave);
		return status;
	}
	enclave_map_add(reading->map, enclave);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
add_all(struct reading *reading, const cJSON *json,
    const struct json_place *place, struct enclave_client_error *error)
{
	size_t count = (size_t)cJSON_GetArraySize(json);
	enum enclave_client_status status;
	const cJSON *member;

	if (count > ENCLAVES_MAX)
		return json_refuse(error, place, "%zu enclaves, at most %d",
		    count, ENCLAVES_MAX);
	reading->map = enclave_map_new(count);
	if (!reading->map)
		return error_memory(error);
	enclave_map_set_polls_in_flight(
	    reading->map, (size_t)reading->polls_in_flight);
	cJSON_ArrayForEach(member, json)
	{
		struct json_place at = json_place_member(place, member->string);
		status = add_enclave(reading, member, &at, error);
		if (status)
			return status;
	}
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_version(const cJSON *json, const struct json_place *root,
    struct enclave_client_error *error)
{
	struct json_place place = json_place_member(root, "version");
	int64_t version;

	if (!json || json_integer(json, 1, 1, &version))
		return ENCLAVE_CLIENT_OK;
	return json_refuse(error, &place, "expected 1, the only version");
}

static enum enclave_client_status
read_polls_in_flight(struct reading *reading, const cJSON *json,
    const struct json_place *root, struct enclave_client_error *error)
{
	struct json_place place = json_place_member(root, "polls_in_flight");

	if (!json || json_integer(json, 1, POLLS_IN_FLIGHT_MAX,
			 &reading->polls_in_flight))
		return ENCLAVE_CLIENT_OK;
	return json_refuse(error, &place,
	    "expected a whole number of polls, from 1 to %d",
	    POLLS_IN_FLIGHT_MAX);
}

static enum enclave_client_status
read_domain(struct reading *reading, const cJSON *json,
    const struct json_place *root, struct enclave_client_error *error)
{
	struct json_place place = json_place_member(root, "domain");
	struct enclave_client_error fault;
	struct origin origin = {0};
	enum enclave_client_status status;
	char *url = NULL;

	if (!json)
		return ENCLAVE_CLIENT_OK;
	if (!cJSON_IsString(json))
		return json_refuse(
		    error, &place, "%s, expected a string", json_kind(json));
	/* Tried with a name in front, so that the fault is named here. */
	url = url_under_domain("name", json->valuestring);
	if (!url)
		return error_memory(error);
	status = origin_from_url(url, &origin, &fault);
	if (status && status != ENCLAVE_CLIENT_ERR_CONFIG)
		error_copy(error, &fault);
	else if (status || !origin_only(url) || !strchr(origin.host, '.'))
		status = json_refuse(error, &place,
		    "expected a domain such as "
		    "\"app-1234.enclave.evervault.com\"%s%s",
		    status ? ": " : "", status ? fault.message : "");
	else
		reading->domain = json->valuestring;
	origin_clear(&origin);
	free(url);
	return status;
}

static enum enclave_client_status
read_long(struct reading *reading, const cJSON *json,
    const struct json_place *root, struct enclave_client_error *error)
{
	const cJSON *enclaves = json_member(json, "enclaves");
	const cJSON *defaults = json_member(json, "defaults");
	struct json_place place = json_place_member(root, "defaults");
	enum enclave_client_status status;
	const cJSON *member;

	reading->long_form = true;
	cJSON_ArrayForEach(member, json)
	{
		size_t i = 0;
		while (i < COUNT(long_members) &&
		       strcmp(member->string, long_members[i]))
			i++;
		if (i == COUNT(long_members))
			return json_refuse_unknown(error, root, member->string,
			    long_members, COUNT(long_members));
	}
	status = read_version(json_member(json, "version"), root, error);
	if (!status)
		status = read_domain(
		    reading, json_member(json, "domain"), root, error);
	if (!status)
		status = read_polls_in_flight(
		    reading, json_member(json, "polls_in_flight"), root, error);
	if (!status && defaults)
		status = draft_read_defaults(
		    &reading->defaults, defaults, &place, error);
	if (status)
		return status;
	place = json_place_member(root, "enclaves");
	if (!cJSON_IsObject(enclaves))
		return json_refuse(error, &place, "%s, expected an object",
		    json_kind(enclaves));
	return add_all(reading, enclaves, &place, error);
}

static enum enclave_client_status
read_short(struct reading *reading, const cJSON *json,
    const struct json_place *root, struct enclave_client_error *error)
{
	if (!json->child)
		return json_refuse(error, root,
		    "no enclave in it; an empty map is written "
		    "{\"enclaves\": {}}");
	for (size_t i = 1; i < COUNT(long_members); i++) {
		struct json_place place =
		    json_place_member(root, long_members[i]);
		if (json_member(json, long_members[i]))
			return json_refuse(error, &place,
			    "goes with the long form, whose enclaves stand "
			    "under \"enclaves\"");
	}
	return add_all(reading, json, root, error);
}

enum enclave_client_status
enclave_map_new_json(struct bytes text,
    const struct enclave_map_options *options, struct enclave_map **ret_map,
    struct enclave_client_error *error)
{
	struct reading reading = {
	    .options = options,
	    .defaults = draft_default(),
	    .polls_in_flight = POLLS_IN_FLIGHT_MAX,
	};
	struct json_place root = json_place_root("");
	enum enclave_client_status status;
	cJSON *json = NULL;

	status = json_parse(text, &config_rules, &json, error);
	if (status)
		return status;
	if (!cJSON_IsObject(json))
		status = json_refuse(error, &root,
		    "%s, expected an object of enclaves", json_kind(json));
	else if (json_member(json, "enclaves"))
		status = read_long(&reading, json, &root, error);
	else
		status = read_short(&reading, json, &root, error);
	if (status)
		goto out;
	*ret_map = reading.map;
	reading.map = NULL; /* handed over */
out:
	enclave_map_unref(reading.map);
	cJSON_Delete(json);
	return status;
}

static enum enclave_client_status
make_single(const struct enclave_single *single, const cJSON *pcrs,
    const struct enclave_map_options *options, struct enclave **ret_enclave,
    struct enclave_client_error *error)
{
	struct json_place root = json_place_root("");
	struct draft draft = draft_default();
	struct origin origin = {0};
	enum enclave_client_status status;
	char *url;

	status = origin_from_url(single->url, &origin, error);
	if (status)
		return status;
	url = origin_string(&origin);
	origin_clear(&origin);
	if (!url)
		return error_memory(error);
	draft.url = url;
	draft.url_member = true;
	draft.pcrs = pcrs;
	draft.pcrs_member = true;
	/* What follows the scheme, which draft_make() demands to be https. */
	draft.name = single->name ? single->name : strstr(url, "//") + 2;
	status = draft_make(&draft, options, &root, ret_enclave, error);
	free(url);
	return status;
}

enum enclave_client_status
enclave_map_new_single(const struct enclave_single *single,
    const struct enclave_map_options *options, struct enclave_map **ret_map,
    struct enclave_client_error *error)
{
	struct enclave *enclave = NULL;
	struct enclave_map *map = NULL;
	enum enclave_client_status status;
	cJSON *pcrs = NULL;

	status = json_parse(single->pcrs, &pcrs_rules, &pcrs, error);
	if (status)
		return status;
	status = make_single(single, pcrs, options, &enclave, error);
	if (status)
		goto out;
	map = enclave_map_new(1);
	if (!map) {
		status = error_memory(error);
		goto out;
	}
	enclave_map_add(map, enclave);
	enclave = NULL; /* handed over */
	*ret_map = map;
out:
	enclave_unref(enclave);
	cJSON_Delete(pcrs);
	return status;
}
