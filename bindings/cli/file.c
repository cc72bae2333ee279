#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)16 * 1024)

/* Room for one more chunk and the NUL. */
static bool
make_room(struct file_contents *contents, size_t *capacity)
{
	char *data;

	if (*capacity - contents->len > CHUNK_BYTES)
		return true;
	data = realloc(contents->data, *capacity * 2);
	if (!data)
		return false;
	contents->data = data;
	*capacity *= 2;
	return true;
}

static int
read_descriptor(int descriptor, const char *path, size_t max,
    struct file_contents *contents, struct fault *fault)
{
	size_t capacity = 2 * CHUNK_BYTES;
	ssize_t got;

	contents->data = malloc(capacity);
	for (;;) {
		if (!contents->data || !make_room(contents, &capacity))
			return fault_memory(fault);
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
