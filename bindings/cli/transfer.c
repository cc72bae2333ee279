#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "advice.h"
#include "number.h"
#include "output.h"
#include "progress.h"
#include "request.h"
#include "retry.h"
#include "verbose_steps.h"
#include "write_out.h"

#define READ_CHUNK_BYTES ((size_t)64 * 1024)

/* HTTP statuses that -f takes for a failure (RFC 9110 15.5, 15.6). */
#define HTTP_STATUS_ERROR 400

/* One URL on its way. */
struct transfer {
	const struct session *session;
	size_t number;
	struct outgoing outgoing;
	struct enclave_client_response *response;
	struct output output;
	struct progress progress;
	struct fault fault;
};

static int
write_headers(struct transfer *transfer)
{
	size_t len = 0;
	const char *text =
	    enclave_client_response_header_text(transfer->response, &len);

	return output_write(&transfer->output, text, len, &transfer->fault);
}

/* -D: the first URL's begin the file. */
static int
dump_headers(struct transfer *transfer)
{
	const char *path = transfer->session->options->dump_header;
	struct fault *fault = &transfer->fault;
	size_t len = 0;
	const char *text =
	    enclave_client_response_header_text(transfer->response, &len);
	int descriptor = STDOUT_FILENO;
	int how = transfer->number ? O_APPEND : O_TRUNC;

	if (strcmp(path, "-") != 0)
		descriptor = open(path,
		    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | how, 0666);
	if (descriptor < 0 || !output_write_all(descriptor, text, len))
		(void)fault_set(fault, EXIT_WRITE, "can't write %s: %s", path,
		    strerror(errno));
	if (descriptor > STDERR_FILENO && close(descriptor) != 0 &&
	    !fault->exit_status)
		(void)fault_set(fault, EXIT_WRITE, "can't write %s: %s", path,
		    strerror(errno));
	return fault->exit_status;
}

static int
write_body(struct transfer *transfer)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct fault *fault = &transfer->fault;
	char chunk[READ_CHUNK_BYTES];
	enum enclave_client_status status;
	size_t len;

	for (;;) {
		len = 0;
		status = enclave_client_response_read(
		    transfer->response, chunk, sizeof(chunk), &len, error);
		if (status != ENCLAVE_CLIENT_OK) {
			(void)fault_set_error(fault, status, error);
			break;
		}
		if (len == 0 ||
		    output_write(&transfer->output, chunk, len, fault))
			break;
		progress_add(&transfer->progress, len);
	}
	enclave_client_error_free(error);
	return fault->exit_status;
}

static void
expect_length(struct transfer *transfer)
{
	const char *length = enclave_client_response_header(
	    transfer->response, "Content-Length", 0);

	if (length)
		(void)number_count(
		    length, INT64_MAX, &transfer->progress.total_bytes);
}

/* With --max-redirs 0, which follows none. */
static bool
is_redirect(const struct transfer *transfer)
{
	const struct options *options = transfer->session->options;
	long status = enclave_client_response_status(transfer->response);

	return options->follow && options->redirects_max == 0 &&
	       status >= 300 && status < 400 &&
	       enclave_client_response_header(
		   transfer->response, "Location", 0);
}

static int
write_answer(struct transfer *transfer)
{
	const struct options *options = transfer->session->options;
	struct fault *fault = &transfer->fault;
	long status = enclave_client_response_status(transfer->response);

	if (options->dump_header && dump_headers(transfer))
		return fault->exit_status;
	if ((options->include || options->head) && write_headers(transfer))
		return fault->exit_status;
	if (is_redirect(transfer))
		return fault_set(
		    fault, EXIT_REDIRECT, "Maximum (0) redirects followed");
	if (options->fail && status >= HTTP_STATUS_ERROR)
		return fault_set(fault, EXIT_HTTP_ERROR,
		    "The requested URL returned error: %ld", status);
	if (output_open(&transfer->output, fault))
		return fault->exit_status;
	expect_length(transfer);
	if (write_body(transfer) == EXIT_DONE && options->fail_with_body &&
	    status >= HTTP_STATUS_ERROR)
		return fault_set(fault, EXIT_HTTP_ERROR,
		    "The requested URL returned error: %ld", status);
	return fault->exit_status;
}

/*
 * Every URL of the line is https, so that an unknown protocol is where a
 * redirect led.
 */
static void
take_failure(struct transfer *transfer, enum enclave_client_status status,
    const struct enclave_client_error *error)
{
	struct fault *fault = &transfer->fault;

	(void)fault_set_error(fault, status, error);
	advice_add(transfer->session,
	    &transfer->session->targets.items[transfer->number], fault);
	if (fault->exit_status != EXIT_PROTOCOL)
		return;
	fault->exit_status = EXIT_REDIRECT;
	fault->status = ENCLAVE_CLIENT_ERR_REDIRECT;
	fault_name_file(fault, "the redirect leads out of https, where nothing "
			       "is attested, and was not followed");
}

static void
run_once(struct transfer *transfer)
{
	struct enclave_client_error *error = enclave_client_error_new();
	const struct session *session = transfer->session;
	struct fault *fault = &transfer->fault;
	enum enclave_client_status status;

	*fault = (struct fault){0};
	enclave_client_response_free(transfer->response);
	transfer->response = NULL;
	request_clear(&transfer->outgoing);
	if (request_make(session, transfer->number, &transfer->outgoing, fault))
		goto out;
	status = enclave_client_open(session->client, NULL,
	    transfer->outgoing.request, &transfer->response, error);
	if (status == ENCLAVE_CLIENT_OK) {
		if (session->options->verbose)
			verbose_steps(enclave_client_response_document(
			    transfer->response));
		(void)write_answer(transfer);
	} else {
		take_failure(transfer, status, error);
		if (session->options->verbose)
			verbose_refusal(fault);
	}
	progress_end(&transfer->progress);

out:
	enclave_client_error_free(error);
}

/* What the enclave's evidence, or its absence, refused. */
static bool
is_attestation_failure(int exit_status)
{
	return exit_status >= EXIT_NOT_SERVED && exit_status <= EXIT_KEY;
}

static void
run(struct transfer *transfer)
{
	const struct options *options = transfer->session->options;
	struct retry retry = retry_begin(options);

	for (;;) {
		transfer->progress =
		    progress_begin(options, transfer->output.guard_terminal);
		run_once(transfer);
		if (!retry_again(&retry, transfer->response, &transfer->fault))
			break;
		output_restart(&transfer->output);
	}
	if (is_attestation_failure(transfer->fault.exit_status))
		output_discard(&transfer->output);
}

static int
transfer_one(const struct session *session, size_t number)
{
	const struct options *options = session->options;
	struct transfer transfer = {
	    .session = session,
	    .number = number,
	    .outgoing.upload.descriptor = -1,
	};
	struct fault *fault = &transfer.fault;
	struct outcome outcome = {
	    .fault = fault,
	    .url = session->targets.items[number].url,
	    .method = request_method(options, number),
	    .number = number,
	};
	int64_t start_us = progress_now_us();

	if (!output_choose(
		options, number, outcome.url, &transfer.output, fault))
		run(&transfer);
	outcome.file = transfer.output.path;
	(void)output_close(&transfer.output, fault);
	session_report(options, fault);
	outcome.response = transfer.response;
	outcome.elapsed_us = progress_now_us() - start_us;
	if (options->write_out.data)
		(void)write_out(options->write_out.data, options->write_out.len,
		    &outcome, fault);
	enclave_client_response_free(transfer.response);
	request_clear(&transfer.outgoing);
	output_clear(&transfer.output);
	return fault->exit_status;
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
