#include "evidence/validity.h"

#include <stdio.h>
#include <time.h>

/* With a fast clock a fresh document looks old, but hardly by a day. */
#define PLAUSIBLE_CLOCK_ERROR_MS INT64_C(86400000)

#define TIME_TEXT_BYTES 32

/* RFC 3339, UTC, milliseconds only where there are any. */
static void
format_time(int64_t time_ms, char ret_text[TIME_TEXT_BYTES])
{
	int64_t part_ms = (time_ms % 1000 + 1000) % 1000;
	time_t seconds = (time_t)((time_ms - part_ms) / 1000);
	struct tm parts = {0};
	size_t len;

	(void)gmtime_r(&seconds, &parts);
	len = strftime(ret_text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
	if (part_ms)
		(void)snprintf(ret_text + len, TIME_TEXT_BYTES - len, ".%03dZ",
		    (int)part_ms);
	else
		(void)snprintf(ret_text + len, TIME_TEXT_BYTES - len, "Z");
}

/* The two largest units that say something: "3 h 2 min", "12.345 s". */
static void
format_span(int64_t span_ms, char ret_text[TIME_TEXT_BYTES])
{
	int64_t seconds = span_ms / 1000;
	long long days = seconds / 86400;
	long long hours = seconds / 3600;
	long long minutes = seconds / 60;

	if (days)
		(void)snprintf(ret_text, TIME_TEXT_BYTES, "%lld d %lld h", days,
		    hours % 24);
	else if (hours)
		(void)snprintf(ret_text, TIME_TEXT_BYTES, "%lld h %lld min",
		    hours, minutes % 60);
	else if (minutes)
		(void)snprintf(ret_text, TIME_TEXT_BYTES, "%lld min %lld s",
		    minutes, (long long)seconds % 60);
	else
		(void)snprintf(ret_text, TIME_TEXT_BYTES, "%lld.%03lld s",
		    (long long)seconds, (long long)span_ms % 1000);
}

/* A fact about a moment, and how far that moment is from now. */
static enum enclave_client_status
refuse(enum enclave_client_status status, const char *fact, int64_t moment_ms,
    const struct judgement *judgement, struct enclave_client_error *error)
{
	int64_t now_ms = judgement->now_ms;
	char moment[TIME_TEXT_BYTES];
	char now[TIME_TEXT_BYTES];
	char span[TIME_TEXT_BYTES];

	format_time(moment_ms, moment);
	format_time(now_ms, now);
	format_span(
	    now_ms > moment_ms ? now_ms - moment_ms : moment_ms - now_ms, span);
	(void)error_set(error, status, ENCLAVE_CLIENT_STEP_TIME,
	    "%s %s, %s %s the %s (%s)", fact, moment, span,
	    now_ms >= moment_ms ? "before" : "after",
	    judgement->live ? "present" : "time it is judged at", now);
	if (now_ms >= moment_ms)
		error_set_deadline(error, moment_ms);
	return status;
}

/*
 * Evidence is served fresh, so evidence of the future, or a little too old,
 * speaks against this machine's clock as much as against the server.
 */
static void
mention_clock(int64_t timestamp_ms, const struct judgement *judgement,
    struct enclave_client_error *error)
{
	if (judgement->live &&
	    judgement->now_ms - timestamp_ms < PLAUSIBLE_CLOCK_ERROR_MS)
		error_append(error, "; this machine's clock may be wrong");
}

static enum enclave_client_status
check_certificate(const struct claims_certificate *certificate,
    const char *place, const struct judgement *judgement,
    struct enclave_client_error *error)
{
	char fact[256];

	if (judgement->now_ms + judgement->clock_skew_ms <
	    certificate->not_before_ms) {
		(void)snprintf(fact, sizeof(fact),
		    "%s (%.120s) is valid only from", place,
		    certificate->subject);
		return refuse(ENCLAVE_CLIENT_ERR_NOT_YET_VALID, fact,
		    certificate->not_before_ms, judgement, error);
	}
	if (judgement->now_ms >= certificate->not_after_ms) {
		(void)snprintf(fact, sizeof(fact), "%s (%.120s) expired at",
		    place, certificate->subject);
		return refuse(ENCLAVE_CLIENT_ERR_EXPIRED, fact,
		    certificate->not_after_ms, judgement, error);
	}
	return ENCLAVE_CLIENT_OK;
}

/* AWS, 3.2.3: every certificate of the chain, the root included. */
static enum enclave_client_status
check_certificates(const struct verified_leaf *leaf,
    const struct judgement *judgement, struct enclave_client_error *error)
{
	const struct verified_chain *chain = leaf->chain;
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	char place[32];

	for (size_t i = 0; !status && i < chain->count; i++) {
		(void)snprintf(place, sizeof(place), "cabundle[%zu]", i);
		status = check_certificate(
		    &chain->certificates[i], place, judgement, error);
	}
	if (!status)
		status = check_certificate(
		    &leaf->certificate, "certificate", judgement, error);
	return status;
}

/*
 * A leaf signs for three hours, so its validity alone lets a document be
 * replayed that long.
 */
static enum enclave_client_status
check_age(int64_t timestamp_ms, const struct judgement *judgement,
    struct enclave_client_error *error)
{
	int64_t now_ms = judgement->now_ms;

	if (timestamp_ms > now_ms + judgement->clock_skew_ms)
		return refuse(ENCLAVE_CLIENT_ERR_FROM_FUTURE,
		    "document was made at", timestamp_ms, judgement, error);
	if (now_ms >= timestamp_ms + judgement->max_age_ms)
		return refuse(ENCLAVE_CLIENT_ERR_TOO_OLD,
		    "document reached its greatest age at",
		    timestamp_ms + judgement->max_age_ms, judgement, error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
validity_check(const struct verified_leaf *leaf, int64_t timestamp_ms,
    const struct judgement *judgement, struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    check_certificates(leaf, judgement, error);

	if (!status)
		status = check_age(timestamp_ms, judgement, error);
	if (status) {
		mention_clock(timestamp_ms, judgement, error);
		error_set_age(error, judgement->now_ms - timestamp_ms);
	}
	return status;
}
