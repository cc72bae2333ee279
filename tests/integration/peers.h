/*
 * Peers that no server of the other kinds can be: one behind a unix socket, and
 * one that speaks TLS 1.2 without a certificate.  Each serves one connection at
 * a time, on a thread of its own.
 */
#ifndef INTEGRATION_PEERS_H
#define INTEGRATION_PEERS_H

#include <stddef.h>

struct peer;

/*
 * Bytes go to 127.0.0.1:port and come back.  name: a path, or with '@' before
 * it an abstract name.
 */
struct peer *peer_new_unix(const char *name, int port);
/* Anonymous Diffie-Hellman; answers whatever comes with an empty 200. */
struct peer *peer_new_anonymous(void);
/* Ends the thread.  NULL is taken. */
void peer_free(struct peer *peer);

/* 127.0.0.1's; 0 for a unix socket. */
int peer_port(const struct peer *peer);
/* Connections that ended, finished handshakes, decrypted bytes. */
size_t peer_ended(const struct peer *peer);
size_t peer_handshakes(const struct peer *peer);
size_t peer_received_bytes(const struct peer *peer);

#endif
