/* What the tests of the verifier share: files, JSON, a check with defaults. */
#ifndef EVIDENCE_TEST_H
#define EVIDENCE_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/bytes.h"
#include "base/error.h"
#include "evidence/evidence.h"

/* Whole files, owned; the process ends with a message when one can't be read.
 */
struct file {
	uint8_t *data;
	size_t len;
};

struct file file_read(const char *folder, const char *name);
void file_free(struct file *file);
struct bytes file_bytes(const struct file *file);

/* New; the process ends with a message when it is not JSON. */
cJSON *json_read(const char *folder, const char *name);
/* Members that must be there; the process ends with a message otherwise. */
const char *json_string(const cJSON *object, const char *name);
int64_t json_member_integer(const cJSON *object, const char *name);

/* New. */
struct evidence_roots *roots_aws(void);
struct evidence_roots *roots_file(const char *folder, const char *name);

/* Defaults of the library, nothing remembered. */
struct evidence_check check_at(
    const struct evidence_roots *roots, int64_t now_ms);

/* The folder of real documents, or NULL; then it says in TAP what is skipped.
 */
const char *vectors_folder(void);

/* The status with this name ("OK", "ERR_FIELD"), or -1. */
int status_by_name(const char *name);

#endif
