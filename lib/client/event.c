#include <enclave_client.h>

const char *
enclave_client_event_name(enum enclave_client_event_kind kind)
{
	switch (kind) {
	case ENCLAVE_CLIENT_EVENT_ATTESTED:
		return "attested";
	case ENCLAVE_CLIENT_EVENT_REFUSED:
		return "refused";
	case ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED:
		return "measurement_refused";
	case ENCLAVE_CLIENT_EVENT_KEY_ADDED:
		return "key_added";
	case ENCLAVE_CLIENT_EVENT_EXPIRED:
		return "expired";
	case ENCLAVE_CLIENT_EVENT_POLL_FAILED:
		return "poll_failed";
	case ENCLAVE_CLIENT_EVENT_RECOVERED:
		return "recovered";
	case ENCLAVE_CLIENT_EVENT_INSECURE:
		return "insecure";
	case ENCLAVE_CLIENT_EVENT_STORE:
		return "store";
	case ENCLAVE_CLIENT_EVENT_TRUST:
		return "trust";
	default:
		return "unknown";
	}
}
