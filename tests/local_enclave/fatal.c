#include "fatal.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
die(const char *format, ...)
{
	va_list arguments;

	fputs("local enclave: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

void
die_because(const char *text)
{
	ERR_print_errors_fp(stderr);
	die("failed: %s", text);
}

void *
must_alloc(size_t size_bytes)
{
	void *memory = calloc(1, size_bytes);

	must(memory != NULL);
	return memory;
}

char *
must_copy_text(const char *text)
{
	char *copy = strdup(text);

	must(copy != NULL);
	return copy;
}

char *
must_format(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	int len;

	va_start(arguments, format);
	len = vasprintf(&text, format, arguments);
	va_end(arguments);
	must(len >= 0);
	return text;
}
