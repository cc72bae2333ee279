/* An image file on disk, as its measurements in nitro-cli's form. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/eif.h"

struct image_file {
	int descriptor;
};

static int64_t
read_image(void *buffer, size_t size, void *context)
{
	const struct image_file *file = context;
	ssize_t got;

	do {
		got = read(file->descriptor, buffer, size);
	} while (got < 0 && errno == EINTR);
	return got;
}

static enum enclave_client_status
open_error(const char *path, int code, struct enclave_client_error *error)
{
	(void)error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
	    ENCLAVE_CLIENT_STEP_NONE, "can't read %s: %s", path,
	    strerror(code));
	error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, code);
	return ENCLAVE_CLIENT_ERR_CONFIG;
}

/* Nothing in it needs escaping: names of ours, and hex. */
static char *
as_json(const struct eif_measurements *measurements)
{
	char pcr[4][2 * EIF_PCR_BYTES + 1];
	char *json = NULL;
	int len;

	hex_encode((struct bytes){measurements->pcr0, EIF_PCR_BYTES}, pcr[0]);
	hex_encode((struct bytes){measurements->pcr1, EIF_PCR_BYTES}, pcr[1]);
	hex_encode((struct bytes){measurements->pcr2, EIF_PCR_BYTES}, pcr[2]);
	hex_encode((struct bytes){measurements->pcr8, EIF_PCR_BYTES}, pcr[3]);
	len = asprintf(&json,
	    "{\n  \"Measurements\": {\n"
	    "    \"HashAlgorithm\": \"Sha384 { ... }\",\n"
	    "    \"PCR0\": \"%s\",\n    \"PCR1\": \"%s\",\n"
	    "    \"PCR2\": \"%s\"%s%s%s\n  }\n}",
	    pcr[0], pcr[1], pcr[2],
	    measurements->is_signed ? ",\n    \"PCR8\": \"" : "",
	    measurements->is_signed ? pcr[3] : "",
	    measurements->is_signed ? "\"" : "");
	return len < 0 ? NULL : json;
}

enum enclave_client_status
enclave_client_image_pcrs(
    const char *path, char **ret_json, struct enclave_client_error *error)
{
	struct image_file file;
	const struct eif_source source = {read_image, &file};
	struct eif_measurements measurements;
	enum enclave_client_status status;
	struct stat info;
	char *json;

	if (!path || !ret_json)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "a path and a place for the measurements are needed");
	file.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file.descriptor < 0)
		return open_error(path, errno, error);
	if (fstat(file.descriptor, &info) == 0 && S_ISDIR(info.st_mode))
		status = open_error(path, EISDIR, error);
	else
		status = eif_measure(&source, &measurements, error);
	(void)close(file.descriptor);
	if (status)
		return status;
	json = as_json(&measurements);
	if (!json)
		return error_memory(error);
	*ret_json = json;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}
