#include "fakes.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_S 15
/* More than the poller waits for a flight that another has. */
#define START_MS 2000

struct cache {
	void (*wake)(void *context);
	void *wake_context;
	struct cache_slot slots[FAKE_SLOTS_MAX];
	size_t count;
	unsigned int turns; /* the poller emptied the list of dirty slots */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct cache cache;
static struct moment now;
static struct fake_server *server;
static unsigned int attachments;
static bool flights_closed;
static bool appraise_paused;
static bool appraise_waits;
static struct fakes_thread fetching_thread;
static struct fakes_thread appraising_thread;
static atomic_size_t polls_in_flight;
static bool store_held;
static unsigned int store_asked;
static unsigned int store_passed;
static unsigned int joining;
static unsigned int resolving;
static bool resolver_released;
static char name[] = "payments";

void
fake_lock(void)
{
	pthread_mutex_lock(&lock);
}

void
fake_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static void
happened(void)
{
	pthread_cond_broadcast(&changed);
}

void
fake_wait(const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	if (pthread_cond_timedwait(&changed, &lock, &until)) {
		(void)fprintf(stderr, "never came true: %s\n", what);
		abort();
	}
}

unsigned int
fake_look(const unsigned int *field)
{
	unsigned int value;

	fake_lock();
	value = *field;
	fake_unlock();
	return value;
}

/* Threads.  Locked. */
static struct fakes_thread
this_thread(void)
{
	struct fakes_thread thread;
	sigset_t mask;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	thread.signals_blocked = sigismember(&mask, SIGTERM) &&
				 sigismember(&mask, SIGPIPE) &&
				 sigismember(&mask, SIGALRM);
	(void)pthread_getname_np(
	    pthread_self(), thread.name, sizeof(thread.name));
	return thread;
}

/* The names are the linker's, as in torture.c. */
int __real_pthread_join(pthread_t thread, void **ret_result);
int __wrap_pthread_join(pthread_t thread, void **ret_result);

int
__wrap_pthread_join(pthread_t thread, void **ret_result)
{
	fake_lock();
	joining++;
	happened();
	fake_unlock();
	return __real_pthread_join(thread, ret_result);
}

void
fakes_wait_joining(unsigned int count)
{
	WAIT_UNTIL(joining >= count);
}

/* What a slot's evidence is like. */
static const struct profile fetched_profile = {.name = "fetched"};
static const struct profile carried_profile = {
    .name = "carried", .source = PROFILE_CERTIFICATE};

void
fakes_carry_evidence(struct cache_slot *slot)
{
	fake_lock();
	slot->enclave.profile = &carried_profile;
	fake_unlock();
}

/* Clocks. */

static int64_t
wall_ms(void *context)
{
	int64_t value;

	(void)context;
	fake_lock();
	value = now.wall_ms;
	fake_unlock();
	return value;
}

static int64_t
boot_ms(void *context)
{
	int64_t value;

	(void)context;
	fake_lock();
	value = now.boot_ms;
	fake_unlock();
	return value;
}

static const struct clock_source fake_clock = {
    .wall_ms = wall_ms, .boot_ms = boot_ms};

void
fakes_advance(struct poller *poller, int64_t ms)
{
	fake_lock();
	now.wall_ms += ms;
	now.boot_ms += ms;
	fake_unlock();
	poller_wake(poller);
}

void
fakes_jump_wall(struct poller *poller, int64_t ms)
{
	fake_lock();
	now.wall_ms += ms;
	fake_unlock();
	poller_wake(poller);
}

/* Cache. */

static bool
lives(const struct cache_slot *slot, struct moment at)
{
	return slot->end.boot_ms && !deadline_passed(slot->end, at);
}

struct cache_slot *
cache_slot_ref(struct cache_slot *slot)
{
	fake_lock();
	slot->references++;
	fake_unlock();
	return slot;
}

void
cache_slot_unref(struct cache_slot *slot)
{
	fake_lock();
	MUST(slot->references > 0);
	slot->references--;
	happened();
	fake_unlock();
}

struct cache_slot *
cache_slot_at(struct cache *in, size_t index)
{
	struct cache_slot *slot = NULL;

	fake_lock();
	if (index < in->count)
		slot = &in->slots[index];
	fake_unlock();
	return slot ? cache_slot_ref(slot) : NULL;
}

size_t
cache_slot_count(struct cache *in)
{
	size_t count;

	fake_lock();
	count = in->count;
	fake_unlock();
	return count;
}

uint64_t
cache_slot_generation(const struct cache_slot *slot)
{
	uint64_t generation;

	fake_lock();
	generation = slot->generation;
	fake_unlock();
	return generation;
}

bool
cache_slot_removed(const struct cache_slot *slot)
{
	bool removed;

	fake_lock();
	removed = slot->removed;
	fake_unlock();
	return removed;
}

struct enclave *
cache_slot_enclave(struct cache_slot *slot, uint64_t *ret_policy_generation)
{
	fake_lock();
	if (ret_policy_generation)
		*ret_policy_generation = slot->policy_generation;
	fake_unlock();
	return enclave_ref(&slot->enclave);
}

struct enclave *
enclave_ref(struct enclave *enclave)
{
	atomic_fetch_add(&enclave->references, 1);
	return enclave;
}

void
enclave_unref(struct enclave *enclave)
{
	if (enclave)
		MUST(atomic_fetch_sub(&enclave->references, 1) > 0);
}

size_t
cache_live_keys(struct cache_slot *slot, struct moment at,
    struct deadline *ret_first_end, struct deadline *ret_last_end)
{
	bool live;

	fake_lock();
	live = lives(slot, at);
	if (live) {
		*ret_first_end = slot->end;
		*ret_last_end = slot->end;
	}
	fake_unlock();
	return live;
}

/* Locked. */
static void
wake_poller(void)
{
	if (cache.wake)
		cache.wake(cache.wake_context);
}

/* Locked. */
static void
accept_evidence(struct cache_slot *slot)
{
	slot->end = deadline_after(now, slot->life_ms);
	slot->generation++;
	slot->dirty |= CACHE_DIRTY_PUBLISHED;
}

enum enclave_client_status
cache_publish(struct cache *in, struct cache_slot *slot,
    uint64_t policy_generation, struct appraisal *appraisal,
    struct enclave_client_error *error)
{
	enum enclave_client_status status = appraisal->status;

	(void)in;
	fake_lock();
	MUST(slot->flight);
	slot->judged = true;
	slot->published++;
	slot->published_under = policy_generation;
	if (slot->removed)
		status = ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE;
	else if (!status)
		accept_evidence(slot);
	error_copy(&slot->error, error);
	happened();
	fake_unlock();
	return status;
}

void
cache_note_failure(struct cache *in, struct cache_slot *slot,
    const struct enclave_client_error *error)
{
	(void)in;
	fake_lock();
	slot->failures++;
	error_copy(&slot->error, error);
	happened();
	fake_unlock();
}

void
cache_expire(struct cache *in, struct cache_slot *slot, struct moment at)
{
	(void)in;
	fake_lock();
	slot->expired++;
	if (!lives(slot, at))
		slot->end = (struct deadline){0};
	happened();
	fake_unlock();
}

bool
cache_flight_begin(struct cache_slot *slot)
{
	bool mine;

	fake_lock();
	mine = !slot->flight && !flights_closed;
	if (mine)
		slot->flight = true;
	fake_unlock();
	return mine;
}

void
cache_flight_end(struct cache_slot *slot)
{
	fake_lock();
	MUST(slot->flight);
	slot->flight = false;
	slot->judged = false;
	happened();
	fake_unlock();
}

struct cache_slot *
cache_next_dirty(struct cache *in, unsigned int *ret_why)
{
	struct cache_slot *slot = NULL;

	fake_lock();
	for (size_t i = 0; i < in->count && !slot; i++)
		if (in->slots[i].dirty)
			slot = &in->slots[i];
	if (slot) {
		*ret_why = slot->dirty;
		slot->dirty = 0;
		slot->references++;
	} else {
		in->turns++;
		happened();
	}
	fake_unlock();
	return slot;
}

void
cache_set_wake(struct cache *in, void (*wake)(void *context), void *context)
{
	fake_lock();
	in->wake = wake;
	in->wake_context = context;
	/* As the cache does it: all of them are to be looked at. */
	for (size_t i = 0; wake && i < in->count; i++)
		in->slots[i].dirty |= CACHE_DIRTY_CONFIGURED;
	fake_unlock();
}

/* Appraisal. */

static struct cache_slot *
slot_of(const struct enclave *enclave)
{
	return &cache.slots[enclave->index];
}

enum enclave_client_status
appraise(const struct appraiser *appraiser, const struct enclave *enclave,
    struct answer answer, struct appraisal *ret_appraisal,
    struct enclave_client_error *error)
{
	enum enclave_client_status status;

	(void)appraiser;
	MUST(bytes_equal_string(answer.body, "ok"));
	fake_lock();
	appraising_thread = this_thread();
	while (appraise_paused) {
		appraise_waits = true;
		happened();
		fake_wait("appraisal is let go");
	}
	appraise_waits = false;
	status = slot_of(enclave)->appraise_status;
	fake_unlock();
	ret_appraisal->status = status;
	if (status)
		return error_set(error, status, ENCLAVE_CLIENT_STEP_CHAIN,
		    "pretended refusal");
	return ENCLAVE_CLIENT_OK;
}

void
appraisal_clear(struct appraisal *appraisal)
{
	(void)appraisal;
}

void
fakes_pause_appraise(bool pause)
{
	fake_lock();
	appraise_paused = pause;
	happened();
	fake_unlock();
}

void
fakes_wait_paused(void)
{
	WAIT_UNTIL(appraise_waits);
}

struct fakes_thread
fakes_fetching_thread(void)
{
	struct fakes_thread thread;

	fake_lock();
	thread = fetching_thread;
	fake_unlock();
	return thread;
}

struct fakes_thread
fakes_appraising_thread(void)
{
	struct fakes_thread thread;

	fake_lock();
	thread = appraising_thread;
	fake_unlock();
	return thread;
}

/* Gate. */

enum enclave_client_status
gate_attachment_init(struct gate_attachment *attachment,
    const struct gate *gate, struct cache_slot *slot,
    struct enclave_client_error *error)
{
	if (slot->attach_fails)
		return error_memory(error);
	*attachment = (struct gate_attachment){
	    .gate = gate,
	    .slot = cache_slot_ref(slot),
	    .enclave = cache_slot_enclave(slot, NULL),
	};
	fake_lock();
	attachments++;
	fake_unlock();
	return ENCLAVE_CLIENT_OK;
}

void
gate_attachment_clear(struct gate_attachment *attachment)
{
	if (!attachment->slot)
		return;
	cache_slot_unref(attachment->slot);
	enclave_unref(attachment->enclave);
	attachment->slot = NULL;
	fake_lock();
	attachments--;
	fake_unlock();
}

/* Fetch. */

void
fetch_init(struct fetch *fetch, struct gate_attachment *attachment)
{
	*fetch = (struct fetch){.attachment = attachment};
	buffer_init(&fetch->body, 64);
}

void
fetch_clear(struct fetch *fetch)
{
	buffer_clear(&fetch->body);
}

static size_t
take_body(char *data, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;
	struct bytes piece = {(const uint8_t *)data, size * count};

	return buffer_append(&fetch->body, piece) ? 0 : piece.len;
}

enum enclave_client_status
fetch_prepare(struct fetch *fetch, const struct transport *transport,
    CURL *easy, int64_t timeout_ms, struct enclave_client_error *error)
{
	struct cache_slot *slot = fetch->attachment->slot;
	char url[128];

	(void)transport;
	(void)error;
	snprintf(url, sizeof(url), "http://%s:%u/%zu",
	    slot->host ? slot->host : "127.0.0.1", fake_server_port(server),
	    slot->enclave.index);
	curl_easy_reset(easy);
	MUST(curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) ==
	     CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK);
	MUST(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) ==
	     CURLE_OK);
	fake_lock();
	fetching_thread = this_thread();
	slot->fetches++;
	happened();
	fake_unlock();
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
fetch_finish(struct fetch *fetch, CURL *easy, CURLcode code,
    struct bytes *ret_body, struct enclave_client_error *error)
{
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code)
		return error_set(error, ENCLAVE_CLIENT_ERR_NETWORK,
		    ENCLAVE_CLIENT_STEP_FETCH, "%s", curl_easy_strerror(code));
	if (status != 200)
		return error_set(error, ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED,
		    ENCLAVE_CLIENT_STEP_FETCH, "answered %ld", status);
	*ret_body = buffer_bytes(&fetch->body);
	return ENCLAVE_CLIENT_OK;
}

/* A resolver that hangs. */

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **ret_list)
{
	int (*next)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = NULL;

	if (!node || strcmp(node, "hang.invalid") != 0) {
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
		return next(node, service, hints, ret_list);
	}
	fake_lock();
	resolving++;
	happened();
	while (!resolver_released)
		fake_wait("resolver is let go");
	resolving--;
	happened();
	fake_unlock();
	return EAI_FAIL;
}

void
fakes_wait_resolving(unsigned int count)
{
	WAIT_UNTIL(resolving >= count);
}

void
fakes_release_resolver(void)
{
	fake_lock();
	resolver_released = true;
	happened();
	fake_unlock();
	WAIT_UNTIL(resolving == 0);
}

/* The whole. */

void
fakes_begin(size_t count, int64_t poll_interval_ms)
{
	MUST(count <= FAKE_SLOTS_MAX);
	MUST(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
	server = fake_server_new();
	cache = (struct cache){0};
	joining = 0;
	polls_in_flight = POLLS_IN_FLIGHT_MAX;
	store_held = false;
	store_asked = 0;
	store_passed = 0;
	now = (struct moment){.wall_ms = 1700000000000, .boot_ms = 5000000};
	cache.count = count;
	for (size_t i = 0; i < count; i++) {
		struct cache_slot *slot = &cache.slots[i];
		slot->references = 1; /* the cache's own */
		slot->generation = 1;
		slot->policy_generation = 10;
		slot->life_ms = 3600000;
		slot->enclave.index = i;
		slot->enclave.name = name;
		slot->enclave.profile = &fetched_profile;
		slot->enclave.timing = (struct enclave_timing){
		    .poll_interval_ms = poll_interval_ms,
		    .poll_margin_ms = POLL_MARGIN_MS_DEFAULT,
		    /* Longer than any test may last: it decides none. */
		    .fetch_timeout_ms = 300000,
		    .body_max_bytes = 64,
		};
	}
}

void
fakes_end(void)
{
	fake_server_free(server);
	MUST(!cache.wake);
	MUST(attachments == 0);
	for (size_t i = 0; i < cache.count; i++) {
		MUST(cache.slots[i].references == 1);
		MUST(cache.slots[i].enclave.references == 0);
		MUST(!cache.slots[i].flight);
	}
	curl_global_cleanup();
}

struct fake_server *
fakes_server(void)
{
	return server;
}

struct cache_slot *
fakes_slot(size_t index)
{
	MUST(index < FAKE_SLOTS_MAX);
	return &cache.slots[index];
}

/* Locked.  Verdicts that are on their way back to the poll thread. */
static bool
verdicts_out(void)
{
	for (size_t i = 0; i < cache.count; i++)
		if (cache.slots[i].judged)
			return true;
	return false;
}

void
fakes_settle(struct poller *poller)
{
	unsigned int seen;

	WAIT_UNTIL(!verdicts_out());
	seen = LOOK(cache.turns);

	/* One may have been half over; two begin and end after the call. */
	for (unsigned int i = 1; i <= 3; i++) {
		poller_wake(poller);
		WAIT_UNTIL(cache.turns >= seen + i);
	}
}

static void
set_flights_closed(bool closed)
{
	fake_lock();
	flights_closed = closed;
	fake_unlock();
}

struct poller *
fakes_try_poller(void)
{
	struct poller_options options = {
	    .cache = &cache,
	    .clock = &fake_clock,
	    .polls_in_flight = &polls_in_flight,
	    .store = store_held ? (struct store *)&store_held : NULL,
	};
	struct enclave_client_error error = {0};
	struct poller *poller = NULL;

	/* Their jitter must decide no test: all wait, then start together. */
	set_flights_closed(true);
	if (poller_new(&options, &poller, &error)) {
		MUST(!poller && error.status && error.message[0]);
		return NULL;
	}
	fakes_settle(poller);
	set_flights_closed(false);
	fakes_advance(poller, START_MS);
	return poller;
}

struct poller *
fakes_start_poller(void)
{
	struct poller *poller = fakes_try_poller();

	MUST(poller);
	return poller;
}

void
fakes_mark(struct cache_slot *slot, unsigned int why)
{
	fake_lock();
	slot->dirty |= why;
	wake_poller();
	fake_unlock();
}

void
fakes_learn(struct cache_slot *slot)
{
	fake_lock();
	accept_evidence(slot);
	wake_poller();
	fake_unlock();
}

void
fakes_remove(struct poller *poller, size_t index)
{
	struct cache_slot *slot = fakes_slot(index);

	fake_lock();
	slot->removed = true;
	slot->dirty |= CACHE_DIRTY_CONFIGURED;
	fake_unlock();
	poller_wake(poller);
}

void
fakes_set_flight(struct cache_slot *slot, bool flight)
{
	fake_lock();
	slot->flight = flight;
	fake_unlock();
}

void
fakes_change_policy(struct cache_slot *slot)
{
	fake_lock();
	slot->policy_generation++;
	slot->generation++;
	slot->dirty |= CACHE_DIRTY_CONFIGURED;
	fake_unlock();
}

void
fakes_set_fetch_timeout(struct cache_slot *slot, int64_t timeout_ms)
{
	fake_lock();
	slot->enclave.timing.fetch_timeout_ms = timeout_ms;
	fake_unlock();
}

void
fakes_hide(size_t index)
{
	fake_lock();
	cache.count = index;
	fake_unlock();
}

void
fakes_show(size_t index)
{
	fake_lock();
	cache.count = index + 1;
	fake_unlock();
}

void
cache_count(struct cache_slot *slot, enum cache_counter counter)
{
	(void)slot, (void)counter;
}

void
cache_note_poll_times(struct cache_slot *slot, int64_t last_ms, int64_t next_ms)
{
	(void)slot, (void)last_ms, (void)next_ms;
}

void
fakes_set_polls_in_flight(size_t count)
{
	polls_in_flight = count;
}

void
fakes_hold_store(void)
{
	fake_lock();
	store_held = true;
	fake_unlock();
}

void
fakes_pass_document(void)
{
	fake_lock();
	store_passed++;
	happened();
	fake_unlock();
}

void
fakes_end_store(void)
{
	fake_lock();
	store_held = false;
	happened();
	fake_unlock();
}

void
fakes_wait_store(unsigned int asked)
{
	WAIT_UNTIL(store_asked >= asked);
}

void
store_load(struct store *store, store_go_on go_on, void *context)
{
	bool more = true;

	MUST(store);
	while (more && go_on(context)) {
		fake_lock();
		store_asked++;
		happened();
		while (store_held && store_passed < store_asked)
			fake_wait("the store's document is let through");
		more = store_held;
		fake_unlock();
	}
}

void
store_save(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body)
{
	(void)store, (void)enclave, (void)appraisal, (void)body;
}

void
store_withdraw(struct store *store, const struct enclave *enclave,
    const struct appraisal *appraisal, struct bytes body)
{
	(void)store, (void)enclave, (void)appraisal, (void)body;
}
