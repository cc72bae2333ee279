#include "client/learning_limits.h"

static void
refill(struct learning_limits *limits, int64_t now_boot_ms)
{
	int64_t earned =
	    (now_boot_ms - limits->refilled_boot_ms) / LEARNING_TOKEN_MS;

	if (limits->spent == 0 || earned >= limits->spent) {
		limits->spent = 0;
		limits->refilled_boot_ms = now_boot_ms;
		return;
	}
	limits->spent -= (unsigned int)earned;
	limits->refilled_boot_ms += earned * LEARNING_TOKEN_MS;
}

enum enclave_client_status
learning_limits_check(struct learning_limits *limits, int64_t now_boot_ms,
    struct enclave_client_error *error)
{
	int64_t wait_ms;

	refill(limits, now_boot_ms);
	if (limits->spent < LEARNING_TOKENS_MAX)
		return ENCLAVE_CLIENT_OK;
	wait_ms = limits->refilled_boot_ms + LEARNING_TOKEN_MS - now_boot_ms;
	return error_set(error, ENCLAVE_CLIENT_ERR_LEARNING_LIMITED,
	    ENCLAVE_CLIENT_STEP_FETCH,
	    "%d attempts to learn its evidence failed; the next one is allowed "
	    "in %lld ms",
	    LEARNING_TOKENS_MAX, (long long)wait_ms);
}

enum enclave_client_status
learning_limits_check_key(const struct learning_limits *limits,
    const struct binding_key *key, int64_t now_boot_ms,
    struct enclave_client_error *error)
{
	char hex[17];

	for (size_t i = 0; i < LEARNING_REFUSED_KEYS_MAX; i++) {
		int64_t left_ms =
		    limits->refused[i].until_boot_ms - now_boot_ms;
		if (left_ms <= 0 || limits->refused[i].status == 0 ||
		    !binding_key_equal(&limits->refused[i].key, key))
			continue;
		hex_encode((struct bytes){key->sha256, 8}, hex);
		return error_set(error, limits->refused[i].status,
		    limits->refused[i].step,
		    "the connection's key (%s...) was refused a moment ago "
		    "(%s); it is looked at again in %lld ms",
		    hex, enclave_client_status_text(limits->refused[i].status),
		    (long long)left_ms);
	}
	return ENCLAVE_CLIENT_OK;
}

void
learning_limits_failed(struct learning_limits *limits,
    const struct binding_key *key, int64_t now_boot_ms,
    const struct enclave_client_error *error)
{
	unsigned int place = limits->refused_next;

	refill(limits, now_boot_ms);
	if (limits->spent < LEARNING_TOKENS_MAX)
		limits->spent++;
	if (!key)
		return;
	limits->refused[place].key = *key;
	limits->refused[place].until_boot_ms =
	    now_boot_ms + LEARNING_REFUSED_KEY_MS;
	limits->refused[place].status = error->status;
	limits->refused[place].step = error->step;
	limits->refused_next = (place + 1) % LEARNING_REFUSED_KEYS_MAX;
}
