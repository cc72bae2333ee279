/* Readers of option arguments.  Each gives 0, or the exit status in fault. */
#ifndef CLI_OPTION_VALUES_H
#define CLI_OPTION_VALUES_H

#include "options.h"

/* -H: one header, or a file of them. */
int value_header(
    struct options *options, const char *argument, struct fault *fault);
/* -w: the format, or a file of it. */
int value_write_out(
    struct options *options, const char *argument, struct fault *fault);
/* -o, -O, --url. */
int value_output(
    struct options *options, const char *argument, struct fault *fault);
int value_remote_name(
    struct options *options, const char *argument, struct fault *fault);
int value_url(
    struct options *options, const char *argument, struct fault *fault);
/* -u: asks for the password where there is none. */
int value_user(
    struct options *options, const char *argument, struct fault *fault);
/* --cert: FILE:PASSWORD, with \: for a colon of the file's name. */
int value_certificate(
    struct options *options, const char *argument, struct fault *fault);
/* --trust: as the member of a map. */
int value_trust(
    struct options *options, const char *argument, struct fault *fault);
int value_tls_max(
    struct options *options, const char *argument, struct fault *fault);
int value_max_redirs(
    struct options *options, const char *argument, struct fault *fault);
/* Seconds, with decimals. */
int value_max_time(
    struct options *options, const char *argument, struct fault *fault);
int value_connect_timeout(
    struct options *options, const char *argument, struct fault *fault);
int value_max_age(
    struct options *options, const char *argument, struct fault *fault);
int value_retry_delay(
    struct options *options, const char *argument, struct fault *fault);
int value_retry_max_time(
    struct options *options, const char *argument, struct fault *fault);
int value_retry(
    struct options *options, const char *argument, struct fault *fault);
int value_limit_rate(
    struct options *options, const char *argument, struct fault *fault);
/* -k: never. */
int value_insecure(
    struct options *options, const char *argument, struct fault *fault);
/* -K; -q, which does nothing where it stands later on the line. */
int value_config(
    struct options *options, const char *argument, struct fault *fault);
int value_disable(
    struct options *options, const char *argument, struct fault *fault);

#endif
