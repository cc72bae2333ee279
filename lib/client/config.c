#include "client/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#include "policy/json.h"

/* The first error stays: it is nearest to the mistake. */
static void
config_fail(struct enclave_client_config *config,
    const struct enclave_client_error *error)
{
	if (config->first_error.status == ENCLAVE_CLIENT_OK)
		config->first_error = *error;
}

static void
config_fail_memory(struct enclave_client_config *config)
{
	struct enclave_client_error error;

	(void)error_memory(&error);
	config_fail(config, &error);
}

static void
config_fail_usage(struct enclave_client_config *config, const char *fact)
{
	struct enclave_client_error error;

	(void)error_set(&error, ENCLAVE_CLIENT_ERR_USAGE,
	    ENCLAVE_CLIENT_STEP_NONE, "%s", fact);
	config_fail(config, &error);
}

enum enclave_client_status
config_check(const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	if (!config)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the configuration is NULL");
	error_copy(error, &config->first_error);
	return config->first_error.status;
}

enum enclave_client_status
enclave_client_config_new(struct enclave_client_config **ret_config)
{
	struct enclave_client_config *config;

	if (!ret_config)
		return ENCLAVE_CLIENT_ERR_USAGE;
	config = calloc(1, sizeof(*config));
	if (!config)
		return ENCLAVE_CLIENT_ERR_MEMORY;
	*ret_config = config;
	return ENCLAVE_CLIENT_OK;
}

static void
config_list_clear(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){0};
}

void
enclave_client_config_free(struct enclave_client_config *config)
{
	if (!config)
		return;
	enclave_map_unref(config->map);
	evidence_roots_unref(config->roots);
	free(config->ca_file);
	free(config->ca_directory);
	config_list_clear(&config->resolve);
	config_list_clear(&config->connect_to);
	free(config->proxy);
	free(config->user_agent);
	free(config->evidence_store);
	transport_connection_clear(&config->connection);
	transport_identity_clear(&config->identity);
	free(config);
}

/* Reading files */

static enum enclave_client_status
file_error(struct enclave_client_error *error, const char *path, int code)
{
	(void)error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
	    ENCLAVE_CLIENT_STEP_NONE, "can't read %s: %s", path,
	    strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, code);
	return ENCLAVE_CLIENT_ERR_CONFIG;
}

static enum enclave_client_status
read_all(int descriptor, const char *path, struct buffer *contents,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	uint8_t chunk[16384];
	ssize_t got;

	for (;;) {
		got = read(descriptor, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return file_error(error, path, errno);
		if (got == 0)
			return ENCLAVE_CLIENT_OK;
		status =
		    buffer_append(contents, (struct bytes){chunk, (size_t)got});
		if (status == ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE)
			return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
			    ENCLAVE_CLIENT_STEP_NONE,
			    "%s is larger than %zu bytes", path, contents->max);
		if (status != ENCLAVE_CLIENT_OK)
			return error_memory(error);
	}
}

/*
 * Whole contents, at most contents->max.  Pipes and devices are read as well:
 * a shell's <(command) is one.
 */
static enum enclave_client_status
read_file(const char *path, struct buffer *contents,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct stat info;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (descriptor < 0)
		return file_error(error, path, errno);
	if (fstat(descriptor, &info) != 0)
		status = file_error(error, path, errno);
	else if (S_ISDIR(info.st_mode))
		status = file_error(error, path, EISDIR);
	else
		status = read_all(descriptor, path, contents, error);
	(void)close(descriptor);
	return status;
}

/* Puts "place: " before the message; what else the error says stays. */
static void
error_put_before(struct enclave_client_error *error, const char *place)
{
	struct enclave_client_error copy;

	if (!error)
		return;
	copy = *error;
	(void)error_set(
	    error, copy.status, copy.step, "%s: %s", place, copy.message);
	error_set_foreign(error, copy.foreign, copy.foreign_code);
	memcpy(error->enclave, copy.enclave, sizeof(error->enclave));
}

/* The map of enclaves */

static enum enclave_client_status
load_map(struct enclave_client_config *config, struct bytes text,
    struct enclave_client_error *error)
{
	const struct enclave_map_options options = {
	    .insecure_allowed = config->insecure_allowed,
	    .insecure_allow_debug = config->insecure_allow_debug,
	};
	enum enclave_client_status status;
	struct enclave_map *map = NULL;

	if (text.len > CONFIG_JSON_MAX_BYTES)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the configuration is larger than %d bytes",
		    CONFIG_JSON_MAX_BYTES);
	status = enclave_map_new_json(text, &options, &map, error);
	if (status != ENCLAVE_CLIENT_OK)
		return status;
	enclave_map_unref(config->map);
	config->map = map;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_config_load_file(struct enclave_client_config *config,
    const char *path, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct buffer contents;

	status = config_check(config, error);
	if (status != ENCLAVE_CLIENT_OK)
		return status;
	if (!path)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the path is NULL");
	buffer_init(&contents, CONFIG_JSON_MAX_BYTES);
	status = read_file(path, &contents, error);
	if (status != ENCLAVE_CLIENT_OK)
		goto out;
	status = load_map(config, buffer_bytes(&contents), error);
	if (status != ENCLAVE_CLIENT_OK)
		error_put_before(error, path);

out:
	buffer_clear(&contents);
	return status;
}

enum enclave_client_status
enclave_client_config_load_text(struct enclave_client_config *config,
    const char *text, size_t len, struct enclave_client_error *error)
{
	enum enclave_client_status status = config_check(config, error);

	if (status != ENCLAVE_CLIENT_OK)
		return status;
	if (!text)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the text is NULL");
	return load_map(
	    config, (struct bytes){(const uint8_t *)text, len}, error);
}

/* The URL's host, with the port where it is not 443.  New, or NULL. */
static char *
name_from_origin(const struct origin *origin)
{
	char *name = NULL;

	if (origin->port == 443)
		return strdup(origin->host);
	if (asprintf(&name, "%s:%u", origin->host, origin->port) < 0)
		return NULL;
	return name;
}

/*
 * text is one JSON value of PCR sets and nothing else, so that it can stand as
 * a member of the long form and no more than that; a refusal names the place
 * in the caller's own text.
 */
static enum enclave_client_status
check_pcrs(const struct enclave_client_config *config, const char *text,
    struct enclave_client_error *error)
{
	static const struct json_rules rules = {
	    .what = "the text",
	    .bytes_max = CONFIG_JSON_MAX_BYTES,
	    .depth_max = CONFIG_JSON_DEPTH_MAX,
	    .status = ENCLAVE_CLIENT_ERR_CONFIG,
	    .step = ENCLAVE_CLIENT_STEP_NONE,
	};
	enum enclave_client_status status;
	struct policy *policy = NULL;
	cJSON *json = NULL;

	status = json_parse(bytes_from_string(text), &rules, &json, error);
	if (status != ENCLAVE_CLIENT_OK)
		error_put_before(error, "pcrs");
	else
		status = policy_new_json(
		    json, "pcrs", config->insecure_allow_debug, &policy, error);
	policy_unref(policy);
	cJSON_Delete(json);
	return status;
}

/*
 * The long form with one enclave.  The PCR sets go in as they were written, so
 * that the one reader of configurations judges them.  New, or NULL when memory
 * is short.
 */
static char *
single_as_long_form(const char *name, const char *url, const char *pcrs_json)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *enclaves = cJSON_AddObjectToObject(json, "enclaves");
	cJSON *enclave = cJSON_AddObjectToObject(enclaves, name);
	char *text = NULL;

	if (cJSON_AddStringToObject(enclave, "url", url) &&
	    cJSON_AddRawToObject(enclave, "pcrs", pcrs_json))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

enum enclave_client_status
enclave_client_config_load_single(struct enclave_client_config *config,
    const char *name, const char *url, const char *pcrs_json,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = config_check(config, error);
	struct origin origin = {0};
	char *origin_url = NULL;
	char *own_name = NULL;
	char *text = NULL;

	if (status != ENCLAVE_CLIENT_OK)
		return status;
	if (!url || !pcrs_json)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE, "the %s is NULL",
		    url ? "PCR object" : "URL");
	status = check_pcrs(config, pcrs_json, error);
	if (status != ENCLAVE_CLIENT_OK)
		return status;
	status = origin_from_url(url, &origin, error);
	if (status != ENCLAVE_CLIENT_OK) {
		error_put_before(error, url);
		return status;
	}
	origin_url = origin_string(&origin);
	own_name = name ? strdup(name) : name_from_origin(&origin);
	if (!origin_url || !own_name) {
		status = error_memory(error);
		goto out;
	}
	text = single_as_long_form(own_name, origin_url, pcrs_json);
	if (!text) {
		status = error_memory(error);
		goto out;
	}
	status = load_map(config, bytes_from_string(text), error);

out:
	free(text);
	free(own_name);
	free(origin_url);
	origin_clear(&origin);
	return status;
}

/* Setters */

static void
set_string(
    struct enclave_client_config *config, char **member, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy) {
			config_fail_memory(config);
			return;
		}
	}
	free(*member);
	*member = copy;
}

static void
config_list_add(struct enclave_client_config *config, struct config_list *list,
    const char *item)
{
	char **items;

	if (!item) {
		config_fail_usage(config, "an entry to add is NULL");
		return;
	}
	items =
	    reallocarray(list->items, list->count + 1, sizeof(list->items[0]));
	if (!items) {
		config_fail_memory(config);
		return;
	}
	list->items = items;
	items[list->count] = strdup(item);
	if (!items[list->count]) {
		config_fail_memory(config);
		return;
	}
	list->count++;
}

void
enclave_client_config_set_ca_file(
    struct enclave_client_config *config, const char *path)
{
	if (config)
		set_string(config, &config->ca_file, path);
}

void
enclave_client_config_set_ca_directory(
    struct enclave_client_config *config, const char *path)
{
	if (config)
		set_string(config, &config->ca_directory, path);
}

void
enclave_client_config_add_resolve(
    struct enclave_client_config *config, const char *entry)
{
	if (config)
		config_list_add(config, &config->resolve, entry);
}

void
enclave_client_config_add_connect_to(
    struct enclave_client_config *config, const char *entry)
{
	if (config)
		config_list_add(config, &config->connect_to, entry);
}

void
enclave_client_config_set_proxy(
    struct enclave_client_config *config, const char *url)
{
	if (config)
		set_string(config, &config->proxy, url);
}

void
enclave_client_config_set_evidence_store(
    struct enclave_client_config *config, const char *directory)
{
	if (config)
		set_string(config, &config->evidence_store, directory);
}

void
enclave_client_config_set_user_agent(
    struct enclave_client_config *config, const char *agent)
{
	/* It is sent as a header: CR or LF would begin another one. */
	if (config && agent && agent[strcspn(agent, "\r\n")])
		config_fail_usage(
		    config, "the user agent contains a line break");
	else if (config)
		set_string(config, &config->user_agent, agent);
}

void
enclave_client_config_set_tls_versions(struct enclave_client_config *config,
    enum enclave_client_tls_version min, enum enclave_client_tls_version max)
{
	static const struct {
		enum enclave_client_tls_version version;
		long min;
		long max;
	} known[] = {
	    {ENCLAVE_CLIENT_TLS_DEFAULT, 0, 0},
	    {ENCLAVE_CLIENT_TLS_1_2, CURL_SSLVERSION_TLSv1_2,
		CURL_SSLVERSION_MAX_TLSv1_2},
	    {ENCLAVE_CLIENT_TLS_1_3, CURL_SSLVERSION_TLSv1_3,
		CURL_SSLVERSION_MAX_TLSv1_3},
	};
	bool min_known = false;
	bool max_known = false;

	if (!config)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].version == min) {
			config->connection.tls_version_min = known[i].min;
			min_known = true;
		}
		if (known[i].version == max) {
			config->connection.tls_version_max = known[i].max;
			max_known = true;
		}
	}
	if (!min_known || !max_known || (max && max < min))
		config_fail_usage(config, "no such range of TLS versions");
}

void
enclave_client_config_set_http_version(struct enclave_client_config *config,
    enum enclave_client_http_version version)
{
	if (!config)
		return;
	switch (version) {
	case ENCLAVE_CLIENT_HTTP_DEFAULT:
		config->connection.http_version = CURL_HTTP_VERSION_NONE;
		return;
	case ENCLAVE_CLIENT_HTTP_1_0:
		config->connection.http_version = CURL_HTTP_VERSION_1_0;
		return;
	case ENCLAVE_CLIENT_HTTP_1_1:
		config->connection.http_version = CURL_HTTP_VERSION_1_1;
		return;
	case ENCLAVE_CLIENT_HTTP_2:
		config->connection.http_version = CURL_HTTP_VERSION_2TLS;
		return;
	}
	config_fail_usage(config, "no such version of HTTP");
}

void
enclave_client_config_set_ip_version(
    struct enclave_client_config *config, unsigned int version)
{
	if (!config)
		return;
	if (version != 0 && version != 4 && version != 6) {
		config_fail_usage(config, "the IP version is not 0, 4 or 6");
		return;
	}
	config->connection.ip_version = version == 4 ? CURL_IPRESOLVE_V4
					: version == 6
					    ? CURL_IPRESOLVE_V6
					    : CURL_IPRESOLVE_WHATEVER;
}

void
enclave_client_config_set_interface(
    struct enclave_client_config *config, const char *name)
{
	if (config)
		set_string(config, &config->connection.interface, name);
}

/* Handed over to the blob; false: the error is kept. */
static bool
read_blob(struct enclave_client_config *config, const char *path,
    struct curl_blob *blob)
{
	struct enclave_client_error error = {0};
	struct buffer contents;
	enum enclave_client_status status;
	char *data = NULL;

	buffer_init(&contents, CONFIG_JSON_MAX_BYTES);
	status = read_file(path, &contents, &error);
	if (status != ENCLAVE_CLIENT_OK) {
		config_fail(config, &error);
		goto out;
	}
	data = malloc(contents.len + 1);
	if (!data) {
		config_fail_memory(config);
		goto out;
	}
	if (contents.len)
		memcpy(data, contents.data, contents.len);
	*blob = (struct curl_blob){
	    .data = data, .len = contents.len, .flags = CURL_BLOB_COPY};

out:
	if (contents.data)
		OPENSSL_cleanse(contents.data, contents.len);
	buffer_clear(&contents);
	return data != NULL;
}

void
enclave_client_config_set_client_certificate_file(
    struct enclave_client_config *config, const char *certificate_path,
    const char *key_path, const char *passphrase)
{
	if (!config)
		return;
	transport_identity_clear(&config->identity);
	if (!certificate_path) {
		if (key_path)
			config_fail_usage(
			    config, "a client key without its certificate");
		return;
	}
	if (!read_blob(
		config, certificate_path, &config->identity.certificate) ||
	    (key_path && !read_blob(config, key_path, &config->identity.key)))
		return;
	set_string(config, &config->identity.passphrase, passphrase);
}

void
enclave_client_config_set_polling(
    struct enclave_client_config *config, bool polling)
{
	if (config)
		config->no_polling = !polling;
}

void
enclave_client_config_set_event_callback(struct enclave_client_config *config,
    enclave_client_event_callback callback, void *context)
{
	if (!config)
		return;
	config->event_callback = callback;
	config->event_context = context;
}

/* NULL roots: back to AWS's.  Takes the reference. */
static void
set_roots(struct enclave_client_config *config, struct evidence_roots *roots,
    bool insecure)
{
	evidence_roots_unref(config->roots);
	config->roots = roots;
	config->insecure_nitro_root = insecure;
}

void
enclave_client_config_set_nitro_root(
    struct enclave_client_config *config, const char *name)
{
	struct enclave_client_error error = {0};
	struct evidence_roots *roots = NULL;

	if (!config)
		return;
	if (name && evidence_roots_new_named(name, &roots, &error) !=
			ENCLAVE_CLIENT_OK) {
		config_fail(config, &error);
		return;
	}
	set_roots(config, roots, false);
}

/* Weakenings */

void
enclave_client_config_set_insecure_allowed(
    struct enclave_client_config *config, bool allowed)
{
	if (config)
		config->insecure_allowed = allowed;
}

void
enclave_client_config_set_insecure_allow_debug(
    struct enclave_client_config *config, bool allowed)
{
	if (config)
		config->insecure_allow_debug = allowed;
}

void
enclave_client_config_set_insecure_nitro_root_mem(
    struct enclave_client_config *config, const char *pem, size_t len)
{
	const struct bytes text = {(const uint8_t *)pem, len};
	struct enclave_client_error error = {0};
	struct evidence_roots *roots = NULL;

	if (!config)
		return;
	if (pem && evidence_roots_new_insecure_pem(text, &roots, &error) !=
		       ENCLAVE_CLIENT_OK) {
		config_fail(config, &error);
		return;
	}
	set_roots(config, roots, roots != NULL);
}

void
enclave_client_config_set_insecure_nitro_root_file(
    struct enclave_client_config *config, const char *path)
{
	struct enclave_client_error error = {0};
	struct evidence_roots *roots = NULL;
	struct buffer contents;

	if (!config)
		return;
	buffer_init(&contents, CONFIG_JSON_MAX_BYTES);
	if (path && read_file(path, &contents, &error) != ENCLAVE_CLIENT_OK) {
		config_fail(config, &error);
		goto out;
	}
	if (path && evidence_roots_new_insecure_pem(buffer_bytes(&contents),
			&roots, &error) != ENCLAVE_CLIENT_OK) {
		error_put_before(&error, path);
		config_fail(config, &error);
		goto out;
	}
	set_roots(config, roots, roots != NULL);

out:
	buffer_clear(&contents);
}

void
enclave_client_config_set_insecure_key_log(
    struct enclave_client_config *config, bool allowed)
{
	if (config)
		config->insecure_key_log = allowed;
}
