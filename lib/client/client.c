#include "client/client.h"

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "tls/trust_store.h"

/* One of the three globals that the library allows itself (DESIGN 8): done
 * once, never undone. */
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void
init_curl(void)
{
	curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static enum enclave_client_status
check_curl(struct enclave_client_error *error)
{
	(void)pthread_once(&curl_once, init_curl);
	if (!curl_ready)
		return ENCLAVE_CLIENT_OK;
	return error_set(error, ENCLAVE_CLIENT_ERR_UNSUPPORTED,
	    ENCLAVE_CLIENT_STEP_NONE, "libcurl can't be initialised: %s",
	    curl_easy_strerror(curl_ready));
}

static enum enclave_client_status
copy_list(const struct config_list *list, struct curl_slist **ret_list,
    struct enclave_client_error *error)
{
	struct curl_slist *copy = NULL;

	for (size_t i = 0; i < list->count; i++) {
		struct curl_slist *grown =
		    curl_slist_append(copy, list->items[i]);
		if (!grown) {
			curl_slist_free_all(copy);
			return error_memory(error);
		}
		copy = grown;
	}
	*ret_list = copy;
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
make_transport(const struct enclave_client_config *config,
    struct transport *transport, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	const char *agent = config->user_agent;

	transport->sockets = sockets_new();
	if (!transport->sockets)
		return error_memory(error);
	status = copy_list(&config->resolve, &transport->resolve, error);
	if (!status)
		status = copy_list(
		    &config->connect_to, &transport->connect_to, error);
	if (status)
		return status;
	if (!transport_copy(transport, &config->connection, &config->identity))
		return error_memory(error);
	if (config->proxy) {
		transport->proxy = strdup(config->proxy);
		if (!transport->proxy)
			return error_memory(error);
	}
	if (agent)
		transport->user_agent = strdup(agent);
	else if (asprintf(&transport->user_agent, "enclave-client/%s",
		     enclave_client_version()) < 0)
		transport->user_agent = NULL;
	return transport->user_agent ? ENCLAVE_CLIENT_OK : error_memory(error);
}

static enum enclave_client_status
make_appraiser(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	if (config->roots) {
		client->roots = evidence_roots_ref(config->roots);
	} else {
		enum enclave_client_status status =
		    evidence_roots_new_aws(&client->roots, error);
		if (status)
			return status;
	}
	client->memory = chain_memory_new();
	client->leaves = leaf_memory_new();
	if (!client->memory || !client->leaves)
		return error_memory(error);
	client->appraiser = (struct appraiser){
	    .roots = client->roots,
	    .memory = client->memory,
	    .leaves = client->leaves,
	    .clock = client->clock,
	};
	return ENCLAVE_CLIENT_OK;
}

static enum enclave_client_status
make_cache(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	const struct cache_hooks hooks = {
	    .event = config->event_callback,
	    .event_context = config->event_context,
	};
	enum enclave_client_status status =
	    cache_new(&client->appraiser, &hooks, &client->cache, error);

	if (status)
		return status;
	client->gate.client_id = id_next();
	client->gate.cache = client->cache;
	client->gate.appraiser = &client->appraiser;
	client->gate.clock = client->clock;
	client->gate.stopped = &client->stopped;
	client->gate.insecure_key_log = config->insecure_key_log;
	client->gate.enter = client_enter_gate;
	client->gate.enter_context = client;
	return trust_store_new(
	    config->ca_file, config->ca_directory, &client->gate.trust, error);
}

/* For a forked child, which is its own client's first caller. */
static enum enclave_client_status
keep_for_children(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	if (config->ca_file)
		client->ca_file = strdup(config->ca_file);
	if (config->ca_directory)
		client->ca_directory = strdup(config->ca_directory);
	if (!client->ca_file != !config->ca_file ||
	    !client->ca_directory != !config->ca_directory ||
	    !fork_mark_init(&client->fork_mark))
		return error_memory(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
client_start_polling(
    struct enclave_client *client, struct enclave_client_error *error)
{
	const struct poller_options options = {
	    .cache = client->cache,
	    .appraiser = &client->appraiser,
	    .gate = &client->gate,
	    .transport = &client->transport,
	    .store = client->store,
	    .clock = client->clock,
	    .polls_in_flight = &client->polls_in_flight,
	};

	return poller_new(&options, &client->poller, error);
}

/* Says once that every verdict of this client is weaker than it looks. */
static void
tell_insecure(const struct enclave_client *client,
    const struct enclave_client_config *config)
{
	struct enclave_client_event event = {
	    .kind = ENCLAVE_CLIENT_EVENT_INSECURE,
	    .enclave = "",
	    .at_ms = clock_now(client->clock).wall_ms,
	};

	if (!client->event_callback)
		return;
	if (config->insecure_nitro_root) {
		event.message = "insecure: a caller's own root replaces the "
				"AWS Nitro root";
		client->event_callback(&event, client->event_context);
	}
	if (config->insecure_key_log) {
		event.message = "insecure: TLS keys go to SSLKEYLOGFILE";
		client->event_callback(&event, client->event_context);
	}
}

static void
free_client(struct enclave_client *client)
{
	poller_free(client->poller);
	store_free(client->store);
	cache_free(client->cache);
	trust_store_free(client->gate.trust);
	transport_clear(&client->transport);
	chain_memory_free(client->memory);
	leaf_memory_free(client->leaves);
	evidence_roots_unref(client->roots);
	free(client->ca_file);
	free(client->ca_directory);
	fork_mark_clear(&client->fork_mark);
	(void)pthread_cond_destroy(&client->idle);
	(void)pthread_mutex_destroy(&client->mutex);
	free(client);
}

static bool
not_stopped(void *context)
{
	const struct enclave_client *client = context;

	return !atomic_load(&client->stopped);
}

/* With a poller, its verification thread reads it. */
static enum enclave_client_status
open_store(struct enclave_client *client, const char *directory,
    struct enclave_client_error *error)
{
	const struct store_options options = {
	    .directory = directory,
	    .cache = client->cache,
	    .appraiser = &client->appraiser,
	};
	enum enclave_client_status status;

	if (!directory)
		return ENCLAVE_CLIENT_OK;
	status = store_new(&options, &client->store, error);
	if (!status && !client->polling)
		store_load(client->store, not_stopped, client);
	return status;
}

static enum enclave_client_status
build(struct enclave_client *client, const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	status = keep_for_children(client, config, error);
	if (!status)
		status = make_appraiser(client, config, error);
	if (!status)
		status = make_cache(client, config, error);
	if (!status)
		status = make_transport(config, &client->transport, error);
	if (!status)
		status = gate_self_test(&clock_system, error);
	if (!status)
		status = cache_update(client->cache, config->map, error);
	atomic_init(
	    &client->polls_in_flight, enclave_map_polls_in_flight(config->map));
	if (!status)
		status = open_store(client, config->evidence_store, error);
	if (!status && client->polling)
		status = client_start_polling(client, error);
	return status;
}

enum enclave_client_status
client_new(const struct enclave_client_config *config,
    const struct clock_source *clock, struct enclave_client **ret_client,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;
	struct enclave_client *client;

	if (!config || !ret_client)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "enclave_client_new needs a configuration and a place for "
		    "the client");
	status = config_check(config, error);
	if (status)
		return status;
	if (!config->map)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "no map of enclaves was loaded");
	status = check_curl(error);
	if (status)
		return status;
	client = calloc(1, sizeof(*client));
	if (!client)
		return error_memory(error);
	atomic_init(&client->refs, 1);
	client->clock = clock;
	client->event_callback = config->event_callback;
	client->event_context = config->event_context;
	client->polling = !config->no_polling;
	client->insecure =
	    config->insecure_nitro_root || config->insecure_key_log;
	(void)pthread_mutex_init(&client->mutex, NULL);
	(void)pthread_cond_init(&client->idle, NULL);
	status = build(client, config, error);
	if (status) {
		free_client(client);
		return status;
	}
	tell_insecure(client, config);
	*ret_client = client;
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
enclave_client_new(const struct enclave_client_config *config,
    struct enclave_client **ret_client, struct enclave_client_error *error)
{
	return client_new(config, &clock_system, ret_client, error);
}

void
client_ref(struct enclave_client *client)
{
	(void)atomic_fetch_add(&client->refs, 1);
}

void
client_unref(struct enclave_client *client)
{
	/* What a child can't make its own is left as it lies. */
	if (atomic_fetch_sub(&client->refs, 1) == 1 &&
	    client_enter_to_end(client))
		free_client(client);
}

void
enclave_client_stop(struct enclave_client *client)
{
	if (!client)
		return;
	/* First: so no thread of a child starts polling any more, and one that
	 * is at it is waited for. */
	atomic_store(&client->stopped, true);
	if (client_enter(client, NULL))
		return;
	(void)pthread_mutex_lock(&client->mutex);
	for (struct call *call = client->calls; call; call = call->next)
		waker_wake(call->waker);
	(void)pthread_mutex_unlock(&client->mutex);
	cache_broadcast(client->cache);
	poller_stop(client->poller);
}

void
enclave_client_free(struct enclave_client *client)
{
	if (!client || !client_enter_to_end(client))
		return;
	enclave_client_stop(client);
	/* In an event callback, to which that thread must return. */
	if (poller_on_own_thread(client->poller))
		return;
	(void)pthread_mutex_lock(&client->mutex);
	while (client->calls)
		(void)pthread_cond_wait(&client->idle, &client->mutex);
	(void)pthread_mutex_unlock(&client->mutex);
	/* Before the last response lets go: no thread of ours lives on. */
	poller_free(client->poller);
	client->poller = NULL;
	client_unref(client);
}

enum enclave_client_status
enclave_client_update(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	if (!client || !config)
		return error_set(error, ENCLAVE_CLIENT_ERR_USAGE,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "enclave_client_update needs a client and a configuration");
	status = client_enter(client, error);
	if (!status)
		status = config_check(config, error);
	if (status)
		return status;
	if (!config->map)
		return error_set(error, ENCLAVE_CLIENT_ERR_CONFIG,
		    ENCLAVE_CLIENT_STEP_NONE, "no map of enclaves was loaded");
	status = cache_update(client->cache, config->map, error);
	if (status)
		return status;
	atomic_store(
	    &client->polls_in_flight, enclave_map_polls_in_flight(config->map));
	error_clear(error);
	return ENCLAVE_CLIENT_OK;
}
