/*
 * A server that the client attests and that then answers with bytes of the
 * test's choosing: what the local enclave's HTTP library would not send.  One
 * connection at a time, on a thread of its own.
 */
#ifndef INTEGRATION_SCRIPTED_H
#define INTEGRATION_SCRIPTED_H

#include <stddef.h>

struct scripted;

/*
 * state: the folder of the roots.  answer: sent as it is, as soon as the
 * headers of a request that is no evidence GET are whole, and what follows is
 * thrown away; borrowed until the server is freed.
 */
struct scripted *scripted_new(const char *state, const char *answer);
/* What it sends from the second such request on; before the first. */
void scripted_then(struct scripted *server, const char *answer);
/*
 * After the next such request, whose body comes in chunks, the connection ends
 * unanswered, and the server has another key, with evidence for it.  Those
 * that follow are answered once their bodies were read.
 */
void scripted_turn_away(struct scripted *server);
/* A connection answers one such request, and ends unanswered at the next. */
void scripted_answer_once(struct scripted *server);
/* How long such a request was, headers and chunks and all. */
size_t scripted_read_bytes(const struct scripted *server);
/* Ends the thread. */
void scripted_free(struct scripted *server);
/* Borrowed: https://localhost:<port>. */
const char *scripted_url(const struct scripted *server);

#endif
