/*
 * Servers and proxies of others, on 127.0.0.1 and ports that the kernel picks:
 * nginx, whose access log is the truth about HTTP/2, tinyproxy for CONNECT,
 * haproxy for a proxy behind TLS and as a balancer.  All are processes of ours,
 * stopped by their pid.
 */
#ifndef INTEGRATION_SERVERS_H
#define INTEGRATION_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct server {
	pid_t pid;
	int port;
	char folder[128]; /* its configuration and logs */
};

/* Is the program there?  Tests that need it say so and are skipped. */
bool servers_have(const char *program);

/*
 * A certificate for host and its key, from the web CA of the folder of state:
 * prefix.pem, prefix.key, and prefix.both with the two in one file.
 */
void servers_mint_certificate(
    const char *state, const char *host, const char *prefix);
/* Evidence for the key of certificate, as an endpoint would serve it. */
void servers_mint_evidence(
    const char *state, const char *certificate, const char *out);

/*
 * GET of anything answers 200; tls is "TLSv1.2" or "TLSv1.3"; evidence: a file
 * for /.well-known/attestation, or NULL.
 */
struct nginx_options {
	const char *tls;
	const char *certificate_prefix;
	const char *evidence;
	bool http1_only;
};
struct server servers_start_nginx(
    const char *folder, const struct nginx_options *options);
struct server servers_start_tinyproxy(const char *folder);
/* TLS (certificate: a .both file, or NULL for none) in front of ports. */
struct server servers_start_haproxy(const char *folder, const char *certificate,
    const int *ports, size_t port_count);
void servers_stop(struct server *server);

/* The first line of nginx's access log for that path; false: none. */
bool servers_logged(
    const struct server *nginx, const char *url, char *ret_line, size_t size);
/* The same once it is there; false after ten seconds. */
bool servers_wait_logged(
    const struct server *nginx, const char *url, char *ret_line, size_t size);

#endif
