/*
 * The ordinary TLS side: a certificate authority of our own and the server
 * certificates it issues, honest or wrong in one way.
 */
#ifndef LOCAL_ENCLAVE_WEB_PKI_H
#define LOCAL_ENCLAVE_WEB_PKI_H

#include "certificate.h"
#include "service.h"

#include <stdbool.h>

enum web_certificate {
	WEB_GOOD,
	WEB_FOREIGN,
	WEB_EXPIRED,
	WEB_WRONG_NAME,
	WEB_SELF_SIGNED,
};

bool web_certificate_parse(const char *text, enum web_certificate *ret_kind);
const char *web_certificate_name(enum web_certificate kind);

struct web_pki {
	struct identity authority;
	/* Nobody trusts this one. */
	struct identity foreign;
};

enum { WEB_HOSTS_MAX = 16 };

struct web_hosts {
	char *name[WEB_HOSTS_MAX];
	size_t count;
};

void web_hosts_add(struct web_hosts *hosts, const char *name);
void web_hosts_free(struct web_hosts *hosts);

/*
 * Takes the authorities from folder/web-ca.pem and folder/web-ca-foreign.pem
 * and their keys, and creates them when absent. The folder must be locked.
 */
void web_pki_open(struct web_pki *pki, const char *folder);
void web_pki_free(struct web_pki *pki);

/* What a certificate is for, whose it is, and what it carries. */
struct web_order {
	EVP_PKEY *key;
	const struct web_hosts *hosts;
	enum web_certificate kind;
	const struct service_cargo *cargo; /* NULL: nothing */
};

/* A new server certificate for the hosts, 127.0.0.1 and ::1. */
X509 *web_pki_issue(struct web_pki *pki, const struct web_order *order);

#endif
