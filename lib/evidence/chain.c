#include "evidence/chain.h"

#include <stdio.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "evidence/digest.h"
#include "evidence/key.h"
#include "evidence/openssl_error.h"

/* The bundle and, last, the leaf. */
#define CERTIFICATES_MAX (BUNDLE_CERTIFICATES_MAX + 1)

struct path {
	const struct evidence_roots *roots;
	struct certificate certificates[CERTIFICATES_MAX];
	size_t count;
	struct enclave_client_error *error;
};

static enum enclave_client_status
read_one(struct path *path, struct bytes der, const char *place)
{
	const struct certificate *root = roots_find(path->roots, der);
	struct certificate *certificate = &path->certificates[path->count];
	enum enclave_client_status status;

	/* What is an accepted root was decoded when it was accepted. */
	if (root)
		status =
		    certificate_share(root, place, certificate, path->error);
	else
		status = certificate_read(der, place, certificate, path->error);
	if (!status)
		path->count++;
	return status;
}

static enum enclave_client_status
read_all(struct path *path, const struct document *document)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	char place[32];

	for (size_t i = 0; !status && i < document->cabundle_count; i++) {
		(void)snprintf(place, sizeof(place), "cabundle[%zu]", i);
		status = read_one(path, document->cabundle[i], place);
	}
	if (!status)
		status = read_one(path, document->certificate, "certificate");
	return status;
}

/*
 * AWS, 3.2.3: the anchor is a root obtained apart from the document.  The
 * bundle's first certificate must be it, byte for byte.
 */
static enum enclave_client_status
check_anchor(const struct path *path)
{
	const struct certificate *first = &path->certificates[0];
	char sha256[2 * DIGEST_BYTES + 1];

	if (roots_find(path->roots, first->der))
		return ENCLAVE_CLIENT_OK;
	hex_encode((struct bytes){first->sha256, DIGEST_BYTES}, sha256);
	return error_set(path->error, ENCLAVE_CLIENT_ERR_ROOT,
	    ENCLAVE_CLIENT_STEP_CHAIN,
	    "%s with SHA-256 %s is not an accepted root (accepted: %s%s)",
	    first->label, sha256, path->roots->anchors[0].subject,
	    path->roots->count > 1 ? " and others" : "");
}

static enum enclave_client_status
check_profiles(const struct path *path)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	size_t leaf = path->count - 1;

	for (size_t i = 0; !status && i < leaf; i++)
		status = certificate_check_profile(&path->certificates[i],
		    CERTIFICATE_CA, leaf - 1 - i, path->error);
	if (!status)
		status = certificate_check_profile(&path->certificates[leaf],
		    CERTIFICATE_LEAF, 0, path->error);
	return status;
}

/*
 * RFC 5280 6.1.3 (a)(4), on the bytes of the names; and no certificate that
 * names itself as issuer, which the anchor alone may do.  Key identifiers need
 * not be there, but must not point elsewhere (4.2.1.1).
 */
static enum enclave_client_status
check_issued_by(const struct certificate *certificate,
    struct bytes issuer_subject, struct bytes issuer_key_id,
    struct enclave_client_error *error)
{
	struct bytes issuer = certificate_issuer_der(certificate);
	const ASN1_OCTET_STRING *id =
	    X509_get0_authority_key_id(certificate->x509);
	struct bytes named = {NULL, 0};
	const char *fault = NULL;

	if (id)
		named = (struct bytes){
		    ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)};
	if (!bytes_equal(issuer, issuer_subject))
		fault = "is not issued by the certificate before it";
	else if (bytes_equal(certificate_subject_der(certificate), issuer))
		fault = "has its issuer's name for its own";
	else if (X509_get0_authority_serial(certificate->x509) ||
		 X509_get0_authority_issuer(certificate->x509))
		fault = "names its issuer by serial number";
	else if (id && issuer_key_id.len && !bytes_equal(named, issuer_key_id))
		fault = "names another key than its issuer's";
	if (!fault)
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_CHAIN,
	    ENCLAVE_CLIENT_STEP_CHAIN, "%s %s", certificate->label, fault);
}

/* AWS, 3.2.3: [ROOT, INTERM_1, ... INTERM_N], then the target. */
static enum enclave_client_status
check_order(const struct path *path)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;

	for (size_t i = 1; !status && i < path->count; i++) {
		const struct certificate *issuer = &path->certificates[i - 1];
		status = check_issued_by(&path->certificates[i],
		    certificate_subject_der(issuer), certificate_key_id(issuer),
		    path->error);
	}
	return status;
}

/*
 * A store that holds the anchor and nothing else: no system store, no lookup,
 * no CRL (AWS: "CRL must be disabled"), no strict flag (it refuses every real
 * chain: leaves have no authority key identifier), no partial chain.
 */
static enum enclave_client_status
prepare_context(const struct path *path, X509_STORE *store,
    STACK_OF(X509) * untrusted, X509_STORE_CTX *context)
{
	size_t leaf = path->count - 1;
	X509_VERIFY_PARAM *parameters;

	if (!store || !untrusted || !context ||
	    !X509_STORE_add_cert(store, path->certificates[0].x509))
		return error_memory(path->error);
	for (size_t i = 1; i < leaf; i++)
		if (!sk_X509_push(untrusted, path->certificates[i].x509))
			return error_memory(path->error);
	if (!X509_STORE_CTX_init(
		context, store, path->certificates[leaf].x509, untrusted))
		return error_memory(path->error);
	parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_depth(parameters, BUNDLE_CERTIFICATES_MAX);
	if (!X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME))
		return error_memory(path->error);
	return ENCLAVE_CLIENT_OK;
}

/* OpenSSL counts depth from the leaf. */
static enum enclave_client_status
refuse_path(const struct path *path, X509_STORE_CTX *context)
{
	int code = X509_STORE_CTX_get_error(context);
	int depth = X509_STORE_CTX_get_error_depth(context);
	size_t index = depth >= 0 && (size_t)depth < path->count
			   ? path->count - 1 - (size_t)depth
			   : 0;
	enum enclave_client_status status;

	if (code == X509_V_ERR_OUT_OF_MEM || openssl_out_of_memory())
		return error_memory(path->error);
	status = error_set(path->error, ENCLAVE_CLIENT_ERR_CHAIN,
	    ENCLAVE_CLIENT_STEP_CHAIN, "%s: path refused: %s",
	    path->certificates[index].label,
	    X509_verify_cert_error_string(code));
	error_set_foreign(path->error, ENCLAVE_CLIENT_FOREIGN_X509, code);
	return status;
}

/*
 * OpenSSL picks certificates from the bundle as it likes; what it built must
 * be the given path, so that nothing in the document is left unverified.
 */
static bool
is_given_path(const struct path *path, X509_STORE_CTX *context)
{
	STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(context);

	if (!built || sk_X509_num(built) != (int)path->count)
		return false;
	for (size_t i = 0; i < path->count; i++)
		if (sk_X509_value(built, (int)(path->count - 1 - i)) !=
		    path->certificates[i].x509)
			return false;
	return true;
}

static enum enclave_client_status
check_path(const struct path *path)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	enum enclave_client_status status =
	    prepare_context(path, store, untrusted, context);

	if (status)
		goto out;
	if (X509_verify_cert(context) != 1) {
		status = refuse_path(path, context);
		goto out;
	}
	if (!is_given_path(path, context))
		status = error_set(path->error, ENCLAVE_CLIENT_ERR_CHAIN,
		    ENCLAVE_CLIENT_STEP_CHAIN,
		    "cabundle is not the path from the root to the leaf");
out:
	X509_STORE_CTX_free(context);
	sk_X509_free(untrusted);
	X509_STORE_free(store);
	return status;
}

static enum enclave_client_status
conclude(const struct path *path, struct verified_leaf **ret_leaf)
{
	size_t leaf = path->count - 1;
	struct verified_chain *chain =
	    verified_chain_new(path->certificates, leaf);
	struct verified_leaf *verified = NULL;

	if (chain)
		verified = verified_leaf_new(chain, &path->certificates[leaf]);
	verified_chain_unref(chain);
	if (!verified)
		return error_memory(path->error);
	*ret_leaf = verified;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
chain_verify(const struct evidence_roots *roots,
    const struct document *document, struct verified_leaf **ret_leaf,
    struct enclave_client_error *error)
{
	struct path path = {.roots = roots, .error = error};
	enum enclave_client_status status = read_all(&path, document);

	if (!status)
		status = check_anchor(&path);
	if (!status)
		status = check_profiles(&path);
	if (!status)
		status = check_order(&path);
	if (!status)
		status = check_path(&path);
	if (!status)
		status = conclude(&path, ret_leaf);
	for (size_t i = 0; i < path.count; i++)
		certificate_clear(&path.certificates[i]);
	return status;
}

/* RFC 5280 6.1.3 (a)(1), for the one certificate that is not known. */
static enum enclave_client_status
check_leaf_signature(const struct certificate *leaf,
    const struct verified_chain *chain, struct enclave_client_error *error)
{
	EVP_PKEY *key = key_new(chain->issuer_point);
	int verified = key ? X509_verify(leaf->x509, key) : -1;

	EVP_PKEY_free(key);
	if (verified == 1)
		return ENCLAVE_CLIENT_OK;
	if (!key || openssl_out_of_memory())
		return error_memory(error);
	error_set(error, ENCLAVE_CLIENT_ERR_CHAIN, ENCLAVE_CLIENT_STEP_CHAIN,
	    "%s: path refused: %s", leaf->label,
	    X509_verify_cert_error_string(X509_V_ERR_CERT_SIGNATURE_FAILURE));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_X509,
	    X509_V_ERR_CERT_SIGNATURE_FAILURE);
	return ENCLAVE_CLIENT_ERR_CHAIN;
}

/*
 * The same checks, in the same order, as chain_verify makes for a leaf; its
 * issuers were checked when they were remembered.
 */
enum enclave_client_status
chain_verify_leaf(struct verified_chain *chain, struct bytes der,
    struct verified_leaf **ret_leaf, struct enclave_client_error *error)
{
	struct certificate leaf = {0};
	struct verified_leaf *verified;
	enum enclave_client_status status =
	    certificate_read(der, "certificate", &leaf, error);

	if (!status)
		status = certificate_check_profile(
		    &leaf, CERTIFICATE_LEAF, 0, error);
	if (!status)
		status = check_issued_by(
		    &leaf, chain->issuer_subject, chain->issuer_key_id, error);
	if (!status)
		status = check_leaf_signature(&leaf, chain, error);
	if (status)
		goto out;
	verified = verified_leaf_new(chain, &leaf);
	if (!verified) {
		status = error_memory(error);
		goto out;
	}
	*ret_leaf = verified;
out:
	certificate_clear(&leaf);
	return status;
}
