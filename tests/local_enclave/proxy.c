#include "proxy.h"

#include "answer.h"
#include "connection.h"
#include "fatal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A service may think for long. */
enum { SERVICE_TIMEOUT_S = 86400 };

struct exchange {
	/* The client's request, and what is being sent for it. */
	struct evhttp_request *asked;
	struct answer *answer;
	/* The same request as the service sees it; libevent's. */
	struct evhttp_request *passed_on;
	/* What the service said before it is known to be the answer. */
	struct evbuffer *early;
	bool answering;
	bool started;
};

static void
exchange_free(struct exchange *exchange)
{
	evbuffer_free(exchange->early);
	free(exchange);
}

/* Bytes of an interim answer (RFC 9110, 15.2) that is there whole, or 0. */
static size_t
interim_bytes(struct evbuffer *early)
{
	struct evbuffer_ptr end = evbuffer_search(early, "\r\n\r\n", 4, NULL);

	return end.pos < 0 ? 0 : (size_t)end.pos + 4;
}

/*
 * libevent takes every interim answer but a 100 for the answer, and gives up
 * after a 100 when the service has closed already. It sees none.
 */
static void
on_service(struct evbuffer *input, const struct evbuffer_cb_info *change,
    void *argument)
{
	static const char interim[] = "HTTP/1.1 1";
	struct exchange *exchange = argument;
	char begin[sizeof(interim) - 1];
	size_t len;

	/* The exchange may be over where nothing is added. */
	if (change->n_added == 0 || exchange->answering)
		return;
	must(evbuffer_add_buffer(exchange->early, input) == 0);
	while (evbuffer_copyout(exchange->early, begin, sizeof(begin)) ==
	       (ssize_t)sizeof(begin)) {
		exchange->answering =
		    memcmp(begin, interim, sizeof(begin)) != 0;
		len = exchange->answering ? 0 : interim_bytes(exchange->early);
		if (len == 0)
			break;
		must(evbuffer_drain(exchange->early, len) == 0);
	}
	if (exchange->answering)
		must(evbuffer_add_buffer(input, exchange->early) == 0);
}

/* What concerns one connection alone, or is said anew on the other one. */
static bool
stays_behind(const char *name)
{
	static const char *const names[] = {"Connection", "Keep-Alive",
	    "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
	    "Expect"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void
copy_headers(const struct evkeyvalq *from, struct evkeyvalq *to)
{
	const struct evkeyval *header;

	for (header = from->tqh_first; header != NULL;
	     header = header->next.tqe_next) {
		if (!stays_behind(header->key))
			must(evhttp_add_header(
				 to, header->key, header->value) == 0);
	}
}

static int
on_headers(struct evhttp_request *reply, void *argument)
{
	struct exchange *exchange = argument;

	copy_headers(evhttp_request_get_input_headers(reply),
	    evhttp_request_get_output_headers(exchange->asked));
	exchange->started = true;
	evhttp_send_reply_start(exchange->asked,
	    evhttp_request_get_response_code(reply),
	    evhttp_request_get_response_code_line(reply));
	return 0;
}

static void
on_piece(struct evhttp_request *reply, void *argument)
{
	struct exchange *exchange = argument;

	evhttp_send_reply_chunk(
	    exchange->asked, evhttp_request_get_input_buffer(reply));
}

/* reply is NULL when the connection to the service failed. */
static void
on_done(struct evhttp_request *reply, void *argument)
{
	struct exchange *exchange = argument;
	struct evhttp_request *asked = exchange->asked;

	if (exchange->started && reply == NULL)
		answer_break(exchange->answer);
	else
		answer_done(exchange->answer);
	if (exchange->started && reply != NULL)
		evhttp_send_reply_end(asked);
	if (!exchange->started)
		answer_now(asked, 502, "no answer from the service\n");
	exchange_free(exchange);
}

/* The client left first. */
static void
on_client_gone(void *argument)
{
	struct exchange *exchange = argument;

	evhttp_cancel_request(exchange->passed_on);
	exchange_free(exchange);
}

static struct evhttp_request *
copy_request(struct evhttp_request *asked, struct exchange *exchange)
{
	struct evhttp_request *copy = evhttp_request_new(on_done, exchange);
	struct evbuffer *body = evhttp_request_get_input_buffer(asked);
	struct evkeyvalq *headers;
	char *length = must_format("%zu", (size_t)evbuffer_get_length(body));

	must(copy != NULL);
	evhttp_request_set_header_cb(copy, on_headers);
	evhttp_request_set_chunked_cb(copy, on_piece);
	headers = evhttp_request_get_output_headers(copy);
	copy_headers(evhttp_request_get_input_headers(asked), headers);
	/* A body that came in chunks is whole by now. */
	if (evbuffer_get_length(body) > 0) {
		evhttp_remove_header(headers, "Content-Length");
		must(evhttp_add_header(headers, "Content-Length", length) == 0);
	}
	/* One request a connection. */
	must(evhttp_add_header(headers, "Connection", "close") == 0);
	must(evbuffer_add_buffer(
		 evhttp_request_get_output_buffer(copy), body) == 0);
	free(length);
	return copy;
}

void
proxy_answer(struct evhttp_request *request, int port)
{
	struct exchange *exchange = must_alloc(sizeof(*exchange));
	struct event_base *base = connection_of(request)->enclave->base;
	struct evhttp_connection *service = evhttp_connection_base_new(
	    base, NULL, "127.0.0.1", (unsigned short)port);

	must(service != NULL);
	exchange->early = evbuffer_new();
	must(exchange->early != NULL);
	must(evbuffer_add_cb(bufferevent_get_input(
				 evhttp_connection_get_bufferevent(service)),
		 on_service, exchange) != NULL);
	evhttp_connection_set_timeout(service, SERVICE_TIMEOUT_S);
	evhttp_connection_free_on_completion(service);
	exchange->asked = request;
	exchange->passed_on = copy_request(request, exchange);
	exchange->answer = answer_from(request, on_client_gone, exchange);
	/* A port where nobody listens is told by on_done. */
	must(evhttp_make_request(service, exchange->passed_on,
		 evhttp_request_get_command(request),
		 evhttp_request_get_uri(request)) == 0);
}
