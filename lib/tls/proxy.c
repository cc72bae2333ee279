#include "tls/proxy.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
proxy_is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return host[0] == '[' || inet_pton(AF_INET, host, address) == 1;
}

/* libcurl's order for https. */
static const char *
from_environment(void)
{
	static const char *const names[] = {
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

/* "example.com" and ".example.com" cover the domain and what is below it. */
static bool
is_covered(const char *host, const char *entry, size_t len)
{
	size_t host_len = strlen(host);

	if (len > 0 && entry[0] == '.') {
		entry++;
		len--;
	}
	return len > 0 && host_len >= len &&
	       !strncasecmp(host + host_len - len, entry, len) &&
	       (host_len == len || host[host_len - len - 1] == '.');
}

/* The environment names hosts that are reached without a proxy. */
static bool
is_exempt(const char *host)
{
	static const char between[] = ", \t";
	const char *list = getenv("no_proxy");

	if (!list)
		list = getenv("NO_PROXY");
	if (!list)
		return false;
	if (!strcmp(list, "*"))
		return true;
	for (list += strspn(list, between); *list;
	     list += strspn(list, between)) {
		size_t len = strcspn(list, between);

		if (is_covered(host, list, len))
			return true;
		list += len;
	}
	return false;
}

static bool
confusable(CURLU *url, const char *proxy, const char *host)
{
	char *name = NULL;
	bool same;

	/* Whatever else a proxy can be has no TLS of its own. */
	if (strncasecmp(proxy, "https://", strlen("https://")) != 0)
		return false;
	/* What libcurl can't read it does not connect to. */
	if (curl_url_set(url, CURLUPART_URL, proxy, 0))
		return false;
	if (curl_url_get(url, CURLUPART_HOST, &name, CURLU_URLDECODE))
		return true;
	same = !strcasecmp(name, host) ||
	       (proxy_is_address(name) && proxy_is_address(host));
	curl_free(name);
	return same;
}

bool
proxy_passes_for(const char *proxy, const char *host)
{
	CURLU *url;
	bool passes;

	if (!proxy) {
		proxy = from_environment();
		if (!proxy || is_exempt(host))
			return false;
	}
	url = curl_url();
	passes = !url || confusable(url, proxy, host);
	curl_url_cleanup(url);
	return passes;
}
