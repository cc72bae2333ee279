/*
 * A protocol of lines over OpenSSL: each line of standard input goes to the
 * enclave, and each answer to standard output.
 *
 * usage: openssl_line enclaves.json NAME HOST PORT CA-FILE NITRO-ROOT|-
 *
 *   cc -o openssl_line openssl_line.c \
 *       $(pkg-config --cflags --libs enclave-client openssl)
 */
#include <enclave_client_openssl.h>
#include <openssl/bio.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS        10000
#define LINE_MAX_BYTES 4096

/* Connected and judged, or NULL with the reason in error. */
static SSL *
connect_to(struct enclave_client *client, const char *const *argv,
    SSL_CTX *ssl_ctx, struct enclave_client_error *error)
{
	BIO *tcp = BIO_new_connect(argv[3]);
	SSL *ssl = SSL_new(ssl_ctx);

	if (!tcp || !ssl || BIO_set_conn_port(tcp, argv[4]) <= 0 ||
	    BIO_do_connect(tcp) <= 0) {
		fprintf(stderr, "no connection to %s:%s\n", argv[3], argv[4]);
		BIO_free_all(tcp);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_bio(ssl, tcp, tcp);
	(void)SSL_set_tlsext_host_name(ssl, argv[3]);
	/* Whether or not the handshake went well: the check says why not. */
	(void)SSL_connect(ssl);
	if (!enclave_client_ssl_check(client, ssl, NULL, error))
		return ssl;
	fprintf(stderr, "%s\n", enclave_client_error_message(error));
	SSL_free(ssl);
	return NULL;
}

/* One line there, one line back; asked again before each. */
static int
talk(
    struct enclave_client *client, SSL *ssl, struct enclave_client_error *error)
{
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), stdin)) {
		int len;
		if (enclave_client_ssl_check(client, ssl, NULL, error)) {
			fprintf(stderr, "%s\n",
			    enclave_client_error_message(error));
			return 1;
		}
		if (SSL_write(ssl, line, (int)strlen(line)) <= 0)
			return 1;
		do {
			len = SSL_read(ssl, line, (int)sizeof(line));
			if (len <= 0)
				return 1;
			(void)fwrite(line, 1, (size_t)len, stdout);
		} while (line[len - 1] != '\n');
		(void)fflush(stdout);
	}
	return 0;
}

/* nitro_root: "-" for AWS's, else a local enclave's: for tries alone. */
struct trust {
	const char *ca;
	const char *nitro_root;
};

static struct enclave_client *
start_client(const char *map, const struct trust *trust,
    struct enclave_client_error *error)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;

	if (enclave_client_config_new(&config))
		return NULL;
	enclave_client_config_set_ca_file(config, trust->ca);
	if (strcmp(trust->nitro_root, "-") != 0)
		enclave_client_config_set_insecure_nitro_root_file(
		    config, trust->nitro_root);
	if (enclave_client_config_load_file(config, map, error) ||
	    enclave_client_new(config, &client, error))
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	enclave_client_config_free(config);
	return client;
}

int
main(int argc, char **argv)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client *client = NULL;
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	int result = 1;

	if (argc != 7) {
		fputs("usage: openssl_line enclaves.json NAME HOST PORT "
		      "CA-FILE NITRO-ROOT|-\n",
		    stderr);
		goto out;
	}
	client = start_client(argv[1],
	    &(struct trust){.ca = argv[5], .nitro_root = argv[6]}, error);
	if (!client || !ssl_ctx ||
	    SSL_CTX_load_verify_file(ssl_ctx, argv[5]) != 1)
		goto out;
	/* Evidence is fetched in the background: the first must have come. */
	if (enclave_client_ssl_ctx_attach(client, argv[2], ssl_ctx, error) ||
	    enclave_client_wait(client, argv[2], WAIT_MS, error)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		goto out;
	}
	ssl = connect_to(client, (const char *const *)argv, ssl_ctx, error);
	if (ssl)
		result = talk(client, ssl, error);
out:
	SSL_free(ssl);
	enclave_client_free(client);
	SSL_CTX_free(ssl_ctx);
	enclave_client_error_free(error);
	return result;
}
