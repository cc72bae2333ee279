/* Why the command fails: an exit status and one line. */
#ifndef CLI_FAULT_H
#define CLI_FAULT_H

#include "exit_status.h"

/* Longer than any message of the library's. */
#define FAULT_TEXT_MAX_BYTES    2048
#define FAULT_ENCLAVE_MAX_BYTES 256
/* Nine registers of 96 digits, and what stands around them. */
#define FAULT_FACTS_MAX_BYTES 1536

struct fault {
	int exit_status; /* 0: nothing failed */
	char text[FAULT_TEXT_MAX_BYTES];
	/* What the library said, where it did; for --json-errors. */
	enum enclave_client_status status;
	enum enclave_client_step step;
	char enclave[FAULT_ENCLAVE_MAX_BYTES];
	char facts[FAULT_FACTS_MAX_BYTES]; /* a JSON object, or "" */
};

/* Gives the exit status back, so that `return fault_set(...)` reads well. */
int fault_set(struct fault *fault, int exit_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* More to the text, behind what is there. */
void fault_add(struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int fault_memory(struct fault *fault);
/* What the library refused; error may be NULL.  status is not OK. */
int fault_set_error(struct fault *fault, enum enclave_client_status status,
    const struct enclave_client_error *error);
/* File names and arguments can hold anything; the terminal sees none of it. */
void fault_keep_printable(char *text);
/* Puts "path: " before the text. */
void fault_name_file(struct fault *fault, const char *path);

#endif
