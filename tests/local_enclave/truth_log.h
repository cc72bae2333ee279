/*
 * The ground truth: what really happened to this server, one JSON object a
 * line, on disk before the next thing happens. Security tests assert on it.
 */
#ifndef LOCAL_ENCLAVE_TRUTH_LOG_H
#define LOCAL_ENCLAVE_TRUTH_LOG_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* Empties the file. Returns its descriptor. */
int truth_log_open(const char *path);

/* A new event of that name; members are added with cJSON. */
cJSON *truth_event(const char *name);

/* Stamps the event with the time, writes it and frees it. */
void truth_log_write(int log, cJSON *event);

/* Adds bytes as text: UTF-8 as it is, anything else one character a byte. */
void truth_add_bytes(
    cJSON *event, const char *name, const uint8_t *data, size_t len);

/* Adds to a member of that name, "first, second", or makes one. */
void truth_add_header(cJSON *headers, const char *name, const char *value);

#endif
