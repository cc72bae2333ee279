/* -w: what is written after a transfer. */
#ifndef CLI_WRITE_OUT_H
#define CLI_WRITE_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

/* What there is to say about one transfer; all borrowed. */
struct outcome {
	const struct enclave_client_response *response; /* NULL: no answer */
	const struct fault *fault;
	const char *url;
	const char *method;
	const char *file; /* of -o, or NULL */
	size_t number;    /* of the URL on the line, from 0 */
	int64_t elapsed_us;
};

/* Format as curl's: %{variable}, %header{name}, \n \r \t.  0 or EXIT_WRITE. */
int write_out(const char *format, size_t len, const struct outcome *outcome,
    struct fault *fault);

#endif
