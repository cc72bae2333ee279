#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "policy_options.h"

/* Where attest-curl differs from the library's defaults. */
static void
configure_network(
    const struct options *options, struct enclave_client_config *config)
{
	enclave_client_config_set_tls_versions(config,
	    (enum enclave_client_tls_version)options->tls_min,
	    (enum enclave_client_tls_version)options->tls_max);
	enclave_client_config_set_http_version(
	    config, (enum enclave_client_http_version)options->http_version);
	enclave_client_config_set_ip_version(
	    config, (unsigned int)options->ip_version);
	if (options->interface)
		enclave_client_config_set_interface(config, options->interface);
	if (options->proxy)
		enclave_client_config_set_proxy(config, options->proxy);
	/* libcurl asks the environment, for an explicit proxy as well. */
	if (options->no_proxy)
		(void)setenv("no_proxy", options->no_proxy, 1);
	for (size_t i = 0; i < options->resolve.count; i++)
		enclave_client_config_add_resolve(
		    config, options->resolve.items[i]);
	for (size_t i = 0; i < options->connect_to.count; i++)
		enclave_client_config_add_connect_to(
		    config, options->connect_to.items[i]);
}

static void
configure_connection(
    const struct options *options, struct enclave_client_config *config)
{
	char agent[64];

	(void)snprintf(
	    agent, sizeof(agent), "attest-curl/%s", enclave_client_version());
	enclave_client_config_set_user_agent(config, agent);
	/* One line, one process: requests learn by themselves. */
	enclave_client_config_set_polling(config, options->verb == VERB_WATCH);
	if (options->evidence_store)
		enclave_client_config_set_evidence_store(
		    config, options->evidence_store);
	if (options->ca_file)
		enclave_client_config_set_ca_file(config, options->ca_file);
	if (options->ca_directory)
		enclave_client_config_set_ca_directory(
		    config, options->ca_directory);
	if (options->certificate || options->key)
		enclave_client_config_set_client_certificate_file(config,
		    options->certificate, options->key,
		    options->key_passphrase);
	configure_network(options, config);
}

/* As curl: cookies are kept when one of -b FILE and -c asks for it. */
static int
open_cookies(
    const struct options *options, struct session *session, struct fault *fault)
{
	bool wanted = options->cookie_jar != NULL;

	for (size_t i = 0; i < options->cookies.count; i++)
		wanted = wanted || !strchr(options->cookies.items[i], '=');
	if (!wanted)
		return EXIT_DONE;
	if (enclave_client_cookies_new(&session->cookies))
		return fault_memory(fault);
	for (size_t i = 0; i < options->cookies.count; i++) {
		const char *file = options->cookies.items[i];

		if (!strchr(file, '=') && *file &&
		    enclave_client_cookies_load_file(session->cookies, file,
			options->junk_session_cookies, NULL))
			return fault_memory(fault);
	}
	return EXIT_DONE;
}

/* As policy_warn_insecure(), of what the library alone knows: the sets. */
static void
warn_of_policy(const struct enclave_client_event *event, void *context)
{
	(void)context;
	if (event->kind == ENCLAVE_CLIENT_EVENT_INSECURE &&
	    event->step == ENCLAVE_CLIENT_STEP_POLICY)
		(void)fprintf(stderr, "attest-curl: insecure: %s: %s\n",
		    event->enclave, event->message);
}

int
session_open(const struct options *options, struct session *ret_session,
    struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	enum enclave_client_status status;

	*ret_session = (struct session){.options = options};
	/* A table is of every enclave of the map, unless URLs name some. */
	if ((options->verb != VERB_WATCH || options->urls.count) &&
	    targets_from_options(options, &ret_session->targets, fault))
		goto out;
	if (enclave_client_config_new(&config) != ENCLAVE_CLIENT_OK) {
		(void)fault_memory(fault);
		goto out;
	}
	if (policy_configure(options, &ret_session->targets, config, fault) ||
	    open_cookies(options, ret_session, fault))
		goto out;
	configure_connection(options, config);
	policy_warn_insecure(options);
	enclave_client_config_set_event_callback(config, warn_of_policy, NULL);
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
	const char *jar = session->options->cookie_jar;

	enclave_client_free(session->client);
	session->client = NULL;
	/* As curl, a jar that can't be written is a warning. */
	if (jar && session->cookies &&
	    enclave_client_cookies_save_file(session->cookies, jar, NULL))
		options_warn(session->options, "%s: not written", jar);
	enclave_client_cookies_free(session->cookies);
	session->cookies = NULL;
	targets_clear(&session->targets);
}

void
session_report(const struct options *options, const struct fault *fault)
{
	if (!fault->exit_status || !options_errors_shown(options))
		return;
	if (options->json_errors)
		json_print_fault(fault);
	else
		(void)fprintf(stderr, "attest-curl: (%d) %s\n",
		    fault->exit_status, fault->text);
}
