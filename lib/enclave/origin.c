#include "enclave/origin.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1035 2.3.4, without the trailing dot. */
#define HOST_MAX_BYTES  253
#define LABEL_MAX_BYTES 63

static enum enclave_client_status
refuse(struct enclave_client_error *error, const char *why)
{
	return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
	    ENCLAVE_CLIENT_STEP_NONE, "%s", why);
}

/*
 * The authority as it was typed, between "//" and the path.  Empty when the
 * text has one or three slashes, which libcurl would forgive.
 */
static struct bytes
find_authority(const char *url)
{
	size_t first = strcspn(url, "/?#");
	const char *start = url;

	if (url[first] == '/' && first && url[first - 1] == ':') {
		if (url[first + 1] != '/')
			return (struct bytes){(const uint8_t *)url, 0};
		start = url + first + 2;
	}
	return (struct bytes){(const uint8_t *)start, strcspn(start, "/?#")};
}

const char *
origin_rest(const char *url)
{
	struct bytes authority = find_authority(url);

	return (const char *)authority.data + authority.len;
}

bool
origin_only(const char *url)
{
	const char *rest = origin_rest(url);

	return !*rest || !strcmp(rest, "/");
}

/* What libcurl's parser decodes, strips or passes on, and an origin has not. */
static enum enclave_client_status
check_typed(const char *url, struct enclave_client_error *error)
{
	struct bytes authority;

	if (strlen(url) > URL_MAX_BYTES)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "the URL has %zu bytes, at "
		    "most %d",
		    strlen(url), URL_MAX_BYTES);
	authority = find_authority(url);
	if (!authority.len)
		return refuse(error, "the URL has no host");
	for (size_t i = 0; i < authority.len; i++) {
		uint8_t byte = authority.data[i];
		if (byte == '@')
			return refuse(error,
			    "the URL has a user name or password, which would "
			    "never be used");
		if (byte == '%')
			return refuse(error,
			    "the host has a percent sign: neither escapes nor "
			    "IPv6 zones are taken");
		if (byte >= 0x80)
			return refuse(error,
			    "the host is not ASCII: write its A-label "
			    "(\"xn--...\")");
		if (byte <= 0x20 || byte == 0x7f || byte == '\\')
			return refuse(
			    error, "the host has a character that no host has");
	}
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
refuse_curl(struct enclave_client_error *error, CURLUcode code)
{
	if (code == CURLUE_OUT_OF_MEMORY)
		return error_memory(error);
	if (code == CURLUE_UNSUPPORTED_SCHEME)
		return refuse(error, "the scheme is not https");
	return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
	    ENCLAVE_CLIENT_STEP_NONE, "no URL that libcurl understands: %s",
	    curl_url_strerror(code));
}

/* Scheme, host and port as libcurl understands them. */
struct parts {
	char *scheme;
	char *host;
	char *port;
};

static void
parts_clear(struct parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->host);
	curl_free(parts->port);
}

/* OUT_OF_MEMORY when there is no handle. */
static CURLUcode
parts_read(const char *url, struct parts *ret_parts)
{
	struct parts parts = {0};
	CURLU *handle = curl_url();
	CURLUcode code;

	if (!handle)
		return CURLUE_OUT_OF_MEMORY;
	/* No CURLU_PUNYCODE: it needs a UTF-8 locale, which a daemon lacks. */
	code = curl_url_set(handle, CURLUPART_URL, url,
	    CURLU_DEFAULT_SCHEME | CURLU_DISALLOW_USER);
	if (!code)
		code = curl_url_get(handle, CURLUPART_SCHEME, &parts.scheme, 0);
	if (!code)
		code = curl_url_get(handle, CURLUPART_HOST, &parts.host, 0);
	if (!code)
		code = curl_url_get(
		    handle, CURLUPART_PORT, &parts.port, CURLU_DEFAULT_PORT);
	curl_url_cleanup(handle);
	if (code)
		parts_clear(&parts);
	else
		*ret_parts = parts;
	return code;
}

static enum enclave_client_status
read_port(
    const char *digits, uint16_t *ret_port, struct enclave_client_error *error)
{
	uint32_t port = 0;

	for (size_t i = 0; digits[i]; i++) {
		if (digits[i] < '0' || digits[i] > '9' || i == 5)
			return refuse(error, "the port is no number");
		port = 10 * port + (uint32_t)(digits[i] - '0');
	}
	if (port < 1 || port > UINT16_MAX)
		return refuse(error, "the port is not within 1 to 65535");
	*ret_port = (uint16_t)port;
	return ENCLAVE_CLIENT_OK;
}

/* "[::1]": the one canonical form (RFC 5952), which inet_ntop() writes. */
static enum enclave_client_status
normal_ipv6(const char *typed, char ret_host[HOST_MAX_BYTES + 1],
    struct enclave_client_error *error)
{
	char text[HOST_MAX_BYTES + 1], normal[INET6_ADDRSTRLEN];
	size_t len = strlen(typed);
	struct in6_addr address;

	if (len < 3 || len > HOST_MAX_BYTES || typed[len - 1] != ']')
		return refuse(error, "the host is no IPv6 address");
	memcpy(text, typed + 1, len - 2);
	text[len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1 ||
	    !inet_ntop(AF_INET6, &address, normal, sizeof(normal)))
		return refuse(error, "the host is no IPv6 address");
	(void)snprintf(ret_host, HOST_MAX_BYTES + 1, "[%s]", normal);
	return ENCLAVE_CLIENT_OK;
}

/* Letters, digits, hyphens (RFC 5890 2.3.1), and underscores, which live. */
static bool
is_label(const char *label, size_t len)
{
	size_t plain = strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return len >= 1 && len <= LABEL_MAX_BYTES && plain >= len &&
	       label[0] != '-' && label[len - 1] != '-';
}

/*
 * A name whose last label is a number is an IPv4 address or a mistake: some
 * resolvers take "127.1." or "4294967297" for one, others do not.
 */
static bool
is_misleading_number(const char *host)
{
	const char *last = strrchr(host, '.');
	struct in_addr address;

	last = last ? last + 1 : host;
	bool number = !last[strspn(last, "0123456789")] ||
		      (!strncmp(last, "0x", 2) &&
			  !last[2 + strspn(last + 2, "0123456789abcdef")]);
	return number && inet_pton(AF_INET, host, &address) != 1;
}

static enum enclave_client_status
normal_name(const char *typed, char ret_host[HOST_MAX_BYTES + 1],
    struct enclave_client_error *error)
{
	size_t len = strlen(typed);

	/* One trailing dot says that the name is complete. */
	if (len && typed[len - 1] == '.')
		len--;
	if (len < 1 || len > HOST_MAX_BYTES)
		return refuse(error, "the host is empty or too long for DNS");
	for (size_t i = 0; i < len; i++) {
		char byte = typed[i];
		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		ret_host[i] = byte;
	}
	ret_host[len] = '\0';
	for (const char *label = ret_host; label;) {
		const char *dot = strchr(label, '.');
		size_t label_len = dot ? (size_t)(dot - label) : strlen(label);
		if (!is_label(label, label_len))
			return refuse(error,
			    "the host is no name that DNS takes (labels of 1 "
			    "to 63 letters, digits and hyphens)");
		label = dot ? dot + 1 : NULL;
	}
	if (is_misleading_number(ret_host))
		return refuse(error, "the host is no IPv4 address, and ends "
				     "in a number");
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
origin_from_url(const char *url, struct origin *ret_origin,
    struct enclave_client_error *error)
{
	char host[HOST_MAX_BYTES + 1];
	struct origin origin = {0};
	struct parts parts = {0};
	enum enclave_client_status status;
	CURLUcode code;

	status = check_typed(url, error);
	if (status)
		return status;
	code = parts_read(url, &parts);
	if (code)
		return refuse_curl(error, code);
	origin.https = !strcmp(parts.scheme, "https");
	if (!origin.https && strcmp(parts.scheme, "http")) {
		status = refuse(error, "the scheme is not https");
		goto out;
	}
	status = read_port(parts.port, &origin.port, error);
	if (status)
		goto out;
	status = parts.host[0] == '[' ? normal_ipv6(parts.host, host, error)
				      : normal_name(parts.host, host, error);
	if (status)
		goto out;
	origin.host = strdup(host);
	if (!origin.host) {
		status = error_memory(error);
		goto out;
	}
	*ret_origin = origin;
out:
	parts_clear(&parts);
	return status;
}

void
origin_clear(struct origin *origin)
{
	free(origin->host);
	*origin = (struct origin){0};
}

bool
origin_equal(const struct origin *a, const struct origin *b)
{
	return a->https == b->https && a->port == b->port &&
	       !strcmp(a->host, b->host);
}

char *
origin_string(const struct origin *origin)
{
	bool plain = origin->port == (origin->https ? 443 : 80);
	char *text = NULL;
	int len;

	if (plain)
		len = asprintf(&text, "%s://%s",
		    origin->https ? "https" : "http", origin->host);
	else
		len = asprintf(&text, "%s://%s:%u",
		    origin->https ? "https" : "http", origin->host,
		    origin->port);
	return len < 0 ? NULL : text;
}
