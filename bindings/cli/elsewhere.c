#include "elsewhere.h"

#include <stddef.h>
#include <string.h>

static const char https_only[] = "none: only https is ever used";

/* Of curl 7.88; NULL where nothing does the same. */
static const struct elsewhere table[] = {
    {"abstract-unix-socket", 0, NULL},
    {"alpn", 0, NULL},
    {"alt-svc", 0, NULL},
    {"anyauth", 0, "-u: Basic is all there is, inside TLS"},
    {"append", 'a', https_only},
    {"aws-sigv4", 0, "-H with a signature made outside"},
    {"basic", 0, "-u, which is Basic"},
    {"cert-status", 0, "nothing: the key is attested"},
    {"cert-type", 0, "PEM, which is all there is"},
    {"ciphers", 0, NULL},
    {"compressed-ssh", 0, https_only},
    {"continue-at", 'C', "-r OFFSET- and >> FILE"},
    {"create-file-mode", 0, NULL},
    {"crlf", 0, https_only},
    {"crlfile", 0, "nothing: the key is attested"},
    {"curves", 0, NULL},
    {"delegation", 0, NULL},
    {"digest", 0, "-u: Basic is all there is, inside TLS"},
    {"disable-eprt", 0, https_only},
    {"disable-epsv", 0, https_only},
    {"disallow-username-in-url", 0, "nothing: such a URL is refused"},
    {"dns-interface", 0, "--resolve"},
    {"dns-ipv4-addr", 0, "--resolve"},
    {"dns-ipv6-addr", 0, "--resolve"},
    {"dns-servers", 0, "--resolve"},
    {"doh-cert-status", 0, NULL},
    {"doh-insecure", 0, NULL},
    {"doh-url", 0, "--resolve"},
    {"egd-file", 0, NULL},
    {"engine", 0, NULL},
    {"etag-compare", 0, "-H \"If-None-Match: ...\""},
    {"etag-save", 0, "-w %header{etag}"},
    {"expect100-timeout", 0, "-H Expect: to wait for none"},
    {"fail-early", 0, "one run for each"},
    {"false-start", 0, NULL},
    {"form-escape", 0, NULL},
    {"ftp-account", 0, https_only},
    {"ftp-alternative-to-user", 0, https_only},
    {"ftp-create-dirs", 0, https_only},
    {"ftp-method", 0, https_only},
    {"ftp-pasv", 0, https_only},
    {"ftp-port", 'P', https_only},
    {"ftp-pret", 0, https_only},
    {"ftp-skip-pasv-ip", 0, https_only},
    {"ftp-ssl-ccc", 0, https_only},
    {"ftp-ssl-ccc-mode", 0, https_only},
    {"ftp-ssl-control", 0, https_only},
    {"happy-eyeballs-timeout-ms", 0, NULL},
    {"haproxy-protocol", 0, NULL},
    {"hostpubmd5", 0, https_only},
    {"hostpubsha256", 0, https_only},
    {"hsts", 0, https_only},
    {"http0.9", 0, "--http1.1"},
    {"http2-prior-knowledge", 0, "--http2"},
    {"http3", 0, "--http2"},
    {"http3-only", 0, "--http2"},
    {"ignore-content-length", 0, NULL},
    {"keepalive", 0, NULL},
    {"keepalive-time", 0, NULL},
    {"key-type", 0, "PEM, which is all there is"},
    {"krb", 0, https_only},
    {"libcurl", 0, NULL},
    {"list-only", 'l', https_only},
    {"local-port", 0, NULL},
    {"location-trusted", 0, "-L, which stays in the enclave's origin"},
    {"login-options", 0, https_only},
    {"mail-auth", 0, https_only},
    {"mail-from", 0, https_only},
    {"mail-rcpt", 0, https_only},
    {"mail-rcpt-allowfails", 0, https_only},
    {"manual", 'M', "man attest-curl"},
    {"max-filesize", 0, "-r or -m; | head -c cuts an answer"},
    {"metalink", 0, NULL},
    {"negotiate", 0, "-u: Basic is all there is, inside TLS"},
    {"netrc-optional", 0, "-n"},
    {"next", ':', "one run for each"},
    {"no-clobber", 0, "set -C and > FILE"},
    {"npn", 0, NULL},
    {"ntlm", 0, "-u: Basic is all there is, inside TLS"},
    {"ntlm-wb", 0, "-u: Basic is all there is, inside TLS"},
    {"oauth2-bearer", 0, "-H \"Authorization: Bearer ...\""},
    {"parallel", 'Z', "xargs -P"},
    {"parallel-immediate", 0, "xargs -P"},
    {"parallel-max", 0, "xargs -P"},
    {"path-as-is", 0, NULL},
    {"pinnedpubkey", 0, "--pcrs: the key is attested"},
    {"post301", 0, "-X POST, which holds for every hop"},
    {"post302", 0, "-X POST, which holds for every hop"},
    {"post303", 0, "-X POST, which holds for every hop"},
    {"preproxy", 0, "-x"},
    {"proto", 0, https_only},
    {"proto-default", 0, "nothing: https is what a URL without a scheme means"},
    {"proto-redir", 0, https_only},
    {"proxy-anyauth", 0, NULL},
    {"proxy-basic", 0, "-x http://USER:PASSWORD@HOST:PORT"},
    {"proxy-cacert", 0, NULL},
    {"proxy-capath", 0, NULL},
    {"proxy-cert", 0, NULL},
    {"proxy-cert-type", 0, NULL},
    {"proxy-ciphers", 0, NULL},
    {"proxy-crlfile", 0, NULL},
    {"proxy-digest", 0, NULL},
    {"proxy-header", 0, NULL},
    {"proxy-insecure", 0, NULL},
    {"proxy-key", 0, NULL},
    {"proxy-key-type", 0, NULL},
    {"proxy-negotiate", 0, NULL},
    {"proxy-ntlm", 0, NULL},
    {"proxy-pass", 0, NULL},
    {"proxy-pinnedpubkey", 0, NULL},
    {"proxy-service-name", 0, NULL},
    {"proxy-ssl-allow-beast", 0, NULL},
    {"proxy-ssl-auto-client-cert", 0, NULL},
    {"proxy-tls13-ciphers", 0, NULL},
    {"proxy-tlsauthtype", 0, NULL},
    {"proxy-tlspassword", 0, NULL},
    {"proxy-tlsuser", 0, NULL},
    {"proxy-tlsv1", 0, NULL},
    {"proxy-user", 'U', "-x http://USER:PASSWORD@HOST:PORT"},
    {"proxy1.0", 0, "-x"},
    {"proxytunnel", 'p', "-x, which always tunnels"},
    {"pubkey", 0, https_only},
    {"quote", 'Q', https_only},
    {"random-file", 0, NULL},
    {"rate", 0, "sleep between runs"},
    {"raw", 0, "nothing: without --compressed no content is unpacked"},
    {"remote-header-name", 'J', "-O or -o: a peer names no file here"},
    {"remote-time", 'R', "-w %header{last-modified} and touch -d"},
    {"remove-on-error", 0, NULL},
    {"request-target", 0, NULL},
    {"sasl-authzid", 0, https_only},
    {"sasl-ir", 0, https_only},
    {"service-name", 0, NULL},
    {"sessionid", 0, NULL},
    {"socks4", 0, "-x socks4://HOST:PORT"},
    {"socks4a", 0, "-x socks4a://HOST:PORT"},
    {"socks5", 0, "-x socks5://HOST:PORT"},
    {"socks5-basic", 0, NULL},
    {"socks5-gssapi", 0, NULL},
    {"socks5-gssapi-nec", 0, NULL},
    {"socks5-gssapi-service", 0, NULL},
    {"socks5-hostname", 0, "-x socks5h://HOST:PORT"},
    {"speed-limit", 'Y', "-m"},
    {"speed-time", 'y', "-m"},
    {"ssl", 0, https_only},
    {"ssl-allow-beast", 0, NULL},
    {"ssl-auto-client-cert", 0, NULL},
    {"ssl-no-revoke", 0, NULL},
    {"ssl-reqd", 0, https_only},
    {"ssl-revoke-best-effort", 0, NULL},
    {"sslv2", '2', "--tlsv1.2 or --tlsv1.3"},
    {"sslv3", '3', "--tlsv1.2 or --tlsv1.3"},
    {"stderr", 0, "2> FILE"},
    {"styled-output", 0, NULL},
    {"suppress-connect-headers", 0, NULL},
    {"tcp-fastopen", 0, NULL},
    {"tcp-nodelay", 0, NULL},
    {"telnet-option", 't', https_only},
    {"tftp-blksize", 0, https_only},
    {"tftp-no-options", 0, https_only},
    {"time-cond", 'z', "-H \"If-Modified-Since: ...\""},
    {"tls13-ciphers", 0, NULL},
    {"tlsauthtype", 0, NULL},
    {"tlspassword", 0, NULL},
    {"tlsuser", 0, NULL},
    {"tlsv1", '1', "--tlsv1.2 or --tlsv1.3"},
    {"tlsv1.0", 0, "--tlsv1.2 or --tlsv1.3"},
    {"tlsv1.1", 0, "--tlsv1.2 or --tlsv1.3"},
    {"tr-encoding", 0, "--compressed"},
    {"trace", 0, "-v"},
    {"trace-ascii", 0, "-v"},
    {"trace-time", 0, "-v"},
    {"unix-socket", 0, NULL},
    {"url-query", 0, "-G --data-urlencode"},
    {"use-ascii", 'B', https_only},
    {"xattr", 0, NULL},
};

#define COUNT (sizeof(table) / sizeof(table[0]))

const struct elsewhere *
elsewhere_find_name(const char *name)
{
	/* curl's list has the one form, its lines have both. */
	const char *positive = strncmp(name, "no-", 3) == 0 ? name + 3 : name;

	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(table[i].name, name) == 0 ||
		    strcmp(table[i].name, positive) == 0)
			return &table[i];
	return NULL;
}

const struct elsewhere *
elsewhere_find_beginning(const char *name, size_t name_len)
{
	const struct elsewhere *found = NULL;

	for (size_t i = 0; i < COUNT; i++) {
		if (strncmp(table[i].name, name, name_len) != 0)
			continue;
		if (!table[i].name[name_len])
			return &table[i];
		if (found)
			return NULL;
		found = &table[i];
	}
	return found;
}

const struct elsewhere *
elsewhere_find_letter(char letter)
{
	for (size_t i = 0; i < COUNT; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

int
elsewhere_refuse(
    const struct elsewhere *elsewhere, const char *given, struct fault *fault)
{
	if (!elsewhere->instead)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is curl's and not here", given);
	return fault_set(fault, EXIT_USAGE,
	    "option %s: is curl's and not here; use %s", given,
	    elsewhere->instead);
}
