#include "evidence_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (64 * 1024 * 1024)

_Noreturn static void
give_up(const char *folder, const char *name, const char *why)
{
	(void)fprintf(stderr, "%s/%s: %s\n", folder, name, why);
	exit(99);
}

struct file
file_read(const char *folder, const char *name)
{
	char path[4096];
	struct file file = {NULL, 0};
	FILE *stream;
	long size;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	stream = fopen(path, "rb");
	if (!stream)
		give_up(folder, name, "can't be opened");
	if (fseek(stream, 0, SEEK_END) || (size = ftell(stream)) < 0 ||
	    size > FILE_MAX_BYTES || fseek(stream, 0, SEEK_SET))
		give_up(folder, name, "can't be measured");
	file.len = (size_t)size;
	/* Exactly as long as the file, so that sanitizers see an overread. */
	file.data = malloc(file.len ? file.len : 1);
	if (!file.data || fread(file.data, 1, file.len, stream) != file.len)
		give_up(folder, name, "can't be read");
	(void)fclose(stream);
	return file;
}

void
file_free(struct file *file)
{
	free(file->data);
	*file = (struct file){NULL, 0};
}

struct bytes
file_bytes(const struct file *file)
{
	return (struct bytes){file->data, file->len};
}

cJSON *
json_read(const char *folder, const char *name)
{
	struct file file = file_read(folder, name);
	cJSON *json = cJSON_ParseWithLength((const char *)file.data, file.len);

	if (!json)
		give_up(folder, name, "is not JSON");
	file_free(&file);
	return json;
}

const char *
json_string(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsString(member))
		give_up("JSON", name, "is no string");
	return member->valuestring;
}

int64_t
json_member_integer(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsNumber(member))
		give_up("JSON", name, "is no number");
	return (int64_t)member->valuedouble;
}

struct evidence_roots *
roots_aws(void)
{
	struct evidence_roots *roots = NULL;

	if (evidence_roots_new_aws(&roots, NULL))
		give_up("roots", "aws", "can't be made");
	return roots;
}

struct evidence_roots *
roots_file(const char *folder, const char *name)
{
	struct file pem = file_read(folder, name);
	struct evidence_roots *roots = NULL;

	if (evidence_roots_new_insecure_pem(file_bytes(&pem), &roots, NULL))
		give_up(folder, name, "is no root");
	file_free(&pem);
	return roots;
}

struct evidence_check
check_at(const struct evidence_roots *roots, int64_t now_ms)
{
	return (struct evidence_check){
	    .roots = roots,
	    .now_ms = now_ms,
	    .max_age_ms = MAX_AGE_MS_DEFAULT,
	    .clock_skew_ms = CLOCK_SKEW_MS_DEFAULT,
	};
}

const char *
vectors_folder(void)
{
	const char *folder = getenv("ENCLAVE_CLIENT_VECTORS");

	if (folder && *folder)
		return folder;
	(void)printf("1..0 # SKIP ENCLAVE_CLIENT_VECTORS is not set\n");
	return NULL;
}

int
status_by_name(const char *name)
{
	for (int status = 0; status <= ENCLAVE_CLIENT_ERR_UNSUPPORTED;
	     status++) {
		const char *known = enclave_client_status_name(
		    (enum enclave_client_status)status);
		if (!strncmp(known, "ENCLAVE_CLIENT_", 15) &&
		    !strcmp(known + 15, name))
			return status;
	}
	return -1;
}
