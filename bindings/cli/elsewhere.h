/* What curl has and attest-curl has not. */
#ifndef CLI_ELSEWHERE_H
#define CLI_ELSEWHERE_H

#include <stddef.h>

#include "fault.h"

struct elsewhere {
	const char *name;
	char letter;         /* 0: none */
	const char *instead; /* NULL: nothing does the same */
};

/* NULL when curl has none of that name either. */
const struct elsewhere *elsewhere_find_name(const char *name);
/* Cut short, or with "=" behind; NULL too when more than one begins so. */
const struct elsewhere *elsewhere_find_beginning(
    const char *name, size_t name_len);
const struct elsewhere *elsewhere_find_letter(char letter);
/* The sentence that says so; given is what the line has. */
int elsewhere_refuse(
    const struct elsewhere *elsewhere, const char *given, struct fault *fault);

#endif
