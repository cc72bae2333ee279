/*
 * A program that drives libcurl's multi interface itself: all URLs at once,
 * each handle attached, so that nothing is sent but to attested enclaves.
 *
 * usage: attach_multi enclaves.json CA-FILE NITRO-ROOT|- URL...
 *
 *   cc -o attach_multi attach_multi.c \
 *       $(pkg-config --cflags --libs enclave-client libcurl)
 */
#include <enclave_client_curl.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS       30000
#define POLL_MS       1000
#define TRANSFERS_MAX 16

struct transfer {
	const char *url;
	CURL *easy;
	struct enclave_client_curl *attachment;
};

static int
begin(struct transfer *transfer, struct enclave_client *client, const char *ca,
    struct enclave_client_error *error)
{
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return 1;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->url);
	curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, ca);
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	if (!enclave_client_curl_attach(
		client, transfer->easy, NULL, &transfer->attachment, error))
		return 0;
	fprintf(stderr, "%s\n", enclave_client_error_message(error));
	return 1;
}

/* What libcurl calls done is judged: OK only when the gate passed it. */
static int
finish(CURLM *multi, CURLMsg *message, struct enclave_client_error *error)
{
	struct transfer *transfer = NULL;
	CURLcode code = message->data.result;

	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
	curl_multi_remove_handle(multi, transfer->easy);
	if (!enclave_client_curl_result(transfer->attachment, code, error))
		return 0;
	fprintf(stderr, "%s: %s\n", transfer->url,
	    enclave_client_error_message(error));
	return 1;
}

static int
run(CURLM *multi, struct enclave_client_error *error)
{
	int running = 1;
	int failed = 0;

	while (running) {
		CURLMsg *message;
		int left = 0;
		if (curl_multi_perform(multi, &running) ||
		    (running && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL)))
			return 1;
		while ((message = curl_multi_info_read(multi, &left)))
			failed |= finish(multi, message, error);
	}
	return failed;
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
	    enclave_client_new(config, &client, error) ||
	    /* Attached handles do not learn: evidence must have come. */
	    enclave_client_wait(client, NULL, WAIT_MS, error))
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	enclave_client_config_free(config);
	return client;
}

int
main(int argc, char **argv)
{
	struct transfer transfers[TRANSFERS_MAX] = {0};
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client *client = NULL;
	CURLM *multi = curl_multi_init();
	int result = 1;

	if (argc < 5 || argc - 4 > TRANSFERS_MAX) {
		fputs("usage: attach_multi enclaves.json CA-FILE "
		      "NITRO-ROOT|- URL...\n",
		    stderr);
		goto out;
	}
	client = start_client(argv[1],
	    &(struct trust){.ca = argv[2], .nitro_root = argv[3]}, error);
	if (!client || !multi)
		goto out;
	for (int i = 0; i < argc - 4; i++) {
		transfers[i].url = argv[i + 4];
		if (begin(&transfers[i], client, argv[2], error))
			goto out;
		curl_multi_add_handle(multi, transfers[i].easy);
	}
	result = run(multi, error);
out:
	for (int i = 0; i < TRANSFERS_MAX; i++) {
		enclave_client_curl_detach(transfers[i].attachment);
		curl_easy_cleanup(transfers[i].easy);
	}
	curl_multi_cleanup(multi);
	enclave_client_free(client);
	enclave_client_error_free(error);
	return result;
}
