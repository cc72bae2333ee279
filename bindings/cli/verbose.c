#include "verbose.h"

#include <stdio.h>
#include <string.h>

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
	(void)fputs(prefix, stderr);
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)line[i];

		if ((byte >= 0x20 && byte != 0x7f) || byte == '\t')
			(void)fputc(byte, stderr);
		else
			(void)fprintf(stderr, "\\x%02x", byte);
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
