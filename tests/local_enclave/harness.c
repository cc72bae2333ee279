#include "harness.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ARGUMENTS_MAX = 64,
	READY_BYTES_MAX = 16 * 1024,
	READY_TIMEOUT_MS = 30000,
	STOP_TIMEOUT_MS = 10000,
	CONTROL_TIMEOUT_MS = 10000,
	POLL_MS = 5,
};

extern char **environ;

struct local_enclave {
	pid_t pid;
	cJSON *ready;
	char *url;
	int port;
	int control_port;
};

static void
say(const char *what, const char *detail)
{
	fprintf(stderr, "local enclave harness: %s: %s\n", what, detail);
}

static void
pause_ms(int duration_ms)
{
	struct timespec duration = {
	    .tv_sec = duration_ms / 1000,
	    .tv_nsec = duration_ms % 1000 * 1000000L,
	};

	nanosleep(&duration, NULL);
}

/* New text, or NULL with a word on why. */
static char *
binary_path(const char *name)
{
	const char *folder = getenv("LOCAL_ENCLAVE_BIN_DIR");
	char *path = NULL;

	if (folder == NULL) {
		say("not set", "LOCAL_ENCLAVE_BIN_DIR");
		return NULL;
	}
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	return path;
}

/* A process whose standard output is the given descriptor, if not negative. */
static pid_t
spawn(const char *name, char **arguments, int output)
{
	posix_spawn_file_actions_t actions;
	char *path = binary_path(name);
	pid_t pid = -1;
	int problem;

	if (path == NULL)
		return -1;
	if (posix_spawn_file_actions_init(&actions) != 0)
		goto out;
	if (output >= 0)
		posix_spawn_file_actions_adddup2(
		    &actions, output, STDOUT_FILENO);
	arguments[0] = path;
	problem = posix_spawn(&pid, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (problem != 0) {
		say(path, strerror(problem));
		pid = -1;
	}
out:
	free(path);
	return pid;
}

/* One line, or false when none came in time. */
static bool
read_line(int input, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		struct pollfd ready = {.fd = input, .events = POLLIN};
		ssize_t got;

		if (poll(&ready, 1, READY_TIMEOUT_MS) != 1)
			return false;
		got = read(input, line + len, size - 1 - len);
		if (got <= 0)
			return false;
		len += (size_t)got;
		line[len] = '\0';
		if (memchr(line, '\n', len) != NULL)
			return true;
	}
	return false;
}

/* Waits at most so long; kills what has not ended then. */
static int
reap(pid_t pid, int timeout_ms)
{
	int status = 0;
	int waited_ms;

	for (waited_ms = 0; waited_ms < timeout_ms; waited_ms += POLL_MS) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended < 0)
			return -1;
		if (ended == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		pause_ms(POLL_MS);
	}
	say("killed", "it did not end when asked to");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static int
number_member(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(member) ? member->valueint : -1;
}

static bool
understand_ready(struct local_enclave *enclave, const char *line)
{
	enclave->ready = cJSON_Parse(line);
	enclave->port = number_member(enclave->ready, "port");
	enclave->control_port = number_member(enclave->ready, "control_port");
	if (enclave->port <= 0 || enclave->control_port <= 0)
		return false;
	return asprintf(&enclave->url, "https://localhost:%d", enclave->port) >=
	       0;
}

/* Fills a vector for exec; its first place is left for the path. */
static bool
fill_arguments(char **vector, const char *state, const char *const *arguments)
{
	size_t count = 1;

	if (state != NULL) {
		vector[count++] = (char *)(uintptr_t) "--exit-with-parent";
		vector[count++] = (char *)(uintptr_t) "--state";
		vector[count++] = (char *)(uintptr_t)state;
	}
	while (arguments != NULL && *arguments != NULL) {
		if (count == ARGUMENTS_MAX)
			return false;
		vector[count++] = (char *)(uintptr_t)*arguments++;
	}
	vector[count] = NULL;
	return true;
}

struct local_enclave *
local_enclave_start(const char *state, const char *const *arguments)
{
	char *vector[ARGUMENTS_MAX + 1];
	char line[READY_BYTES_MAX];
	struct local_enclave *enclave = calloc(1, sizeof(*enclave));
	int output[2] = {-1, -1};

	if (enclave == NULL || !fill_arguments(vector, state, arguments) ||
	    pipe2(output, O_CLOEXEC) != 0) {
		say("cannot start", strerror(errno));
		free(enclave);
		return NULL;
	}
	enclave->pid = spawn("local-enclave", vector, output[1]);
	close(output[1]);
	if (enclave->pid > 0 && read_line(output[0], line, sizeof(line)) &&
	    understand_ready(enclave, line)) {
		close(output[0]);
		return enclave;
	}
	say("not ready", state);
	close(output[0]);
	local_enclave_stop(enclave);
	return NULL;
}

int
local_enclave_stop(struct local_enclave *enclave)
{
	int status = 0;

	if (enclave == NULL)
		return 0;
	if (enclave->pid > 0) {
		kill(enclave->pid, SIGTERM);
		status = reap(enclave->pid, STOP_TIMEOUT_MS);
	}
	cJSON_Delete(enclave->ready);
	free(enclave->url);
	free(enclave);
	return status;
}

const char *
local_enclave_url(const struct local_enclave *enclave)
{
	return enclave->url;
}

int
local_enclave_port(const struct local_enclave *enclave)
{
	return enclave->port;
}

const cJSON *
local_enclave_ready(const struct local_enclave *enclave)
{
	return enclave->ready;
}

const char *
local_enclave_text(const struct local_enclave *enclave, const char *member)
{
	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(enclave->ready, member));
}

const char *
local_enclave_pcr(const struct local_enclave *enclave, const char *index)
{
	const cJSON *pcrs =
	    cJSON_GetObjectItemCaseSensitive(enclave->ready, "pcrs");

	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(pcrs, index));
}

static size_t
on_body(char *data, size_t size, size_t count, void *argument)
{
	FILE *body = argument;

	return fwrite(data, size, count, body);
}

/* The answer's JSON, or NULL when the control port did not say 200. */
static cJSON *
control(struct local_enclave *enclave, const char *method, const char *path,
    const char *body)
{
	CURL *handle = curl_easy_init();
	char *answer = NULL;
	size_t answer_len = 0;
	FILE *stream = open_memstream(&answer, &answer_len);
	char *url = NULL;
	cJSON *json = NULL;
	CURLcode code;

	if (handle == NULL || stream == NULL ||
	    asprintf(
		&url, "http://127.0.0.1:%d%s", enclave->control_port, path) < 0)
		goto out;
	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)CONTROL_TIMEOUT_MS);
	curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, stream);
	code = curl_easy_perform(handle);
	fflush(stream);
	if (code == CURLE_OK)
		json = cJSON_ParseWithLength(answer, answer_len);
	else
		say(path, curl_easy_strerror(code));
out:
	curl_easy_cleanup(handle);
	if (stream != NULL)
		fclose(stream);
	free(answer);
	free(url);
	return json;
}

bool
local_enclave_set(struct local_enclave *enclave, const char *settings)
{
	cJSON *answer = control(enclave, "PUT", "/behaviour", settings);
	bool done = answer != NULL;

	if (!done)
		say("settings refused", settings);
	cJSON_Delete(answer);
	return done;
}

bool
local_enclave_rotate_key(struct local_enclave *enclave)
{
	cJSON *answer = control(enclave, "POST", "/rotate-key", "");
	bool done = answer != NULL;

	cJSON_Delete(answer);
	return done;
}

bool
local_enclave_clear_log(struct local_enclave *enclave)
{
	cJSON *answer = control(enclave, "DELETE", "/log", "");
	bool done = answer != NULL;

	cJSON_Delete(answer);
	return done;
}

int
local_enclave_renegotiate(struct local_enclave *enclave)
{
	cJSON *answer = control(enclave, "POST", "/renegotiate", "");
	int asked = number_member(answer, "asked");

	cJSON_Delete(answer);
	return asked;
}

cJSON *
local_enclave_log(const struct local_enclave *enclave)
{
	const char *path = local_enclave_text(enclave, "log");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	cJSON *events = cJSON_CreateArray();
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (file == NULL || events == NULL) {
		say("cannot read the log", path != NULL ? path : "?");
		goto out;
	}
	/* The last line may still be on its way: only whole ones count. */
	while (
	    (len = getline(&line, &size, file)) > 0 && line[len - 1] == '\n') {
		cJSON *event = cJSON_ParseWithLength(line, (size_t)len);

		if (event == NULL || !cJSON_AddItemToArray(events, event)) {
			say("not JSON in the log", line);
			cJSON_Delete(events);
			events = NULL;
			break;
		}
	}
out:
	free(line);
	if (file != NULL)
		fclose(file);
	return events;
}

size_t
local_enclave_count(const struct local_enclave *enclave, const char *event)
{
	cJSON *events = local_enclave_log(enclave);
	const cJSON *item;
	size_t count = 0;

	cJSON_ArrayForEach(item, events)
	{
		const char *name = cJSON_GetStringValue(
		    cJSON_GetObjectItemCaseSensitive(item, "event"));

		if (event == NULL || (name != NULL && strcmp(name, event) == 0))
			count++;
	}
	cJSON_Delete(events);
	return count;
}

bool
local_enclave_log_contains(
    const struct local_enclave *enclave, const char *text)
{
	cJSON *events = local_enclave_log(enclave);
	char *whole = cJSON_PrintUnformatted(events);
	/* A log that cannot be read hides nothing: say yes. */
	bool found = whole == NULL || strstr(whole, text) != NULL;

	cJSON_free(whole);
	cJSON_Delete(events);
	return found;
}

bool
local_enclave_wait_for(const struct local_enclave *enclave, const char *event,
    size_t count, int timeout_ms)
{
	int waited_ms = 0;

	while (local_enclave_count(enclave, event) < count) {
		if (waited_ms >= timeout_ms)
			return false;
		pause_ms(POLL_MS);
		waited_ms += POLL_MS;
	}
	return true;
}

bool
local_enclave_mint(const char *const *arguments)
{
	char *vector[ARGUMENTS_MAX + 1];
	pid_t pid;

	if (!fill_arguments(vector, NULL, arguments))
		return false;
	pid = spawn("mint-document", vector, -1);
	return pid > 0 && reap(pid, STOP_TIMEOUT_MS) == 0;
}
