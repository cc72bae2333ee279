#include "session.h"

#include "policy_options.h"

static void
configure_connection(
    const struct options *options, struct enclave_client_config *config)
{
	char agent[64];

	(void)snprintf(
	    agent, sizeof(agent), "attest-curl/%s", enclave_client_version());
	enclave_client_config_set_user_agent(config, agent);
	/* One line, one process: requests learn by themselves. */
	enclave_client_config_set_polling(config, false);
	if (options->ca_file)
		enclave_client_config_set_ca_file(config, options->ca_file);
	for (size_t i = 0; i < options->resolve.count; i++)
		enclave_client_config_add_resolve(
		    config, options->resolve.items[i]);
	for (size_t i = 0; i < options->connect_to.count; i++)
		enclave_client_config_add_connect_to(
		    config, options->connect_to.items[i]);
}

int
session_open(const struct options *options, struct session *ret_session,
    struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	enum enclave_client_status status;

	*ret_session = (struct session){.options = options};
	if (targets_from_urls(&options->urls, &ret_session->targets, fault))
		goto out;
	if (enclave_client_config_new(&config) != ENCLAVE_CLIENT_OK) {
		(void)fault_memory(fault);
		goto out;
	}
	if (policy_configure(options, &ret_session->targets, config, fault))
		goto out;
	configure_connection(options, config);
	policy_warn_insecure(options);
	status = enclave_client_new(config, &ret_session->client, error);
	if (status != ENCLAVE_CLIENT_OK)
		(void)fault_set_error(fault, status, error);

out:
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return fault->exit_status;
}

void
session_close(struct session *session)
{
	enclave_client_free(session->client);
	session->client = NULL;
	targets_clear(&session->targets);
}

void
session_report(const struct options *options, const struct fault *fault)
{
	if (fault->exit_status && options_errors_shown(options))
		(void)fprintf(stderr, "attest-curl: (%d) %s\n",
		    fault->exit_status, fault->text);
}
