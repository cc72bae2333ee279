/*
 * JSON with the strictness that a trust policy wants.  The text is checked
 * against the whole grammar of RFC 8259 before cJSON builds its tree from it:
 * cJSON alone takes "01", raw control characters, "\u0000" (which then ends a
 * C string early), duplicate members and a thousand levels.
 */
#ifndef POLICY_JSON_H
#define POLICY_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* Levels that a caller may ask for at most. */
#define JSON_DEPTH_CEILING 64

/* What is allowed, and how a refusal is called. */
struct json_rules {
	const char *what; /* "the configuration" */
	size_t bytes_max;
	unsigned int depth_max;
	enum enclave_client_status status;
	enum enclave_client_step step;
};

/*
 * One value and nothing after it but white space.  Names are unique in every
 * object and compared with their case.  The message has line and column of
 * the fault, or the place of the member.  New: cJSON_Delete().
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status json_parse(
    struct bytes text, const struct json_rules *rules, cJSON **ret_json,
    struct enclave_client_error *error);

/* What is wrong with the text and where; fault is NULL when nothing is. */
struct json_fault {
	const char *fault;
	size_t offset;
};

struct json_fault json_scan(struct bytes text, unsigned int depth_max);

/*
 * Where a value stands, as a chain through the caller's stack frames: costs
 * nothing until something is refused.
 */
enum json_place_kind {
	JSON_PLACE_ROOT,   /* name is printed as it is; may be "" */
	JSON_PLACE_MEMBER, /* name comes from a file, and is escaped */
	JSON_PLACE_ELEMENT /* index */
};

struct json_place {
	const struct json_place *parent;
	enum json_place_kind kind;
	const char *name;
	size_t index;
};

struct json_place json_place_root(const char *name);
struct json_place json_place_member(
    const struct json_place *parent, const char *name);
struct json_place json_place_element(
    const struct json_place *parent, size_t index);

/* Room for a place as text; longer ones are cut. */
#define JSON_PLACE_MAX_BYTES 384

/* enclaves.payments.pcrs[1].PCR0, enclaves["a.example:444"].url */
void json_place_text(
    const struct json_place *place, char ret_text[JSON_PLACE_MAX_BYTES]);

/* CONFIG, with "place: " before the message. */
enum enclave_client_status json_refuse(struct enclave_client_error *error,
    const struct json_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses member with the nearest of the known names, or all of them. */
enum enclave_client_status json_refuse_unknown(
    struct enclave_client_error *error, const struct json_place *place,
    const char *member, const char *const *known, size_t known_count);

/* The member of exactly that name, or NULL. */
const cJSON *json_member(const cJSON *object, const char *name);
/* "a string", "an object", ... of a value, for messages. */
const char *json_kind(const cJSON *json);
/* A whole number within [min, max], or false. */
bool json_integer(
    const cJSON *json, int64_t min, int64_t max, int64_t *ret_value);

#endif
