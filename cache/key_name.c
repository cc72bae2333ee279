#include "cache/key_name.h"

struct key_name
key_name(const struct binding_key *key)
{
	struct key_name name;

	hex_encode((struct bytes){key->sha256, KEY_NAME_BYTES}, name.hex);
	return name;
}
