/* A file, or standard input, as a body that is read as it is sent. */
#ifndef CLI_UPLOAD_H
#define CLI_UPLOAD_H

#include "fault.h"

struct upload {
	int descriptor; /* -1: not open */
	bool rewindable;
};

/* "-" and "." are standard input.  Gives 0 or EXIT_READ. */
int upload_open(const char *path, struct upload *ret_upload,
    struct enclave_client_body *ret_body, struct fault *fault);
void upload_close(struct upload *upload);

#endif
