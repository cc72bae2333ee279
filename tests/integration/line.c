#include "integration/line.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/fixture.h"

SSL_CTX *
line_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	ck_assert_ptr_nonnull(context);
	ck_assert_int_eq(SSL_CTX_load_verify_file(context,
			     local_enclave_text(fixture.enclave, "web_ca")),
	    1);
	return context;
}

static int
connect_to(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = {.tv_sec = 30};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			     sizeof(patience)),
	    0);
	ck_assert_int_eq(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

SSL *
line_new(SSL_CTX *context)
{
	SSL *ssl = SSL_new(context);

	ck_assert_ptr_nonnull(ssl);
	ck_assert_int_eq(
	    SSL_set_fd(ssl, connect_to(local_enclave_port(fixture.enclave))),
	    1);
	ck_assert_int_eq(SSL_set_tlsext_host_name(ssl, "localhost"), 1);
	return ssl;
}

void
line_again(SSL *ssl, SSL_SESSION *session)
{
	int fd = SSL_get_fd(ssl);

	(void)SSL_shutdown(ssl);
	ck_assert_int_eq(SSL_clear(ssl), 1);
	ck_assert_int_eq(
	    SSL_set_fd(ssl, connect_to(local_enclave_port(fixture.enclave))),
	    1);
	(void)close(fd);
	ck_assert_int_eq(SSL_set_session(ssl, session), 1);
}

SSL *
line_dial(SSL_CTX *context, bool *ret_done)
{
	SSL *ssl = line_new(context);

	*ret_done = SSL_connect(ssl) == 1;
	return ssl;
}

/* Until the whole of a short answer came: it ends with the echo's brace. */
bool
line_get(SSL *ssl, const char *path)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	size_t got = 0;

	if (SSL_write(ssl, text, len) != len)
		return false;
	for (int i = 0; i < 100 && got < sizeof(text) - 1; i++) {
		int count =
		    SSL_read(ssl, text + got, (int)(sizeof(text) - 1 - got));
		if (count <= 0)
			return false;
		got += (size_t)count;
		text[got] = '\0';
		if (strstr(text, "\r\n\r\n") && text[got - 1] == '}')
			return !strncmp(text, "HTTP/1.1 200", 12);
	}
	return false;
}

void
line_free(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	/* Or OpenSSL would not let its session be resumed. */
	if (SSL_is_init_finished(ssl))
		(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	if (fd >= 0)
		(void)close(fd);
}
