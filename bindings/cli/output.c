#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

/* What follows the last slash of the URL's path; new.  NULL: nothing does. */
static char *
remote_name(const char *url)
{
	CURLU *parsed = curl_url();
	char *path = NULL;
	char *name = NULL;
	const char *slash;

	if (parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) &&
	    !curl_url_get(parsed, CURLUPART_PATH, &path, 0)) {
		slash = strrchr(path, '/');
		if (slash && slash[1])
			name = strdup(slash + 1);
	}
	curl_free(path);
	curl_url_cleanup(parsed);
	return name;
}

/* Below --output-dir, where there is one; takes name over. */
static char *
in_output_dir(const struct options *options, char *name)
{
	char *path = NULL;

	if (!name || !options->output_dir)
		return name;
	if (asprintf(&path, "%s/%s", options->output_dir, name) < 0)
		path = NULL;
	free(name);
	return path;
}

int
output_choose(const struct options *options, size_t number, const char *url,
    struct output *ret_output, struct fault *fault)
{
	static const struct destination by_url = {.remote_name = true};
	const struct destination *destination = NULL;
	char *name = NULL;

	*ret_output = (struct output){
	    .descriptor = STDOUT_FILENO,
	    .create_dirs = options->create_dirs,
	};
	if (number < options->destination_count)
		destination = &options->destinations[number];
	else if (options->remote_name_all)
		destination = &by_url;
	if (!destination) {
		ret_output->guard_terminal = isatty(STDOUT_FILENO);
		return EXIT_DONE;
	}
	if (destination->path && strcmp(destination->path, "-") == 0)
		return EXIT_DONE;
	if (destination->remote_name)
		name = remote_name(url);
	else if (destination->path)
		name = strdup(destination->path);
	if (!name && destination->remote_name)
		return fault_set(fault, EXIT_WRITE,
		    "%s: the URL names no file for -O to write", url);
	ret_output->path = in_output_dir(options, name);
	ret_output->descriptor = -1;
	return ret_output->path ? EXIT_DONE : fault_memory(fault);
}

void
output_clear(struct output *output)
{
	free(output->path);
	output->path = NULL;
}

/* Each folder of the path; one that is there is fine. */
static void
make_folders(char *path)
{
	for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		(void)mkdir(path, 0750);
		*slash = '/';
	}
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
	if (output->create_dirs)
		make_folders(output->path);
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

static bool
is_file(const struct output *output)
{
	struct stat info;

	return output->path && output->descriptor >= 0 &&
	       fstat(output->descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

void
output_discard(struct output *output)
{
	if (!is_file(output))
		return;
	(void)ftruncate(output->descriptor, 0);
	(void)unlink(output->path);
}

void
output_restart(struct output *output)
{
	if (is_file(output) && ftruncate(output->descriptor, 0) == 0)
		(void)lseek(output->descriptor, 0, SEEK_SET);
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
