#include "client/request_options.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "client/cookies.h"
#include "client/request.h"

static void
wipe(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

void
request_options_clear(struct request_options *options)
{
	free(options->user_agent);
	free(options->referer);
	free(options->range);
	free(options->user);
	free(options->netrc_file);
	wipe(options->cookie);
	wipe(options->password);
	cookies_unref(options->cookies);
	*options = (struct request_options){0};
}

#define SET(option, value)                                                     \
	do {                                                                   \
		CURLcode set_code = curl_easy_setopt(easy, option, value);     \
		if (set_code)                                                  \
			return set_code;                                       \
	} while (0)

static CURLcode
apply_credentials(const struct request_options *options, CURL *easy)
{
	if (options->user) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, options->user);
		SET(CURLOPT_PASSWORD,
		    options->password ? options->password : "");
	}
	if (options->netrc) {
		SET(CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
		SET(CURLOPT_NETRC_FILE, options->netrc_file);
	}
	if (options->cookie)
		SET(CURLOPT_COOKIE, options->cookie);
	/* "": no file, but cookies that answers set are looked at. */
	if (options->cookies) {
		SET(CURLOPT_SHARE, cookies_share(options->cookies));
		SET(CURLOPT_COOKIEFILE, "");
	}
	return CURLE_OK;
}

bool
request_options_none(const struct request_options *options)
{
	return !options->user_agent && !options->referer &&
	       !options->referer_auto && !options->cookie && !options->range &&
	       !options->user && !options->netrc && !options->compressed &&
	       !options->expect_continue && !options->keep_method &&
	       !options->receive_rate_max && !options->send_rate_max &&
	       !options->cookies;
}

CURLcode
request_options_apply(const struct request_options *options, CURL *easy)
{
	if (options->user_agent)
		SET(CURLOPT_USERAGENT, options->user_agent);
	if (options->referer)
		SET(CURLOPT_REFERER, options->referer);
	if (options->referer_auto)
		SET(CURLOPT_AUTOREFERER, 1L);
	if (options->range)
		SET(CURLOPT_RANGE, options->range);
	/* "": every encoding that this libcurl can undo. */
	if (options->compressed)
		SET(CURLOPT_ACCEPT_ENCODING, "");
	if (options->receive_rate_max)
		SET(CURLOPT_MAX_RECV_SPEED_LARGE,
		    (curl_off_t)options->receive_rate_max);
	if (options->send_rate_max)
		SET(CURLOPT_MAX_SEND_SPEED_LARGE,
		    (curl_off_t)options->send_rate_max);
	return apply_credentials(options, easy);
}

/* A copy in place of *member; NULL takes it away. */
static void
set_text(struct enclave_client_request *request, char **member,
    const char *value, const char *what)
{
	char *copy = NULL;

	if (value && !request_text_allowed(value)) {
		request_keep_error(
		    request, "there is a control character in", what);
		return;
	}
	if (value) {
		copy = strdup(value);
		if (!copy) {
			request_keep_memory_error(request);
			return;
		}
	}
	wipe(*member);
	*member = copy;
}

void
enclave_client_request_set_user_agent(
    struct enclave_client_request *request, const char *agent)
{
	if (request)
		set_text(request, &request->options.user_agent, agent,
		    "the user agent");
}

void
enclave_client_request_set_referer(
    struct enclave_client_request *request, const char *referer, bool follow)
{
	if (!request)
		return;
	set_text(request, &request->options.referer, referer, "the referer");
	request->options.referer_auto = follow;
}

void
enclave_client_request_set_cookie(
    struct enclave_client_request *request, const char *cookie)
{
	if (request)
		set_text(
		    request, &request->options.cookie, cookie, "the cookie");
}

void
enclave_client_request_set_cookies(struct enclave_client_request *request,
    struct enclave_client_cookies *cookies)
{
	if (!request)
		return;
	cookies_ref(cookies);
	cookies_unref(request->options.cookies);
	request->options.cookies = cookies;
}

void
enclave_client_request_set_range(
    struct enclave_client_request *request, const char *range)
{
	if (request)
		set_text(request, &request->options.range, range, "the range");
}

void
enclave_client_request_set_basic_auth(struct enclave_client_request *request,
    const char *user, const char *password)
{
	if (!request)
		return;
	set_text(request, &request->options.user, user, "the user name");
	set_text(request, &request->options.password, password, "the password");
}

void
enclave_client_request_set_netrc(
    struct enclave_client_request *request, const char *path)
{
	if (!request)
		return;
	set_text(request, &request->options.netrc_file, path, "the path");
	request->options.netrc = true;
}

void
enclave_client_request_set_compressed(
    struct enclave_client_request *request, bool compressed)
{
	if (request)
		request->options.compressed = compressed;
}

void
enclave_client_request_set_form(
    struct enclave_client_request *request, bool form)
{
	if (request)
		request->options.form = form;
}

void
enclave_client_request_set_expect_continue(
    struct enclave_client_request *request, bool expect)
{
	if (request)
		request->options.expect_continue = expect;
}

void
enclave_client_request_set_keep_method(
    struct enclave_client_request *request, bool keep)
{
	if (request)
		request->options.keep_method = keep;
}

void
enclave_client_request_set_rate_max(struct enclave_client_request *request,
    int64_t receive_bytes_per_s, int64_t send_bytes_per_s)
{
	if (!request)
		return;
	if (receive_bytes_per_s < 0 || send_bytes_per_s < 0) {
		request_keep_error(request, "a rate is below 0", "");
		return;
	}
	request->options.receive_rate_max = receive_bytes_per_s;
	request->options.send_rate_max = send_bytes_per_s;
}
