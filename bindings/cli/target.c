#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static bool
has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* Lower case and no trailing dot, as origins are compared. */
static void
normalise_host(char *host)
{
	size_t len = strlen(host);

	for (size_t i = 0; i < len; i++)
		if (host[i] >= 'A' && host[i] <= 'Z')
			host[i] = (char)(host[i] - 'A' + 'a');
	if (len > 1 && host[len - 1] == '.')
		host[len - 1] = '\0';
}

/*
 * What messages show.  Of a URL that curl can't read nobody knows where the
 * password ends, so that all before the last @ is hidden.
 */
static char *
without_userinfo(const char *given)
{
	const char *scheme_end = strstr(given, "://");
	const char *at = strrchr(given, '@');
	size_t kept = scheme_end ? (size_t)(scheme_end - given) + 3 : 0;
	char *shown = NULL;

	if (!at)
		return strdup(given);
	if (at < given + kept)
		kept = 0;
	if (asprintf(&shown, "%.*s***%s", (int)kept, given, at) < 0)
		return NULL;
	return shown;
}

/* As curl: brackets that hold an IPv6 address are no pattern. */
static size_t
ipv6_len(const char *bracket)
{
	size_t len = strcspn(bracket, "]");
	CURLU *url = NULL;
	char *text = NULL;
	bool is_address = false;

	if (!bracket[len] ||
	    asprintf(&text, "https://%.*s/", (int)len + 1, bracket) < 0)
		return 0;
	url = curl_url();
	is_address =
	    url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
	curl_url_cleanup(url);
	free(text);
	return is_address ? len + 1 : 0;
}

/*
 * curl makes several URLs of {a,b} and [1-3].  Sent as they are they would ask
 * for something else than was meant, so that they need -g.
 */
static int
check_no_pattern(const char *given, const char *shown, struct fault *fault)
{
	const char *at = given;

	while (*(at += strcspn(at, "{}[]"))) {
		size_t address = *at == '[' ? ipv6_len(at) : 0;

		if (!address)
			return fault_set(fault, EXIT_URL,
			    "%s: {a,b} and [1-3] don't stand for several URLs "
			    "here, so nothing was sent: write each URL out, or "
			    "give -g to send them as they are",
			    shown);
		at += address;
	}
	return EXIT_DONE;
}

static int
check_url(CURLU *url, const char *shown, struct fault *fault)
{
	char *scheme = NULL;
	bool https;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return fault_memory(fault);
	https = strcasecmp(scheme, "https") == 0;
	curl_free(scheme);
	if (!https)
		return fault_set(fault, EXIT_USAGE,
		    "%s: only https can be attested; nothing was sent", shown);
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return fault_set(fault, EXIT_USAGE,
		    "a user name or password in a URL is refused; send it "
		    "with -u, or with -H \"Authorization: ...\"");
	return EXIT_DONE;
}

/* -G: the data of -d behind the query that is there. */
static CURLUcode
append_query(CURLU *url, const struct options *options)
{
	if (!options->get || !options->has_body)
		return CURLUE_OK;
	return curl_url_set(
	    url, CURLUPART_QUERY, options->body.data, CURLU_APPENDQUERY);
}

/* -T: the file's name where the path ends with a slash. */
static CURLUcode
append_file_name(CURLU *url, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *escaped = NULL;
	char *path = NULL;
	char *whole = NULL;
	CURLUcode code;

	if (strcmp(file, "-") == 0 || strcmp(file, ".") == 0)
		return CURLUE_OK;
	code = curl_url_get(url, CURLUPART_PATH, &path, 0);
	if (code || path[strlen(path) - 1] != '/')
		goto out;
	escaped = curl_easy_escape(NULL, slash ? slash + 1 : file, 0);
	if (!escaped || asprintf(&whole, "%s%s", path, escaped) < 0) {
		code = CURLUE_OUT_OF_MEMORY;
		goto out;
	}
	code = curl_url_set(url, CURLUPART_PATH, whole, 0);

out:
	curl_free(path);
	curl_free(escaped);
	free(whole);
	return code;
}

static int
fill(CURLU *url, struct target *target, struct fault *fault)
{
	char *host = NULL;
	char *port = NULL;
	char *whole = NULL;
	int result = EXIT_MEMORY;

	if (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		CURLUE_OK)
		goto out;
	/* -G puts data there as it is. */
	if (strchr(whole, ' ')) {
		result = fault_set(
		    fault, EXIT_URL, "%s: a blank in the URL", target->given);
		goto out;
	}
	normalise_host(host);
	target->url = strdup(whole);
	if (asprintf(&target->origin, "https://%s:%s", host, port) < 0)
		target->origin = NULL;
	if (strcmp(port, "443") == 0)
		target->enclave = strdup(host);
	else if (asprintf(&target->enclave, "%s:%s", host, port) < 0)
		target->enclave = NULL;
	if (target->url && target->origin && target->enclave)
		result = EXIT_DONE;

out:
	if (result == EXIT_MEMORY)
		(void)fault_memory(fault);
	curl_free(whole);
	curl_free(host);
	curl_free(port);
	return result;
}

static int
target_from_url(const struct options *options, size_t number,
    struct target *target, struct fault *fault)
{
	const char *given = options->urls.items[number];
	char *shown = without_userinfo(given);
	CURLU *url = curl_url();
	CURLUcode code;

	target->given = strdup(given);
	if (!url || !shown || !target->given) {
		(void)fault_memory(fault);
		goto out;
	}
	if (!options->glob_off && check_no_pattern(given, shown, fault))
		goto out;
	/* Without a scheme it is https: there is nothing else here. */
	code = curl_url_set(url, CURLUPART_URL, given,
	    CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME);
	if (code == CURLUE_OK)
		code = append_query(url, options);
	if (code == CURLUE_OK && number < options->uploads.count)
		code = append_file_name(url, options->uploads.items[number]);
	if (code != CURLUE_OK) {
		(void)fault_set(
		    fault, EXIT_URL, "%s: %s", shown, curl_url_strerror(code));
		goto out;
	}
	if (check_url(url, shown, fault) == EXIT_DONE)
		(void)fill(url, target, fault);

out:
	curl_url_cleanup(url);
	free(shown);
	return fault->exit_status;
}

int
targets_from_options(const struct options *options, struct targets *ret_targets,
    struct fault *fault)
{
	const struct text_list *urls = &options->urls;
	struct targets targets = {0};

	if (!urls->count)
		return fault_set(fault, EXIT_USAGE,
		    "no URL given; attest-curl --help shows how");
	targets.items = calloc(urls->count, sizeof(targets.items[0]));
	if (!targets.items)
		return fault_memory(fault);
	targets.count = urls->count;
	for (size_t i = 0; i < urls->count; i++) {
		if (target_from_url(options, i, &targets.items[i], fault)) {
			targets_clear(&targets);
			return fault->exit_status;
		}
	}
	*ret_targets = targets;
	return EXIT_DONE;
}

void
targets_clear(struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		free(targets->items[i].given);
		free(targets->items[i].url);
		free(targets->items[i].origin);
		free(targets->items[i].enclave);
	}
	free(targets->items);
	*targets = (struct targets){0};
}
