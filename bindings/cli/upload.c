#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t
read_upload(void *buffer, size_t size, void *context)
{
	const struct upload *upload = context;
	ssize_t got;

	do {
		got = read(upload->descriptor, buffer, size);
	} while (got < 0 && errno == EINTR);
	return got;
}

static bool
rewind_upload(void *context)
{
	const struct upload *upload = context;

	return upload->rewindable &&
	       lseek(upload->descriptor, 0, SEEK_SET) == 0;
}

int
upload_open(const char *path, struct upload *ret_upload,
    struct enclave_client_body *ret_body, struct fault *fault)
{
	bool from_stdin = strcmp(path, "-") == 0 || strcmp(path, ".") == 0;
	struct stat info;

	ret_upload->descriptor =
	    from_stdin ? STDIN_FILENO
		       : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (ret_upload->descriptor < 0 ||
	    fstat(ret_upload->descriptor, &info) != 0)
		return fault_set(fault, EXIT_READ, "can't read %s: %s", path,
		    strerror(errno));
	if (S_ISDIR(info.st_mode))
		return fault_set(fault, EXIT_READ, "can't read %s: %s", path,
		    strerror(EISDIR));
	ret_upload->rewindable = !from_stdin && S_ISREG(info.st_mode);
	*ret_body = (struct enclave_client_body){
	    .read = read_upload,
	    .rewind = rewind_upload,
	    .len = ret_upload->rewindable ? info.st_size : -1,
	    .context = ret_upload,
	};
	return EXIT_DONE;
}

void
upload_close(struct upload *upload)
{
	if (upload->descriptor > STDERR_FILENO)
		(void)close(upload->descriptor);
	upload->descriptor = -1;
}
