#include "evidence/document.h"

#include <string.h>

#include "evidence/cbor_reader.h"

struct parse {
	struct reader reader;
	struct document *document;
	struct enclave_client_error *error;
	unsigned int seen; /* bit n: rules[n] was met */
};

struct rule {
	const char *name;
	bool mandatory;
	enum enclave_client_status (*read)(
	    struct parse *parse, const struct rule *rule);
	enum claims_field field; /* of the optional ones */
};

#define FIELD_ERROR(parse, ...)                                                \
	error_set((parse)->error, ENCLAVE_CLIENT_ERR_FIELD,                    \
	    ENCLAVE_CLIENT_STEP_STRUCTURE, __VA_ARGS__)
#define CBOR_ERROR(parse, ...)                                                 \
	error_set((parse)->error, ENCLAVE_CLIENT_ERR_CBOR,                     \
	    ENCLAVE_CLIENT_STEP_STRUCTURE, __VA_ARGS__)

static enum enclave_client_status
next(struct parse *parse, const char *name, struct item *ret_item)
{
	enum reader_fault fault = reader_next(&parse->reader, ret_item);

	if (fault != READER_OK)
		return CBOR_ERROR(parse, "payload %s at byte %zu, in %s",
		    reader_fault_text(fault), parse->reader.offset, name);
	return ENCLAVE_CLIENT_OK;
}

/* Exact type, so that nothing is ever converted (RFC 8949 3.1). */
static enum enclave_client_status
next_typed(struct parse *parse, const char *name, enum item_type type,
    struct item *ret_item)
{
	struct item item = {0};
	enum enclave_client_status status = next(parse, name, &item);

	if (status)
		return status;
	if (item.type != type)
		return FIELD_ERROR(parse, "%s is %s, not %s", name,
		    item_type_text(item.type), item_type_text(type));
	*ret_item = item;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
next_sized(struct parse *parse, const char *name, enum item_type type,
    size_t max_bytes, struct bytes *ret_string)
{
	struct item item = {0};
	enum enclave_client_status status =
	    next_typed(parse, name, type, &item);

	if (status)
		return status;
	if (!item.string.len)
		return FIELD_ERROR(parse, "%s is empty", name);
	if (item.string.len > max_bytes)
		return FIELD_ERROR(parse, "%s has %zu bytes, more than %zu",
		    name, item.string.len, max_bytes);
	*ret_string = item.string;
	return ENCLAVE_CLIENT_OK;
}

/*
 * AWS: length != 0.  It names the enclave in messages and reports, so: ASCII
 * that prints, which also keeps out a NUL that would cut it short.
 */
static enum enclave_client_status
read_module_id(struct parse *parse, const struct rule *rule)
{
	struct bytes text = {0};
	enum enclave_client_status status = next_sized(
	    parse, rule->name, ITEM_TEXT, MODULE_ID_MAX_BYTES, &text);

	if (status)
		return status;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] >= 0x7f)
			return FIELD_ERROR(parse,
			    "module_id has byte 0x%02x, which is no printable "
			    "ASCII",
			    text.data[i]);
	parse->document->module_id = text;
	return ENCLAVE_CLIENT_OK;
}

/* AWS: one of {"SHA384"}; with it every PCR has 48 bytes. */
static enum enclave_client_status
read_digest(struct parse *parse, const struct rule *rule)
{
	struct item item = {0};
	enum enclave_client_status status =
	    next_typed(parse, rule->name, ITEM_TEXT, &item);

	if (status)
		return status;
	if (!bytes_equal_string(item.string, "SHA384"))
		return FIELD_ERROR(parse, "digest is not SHA384");
	parse->document->digest = item.string;
	return ENCLAVE_CLIENT_OK;
}

/* AWS: uint, > 0, milliseconds since the epoch. */
static enum enclave_client_status
read_timestamp(struct parse *parse, const struct rule *rule)
{
	struct item item = {0};
	enum enclave_client_status status =
	    next_typed(parse, rule->name, ITEM_UINT, &item);

	if (status)
		return status;
	if (!item.value)
		return FIELD_ERROR(parse, "timestamp is 0");
	if (item.value > TIMESTAMP_MAX_MS)
		return FIELD_ERROR(parse, "timestamp is after the year 9999");
	parse->document->timestamp_ms = (int64_t)item.value;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_pcr(struct parse *parse, const struct item *key)
{
	struct document *document = parse->document;
	struct item item = {0};
	enum enclave_client_status status;
	unsigned int index;

	if (key->type != ITEM_UINT)
		return FIELD_ERROR(parse, "pcrs has %s for an index",
		    item_type_text(key->type));
	/* In range before the cast: 256 must not become 0. */
	if (key->value >= PCRS_MAX)
		return FIELD_ERROR(parse, "pcrs has index %llu, the last is %d",
		    (unsigned long long)key->value, PCRS_MAX - 1);
	index = (unsigned int)key->value;
	if (document->pcr_mask & UINT32_C(1) << index)
		return CBOR_ERROR(parse, "pcrs has index %u twice", index);
	status = next_typed(parse, "a PCR", ITEM_BYTES, &item);
	if (status)
		return status;
	if (item.string.len != PCR_BYTES)
		return FIELD_ERROR(parse,
		    "PCR%u has %zu bytes, a SHA384 digest has %d", index,
		    item.string.len, PCR_BYTES);
	document->pcrs[index] = item.string;
	document->pcr_mask |= UINT32_C(1) << index;
	return ENCLAVE_CLIENT_OK;
}

/*
 * The next key of a map or element of an array, or its end; bounded by the
 * input, of which every turn takes a byte.
 */
static enum enclave_client_status
next_of(struct parse *parse, const char *name, struct item *container,
    struct item *ret_item, bool *ret_end)
{
	enum enclave_client_status status;

	if (!container->indefinite && !container->value) {
		*ret_end = true;
		return ENCLAVE_CLIENT_OK;
	}
	status = next(parse, name, ret_item);
	if (status)
		return status;
	*ret_end = container->indefinite && ret_item->type == ITEM_BREAK;
	if (!container->indefinite)
		container->value--;
	return ENCLAVE_CLIENT_OK;
}

/* AWS: 1 to 32 indices of 0..31; sparse is allowed. */
static enum enclave_client_status
read_pcrs(struct parse *parse, const struct rule *rule)
{
	struct item map = {0};
	struct item key = {0};
	bool end = false;
	enum enclave_client_status status =
	    next_typed(parse, rule->name, ITEM_MAP, &map);

	while (!status) {
		status = next_of(parse, rule->name, &map, &key, &end);
		if (status || end)
			break;
		status = read_pcr(parse, &key);
	}
	if (!status && !parse->document->pcr_mask)
		return FIELD_ERROR(parse, "pcrs is empty");
	return status;
}

static enum enclave_client_status
read_certificate(struct parse *parse, const struct rule *rule)
{
	return next_sized(parse, rule->name, ITEM_BYTES, CERTIFICATE_MAX_BYTES,
	    &parse->document->certificate);
}

static enum enclave_client_status
read_bundled(struct parse *parse, const struct item *item)
{
	struct document *document = parse->document;
	size_t index = document->cabundle_count;

	if (index == BUNDLE_CERTIFICATES_MAX)
		return FIELD_ERROR(parse,
		    "cabundle has more than %d certificates",
		    BUNDLE_CERTIFICATES_MAX);
	if (item->type != ITEM_BYTES)
		return FIELD_ERROR(parse,
		    "cabundle[%zu] is %s, not a byte string", index,
		    item_type_text(item->type));
	if (!item->string.len)
		return FIELD_ERROR(parse, "cabundle[%zu] is empty", index);
	if (item->string.len > CERTIFICATE_MAX_BYTES)
		return FIELD_ERROR(parse,
		    "cabundle[%zu] has %zu bytes, more than %d", index,
		    item->string.len, CERTIFICATE_MAX_BYTES);
	document->cabundle[index] = item->string;
	document->cabundle_count++;
	return ENCLAVE_CLIENT_OK;
}

/* AWS: length > 0; the root first. */
static enum enclave_client_status
read_cabundle(struct parse *parse, const struct rule *rule)
{
	struct item array = {0};
	struct item item = {0};
	bool end = false;
	enum enclave_client_status status =
	    next_typed(parse, rule->name, ITEM_ARRAY, &array);

	while (!status) {
		status = next_of(parse, rule->name, &array, &item, &end);
		if (status || end)
			break;
		status = read_bundled(parse, &item);
	}
	if (!status && !parse->document->cabundle_count)
		return FIELD_ERROR(parse, "cabundle is empty");
	return status;
}

/*
 * An unset optional is null in every real document and may be absent by the
 * text; both mean "not there".  Present and empty is another thing.
 */
static enum enclave_client_status
read_optional(struct parse *parse, const struct rule *rule)
{
	struct document *document = parse->document;
	struct item item = {0};
	enum enclave_client_status status = next(parse, rule->name, &item);

	if (status || item.type == ITEM_NULL)
		return status;
	if (item.type != ITEM_BYTES)
		return FIELD_ERROR(parse, "%s is %s, not a byte string or null",
		    rule->name, item_type_text(item.type));
	if (item.string.len > FIELD_MAX_BYTES)
		return FIELD_ERROR(parse, "%s has %zu bytes, more than %d",
		    rule->name, item.string.len, FIELD_MAX_BYTES);
	document->fields[rule->field] = item.string;
	document->field_present[rule->field] = true;
	return ENCLAVE_CLIENT_OK;
}

/* Everything that a document may have (attestation_process.md 2.2). */
static const struct rule rules[] = {
    {"module_id", true, read_module_id, CLAIMS_FIELDS},
    {"digest", true, read_digest, CLAIMS_FIELDS},
    {"timestamp", true, read_timestamp, CLAIMS_FIELDS},
    {"pcrs", true, read_pcrs, CLAIMS_FIELDS},
    {"certificate", true, read_certificate, CLAIMS_FIELDS},
    {"cabundle", true, read_cabundle, CLAIMS_FIELDS},
    {"public_key", false, read_optional, CLAIMS_PUBLIC_KEY},
    {"user_data", false, read_optional, CLAIMS_USER_DATA},
    {"nonce", false, read_optional, CLAIMS_NONCE},
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

/*
 * A key that is not known is refused, not skipped: a NitroTPM document is
 * signed under the same root and differs by little else.
 */
static enum enclave_client_status
read_field(struct parse *parse, const struct item *key)
{
	if (key->type != ITEM_TEXT)
		return FIELD_ERROR(parse, "payload has %s for a key",
		    item_type_text(key->type));
	if (bytes_equal_string(key->string, "nitrotpm_pcrs"))
		return FIELD_ERROR(parse,
		    "payload has nitrotpm_pcrs: this is the document of a "
		    "NitroTPM, not of an enclave");
	for (size_t i = 0; i < RULES; i++) {
		if (!bytes_equal_string(key->string, rules[i].name))
			continue;
		if (parse->seen & 1u << i)
			return CBOR_ERROR(
			    parse, "payload has %s twice", rules[i].name);
		parse->seen |= 1u << i;
		return rules[i].read(parse, &rules[i]);
	}
	return FIELD_ERROR(parse, "payload has the unknown key \"%.*s\"",
	    (int)(key->string.len < 40 ? key->string.len : 40),
	    (const char *)key->string.data);
}

static enum enclave_client_status
check_mandatory(const struct parse *parse)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].mandatory && !(parse->seen & 1u << i))
			return FIELD_ERROR(
			    parse, "payload has no %s", rules[i].name);
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
read_payload(struct parse *parse)
{
	struct item map = {0};
	struct item key = {0};
	bool end = false;
	enum enclave_client_status status = next(parse, "the map", &map);

	if (status)
		return status;
	if (map.type != ITEM_MAP)
		return CBOR_ERROR(parse, "payload is %s, not a map",
		    item_type_text(map.type));
	while (!status) {
		status = next_of(parse, "a key", &map, &key, &end);
		if (status || end)
			break;
		status = read_field(parse, &key);
	}
	if (status)
		return status;
	if (!reader_at_end(&parse->reader))
		return CBOR_ERROR(parse, "payload has %zu bytes after its map",
		    parse->reader.input.len - parse->reader.offset);
	return check_mandatory(parse);
}

enum enclave_client_status
document_read(struct bytes payload, struct document *ret_document,
    struct enclave_client_error *error)
{
	struct document document = {0};
	struct parse parse = {
	    .reader = {.input = payload},
	    .document = &document,
	    .error = error,
	};
	enum enclave_client_status status = read_payload(&parse);

	if (status)
		return status;
	*ret_document = document;
	return ENCLAVE_CLIENT_OK;
}

void
document_read_unverified(struct bytes payload, struct document *ret_document)
{
	struct parse parse = {
	    .reader = {.input = payload},
	    .document = ret_document,
	};

	*ret_document = (struct document){0};
	(void)read_payload(&parse);
}
