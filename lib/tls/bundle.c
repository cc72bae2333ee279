#include "tls/bundle.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct anchor {
	X509_NAME *subject;
	unsigned char *der; /* of OpenSSL's memory */
	long len;
	bool with_trust; /* OpenSSL's own form: uses stand behind it */
	X509 *parsed;    /* NULL: not yet, or it can't be */
};

struct bundle {
	X509_LOOKUP_METHOD *method;
	pthread_mutex_t mutex; /* of what is parsed */
	struct anchor *anchors;
	size_t count;
};

/* The element that DER begins with; rest moves behind it. */
static bool
next(struct bytes *rest, struct bytes *ret_whole, struct bytes *ret_contents)
{
	const unsigned char *at = rest->data;
	long len = 0;
	int tag = 0;
	int class = 0;
	int form = ASN1_get_object(&at, &len, &tag, &class, (long)rest->len);

	/* Broken, or of no definite length. */
	if (form & 0x81)
		return false;
	*ret_contents = (struct bytes){at, (size_t)len};
	*ret_whole =
	    (struct bytes){rest->data, (size_t)(at - rest->data) + (size_t)len};
	rest->data += ret_whole->len;
	rest->len -= ret_whole->len;
	return true;
}

/* RFC 5280, 4.1: version, serialNumber, signature, issuer, validity, subject. */
static X509_NAME *
read_subject(struct bytes certificate)
{
	const unsigned char version =
	    V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED;
	const unsigned char *at;
	struct bytes whole;
	struct bytes outer;
	struct bytes fields;
	struct bytes ignored;
	int left = 5;

	if (!next(&certificate, &whole, &outer) ||
	    !next(&outer, &whole, &fields) || !fields.len)
		return NULL;
	/* Left out for version 1. */
	left += fields.data[0] != version ? -1 : 0;
	for (; left > 0; left--)
		if (!next(&fields, &whole, &ignored))
			return NULL;
	if (!next(&fields, &whole, &ignored))
		return NULL;
	at = whole.data;
	return d2i_X509_NAME(NULL, &at, (long)whole.len);
}

static void
bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	for (size_t i = 0; i < bundle->count; i++) {
		X509_NAME_free(bundle->anchors[i].subject);
		OPENSSL_free(bundle->anchors[i].der);
		X509_free(bundle->anchors[i].parsed);
	}
	free(bundle->anchors);
	X509_LOOKUP_meth_free(bundle->method);
	(void)pthread_mutex_destroy(&bundle->mutex);
	free(bundle);
}

/* Takes data, unless it says false. */
static bool
add(struct bundle *bundle, unsigned char *data, long len, bool with_trust)
{
	const struct bytes certificate = {data, (size_t)len};
	struct anchor *grown =
	    reallocarray(bundle->anchors, bundle->count + 1, sizeof(*grown));
	X509_NAME *subject;

	if (!grown)
		return false;
	bundle->anchors = grown;
	subject = read_subject(certificate);
	if (!subject)
		return false;
	grown[bundle->count++] = (struct anchor){
	    .subject = subject,
	    .der = data,
	    .len = len,
	    .with_trust = with_trust,
	};
	return true;
}

/* Whatever else a file holds is passed over. */
static bool
take(struct bundle *bundle, const char *name, unsigned char *data, long len)
{
	bool with_trust = !strcmp(name, PEM_STRING_X509_TRUSTED);

	if (with_trust || !strcmp(name, PEM_STRING_X509) ||
	    !strcmp(name, PEM_STRING_X509_OLD))
		return add(bundle, data, len, with_trust);
	OPENSSL_free(data);
	return true;
}

static bool
read_all(struct bundle *bundle, BIO *file)
{
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	bool taken = true;

	while (taken && PEM_read_bio(file, &name, &header, &data, &len)) {
		taken = take(bundle, name, data, len);
		if (!taken)
			OPENSSL_free(data);
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	return taken &&
	       ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE &&
	       bundle->count > 0;
}

/* Once; into the store, whose chains it may end. */
static bool
parse(struct anchor *anchor, X509_STORE *store)
{
	const unsigned char *at = anchor->der;
	X509 *parsed;

	if (anchor->parsed)
		return true;
	parsed = anchor->with_trust ? d2i_X509_AUX(NULL, &at, anchor->len)
				    : d2i_X509(NULL, &at, anchor->len);
	if (!parsed || X509_STORE_add_cert(store, parsed) != 1) {
		X509_free(parsed);
		return false;
	}
	anchor->parsed = parsed;
	return true;
}

static bool
parse_all(struct bundle *bundle, X509_STORE *store)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (!parse(&bundle->anchors[i], store))
			return false;
	return true;
}

/* Every anchor of that name: OpenSSL does not ask for it again.  One of them. */
static X509 *
find(struct bundle *bundle, X509_STORE *store, const X509_NAME *name)
{
	X509 *found = NULL;

	(void)pthread_mutex_lock(&bundle->mutex);
	for (size_t i = 0; i < bundle->count; i++) {
		struct anchor *anchor = &bundle->anchors[i];

		if (!X509_NAME_cmp(anchor->subject, name) &&
		    parse(anchor, store))
			found = anchor->parsed;
	}
	(void)pthread_mutex_unlock(&bundle->mutex);
	return found;
}

/* X509_LOOKUP_get_by_subject_fn. */
static int
get_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
    const X509_NAME *name, X509_OBJECT *ret)
{
	struct bundle *bundle = X509_LOOKUP_get_method_data(lookup);
	X509 *found = NULL;

	if (bundle && type == X509_LU_X509)
		found = find(bundle, X509_LOOKUP_get_store(lookup), name);
	if (!found || X509_OBJECT_set1_X509(ret, found) != 1)
		return 0;
	/* OpenSSL takes a reference of its own, and gives this one to nobody
	 * (X509_LOOKUP_meth_new(3)). */
	X509_free(found);
	return 1;
}

/* X509_LOOKUP's free: its method is used no more. */
static void
forget(X509_LOOKUP *lookup)
{
	bundle_free(X509_LOOKUP_get_method_data(lookup));
}

static struct bundle *
bundle_new(void)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));

	if (!bundle)
		return NULL;
	(void)pthread_mutex_init(&bundle->mutex, NULL);
	bundle->method = X509_LOOKUP_meth_new("anchors of a file");
	if (bundle->method &&
	    X509_LOOKUP_meth_set_get_by_subject(
		bundle->method, get_by_subject) == 1 &&
	    X509_LOOKUP_meth_set_free(bundle->method, forget) == 1)
		return bundle;
	bundle_free(bundle);
	return NULL;
}

/* From here on the store's. */
static bool
hand_over(struct bundle *bundle, X509_STORE *store)
{
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, bundle->method);

	if (!lookup) {
		bundle_free(bundle);
		return false;
	}
	(void)X509_LOOKUP_set_method_data(lookup, bundle);
	return true;
}

bool
bundle_add(X509_STORE *store, const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	struct bundle *bundle = file ? bundle_new() : NULL;
	bool done = bundle && read_all(bundle, file);

	BIO_free(file);
	if (done && bundle->count > BUNDLE_AT_ONCE_MAX)
		return hand_over(bundle, store);
	done = done && parse_all(bundle, store);
	bundle_free(bundle);
	return done;
}
