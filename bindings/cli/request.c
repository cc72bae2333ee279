#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "verbose.h"

#define REDIRECTS_DEFAULT 10
/* curl's own. */
#define CONNECT_TIMEOUT_MS_DEFAULT 300000

const char *
request_method(const struct options *options, size_t number)
{
	if (options->method)
		return options->method;
	if (options->head)
		return "HEAD";
	if (number < options->uploads.count)
		return "PUT";
	if (options->parts.count || (options->has_body && !options->get))
		return "POST";
	return "GET";
}

static bool
has_header(const struct text_list *headers, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < headers->count; i++)
		if (strncasecmp(headers->items[i], name, len) == 0 &&
		    (headers->items[i][len] == ':' ||
			headers->items[i][len] == ';'))
			return true;
	return false;
}

/* "Name: value", "Name:" to leave it out, "Name;" for an empty one. */
static int
add_header(struct enclave_client_request *request,
    const struct options *options, const char *line, struct fault *fault)
{
	size_t name_len = strcspn(line, ":;");
	const char *value = line + name_len;
	char *name;

	if (!*value || (*value == ';' && value[1])) {
		options_warn(options,
		    "the header \"%s\" does not look like one and is not sent",
		    line);
		return EXIT_DONE;
	}
	name = strndup(line, name_len);
	if (!name)
		return fault_memory(fault);
	if (*value == ';') {
		enclave_client_request_add_header(request, name, "");
	} else {
		value += 1 + strspn(value + 1, " \t");
		enclave_client_request_add_header(
		    request, name, *value ? value : NULL);
	}
	free(name);
	return EXIT_DONE;
}

static int
add_headers(struct enclave_client_request *request,
    const struct options *options, struct fault *fault)
{
	for (size_t i = 0; i < options->headers.count; i++)
		if (add_header(
			request, options, options->headers.items[i], fault))
			return fault->exit_status;
	if (!options->json_body)
		return EXIT_DONE;
	if (!has_header(&options->headers, "Content-Type"))
		enclave_client_request_add_header(
		    request, "Content-Type", "application/json");
	if (!has_header(&options->headers, "Accept"))
		enclave_client_request_add_header(
		    request, "Accept", "application/json");
	return EXIT_DONE;
}

static int
add_body(const struct options *options, size_t number,
    struct outgoing *outgoing, struct fault *fault)
{
	struct enclave_client_request *request = outgoing->request;
	struct enclave_client_body body;

	if (number < options->uploads.count) {
		if (upload_open(options->uploads.items[number],
			&outgoing->upload, &body, fault))
			return fault->exit_status;
		enclave_client_request_set_body_callback(request, &body);
		enclave_client_request_set_expect_continue(request, true);
	} else if (options->parts.count) {
		return form_add(options, request, &outgoing->form, fault);
	} else if (options->has_body && !options->get) {
		enclave_client_request_set_form(request, true);
		enclave_client_request_set_body(
		    request, options->body.data, options->body.len);
	}
	return EXIT_DONE;
}

/* "user:password" */
static int
add_user(struct enclave_client_request *request, const char *both,
    struct fault *fault)
{
	size_t user_len = strcspn(both, ":");
	char *user = strndup(both, user_len);

	if (!user)
		return fault_memory(fault);
	enclave_client_request_set_basic_auth(
	    request, user, both[user_len] ? both + user_len + 1 : "");
	free(user);
	return EXIT_DONE;
}

/* "URL", "URL;auto", ";auto" */
static int
add_referer(struct enclave_client_request *request, const char *referer,
    struct fault *fault)
{
	const char *automatic = strstr(referer, ";auto");
	char *url = strndup(referer,
	    automatic ? (size_t)(automatic - referer) : strlen(referer));

	if (!url)
		return fault_memory(fault);
	enclave_client_request_set_referer(
	    request, *url ? url : NULL, automatic != NULL);
	free(url);
	return EXIT_DONE;
}

/* Those that are no file, with ";" between, as curl joins them. */
static int
add_cookies(struct enclave_client_request *request,
    const struct text_list *cookies, struct fault *fault)
{
	size_t room = 1;
	char *line;

	for (size_t i = 0; i < cookies->count; i++)
		room += strlen(cookies->items[i]) + 1;
	line = calloc(room, 1);
	if (!line)
		return fault_memory(fault);
	for (size_t i = 0; i < cookies->count; i++) {
		size_t used = strlen(line);

		if (strchr(cookies->items[i], '='))
			(void)snprintf(line + used, room - used, "%s%s",
			    used ? ";" : "", cookies->items[i]);
	}
	if (*line)
		enclave_client_request_set_cookie(request, line);
	free(line);
	return EXIT_DONE;
}

static int
add_credentials(const struct session *session,
    struct enclave_client_request *request, struct fault *fault)
{
	const struct options *options = session->options;

	if (options->user && add_user(request, options->user, fault))
		return fault->exit_status;
	if (options->netrc || options->netrc_file)
		enclave_client_request_set_netrc(request, options->netrc_file);
	if (session->cookies)
		enclave_client_request_set_cookies(request, session->cookies);
	return add_cookies(request, &options->cookies, fault);
}

static void
add_limits(
    struct enclave_client_request *request, const struct options *options)
{
	int64_t redirects = options->redirects_max >= 0 ? options->redirects_max
							: REDIRECTS_DEFAULT;

	/* curl waits for ever unless it is told otherwise. */
	enclave_client_request_set_timeout_ms(request, options->timeout_ms);
	enclave_client_request_set_connect_timeout_ms(
	    request, options->connect_timeout_ms ? options->connect_timeout_ms
						 : CONNECT_TIMEOUT_MS_DEFAULT);
	enclave_client_request_set_rate_max(
	    request, options->rate_max, options->rate_max);
	if (options->follow)
		enclave_client_request_set_redirects_max(
		    request, (unsigned int)redirects);
	/* curl's -X holds for every hop. */
	enclave_client_request_set_keep_method(
	    request, options->method != NULL);
}

static int
fill(const struct session *session, size_t number, struct outgoing *outgoing,
    struct fault *fault)
{
	const struct options *options = session->options;
	struct enclave_client_request *request = outgoing->request;

	if (add_headers(request, options, fault) ||
	    add_body(options, number, outgoing, fault) ||
	    add_credentials(session, request, fault) ||
	    (options->referer && add_referer(request, options->referer, fault)))
		return fault->exit_status;
	add_limits(request, options);
	if (options->agent)
		enclave_client_request_set_user_agent(request, options->agent);
	if (options->range)
		enclave_client_request_set_range(request, options->range);
	enclave_client_request_set_compressed(request, options->compressed);
	if (options->verbose)
		enclave_client_request_set_trace(request, verbose_trace, NULL);
	return EXIT_DONE;
}

int
request_make(const struct session *session, size_t number,
    struct outgoing *ret_outgoing, struct fault *fault)
{
	const struct target *target = &session->targets.items[number];
	const char *method = request_method(session->options, number);
	enum enclave_client_status status;

	*ret_outgoing = (struct outgoing){.upload.descriptor = -1};
	if (session->options->head && strcmp(method, "HEAD") != 0)
		return fault_set(fault, EXIT_USAGE,
		    "-I asks with HEAD and not with %s; -i shows the headers "
		    "of any method",
		    method);
	status = enclave_client_request_new(
	    method, target->url, &ret_outgoing->request);
	if (status == ENCLAVE_CLIENT_ERR_MEMORY)
		return fault_memory(fault);
	if (status != ENCLAVE_CLIENT_OK)
		return fault_set(fault, EXIT_USAGE,
		    "not a request that can be sent: %s %s", method,
		    target->given);
	return fill(session, number, ret_outgoing, fault);
}

void
request_clear(struct outgoing *outgoing)
{
	enclave_client_request_free(outgoing->request);
	form_free(outgoing->form);
	upload_close(&outgoing->upload);
	*outgoing = (struct outgoing){.upload.descriptor = -1};
}
