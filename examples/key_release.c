/*
 * A small vault: hands a secret to attested clients, and to nobody else.
 *
 *   key_release MAP.json NAME SERVER.pem SERVER.key [NITRO_ROOT.pem]
 *
 * NAME is the entry of the map that says which enclaves may ask; its profile
 * must carry its evidence in the certificate:
 *
 *   {"enclaves": {"signer": {"url": "https://signer.invalid",
 *     "profile": "nitro-ra-tls", "trust": "attested_key",
 *     "max_age_ms": 600000, "pcrs": {"PCR0": "<96 hex>"}}}}
 *
 * It listens on 127.0.0.1, prints its port, and serves one client after the
 * other until its standard input ends.  NITRO_ROOT.pem is for trying it
 * without Nitro hardware.
 *
 *   cc -o key_release key_release.c \
 *       $(pkg-config --cflags --libs enclave-client openssl)
 */
#include <arpa/inet.h>
#include <enclave_client_openssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char secret[] = "correct horse battery staple\n";

/* A client that says nothing must not keep the next one waiting. */
#define CLIENT_TIMEOUT_S 5

static void
tell_event(const struct enclave_client_event *event, void *context)
{
	(void)context;
	/* A build that was not expected asks for the secret: somebody should
	 * know. */
	fprintf(stderr, "event %s: %s\n",
	    enclave_client_event_name(event->kind), event->message);
}

/* The socket's port, or -1. */
static int
listen_on_loopback(int *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) ||
	    listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		return -1;
	*ret_port = ntohs(address.sin_port);
	return listener;
}

/* The check is asked right before the secret leaves: not only the handshake
 * must have passed, the evidence must still count. */
static void
serve(
    struct enclave_client *client, SSL *ssl, struct enclave_client_error *error)
{
	struct enclave_client_document *document = NULL;

	/* The check demands that the handshake finished, and tells why not. */
	(void)SSL_accept(ssl);
	if (enclave_client_ssl_check(client, ssl, &document, error)) {
		fprintf(stderr, "refused: %s\n",
		    enclave_client_error_message(error));
		return;
	}
	fprintf(stderr, "released to %s, PCR0 %s\n",
	    enclave_client_document_module_id(document),
	    enclave_client_document_pcr(document, 0));
	(void)SSL_write(ssl, secret, (int)sizeof(secret) - 1);
	(void)SSL_shutdown(ssl);
	enclave_client_document_free(document);
}

static void
accept_one(struct enclave_client *client, SSL_CTX *ssl_ctx, int listener,
    struct enclave_client_error *error)
{
	static const struct timeval patience = {.tv_sec = CLIENT_TIMEOUT_S};
	int peer = accept(listener, NULL, NULL);
	SSL *ssl = SSL_new(ssl_ctx);

	if (peer >= 0 && ssl && SSL_set_fd(ssl, peer) == 1 &&
	    !setsockopt(
		peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
	    !setsockopt(
		peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		serve(client, ssl, error);
	SSL_free(ssl);
	if (peer >= 0)
		close(peer);
}

/* Until standard input ends. */
static void
run(struct enclave_client *client, SSL_CTX *ssl_ctx, int listener,
    struct enclave_client_error *error)
{
	struct pollfd watched[2] = {{.fd = listener, .events = POLLIN},
	    {.fd = STDIN_FILENO, .events = POLLIN}};

	while (poll(watched, 2, -1) > 0 && !watched[1].revents)
		if (watched[0].revents)
			accept_one(client, ssl_ctx, listener, error);
}

static enum enclave_client_status
load(char **argv, struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	enclave_client_config_set_event_callback(config, tell_event, NULL);
	if (argv[5])
		enclave_client_config_set_insecure_nitro_root_file(
		    config, argv[5]);
	return enclave_client_config_load_file(config, argv[1], error);
}

int
main(int argc, char **argv)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());
	int listener = -1;
	int port = 0;
	int failed = 1;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: key_release MAP.json NAME SERVER.pem "
				"SERVER.key [NITRO_ROOT.pem]\n");
		goto out;
	}
	if (!ssl_ctx ||
	    SSL_CTX_use_certificate_chain_file(ssl_ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ssl_ctx, argv[4], SSL_FILETYPE_PEM) !=
		1) {
		fprintf(stderr, "can't use %s with %s\n", argv[3], argv[4]);
		goto out;
	}
	if (enclave_client_config_new(&config) || load(argv, config, error) ||
	    enclave_client_new(config, &client, error) ||
	    enclave_client_ssl_ctx_attach_server(
		client, argv[2], ssl_ctx, error)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		goto out;
	}
	listener = listen_on_loopback(&port);
	if (listener < 0) {
		perror("listen");
		goto out;
	}
	printf("%d\n", port);
	fflush(stdout);
	run(client, ssl_ctx, listener, error);
	failed = 0;
out:
	if (listener >= 0)
		close(listener);
	SSL_CTX_free(ssl_ctx);
	enclave_client_free(client);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return failed;
}
