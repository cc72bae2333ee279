/* How things stand, copied out of the cache at one moment. */
#ifndef CLIENT_REPORT_H
#define CLIENT_REPORT_H

#include "cache/cache.h"

/* One enclave; what is shown borrows from what is kept beside it. */
struct report_item {
	struct enclave_client_report_enclave shown;
	struct enclave *enclave; /* owned reference */
	struct cache_inspection inspection;
	struct enclave_client_report_key *keys;
	char *message;
};

struct enclave_client_report {
	int64_t at_ms;
	size_t count;
	struct report_item items[];
};

/* The counters by name, for JSON and Prometheus. */
struct report_counter {
	const char *name;
	const char *help;
	size_t offset; /* in struct enclave_client_counters */
};
extern const struct report_counter report_counters[];
extern const size_t report_counters_count;
uint64_t report_counter_value(const struct report_counter *counter,
    const struct enclave_client_report_enclave *enclave);

#endif
