/* --inspect-document and --verify-document. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "options.h"

/*
 * Prints the verdict.  Gives its exit status; what is a mistake of the
 * caller's is in fault instead, and nothing was printed.
 */
int document_verb(const struct options *options, struct fault *fault);

#endif
