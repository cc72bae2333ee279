/* Verbs that print one thing for other programs. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "session.h"

/* --print-pin: the attested keys as curl's --pinnedpubkey takes them. */
int print_pin(const struct session *session, struct fault *fault);

/* --print-pcrs: what the enclave presents, as --pcrs takes it. */
int print_pcrs(const struct options *options, struct fault *fault);

/* --pcrs-from-eif: what an image will measure as. */
int print_image_pcrs(const struct options *options, struct fault *fault);

/* One line to standard output; 0 or EXIT_WRITE. */
int print_line(const char *text, struct fault *fault);

#endif
