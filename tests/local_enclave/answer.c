#include "answer.h"

#include "connection.h"
#include "fatal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { STREAM_PIECE_BYTES = 64 * 1024 };

enum answer_kind {
	ANSWER_AFTER,
	ANSWER_STREAM,
	ANSWER_DRIP,
	ANSWER_CUT,
	ANSWER_NEVER,
	ANSWER_FROM_ELSEWHERE,
};

struct answer {
	enum answer_kind kind;
	struct connection *connection;
	struct evhttp_request *request;
	struct event *timer;
	/* What is still to be sent of the text. */
	struct evbuffer *text;
	/* Filler that follows the text. */
	uint64_t filler_bytes;
	size_t piece_bytes;
	struct timeval interval;
	/* Told when the client leaves before the answer is whole. */
	void (*on_gone)(void *);
	void *argument;
};

void
answer_free(struct answer *answer)
{
	if (answer == NULL)
		return;
	if (answer->timer != NULL)
		event_free(answer->timer);
	if (answer->text != NULL)
		evbuffer_free(answer->text);
	if (answer->on_gone != NULL)
		answer->on_gone(answer->argument);
	free(answer);
}

/*
 * libevent leaves a request that was being answered to us when the connection
 * is lost first, and frees it itself in every other case.
 */
static void
on_closed(struct evhttp_connection *peer, void *argument)
{
	struct connection *connection = argument;
	struct answer *answer = connection->answer;

	(void)peer;
	if (answer == NULL)
		return;
	if (evhttp_request_get_connection(answer->request) == NULL)
		evhttp_request_free(answer->request);
	connection->answer = NULL;
	answer_free(answer);
}

static struct answer *
answer_new(
    enum answer_kind kind, struct evhttp_request *request, const char *text)
{
	struct answer *answer = must_alloc(sizeof(*answer));
	struct evhttp_connection *peer = evhttp_request_get_connection(request);

	answer->kind = kind;
	answer->request = request;
	answer->connection = connection_of(request);
	answer->text = evbuffer_new();
	must(answer->text != NULL);
	must(evbuffer_add(answer->text, text, strlen(text)) == 0);
	answer->connection->answer = answer;
	evhttp_connection_set_closecb(peer, on_closed, answer->connection);
	return answer;
}

void
answer_done(struct answer *answer)
{
	answer->on_gone = NULL;
	answer->connection->answer = NULL;
	answer_free(answer);
}

void
answer_header(
    struct evhttp_request *request, const char *name, const char *value)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	must(evhttp_add_header(headers, name, value) == 0);
}

static const char *
reason(int status)
{
	return status < 300 ? "OK" : status < 400 ? "Elsewhere" : "Refused";
}

void
answer_now(struct evhttp_request *request, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	must(body != NULL);
	/* These have no body (RFC 9110, 9.3.2, 15.3.5 and 15.4.5). */
	if (status != 204 && status != 304 &&
	    evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		must(evbuffer_add(body, text, strlen(text)) == 0);
	evhttp_send_reply(request, status, reason(status), body);
	evbuffer_free(body);
}

/* Nothing is being read or written, and yet the end must be noticed. */
static void
watch_for_close(struct evhttp_request *request)
{
	struct bufferevent *stream = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(request));
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *argument;

	bufferevent_getcb(stream, NULL, &on_write, &on_event, &argument);
	bufferevent_setcb(stream, NULL, on_write, on_event, argument);
	must(bufferevent_enable(stream, EV_READ) == 0);
}

static void
start_timer(struct answer *answer, event_callback_fn callback, int64_t delay_ms)
{
	answer->interval.tv_sec = (time_t)(delay_ms / 1000);
	answer->interval.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
	answer->timer =
	    evtimer_new(answer->connection->enclave->base, callback, answer);
	must(answer->timer != NULL);
	must(evtimer_add(answer->timer, &answer->interval) == 0);
}

static void
on_delay_over(evutil_socket_t unused, short what, void *argument)
{
	struct answer *answer = argument;
	struct evhttp_request *request = answer->request;
	struct evbuffer *body = answer->text;

	(void)unused;
	(void)what;
	answer->text = NULL;
	answer_done(answer);
	evhttp_send_reply(request, 200, reason(200), body);
	evbuffer_free(body);
}

void
answer_after(struct evhttp_request *request, int64_t delay_ms, const char *text)
{
	struct answer *answer = answer_new(ANSWER_AFTER, request, text);

	watch_for_close(request);
	start_timer(answer, on_delay_over, delay_ms);
}

static void
start_reply(struct evhttp_request *request, bool announce, uint64_t body_bytes)
{
	char *length = must_format("%llu", (unsigned long long)body_bytes);

	if (announce)
		answer_header(request, "Content-Length", length);
	free(length);
	evhttp_send_reply_start(request, 200, reason(200));
}

/* Takes up to so many bytes of the text, then of the filler. */
static struct evbuffer *
take_piece(struct answer *answer, size_t piece_bytes)
{
	static const char letters[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct evbuffer *piece = evbuffer_new();
	uint64_t filler;

	must(piece != NULL);
	must(evbuffer_remove_buffer(answer->text, piece, piece_bytes) >= 0);
	filler = piece_bytes - evbuffer_get_length(piece);
	if (filler > answer->filler_bytes)
		filler = answer->filler_bytes;
	answer->filler_bytes -= filler;
	while (filler > 0) {
		size_t len = sizeof(letters) - 1;

		if (len > filler)
			len = (size_t)filler;
		must(evbuffer_add(piece, letters, len) == 0);
		filler -= len;
	}
	return piece;
}

static bool
all_sent(const struct answer *answer)
{
	return evbuffer_get_length(answer->text) == 0 &&
	       answer->filler_bytes == 0;
}

static void
end_reply(struct answer *answer)
{
	struct evhttp_request *request = answer->request;

	answer_done(answer);
	evhttp_send_reply_end(request);
}

/* Called when the kernel has taken the piece before: this is back-pressure. */
static void
send_piece(struct evhttp_connection *peer, void *argument)
{
	struct connection *connection = argument;
	struct answer *answer = connection->answer;
	struct evbuffer *piece;

	(void)peer;
	if (answer == NULL)
		return;
	if (all_sent(answer)) {
		end_reply(answer);
		return;
	}
	piece = take_piece(answer, STREAM_PIECE_BYTES);
	evhttp_send_reply_chunk_with_cb(
	    answer->request, piece, send_piece, connection);
	evbuffer_free(piece);
}

void
answer_stream(struct evhttp_request *request, const char *text,
    uint64_t body_bytes, bool announce_length)
{
	struct answer *answer = answer_new(ANSWER_STREAM, request, text);
	size_t text_len = strlen(text);

	answer->filler_bytes =
	    body_bytes > text_len ? body_bytes - text_len : 0;
	start_reply(request, announce_length, text_len + answer->filler_bytes);
	send_piece(NULL, answer->connection);
}

static void
on_drip(evutil_socket_t unused, short what, void *argument)
{
	struct answer *answer = argument;
	struct evbuffer *piece;

	(void)unused;
	(void)what;
	if (all_sent(answer)) {
		end_reply(answer);
		return;
	}
	piece = take_piece(answer, answer->piece_bytes);
	evhttp_send_reply_chunk(answer->request, piece);
	evbuffer_free(piece);
	must(evtimer_add(answer->timer, &answer->interval) == 0);
}

void
answer_drip(struct evhttp_request *request, const char *text,
    size_t piece_bytes, int64_t interval_ms, bool announce_length)
{
	struct answer *answer = answer_new(ANSWER_DRIP, request, text);

	answer->piece_bytes = piece_bytes;
	start_reply(request, announce_length, strlen(text));
	start_timer(answer, on_drip, interval_ms);
}

static void
cut_connection(struct evhttp_connection *peer, void *argument)
{
	struct connection *connection = argument;

	(void)peer;
	/* The socket ends without TLS being told; libevent then cleans up. */
	shutdown(SSL_get_fd(connection->ssl), SHUT_RDWR);
}

void
answer_cut(struct evhttp_request *request, const char *text)
{
	struct answer *answer = answer_new(ANSWER_CUT, request, text);
	struct evbuffer *piece;

	start_reply(request, true, strlen(text));
	piece = take_piece(answer, strlen(text) / 2);
	evhttp_send_reply_chunk_with_cb(
	    request, piece, cut_connection, answer->connection);
	evbuffer_free(piece);
}

void
answer_never(struct evhttp_request *request)
{
	answer_new(ANSWER_NEVER, request, "");
	watch_for_close(request);
}

struct answer *
answer_from(
    struct evhttp_request *request, void (*on_gone)(void *), void *argument)
{
	struct answer *answer = answer_new(ANSWER_FROM_ELSEWHERE, request, "");

	answer->on_gone = on_gone;
	answer->argument = argument;
	watch_for_close(request);
	return answer;
}

static void
cut_when_sent(struct evbuffer *output, const struct evbuffer_cb_info *change,
    void *argument)
{
	(void)change;
	if (evbuffer_get_length(output) == 0)
		cut_connection(NULL, argument);
}

void
answer_break(struct answer *answer)
{
	struct connection *connection = answer->connection;
	struct evbuffer *output = bufferevent_get_output(connection->stream);

	answer->on_gone = NULL;
	if (evbuffer_get_length(output) == 0)
		cut_connection(NULL, connection);
	else
		must(
		    evbuffer_add_cb(output, cut_when_sent, connection) != NULL);
}
