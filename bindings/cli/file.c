#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)16 * 1024)

/* Room for one more chunk and the NUL. */
static int
make_room(struct file_contents *contents, size_t *capacity, struct fault *fault)
{
	size_t wanted = *capacity ? *capacity * 2 : 2 * CHUNK_BYTES;
	char *data;

	if (*capacity - contents->len > CHUNK_BYTES)
		return EXIT_DONE;
	data = realloc(contents->data, wanted);
	if (!data)
		return fault_memory(fault);
	contents->data = data;
	*capacity = wanted;
	return EXIT_DONE;
}

static int
read_descriptor(int descriptor, const char *path, size_t max,
    struct file_contents *contents, struct fault *fault)
{
	size_t capacity = 0;
	ssize_t got;

	for (;;) {
		if (make_room(contents, &capacity, fault))
			return fault->exit_status;
		got = read(
		    descriptor, contents->data + contents->len, CHUNK_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fault_set(fault, EXIT_USAGE, "can't read %s: %s",
			    path, strerror(errno));
		if (got == 0)
			break;
		contents->len += (size_t)got;
		if (contents->len > max)
			return fault_set(fault, EXIT_USAGE,
			    "%s is larger than %zu bytes", path, max);
	}
	contents->data[contents->len] = '\0';
	return EXIT_DONE;
}

int
file_read(const char *path, size_t max, struct file_contents *ret_contents,
    struct fault *fault)
{
	struct file_contents contents = {0};
	int descriptor = STDIN_FILENO;
	int result;

	if (strcmp(path, "-") != 0)
		descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0)
		return fault_set(fault, EXIT_USAGE, "can't read %s: %s", path,
		    strerror(errno));
	result = read_descriptor(descriptor, path, max, &contents, fault);
	if (descriptor != STDIN_FILENO)
		(void)close(descriptor);
	if (result) {
		file_contents_clear(&contents);
		return result;
	}
	*ret_contents = contents;
	return EXIT_DONE;
}

void
file_contents_clear(struct file_contents *contents)
{
	free(contents->data);
	*contents = (struct file_contents){0};
}
