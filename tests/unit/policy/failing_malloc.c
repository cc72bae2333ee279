#include "failing_malloc.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
char *__real_strdup(const char *string);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);
char *__wrap_strdup(const char *string);
int __wrap_asprintf(char **ret_text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Of the thread that armed it alone: others' calls would move the count. */
static _Thread_local size_t left; /* until the one that fails; 0: none will */
static _Thread_local bool failed;

bool
failing_malloc_is_next(void)
{
	if (!left || --left)
		return false;
	failed = true;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return failing_malloc_is_next() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return failing_malloc_is_next() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *data, size_t size)
{
	return failing_malloc_is_next() ? NULL : __real_realloc(data, size);
}

char *
__wrap_strdup(const char *string)
{
	return failing_malloc_is_next() ? NULL : __real_strdup(string);
}

int
__wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;

	if (failing_malloc_is_next())
		return -1;
	va_start(arguments, format);
	int len = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	return len;
}

static void *
crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size ? __wrap_malloc(size) : NULL;
}

static void *
crypto_realloc(void *data, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(data, size);
}

static void
crypto_free(void *data, const char *file, int line)
{
	(void)file;
	(void)line;
	free(data);
}

void
failing_malloc_setup(void)
{
	cJSON_Hooks hooks = {__wrap_malloc, free};

	/* OpenSSL first: after its own first allocation it refuses. */
	if (!CRYPTO_set_mem_functions(
		crypto_malloc, crypto_realloc, crypto_free) ||
	    curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, free,
		__wrap_realloc, __wrap_strdup, __wrap_calloc) != CURLE_OK) {
		fprintf(stderr, "the allocators can't be replaced\n");
		abort();
	}
	cJSON_InitHooks(&hooks);
}

void
failing_malloc_arm(size_t nth)
{
	left = nth;
	failed = false;
}

bool
failing_malloc_disarm(void)
{
	left = 0;
	return failed;
}
