#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef error_set
#undef error_memory

static void
keep_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
}

struct enclave_client_error *
enclave_client_error_new(void)
{
	return calloc(1, sizeof(struct enclave_client_error));
}

void
enclave_client_error_free(struct enclave_client_error *error)
{
	free(error);
}

const char *
enclave_client_error_message(const struct enclave_client_error *error)
{
	return error ? error->message : "no error object was given";
}

enum enclave_client_status
enclave_client_error_status(const struct enclave_client_error *error)
{
	return error ? error->status : ENCLAVE_CLIENT_OK;
}

enum enclave_client_step
enclave_client_error_step(const struct enclave_client_error *error)
{
	return error ? error->step : ENCLAVE_CLIENT_STEP_NONE;
}

const char *
enclave_client_error_enclave(const struct enclave_client_error *error)
{
	return error ? error->enclave : "";
}

long
enclave_client_error_foreign_code(const struct enclave_client_error *error)
{
	return error ? error->foreign_code : 0;
}

enum enclave_client_foreign
enclave_client_error_foreign(const struct enclave_client_error *error)
{
	return error ? error->foreign : ENCLAVE_CLIENT_FOREIGN_NONE;
}

int
enclave_client_error_pcr(const struct enclave_client_error *error)
{
	return error && error->pcr.given ? error->pcr.index : -1;
}

const char *
enclave_client_error_pcr_shown(const struct enclave_client_error *error)
{
	return error ? error->pcr.shown : "";
}

const char *
enclave_client_error_pcr_accepted(
    const struct enclave_client_error *error, size_t index)
{
	return error && index < error->pcr.kept ? error->pcr.accepted[index]
						: NULL;
}

bool
enclave_client_error_pcr_accepted_more(const struct enclave_client_error *error)
{
	return error && error->pcr.more;
}

int64_t
enclave_client_error_age_ms(const struct enclave_client_error *error)
{
	return error && error->times.aged ? error->times.age_ms
					  : ENCLAVE_CLIENT_MS_UNKNOWN;
}

int64_t
enclave_client_error_deadline_ms(const struct enclave_client_error *error)
{
	return error && error->times.ended ? error->times.deadline_ms
					   : ENCLAVE_CLIENT_MS_UNKNOWN;
}

static void
clear_pcr(struct error_pcr *pcr)
{
	pcr->given = false;
	pcr->index = 0;
	pcr->kept = 0;
	pcr->more = false;
	pcr->shown[0] = '\0';
}

/*
 * Texts are made empty and not zeroed: each request that succeeds clears
 * several errors, and 2 KiB of cold memory each are felt.
 */
void
error_clear(struct enclave_client_error *error)
{
	if (!error)
		return;
	error->status = ENCLAVE_CLIENT_OK;
	error->step = ENCLAVE_CLIENT_STEP_NONE;
	error->foreign = ENCLAVE_CLIENT_FOREIGN_NONE;
	error->foreign_code = 0;
	error->times = (struct error_times){0};
	clear_pcr(&error->pcr);
	error->enclave[0] = '\0';
	error->message[0] = '\0';
}

enum enclave_client_status
error_set(struct enclave_client_error *error, enum enclave_client_status status,
    enum enclave_client_step step, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return status;
	error_clear(error);
	error->status = status;
	error->step = step;
	va_start(arguments, format);
	(void)vsnprintf(
	    error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	keep_printable(error->message);
	return status;
}

enum enclave_client_status
error_memory(struct enclave_client_error *error)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_MEMORY,
	    ENCLAVE_CLIENT_STEP_NONE, "out of memory");
}

void
error_set_foreign(struct enclave_client_error *error,
    enum enclave_client_foreign foreign, long code)
{
	if (!error)
		return;
	error->foreign = foreign;
	error->foreign_code = code;
}

void
error_set_age(struct enclave_client_error *error, int64_t age_ms)
{
	if (!error)
		return;
	error->times.aged = true;
	error->times.age_ms = age_ms;
}

void
error_set_deadline(struct enclave_client_error *error, int64_t deadline_ms)
{
	if (!error)
		return;
	error->times.ended = true;
	error->times.deadline_ms = deadline_ms;
}

void
error_set_pcr(
    struct enclave_client_error *error, unsigned int index, struct bytes shown)
{
	if (!error)
		return;
	clear_pcr(&error->pcr);
	error->pcr.given = true;
	error->pcr.index = (uint8_t)index;
	if (shown.len <= PCR_BYTES)
		hex_encode(shown, error->pcr.shown);
}

void
error_add_accepted(struct enclave_client_error *error, struct bytes accepted)
{
	if (!error || accepted.len > PCR_BYTES)
		return;
	if (error->pcr.kept == ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX) {
		error->pcr.more = true;
		return;
	}
	hex_encode(accepted, error->pcr.accepted[error->pcr.kept++]);
}

void
error_set_enclave(struct enclave_client_error *error, const char *name)
{
	char message[ERROR_MESSAGE_MAX_BYTES];

	if (!error || error->status == ENCLAVE_CLIENT_OK || error->enclave[0])
		return;
	(void)snprintf(error->enclave, sizeof(error->enclave), "%s", name);
	keep_printable(error->enclave);
	memcpy(message, error->message, sizeof(message));
	(void)snprintf(error->message, sizeof(error->message), "%s: %.*s",
	    error->enclave, (int)(sizeof(message) - sizeof(error->enclave) - 2),
	    message);
}

const char *
error_reason(const struct enclave_client_error *error)
{
	size_t len = error->enclave[0] ? strlen(error->enclave) + 2 : 0;

	return len <= strlen(error->message) ? error->message + len
					     : error->message;
}

void
error_append(struct enclave_client_error *error, const char *format, ...)
{
	va_list arguments;
	size_t len;

	if (!error)
		return;
	len = strlen(error->message);
	va_start(arguments, format);
	(void)vsnprintf(error->message + len, sizeof(error->message) - len,
	    format, arguments);
	va_end(arguments);
	keep_printable(error->message);
}

void
error_copy(
    struct enclave_client_error *to, const struct enclave_client_error *from)
{
	if (!to)
		return;
	if (from)
		*to = *from;
	else
		error_clear(to);
}
