#include "web_pki.h"

#include "fatal.h"
#include "state_dir.h"

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_S = 86400,
	AUTHORITY_LIFE_S = 3650 * DAY_S,
	SERVER_LIFE_S = 90 * DAY_S,
};

static const char *const kind_names[] = {
    [WEB_GOOD] = "good",
    [WEB_FOREIGN] = "foreign",
    [WEB_EXPIRED] = "expired",
    [WEB_WRONG_NAME] = "wrong-name",
    [WEB_SELF_SIGNED] = "self-signed",
};

bool
web_certificate_parse(const char *text, enum web_certificate *ret_kind)
{
	size_t i;

	for (i = 0; i < sizeof(kind_names) / sizeof(*kind_names); i++) {
		if (strcmp(text, kind_names[i]) == 0) {
			*ret_kind = (enum web_certificate)i;
			return true;
		}
	}
	return false;
}

const char *
web_certificate_name(enum web_certificate kind)
{
	return kind_names[kind];
}

void
web_hosts_add(struct web_hosts *hosts, const char *name)
{
	if (hosts->count == WEB_HOSTS_MAX)
		die("more than %d host names", WEB_HOSTS_MAX);
	hosts->name[hosts->count++] = must_copy_text(name);
}

void
web_hosts_free(struct web_hosts *hosts)
{
	size_t i;

	for (i = 0; i < hosts->count; i++)
		free(hosts->name[i]);
	hosts->count = 0;
}

static void
issue_authority(struct identity *authority, const char *common_name)
{
	time_t now = time(NULL);
	X509 *certificate;

	authority->key = key_new("P-256");
	certificate = certificate_new(authority->key, 16);
	authority->certificate = certificate;
	name_add(X509_get_subject_name(certificate), "CN", common_name);
	certificate_set_validity(
	    certificate, now - DAY_S, now + AUTHORITY_LIFE_S);
	certificate_add_extension(certificate, certificate,
	    NID_basic_constraints, "critical,CA:TRUE");
	certificate_add_extension(certificate, certificate, NID_key_usage,
	    "critical,keyCertSign,cRLSign");
	certificate_add_extension(
	    certificate, certificate, NID_subject_key_identifier, "hash");
	certificate_sign(certificate, certificate, authority->key);
}

static void
open_authority(struct identity *authority, const char *folder, const char *name)
{
	char *certificate_path = state_path(folder, name, ".pem");
	char *key_path = state_path(folder, name, ".key");

	authority->certificate = state_read_certificate(certificate_path);
	authority->key = state_read_key(key_path);
	if (authority->certificate == NULL || authority->key == NULL) {
		identity_free(authority);
		issue_authority(authority, name);
		state_write_key(key_path, authority->key);
		state_write_certificate(
		    certificate_path, authority->certificate, NULL);
	}
	free(certificate_path);
	free(key_path);
}

void
web_pki_open(struct web_pki *pki, const char *folder)
{
	open_authority(&pki->authority, folder, "web-ca");
	open_authority(&pki->foreign, folder, "web-ca-foreign");
}

void
web_pki_free(struct web_pki *pki)
{
	identity_free(&pki->authority);
	identity_free(&pki->foreign);
}

static char *
subject_alternative_names(const struct web_hosts *hosts)
{
	char *names = must_copy_text("IP:127.0.0.1,IP:::1");
	size_t i;

	for (i = 0; i < hosts->count; i++) {
		char *longer = must_format("%s,DNS:%s", names, hosts->name[i]);

		free(names);
		names = longer;
	}
	return names;
}

static void
add_server_extensions(X509 *certificate, X509 *issuer, const char *names)
{
	certificate_add_extension(
	    certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
	certificate_add_extension(
	    certificate, issuer, NID_key_usage, "critical,digitalSignature");
	certificate_add_extension(
	    certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
	certificate_add_extension(
	    certificate, issuer, NID_subject_key_identifier, "hash");
	certificate_add_extension(
	    certificate, issuer, NID_authority_key_identifier, "keyid:always");
	certificate_add_extension(
	    certificate, issuer, NID_subject_alt_name, names);
}

/* Borrowed from the authorities, or from the new certificate itself. */
static struct identity
choose_issuer(const struct web_pki *pki, X509 *certificate, EVP_PKEY *key,
    enum web_certificate kind)
{
	struct identity self = {.certificate = certificate, .key = key};

	if (kind == WEB_FOREIGN)
		return pki->foreign;
	return kind == WEB_SELF_SIGNED ? self : pki->authority;
}

/* New text: the names, and the one that holds a document. */
static char *
order_names(const struct web_order *order)
{
	char *names;
	char *carried = NULL;
	char *longer;

	if (order->kind == WEB_WRONG_NAME)
		names = must_copy_text("DNS:wrong-name.test");
	else
		names = subject_alternative_names(order->hosts);
	if (order->cargo != NULL)
		carried = service_host_name(order->cargo);
	if (carried == NULL)
		return names;
	if (order->cargo->carriage == CARRIAGE_TWICE)
		longer =
		    must_format("%s,DNS:%s,DNS:%s", names, carried, carried);
	else
		longer = must_format("%s,DNS:%s", names, carried);
	free(carried);
	free(names);
	return longer;
}

X509 *
web_pki_issue(struct web_pki *pki, const struct web_order *order)
{
	X509 *certificate = certificate_new(order->key, 16);
	struct identity issuer =
	    choose_issuer(pki, certificate, order->key, order->kind);
	time_t begin = time(NULL) - DAY_S;
	char *names = order_names(order);

	if (order->kind == WEB_EXPIRED)
		begin -= SERVER_LIFE_S;
	name_add(
	    X509_get_subject_name(certificate), "CN", "local enclave server");
	certificate_set_validity(certificate, begin, begin + SERVER_LIFE_S);
	add_server_extensions(certificate, issuer.certificate, names);
	if (order->cargo != NULL)
		service_add_cargo(certificate, order->cargo);
	certificate_sign(certificate, issuer.certificate, issuer.key);
	free(names);
	return certificate;
}
