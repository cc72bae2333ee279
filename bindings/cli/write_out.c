#include "write_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "output.h"

#define MICROSECONDS INT64_C(1000000)

/* AWS, attestation process 2.2: indices 0 to 31. */
#define PCR_INDEX_MAX 31

struct writer {
	FILE *stream;
	const struct outcome *outcome;
	/* After %{onerror} of a transfer that went well, or %{onattested} of
	 * one that was sent under no evidence. */
	bool muted;
};

static int64_t
info_of(const struct outcome *outcome, enum enclave_client_info info)
{
	if (outcome->response)
		return enclave_client_response_info(outcome->response, info);
	return info == ENCLAVE_CLIENT_INFO_TIME_TOTAL_US ? outcome->elapsed_us
							 : 0;
}

static void
write_seconds(FILE *stream, const struct outcome *outcome, int info)
{
	int64_t us = info_of(outcome, (enum enclave_client_info)info);

	(void)fprintf(stream, "%" PRId64 ".%06" PRId64, us / MICROSECONDS,
	    us % MICROSECONDS);
}

static void
write_count(FILE *stream, const struct outcome *outcome, int info)
{
	(void)fprintf(stream, "%" PRId64,
	    info_of(outcome, (enum enclave_client_info)info));
}

static void
write_speed(FILE *stream, const struct outcome *outcome, int info)
{
	int64_t bytes = info_of(outcome, (enum enclave_client_info)info);
	int64_t us = info_of(outcome, ENCLAVE_CLIENT_INFO_TIME_TOTAL_US);

	(void)fprintf(stream, "%.0f",
	    us > 0 ? (double)bytes * MICROSECONDS / (double)us : 0.0);
}

static void
write_http_code(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fprintf(stream, "%03ld",
	    outcome->response
		? enclave_client_response_status(outcome->response)
		: 0L);
}

static void
write_http_version(FILE *stream, const struct outcome *outcome, int info)
{
	const char *version = "0";

	(void)info;
	if (outcome->response)
		version =
		    enclave_client_response_http_version(outcome->response);
	(void)fputs(version ? version : "0", stream);
}

static void
write_header_of(FILE *stream, const struct outcome *outcome, const char *name)
{
	const char *value = NULL;

	if (outcome->response)
		value =
		    enclave_client_response_header(outcome->response, name, 0);
	if (value)
		(void)fputs(value, stream);
}

static void
write_content_type(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	write_header_of(stream, outcome, "content-type");
}

static void
write_url_effective(FILE *stream, const struct outcome *outcome, int info)
{
	const char *url = NULL;

	(void)info;
	if (outcome->response)
		url = enclave_client_response_url(outcome->response);
	(void)fputs(url ? url : outcome->url, stream);
}

static void
write_url(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fputs(outcome->url, stream);
}

static void
write_number(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fprintf(stream, "%zu", outcome->number);
}

static void
write_method(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fputs(outcome->method, stream);
}

static void
write_file(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fputs(outcome->file ? outcome->file : "", stream);
}

static void
write_exit(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fprintf(stream, "%d", outcome->fault->exit_status);
}

static void
write_error(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	(void)fputs(
	    outcome->fault->exit_status ? outcome->fault->text : "", stream);
}

/* The evidence that the request was sent under; NULL: nothing was sent. */
static const struct enclave_client_document *
document_of(const struct outcome *outcome)
{
	return outcome->response
		   ? enclave_client_response_document(outcome->response)
		   : NULL;
}

static int64_t
wall_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum attested_time { TIMESTAMP, AGE, DEADLINE };

static void
write_attested_time(FILE *stream, const struct outcome *outcome, int time)
{
	const struct enclave_client_document *document = document_of(outcome);
	int64_t ms;

	if (!document)
		return;
	if (time == DEADLINE)
		ms = enclave_client_document_deadline_ms(document);
	else
		ms = enclave_client_document_timestamp_ms(document);
	if (time == AGE)
		ms = wall_clock_ms() - ms;
	(void)fprintf(stream, "%" PRId64, ms);
}

static void
write_attested_module(FILE *stream, const struct outcome *outcome, int info)
{
	const struct enclave_client_document *document = document_of(outcome);
	const char *module =
	    document ? enclave_client_document_module_id(document) : NULL;

	(void)info;
	(void)fputs(module ? module : "", stream);
}

/* The label, or the place in the list, from 1, as messages count it. */
static void
write_attested_set(FILE *stream, const struct outcome *outcome, int info)
{
	const struct enclave_client_document *document = document_of(outcome);
	const char *label =
	    document ? enclave_client_document_set_label(document) : NULL;

	(void)info;
	if (label && *label)
		(void)fputs(label, stream);
	else if (document)
		(void)fprintf(stream, "%d",
		    enclave_client_document_set_index(document) + 1);
}

static void
write_attested_enclave(FILE *stream, const struct outcome *outcome, int info)
{
	(void)info;
	if (outcome->response)
		(void)fputs(
		    enclave_client_response_enclave(outcome->response), stream);
}

#define INFO(name) ENCLAVE_CLIENT_INFO_##name

static const struct {
	const char *name;
	void (*write)(FILE *, const struct outcome *, int info);
	int info;
} variables[] = {
    {"attestation_age_ms", write_attested_time, AGE},
    {"attestation_deadline_ms", write_attested_time, DEADLINE},
    {"attestation_enclave", write_attested_enclave, 0},
    {"attestation_module_id", write_attested_module, 0},
    {"attestation_set", write_attested_set, 0},
    {"attestation_timestamp_ms", write_attested_time, TIMESTAMP},
    {"content_type", write_content_type, 0},
    {"errormsg", write_error, 0},
    {"exitcode", write_exit, 0},
    {"filename_effective", write_file, 0},
    {"http_code", write_http_code, 0},
    {"http_version", write_http_version, 0},
    {"method", write_method, 0},
    {"num_connects", write_count, INFO(NUM_CONNECTS)},
    {"num_redirects", write_count, INFO(NUM_REDIRECTS)},
    {"response_code", write_http_code, 0},
    {"size_download", write_count, INFO(SIZE_DOWNLOAD_BYTES)},
    {"size_header", write_count, INFO(SIZE_HEADER_BYTES)},
    {"size_upload", write_count, INFO(SIZE_UPLOAD_BYTES)},
    {"speed_download", write_speed, INFO(SIZE_DOWNLOAD_BYTES)},
    {"speed_upload", write_speed, INFO(SIZE_UPLOAD_BYTES)},
    {"time_appconnect", write_seconds, INFO(TIME_APPCONNECT_US)},
    {"time_connect", write_seconds, INFO(TIME_CONNECT_US)},
    {"time_namelookup", write_seconds, INFO(TIME_NAMELOOKUP_US)},
    {"time_pretransfer", write_seconds, INFO(TIME_PRETRANSFER_US)},
    {"time_starttransfer", write_seconds, INFO(TIME_STARTTRANSFER_US)},
    {"time_total", write_seconds, INFO(TIME_TOTAL_US)},
    {"url", write_url, 0},
    {"url_effective", write_url_effective, 0},
    {"urlnum", write_number, 0},
};

static bool
is_name(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

/* "attestation_pcr0" to "attestation_pcr31"; false: something else. */
static bool
write_pcr(const struct writer *writer, const char *name, size_t len)
{
	static const char prefix[] = "attestation_pcr";
	const struct enclave_client_document *document =
	    document_of(writer->outcome);
	char written[sizeof(prefix) + 2];
	const char *hex;

	for (unsigned int i = 0; i <= PCR_INDEX_MAX; i++) {
		(void)snprintf(written, sizeof(written), "%s%u", prefix, i);
		if (!is_name(written, name, len))
			continue;
		hex =
		    document ? enclave_client_document_pcr(document, i) : NULL;
		if (hex && !writer->muted)
			(void)fputs(hex, writer->stream);
		return true;
	}
	return false;
}

static void
write_variable(struct writer *writer, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		if (!is_name(variables[i].name, name, len))
			continue;
		if (!writer->muted)
			variables[i].write(
			    writer->stream, writer->outcome, variables[i].info);
		return;
	}
	if (is_name("stdout", name, len))
		writer->stream = stdout;
	else if (is_name("stderr", name, len))
		writer->stream = stderr;
	else if (is_name("onerror", name, len))
		writer->muted = writer->outcome->fault->exit_status == 0;
	else if (is_name("onattested", name, len))
		writer->muted = document_of(writer->outcome) == NULL;
	else if (!write_pcr(writer, name, len))
		(void)fprintf(stderr,
		    "attest-curl: unknown --write-out variable: '%.*s'\n",
		    (int)len, name);
}

static void
write_header(struct writer *writer, const char *name, size_t len)
{
	char *copy = strndup(name, len);

	if (copy && !writer->muted)
		write_header_of(writer->stream, writer->outcome, copy);
	free(copy);
}

static void
write_char(const struct writer *writer, char byte)
{
	if (!writer->muted)
		(void)fputc(byte, writer->stream);
}

/* What follows a '%'; gives how many bytes it took, the '%' included. */
static size_t
write_percent(struct writer *writer, const char *format)
{
	static const char header[] = "%header{";
	size_t skip = 2;
	const char *end;

	if (format[1] == '%') {
		write_char(writer, '%');
		return 2;
	}
	if (strncmp(format, header, sizeof(header) - 1) == 0)
		skip = sizeof(header) - 1;
	else if (format[1] != '{') {
		write_char(writer, '%');
		return 1;
	}
	end = strchr(format + skip, '}');
	if (!end) {
		/* As curl: what is never closed is text. */
		for (size_t i = 0; i < skip; i++)
			write_char(writer, format[i]);
		return skip;
	}
	if (skip == 2)
		write_variable(
		    writer, format + skip, (size_t)(end - format) - skip);
	else
		write_header(
		    writer, format + skip, (size_t)(end - format) - skip);
	return (size_t)(end - format) + 1;
}

/* What follows a '\\'; as write_percent(). */
static size_t
write_escape(const struct writer *writer, const char *format)
{
	static const char letters[] = "nrt";
	static const char bytes[] = "\n\r\t";
	const char *letter = format[1] ? strchr(letters, format[1]) : NULL;

	if (letter) {
		write_char(writer, bytes[letter - letters]);
		return 2;
	}
	write_char(writer, '\\');
	if (!format[1])
		return 1;
	write_char(writer, format[1]);
	return 2;
}

int
write_out(const char *format, size_t len, const struct outcome *outcome,
    struct fault *fault)
{
	struct writer writer = {stdout, outcome, false};
	const char *end = format + len;

	/* A NUL byte ends the format, as it does for curl. */
	while (format < end && *format) {
		if (*format == '%')
			format += write_percent(&writer, format);
		else if (*format == '\\')
			format += write_escape(&writer, format);
		else
			write_char(&writer, *format++);
	}
	if (fflush(stdout) != 0 && !fault->exit_status)
		return fault_set(fault, EXIT_WRITE,
		    "writing to standard output failed: %s", strerror(errno));
	return fault->exit_status;
}
