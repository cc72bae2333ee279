/* What an option does with its argument.  Each gives 0 or an exit status. */
#ifndef CLI_OPTION_VALUES_H
#define CLI_OPTION_VALUES_H

#include "options.h"

/* -d: joined with "&"; @FILE without its line breaks. */
int value_data(
    struct options *options, const char *argument, struct fault *fault);
/* -H: one header, or a file of them. */
int value_header(
    struct options *options, const char *argument, struct fault *fault);
/* -w: the format, or a file of it. */
int value_write_out(
    struct options *options, const char *argument, struct fault *fault);
/* -m: seconds, with decimals. */
int value_max_time(
    struct options *options, const char *argument, struct fault *fault);
/* -k: never. */
int value_insecure(
    struct options *options, const char *argument, struct fault *fault);

#endif
