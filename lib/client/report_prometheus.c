/* Prometheus text format 0.0.4: HELP, TYPE, then a line for each enclave. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/report.h"

/* 1 KiB an enclave and metric would be much: this is far beyond. */
#define PAGE_MAX_BYTES (1024u * 1024 * 1024)
/* Longest of what is formatted at once: labels are not. */
#define PIECE_MAX_BYTES 256

struct page {
	struct buffer text;
	bool failed; /* for good: memory was short */
};

static void
append_bytes(struct page *page, const char *data, size_t len)
{
	if (!page->failed && buffer_append(&page->text,
				 (struct bytes){(const uint8_t *)data, len}))
		page->failed = true;
}

__attribute__((format(printf, 2, 3))) static void
append(struct page *page, const char *format, ...)
{
	char piece[PIECE_MAX_BYTES];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	if (len < 0 || (size_t)len >= sizeof(piece))
		page->failed = true;
	else
		append_bytes(page, piece, (size_t)len);
}

/* Label values escape backslash, quote and line feed, and nothing else. */
static void
append_label(struct page *page, const char *value)
{
	while (*value) {
		size_t plain = strcspn(value, "\\\"\n");

		append_bytes(page, value, plain);
		value += plain;
		if (!*value)
			return;
		append(page, "\\%c", *value == '\n' ? 'n' : *value);
		value++;
	}
}

static void
append_head(
    struct page *page, const char *name, const char *help, const char *type)
{
	append(page, "# HELP enclave_client_%s %s\n", name, help);
	append(page, "# TYPE enclave_client_%s %s\n", name, type);
}

static void
append_series(struct page *page, const char *name,
    const struct enclave_client_report_enclave *enclave)
{
	append(page, "enclave_client_%s{enclave=\"", name);
	append_label(page, enclave->name);
	append(page, "\"} ");
}

/* Whole seconds and milliseconds: a double would show neither exactly. */
static void
append_seconds(struct page *page, int64_t time_ms)
{
	append(
	    page, "%" PRId64 ".%03d\n", time_ms / 1000, (int)(time_ms % 1000));
}

static int64_t
attested(const struct enclave_client_report_enclave *enclave)
{
	return enclave->state == ENCLAVE_CLIENT_STATE_ATTESTED;
}

static int64_t
insecure(const struct enclave_client_report_enclave *enclave)
{
	return enclave->insecure;
}

static int64_t
live_keys(const struct enclave_client_report_enclave *enclave)
{
	return (int64_t)enclave->key_count;
}

static int64_t
first_deadline_ms(const struct enclave_client_report_enclave *enclave)
{
	int64_t first_ms = 0;

	for (size_t i = 0; i < enclave->key_count; i++)
		if (!first_ms || enclave->keys[i].deadline_ms < first_ms)
			first_ms = enclave->keys[i].deadline_ms;
	return first_ms;
}

static int64_t
last_poll_ms(const struct enclave_client_report_enclave *enclave)
{
	return enclave->last_poll_ms;
}

static const struct {
	const char *name;
	const char *help;
	int64_t (*value)(const struct enclave_client_report_enclave *enclave);
	bool seconds; /* of milliseconds; 0: no line */
} gauges[] = {
    {"attested", "Whether a key of the enclave is live.", attested, false},
    {"insecure", "Whether a switch weakens its verdicts.", insecure, false},
    {"live_keys", "Keys that are live.", live_keys, false},
    {"first_deadline_seconds", "When the first live key ends, since 1970.",
	first_deadline_ms, true},
    {"last_poll_seconds", "When evidence was last polled, since 1970.",
	last_poll_ms, true},
};

static void
append_gauge(
    struct page *page, const struct enclave_client_report *report, size_t gauge)
{
	append_head(page, gauges[gauge].name, gauges[gauge].help, "gauge");
	for (size_t i = 0; i < report->count; i++) {
		const struct enclave_client_report_enclave *enclave =
		    &report->items[i].shown;
		int64_t value = gauges[gauge].value(enclave);

		if (gauges[gauge].seconds && !value)
			continue;
		append_series(page, gauges[gauge].name, enclave);
		if (gauges[gauge].seconds)
			append_seconds(page, value);
		else
			append(page, "%" PRId64 "\n", value);
	}
}

static void
append_counter(struct page *page, const struct enclave_client_report *report,
    const struct report_counter *counter)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s_total", counter->name);
	append_head(page, name, counter->help, "counter");
	for (size_t i = 0; i < report->count; i++) {
		const struct enclave_client_report_enclave *enclave =
		    &report->items[i].shown;

		append_series(page, name, enclave);
		append(page, "%" PRIu64 "\n",
		    report_counter_value(counter, enclave));
	}
}

char *
enclave_client_report_prometheus(const struct enclave_client_report *report)
{
	struct page page = {0};

	if (!report)
		return NULL;
	buffer_init(&page.text, PAGE_MAX_BYTES);
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		append_gauge(&page, report, i);
	for (size_t i = 0; i < report_counters_count; i++)
		append_counter(&page, report, &report_counters[i]);
	append_bytes(&page, "", 1);
	if (!page.failed)
		return (char *)page.text.data;
	buffer_clear(&page.text);
	return NULL;
}
