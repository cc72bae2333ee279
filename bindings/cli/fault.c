#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "printable.h"

void
fault_keep_printable(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t len = printable_len(text, left);

		if (!len) {
			*text = '?';
			len = 1;
		}
		text += len;
		left -= len;
	}
}

int
fault_set(struct fault *fault, int exit_status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	fault_keep_printable(fault->text);
	fault->exit_status = exit_status;
	fault->status = ENCLAVE_CLIENT_OK;
	fault->step = ENCLAVE_CLIENT_STEP_NONE;
	fault->enclave[0] = '\0';
	fault->facts[0] = '\0';
	return exit_status;
}

void
fault_add(struct fault *fault, const char *format, ...)
{
	size_t len = strlen(fault->text);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(
	    fault->text + len, sizeof(fault->text) - len, format, arguments);
	va_end(arguments);
	fault_keep_printable(fault->text + len);
}

int
fault_memory(struct fault *fault)
{
	return fault_set(fault, EXIT_MEMORY, "out of memory");
}

int
fault_set_error(struct fault *fault, enum enclave_client_status status,
    const struct enclave_client_error *error)
{
	const char *message = enclave_client_error_message(error);

	if (enclave_client_error_status(error) != status || !message[0])
		message = enclave_client_status_text(status);
	(void)fault_set(fault, exit_status_of(status, error), "%s", message);
	fault->status = status;
	fault->step = enclave_client_error_step(error);
	(void)snprintf(fault->enclave, sizeof(fault->enclave), "%s",
	    enclave_client_error_enclave(error));
	json_facts(error, fault->facts, sizeof(fault->facts));
	return fault->exit_status;
}

void
fault_name_file(struct fault *fault, const char *path)
{
	struct fault copy = *fault;

	(void)fault_set(fault, copy.exit_status, "%s: %s", path, copy.text);
	memcpy(copy.text, fault->text, sizeof(copy.text));
	*fault = copy;
}
