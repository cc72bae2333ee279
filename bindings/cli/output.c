#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct output
output_to(const char *path)
{
	bool to_stdout = !path || strcmp(path, "-") == 0;

	return (struct output){
	    .path = to_stdout ? NULL : path,
	    .descriptor = to_stdout ? STDOUT_FILENO : -1,
	    .guard_terminal = !path && isatty(STDOUT_FILENO),
	};
}

static const char *
output_name(const struct output *output)
{
	return output->path ? output->path : "standard output";
}

int
output_open(struct output *output, struct fault *fault)
{
	if (output->descriptor >= 0)
		return EXIT_DONE;
	output->descriptor = open(output->path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (output->descriptor < 0)
		return fault_set(fault, EXIT_WRITE, "can't open %s: %s",
		    output->path, strerror(errno));
	return EXIT_DONE;
}

bool
output_write_all(int descriptor, const char *data, size_t len)
{
	struct pollfd writable = {.fd = descriptor, .events = POLLOUT};
	ssize_t written;

	while (len) {
		written = write(descriptor, data, len);
		if (written >= 0) {
			data += written;
			len -= (size_t)written;
		} else if (errno == EAGAIN) {
			(void)poll(&writable, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

int
output_write(
    struct output *output, const char *data, size_t len, struct fault *fault)
{
	if (output_open(output, fault))
		return fault->exit_status;
	if (output->guard_terminal && memchr(data, '\0', len))
		return fault_set(fault, EXIT_WRITE,
		    "binary output can mess up your terminal: use -o FILE, or "
		    "-o - if you mean it");
	if (!output_write_all(output->descriptor, data, len))
		return fault_set(fault, EXIT_WRITE, "writing to %s failed: %s",
		    output_name(output), strerror(errno));
	return EXIT_DONE;
}

int
output_close(struct output *output, struct fault *fault)
{
	int descriptor = output->descriptor;

	if (descriptor < 0 || !output->path)
		return EXIT_DONE;
	output->descriptor = -1;
	if (close(descriptor) != 0 && !fault->exit_status)
		return fault_set(fault, EXIT_WRITE, "writing to %s failed: %s",
		    output_name(output), strerror(errno));
	return EXIT_DONE;
}
