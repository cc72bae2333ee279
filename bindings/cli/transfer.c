#include "transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "output.h"
#include "verbose.h"
#include "write_out.h"

#define READ_CHUNK_BYTES ((size_t)64 * 1024)

/* HTTP statuses that -f takes for a failure (RFC 9110 15.5, 15.6). */
#define HTTP_STATUS_ERROR 400

#define FORM_TYPE "application/x-www-form-urlencoded"

static const char *
method_of(const struct options *options)
{
	if (options->method)
		return options->method;
	return options->has_body ? "POST" : "GET";
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
		if (options_errors_shown(options))
			(void)fprintf(stderr,
			    "attest-curl: warning: the header \"%s\" does not "
			    "look like one and is not sent\n",
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
make_request(const struct options *options, const struct target *target,
    struct enclave_client_request **ret_request, struct fault *fault)
{
	struct enclave_client_request *request = NULL;
	enum enclave_client_status status;

	status = enclave_client_request_new(
	    method_of(options), target->url, &request);
	if (status == ENCLAVE_CLIENT_ERR_MEMORY)
		return fault_memory(fault);
	if (status != ENCLAVE_CLIENT_OK)
		return fault_set(fault, EXIT_USAGE,
		    "not a request that can be sent: %s %s", method_of(options),
		    target->given);
	for (size_t i = 0; i < options->headers.count; i++) {
		if (add_header(
			request, options, options->headers.items[i], fault)) {
			enclave_client_request_free(request);
			return fault->exit_status;
		}
	}
	if (options->has_body) {
		if (!has_header(&options->headers, "Content-Type"))
			enclave_client_request_add_header(
			    request, "Content-Type", FORM_TYPE);
		enclave_client_request_set_body(
		    request, options->body.data, options->body.len);
	}
	/* curl waits for ever unless it is told otherwise. */
	enclave_client_request_set_timeout_ms(request, options->timeout_ms);
	if (options->verbose)
		enclave_client_request_set_trace(request, verbose_trace, NULL);
	*ret_request = request;
	return EXIT_DONE;
}

static int
write_headers(const struct enclave_client_response *response,
    struct output *output, struct fault *fault)
{
	size_t len = 0;
	const char *text = enclave_client_response_header_text(response, &len);

	return output_write(output, text, len, fault);
}

static int
write_body(struct enclave_client_response *response, struct output *output,
    struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	char chunk[READ_CHUNK_BYTES];
	enum enclave_client_status status;
	size_t len;

	for (;;) {
		len = 0;
		status = enclave_client_response_read(
		    response, chunk, sizeof(chunk), &len, error);
		if (status != ENCLAVE_CLIENT_OK) {
			(void)fault_set_error(fault, status, error);
			break;
		}
		if (len == 0 || output_write(output, chunk, len, fault))
			break;
	}
	enclave_client_error_free(error);
	return fault->exit_status;
}

static int
write_answer(const struct options *options,
    struct enclave_client_response *response, struct output *output,
    struct fault *fault)
{
	long status = enclave_client_response_status(response);

	if (options->include && write_headers(response, output, fault))
		return fault->exit_status;
	if (options->fail && status >= HTTP_STATUS_ERROR)
		return fault_set(fault, EXIT_HTTP_ERROR,
		    "The requested URL returned error: %ld", status);
	if (output_open(output, fault))
		return fault->exit_status;
	return write_body(response, output, fault);
}

static int64_t
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
transfer_one(const struct session *session, size_t number)
{
	const struct options *options = session->options;
	const struct target *target = &session->targets.items[number];
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	struct output output = output_to(number < options->outputs.count
					     ? options->outputs.items[number]
					     : NULL);
	struct fault fault = {0};
	struct outcome outcome = {
	    .fault = &fault,
	    .url = target->url,
	    .method = method_of(options),
	    .file = output.path,
	    .number = number,
	};
	enum enclave_client_status status;
	int64_t start_us = now_us();

	if (make_request(options, target, &request, &fault))
		goto out;
	status = enclave_client_open(
	    session->client, NULL, request, &response, error);
	if (status == ENCLAVE_CLIENT_OK)
		(void)write_answer(options, response, &output, &fault);
	else
		(void)fault_set_error(&fault, status, error);

out:
	(void)output_close(&output, &fault);
	session_report(options, &fault);
	outcome.response = response;
	outcome.elapsed_us = now_us() - start_us;
	if (options->write_out.data)
		(void)write_out(options->write_out.data, options->write_out.len,
		    &outcome, &fault);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	enclave_client_error_free(error);
	return fault.exit_status;
}

int
transfer_all(const struct session *session)
{
	int result = EXIT_DONE;

	for (size_t i = 0; i < session->targets.count; i++) {
		int one = transfer_one(session, i);

		if (one)
			result = one;
	}
	return result;
}
