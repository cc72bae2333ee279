#include "poller/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"

#define UNFINISHED_PREFIX  ".unfinished-"
#define STALE_MS           3600000
#define LOCK_TRIES         10
#define READ_AT_ONCE_BYTES 4096

static enum enclave_client_status
refuse_directory(const char *path, const char *why, int reason,
    struct enclave_client_error *error)
{
	enum enclave_client_status status =
	    error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		ENCLAVE_CLIENT_STEP_NONE, "evidence store %s: %s", path, why);

	if (reason)
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, reason);
	return status;
}

static enum enclave_client_status
check_directory(
    const char *path, int directory, struct enclave_client_error *error)
{
	struct stat status;

	if (fstat(directory, &status))
		return refuse_directory(path, strerror(errno), errno, error);
	if (status.st_uid != geteuid())
		return refuse_directory(
		    path, "it belongs to another user", 0, error);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return refuse_directory(path,
		    "it is open to other users (its mode must be 0700)", 0,
		    error);
	return ENCLAVE_CLIENT_OK;
}

/* The kernel calls a link to a folder "Not a directory". */
static const char *
why_not_opened(const char *path, int number)
{
	struct stat status;

	if (!lstat(path, &status) && S_ISLNK(status.st_mode))
		return "it is a symbolic link, and none is followed";
	return strerror(number);
}

/*
 * "link/" and "link/." name what the link points to, and O_NOFOLLOW says
 * nothing about it.  "/" and "." stay.
 */
static void
strip_end(char *path)
{
	size_t len = strlen(path);

	while (len > 1 && (path[len - 1] == '/' ||
			      (path[len - 1] == '.' && path[len - 2] == '/')))
		path[--len] = '\0';
}

static enum enclave_client_status
open_directory(
    const char *path, int *ret_directory, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int directory;

	if (mkdir(path, S_IRWXU) && errno != EEXIST)
		return refuse_directory(path, strerror(errno), errno, error);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return refuse_directory(
		    path, why_not_opened(path, errno), errno, error);
	status = check_directory(path, directory, error);
	if (status) {
		(void)close(directory);
		return status;
	}
	*ret_directory = directory;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
store_file_open_directory(
    const char *path, int *ret_directory, struct enclave_client_error *error)
{
	char *stripped = strdup(path);
	enum enclave_client_status status;

	if (!stripped)
		return error_memory(error);
	strip_end(stripped);
	status = open_directory(stripped, ret_directory, error);
	free(stripped);
	return status;
}

static bool
read_all(int file, struct buffer *content)
{
	uint8_t piece[READ_AT_ONCE_BYTES];

	for (;;) {
		ssize_t len = read(file, piece, sizeof(piece));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		if (len == 0)
			return true;
		switch (buffer_append(
		    content, (struct bytes){piece, (size_t)len})) {
		case ENCLAVE_CLIENT_OK:
			break;
		case ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE:
			errno = EFBIG;
			return false;
		default:
			errno = ENOMEM;
			return false;
		}
	}
}

bool
store_file_read(int directory, const char *name, size_t max_bytes,
    struct buffer *ret_content)
{
	struct stat status;
	struct buffer content;
	bool done = false;
	/* A pipe would block the open. */
	int file = openat(
	    directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (file < 0)
		return false;
	buffer_init(&content, max_bytes);
	if (fstat(file, &status))
		goto out;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		goto out;
	}
	done = read_all(file, &content);
out:
	if (done) {
		*ret_content = content;
	} else {
		int reason = errno;
		buffer_clear(&content);
		(void)close(file);
		errno = reason;
		return false;
	}
	(void)close(file);
	return true;
}

static bool
write_all(int file, struct bytes content)
{
	while (content.len) {
		ssize_t len = write(file, content.data, content.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		content.data += len;
		content.len -= (size_t)len;
	}
	return true;
}

bool
store_file_write(int directory, const char *name, struct bytes content)
{
	char unfinished[64];
	bool done;
	int reason;
	int file;

	(void)snprintf(unfinished, sizeof(unfinished),
	    UNFINISHED_PREFIX "%ld-%" PRIu64, (long)getpid(), id_next());
	file = openat(directory, unfinished,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (file < 0)
		return false;
	done = write_all(file, content);
	reason = errno;
	/* Not synced: what a crash of the machine leaves is judged, and read
	 * as what it is. */
	if (close(file) && done) {
		done = false;
		reason = errno;
	}
	if (done && renameat(directory, unfinished, directory, name)) {
		done = false;
		reason = errno;
	}
	if (done)
		return true;
	(void)unlinkat(directory, unfinished, 0);
	errno = reason;
	return false;
}

int
store_file_lock(int directory)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int lock = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; lock >= 0 && i < LOCK_TRIES; i++) {
		if (!flock(lock, LOCK_EX | LOCK_NB))
			return lock;
		(void)nanosleep(&pause, NULL);
	}
	if (lock >= 0)
		(void)close(lock);
	return -1;
}

void
store_file_unlock(int lock)
{
	/* A child that was forked meanwhile has it open for as long as it
	 * lives: closing ours would leave everybody locked out. */
	(void)flock(lock, LOCK_UN);
	(void)close(lock);
}

bool
store_file_unfinished(const char *name)
{
	return !strncmp(name, UNFINISHED_PREFIX, sizeof(UNFINISHED_PREFIX) - 1);
}

bool
store_file_older(
    int directory, const char *name, int64_t now_ms, int64_t age_ms)
{
	struct stat status;

	return !fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) &&
	       now_ms / 1000 - (int64_t)status.st_mtime > age_ms / 1000;
}

void
store_file_remove_stale(int directory, const char *name, int64_t now_ms)
{
	if (store_file_older(directory, name, now_ms, STALE_MS))
		(void)unlinkat(directory, name, 0);
}
