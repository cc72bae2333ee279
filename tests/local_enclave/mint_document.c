/*
 * mint-document: writes one attestation document, or one server certificate,
 * from the roots in a state folder. For tests that serve static files.
 */
#include "encoding.h"
#include "fatal.h"
#include "mint.h"
#include "service.h"
#include "state_dir.h"
#include "web_pki.h"

#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last year that X.509's times can write, in milliseconds. */
#define NUMBER_MAX UINT64_C(253402300799999)

struct arguments {
	const char *state;
	const char *format;
	const char *out;
	const char *web_host;
	const char *out_prefix;
	enum web_certificate web_kind;
	/* What the server certificate carries. */
	enum service service;
	enum statement statement;
	enum carriage carriage;
	bool debug;
	struct measurements pcrs;
	struct mint_request request;
	uint8_t public_key[FIELD_BYTES_MAX];
	uint8_t user_data[FIELD_BYTES_MAX];
	uint8_t nonce[FIELD_BYTES_MAX];
};

static const char usage[] =
    "usage: mint-document --state DIR [options]\n"
    "  --spki-of CERT.pem      user_data is this certificate's public key\n"
    "  --user-data VALUE       hexadecimal bytes, or null, or absent\n"
    "  --public-key VALUE      likewise\n"
    "  --nonce VALUE           likewise\n"
    "  --pcr N=HEX             repeatable\n"
    "  --debug                 PCR0, 1 and 2 zero\n"
    "  --era 2024|2026         shape of the document, default 2026\n"
    "  --timestamp-ms N        default now\n"
    "  --leaf-life-s N         default 10803\n"
    "  --fault NAME            good, broken-signature, foreign-root, expired,\n"
    "                          future, truncated, nitrotpm\n"
    "  --format raw|base64|json  default raw\n"
    "  --out FILE              default standard output\n"
    "or, for a server certificate of the same web authority:\n"
    "  --web-certificate HOST --out-prefix PATH\n"
    "                          writes PATH.pem and PATH.key\n"
    "  --web-kind good|foreign|expired|wrong-name|self-signed\n"
    "  --service cmw|cmw-json|dstack|san  a document inside it, by the other\n"
    "                          options\n"
    "  --statement NAME --carriage NAME  how that goes wrong\n";

enum option_id {
	OPTION_STATE = 256,
	OPTION_SPKI_OF,
	OPTION_USER_DATA,
	OPTION_PUBLIC_KEY,
	OPTION_NONCE,
	OPTION_PCR,
	OPTION_DEBUG,
	OPTION_ERA,
	OPTION_TIMESTAMP_MS,
	OPTION_LEAF_LIFE_S,
	OPTION_FAULT,
	OPTION_FORMAT,
	OPTION_OUT,
	OPTION_WEB_CERTIFICATE,
	OPTION_WEB_KIND,
	OPTION_OUT_PREFIX,
	OPTION_SERVICE,
	OPTION_STATEMENT,
	OPTION_CARRIAGE,
	OPTION_HELP,
};

static const struct option options[] = {
    {"state", required_argument, NULL, OPTION_STATE},
    {"spki-of", required_argument, NULL, OPTION_SPKI_OF},
    {"user-data", required_argument, NULL, OPTION_USER_DATA},
    {"public-key", required_argument, NULL, OPTION_PUBLIC_KEY},
    {"nonce", required_argument, NULL, OPTION_NONCE},
    {"pcr", required_argument, NULL, OPTION_PCR},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"era", required_argument, NULL, OPTION_ERA},
    {"timestamp-ms", required_argument, NULL, OPTION_TIMESTAMP_MS},
    {"leaf-life-s", required_argument, NULL, OPTION_LEAF_LIFE_S},
    {"fault", required_argument, NULL, OPTION_FAULT},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"out", required_argument, NULL, OPTION_OUT},
    {"web-certificate", required_argument, NULL, OPTION_WEB_CERTIFICATE},
    {"web-kind", required_argument, NULL, OPTION_WEB_KIND},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"statement", required_argument, NULL, OPTION_STATEMENT},
    {"carriage", required_argument, NULL, OPTION_CARRIAGE},
    {"out-prefix", required_argument, NULL, OPTION_OUT_PREFIX},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static int64_t
parse_number(const char *text)
{
	uint64_t number;

	if (!number_decode(text, &number) || number == 0 || number > NUMBER_MAX)
		die("not a positive number: %s", text);
	return (int64_t)number;
}

static void
parse_field(const char *text, uint8_t *buffer, struct mint_field *field)
{
	if (strcmp(text, "null") == 0) {
		field->state = FIELD_NULL;
		return;
	}
	if (strcmp(text, "absent") == 0) {
		field->state = FIELD_ABSENT;
		return;
	}
	if (!hex_decode(text, buffer, FIELD_BYTES_MAX, &field->len))
		die("neither null, absent nor up to %d bytes in hex: %s",
		    FIELD_BYTES_MAX, text);
	field->data = buffer;
	field->state = FIELD_BYTES;
}

static void
take_spki(const char *path, struct arguments *arguments)
{
	X509 *certificate = state_read_certificate(path);
	struct mint_field *field = &arguments->request.user_data;
	uint8_t *spki;

	if (certificate == NULL)
		die("cannot read %s", path);
	spki = key_spki(X509_get0_pubkey(certificate), &field->len);
	if (field->len > FIELD_BYTES_MAX)
		die("the key in %s is too long for user_data", path);
	memcpy(arguments->user_data, spki, field->len);
	field->data = arguments->user_data;
	field->state = FIELD_BYTES;
	OPENSSL_free(spki);
	X509_free(certificate);
}

static void
take_document_option(struct arguments *arguments, int option, const char *text)
{
	struct mint_request *request = &arguments->request;

	switch (option) {
	case OPTION_SPKI_OF:
		take_spki(text, arguments);
		break;
	case OPTION_USER_DATA:
		parse_field(text, arguments->user_data, &request->user_data);
		break;
	case OPTION_PUBLIC_KEY:
		parse_field(text, arguments->public_key, &request->public_key);
		break;
	case OPTION_NONCE:
		parse_field(text, arguments->nonce, &request->nonce);
		break;
	case OPTION_PCR:
		if (!measurements_set_text(&arguments->pcrs, text))
			die("not N=<96 hex digits>: %s", text);
		break;
	case OPTION_ERA:
		if (!era_parse(text, &request->era))
			die("unknown era: %s", text);
		break;
	case OPTION_FAULT:
		if (!mint_fault_parse(text, &request->fault))
			die("unknown fault: %s", text);
		break;
	case OPTION_TIMESTAMP_MS:
		request->timestamp_ms = parse_number(text);
		break;
	case OPTION_LEAF_LIFE_S:
		request->leaf_life_s = parse_number(text);
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static void
take_service_option(struct arguments *arguments, int option, const char *text)
{
	bool known;

	if (option == OPTION_SERVICE)
		known = service_parse(text, &arguments->service);
	else if (option == OPTION_STATEMENT)
		known = statement_parse(text, &arguments->statement);
	else
		known = carriage_parse(text, &arguments->carriage);
	if (!known)
		die("unknown: %s", text);
}

static void
take_option(struct arguments *arguments, int option, const char *text)
{
	switch (option) {
	case OPTION_STATE:
		arguments->state = text;
		break;
	case OPTION_DEBUG:
		arguments->debug = true;
		break;
	case OPTION_FORMAT:
		arguments->format = text;
		break;
	case OPTION_OUT:
		arguments->out = text;
		break;
	case OPTION_WEB_CERTIFICATE:
		arguments->web_host = text;
		break;
	case OPTION_WEB_KIND:
		if (!web_certificate_parse(text, &arguments->web_kind))
			die("unknown kind of certificate: %s", text);
		break;
	case OPTION_OUT_PREFIX:
		arguments->out_prefix = text;
		break;
	case OPTION_SERVICE:
	case OPTION_STATEMENT:
	case OPTION_CARRIAGE:
		take_service_option(arguments, option, text);
		break;
	case OPTION_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		take_document_option(arguments, option, text);
	}
}

static void
set_defaults(struct arguments *arguments)
{
	struct mint_request *request = &arguments->request;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	arguments->format = "raw";
	request->era = ERA_2026;
	request->leaf_life_s = LEAF_LIFE_S;
	request->timestamp_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	measurements_default(&arguments->pcrs, MINT_INSTANCE_ID);
	must(RAND_bytes(arguments->nonce, 256) == 1);
	request->nonce = (struct mint_field){
	    .state = FIELD_BYTES, .data = arguments->nonce, .len = 256};
	request->pcrs = &arguments->pcrs;
}

static void
write_output(const char *path, const void *data, size_t len)
{
	if (path != NULL) {
		state_write(path, data, len);
		return;
	}
	if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0)
		die("cannot write to standard output");
}

static void
write_document(
    const struct arguments *arguments, const uint8_t *document, size_t len)
{
	char *base64 = base64_encode(document, len);

	if (strcmp(arguments->format, "raw") == 0) {
		write_output(arguments->out, document, len);
	} else if (strcmp(arguments->format, "base64") == 0) {
		write_output(arguments->out, base64, strlen(base64));
	} else if (strcmp(arguments->format, "json") == 0) {
		char *json =
		    must_format("{\"attestation_doc\":\"%s\"}", base64);

		write_output(arguments->out, json, strlen(json));
		free(json);
	} else {
		die("unknown format: %s", arguments->format);
	}
	free(base64);
}

static void
mint(struct arguments *arguments)
{
	int lock = state_lock(arguments->state);
	struct minter minter;
	struct web_pki web = {0};
	uint8_t *document;
	size_t len;

	minter_open(&minter, arguments->state);
	web_pki_open(&web, arguments->state);
	state_unlock(lock);
	if (arguments->debug)
		measurements_debug(&arguments->pcrs);
	document = mint_document(&minter, &arguments->request, &len);
	write_document(arguments, document, len);
	free(document);
	web_pki_free(&web);
	minter_free(&minter);
}

/* With a document of the other options in it, when a service is named. */
static X509 *
issue(struct web_pki *web, const struct web_hosts *hosts,
    struct arguments *arguments, EVP_PKEY *key)
{
	struct service_cargo cargo = {
	    .service = arguments->service, .carriage = arguments->carriage};
	struct web_order order = {
	    .key = key, .hosts = hosts, .kind = arguments->web_kind};
	struct service_subject subject = {.service = arguments->service,
	    .statement = arguments->statement,
	    .key = key};
	uint8_t stated[FIELD_BYTES_MAX + 64];
	uint8_t *document = NULL;
	struct minter minter;
	X509 *certificate;
	int lock;

	if (service_in_certificate(arguments->service)) {
		lock = state_lock(arguments->state);
		minter_open(&minter, arguments->state);
		state_unlock(lock);
		subject.other_key = key_new("P-256");
		if (arguments->debug)
			measurements_debug(&arguments->pcrs);
		service_state(&subject, &arguments->request, stated);
		document = mint_document(
		    &minter, &arguments->request, &cargo.document_len);
		cargo.document = document;
		order.cargo = &cargo;
		EVP_PKEY_free(subject.other_key);
		minter_free(&minter);
	}
	certificate = web_pki_issue(web, &order);
	free(document);
	return certificate;
}

static void
issue_web_certificate(struct arguments *arguments)
{
	int lock = state_lock(arguments->state);
	struct web_hosts hosts = {0};
	struct web_pki web = {0};
	struct identity server;
	char *certificate_path = must_format("%s.pem", arguments->out_prefix);
	char *key_path = must_format("%s.key", arguments->out_prefix);

	web_pki_open(&web, arguments->state);
	state_unlock(lock);
	web_hosts_add(&hosts, arguments->web_host);
	server.key = key_new("P-256");
	server.certificate = issue(&web, &hosts, arguments, server.key);
	state_write_key(key_path, server.key);
	state_write_certificate(certificate_path, server.certificate, NULL);
	identity_free(&server);
	web_hosts_free(&hosts);
	web_pki_free(&web);
	free(certificate_path);
	free(key_path);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {0};
	int option;

	set_defaults(&arguments);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&arguments, option, optarg);
	if (arguments.state == NULL || optind != argc ||
	    (arguments.web_host == NULL) != (arguments.out_prefix == NULL)) {
		fputs(usage, stderr);
		return 2;
	}
	if (arguments.web_host != NULL)
		issue_web_certificate(&arguments);
	else
		mint(&arguments);
	return 0;
}
