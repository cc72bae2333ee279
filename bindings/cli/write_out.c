#include "write_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

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
write_address(FILE *stream, const struct outcome *outcome, int local)
{
	(void)fputs(local
			? enclave_client_response_local_ip(outcome->response)
			: enclave_client_response_remote_ip(outcome->response),
	    stream);
}

/* What was not verified was not sent. */
static void
write_verified(FILE *stream, const struct outcome *outcome, int info)
{
	(void)outcome;
	(void)info;
	(void)fputs("0", stream);
}

/* Lower case since curl 8. */
static void
write_scheme(FILE *stream, const struct outcome *outcome, int info)
{
	bool lower = curl_version_info(CURLVERSION_NOW)->version_num >= 0x80000;

	(void)info;
	if (outcome->response)
		(void)fputs(lower ? "https" : "HTTPS", stream);
}

/* Of the final answer: its status line is none. */
static void
write_header_count(FILE *stream, const struct outcome *outcome, int info)
{
	const char *text = "";
	size_t len = 0;
	int64_t count = 0;

	(void)info;
	if (outcome->response)
		text = enclave_client_response_header_text(
		    outcome->response, &len);
	for (const char *line = text; len && line && *line;) {
		if (strncmp(line, "HTTP/", 5) == 0)
			count = 0;
		else if (*line != '\r' && *line != '\n')
			count++;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	(void)fprintf(stream, "%" PRId64, count);
}

/* Where a redirect that was not followed would have led. */
static void
write_redirect_url(FILE *stream, const struct outcome *outcome, int info)
{
	long status = enclave_client_response_status(outcome->response);
	const char *location =
	    enclave_client_response_header(outcome->response, "Location", 0);
	const char *from = enclave_client_response_url(outcome->response);
	CURLU *url = NULL;
	char *whole = NULL;

	(void)info;
	if (status < 300 || status > 399 || !location)
		return;
	url = curl_url();
	if (url && !curl_url_set(url, CURLUPART_URL, from, 0) &&
	    !curl_url_set(
		url, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) &&
	    !curl_url_get(url, CURLUPART_URL, &whole, 0))
		(void)fputs(whole, stream);
	curl_free(whole);
	curl_url_cleanup(url);
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
    {"local_ip", write_address, true},
    {"local_port", write_count, INFO(LOCAL_PORT)},
    {"method", write_method, 0},
    {"num_connects", write_count, INFO(NUM_CONNECTS)},
    {"num_headers", write_header_count, 0},
    {"num_redirects", write_count, INFO(NUM_REDIRECTS)},
    {"redirect_url", write_redirect_url, 0},
    {"remote_ip", write_address, false},
    {"remote_port", write_count, INFO(REMOTE_PORT)},
    {"response_code", write_http_code, 0},
    {"scheme", write_scheme, 0},
    {"size_download", write_count, INFO(SIZE_DOWNLOAD_BYTES)},
    {"size_header", write_count, INFO(SIZE_HEADER_BYTES)},
    {"size_upload", write_count, INFO(SIZE_UPLOAD_BYTES)},
    {"speed_download", write_speed, INFO(SIZE_DOWNLOAD_BYTES)},
    {"speed_upload", write_speed, INFO(SIZE_UPLOAD_BYTES)},
    {"ssl_verify_result", write_verified, 0},
    {"time_appconnect", write_seconds, INFO(TIME_APPCONNECT_US)},
    {"time_connect", write_seconds, INFO(TIME_CONNECT_US)},
    {"time_namelookup", write_seconds, INFO(TIME_NAMELOOKUP_US)},
    {"time_pretransfer", write_seconds, INFO(TIME_PRETRANSFER_US)},
    {"time_redirect", write_seconds, INFO(TIME_REDIRECT_US)},
    {"time_starttransfer", write_seconds, INFO(TIME_STARTTRANSFER_US)},
    {"time_total", write_seconds, INFO(TIME_TOTAL_US)},
    {"url", write_url, 0},
    {"url_effective", write_url_effective, 0},
    {"urlnum", write_number, 0},
};

/* What curl has beside them, up to its 8.14. */
static const char *const curls[] = {"certs", "conn_id", "ftp_entry_path",
    "header_json", "json", "num_certs", "num_retries",
    "proxy_ssl_verify_result", "proxy_used", "queue_time", "referer",
    "time_posttransfer", "time_queue", "tls_earlydata", "xfer_id"};

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
warn_unknown(const char *name, size_t len)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(curls) / sizeof(curls[0]); i++)
		known = known || is_name(curls[i], name, len);
	if (known || (len > 4 && memcmp(name, "url.", 4) == 0))
		(void)fprintf(stderr,
		    "attest-curl: --write-out variable '%.*s' is curl's and "
		    "not here\n",
		    (int)len, name);
	else
		(void)fprintf(stderr,
		    "attest-curl: unknown --write-out variable: '%.*s'\n",
		    (int)len, name);
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
		warn_unknown(name, len);
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
