/*
 * Server-sent events from a model in an enclave: the question is standard
 * input, and each event's data is shown as it comes.
 *
 *   echo '{"stream": true, "prompt": "..."}' |
 *       streaming_events MAP.json NAME PATH [CA-FILE NITRO-ROOT]
 *
 * CA-FILE and NITRO-ROOT are for trying it without Nitro hardware.
 *
 *   cc -o streaming_events streaming_events.c \
 *       $(pkg-config --cflags --libs enclave-client)
 */
#include <enclave_client.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000
#define QUESTION_BYTES_MAX 65536
#define LINE_BYTES_MAX     65536

/* The line that is being received. */
struct line {
	char text[LINE_BYTES_MAX];
	size_t len;
};

/* Of an event only the data is shown (WHATWG HTML 9.2.6). */
static void
end_line(struct line *line)
{
	const char *data = line->text;

	line->text[line->len] = '\0';
	line->len = 0;
	if (strncmp(data, "data:", 5) != 0)
		return;
	data += data[5] == ' ' ? 6 : 5;
	printf("%s\n", data);
	fflush(stdout);
}

/* False for a line that is longer than any event should be. */
static bool
take(struct line *line, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r')
			end_line(line);
		else if (line->len < LINE_BYTES_MAX - 1)
			line->text[line->len++] = bytes[i];
		else
			return false;
	}
	return true;
}

/* Until the stream's own end.  Evidence that is withdrawn meanwhile ends it
 * too, and is a failure: what was shown is then not the whole answer. */
static int
show_events(struct enclave_client_response *response,
    struct enclave_client_error *error)
{
	static struct line line;
	char buffer[4096];
	size_t len = 0;

	do {
		if (enclave_client_response_read(
			response, buffer, sizeof(buffer), &len, error)) {
			fprintf(stderr, "%s\n",
			    enclave_client_error_message(error));
			return 1;
		}
		if (!take(&line, buffer, len)) {
			fputs("a line of the answer is too long\n", stderr);
			return 1;
		}
	} while (len > 0);
	return 0;
}

static int
ask(struct enclave_client *client, const char *name,
    struct enclave_client_request *request, struct enclave_client_error *error)
{
	struct enclave_client_response *response = NULL;
	int failed = 1;

	enclave_client_request_add_header(
	    request, "Content-Type", "application/json");
	enclave_client_request_add_header(
	    request, "Accept", "text/event-stream");
	/* The deadline would hold for the reading too; a stream has no end
	 * that can be known. */
	enclave_client_request_set_timeout_ms(request, 0);
	enclave_client_request_set_connect_timeout_ms(
	    request, CONNECT_TIMEOUT_MS);
	if (enclave_client_open(client, name, request, &response, error))
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
	else if (enclave_client_response_status(response) != 200)
		fprintf(stderr, "status %ld\n",
		    enclave_client_response_status(response));
	else
		failed = show_events(response, error);
	enclave_client_response_free(response);
	return failed;
}

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
	static char question[QUESTION_BYTES_MAX];
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	struct enclave_client_request *request = NULL;
	size_t len;
	int failed = 1;

	if (argc != 4 && argc != 6) {
		fputs("usage: streaming_events MAP.json NAME PATH "
		      "[CA-FILE NITRO-ROOT]\n",
		    stderr);
		goto out;
	}
	len = fread(question, 1, sizeof(question), stdin);
	if (ferror(stdin) || !feof(stdin)) {
		fputs("the question can't be read, or is too long\n", stderr);
		goto out;
	}
	if (enclave_client_config_new(&config) || load(argv, config, error) ||
	    enclave_client_new(config, &client, error) ||
	    enclave_client_request_new("POST", argv[3], &request)) {
		fprintf(stderr, "%s\n", enclave_client_error_message(error));
		goto out;
	}
	enclave_client_request_set_body(request, question, len);
	failed = ask(client, argv[2], request, error);
out:
	enclave_client_request_free(request);
	enclave_client_free(client);
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return failed;
}
