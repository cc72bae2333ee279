#include <string.h>

#include "base/limits.h"
#include "evidence/eif.h"

/* RFC 8949 3.1: the major types that this section is made of. */
enum major {
	MAJOR_UNSIGNED = 0,
	MAJOR_BYTES = 2,
	MAJOR_TEXT = 3,
	MAJOR_ARRAY = 4,
	MAJOR_MAP = 5
};

struct head {
	enum major major;
	uint64_t value;
};

/* Definite lengths alone, which is what serde_cbor writes. */
static bool
take_head(struct bytes *rest, struct head *ret_head)
{
	uint64_t value;
	size_t more;

	if (!rest->len)
		return false;
	value = rest->data[0] & 0x1f;
	if (value > 27)
		return false;
	more = value < 24 ? 0 : (size_t)1 << (value - 24);
	if (rest->len - 1 < more)
		return false;
	if (more)
		value = 0;
	for (size_t i = 0; i < more; i++)
		value = value << 8 | rest->data[1 + i];
	ret_head->major = (enum major)(rest->data[0] >> 5);
	ret_head->value = value;
	rest->data += 1 + more;
	rest->len -= 1 + more;
	return true;
}

/* A string of head's length, off the rest. */
static bool
take_string(struct bytes *rest, const struct head *head, struct bytes *ret_text)
{
	if (head->value > rest->len)
		return false;
	*ret_text = (struct bytes){rest->data, (size_t)head->value};
	rest->data += head->value;
	rest->len -= (size_t)head->value;
	return true;
}

/* Bytes, as a byte string or as an array of integers below 256. */
static bool
take_bytes(struct bytes *rest, struct buffer *to)
{
	struct head head;
	struct head item;
	struct bytes text;

	if (!take_head(rest, &head))
		return false;
	if (head.major == MAJOR_BYTES)
		return take_string(rest, &head, &text) &&
		       buffer_append(to, text) == ENCLAVE_CLIENT_OK;
	/* Each item takes a byte at least. */
	if (head.major != MAJOR_ARRAY || head.value > rest->len)
		return false;
	for (uint64_t i = 0; i < head.value; i++) {
		uint8_t byte;

		if (!take_head(rest, &item) || item.major != MAJOR_UNSIGNED ||
		    item.value > UINT8_MAX)
			return false;
		byte = (uint8_t)item.value;
		if (buffer_append(to, (struct bytes){&byte, 1}))
			return false;
	}
	return true;
}

bool
eif_signature_certificate(struct bytes section, struct buffer *ret_pem)
{
	struct bytes rest = section;
	struct buffer ignored;
	struct head head;
	struct bytes name;
	bool found = false;
	bool done = false;

	buffer_init(&ignored, EIF_SIGNATURE_MAX_BYTES);
	if (!take_head(&rest, &head) || head.major != MAJOR_ARRAY ||
	    head.value < 1 || !take_head(&rest, &head) ||
	    head.major != MAJOR_MAP || head.value != 2)
		goto out;
	for (int i = 0; i < 2; i++) {
		bool certificate;

		if (!take_head(&rest, &head) || head.major != MAJOR_TEXT ||
		    !take_string(&rest, &head, &name))
			goto out;
		certificate = bytes_equal_string(name, "signing_certificate");
		if (certificate && found)
			goto out;
		if (!certificate && !bytes_equal_string(name, "signature"))
			goto out;
		if (!take_bytes(&rest, certificate ? ret_pem : &ignored))
			goto out;
		found = found || certificate;
	}
	done = found;

out:
	buffer_clear(&ignored);
	return done;
}
