#include "advice.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define EXIT_PEER_CERTIFICATE 60
#define EXIT_PROXY_HANDSHAKE  97

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char profile_next[] =
    "if the service is of another kind, name it with --profile; else whoever "
    "runs it must mend its evidence";
static const char forged_next[] =
    "send it nothing; tell whoever runs the service what stands here";
static const char clock_next[] =
    "compare this machine's clock (date -u) with the true time; where it is "
    "right, the service hands out old evidence, and whoever runs it must "
    "renew that";

static const struct {
	enum enclave_client_status status;
	const char *next;
} advices[] = {
    {ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
	"see with curl what stands there; if the service is of another kind, "
	"name it with --profile"},
    {ENCLAVE_CLIENT_ERR_ENCODING, profile_next},
    {ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE, profile_next},
    {ENCLAVE_CLIENT_ERR_COSE, profile_next},
    {ENCLAVE_CLIENT_ERR_CBOR, profile_next},
    {ENCLAVE_CLIENT_ERR_FIELD, profile_next},
    {ENCLAVE_CLIENT_ERR_CERTIFICATE, profile_next},
    {ENCLAVE_CLIENT_ERR_ROOT,
	"send it nothing: AWS does not vouch for it; tell whoever runs the "
	"service what stands here"},
    {ENCLAVE_CLIENT_ERR_CHAIN, forged_next},
    {ENCLAVE_CLIENT_ERR_SIGNATURE, forged_next},
    {ENCLAVE_CLIENT_ERR_EXPIRED, clock_next},
    {ENCLAVE_CLIENT_ERR_TOO_OLD, clock_next},
    {ENCLAVE_CLIENT_ERR_NOT_YET_VALID, clock_next},
    {ENCLAVE_CLIENT_ERR_FROM_FUTURE, clock_next},
    {ENCLAVE_CLIENT_ERR_DEBUG,
	"whoever runs it must start it without --debug-mode"},
    {ENCLAVE_CLIENT_ERR_MEASUREMENT,
	"if you built that, add it; else it runs other code than you accept, "
	"and whoever runs it can say why"},
    {ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
	"look for what ends TLS on the way (a proxy, a load balancer, a "
	"--connect-to or --resolve); else somebody poses as the enclave"},
    {ENCLAVE_CLIENT_ERR_BINDING, profile_next},
};

/* A long map names the enclave freely, and then its URL finds it. */
static void
add_source(const struct session *session, const struct target *target,
    struct fault *fault)
{
	char *name = NULL;
	char *url = NULL;

	if (enclave_client_find(session->client, target->url, &name, NULL) ||
	    enclave_client_evidence_url(session->client, name, &url, NULL))
		goto out;
	fault_add(fault, "; its evidence comes from %.512s", url);

out:
	free(name);
	free(url);
}

/* In libcurl's order. */
static const char *
proxy_of(const struct options *options, const char **ret_by)
{
	static const char *const names[] = {
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	const char *value = options->proxy;

	*ret_by = "-x";
	for (size_t i = 0; !value && i < COUNT(names); i++) {
		value = getenv(names[i]);
		*ret_by = names[i];
	}
	return value && *value ? value : NULL;
}

static bool
proxy_excepted(const struct options *options)
{
	const char *hosts = options->no_proxy;

	if (!hosts)
		hosts = getenv("no_proxy");
	if (!hosts)
		hosts = getenv("NO_PROXY");
	return hosts && !strcmp(hosts, "*");
}

/* Host and port alone: a proxy's URL can hold a password. */
static bool
add_proxy(const struct session *session, struct fault *fault)
{
	const char *by = NULL;
	const char *proxy = proxy_of(session->options, &by);
	CURLU *url = NULL;
	char *host = NULL, *port = NULL;
	bool added = false;

	if (!proxy || proxy_excepted(session->options))
		return false;
	url = curl_url();
	if (!url ||
	    curl_url_set(url, CURLUPART_URL, proxy,
		CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0))
		goto out;
	(void)curl_url_get(url, CURLUPART_PORT, &port, 0);
	fault_add(fault,
	    "; the way leads through the proxy %.255s%s%s (%s); next: see that "
	    "it runs and lets you through, or go past it with --noproxy",
	    host, port ? ":" : "", port ? port : "", by);
	added = true;

out:
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return added;
}

/* Before anything was said by whoever listens at the other end. */
static bool
is_on_the_way(int exit_status)
{
	switch (exit_status) {
	case EXIT_RESOLVE_PROXY:
	case EXIT_CONNECT:
	case EXIT_TIMEOUT:
	case EXIT_TLS:
	case EXIT_RECEIVE:
	case EXIT_PROXY_HANDSHAKE:
		return true;
	default:
		return false;
	}
}

/* Failed GETs of evidence: what libcurl says does not say what it was for. */
static bool
is_evidence_fetch(const struct fault *fault)
{
	return fault->step == ENCLAVE_CLIENT_STEP_FETCH &&
	       (fault->exit_status == EXIT_TIMEOUT ||
		   fault->exit_status == EXIT_NOT_SERVED) &&
	       fault->status != ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED;
}

/* By the attested key alone a certificate needs nobody who vouches for it. */
static void
add_certificate(const struct options *options, struct fault *fault)
{
	bool on_the_line = options->pcrs || options->pcr.count;

	fault_add(fault,
	    "; next: check the host's name and this machine's certificate "
	    "authorities (--cacert FILE); for a service whose certificate "
	    "signs itself %s",
	    on_the_line ? "give --trust attested_key"
			: "say \"trust\": \"attested_key\" in the map");
}

void
advice_add(const struct session *session, const struct target *target,
    struct fault *fault)
{
	if (is_evidence_fetch(fault)) {
		add_source(session, target, fault);
		fault_add(fault, "; next: see with curl whether that answers%s",
		    fault->exit_status == EXIT_TIMEOUT ? ", or raise -m" : "");
	}
	for (size_t i = 0; i < COUNT(advices); i++) {
		if (advices[i].status != fault->status)
			continue;
		add_source(session, target, fault);
		fault_add(fault, "; next: %s", advices[i].next);
	}
	if (fault->exit_status == EXIT_PEER_CERTIFICATE)
		add_certificate(session->options, fault);
	if (is_on_the_way(fault->exit_status) && add_proxy(session, fault))
		return;
	if (fault->exit_status == EXIT_CONNECT ||
	    fault->exit_status == EXIT_RESOLVE_HOST)
		fault_add(fault,
		    "; next: see whether host and port are right, and the "
		    "service runs");
}
