/*
 * What a request asks of HTTP beside its method, headers and body: each is one
 * of libcurl's own options, so that libcurl writes the header, in its place.
 * They are set on the request's own transfer and never on an evidence GET.
 */
#ifndef CLIENT_REQUEST_OPTIONS_H
#define CLIENT_REQUEST_OPTIONS_H

#include <curl/curl.h>
#include <enclave_client.h>

/* All owned. */
struct request_options {
	char *user_agent;
	char *referer;
	bool referer_auto;
	char *cookie;
	char *range;
	char *user;
	char *password;
	char *netrc_file;
	bool netrc;
	bool compressed;
	bool form;
	bool expect_continue;
	bool keep_method;
	int64_t receive_rate_max; /* bytes a second, 0: as fast as it goes */
	int64_t send_rate_max;
	struct enclave_client_cookies *cookies; /* owned reference */
};

/* Secrets are wiped. */
void request_options_clear(struct request_options *options);

/* Nothing that would set an option of libcurl's; a form's is a header. */
bool request_options_none(const struct request_options *options);
/* After the handle's reset, before its transfer. */
CURLcode request_options_apply(
    const struct request_options *options, CURL *easy);

#endif
