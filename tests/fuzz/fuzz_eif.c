/*
 * Fuzz target: any bytes as an enclave image file, in pieces of any size, and
 * as its section of signatures, which a checksum would keep them from.
 */
#include <string.h>

#include "base/limits.h"
#include "evidence/eif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

struct input {
	const uint8_t *data;
	size_t left;
	size_t piece; /* at most so many bytes a read */
};

static int64_t
read_input(void *buffer, size_t size, void *context)
{
	struct input *input = context;
	size_t len = input->left < size ? input->left : size;

	if (len > input->piece)
		len = input->piece;
	if (len)
		memcpy(buffer, input->data, len);
	input->data += len;
	input->left -= len;
	return (int64_t)len;
}

static void
measure(const uint8_t *data, size_t size, size_t piece)
{
	struct input input = {data, size, piece};
	const struct eif_source source = {read_input, &input};
	struct eif_measurements measurements;
	struct enclave_client_error error = {0};

	if (eif_measure(&source, &measurements, &error)) {
		sink += strlen(error.message);
		return;
	}
	for (size_t i = 0; i < EIF_PCR_BYTES; i++)
		sink += measurements.pcr0[i] + measurements.pcr1[i] +
			measurements.pcr2[i] + measurements.pcr8[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer pem;

	measure(data, size, SIZE_MAX);
	measure(data, size, 7);
	buffer_init(&pem, EIF_SIGNATURE_MAX_BYTES);
	if (eif_signature_certificate((struct bytes){data, size}, &pem))
		for (size_t i = 0; i < pem.len; i++)
			sink += pem.data[i];
	buffer_clear(&pem);
	return 0;
}
