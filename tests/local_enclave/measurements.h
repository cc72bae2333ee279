/* Platform configuration registers of the pretended enclave. */
#ifndef LOCAL_ENCLAVE_MEASUREMENTS_H
#define LOCAL_ENCLAVE_MEASUREMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PCR_COUNT = 32,
	PCR_BYTES = 48,
	/* A document shows 0..15 always, zero when unset, and more on demand. */
	PCR_ALWAYS_SHOWN = 16,
	/* What the NitroTPM has instead. */
	PCR_TPM_COUNT = 24,
};

struct measurements {
	uint8_t value[PCR_COUNT][PCR_BYTES];
	/* One more than the highest index that is shown. */
	size_t shown;
};

/*
 * PCR0, 1 and 2 are a0.., a1.. and a2..; PCR4 measures the instance id as the
 * hypervisor does, SHA-384(48 zero bytes || id). All others are zero.
 */
void measurements_default(struct measurements *pcrs, const char *instance_id);

/* What --debug-mode does to them: 0, 1 and 2 zero, 4 untouched. */
void measurements_debug(struct measurements *pcrs);

/* False when the index or the 96 digits are wrong. */
bool measurements_set(struct measurements *pcrs, size_t index, const char *hex);

/* "4=<96 hex digits>", as on a command line. */
bool measurements_set_text(struct measurements *pcrs, const char *assignment);

#endif
