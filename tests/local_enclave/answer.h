/*
 * Answers of every pace: at once, after a while, endless in constant memory,
 * byte by byte, cut off, or never. Each takes the request; nothing is left to
 * do for the caller.
 */
#ifndef LOCAL_ENCLAVE_ANSWER_H
#define LOCAL_ENCLAVE_ANSWER_H

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer;

/* A connection is gone, and what was being sent on it with it. NULL is fine. */
void answer_free(struct answer *answer);

void answer_header(
    struct evhttp_request *request, const char *name, const char *value);

void answer_now(struct evhttp_request *request, int status, const char *text);

void answer_after(
    struct evhttp_request *request, int64_t delay_ms, const char *text);

/* text, then as many letters as are missing; chunked unless announced. */
void answer_stream(struct evhttp_request *request, const char *text,
    uint64_t body_bytes, bool announce_length);

/* Pieces of a fixed size, one each interval; chunked unless announced. */
void answer_drip(struct evhttp_request *request, const char *text,
    size_t piece_bytes, int64_t interval_ms, bool announce_length);

/* Announces the text, sends half of it and ends the connection. */
void answer_cut(struct evhttp_request *request, const char *text);

void answer_never(struct evhttp_request *request);

/*
 * The caller sends what comes from elsewhere. on_gone is told once when the
 * client leaves before answer_done, and takes the argument.
 */
struct answer *answer_from(
    struct evhttp_request *request, void (*on_gone)(void *), void *argument);

/* Whole: what is left to send is the caller's. */
void answer_done(struct answer *answer);

/*
 * Never to be whole: the connection ends once what was handed over is sent, and
 * on_gone is not told.
 */
void answer_break(struct answer *answer);

#endif
