/*
 * The descriptors that our own handles have open, so that a forked child can
 * close its copies: else a connection that the parent ends stays open in the
 * child.  Without a lock, which a child could inherit held.
 */
#ifndef TLS_SOCKETS_H
#define TLS_SOCKETS_H

#include <curl/curl.h>

struct sockets;

/* New, or NULL when memory is short. */
struct sockets *sockets_new(void);
/* Closes nothing. */
void sockets_free(struct sockets *sockets);

/*
 * Makes the handle's connections recorded ones.  They must end before sockets
 * does: not for handles that somebody else's multi handle drives.
 */
CURLcode sockets_record(struct sockets *sockets, CURL *easy);
/* The opposite. */
CURLcode sockets_do_not_record(CURL *easy);
/* For an open-socket callback of one's own; sockets NULL: not recorded. */
curl_socket_t sockets_open(
    struct sockets *sockets, const struct curl_sockaddr *address);

/* In a child: closes what is recorded. */
void sockets_close_inherited(struct sockets *sockets);

#endif
