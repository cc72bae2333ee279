/*
 * Fuzz target: any bytes as evidence in each encoding and each wrapping, and
 * the appraisal around it.  The first byte picks the profile; the rest is the
 * body, or the peer's leaf.  ENCLAVE_CLIENT_FUZZ_ROOT as for fuzz_evidence.c.
 */
#include <stdlib.h>
#include <string.h>

#include "appraisal/appraisal.h"
#include "appraisal/carried.h"
#include "appraisal/decode.h"
#include "evidence_test.h"

/* The catalogue's pinned clock. */
#define NOW_MS INT64_C(1768478400000)

#define PCR0                                                                   \
	"010101010101010101010101010101010101010101010101"                     \
	"010101010101010101010101010101010101010101010101"
#define ENCLAVE(name, profile)                                                 \
	"\"" name "\":{\"pcrs\":{\"PCR0\":\"" PCR0 "\"},"                      \
	"\"url\":\"https://" name "\",\"profile\":{" profile ","               \
	"\"binding\":{\"field\":\"user_data\",\"object\":\"spki\","            \
	"\"transform\":\"sha256\"}}}"
#define CARRIED(name)                                                          \
	ENCLAVE(name, "\"evidence\":\"certificate\",\"wrapping\":\"" name "\"")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char map_json[] = "{" ENCLAVE("raw", "\"encoding\":\"raw\"") "," //
    ENCLAVE("hex", "\"encoding\":\"hex\"") ","                                //
    ENCLAVE("base64", "\"encoding\":\"base64\"") ","                          //
    ENCLAVE("json", "\"encoding\":\"json\",\"member\":\"document\"") ","      //
    CARRIED("cmw") "," CARRIED("dstack") "," CARRIED("san") "}";

static struct enclave_map *map;
static struct appraiser appraiser;

static void
need(bool holds)
{
	if (!holds)
		abort();
}

static int64_t
pinned(void *context)
{
	(void)context;
	return NOW_MS;
}

static void
begin(void)
{
	static const struct clock_source clock = {pinned, pinned, NULL};
	const struct enclave_map_options options = {0};
	const char *root = getenv("ENCLAVE_CLIENT_FUZZ_ROOT");

	if (map)
		return;
	need(!enclave_map_new_json(
	    bytes_from_string(map_json), &options, &map, NULL));
	appraiser.roots = root ? roots_file("", root) : roots_aws();
	appraiser.memory = chain_memory_new();
	appraiser.clock = &clock;
}

/* Refused with a reason at this step or an earlier one, nothing left behind. */
static void
check_refusal(const struct enclave_client_error *error,
    enum enclave_client_status status, const struct buffer *document)
{
	need(error->status == status && error->message[0]);
	need(error->step == ENCLAVE_CLIENT_STEP_FETCH ||
	     error->step == ENCLAVE_CLIENT_STEP_DECODE);
	need(!document->data && !document->len && !document->max);
}

/* One document has one text, but for the case of hex and the line's end. */
static void
check_decoded(const struct profile *profile, struct bytes body,
    const struct buffer *document)
{
	size_t len = document->len;

	need(len > 0 && len <= DOCUMENT_MAX_BYTES);
	switch (profile->encoding) {
	case PROFILE_RAW:
		need(bytes_equal(body, buffer_bytes(document)));
		break;
	case PROFILE_HEX:
		need(body.len >= 2 * len && body.len <= 2 * len + 2);
		break;
	case PROFILE_BASE64:
		need(body.len >= (len + 2) / 3 * 4 &&
		     body.len <= (len + 2) / 3 * 4 + 2);
		break;
	case PROFILE_JSON_BASE64:
		need(body.len > (len + 2) / 3 * 4);
		break;
	}
}

static void
decode(const struct enclave *enclave, struct bytes input)
{
	const struct profile *profile = enclave->profile;
	struct enclave_client_error error = {0};
	struct buffer document = {0};
	enum enclave_client_status status;

	if (enclave_fetches(enclave))
		status = decode_body(profile, input, &document, &error);
	else
		status = carried_document(profile, input, &document, &error);
	if (status) {
		check_refusal(&error, status, &document);
		return;
	}
	if (enclave_fetches(enclave))
		check_decoded(profile, input, &document);
	need(document.len > 0 && document.len <= DOCUMENT_MAX_BYTES);
	buffer_clear(&document);
}

static void
judge(const struct enclave *enclave, struct bytes input)
{
	struct enclave_client_error error = {0};
	struct appraisal appraisal;
	struct answer answer = {.body = input};
	enum enclave_client_status status;

	if (enclave_fetches(enclave))
		status =
		    appraise(&appraiser, enclave, answer, &appraisal, &error);
	else
		status = appraise_leaf(
		    &appraiser, enclave, input, &appraisal, &error);
	need(status == appraisal.status);
	if (!status) {
		need(appraisal.key_named && appraisal.claims &&
		     claims_authentic(appraisal.claims) &&
		     !claims_replayed(appraisal.claims) &&
		     appraisal.deadline_ms > NOW_MS);
	} else {
		need(error.status == status && error.message[0] &&
		     error.step != ENCLAVE_CLIENT_STEP_NONE);
		/* Only a measurement that is refused keeps anything. */
		need(!appraisal.claims ||
		     error.step == ENCLAVE_CLIENT_STEP_POLICY);
		need(!appraisal.key_named || appraisal.claims);
	}
	appraisal_clear(&appraisal);
}

static void
decode_any(struct bytes input)
{
	struct enclave_client_error error = {0};
	struct buffer document = {0};

	if (appraisal_decode_any(input, &document, &error))
		need(error.message[0] && !document.data && !document.len);
	else
		need(document.len > 0 && document.len <= DOCUMENT_MAX_BYTES);
	buffer_clear(&document);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = {data + 1, size - 1};
	const struct enclave *enclave;

	if (!size)
		return 0;
	begin();
	enclave = enclave_map_at(map, data[0] % enclave_map_count(map));
	decode(enclave, input);
	judge(enclave, input);
	decode_any(input);
	return 0;
}
