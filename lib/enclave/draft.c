/* An enclave out of a draft: names resolved, URLs in normal form. */
#include "enclave/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/profile_json.h"

struct draft
draft_default(void)
{
	return (struct draft){
	    .timing =
		{
		    .poll_interval_ms = POLL_INTERVAL_MS_DEFAULT,
		    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT,
		    .max_age_ms = MAX_AGE_MS_DEFAULT,
		    .clock_skew_ms = CLOCK_SKEW_MS_DEFAULT,
		    .fetch_timeout_ms = FETCH_TIMEOUT_MS_DEFAULT,
		    .body_max_bytes = EVIDENCE_BODY_MAX_BYTES_DEFAULT,
		},
	};
}

/* Names reach logs and messages, and fit the error object. */
static enum enclave_client_status
check_name(const char *name, const struct json_place *place,
    struct enclave_client_error *error)
{
	if (!*name)
		return json_refuse(error, place, "an enclave needs a name");
	if (strlen(name) > ENCLAVE_NAME_MAX_BYTES)
		return json_refuse(error, place,
		    "the name has %zu bytes, at most %d", strlen(name),
		    ENCLAVE_NAME_MAX_BYTES);
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return json_refuse(
			    error, place, "a control character in the name");
	return ENCLAVE_CLIENT_OK;
}

/* A refusal of the URL parser, with the place in front. */
static enum enclave_client_status
read_origin(const char *url, const struct json_place *place,
    struct origin *ret_origin, struct enclave_client_error *error)
{
	struct enclave_client_error fault;
	enum enclave_client_status status =
	    origin_from_url(url, ret_origin, &fault);

	if (status == ENCLAVE_CLIENT_ERR_CONFIG)
		return json_refuse(error, place, "%s", fault.message);
	if (status)
		error_copy(error, &fault);
	return status;
}

static enum enclave_client_status
set_origin(struct enclave *enclave, const struct draft *draft,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct json_place at =
	    draft->url_member ? json_place_member(place, "url") : *place;
	enum enclave_client_status status;

	status = read_origin(draft->url, &at, &enclave->origin, error);
	if (status)
		return status;
	if (!enclave->origin.https)
		return json_refuse(
		    error, &at, "only https can be bound to an enclave");
	if (!origin_only(draft->url))
		return json_refuse(error, &at,
		    "an origin has no path, query or fragment: those belong "
		    "to the request");
	enclave->url = origin_string(&enclave->origin);
	return enclave->url ? ENCLAVE_CLIENT_OK : error_memory(error);
}

/* Bytes that a request target takes as they are (RFC 3986 3.3 and 3.4). */
static bool
is_target(const char *text)
{
	for (; *text; text++)
		if (*text <= 0x20 || *text >= 0x7f || strchr("#\\\"<>", *text))
			return false;
	return true;
}

/* Where the profile's services have it. */
static enum enclave_client_status
set_default_evidence_url(
    struct enclave *enclave, struct enclave_client_error *error)
{
	const struct profile *profile = enclave->profile;
	bool served = profile->source == PROFILE_ENDPOINT;
	const char *path = served ? profile->evidence_path : "";
	struct origin at = enclave->origin;
	char *base;

	if (profile->plain_http) {
		at.https = false;
		at.port = 80;
	}
	if (profile->evidence_port)
		at.port = profile->evidence_port;
	base = origin_string(&at);
	if (!base || asprintf(&enclave->evidence_url, "%s%s", base, path) < 0) {
		enclave->evidence_url = NULL;
		free(base);
		return error_memory(error);
	}
	free(base);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
check_evidence_url(const struct enclave *enclave, const struct origin *origin,
    const char *rest, const struct json_place *place,
    struct enclave_client_error *error)
{
	const struct profile *profile = enclave->profile;

	if (!origin->https && !profile->plain_http)
		return json_refuse(error, place,
		    "evidence of the profile \"%s\" comes over https",
		    profile->name);
	if (!is_target(rest))
		return json_refuse(error, place,
		    "a fragment, or a character that must be percent-encoded");
	if (profile->nonce == PROFILE_NONCE_PATH && strchr(rest, '?'))
		return json_refuse(error, place,
		    "the nonce ends the path, and a query stands there");
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
set_evidence_url(struct enclave *enclave, const char *url,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct json_place at = json_place_member(place, "evidence_url");
	enum enclave_client_status status;
	struct origin origin = {0};
	char *base = NULL, *whole = NULL;

	if (!url)
		return set_default_evidence_url(enclave, error);
	if (enclave->profile->source == PROFILE_CERTIFICATE)
		return json_refuse(error, &at,
		    "evidence of the profile \"%s\" is in the certificate",
		    enclave->profile->name);
	status = read_origin(url, &at, &origin, error);
	if (status)
		return status;
	const char *rest = origin_rest(url);
	status = check_evidence_url(enclave, &origin, rest, &at, error);
	if (status)
		goto out;
	base = origin_string(&origin);
	if (!base || asprintf(&whole, "%s%s%s", base, *rest == '/' ? "" : "/",
			 rest) < 0) {
		status = error_memory(error);
		goto out;
	}
	enclave->evidence_url = whole;
out:
	free(base);
	origin_clear(&origin);
	return status;
}

/* A row by its name, or what the user composed. */
static enum enclave_client_status
set_profile(struct enclave *enclave, const struct draft *draft,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct json_place at = json_place_member(place, "profile");
	char names[PROFILE_NAMES_MAX_BYTES];
	enum enclave_client_status status;

	if (!draft->profile) {
		enclave->profile = profile_default();
	} else if (cJSON_IsString(draft->profile)) {
		enclave->profile = profile_find(draft->profile->valuestring);
	} else {
		status = profile_compose(
		    draft->profile, &at, &enclave->own_profile, error);
		if (status)
			return status;
		enclave->profile = enclave->own_profile;
	}
	if (!enclave->profile) {
		profile_names(names);
		return json_refuse(
		    error, &at, "no profile of that name; there are %s", names);
	}
	if (enclave->profile->ungated)
		return json_refuse(error, &at,
		    "the profile \"%s\" can't gate a connection: %s",
		    enclave->profile->name, enclave->profile->ungated);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
set_trust(struct enclave *enclave, const struct draft *draft,
    const struct json_place *place, struct enclave_client_error *error)
{
	struct json_place at = json_place_member(place, "trust");

	if (!draft->trust || !strcmp(draft->trust, "web_pki+attested_key"))
		enclave->web_pki = true;
	else if (strcmp(draft->trust, "attested_key") != 0)
		return json_refuse(error, &at,
		    "expected \"web_pki+attested_key\" or \"attested_key\"");
	return ENCLAVE_CLIENT_OK;
}

/* insecure_* members count only if the caller said so. */
static enum enclave_client_status
check_insecure(const struct draft *draft,
    const struct enclave_map_options *options, const struct json_place *place,
    struct enclave_client_error *error)
{
	const char *member = draft->insecure_allow_debug
				 ? "insecure_allow_debug"
				 : "insecure_keep_withdrawn";
	struct json_place at = json_place_member(place, member);

	if (options->insecure_allowed ||
	    (!draft->insecure_allow_debug && !draft->insecure_keep_withdrawn))
		return ENCLAVE_CLIENT_OK;
	return json_refuse(error, &at,
	    "insecure members count only where the program allows them "
	    "(insecure_allowed)");
}

static enum enclave_client_status
fill(struct enclave *enclave, const struct draft *draft,
    const struct enclave_map_options *options, const struct json_place *place,
    struct enclave_client_error *error)
{
	bool debug =
	    draft->insecure_allow_debug || options->insecure_allow_debug;
	struct json_place vouching = json_place_member(place, "evidence_of");
	const struct json_place *measured =
	    draft->delegated ? &vouching : place;
	struct json_place pcrs =
	    draft->pcrs_member ? json_place_member(measured, "pcrs") : *place;
	char where[JSON_PLACE_MAX_BYTES];
	enum enclave_client_status status;

	enclave->timing = draft->timing;
	enclave->cut_on_expiry = draft->cut_on_expiry;
	enclave->insecure_keep_withdrawn = draft->insecure_keep_withdrawn;
	enclave->insecure = debug || draft->insecure_keep_withdrawn;
	enclave->name = strdup(draft->name);
	if (!enclave->name)
		return error_memory(error);
	status = set_profile(enclave, draft, measured, error);
	if (!status)
		status = set_trust(enclave, draft, place, error);
	if (!status)
		status = set_origin(enclave, draft, place, error);
	if (!status)
		status = set_evidence_url(
		    enclave, draft->evidence_url, measured, error);
	if (status)
		return status;
	json_place_text(&pcrs, where);
	return policy_new_json(
	    draft->pcrs, where, debug, &enclave->policy, error);
}

enum enclave_client_status
draft_make(const struct draft *draft, const struct enclave_map_options *options,
    const struct json_place *place, struct enclave **ret_enclave,
    struct enclave_client_error *error)
{
	struct enclave *enclave = NULL;
	enum enclave_client_status status;

	status = check_name(draft->name, place, error);
	if (!status)
		status = check_insecure(draft, options, place, error);
	if (status)
		return status;
	enclave = calloc(1, sizeof(*enclave));
	if (!enclave)
		return error_memory(error);
	atomic_init(&enclave->references, 1);
	status = fill(enclave, draft, options, place, error);
	if (status)
		goto out;
	*ret_enclave = enclave;
	enclave = NULL; /* handed over */
out:
	enclave_unref(enclave);
	return status;
}
