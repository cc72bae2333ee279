#include "nitro_pki.h"

#include "fatal.h"
#include "state_dir.h"

#include <openssl/objects.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define REGION "us-east-1"

/* Spans measured on real certificates. */
enum {
	REGIONAL_LIFE_S = 1731600,
	REGIONAL_AGE_S = 86400 + 3600,
	ZONAL_LIFE_S = 486000,
	ZONAL_AGE_S = 6 * 3600,
	INSTANCE_LIFE_S = 86400,
	INSTANCE_AGE_S = 4 * 3600,
	LEAF_BEGINS_BEFORE_S = 3,
	LEAF_RENEWAL_S = 900,
};

/* 2019-10-28 13:28:05 and 2049-10-28 14:28:05, those of the AWS root. */
static const time_t root_begin = 1572269285;
static const time_t root_end = 2519044085;

static const char regional_crl[] =
    "URI:http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/"
    "ab4960cc-7d63-42bd-9e9f-59338cb67f84.crl";
static const char zonal_crl[] =
    "URI:http://crl-" REGION "-aws-nitro-enclaves.s3." REGION
    ".amazonaws.com/crl/864b1af5-fcc0-4c97-8b30-606b7140ed0e.crl";

bool
era_parse(const char *text, enum era *ret_era)
{
	if (strcmp(text, "2024") == 0) {
		*ret_era = ERA_2024;
		return true;
	}
	if (strcmp(text, "2026") == 0) {
		*ret_era = ERA_2026;
		return true;
	}
	return false;
}

const char *
era_name(enum era era)
{
	return era == ERA_2024 ? "2024" : "2026";
}

static void
set_short_subject(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	name_add(name, "C", "US");
	name_add(name, "O", "Amazon");
	name_add(name, "OU", "AWS");
	name_add(name, "CN", common_name);
}

/* The zonal issuer writes its names in another order, and the state short. */
static void
set_zonal_subject(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	name_add(name, "CN", common_name);
	name_add(name, "OU", "AWS");
	name_add(name, "O", "Amazon");
	name_add(name, "C", "US");
	name_add(name, "ST", "WA");
	name_add(name, "L", "Seattle");
}

static void
set_long_subject(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	name_add(name, "C", "US");
	name_add(name, "ST", "Washington");
	name_add(name, "L", "Seattle");
	name_add(name, "O", "Amazon");
	name_add(name, "OU", "AWS");
	name_add(name, "CN", common_name);
}

static void
issue_root(struct identity *root)
{
	root->key = key_new("P-384");
	root->certificate = certificate_new(root->key, 16);
	set_short_subject(root->certificate, "aws.nitro-enclaves");
	certificate_set_validity(root->certificate, root_begin, root_end);
	certificate_add_extension(root->certificate, root->certificate,
	    NID_basic_constraints, "critical,CA:TRUE");
	certificate_add_extension(root->certificate, root->certificate,
	    NID_subject_key_identifier, "hash");
	certificate_add_extension(root->certificate, root->certificate,
	    NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
	certificate_sign(root->certificate, root->certificate, root->key);
}

void
nitro_pki_open(struct nitro_pki *pki, const char *folder, const char *name)
{
	struct identity *root = &pki->level[NITRO_ROOT];
	char *certificate_path = state_path(folder, name, ".pem");
	char *key_path = state_path(folder, name, ".key");

	memset(pki, 0, sizeof(*pki));
	root->certificate = state_read_certificate(certificate_path);
	root->key = state_read_key(key_path);
	if (root->certificate == NULL || root->key == NULL) {
		identity_free(root);
		issue_root(root);
		state_write_key(key_path, root->key);
		state_write_certificate(
		    certificate_path, root->certificate, NULL);
	}
	free(certificate_path);
	free(key_path);
}

/* The extensions that regional and zonal certificates share, in order. */
static void
add_issuer_extensions(X509 *certificate, X509 *issuer,
    const char *basic_constraints, const char *crl)
{
	certificate_add_extension(
	    certificate, issuer, NID_basic_constraints, basic_constraints);
	certificate_add_extension(
	    certificate, issuer, NID_authority_key_identifier, "keyid:always");
	certificate_add_extension(
	    certificate, issuer, NID_subject_key_identifier, "hash");
	certificate_add_extension(certificate, issuer, NID_key_usage,
	    "critical,digitalSignature,keyCertSign,cRLSign");
	certificate_add_extension(
	    certificate, issuer, NID_crl_distribution_points, crl);
}

static char *
random_common_name(const char *suffix)
{
	uint64_t id;

	must(RAND_bytes((unsigned char *)&id, sizeof(id)) == 1);
	return must_format("%016llx.%s", (unsigned long long)id, suffix);
}

static void
issue_regional(struct nitro_pki *pki, time_t now)
{
	struct identity *root = &pki->level[NITRO_ROOT];
	struct identity *regional = &pki->level[NITRO_REGIONAL];
	char *name = random_common_name(REGION ".aws.nitro-enclaves");
	time_t begin = now - REGIONAL_AGE_S;

	identity_free(regional);
	regional->key = key_new("P-384");
	regional->certificate = certificate_new(regional->key, 16);
	set_short_subject(regional->certificate, name);
	certificate_set_validity(
	    regional->certificate, begin, begin + REGIONAL_LIFE_S);
	add_issuer_extensions(regional->certificate, root->certificate,
	    "critical,CA:TRUE,pathlen:2", regional_crl);
	certificate_sign(regional->certificate, root->certificate, root->key);
	free(name);
}

static void
issue_zonal(struct nitro_pki *pki, time_t now)
{
	struct identity *regional = &pki->level[NITRO_REGIONAL];
	struct identity *zonal = &pki->level[NITRO_ZONAL];
	char *name = random_common_name("zonal." REGION ".aws.nitro-enclaves");
	time_t begin = now - ZONAL_AGE_S;

	identity_free(zonal);
	zonal->key = key_new("P-384");
	zonal->certificate = certificate_new(zonal->key, 16);
	set_zonal_subject(zonal->certificate, name);
	certificate_set_validity(
	    zonal->certificate, begin, begin + ZONAL_LIFE_S);
	add_issuer_extensions(zonal->certificate, regional->certificate,
	    "critical,CA:TRUE,pathlen:1", zonal_crl);
	certificate_sign(
	    zonal->certificate, regional->certificate, regional->key);
	free(name);
}

static void
issue_instance(
    struct nitro_pki *pki, const struct nitro_subject *subject, time_t now)
{
	struct identity *zonal = &pki->level[NITRO_ZONAL];
	struct identity *instance = &pki->level[NITRO_INSTANCE];
	char *name = must_format(
	    "%s." REGION ".aws.nitro-enclaves", subject->instance_id);
	time_t begin = now - INSTANCE_AGE_S;
	X509 *certificate;

	identity_free(instance);
	instance->key = key_new("P-384");
	certificate = certificate_new(instance->key, 20);
	instance->certificate = certificate;
	set_long_subject(certificate, name);
	certificate_set_validity(certificate, begin, begin + INSTANCE_LIFE_S);
	certificate_add_extension(certificate, zonal->certificate,
	    NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	certificate_add_extension(certificate, zonal->certificate,
	    NID_key_usage, "critical,keyCertSign");
	if (subject->era != ERA_2024) {
		certificate_add_extension(certificate, zonal->certificate,
		    NID_subject_key_identifier, "hash");
		certificate_add_extension(certificate, zonal->certificate,
		    NID_authority_key_identifier, "keyid:always");
	}
	certificate_sign(certificate, zonal->certificate, zonal->key);
	free(name);
}

/* A real leaf's serial: the enclave's id, four zero bytes, time of issue. */
static void
set_leaf_serial(X509 *certificate, const char *module_id, time_t now)
{
	const char *dash = strrchr(module_id, '-');
	const char *digits = dash != NULL ? dash + 4 : "0";
	char *hex;
	BIGNUM *number = NULL;

	hex = must_format("%s00000000%08llx", digits, (unsigned long long)now);
	must(BN_hex2bn(&number, hex));
	must(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
	BN_free(number);
	free(hex);
}

static void
issue_leaf(
    struct nitro_pki *pki, const struct nitro_subject *subject, time_t now)
{
	struct identity *instance = &pki->level[NITRO_INSTANCE];
	struct identity *leaf = &pki->level[NITRO_LEAF];
	char *name = must_format("%s." REGION ".aws", subject->module_id);
	time_t begin = now - LEAF_BEGINS_BEFORE_S;
	X509 *certificate;

	identity_free(leaf);
	leaf->key = key_new("P-384");
	certificate = certificate_new(leaf->key, 16);
	leaf->certificate = certificate;
	set_leaf_serial(certificate, subject->module_id, now);
	set_long_subject(certificate, name);
	certificate_set_validity(
	    certificate, begin, begin + (time_t)subject->leaf_life_s);
	certificate_add_extension(certificate, instance->certificate,
	    NID_basic_constraints, "critical,CA:FALSE");
	certificate_add_extension(certificate, instance->certificate,
	    NID_key_usage, "digitalSignature,nonRepudiation");
	certificate_sign(certificate, instance->certificate, instance->key);
	free(name);
}

/* Whether this level is in force now and will be until the given time. */
static bool
covers(const struct identity *identity, time_t now, time_t until)
{
	return identity->certificate != NULL &&
	       certificate_begin(identity->certificate) <= now &&
	       certificate_end(identity->certificate) > until;
}

static time_t
leaf_renewal(int64_t leaf_life_s)
{
	time_t eighth = (time_t)(leaf_life_s / 8);

	return eighth < LEAF_RENEWAL_S ? eighth : LEAF_RENEWAL_S;
}

void
nitro_pki_prepare(
    struct nitro_pki *pki, const struct nitro_subject *subject, int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	time_t renewal = now + leaf_renewal(subject->leaf_life_s);
	time_t leaf_end = now + (time_t)subject->leaf_life_s;

	if (pki->era != subject->era ||
	    pki->leaf_life_s != subject->leaf_life_s)
		nitro_pki_forget(pki);
	pki->era = subject->era;
	pki->leaf_life_s = subject->leaf_life_s;
	if (covers(&pki->level[NITRO_LEAF], now, renewal) &&
	    covers(&pki->level[NITRO_INSTANCE], now, now))
		return;
	if (!covers(&pki->level[NITRO_REGIONAL], now, leaf_end)) {
		nitro_pki_forget(pki);
		issue_regional(pki, now);
	}
	if (!covers(&pki->level[NITRO_ZONAL], now, leaf_end)) {
		identity_free(&pki->level[NITRO_INSTANCE]);
		issue_zonal(pki, now);
	}
	if (!covers(&pki->level[NITRO_INSTANCE], now, leaf_end))
		issue_instance(pki, subject, now);
	issue_leaf(pki, subject, now);
}

void
nitro_pki_forget(struct nitro_pki *pki)
{
	int level;

	for (level = NITRO_REGIONAL; level < NITRO_LEVELS; level++)
		identity_free(&pki->level[level]);
}

void
nitro_pki_free(struct nitro_pki *pki)
{
	nitro_pki_forget(pki);
	identity_free(&pki->level[NITRO_ROOT]);
}
