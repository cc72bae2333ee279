#include "integration/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct fixture fixture;

static int64_t
moved_wall_ms(void *context)
{
	struct fixture *self = context;

	return clock_system.wall_ms(NULL) + self->wall_offset_ms;
}

static int64_t
moved_boot_ms(void *context)
{
	struct fixture *self = context;

	return clock_system.boot_ms(NULL) + self->boot_offset_ms;
}

static void
record_event(const struct enclave_client_event *event, void *context)
{
	struct fixture *self = context;

	(void)pthread_mutex_lock(&self->events_lock);
	if (self->event_count < FIXTURE_EVENTS_MAX)
		self->events[self->event_count++] = (struct fixture_event){
		    event->kind, event->status, event->step};
	self->events_ever[event->kind]++;
	if (event->kind == ENCLAVE_CLIENT_EVENT_STORE)
		(void)snprintf(self->store_message, sizeof(self->store_message),
		    "%s", event->message);
	(void)pthread_mutex_unlock(&self->events_lock);
}

static void
setup_with(const char *const *arguments)
{
	const char *folder = getenv("TMPDIR");

	memset(&fixture, 0, sizeof(fixture));
	(void)pthread_mutex_init(&fixture.events_lock, NULL);
	fixture.clock =
	    (struct clock_source){moved_wall_ms, moved_boot_ms, &fixture};
	ck_assert(
	    snprintf(fixture.state, sizeof(fixture.state), "%s/enclave-XXXXXX",
		folder ? folder : "/tmp") < (int)sizeof(fixture.state));
	ck_assert_ptr_nonnull(mkdtemp(fixture.state));
	fixture.enclave = local_enclave_start(fixture.state, arguments);
	ck_assert_ptr_nonnull(fixture.enclave);
	fixture.error = enclave_client_error_new();
	ck_assert_ptr_nonnull(fixture.error);
}

void
fixture_setup(void)
{
	setup_with(NULL);
}

void
fixture_setup_tls12(void)
{
	static const char *const arguments[] = {"--tls", "1.2", NULL};

	setup_with(arguments);
}

static void
remove_folder(const char *path)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
	ck_assert_int_eq(system(command), 0);
}

void
fixture_teardown(void)
{
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	enclave_client_error_free(fixture.error);
	ck_assert_int_eq(local_enclave_stop(fixture.enclave), 0);
	(void)pthread_mutex_destroy(&fixture.events_lock);
	remove_folder(fixture.state);
}

/* A coverage build has it: _exit() alone would lose what the child counted. */
extern void __gcov_dump(void) __attribute__((weak));

void
fixture_end_child(int status)
{
	if (__gcov_dump)
		__gcov_dump();
	_exit(status);
}

static const char *
map_of(const char *url, const char *pcr0, const char *members)
{
	static char map[2048];

	if (!pcr0)
		pcr0 = local_enclave_pcr(fixture.enclave, "0");
	ck_assert(snprintf(map, sizeof(map),
		      "{\"enclaves\":{\"" FIXTURE_NAME
		      "\":{\"url\":\"%s\",\"pcrs\":{\"PCR0\":\"%s\"}%s}}}",
		      url, pcr0, members) < (int)sizeof(map));
	return map;
}

const char *
fixture_map(const char *pcr0, const char *members)
{
	return map_of(local_enclave_url(fixture.enclave), pcr0, members);
}

const char *
fixture_map_at(const char *url)
{
	return map_of(url, NULL, "");
}

static struct enclave_client_config *
make_config(const char *map)
{
	struct enclave_client_config *config = NULL;

	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_insecure_allowed(config, true);
	enclave_client_config_set_insecure_nitro_root_file(
	    config, local_enclave_text(fixture.enclave, "nitro_root"));
	enclave_client_config_set_ca_file(
	    config, local_enclave_text(fixture.enclave, "web_ca"));
	enclave_client_config_set_evidence_store(
	    config, fixture.evidence_store);
	if (fixture.resolve)
		enclave_client_config_add_resolve(config, fixture.resolve);
	if (fixture.connect_to)
		enclave_client_config_add_connect_to(
		    config, fixture.connect_to);
	enclave_client_config_set_event_callback(
	    config, record_event, &fixture);
	ck_assert_msg(enclave_client_config_load_text(
			  config, map, strlen(map), fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	return config;
}

void
fixture_client(const char *pcr0, const char *members, bool polling)
{
	fixture_client_with_map(fixture_map(pcr0, members), polling);
}

void
fixture_client_with_map(const char *map, bool polling)
{
	fixture.config = make_config(map);
	enclave_client_config_set_polling(fixture.config, polling);
	ck_assert_msg(client_new(fixture.config, &fixture.clock,
			  &fixture.client, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
}

void
fixture_update(const char *pcr0, const char *members)
{
	fixture_update_map(fixture_map(pcr0, members));
}

void
fixture_update_map(const char *map)
{
	struct enclave_client_config *config = make_config(map);

	ck_assert_msg(
	    enclave_client_update(fixture.client, config, fixture.error) == 0,
	    "%s", enclave_client_error_message(fixture.error));
	enclave_client_config_free(config);
}

enum enclave_client_status
fixture_get(const char *path)
{
	struct enclave_client_request *request = NULL;
	struct enclave_client_response *response = NULL;
	enum enclave_client_status status;

	ck_assert_int_eq(enclave_client_request_new("GET", path, &request), 0);
	status = enclave_client_request(
	    fixture.client, FIXTURE_NAME, request, &response, fixture.error);
	ck_assert_int_eq(status == ENCLAVE_CLIENT_OK, response != NULL);
	if (response)
		ck_assert_int_eq(enclave_client_response_status(response), 200);
	enclave_client_response_free(response);
	enclave_client_request_free(request);
	return status;
}

void
fixture_get_ok(const char *path)
{
	ck_assert_msg(fixture_get(path) == ENCLAVE_CLIENT_OK, "%s",
	    enclave_client_error_message(fixture.error));
}

void
fixture_set(const char *settings)
{
	ck_assert_msg(
	    local_enclave_set(fixture.enclave, settings), "%s", settings);
}

void
fixture_rotate(void)
{
	ck_assert(local_enclave_rotate_key(fixture.enclave));
}

size_t
fixture_requests(void)
{
	return local_enclave_count(fixture.enclave, "request_started") -
	       local_enclave_count(fixture.enclave, "evidence");
}

size_t
fixture_evidence(void)
{
	return local_enclave_count(fixture.enclave, "evidence");
}

size_t
fixture_handshakes(void)
{
	return local_enclave_count(fixture.enclave, "handshake");
}

size_t
fixture_connections(void)
{
	return local_enclave_count(fixture.enclave, "connection");
}

bool
fixture_saw(const char *text)
{
	return local_enclave_log_contains(fixture.enclave, text);
}

bool
fixture_saw_soon(const char *text)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 1000; i++) {
		if (fixture_saw(text))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

size_t
fixture_events(enum enclave_client_event_kind kind)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&fixture.events_lock);
	for (size_t i = 0; i < fixture.event_count; i++)
		count += fixture.events[i].kind == kind;
	(void)pthread_mutex_unlock(&fixture.events_lock);
	return count;
}

size_t
fixture_events_ever(enum enclave_client_event_kind kind)
{
	size_t count;

	(void)pthread_mutex_lock(&fixture.events_lock);
	count = fixture.events_ever[kind];
	(void)pthread_mutex_unlock(&fixture.events_lock);
	return count;
}

bool
fixture_wait_event(enum enclave_client_event_kind kind)
{
	struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 1000; i++) {
		if (fixture_events(kind))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

int64_t
fixture_give_once(void *buffer, size_t size, void *context)
{
	bool *given = context;

	if (*given || size < 4)
		return 0;
	*given = true;
	memcpy(buffer, "body", 4);
	return 4;
}

bool
fixture_give_again(void *context)
{
	*(bool *)context = false;
	return true;
}

void
fixture_advance_ms(int64_t delay_ms)
{
	fixture.wall_offset_ms += delay_ms;
	fixture.boot_offset_ms += delay_ms;
}

void
fixture_expect(enum enclave_client_status got,
    enum enclave_client_status wanted, const char *text)
{
	const char *message = enclave_client_error_message(fixture.error);

	ck_assert_msg(got == wanted, "%s instead of %s: %s",
	    enclave_client_status_name(got), enclave_client_status_name(wanted),
	    message);
	ck_assert_int_eq(enclave_client_error_status(fixture.error), wanted);
	if (text)
		ck_assert_msg(strstr(message, text) != NULL, "no \"%s\" in: %s",
		    text, message);
}
