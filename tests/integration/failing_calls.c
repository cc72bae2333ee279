#include "integration/failing_calls.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "failing_malloc.h"

static _Thread_local const char *failed_name;

void
failing_calls_arm(size_t nth)
{
	failed_name = "allocation";
	failing_malloc_arm(nth);
}

bool
failing_calls_disarm(void)
{
	return failing_malloc_disarm();
}

const char *
failing_calls_name(void)
{
	return failed_name;
}

static bool
fails(const char *name)
{
	if (!failing_malloc_is_next())
		return false;
	failed_name = name;
	/* What the system would say. */
	errno = EIO;
	return true;
}

/* The names are the linker's: --wrap=access calls __wrap_access. */
#define WRAP(TYPE, NAME, FAILURE, PARAMETERS, ARGUMENTS)                       \
	TYPE __real_##NAME PARAMETERS;                                         \
	TYPE __wrap_##NAME PARAMETERS;                                         \
	TYPE __wrap_##NAME PARAMETERS                                          \
	{                                                                      \
		return fails(#NAME) ? (FAILURE) : __real_##NAME ARGUMENTS;     \
	}

/*
 * The last argument is a pointer, or as wide as one.  NULL takes something off,
 * which needs no memory and so can't fail: what is given back is given back.
 */
#define WRAP_OPTION(TYPE, NAME, FAILURE, OBJECT, OPTION)                       \
	TYPE __real_##NAME(OBJECT object, OPTION option, ...);                 \
	TYPE __wrap_##NAME(OBJECT object, OPTION option, ...);                 \
	TYPE __wrap_##NAME(OBJECT object, OPTION option, ...)                  \
	{                                                                      \
		va_list arguments;                                             \
		void *value;                                                   \
                                                                               \
		va_start(arguments, option);                                   \
		value = va_arg(arguments, void *);                             \
		va_end(arguments);                                             \
		return value && fails(#NAME)                                   \
			   ? (FAILURE)                                         \
			   : __real_##NAME(object, option, value);             \
	}

/* The system */
WRAP(void *, reallocarray, NULL, (void *block, size_t count, size_t size),
    (block, count, size))
WRAP(char *, strndup, NULL, (const char *text, size_t len), (text, len))
WRAP(int, pthread_condattr_init, ENOMEM, (pthread_condattr_t * attributes),
    (attributes))
WRAP(int, pthread_create, EAGAIN,
    (pthread_t * thread, const pthread_attr_t *attributes,
	void *(*run)(void *context), void *context),
    (thread, attributes, run, context))
WRAP(void *, mmap64, MAP_FAILED,
    (void *at, size_t len, int protection, int flags, int fd, off_t offset),
    (at, len, protection, flags, fd, offset))
WRAP(int, madvise, -1, (void *at, size_t len, int advice), (at, len, advice))
WRAP(ssize_t, getrandom, -1, (void *to, size_t len, unsigned int flags),
    (to, len, flags))
WRAP(int, access, -1, (const char *path, int mode), (path, mode))
WRAP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, open64, -1, (const char *path, int flags, mode_t mode),
    (path, flags, mode))
WRAP(int, openat64, -1, (int at, const char *path, int flags, mode_t mode),
    (at, path, flags, mode))
WRAP(int, fstat64, -1, (int fd, struct stat64 *ret_status), (fd, ret_status))
WRAP(int, flock, -1, (int fd, int operation), (fd, operation))
WRAP(ssize_t, read, -1, (int fd, void *to, size_t size), (fd, to, size))
WRAP(
    ssize_t, write, -1, (int fd, const void *from, size_t len), (fd, from, len))
WRAP(int, renameat, -1,
    (int old_at, const char *old_path, int new_at, const char *new_path),
    (old_at, old_path, new_at, new_path))
WRAP(DIR *, fdopendir, NULL, (int fd), (fd))

/* libcurl */
WRAP(CURL *, curl_easy_init, NULL, (void), ())
WRAP(CURLM *, curl_multi_init, NULL, (void), ())
WRAP(CURLMcode, curl_multi_add_handle, CURLM_OUT_OF_MEMORY,
    (CURLM * multi, CURL *easy), (multi, easy))
WRAP(CURLMcode, curl_multi_perform, CURLM_OUT_OF_MEMORY,
    (CURLM * multi, int *running), (multi, running))
WRAP(CURLMcode, curl_multi_poll, CURLM_INTERNAL_ERROR,
    (CURLM * multi, struct curl_waitfd *more, unsigned int count, int wait_ms,
	int *ret_count),
    (multi, more, count, wait_ms, ret_count))
WRAP(CURLcode, curl_easy_pause, CURLE_OUT_OF_MEMORY, (CURL * easy, int mask),
    (easy, mask))
WRAP(CURLcode, curl_easy_perform, CURLE_OUT_OF_MEMORY, (CURL * easy), (easy))
WRAP_OPTION(CURLcode, curl_easy_setopt, CURLE_OUT_OF_MEMORY, CURL *, CURLoption)
WRAP_OPTION(CURLcode, curl_easy_getinfo, CURLE_OUT_OF_MEMORY, CURL *, CURLINFO)
WRAP(CURLSH *, curl_share_init, NULL, (void), ())
WRAP_OPTION(
    CURLSHcode, curl_share_setopt, CURLSHE_NOMEM, CURLSH *, CURLSHoption)
WRAP(struct curl_slist *, curl_slist_append, NULL,
    (struct curl_slist * list, const char *text), (list, text))
WRAP(CURLU *, curl_url, NULL, (void), ())
WRAP(CURLUcode, curl_url_set, CURLUE_OUT_OF_MEMORY,
    (CURLU * url, CURLUPart part, const char *text, unsigned int flags),
    (url, part, text, flags))
WRAP(CURLUcode, curl_url_get, CURLUE_OUT_OF_MEMORY,
    (const CURLU *url, CURLUPart part, char **ret_text, unsigned int flags),
    (url, part, ret_text, flags))
WRAP(curl_mime *, curl_mime_init, NULL, (CURL * easy), (easy))
WRAP(curl_mimepart *, curl_mime_addpart, NULL, (curl_mime * mime), (mime))
WRAP(CURLcode, curl_mime_name, CURLE_OUT_OF_MEMORY,
    (curl_mimepart * part, const char *name), (part, name))
WRAP(CURLcode, curl_mime_filename, CURLE_OUT_OF_MEMORY,
    (curl_mimepart * part, const char *name), (part, name))
WRAP(CURLcode, curl_mime_type, CURLE_OUT_OF_MEMORY,
    (curl_mimepart * part, const char *type), (part, type))
WRAP(CURLcode, curl_mime_data_cb, CURLE_OUT_OF_MEMORY,
    (curl_mimepart * part, curl_off_t len, curl_read_callback read_part,
	curl_seek_callback seek, curl_free_callback end, void *context),
    (part, len, read_part, seek, end, context))

/* cJSON */
WRAP(cJSON *, cJSON_CreateObject, NULL, (void), ())
WRAP(cJSON *, cJSON_AddObjectToObject, NULL, (cJSON * object, const char *name),
    (object, name))
WRAP(cJSON *, cJSON_AddArrayToObject, NULL, (cJSON * object, const char *name),
    (object, name))
WRAP(cJSON *, cJSON_AddNullToObject, NULL, (cJSON * object, const char *name),
    (object, name))
WRAP(cJSON *, cJSON_AddBoolToObject, NULL,
    (cJSON * object, const char *name, cJSON_bool value), (object, name, value))
WRAP(cJSON *, cJSON_AddNumberToObject, NULL,
    (cJSON * object, const char *name, double value), (object, name, value))
WRAP(cJSON *, cJSON_AddRawToObject, NULL,
    (cJSON * object, const char *name, const char *value),
    (object, name, value))
WRAP(cJSON *, cJSON_AddStringToObject, NULL,
    (cJSON * object, const char *name, const char *value),
    (object, name, value))
WRAP(cJSON_bool, cJSON_AddItemToArray, 0, (cJSON * array, cJSON *item),
    (array, item))
WRAP(char *, cJSON_PrintUnformatted, NULL, (const cJSON *item), (item))

/* OpenSSL: memory, digests, keys */
WRAP(void *, CRYPTO_zalloc, NULL, (size_t size, const char *file, int line),
    (size, file, line))
WRAP(void *, CRYPTO_memdup, NULL,
    (const void *data, size_t size, const char *file, int line),
    (data, size, file, line))
WRAP(BIO *, BIO_new, NULL, (const BIO_METHOD *method), (method))
WRAP(BIO *, BIO_new_mem_buf, NULL, (const void *data, int len), (data, len))
WRAP(int, BIO_new_bio_pair, 0,
    (BIO * *ret_a, size_t a_size, BIO **ret_b, size_t b_size),
    (ret_a, a_size, ret_b, b_size))
WRAP(int, RAND_bytes, 0, (unsigned char *to, int len), (to, len))
WRAP(int, EVP_Digest, 0,
    (const void *data, size_t len, unsigned char *ret_digest,
	unsigned int *ret_len, const EVP_MD *type, ENGINE *engine),
    (data, len, ret_digest, ret_len, type, engine))
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, NULL, (void), ())
WRAP(int, EVP_DigestInit_ex, 0,
    (EVP_MD_CTX * digest, const EVP_MD *type, ENGINE *engine),
    (digest, type, engine))
WRAP(int, EVP_DigestUpdate, 0,
    (EVP_MD_CTX * digest, const void *data, size_t len), (digest, data, len))
WRAP(int, EVP_DigestFinal_ex, 0,
    (EVP_MD_CTX * digest, unsigned char *ret_digest, unsigned int *ret_len),
    (digest, ret_digest, ret_len))
WRAP(int, EVP_DigestVerifyInit, 0,
    (EVP_MD_CTX * digest, EVP_PKEY_CTX **ret_key, const EVP_MD *type,
	ENGINE *engine, EVP_PKEY *key),
    (digest, ret_key, type, engine, key))
WRAP(int, EVP_DigestVerifyFinal, -1,
    (EVP_MD_CTX * digest, const unsigned char *signature, size_t len),
    (digest, signature, len))
WRAP(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, NULL,
    (OSSL_LIB_CTX * library, const char *name, const char *properties),
    (library, name, properties))
WRAP(int, EVP_PKEY_fromdata_init, 0, (EVP_PKEY_CTX * context), (context))
WRAP(int, EVP_PKEY_fromdata, 0,
    (EVP_PKEY_CTX * context, EVP_PKEY **ret_key, int selection,
	OSSL_PARAM *parameters),
    (context, ret_key, selection, parameters))
WRAP(ECDSA_SIG *, ECDSA_SIG_new, NULL, (void), ())
WRAP(int, i2d_ECDSA_SIG, -1, (const ECDSA_SIG *signature, unsigned char **to),
    (signature, to))

/* OpenSSL: certificates */
WRAP(X509 *, X509_new, NULL, (void), ())
WRAP(X509 *, d2i_X509, NULL,
    (X509 * *ret_certificate, const unsigned char **from, long len),
    (ret_certificate, from, len))
WRAP(int, i2d_X509, -1, (const X509 *certificate, unsigned char **to),
    (certificate, to))
WRAP(int, i2d_X509_PUBKEY, -1, (const X509_PUBKEY *key, unsigned char **to),
    (key, to))
WRAP(int, X509_digest, 0,
    (const X509 *certificate, const EVP_MD *type, unsigned char *ret_digest,
	unsigned int *ret_len),
    (certificate, type, ret_digest, ret_len))
WRAP(int, X509_sign, 0, (X509 * certificate, EVP_PKEY *key, const EVP_MD *type),
    (certificate, key, type))
WRAP(int, X509_set_pubkey, 0, (X509 * certificate, EVP_PKEY *key),
    (certificate, key))
WRAP(X509_EXTENSION *, X509V3_EXT_conf_nid, NULL,
    (LHASH_OF(CONF_VALUE) * settings, X509V3_CTX *context, int nid,
	const char *value),
    (settings, context, nid, value))
WRAP(X509 *, PEM_read_bio_X509, NULL,
    (BIO * from, X509 **ret_certificate, pem_password_cb *ask, void *context),
    (from, ret_certificate, ask, context))
WRAP(X509_STORE *, X509_STORE_new, NULL, (void), ())
WRAP(int, X509_STORE_add_cert, 0, (X509_STORE * store, X509 *certificate),
    (store, certificate))
WRAP(int, X509_STORE_load_file, 0, (X509_STORE * store, const char *path),
    (store, path))
WRAP(int, X509_STORE_load_path, 0, (X509_STORE * store, const char *path),
    (store, path))
WRAP(X509_STORE_CTX *, X509_STORE_CTX_new, NULL, (void), ())
WRAP(int, X509_STORE_CTX_init, 0,
    (X509_STORE_CTX * context, X509_STORE *store, X509 *certificate,
	STACK_OF(X509) * others),
    (context, store, certificate, others))
WRAP(int, X509_STORE_CTX_set_default, 0,
    (X509_STORE_CTX * context, const char *purpose), (context, purpose))
WRAP(int, X509_VERIFY_PARAM_set1_host, 0,
    (X509_VERIFY_PARAM * parameters, const char *host, size_t len),
    (parameters, host, len))
WRAP(int, X509_VERIFY_PARAM_set1_ip_asc, 0,
    (X509_VERIFY_PARAM * parameters, const char *address),
    (parameters, address))
WRAP(int, X509_verify_cert, -1, (X509_STORE_CTX * context), (context))

/* OpenSSL: TLS */
WRAP(SSL_CTX *, SSL_CTX_new, NULL, (const SSL_METHOD *method), (method))
WRAP(int, SSL_CTX_set_ex_data, 0, (SSL_CTX * ctx, int index, void *data),
    (ctx, index, data))
WRAP(SSL *, SSL_new, NULL, (SSL_CTX * ctx), (ctx))
WRAP(int, SSL_set_ex_data, 0, (SSL * ssl, int index, void *data),
    (ssl, index, data))
