#include "option_table.h"

#include <stdio.h>
#include <string.h>

#include "elsewhere.h"
#include "nearest.h"
#include "option_body.h"
#include "option_values.h"

/* The longest name, its dashes and what stands between two. */
#define CANDIDATE_MAX_BYTES 40

/* clang-format off */
#define AT(member) offsetof(struct options, member)
#define FLAG(name, letter, group, member, help) \
	{name, letter, KIND_FLAG, GROUP_##group, AT(member), NULL, 0, NULL, help}
#define UNSET(name, letter, group, member, help) \
	{name, letter, KIND_UNSET, GROUP_##group, AT(member), NULL, 0, NULL, help}
#define TEXT(name, letter, group, member, argument, help) \
	{name, letter, KIND_TEXT, GROUP_##group, AT(member), NULL, 0, argument, help}
#define LIST(name, letter, group, member, argument, help) \
	{name, letter, KIND_LIST, GROUP_##group, AT(member), NULL, 0, argument, help}
#define VALUE(name, letter, group, function, argument, help) \
	{name, letter, KIND_VALUE, GROUP_##group, 0, function, 0, argument, help}
#define BARE(name, letter, group, function, help) \
	{name, letter, KIND_BARE, GROUP_##group, 0, function, 0, NULL, help}
#define CHOICE(name, letter, group, member, choice, help) \
	{name, letter, KIND_CHOICE, GROUP_##group, AT(member), NULL, choice, NULL, help}
#define VERB(name, letter, group, verb, help) \
	{name, letter, KIND_VERB, GROUP_##group, 0, NULL, verb, NULL, help}
#define FILE_VERB(name, group, verb, argument, help) \
	{name, 0, KIND_FILE_VERB, GROUP_##group, AT(document), NULL, verb, argument, help}

const struct option option_table[] = {
	TEXT("enclaves", 0, POLICY, enclaves, "FILE",
	    "Map of enclaves, and what each may run (JSON)"),
	TEXT("pcrs", 0, POLICY, pcrs, "FILE",
	    "Accepted PCR sets, or what nitro-cli printed"),
	LIST("pcr", 0, POLICY, pcr, "N=HEX",
	    "Accepted PCR; of several, each must match"),
	TEXT("profile", 0, POLICY, profile, "NAME",
	    "How evidence is served; default evervault"),
	VALUE("trust", 0, POLICY, value_trust, "WHAT",
	    "web_pki+attested_key, or attested_key alone"),
	VALUE("max-age", 0, POLICY, value_max_age, "SECONDS",
	    "Refuse evidence older than that, 60 to 10803"),
	TEXT("evidence-store", 0, POLICY, evidence_store, "FOLDER",
	    "Keep evidence there for the next time"),
	TEXT("nitro-root", 0, POLICY, nitro_root, "NAME",
	    "Whose word counts: aws or aws-us-gov (GovCloud)"),
	TEXT("insecure-nitro-root", 0, POLICY, insecure_nitro_root, "FILE",
	    "Trust these PEM roots in place of AWS's"),
	FLAG("insecure-allow-debug", 0, POLICY, insecure_allow_debug,
	    "Accept debug enclaves, whose PCRs are zero"),

	VERB("show-attestation", 0, DOCUMENT, VERB_SHOW_ATTESTATION,
	    "Fetch, judge and print evidence, send nothing"),
	FILE_VERB("inspect-document", DOCUMENT, VERB_INSPECT_DOCUMENT, "FILE",
	    "Is it authentic, and what does it say?"),
	FILE_VERB("verify-document", DOCUMENT, VERB_VERIFY_DOCUMENT, "FILE",
	    "The same, and does it match --pcrs or --pcr?"),
	VERB("print-pin", 0, DOCUMENT, VERB_PRINT_PIN,
	    "Print the attested keys for curl --pinnedpubkey"),
	VERB("print-pcrs", 0, DOCUMENT, VERB_PRINT_PCRS,
	    "Print what it presents, for --pcrs; no verdict"),
	FILE_VERB("pcrs-from-eif", DOCUMENT, VERB_PCRS_FROM_EIF, "FILE",
	    "Print what an enclave image will measure as"),
	VERB("watch", 0, DOCUMENT, VERB_WATCH,
	    "Live table of a map of enclaves; lines: --json"),
	TEXT("at", 0, DOCUMENT, at, "TIME",
	    "now, document, SECONDS, 2026-01-31T12:00:00Z"),

	TEXT("request", 'X', REQUEST, method, "METHOD", "Method to use"),
	VALUE("header", 'H', REQUEST, value_header, "LINE|@FILE",
	    "\"Name: value\", \"Name:\" none, \"Name;\" empty"),
	VALUE("data", 'd', REQUEST, body_data, "DATA|@FILE",
	    "POST this form; several are joined with &"),
	VALUE("data-ascii", 0, REQUEST, body_data, "DATA|@FILE",
	    "The same"),
	VALUE("data-raw", 0, REQUEST, body_data_raw, "DATA",
	    "The same, where @ is nothing special"),
	VALUE("data-binary", 0, REQUEST, body_data_binary, "DATA|@FILE",
	    "The same, with a file's line breaks kept"),
	VALUE("data-urlencode", 0, REQUEST, body_data_urlencode, "DATA",
	    "The same, encoded: TEXT, NAME=TEXT, NAME@FILE"),
	VALUE("json", 0, REQUEST, body_json, "DATA|@FILE",
	    "POST this JSON; several stand side by side"),
	LIST("form", 'F', REQUEST, parts, "NAME=CONTENT",
	    "POST a form: NAME=TEXT, NAME=@FILE, NAME=<FILE"),
	VALUE("form-string", 0, REQUEST, body_form_string, "NAME=TEXT",
	    "The same, where @, < and ; are nothing special"),
	FLAG("get", 'G', REQUEST, get, "Put -d data into the URL, and GET"),
	FLAG("head", 'I', REQUEST, head, "Ask for the headers alone"),
	LIST("upload-file", 'T', REQUEST, uploads, "FILE",
	    "PUT this file; one for each URL"),
	TEXT("range", 'r', REQUEST, range, "RANGE", "Bytes to ask for: 0-99"),
	VALUE("user", 'u', REQUEST, value_user, "USER:PASSWORD",
	    "Basic authentication"),
	FLAG("netrc", 'n', REQUEST, netrc, "The same, from ~/.netrc"),
	TEXT("netrc-file", 0, REQUEST, netrc_file, "FILE",
	    "The same, from this file"),
	TEXT("user-agent", 'A', REQUEST, agent, "NAME", "User-Agent to send"),
	TEXT("referer", 'e', REQUEST, referer, "URL", "Referer to send"),
	LIST("cookie", 'b', REQUEST, cookies, "A=B|FILE",
	    "Cookies to send, or a file of them"),
	TEXT("cookie-jar", 'c', REQUEST, cookie_jar, "FILE",
	    "Write the cookies there in the end"),
	FLAG("junk-session-cookies", 'j', REQUEST, junk_session_cookies,
	    "Leave session cookies of -b FILE out"),
	FLAG("compressed", 0, REQUEST, compressed,
	    "Ask for a compressed answer, and unpack it"),
	FLAG("location", 'L', REQUEST, follow,
	    "Follow redirects, within the enclave's origin"),
	VALUE("max-redirs", 0, REQUEST, value_max_redirs, "COUNT",
	    "Follow at most so many, 0 to 10"),
	VALUE("url", 0, REQUEST, value_url, "URL", "One more URL"),
	FLAG("globoff", 'g', REQUEST, glob_off,
	    "Send {} and [] in a URL as they are"),

	VALUE("output", 'o', OUTPUT, value_output, "FILE",
	    "Write the body there; one for each URL"),
	BARE("remote-name", 'O', OUTPUT, value_remote_name,
	    "Write it to a file named as in the URL"),
	FLAG("remote-name-all", 0, OUTPUT, remote_name_all,
	    "The same for every URL"),
	TEXT("output-dir", 0, OUTPUT, output_dir, "FOLDER",
	    "Where -o and -O write"),
	FLAG("create-dirs", 0, OUTPUT, create_dirs,
	    "Make the folders that -o needs"),
	FLAG("include", 'i', OUTPUT, include,
	    "Write the answer's headers before the body"),
	TEXT("dump-header", 'D', OUTPUT, dump_header, "FILE",
	    "Write the headers there"),
	FLAG("fail", 'f', OUTPUT, fail,
	    "Exit 22 and no body when the status is >= 400"),
	FLAG("fail-with-body", 0, OUTPUT, fail_with_body,
	    "Exit 22 after the body when it is"),
	VALUE("write-out", 'w', OUTPUT, value_write_out, "FORMAT|@FILE",
	    "Then write this: %{http_code}, %{time_total}"),
	FLAG("no-buffer", 'N', OUTPUT, no_buffer,
	    "Nothing: output is never held back"),

	TEXT("cacert", 0, CONNECTION, ca_file, "FILE",
	    "Trust these PEM certificates for ordinary TLS"),
	TEXT("capath", 0, CONNECTION, ca_directory, "FOLDER",
	    "Trust the certificates in this folder"),
	VALUE("cert", 'E', CONNECTION, value_certificate, "FILE[:PASSWORD]",
	    "Client certificate, PEM"),
	TEXT("key", 0, CONNECTION, key, "FILE", "Its key, PEM"),
	TEXT("pass", 0, CONNECTION, key_passphrase, "PASSWORD",
	    "What the key is locked with"),
	CHOICE("tlsv1.2", 0, CONNECTION, tls_min, 12, "TLS 1.2 or later"),
	CHOICE("tlsv1.3", 0, CONNECTION, tls_min, 13, "TLS 1.3 or later"),
	VALUE("tls-max", 0, CONNECTION, value_tls_max, "VERSION",
	    "1.2 or 1.3, and nothing later"),
	CHOICE("http1.1", 0, CONNECTION, http_version, 11, "HTTP/1.1"),
	CHOICE("http2", 0, CONNECTION, http_version, 20,
	    "HTTP/2 where the server offers it"),
	CHOICE("http1.0", '0', CONNECTION, http_version, 10, "HTTP/1.0"),
	LIST("resolve", 0, CONNECTION, resolve, "HOST:PORT:ADDRESS",
	    "Address to use for the host"),
	LIST("connect-to", 0, CONNECTION, connect_to, "H1:P1:H2:P2",
	    "Connect to the second for the first"),
	TEXT("proxy", 'x', CONNECTION, proxy, "URL", "Go through this proxy"),
	TEXT("noproxy", 0, CONNECTION, no_proxy, "HOSTS",
	    "But not to these, with commas between; * all"),
	TEXT("interface", 0, CONNECTION, interface, "NAME",
	    "Interface or address to connect from"),
	CHOICE("ipv4", '4', CONNECTION, ip_version, 4, "IPv4 addresses alone"),
	CHOICE("ipv6", '6', CONNECTION, ip_version, 6, "IPv6 addresses alone"),
	VALUE("max-time", 'm', CONNECTION, value_max_time, "SECONDS",
	    "For all of it: evidence, request, answer"),
	VALUE("connect-timeout", 0, CONNECTION, value_connect_timeout,
	    "SECONDS", "For each connection"),
	VALUE("limit-rate", 0, CONNECTION, value_limit_rate, "BYTES",
	    "A second, either way; 100k, 1M"),
	BARE("insecure", 'k', CONNECTION, value_insecure,
	    "Refused: there is no unattested mode"),

	VALUE("retry", 0, RETRY, value_retry, "COUNT",
	    "Try again after timeouts, 408, 429 and 5xx"),
	VALUE("retry-delay", 0, RETRY, value_retry_delay, "SECONDS",
	    "Wait so long between, not 1, 2, 4..."),
	VALUE("retry-max-time", 0, RETRY, value_retry_max_time, "SECONDS",
	    "Begin no other try after that"),
	FLAG("retry-all-errors", 0, RETRY, retry_all_errors,
	    "Try again after every failure"),
	FLAG("retry-connrefused", 0, RETRY, retry_connection_refused,
	    "Try again when nobody listens"),

	FLAG("silent", 's', MESSAGES, silent,
	    "No errors, no warnings, no progress"),
	FLAG("show-error", 'S', MESSAGES, show_error,
	    "With -s: show errors all the same"),
	FLAG("verbose", 'v', MESSAGES, verbose,
	    "Attestation, TLS and headers to stderr"),
	FLAG("json-errors", 0, MESSAGES, json_errors,
	    "Each error as one JSON object on stderr"),
	FLAG("progress-bar", '#', MESSAGES, progress_bar,
	    "A bar in place of the meter"),
	FLAG("no-progress-meter", 0, MESSAGES, no_progress_meter,
	    "No meter; errors and warnings all the same"),
	UNSET("progress-meter", 0, MESSAGES, no_progress_meter,
	    "Takes that back"),

	VALUE("config", 'K', GENERAL, value_config, "FILE",
	    "Read options from there, as curl does"),
	BARE("disable", 'q', GENERAL, value_disable,
	    "First on the line: read no file of options"),
	{"completion", 0, KIND_FILE_VERB, GROUP_GENERAL, AT(completion), NULL,
	    VERB_COMPLETION, "SHELL", "Print completion for bash, zsh or fish"},
	VERB("help", 'h', GENERAL, VERB_HELP, "This text, or one CATEGORY of it"),
	VERB("version", 'V', GENERAL, VERB_VERSION, "Versions"),
};
/* clang-format on */

const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);

static const struct {
	const char *name;
	const char *title;
} groups[GROUPS] = {
    [GROUP_POLICY] = {"policy", "What is accepted"},
    [GROUP_DOCUMENT] = {"evidence", "Evidence without a request"},
    [GROUP_REQUEST] = {"request", "Request"},
    [GROUP_OUTPUT] = {"output", "Answer"},
    [GROUP_CONNECTION] = {"connection", "Connection"},
    [GROUP_RETRY] = {"retry", "Trying again"},
    [GROUP_MESSAGES] = {"messages", "Messages"},
    [GROUP_GENERAL] = {"general", "General"},
};

const char *
option_group_name(enum option_group group)
{
	return groups[group].name;
}

const char *
option_group_title(enum option_group group)
{
	return groups[group].title;
}

/* For completion; the oyster profile needs an object, and no word is one. */
static const struct {
	const char *name;
	const char *words;
} words[] = {
    {"completion", "bash zsh fish"},
    {"help", "all category policy evidence request output connection retry "
	     "messages general"},
    {"nitro-root", "aws aws-us-gov"},
    {"profile", "evervault nitriding nitro-ra-tls dstack evervault-cages"},
    {"tls-max", "1.2 1.3"},
    {"trust", "web_pki+attested_key attested_key"},
};

const char *
option_words(const struct option *option)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, option->name) == 0)
			return words[i].words;
	return NULL;
}

const struct option *
option_find_name(const char *name)
{
	for (size_t i = 0; i < option_count; i++)
		if (strcmp(option_table[i].name, name) == 0)
			return &option_table[i];
	return NULL;
}

const struct option *
option_find_letter(char letter)
{
	for (size_t i = 0; letter && i < option_count; i++)
		if (option_table[i].letter == letter)
			return &option_table[i];
	return NULL;
}

/* "--output or --output-dir", at most NAMES_LISTED_MAX of them. */
static void
list_candidates(const char *const *names, const size_t *indices, size_t count,
    char *ret_text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		const char *before = i == 0          ? ""
				     : i + 1 < count ? ", "
						     : " or ";
		int added = snprintf(ret_text + len, size - len, "%s--%s",
		    before, names[indices[i]]);

		if (added < 0 || (size_t)added >= size - len)
			return;
		len += (size_t)added;
	}
}

static int
no_such_option(
    const char *given, const char *name, size_t name_len, struct fault *fault)
{
	const char *names[sizeof(option_table) / sizeof(option_table[0])];
	size_t found[NAMES_LISTED_MAX];
	char list[NAMES_LISTED_MAX * CANDIDATE_MAX_BYTES];
	const struct elsewhere *elsewhere;
	const char *nearest;
	size_t count;

	for (size_t i = 0; i < option_count; i++)
		names[i] = option_table[i].name;
	count = names_that_begin(names, option_count, name, name_len, found);
	if (count > 1 && count <= NAMES_LISTED_MAX) {
		list_candidates(names, found, count, list, sizeof(list));
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is unknown; did you mean %s?", given, list);
	}
	elsewhere = elsewhere_find_beginning(name, name_len);
	if (!count && elsewhere)
		return elsewhere_refuse(elsewhere, given, fault);
	nearest = count == 1
		      ? names[found[0]]
		      : nearest_name(names, option_count, name, name_len);
	if (!nearest)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is unknown; attest-curl --help lists them",
		    given);
	if (name[name_len] == '=' && strlen(nearest) == name_len)
		return fault_set(fault, EXIT_USAGE,
		    "option %s: is unknown; the argument follows a space: "
		    "--%s %s",
		    given, nearest, name + name_len + 1);
	return fault_set(fault, EXIT_USAGE,
	    "option %s: is unknown; did you mean --%s?", given, nearest);
}

int
option_unknown(const char *given, struct fault *fault)
{
	const char *name = given + strspn(given, "-");
	const struct elsewhere *elsewhere = elsewhere_find_name(name);

	if (elsewhere)
		return elsewhere_refuse(elsewhere, given, fault);
	return no_such_option(given, name, strcspn(name, "="), fault);
}
