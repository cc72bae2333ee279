#include "verbose.h"

#include <stdio.h>
#include <string.h>

#include "printable.h"

/* "* " and the like, as curl writes them. */
static const char *
prefix_of(enum enclave_client_trace_kind kind)
{
	switch (kind) {
	case ENCLAVE_CLIENT_TRACE_HEADER_IN:
		return "< ";
	case ENCLAVE_CLIENT_TRACE_HEADER_OUT:
		return "> ";
	case ENCLAVE_CLIENT_TRACE_ATTESTATION:
		return "* attestation: ";
	case ENCLAVE_CLIENT_TRACE_TEXT:
		break;
	}
	return "* ";
}

/* A peer's control characters never reach the terminal. */
static void
print_line(const char *prefix, const char *line, size_t len)
{
	size_t whole;

	(void)fputs(prefix, stderr);
	for (size_t i = 0; i < len; i += whole) {
		whole = line[i] == '\t' ? 1 : printable_len(line + i, len - i);
		if (whole) {
			(void)fwrite(line + i, 1, whole, stderr);
			continue;
		}
		whole = 1;
		(void)fprintf(stderr, "\\x%02x", (unsigned char)line[i]);
	}
	(void)fputc('\n', stderr);
}

void
verbose_trace(enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context)
{
	const char *prefix = prefix_of(kind);

	(void)context;
	flockfile(stderr);
	while (len) {
		const char *newline = memchr(data, '\n', len);
		size_t whole = newline ? (size_t)(newline - data) + 1 : len;
		size_t line = newline ? whole - 1 : len;

		if (line && data[line - 1] == '\r')
			line--;
		print_line(prefix, data, line);
		data += whole;
		len -= whole;
	}
	funlockfile(stderr);
}
