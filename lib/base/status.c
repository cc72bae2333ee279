/* One table gives every status its name, its text and its category. */
#include <enclave_client.h>

#define STATUS(name, category, text)                                           \
	{                                                                      \
		ENCLAVE_CLIENT_##name, ENCLAVE_CLIENT_CATEGORY_##category,     \
		    "ENCLAVE_CLIENT_" #name, text                              \
	}

static const struct {
	enum enclave_client_status status;
	enum enclave_client_category category;
	const char *name;
	const char *text;
} statuses[] = {
    STATUS(OK, NONE, "success"),
    STATUS(ERR_USAGE, USAGE, "wrong argument or order of calls"),
    STATUS(ERR_CONFIG, USAGE, "configuration refused"),
    STATUS(ERR_UNKNOWN_ENCLAVE, USAGE, "no policy for this enclave"),
    STATUS(ERR_CANCELLED, USAGE, "cancelled"),
    STATUS(ERR_BODY_TOO_LARGE, USAGE, "answer larger than the cap"),
    STATUS(ERR_BODY_CALLBACK, USAGE, "the body callback failed"),
    STATUS(ERR_MEMORY, MEMORY, "out of memory"),
    STATUS(ERR_NETWORK, NETWORK, "network or TLS failure"),
    STATUS(ERR_EVIDENCE_NOT_SERVED, NETWORK, "evidence not served"),
    STATUS(ERR_LEARNING_LIMITED, NETWORK, "too many failed attempts"),
    STATUS(ERR_REDIRECT, NETWORK, "redirect out of the enclave's origin"),
    STATUS(ERR_TIMEOUT, TIMEOUT, "deadline passed"),
    STATUS(ERR_ENCODING, MALFORMED, "evidence is not encoded as expected"),
    STATUS(ERR_DOCUMENT_SIZE, MALFORMED, "document too large"),
    STATUS(ERR_COSE, MALFORMED, "not a COSE_Sign1 envelope of this profile"),
    STATUS(ERR_CBOR, MALFORMED, "payload is not the expected CBOR"),
    STATUS(ERR_FIELD, MALFORMED, "document field missing or out of limits"),
    STATUS(ERR_CERTIFICATE, MALFORMED, "not one DER certificate"),
    STATUS(ERR_ROOT, UNTRUSTED, "not issued under an accepted root"),
    STATUS(ERR_CHAIN, UNTRUSTED, "certificate chain refused"),
    STATUS(ERR_SIGNATURE, UNTRUSTED, "document signature refused"),
    STATUS(ERR_EXPIRED, TIME, "certificate expired"),
    STATUS(ERR_NOT_YET_VALID, TIME, "certificate not yet valid"),
    STATUS(ERR_TOO_OLD, TIME, "document too old"),
    STATUS(ERR_FROM_FUTURE, TIME, "document from the future"),
    STATUS(ERR_MEASUREMENT, MEASUREMENT, "measurement not accepted"),
    STATUS(ERR_DEBUG, MEASUREMENT, "debug enclave"),
    STATUS(ERR_KEY_NOT_ATTESTED, KEY, "connection key not attested"),
    STATUS(ERR_BINDING, KEY, "evidence names no usable key"),
    STATUS(ERR_INTERNAL, INTERNAL, "internal failure"),
    STATUS(ERR_SELF_TEST, INTERNAL, "the gate's self-test failed"),
    STATUS(ERR_UNSUPPORTED, INTERNAL, "unsupported libcurl or OpenSSL"),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *
enclave_client_status_name(enum enclave_client_status status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].name;
	return "unknown";
}

const char *
enclave_client_status_text(enum enclave_client_status status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "unknown";
}

enum enclave_client_category
enclave_client_status_category(enum enclave_client_status status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].category;
	return ENCLAVE_CLIENT_CATEGORY_INTERNAL;
}

const char *
enclave_client_category_name(enum enclave_client_category category)
{
	static const char *const names[] = {"none", "usage", "memory",
	    "network", "timeout", "malformed", "untrusted", "time",
	    "measurement", "key", "internal"};

	return (size_t)category < COUNT(names) ? names[category] : "unknown";
}

const char *
enclave_client_step_name(enum enclave_client_step step)
{
	static const char *const names[] = {"none", "fetch", "decode",
	    "structure", "chain", "signature", "time", "policy", "binding"};

	return (size_t)step < COUNT(names) ? names[step] : "unknown";
}

const char *
enclave_client_version(void)
{
#define STRING(x)       #x
#define DOTTED(a, b, c) STRING(a) "." STRING(b) "." STRING(c)
	return DOTTED(ENCLAVE_CLIENT_VERSION_MAJOR,
	    ENCLAVE_CLIENT_VERSION_MINOR, ENCLAVE_CLIENT_VERSION_PATCH);
}
