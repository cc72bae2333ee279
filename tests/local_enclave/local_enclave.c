/*
 * local-enclave: a stand-in for a service in a Nitro enclave, for people
 * without Nitro hardware. Trusted by nobody who does not choose its root.
 */
#include "answer.h"
#include "connection.h"
#include "control.h"
#include "echo.h"
#include "enclave.h"
#include "encoding.h"
#include "evidence.h"
#include "fatal.h"
#include "proxy.h"
#include "state_dir.h"
#include "truth_log.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	/* A test that pauses must not find its connection closed. */
	IDLE_TIMEOUT_S = 86400,
	HEADERS_BYTES_MAX = 256 * 1024,
};

static const char usage[] =
    "usage: local-enclave --state DIR [options]\n"
    "  --instance NAME      name of the log and status file, default enclave\n"
    "  --host NAME          in the certificate, repeatable;\n"
    "                       default localhost and enclave.test\n"
    "  --pcr N=HEX          repeatable\n"
    "  --debug              PCR0, 1 and 2 zero\n"
    "  --era 2024|2026      shape of documents, default 2026\n"
    "  --tls 1.2|1.3        default both\n"
    "  --relay ORIGIN       show the evidence of that server instead\n"
    "  --proxy PORT         what is not evidence is answered by "
    "127.0.0.1:PORT\n"
    "  --keep-key           reuse the TLS key of an earlier run\n"
    "  --exit-with-parent   end when the parent process ends\n";

enum option_id {
	OPTION_STATE = 256,
	OPTION_INSTANCE,
	OPTION_HOST,
	OPTION_PCR,
	OPTION_DEBUG,
	OPTION_ERA,
	OPTION_TLS,
	OPTION_RELAY,
	OPTION_PROXY,
	OPTION_KEEP_KEY,
	OPTION_EXIT_WITH_PARENT,
	OPTION_HELP,
};

static const struct option long_options[] = {
    {"state", required_argument, NULL, OPTION_STATE},
    {"instance", required_argument, NULL, OPTION_INSTANCE},
    {"host", required_argument, NULL, OPTION_HOST},
    {"pcr", required_argument, NULL, OPTION_PCR},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"era", required_argument, NULL, OPTION_ERA},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"relay", required_argument, NULL, OPTION_RELAY},
    {"proxy", required_argument, NULL, OPTION_PROXY},
    {"keep-key", no_argument, NULL, OPTION_KEEP_KEY},
    {"exit-with-parent", no_argument, NULL, OPTION_EXIT_WITH_PARENT},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void
exit_with_parent(void)
{
	pid_t parent = getppid();

	must(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
	/* It may have ended before the kernel was asked. */
	if (getppid() != parent)
		exit(0);
}

static int
parse_tls_version(const char *text)
{
	if (strcmp(text, "1.2") == 0)
		return TLS1_2_VERSION;
	if (strcmp(text, "1.3") == 0)
		return TLS1_3_VERSION;
	die("unknown TLS version: %s", text);
}

static int
parse_port(const char *text)
{
	uint64_t port;

	if (!number_decode(text, &port) || port == 0 || port > UINT16_MAX)
		die("not a port: %s", text);
	return (int)port;
}

static void
take_option(struct enclave_options *options, int option, const char *text)
{
	switch (option) {
	case OPTION_STATE:
		options->state = text;
		break;
	case OPTION_INSTANCE:
		options->instance = text;
		break;
	case OPTION_HOST:
		web_hosts_add(&options->hosts, text);
		break;
	case OPTION_PCR:
		if (!measurements_set_text(&options->behaviour.pcrs, text))
			die("not N=<96 hex digits>: %s", text);
		break;
	case OPTION_DEBUG:
		options->behaviour.debug = true;
		break;
	case OPTION_ERA:
		if (!era_parse(text, &options->behaviour.era))
			die("unknown era: %s", text);
		break;
	case OPTION_TLS:
		options->tls_version = parse_tls_version(text);
		break;
	case OPTION_RELAY:
		options->relay = text;
		break;
	case OPTION_PROXY:
		options->proxy_port = parse_port(text);
		break;
	case OPTION_KEEP_KEY:
		options->keep_key = true;
		break;
	case OPTION_EXIT_WITH_PARENT:
		exit_with_parent();
		break;
	case OPTION_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static void
take_options(struct enclave_options *options, int argc, char **argv)
{
	int option;

	options->instance = "enclave";
	behaviour_default(&options->behaviour);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(options, option, optarg);
	if (options->state == NULL || optind != argc) {
		fputs(usage, stderr);
		exit(2);
	}
	if (options->hosts.count == 0) {
		web_hosts_add(&options->hosts, "localhost");
		web_hosts_add(&options->hosts, "enclave.test");
	}
}

static void
on_request(struct evhttp_request *request, void *argument)
{
	struct enclave *enclave = argument;
	const char *path =
	    evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));

	if (!enclave->behaviour.keep_alive)
		answer_header(request, "Connection", "close");
	if (path != NULL && evidence_path(path) &&
	    evhttp_request_get_command(request) == EVHTTP_REQ_GET)
		evidence_answer(enclave, request);
	else if (enclave->options->proxy_port != 0)
		proxy_answer(request, enclave->options->proxy_port);
	else
		echo_answer(request);
}

/* Binds to loopback, on a port that the kernel picks, and returns the port. */
static int
listen_on_loopback(struct evhttp *server)
{
	struct evhttp_bound_socket *bound =
	    evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	struct sockaddr_in address = {0};
	socklen_t len = sizeof(address);

	if (bound == NULL)
		die("cannot listen on 127.0.0.1");
	must(getsockname(evhttp_bound_socket_get_fd(bound),
		 (struct sockaddr *)&address, &len) == 0);
	return ntohs(address.sin_port);
}

static struct evhttp *
server_new(struct event_base *base)
{
	struct evhttp *server = evhttp_new(base);

	must(server != NULL);
	evhttp_set_allowed_methods(
	    server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
			EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
			EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_timeout(server, IDLE_TIMEOUT_S);
	evhttp_set_max_headers_size(server, HEADERS_BYTES_MAX);
	return server;
}

static void
add_path(cJSON *object, const char *name, const char *folder, const char *file)
{
	char *path = state_path(folder, file, "");
	char *absolute = realpath(path, NULL);

	must(absolute != NULL);
	must(cJSON_AddStringToObject(object, name, absolute) != NULL);
	free(absolute);
	free(path);
}

static void
announce(const struct enclave *enclave, int port, int control_port)
{
	const struct enclave_options *options = enclave->options;
	struct measurements pcrs = behaviour_measurements(&enclave->behaviour);
	char *path = state_path(options->state, options->instance, ".json");
	char *key = enclave_spki_sha256(enclave);
	cJSON *object = cJSON_CreateObject();
	char *text;

	must(object != NULL);
	must(cJSON_AddNumberToObject(object, "port", port) != NULL);
	must(cJSON_AddNumberToObject(object, "control_port", control_port) !=
	     NULL);
	must(cJSON_AddNumberToObject(object, "pid", getpid()) != NULL);
	add_path(object, "nitro_root", options->state, "nitro-root.pem");
	add_path(object, "web_ca", options->state, "web-ca.pem");
	must(cJSON_AddStringToObject(object, "log", enclave->log_path) != NULL);
	must(cJSON_AddStringToObject(object, "spki_sha256", key) != NULL);
	must(cJSON_AddItemToObject(object, "pcrs", measurements_json(&pcrs)));
	text = cJSON_PrintUnformatted(object);
	must(text != NULL);
	state_write(path, text, strlen(text));
	printf("%s\n", text);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(object);
	free(key);
	free(path);
}

static void
on_signal(evutil_socket_t number, short what, void *base)
{
	(void)number;
	(void)what;
	must(event_base_loopexit(base, NULL) == 0);
}

static struct event *
watch_signal(struct event_base *base, int number)
{
	struct event *signal_event =
	    evsignal_new(base, number, on_signal, base);

	must(signal_event != NULL && evsignal_add(signal_event, NULL) == 0);
	return signal_event;
}

static void
serve(struct enclave *enclave, struct event_base *base)
{
	struct event *terminated = watch_signal(base, SIGTERM);
	struct event *interrupted = watch_signal(base, SIGINT);
	int port;
	int control_port;

	enclave->service = server_new(base);
	enclave->control = server_new(base);
	evhttp_set_bevcb(enclave->service, connection_stream_new, enclave);
	evhttp_set_gencb(enclave->service, on_request, enclave);
	evhttp_set_gencb(enclave->control, control_answer, enclave);
	port = listen_on_loopback(enclave->service);
	control_port = listen_on_loopback(enclave->control);
	announce(enclave, port, control_port);
	must(event_base_dispatch(base) == 0);
	evhttp_free(enclave->service);
	evhttp_free(enclave->control);
	/* libevent frees streams in the next turn of its loop. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_free(terminated);
	event_free(interrupted);
}

int
main(int argc, char **argv)
{
	struct enclave_options options = {0};
	struct enclave enclave;
	struct event_base *base;

	take_options(&options, argc, argv);
	must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	base = event_base_new();
	must(base != NULL);
	enclave_open(&enclave, base, &options);
	serve(&enclave, base);
	event_base_free(base);
	enclave_close(&enclave);
	web_hosts_free(&options.hosts);
	curl_global_cleanup();
	libevent_global_shutdown();
	return 0;
}
