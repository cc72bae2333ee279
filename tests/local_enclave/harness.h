/*
 * For tests in C: starts a local enclave as a process of its own, switches its
 * behaviour, and reads its log. The binaries are found through the environment
 * variable LOCAL_ENCLAVE_BIN_DIR. Each call says on standard error why it
 * failed. Confined: one thread at a time.
 */
#ifndef LOCAL_ENCLAVE_HARNESS_H
#define LOCAL_ENCLAVE_HARNESS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct local_enclave;

/*
 * state: a folder shared by enclaves that are to have the same roots; created
 * when absent. arguments: as for local-enclave, without --state, ended by NULL;
 * or NULL. Returns NULL when no enclave accepts connections within 30 s. The
 * process ends with the thread that started it, if it is not stopped before.
 */
struct local_enclave *local_enclave_start(
    const char *state, const char *const *arguments);

/*
 * Asks the process to end, waits at most 10 s, then kills it. Frees enclave,
 * which may be NULL. Returns the exit status: 0, or -1 when it was killed.
 */
int local_enclave_stop(struct local_enclave *enclave);

/* Borrowed: https://localhost:<port>, without a slash at the end. */
const char *local_enclave_url(const struct local_enclave *enclave);
int local_enclave_port(const struct local_enclave *enclave);
/* Borrowed: the ready line: port, pid, nitro_root, web_ca, log, pcrs, ... */
const cJSON *local_enclave_ready(const struct local_enclave *enclave);
/* Borrowed: a text member of the ready line, NULL when there is none. */
const char *local_enclave_text(
    const struct local_enclave *enclave, const char *member);
/* Borrowed: a register as 96 hex digits, as it was at the start. */
const char *local_enclave_pcr(
    const struct local_enclave *enclave, const char *index);

/* settings: a JSON object, as for PUT /behaviour. */
bool local_enclave_set(struct local_enclave *enclave, const char *settings);
bool local_enclave_rotate_key(struct local_enclave *enclave);
/* Returns how many TLS 1.2 connections were asked, or -1. */
int local_enclave_renegotiate(struct local_enclave *enclave);

/* New: the whole log so far, an array of events; NULL on failure. */
cJSON *local_enclave_log(const struct local_enclave *enclave);
/* Forgets what was logged so far. */
bool local_enclave_clear_log(struct local_enclave *enclave);
/* How many events of that name; event NULL counts all. */
size_t local_enclave_count(
    const struct local_enclave *enclave, const char *event);
/* Whether these characters occur anywhere in what was logged. */
bool local_enclave_log_contains(
    const struct local_enclave *enclave, const char *text);
/* Whether count such events were there within the time. */
bool local_enclave_wait_for(const struct local_enclave *enclave,
    const char *event, size_t count, int timeout_ms);

/* Runs mint-document with these arguments, ended by NULL; true on success. */
bool local_enclave_mint(const char *const *arguments);

#endif
