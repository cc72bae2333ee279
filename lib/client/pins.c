/* Attested keys for tools that know pins and nothing of evidence. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/lookup.h"

#define PIN_PREFIX "sha256//"
/* Base64 of 32 bytes (RFC 4648 4), and a ";" or the NUL. */
#define PIN_BYTES (sizeof(PIN_PREFIX) - 1 + 44 + 1)

/*
 * A pin is SHA-256 over the DER SubjectPublicKeyInfo (RFC 7469 2.4): what the
 * cache holds wherever the evidence names exactly that.
 */
static bool
is_pin(const struct binding_rule *rule)
{
	return rule->object == BINDING_SPKI &&
	       rule->transform == BINDING_IDENTITY && !rule->prefix;
}

static char *
join(const struct cache_inspection *inspection)
{
	char *pins = malloc(inspection->key_count * PIN_BYTES + 1);
	char *to = pins;

	for (size_t i = 0; pins && i < inspection->key_count; i++) {
		const uint8_t *digest = inspection->keys[i].key.sha256;

		if (i)
			*to++ = ';';
		memcpy(to, PIN_PREFIX, sizeof(PIN_PREFIX) - 1);
		to += sizeof(PIN_PREFIX) - 1;
		to += EVP_EncodeBlock(
		    (unsigned char *)to, digest, BINDING_KEY_BYTES);
	}
	if (pins)
		*to = '\0';
	return pins;
}

static enum enclave_client_status
pins_of(struct enclave_client *client, struct cache_slot *slot, char **ret_pins,
    struct enclave_client_error *error)
{
	struct enclave *enclave = cache_slot_enclave(slot, NULL);
	struct cache_inspection inspection = {0};
	enum enclave_client_status status;
	char *pins;

	/* What a certificate carries is known by that certificate's digest. */
	if (!enclave_fetches(enclave) || !is_pin(&enclave->profile->binding)) {
		status = error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_BINDING,
		    "its evidence does not name the public key itself, and "
		    "nothing else can be pinned");
		goto out;
	}
	if (!cache_inspect(slot, clock_now(client->clock), &inspection)) {
		status = error_memory(error);
		goto out;
	}
	if (!inspection.key_count) {
		status = error_set(error, ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED,
		    ENCLAVE_CLIENT_STEP_NONE, "no key is attested now");
		goto out;
	}
	pins = join(&inspection);
	status = pins ? ENCLAVE_CLIENT_OK : error_memory(error);
	if (pins)
		*ret_pins = pins;

out:
	if (status)
		error_set_enclave(error, enclave->name);
	cache_inspection_clear(&inspection);
	enclave_unref(enclave);
	return status;
}

enum enclave_client_status
enclave_client_pins(struct enclave_client *client, const char *name,
    char **ret_pins, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct cache_slot *slot = NULL;

	if (!client || !name || !ret_pins)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a client, a name and a place for the pins are needed");
	status = strncmp(name, "https://", 8)
		     ? lookup_name(client, name, &slot, error)
		     : lookup_url(client, name, &slot, error);
	if (status)
		return status;
	status = pins_of(client, slot, ret_pins, error);
	cache_slot_unref(slot);
	if (!status)
		error_clear(error);
	return status;
}
