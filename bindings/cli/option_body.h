/* Readers of the options that make a body.  Each gives 0 or the exit status. */
#ifndef CLI_OPTION_BODY_H
#define CLI_OPTION_BODY_H

#include "options.h"

/* -d: joined with "&"; @FILE without its line breaks and NULs. */
int body_data(
    struct options *options, const char *argument, struct fault *fault);
/* --data-raw: no @. */
int body_data_raw(
    struct options *options, const char *argument, struct fault *fault);
/* --data-binary: @FILE as it is. */
int body_data_binary(
    struct options *options, const char *argument, struct fault *fault);
/* --data-urlencode: TEXT, =TEXT, NAME=TEXT, @FILE, NAME@FILE. */
int body_data_urlencode(
    struct options *options, const char *argument, struct fault *fault);
/* --json: as --data-binary, joined with nothing. */
int body_json(
    struct options *options, const char *argument, struct fault *fault);
/* --form-string. */
int body_form_string(
    struct options *options, const char *argument, struct fault *fault);

#endif
