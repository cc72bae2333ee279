/*
 * The README's lines, with what its reader has and a test must lay in: the
 * roots, and the way.  readme_lines.inc is the README's block.
 */
#include <enclave_client.h>
#include <stdio.h>

static enum enclave_client_status
led(struct enclave_client_config *config, struct enclave_client **ret_client,
    struct enclave_client_error *error)
{
	enclave_client_config_set_ca_file(config, CA_FILE);
	enclave_client_config_set_insecure_nitro_root_file(config, ROOT_FILE);
	enclave_client_config_add_connect_to(config, CONNECT_TO);
	return enclave_client_new(config, ret_client, error);
}
#define enclave_client_new led

int
main(void)
{
#include "readme_lines.inc"
	printf("%ld", response ? enclave_client_response_status(response) : 0);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	enclave_client_free(client);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return 0;
}
