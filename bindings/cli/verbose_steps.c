#include "verbose_steps.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "verbose.h"
#include "watch_table.h"

/* The registers that a build decides, and those of where it runs. */
#define PCRS_SHOWN 9

struct when {
	char text[64]; /* "2026-01-31T12:00:00Z, 12m ago" */
};

static int64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct when
when_of(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	int64_t ahead_ms = ms - wall_ms();
	struct when when = {""};
	char moment[32] = "?";
	char span[24];
	struct tm parts;

	if (gmtime_r(&seconds, &parts))
		(void)strftime(
		    moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", &parts);
	watch_span(ahead_ms < 0 ? -ahead_ms : ahead_ms, span, sizeof(span));
	(void)snprintf(when.text, sizeof(when.text), "%s, %s%s%s", moment,
	    ahead_ms < 0 ? "" : "in ", span, ahead_ms < 0 ? " ago" : "");
	return when;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *format, ...)
{
	char line[FAULT_TEXT_MAX_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	verbose_trace(
	    ENCLAVE_CLIENT_TRACE_ATTESTATION, line, strlen(line), NULL);
}

static const char *
text_of(const cJSON *json, const char *name)
{
	const char *text =
	    cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	return text ? text : "?";
}

/* The certificate that ends first, from the root down. */
static void
say_chain(const cJSON *chain)
{
	const cJSON *first = NULL;
	const cJSON *item;
	double end = 0;

	cJSON_ArrayForEach(item, chain)
	{
		const cJSON *not_after =
		    cJSON_GetObjectItem(item, "not_after_ms");

		if (first && cJSON_GetNumberValue(not_after) >= end)
			continue;
		first = item;
		end = cJSON_GetNumberValue(not_after);
	}
	if (first)
		say("step chain: %d certificates from %s; the first to end is "
		    "%s, %s",
		    cJSON_GetArraySize(chain),
		    text_of(cJSON_GetArrayItem(chain, 0), "subject"),
		    text_of(first, "subject"), when_of((int64_t)end).text);
}

static void
say_policy(const struct enclave_client_document *document)
{
	const char *label = enclave_client_document_set_label(document);
	bool named = label && *label;

	say("step policy: accepted PCR set %d%s%s matches",
	    enclave_client_document_set_index(document) + 1, named ? ", " : "",
	    named ? label : "");
	for (unsigned int i = 0; i < PCRS_SHOWN; i++) {
		const char *hex = enclave_client_document_pcr(document, i);

		if (hex && strspn(hex, "0") != strlen(hex))
			say("  PCR%u %s", i, hex);
	}
}

void
verbose_steps(const struct enclave_client_document *document)
{
	char *text = document ? enclave_client_document_json(document) : NULL;
	cJSON *json = text ? cJSON_Parse(text) : NULL;

	if (!json)
		goto out;
	say("step structure: Nitro document of %s%s",
	    text_of(json, "module_id"),
	    enclave_client_document_debug(document) ? ", in debug mode" : "");
	say_chain(cJSON_GetObjectItem(json, "chain"));
	say("step signature: ES384 by the last certificate's key%s",
	    enclave_client_document_insecure(document)
		? "; insecure: under a root that is not AWS's, or a like switch"
		: "");
	say("step time: made %s; counts until %s",
	    when_of(enclave_client_document_timestamp_ms(document)).text,
	    when_of(enclave_client_document_deadline_ms(document)).text);
	say_policy(document);
	say("step binding: it names the key of this connection");

out:
	cJSON_Delete(json);
	free(text);
}

static const char *
outcome_of(const struct fault *fault, enum enclave_client_step step)
{
	return step == fault->step ? "refused" : "passed";
}

/* How old it is, where a verdict got so far. */
static void
say_time(const struct fault *fault, const cJSON *facts)
{
	const cJSON *age = cJSON_GetObjectItem(facts, "age_ms");
	const cJSON *end = cJSON_GetObjectItem(facts, "deadline_ms");
	struct when made = {"?"}, until = {"?"};

	if (cJSON_IsNumber(age))
		made = when_of(wall_ms() - (int64_t)age->valuedouble);
	if (cJSON_IsNumber(end))
		until = when_of((int64_t)end->valuedouble);
	say("step time: %s; made %s; counts until %s",
	    outcome_of(fault, ENCLAVE_CLIENT_STEP_TIME), made.text, until.text);
}

static void
say_register(const cJSON *pcr)
{
	if (cJSON_IsObject(pcr))
		say("  PCR%d %s", cJSON_GetObjectItem(pcr, "index")->valueint,
		    text_of(pcr, "shown"));
}

/* Steps are taken in their order, and the status is the first refusal's. */
static void
say_steps(const struct fault *fault, const cJSON *facts)
{
	int step = fault->step;

	/* Of the key's own refusal another document may be the reason. */
	if (fault->status != ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED &&
	    step > ENCLAVE_CLIENT_STEP_STRUCTURE)
		step = ENCLAVE_CLIENT_STEP_STRUCTURE;
	for (; step <= (int)fault->step; step++) {
		if (step == ENCLAVE_CLIENT_STEP_TIME)
			say_time(fault, facts);
		else
			say("step %s: %s",
			    enclave_client_step_name(
				(enum enclave_client_step)step),
			    outcome_of(fault, (enum enclave_client_step)step));
	}
	say_register(cJSON_GetObjectItem(facts, "pcr"));
}

void
verbose_refusal(const struct fault *fault)
{
	cJSON *facts = cJSON_Parse(fault->facts);

	if (fault->status && fault->step)
		say_steps(fault, facts);
	else if (fault->status == ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED)
		say("step binding: refused");
	cJSON_Delete(facts);
}
