#include "evidence/eif.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "evidence/openssl_error.h"

/* EifHeader: 548 bytes, everything big-endian. */
#define HEADER_BYTES         548
#define HEADER_VERSION       4
#define HEADER_SECTION_COUNT 26
#define HEADER_OFFSETS       28
#define HEADER_SIZES         284
#define HEADER_CRC           544
#define SECTION_HEADER_BYTES 12
#define SECTIONS_MIN         2
#define SECTIONS_MAX         32
/* 0 and 1 were never published; what follows 4 is not defined. */
#define VERSION_MIN 2
#define VERSION_MAX 4

enum section {
	SECTION_KERNEL = 1,
	SECTION_COMMAND_LINE = 2,
	SECTION_RAMDISK = 3,
	SECTION_SIGNATURE = 4,
	SECTION_METADATA = 5
};

#define CHUNK_BYTES 65536

/* One image on its way through. */
struct reading {
	const struct eif_source *source;
	struct enclave_client_error *error;
	uint8_t header[HEADER_BYTES];
	uint8_t chunk[CHUNK_BYTES];
	uint64_t offset;
	uint32_t crc_table[256];
	uint32_t crc;
	EVP_MD_CTX *image;
	EVP_MD_CTX *bootstrap;
	EVP_MD_CTX *application;
	unsigned int counts[SECTION_METADATA + 1];
	struct buffer signature;
};

static uint64_t
big_endian(const uint8_t *data, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | data[i];
	return value;
}

/* CRC-32 of ISO 3309: reflected, polynomial 0x04c11db7. */
static void
crc_begin(struct reading *reading)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value =
			    value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
		reading->crc_table[i] = value;
	}
	reading->crc = 0xffffffffu;
}

static void
crc_add(struct reading *reading, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		reading->crc =
		    reading->crc_table[(reading->crc ^ data[i]) & 0xff] ^
		    reading->crc >> 8;
}

static enum enclave_client_status
fail(struct reading *reading, const char *fact)
{
	return error_set(reading->error, ENCLAVE_CLIENT_ERR_ENCODING,
	    ENCLAVE_CLIENT_STEP_STRUCTURE, "at byte %llu: %s",
	    (unsigned long long)reading->offset, fact);
}

/* Exactly so many bytes; *ret_got is less only at the end of the file. */
static enum enclave_client_status
take(struct reading *reading, uint8_t *to, size_t len, size_t *ret_got)
{
	size_t got = 0;

	while (got < len) {
		int64_t now = reading->source->read(
		    to + got, len - got, reading->source->context);

		if (now < 0 || (uint64_t)now > len - got)
			return error_set(reading->error,
			    ENCLAVE_CLIENT_ERR_CONFIG, ENCLAVE_CLIENT_STEP_NONE,
			    "the image can't be read");
		if (now == 0)
			break;
		got += (size_t)now;
	}
	reading->offset += got;
	*ret_got = got;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
take_all(struct reading *reading, uint8_t *to, size_t len)
{
	size_t got = 0;
	enum enclave_client_status status = take(reading, to, len, &got);

	if (!status && got < len)
		status = fail(reading, "the file ends in the middle");
	return status;
}

/* In the header, which is read as a whole. */
static enum enclave_client_status
fail_at(struct reading *reading, uint64_t offset, const char *what)
{
	reading->offset = offset;
	return fail(reading, what);
}

static enum enclave_client_status
read_header(struct reading *reading, unsigned int *ret_sections)
{
	static const uint8_t magic[] = {'.', 'e', 'i', 'f'};
	const uint8_t *header = reading->header;
	enum enclave_client_status status =
	    take_all(reading, reading->header, HEADER_BYTES);
	uint64_t version;
	uint64_t sections;

	if (status)
		return status;
	if (memcmp(header, magic, sizeof(magic)) != 0)
		return fail_at(
		    reading, 0, "no enclave image file: .eif is missing");
	version = big_endian(header + HEADER_VERSION, 2);
	if (version < VERSION_MIN || version > VERSION_MAX)
		return fail_at(
		    reading, HEADER_VERSION, "the version is not 2, 3 or 4");
	sections = big_endian(header + HEADER_SECTION_COUNT, 2);
	if (sections < SECTIONS_MIN || sections > SECTIONS_MAX)
		return fail_at(reading, HEADER_SECTION_COUNT,
		    "not between 2 and 32 sections");
	crc_add(reading, header, HEADER_CRC);
	*ret_sections = (unsigned int)sections;
	return ENCLAVE_CLIENT_OK;
}

/* What the specification says of how often and in which order. */
static enum enclave_client_status
check_section(struct reading *reading, uint64_t type, uint64_t size)
{
	unsigned int *counts = reading->counts;

	if (type < SECTION_KERNEL || type > SECTION_METADATA)
		return fail(reading, "a section of an unknown type");
	counts[type]++;
	if (type != SECTION_RAMDISK && counts[type] > 1)
		return fail(reading, "a second section of a type that comes "
				     "once");
	if (type == SECTION_RAMDISK && !counts[SECTION_KERNEL])
		return fail(reading, "a ramdisk before the kernel");
	if (type == SECTION_SIGNATURE && size > EIF_SIGNATURE_MAX_BYTES)
		return fail(reading, "a signature section over 64 KiB");
	return ENCLAVE_CLIENT_OK;
}

static bool
measure(struct reading *reading, uint64_t type, size_t len)
{
	const uint8_t *data = reading->chunk;
	bool first =
	    type != SECTION_RAMDISK || reading->counts[SECTION_RAMDISK] == 1;

	if (type == SECTION_SIGNATURE)
		return !buffer_append(
		    &reading->signature, (struct bytes){data, len});
	if (type == SECTION_METADATA)
		return true;
	return EVP_DigestUpdate(reading->image, data, len) &&
	       EVP_DigestUpdate(
		   first ? reading->bootstrap : reading->application, data,
		   len);
}

static enum enclave_client_status
read_section(struct reading *reading, unsigned int number)
{
	const uint8_t *offset = reading->header + HEADER_OFFSETS + 8 * number;
	const uint8_t *size = reading->header + HEADER_SIZES + 8 * number;
	uint8_t head[SECTION_HEADER_BYTES];
	enum enclave_client_status status;
	uint64_t left;
	uint64_t type;

	if (big_endian(offset, 8) != reading->offset)
		return fail(reading, "a section is not where the header says");
	status = take_all(reading, head, sizeof(head));
	if (status)
		return status;
	crc_add(reading, head, sizeof(head));
	type = big_endian(head, 2);
	left = big_endian(head + 4, 8);
	if (left != big_endian(size, 8))
		return fail(reading, "a section's size is not the header's");
	status = check_section(reading, type, left);
	while (!status && left) {
		size_t len = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;

		status = take_all(reading, reading->chunk, len);
		if (status)
			return status;
		crc_add(reading, reading->chunk, len);
		if (!measure(reading, type, len))
			return error_memory(reading->error);
		left -= len;
	}
	return status;
}

static enum enclave_client_status
check_end(struct reading *reading)
{
	uint8_t more;
	size_t got = 0;
	enum enclave_client_status status = take(reading, &more, 1, &got);

	if (status)
		return status;
	if (got)
		return fail(reading, "bytes after the last section");
	if (!reading->counts[SECTION_KERNEL] ||
	    !reading->counts[SECTION_COMMAND_LINE] ||
	    !reading->counts[SECTION_RAMDISK])
		return fail(
		    reading, "no kernel, no command line or no ramdisk");
	if ((reading->crc ^ 0xffffffffu) !=
	    big_endian(reading->header + HEADER_CRC, 4))
		return fail(reading, "the checksum does not hold: the image "
				     "is damaged");
	return ENCLAVE_CLIENT_OK;
}

/* A register that starts as zeros and is extended once. */
static bool
extend(EVP_MD_CTX *context, uint8_t ret_pcr[EIF_PCR_BYTES])
{
	uint8_t both[2 * EIF_PCR_BYTES] = {0};

	return EVP_DigestFinal_ex(context, both + EIF_PCR_BYTES, NULL) &&
	       EVP_Digest(
		   both, sizeof(both), ret_pcr, NULL, EVP_sha384(), NULL);
}

/* OpenSSL would ask the terminal for a passphrase. */
static int
no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static enum enclave_client_status
measure_certificate(struct reading *reading, uint8_t ret_pcr[EIF_PCR_BYTES])
{
	enum enclave_client_status status = ENCLAVE_CLIENT_OK;
	struct buffer pem;
	BIO *input = NULL;
	X509 *certificate = NULL;
	uint8_t both[2 * EIF_PCR_BYTES] = {0};

	buffer_init(&pem, EIF_SIGNATURE_MAX_BYTES);
	openssl_errors_begin();
	if (eif_signature_certificate(buffer_bytes(&reading->signature), &pem))
		input = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (input)
		certificate =
		    PEM_read_bio_X509(input, NULL, no_passphrase, NULL);
	if (!certificate)
		status = fail(reading, "the signature section holds no "
				       "certificate");
	else if (!X509_digest(
		     certificate, EVP_sha384(), both + EIF_PCR_BYTES, NULL) ||
		 !EVP_Digest(
		     both, sizeof(both), ret_pcr, NULL, EVP_sha384(), NULL))
		status = error_memory(reading->error);
	X509_free(certificate);
	BIO_free(input);
	openssl_errors_end();
	buffer_clear(&pem);
	return status;
}

static bool
begin(struct reading *reading)
{
	crc_begin(reading);
	buffer_init(&reading->signature, EIF_SIGNATURE_MAX_BYTES);
	reading->image = EVP_MD_CTX_new();
	reading->bootstrap = EVP_MD_CTX_new();
	reading->application = EVP_MD_CTX_new();
	return reading->image && reading->bootstrap && reading->application &&
	       EVP_DigestInit_ex(reading->image, EVP_sha384(), NULL) &&
	       EVP_DigestInit_ex(reading->bootstrap, EVP_sha384(), NULL) &&
	       EVP_DigestInit_ex(reading->application, EVP_sha384(), NULL);
}

static enum enclave_client_status
read_image(struct reading *reading, struct eif_measurements *measurements)
{
	unsigned int sections = 0;
	enum enclave_client_status status = read_header(reading, &sections);

	for (unsigned int i = 0; !status && i < sections; i++)
		status = read_section(reading, i);
	if (!status)
		status = check_end(reading);
	if (status)
		return status;
	if (!extend(reading->image, measurements->pcr0) ||
	    !extend(reading->bootstrap, measurements->pcr1) ||
	    !extend(reading->application, measurements->pcr2))
		return error_memory(reading->error);
	measurements->is_signed = reading->counts[SECTION_SIGNATURE] > 0;
	if (measurements->is_signed)
		status = measure_certificate(reading, measurements->pcr8);
	return status;
}

enum enclave_client_status
eif_measure(const struct eif_source *source,
    struct eif_measurements *ret_measurements,
    struct enclave_client_error *error)
{
	struct eif_measurements measurements = {0};
	struct reading *reading = calloc(1, sizeof(*reading));
	enum enclave_client_status status;

	if (!reading)
		return error_memory(error);
	reading->source = source;
	reading->error = error;
	status = begin(reading) ? read_image(reading, &measurements)
				: error_memory(error);
	EVP_MD_CTX_free(reading->image);
	EVP_MD_CTX_free(reading->bootstrap);
	EVP_MD_CTX_free(reading->application);
	buffer_clear(&reading->signature);
	free(reading);
	if (!status)
		*ret_measurements = measurements;
	return status;
}
