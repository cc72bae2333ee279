/*
 * The least program: one request to one enclave, or the reason why not.
 *
 *   minimal MAP.json NAME PATH [CA-FILE NITRO-ROOT]
 *
 * The last two are for trying it without Nitro hardware.
 *
 *   cc -o minimal minimal.c \
 *       $(pkg-config --cflags --libs enclave-client)
 */
#include <enclave_client.h>
#include <stdio.h>

static enum enclave_client_status
load(char **argv, struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	if (argv[4]) {
		enclave_client_config_set_ca_file(config, argv[4]);
		enclave_client_config_set_insecure_nitro_root_file(
		    config, argv[5]);
	}
	return enclave_client_config_load_file(config, argv[1], error);
}

int
main(int argc, char **argv)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	int failed = 1;

	if (argc != 4 && argc != 6) {
		fputs("usage: minimal MAP.json NAME PATH "
		      "[CA-FILE NITRO-ROOT]\n",
		    stderr);
		goto out;
	}
	if (enclave_client_config_new(&config) || load(argv, config, error) ||
	    enclave_client_new(config, &client, error) ||
	    enclave_client_request_new("GET", argv[3], &request) ||
	    enclave_client_request(
		client, argv[2], request, &response, error)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		goto out;
	}
	printf("%s\n", enclave_client_response_body(response, NULL));
	failed = 0;
out:
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	enclave_client_free(client);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return failed;
}
