/*
 * A fleet: waits until every enclave of the map is attested, asks each that
 * is, and says how all of them stand.
 *
 *   many_enclaves MAP.json PATH [CA-FILE NITRO-ROOT]
 *
 * Standard output: a line for each enclave, then the same as metrics for
 * Prometheus.  CA-FILE and NITRO-ROOT are for trying it without Nitro
 * hardware.
 *
 *   cc -o many_enclaves many_enclaves.c \
 *       $(pkg-config --cflags --libs enclave-client)
 */
#include <enclave_client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 5000

/* What changes in the background, as it does. */
static void
tell_event(const struct enclave_client_event *event, void *context)
{
	(void)context;
	fprintf(stderr, "event %s: %s: %s\n",
	    enclave_client_event_name(event->kind), event->enclave,
	    event->message);
}

static long
ask(struct enclave_client *client, const char *name,
    struct enclave_client_request *request, struct enclave_client_error *error)
{
	struct enclave_client_response *response = NULL;
	long status = 0;

	if (enclave_client_request(client, name, request, &response, error))
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	else
		status = enclave_client_response_status(response);
	enclave_client_response_free(response);
	return status;
}

static void
tell_standing(const struct enclave_client_report_enclave *enclave, long status)
{
	printf(
	    "%s %s", enclave->name, enclave_client_state_name(enclave->state));
	if (enclave->key_count > 0)
		printf(" until %" PRId64 ", HTTP %ld",
		    enclave->keys[0].deadline_ms / 1000, status);
	if (enclave->last_status)
		printf(": %s", enclave->last_message);
	printf("\n");
}

/* One that can't be reached, or runs another build, holds up none of the
 * others. */
static int
ask_all(struct enclave_client *client, struct enclave_client_request *request,
    struct enclave_client_error *error)
{
	const struct enclave_client_report_enclave *enclave;
	struct enclave_client_report *report = NULL;
	char *metrics = NULL;
	int failed = 0;

	if (enclave_client_report(client, NULL, &report, error)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		return 1;
	}
	for (size_t i = 0; (enclave = enclave_client_report_at(report, i));
	     i++) {
		long status = 0;
		if (enclave->state == ENCLAVE_CLIENT_STATE_ATTESTED)
			status = ask(client, enclave->name, request, error);
		tell_standing(enclave, status);
		failed |= status == 0;
	}
	metrics = enclave_client_report_prometheus(report);
	printf("\n%s", metrics ? metrics : "");
	free(metrics);
	enclave_client_report_free(report);
	return failed;
}

static enum enclave_client_status
load(char **argv, struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	enclave_client_config_set_event_callback(config, tell_event, NULL);
	if (argv[3]) {
		enclave_client_config_set_ca_file(config, argv[3]);
		enclave_client_config_set_insecure_nitro_root_file(
		    config, argv[4]);
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
	int failed = 1;

	if (argc != 3 && argc != 5) {
		fputs("usage: many_enclaves MAP.json PATH "
		      "[CA-FILE NITRO-ROOT]\n",
		    stderr);
		goto out;
	}
	if (enclave_client_config_new(&config) || load(argv, config, error) ||
	    enclave_client_new(config, &client, error) ||
	    enclave_client_request_new("GET", argv[2], &request)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		goto out;
	}
	/* Whoever is not ready by then is named, and passed over. */
	if (enclave_client_wait(client, NULL, WAIT_MS, error))
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	failed = ask_all(client, request, error);
out:
	enclave_client_request_free(request);
	enclave_client_free(client);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return failed;
}
