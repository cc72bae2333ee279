/*
 * Files of one directory, by its descriptor: nothing is looked up by path
 * again, no symbolic link is followed, no file but a regular one is read.
 */
#ifndef POLLER_STORE_FILE_H
#define POLLER_STORE_FILE_H

#include "base/bytes.h"
#include "base/error.h"

/*
 * Opens the directory, made with mode 0700 when it is not there.  CONFIG
 * unless it is one, is no symbolic link, belongs to this user, and is closed
 * to all others.
 */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status store_file_open_directory(
    const char *path, int *ret_directory, struct enclave_client_error *error);

/*
 * The whole file.  False, with errno (EFBIG past max_bytes, EINVAL for what is
 * no regular file), when it can't be had.  content is initialised here.
 */
bool store_file_read(int directory, const char *name, size_t max_bytes,
    struct buffer *ret_content);
/* Whole or not at all; what had the name is replaced.  False with errno. */
bool store_file_write(int directory, const char *name, struct bytes content);

/*
 * One writer at a time among all processes and threads.  -1 when it is not to
 * be had soon: who waits here keeps a poll thread waiting.
 */
int store_file_lock(int directory);
void store_file_unlock(int lock);

/* Was it written longer ago than that? */
bool store_file_older(
    int directory, const char *name, int64_t now_ms, int64_t age_ms);
/* What a writer that was killed has left behind, after an hour. */
void store_file_remove_stale(int directory, const char *name, int64_t now_ms);
/* Is it the name of a file being written? */
bool store_file_unfinished(const char *name);

#endif
