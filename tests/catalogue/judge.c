/*
 * Judges documents for the second implementation's sake.
 *
 *   judge aws|ROOT.pem
 *
 * Each line of standard input is `HEX NOW_MS MAX_AGE_MS SKEW_MS`, each line of
 * standard output `STATUS STEP CLAIMS`, where claims are a dash or what the
 * document says, in one word.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence_test.h"

#define LINE_MAX_BYTES (4 * DOCUMENT_MAX_BYTES)

static void
print_hex(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		(void)printf("%02x", value.data[i]);
}

static void
print_claims(const struct claims *claims)
{
	struct bytes value;

	print_hex(bytes_from_string(claims_module_id(claims)));
	(void)printf("/%" PRId64 "/%" PRId64, claims_timestamp_ms(claims),
	    claims_not_after_ms(claims));
	for (unsigned int i = 0; i < PCRS_MAX; i++) {
		if (!claims_pcr(claims, i, &value))
			continue;
		(void)printf("/%u=", i);
		print_hex(value);
	}
	for (int i = 0; i < CLAIMS_FIELDS; i++) {
		(void)printf("/");
		if (claims_field(claims, (enum claims_field)i, &value))
			print_hex(value);
		else
			(void)printf("null");
	}
}

static int64_t
next_number(char **rest)
{
	char *start = *rest;
	int64_t number = strtoll(start, rest, 10);

	if (*rest == start)
		exit(2);
	return number;
}

static void
judge(
    char *line, const struct evidence_roots *roots, struct chain_memory *memory)
{
	struct evidence_check check = {.roots = roots, .memory = memory};
	struct enclave_client_error error = {0};
	struct claims *claims = NULL;
	char *rest = strchr(line, ' ');
	size_t len = rest ? (size_t)(rest - line) / 2 : 0;
	uint8_t *document = malloc(len ? len : 1);
	enum enclave_client_status status;

	if (!rest || !document ||
	    !hex_decode(
		(struct bytes){(uint8_t *)line, 2 * len}, document, len))
		exit(2);
	check.now_ms = next_number(&rest);
	check.max_age_ms = next_number(&rest);
	check.clock_skew_ms = next_number(&rest);
	status = evidence_verify(
	    (struct bytes){document, len}, &check, &claims, &error);
	(void)printf("%s %s ", enclave_client_status_name(status),
	    enclave_client_step_name(error.step));
	if (claims)
		print_claims(claims);
	else
		(void)printf("-");
	(void)printf("\n");
	claims_unref(claims);
	free(document);
}

int
main(int argc, char **argv)
{
	struct evidence_roots *roots;
	struct chain_memory *memory = chain_memory_new();
	char *line = malloc(LINE_MAX_BYTES);

	if (argc != 2 || !line || !memory)
		return 2;
	roots = strcmp(argv[1], "aws") ? roots_file("", argv[1]) : roots_aws();
	while (fgets(line, LINE_MAX_BYTES, stdin))
		judge(line, roots, memory);
	free(line);
	chain_memory_free(memory);
	evidence_roots_unref(roots);
	return 0;
}
