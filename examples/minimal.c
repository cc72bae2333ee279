/*
 * The least program: one request to one enclave, or the reason why not.
 *
 *   minimal enclaves.json payments /hello
 */
#include <enclave_client.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	int failed = 1;

	if (argc != 4) {
		fprintf(stderr, "usage: minimal MAP.json NAME PATH\n");
		goto out;
	}
	if (enclave_client_config_new(&config) ||
	    enclave_client_config_load_file(config, argv[1], error) ||
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
