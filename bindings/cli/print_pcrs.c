/*
 * What an enclave presents, before anything is accepted of it.  The evidence
 * is fetched with nothing of the caller's, and must be authentic; whose key it
 * names, and whether this is the code that was meant, nobody has said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "policy_options.h"
#include "print.h"

/* As the library: a document of 16 KiB in base64, and what surrounds it. */
#define EVIDENCE_MAX_BYTES ((size_t)64 * 1024)
#define TIMEOUT_MS_DEFAULT 60000
#define HTTP_OK            200

/* A policy that nothing meets: only the configuration's shape is wanted. */
#define NO_PCR                                                                 \
	"{\"PCR0\":\""                                                         \
	"ffffffffffffffffffffffffffffffffffffffffffffffff"                     \
	"ffffffffffffffffffffffffffffffffffffffffffffffff\"}"

struct evidence_body {
	char *data; /* owned */
	size_t len;
};

static size_t
take_body(char *data, size_t size, size_t count, void *context)
{
	struct evidence_body *body = context;
	size_t len = size * count;
	char *grown;

	if (len > EVIDENCE_MAX_BYTES - body->len)
		return 0;
	grown = realloc(body->data, body->len + len + 1);
	if (!grown)
		return 0;
	memcpy(grown + body->len, data, len);
	body->data = grown;
	body->len += len;
	return len;
}

static struct curl_slist *
as_slist(const struct text_list *list)
{
	struct curl_slist *made = NULL;

	for (size_t i = 0; i < list->count; i++) {
		struct curl_slist *grown =
		    curl_slist_append(made, list->items[i]);

		if (!grown)
			break;
		made = grown;
	}
	return made;
}

static bool
signs_itself(const struct options *options)
{
	return options->trust && !strcmp(options->trust, "attested_key");
}

/* Who signed the document it says itself; that somebody else brought it is what
 * a service that signs its own certificate can't rule out. */
static CURLcode
set_trust(CURL *easy, const struct options *options)
{
	CURLcode code;

	if (!signs_itself(options))
		return CURLE_OK;
	code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	return code;
}

static CURLcode
set_options(CURL *easy, const struct options *options, const char *url,
    struct evidence_body *body)
{
	int64_t timeout_ms =
	    options->timeout_ms ? options->timeout_ms : TIMEOUT_MS_DEFAULT;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);

	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
	if (!code && options->ca_file) {
		code = curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
		if (!code)
			code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (!code && options->ca_directory)
		code = curl_easy_setopt(
		    easy, CURLOPT_CAPATH, options->ca_directory);
	if (!code)
		code = set_trust(easy, options);
	if (!code && options->proxy)
		code = curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
	return code;
}

static int
fetch(const struct options *options, const char *url,
    struct evidence_body *body, struct fault *fault)
{
	struct curl_slist *resolve = as_slist(&options->resolve);
	struct curl_slist *connect_to = as_slist(&options->connect_to);
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	if (easy)
		code = set_options(easy, options, url, body);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
	if (!code)
		code = curl_easy_perform(easy);
	if (!code)
		code = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR)
		(void)fault_set(fault, EXIT_NOT_SERVED,
		    "%s: the evidence is larger than %zu bytes", url,
		    EVIDENCE_MAX_BYTES);
	else if (code)
		(void)fault_set(
		    fault, (int)code, "%s: %s", url, curl_easy_strerror(code));
	else if (status != HTTP_OK || !body->len)
		(void)fault_set(fault, EXIT_NOT_SERVED,
		    "%s: no evidence is served there (HTTP status %ld)", url,
		    status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(resolve);
	curl_slist_free_all(connect_to);
	return fault->exit_status;
}

/* Those that the build decides: PCR3 and PCR4 are where it runs. */
static char *
as_json(const struct enclave_client_document *document)
{
	static const unsigned int indices[] = {0, 1, 2, 8};
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;
	char name[8];

	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		const char *hex =
		    enclave_client_document_pcr(document, indices[i]);

		/* An image that is not signed leaves PCR8 at zero. */
		if (!hex ||
		    (indices[i] == 8 && strspn(hex, "0") == strlen(hex)))
			continue;
		(void)snprintf(name, sizeof(name), "PCR%u", indices[i]);
		if (!cJSON_AddStringToObject(json, name, hex))
			goto out;
	}
	text = cJSON_Print(json);

out:
	cJSON_Delete(json);
	return text;
}

static int
judge(const struct enclave_client_config *config,
    const struct evidence_body *body, struct fault *fault)
{
	const struct enclave_client_evidence evidence = {
	    .data = body->data,
	    .len = body->len,
	    .judged_at_ms = ENCLAVE_CLIENT_AT_NOW,
	};
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_document *document = NULL;
	enum enclave_client_status status;
	char *text;

	status = enclave_client_document_verify(
	    config, NULL, &evidence, &document, error);
	if (status) {
		(void)fault_set_error(fault, status, error);
		goto out;
	}
	text = as_json(document);
	if (!text)
		(void)fault_memory(fault);
	else
		(void)print_line(text, fault);
	free(text);
	if (!fault->exit_status) {
		(void)fputs("attest-curl: warning: this is what answers there "
			    "today, and looking is not trusting: accept it "
			    "only if you built it\n",
		    stderr);
		if (enclave_client_document_debug(document))
			(void)fputs("attest-curl: warning: it runs in debug "
				    "mode, where anyone on its host looks in\n",
			    stderr);
	}

out:
	enclave_client_document_free(document);
	enclave_client_error_free(error);
	return fault->exit_status;
}

/* Where the profile says that evidence is served. */
static int
find_url(const struct options *options, const struct target *target,
    struct enclave_client_config *config, char **ret_url, struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client *client = NULL;
	enum enclave_client_status status;

	enclave_client_config_set_polling(config, false);
	if (policy_configure_lookup(options, target, NO_PCR, config, fault))
		goto out;
	status = enclave_client_new(config, &client, error);
	if (!status)
		status = enclave_client_evidence_url(
		    client, target->enclave, ret_url, error);
	if (status)
		(void)fault_set_error(fault, status, error);

out:
	enclave_client_free(client);
	enclave_client_error_free(error);
	return fault->exit_status;
}

int
print_pcrs(const struct options *options, struct fault *fault)
{
	struct enclave_client_config *config = NULL;
	struct evidence_body body = {0};
	struct targets targets = {0};
	char *url = NULL;

	if (targets_from_options(options, &targets, fault))
		return fault->exit_status;
	if (targets.count != 1)
		(void)fault_set(fault, EXIT_USAGE,
		    "--print-pcrs takes one URL, and there are %zu",
		    targets.count);
	else if (enclave_client_config_new(&config))
		(void)fault_memory(fault);
	else if (!find_url(options, targets.items, config, &url, fault)) {
		policy_warn_insecure(options);
		if (!fetch(options, url, &body, fault))
			(void)judge(config, &body, fault);
		if (!fault->exit_status && signs_itself(options))
			(void)fputs("attest-curl: warning: nobody vouches that "
				    "it is the service of that name\n",
			    stderr);
	}
	free(url);
	free(body.data);
	enclave_client_config_free(config);
	targets_clear(&targets);
	return fault->exit_status;
}
