#include "tls/trust_store.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

static enum enclave_client_status
add_file(
    X509_STORE *store, const char *path, struct enclave_client_error *error)
{
	if (access(path, R_OK)) {
		int reason = errno;
		enum enclave_client_status status = error_set(error,
		    ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
		    "CA file %s: %s", path, strerror(reason));
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL,
		    CURLE_SSL_CACERT_BADFILE);
		return status;
	}
	if (X509_STORE_load_file(store, path) != 1) {
		enum enclave_client_status status = error_set(error,
		    ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
		    "CA file %s holds no PEM certificate that can be read",
		    path);
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_CURL,
		    CURLE_SSL_CACERT_BADFILE);
		return status;
	}
	return ENCLAVE_CLIENT_OK;
}

/* Certificates are found by hash when a chain asks for them: opening costs
 * nothing, where loading Debian's bundle costs 15 to 20 ms. */
static enum enclave_client_status
add_directory(
    X509_STORE *store, const char *path, struct enclave_client_error *error)
{
	if (access(path, R_OK | X_OK)) {
		int reason = errno;
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "CA directory %s: %s", path,
		    strerror(reason));
	}
	if (X509_STORE_load_path(store, path) != 1)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "CA directory %s can't be used",
		    path);
	return ENCLAVE_CLIENT_OK;
}

/* The directory alone where there is one; it holds what the bundle holds. */
static enum enclave_client_status
add_system(X509_STORE *store, struct enclave_client_error *error)
{
	const curl_version_info_data *built =
	    curl_version_info(CURLVERSION_NOW);

	if (built->capath && !access(built->capath, R_OK | X_OK))
		return add_directory(store, built->capath, error);
	if (built->cainfo && !access(built->cainfo, R_OK))
		return add_file(store, built->cainfo, error);
	/* No store at all: every certificate will be refused, as with curl. */
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
trust_store_new(const char *ca_file, const char *ca_directory,
    X509_STORE **ret_store, struct enclave_client_error *error)
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	X509_STORE *store = X509_STORE_new();

	if (!store)
		return error_memory(error);
	(void)ERR_set_mark();
	/* As curl: a trusted leaf or intermediate ends the chain. */
	(void)X509_STORE_set_flags(
	    store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (ca_file)
		status = add_file(store, ca_file, error);
	if (!status && ca_directory)
		status = add_directory(store, ca_directory, error);
	if (!status && !ca_file && !ca_directory)
		status = add_system(store, error);
	(void)ERR_pop_to_mark();
	if (status) {
		X509_STORE_free(store);
		return status;
	}
	*ret_store = store;
	return ENCLAVE_CLIENT_OK;
}
