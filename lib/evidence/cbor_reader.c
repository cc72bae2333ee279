#include "evidence/cbor_reader.h"

#include <cbor.h>

static void
set_value(void *context, enum item_type type, uint64_t value)
{
	struct item *item = context;

	item->type = type;
	item->value = value;
}

static void
on_uint8(void *context, uint8_t value)
{
	set_value(context, ITEM_UINT, value);
}

static void
on_uint16(void *context, uint16_t value)
{
	set_value(context, ITEM_UINT, value);
}

static void
on_uint32(void *context, uint32_t value)
{
	set_value(context, ITEM_UINT, value);
}

static void
on_uint64(void *context, uint64_t value)
{
	set_value(context, ITEM_UINT, value);
}

static void
on_negative8(void *context, uint8_t value)
{
	set_value(context, ITEM_NEGATIVE, value);
}

static void
on_negative16(void *context, uint16_t value)
{
	set_value(context, ITEM_NEGATIVE, value);
}

static void
on_negative32(void *context, uint32_t value)
{
	set_value(context, ITEM_NEGATIVE, value);
}

static void
on_negative64(void *context, uint64_t value)
{
	set_value(context, ITEM_NEGATIVE, value);
}

static void
on_bytes(void *context, cbor_data data, size_t len)
{
	struct item *item = context;

	set_value(item, ITEM_BYTES, len);
	item->string = (struct bytes){data, len};
}

static void
on_text(void *context, cbor_data data, size_t len)
{
	struct item *item = context;

	set_value(item, ITEM_TEXT, len);
	item->string = (struct bytes){data, len};
}

static void
on_indefinite(void *context, enum item_type type)
{
	struct item *item = context;

	set_value(item, type, 0);
	item->indefinite = true;
}

static void
on_bytes_start(void *context)
{
	on_indefinite(context, ITEM_BYTES);
}

static void
on_text_start(void *context)
{
	on_indefinite(context, ITEM_TEXT);
}

static void
on_array(void *context, size_t count)
{
	set_value(context, ITEM_ARRAY, count);
}

static void
on_array_start(void *context)
{
	on_indefinite(context, ITEM_ARRAY);
}

static void
on_map(void *context, size_t count)
{
	set_value(context, ITEM_MAP, count);
}

static void
on_map_start(void *context)
{
	on_indefinite(context, ITEM_MAP);
}

static void
on_tag(void *context, uint64_t number)
{
	set_value(context, ITEM_TAG, number);
}

static void
on_float(void *context, float number)
{
	(void)number;
	set_value(context, ITEM_OTHER, 0);
}

static void
on_double(void *context, double number)
{
	(void)number;
	set_value(context, ITEM_OTHER, 0);
}

static void
on_boolean(void *context, bool truth)
{
	(void)truth;
	set_value(context, ITEM_OTHER, 0);
}

static void
on_undefined(void *context)
{
	set_value(context, ITEM_OTHER, 0);
}

static void
on_null(void *context)
{
	set_value(context, ITEM_NULL, 0);
}

static void
on_break(void *context)
{
	set_value(context, ITEM_BREAK, 0);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negative8,
    .negint16 = on_negative16,
    .negint32 = on_negative32,
    .negint64 = on_negative64,
    .byte_string = on_bytes,
    .byte_string_start = on_bytes_start,
    .string = on_text,
    .string_start = on_text_start,
    .array_start = on_array,
    .indef_array_start = on_array_start,
    .map_start = on_map,
    .indef_map_start = on_map_start,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

/* RFC 8949 4.2.1, for every major type but 7, whose arguments are no counts. */
static bool
is_shortest(uint8_t initial, uint64_t value)
{
	if (initial >> 5 == 7)
		return true;
	switch (initial & 31) {
	case 24:
		return value > 23;
	case 25:
		return value > UINT8_MAX;
	case 26:
		return value > UINT16_MAX;
	case 27:
		return value > UINT32_MAX;
	default:
		return true;
	}
}

/*
 * Each element takes at least one byte and each pair two, so a greater count
 * is a lie, whoever would believe it first.
 */
static bool
count_fits(const struct item *item, size_t left_bytes)
{
	if (item->indefinite)
		return true;
	if (item->type == ITEM_ARRAY)
		return item->value <= left_bytes;
	if (item->type == ITEM_MAP)
		return item->value <= left_bytes / 2;
	return true;
}

enum reader_fault
reader_next(struct reader *reader, struct item *ret_item)
{
	struct item item = {.type = ITEM_OTHER};
	size_t left = reader->input.len - reader->offset;
	const uint8_t *next;
	struct cbor_decoder_result result;

	if (!left)
		return READER_ENDED;
	next = reader->input.data + reader->offset;
	result = cbor_stream_decode(next, left, &callbacks, &item);
	if (result.status == CBOR_DECODER_NEDATA)
		return READER_ENDED;
	if (result.status != CBOR_DECODER_FINISHED || result.read > left)
		return READER_MALFORMED;
	if (!is_shortest(*next, item.value))
		return READER_NOT_SHORTEST;
	if (item.indefinite &&
	    (item.type == ITEM_BYTES || item.type == ITEM_TEXT))
		return READER_CHUNKED;
	if (!count_fits(&item, left - result.read))
		return READER_COUNT;
	reader->offset += result.read;
	*ret_item = item;
	return READER_OK;
}

bool
reader_at_end(const struct reader *reader)
{
	return reader->offset == reader->input.len;
}

const char *
reader_fault_text(enum reader_fault fault)
{
	switch (fault) {
	case READER_OK:
		return "is well formed";
	case READER_ENDED:
		return "ends early";
	case READER_MALFORMED:
		return "is not well-formed CBOR";
	case READER_NOT_SHORTEST:
		return "has a number or length that is not in its shortest "
		       "form";
	case READER_CHUNKED:
		return "has a string in chunks";
	case READER_COUNT:
		return "claims more elements than its bytes can hold";
	}
	return "is not well-formed CBOR";
}

const char *
item_type_text(enum item_type type)
{
	static const char *const texts[] = {
	    [ITEM_UINT] = "an unsigned integer",
	    [ITEM_NEGATIVE] = "a negative integer",
	    [ITEM_BYTES] = "a byte string",
	    [ITEM_TEXT] = "a text string",
	    [ITEM_ARRAY] = "an array",
	    [ITEM_MAP] = "a map",
	    [ITEM_TAG] = "a tag",
	    [ITEM_NULL] = "null",
	    [ITEM_BREAK] = "a break",
	    [ITEM_OTHER] = "a simple value or float",
	};

	return texts[type];
}
