/*
 * The poll thread keeps two heaps over its roster: when each enclave is polled
 * next, and when its first key ends.  They are apart because polls may have to
 * wait for a free place in flight, and ends never wait.
 *
 * All state but the stop mark belongs to that thread; others reach it only
 * through the cache's dirty marks, the verdicts of the verification thread and
 * a wake-up.  Every way out of a poll ends in plan(), which gives the enclave
 * its next due time: no failure can make an enclave fall off the schedule.
 */
#include "poller/poller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "poller/heap.h"
#include "poller/poll.h"
#include "poller/roster.h"
#include "poller/thread.h"
#include "poller/verify_queue.h"

/*
 * The longest sleep.  Timers of the kernel stand still in suspend, and nobody
 * tells us when the wall clock is set: this is how late we notice either.
 */
#define NAP_MAX_MS 5000
/* Clocks that drift apart by more than this: one of them was set. */
#define CLOCK_JUMP_MS 1000
/* When to look again at an enclave whose evidence a request is fetching. */
#define FLIGHT_BUSY_MS 1000
/* When to try again what failed for want of memory. */
#define MEMORY_RETRY_MS 1000
/* Dirty slots that are looked at before the network gets its turn. */
#define DIRTY_PER_TURN_MAX 1024
/* Polls use fresh connections, so none is worth keeping. */
#define CONNECTIONS_KEPT_MAX 1

struct poller {
	struct poller_options options;
	CURLM *multi;
	atomic_bool stop;
	pthread_mutex_t running_lock;
	bool running; /* under running_lock: the thread is to be joined */
	pthread_t thread;
	struct verify_queue verification;

	/* The thread's alone, but for polls that are being judged. */
	struct roster roster;
	struct heap polls;
	struct heap ends;
	struct poll in_flight[POLLS_IN_FLIGHT_MAX];
	size_t in_flight_count;
	struct moment clocks_compared;
	uint32_t random;
	/* Not all are taken in: the store is being read, or memory was short. */
	bool slots_missed;
};

static struct roster_entry *
entry_of_poll(struct heap_node *node)
{
	return (void *)((char *)node - offsetof(struct roster_entry, poll));
}

static struct roster_entry *
entry_of_end(struct heap_node *node)
{
	return (void *)((char *)node - offsetof(struct roster_entry, end));
}

static void
wake(void *context)
{
	poller_wake(context);
}

static bool
stopping(struct poller *poller)
{
	return atomic_load_explicit(&poller->stop, memory_order_acquire);
}

/* Jitter only; xorshift32 (Marsaglia, 2003). */
static uint32_t
next_random(struct poller *poller)
{
	uint32_t x = poller->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	poller->random = x;
	return x;
}

static void
seed_random(struct poller *poller)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)clock_now(poller->options.clock).boot_ms;
	/* Zero is the one state that xorshift does not leave. */
	poller->random = seed ? seed : 1;
}

static bool
polling_now(const struct roster_entry *entry)
{
	return entry->poll.place == 0;
}

/* When the first key of entry ends, on CLOCK_BOOTTIME; 0: it has none. */
static int64_t
plan_end(struct poller *poller, struct roster_entry *entry, struct moment now)
{
	struct deadline first = {0};
	struct deadline last = {0};
	int64_t left_ms;

	if (!cache_live_keys(entry->slot, now, &first, &last)) {
		heap_remove(&poller->ends, &entry->end);
		return 0;
	}
	/* What is live has time left: an end of now would be met at once, over
	 * and over. */
	left_ms = deadline_left_ms(first, now);
	heap_set(&poller->ends, &entry->end,
	    now.boot_ms + (left_ms > 0 ? left_ms : 1));
	return entry->end.due_ms;
}

/* And when it is polled next. */
static void
plan(struct poller *poller, struct roster_entry *entry, struct moment now)
{
	struct enclave *enclave = cache_slot_enclave(entry->slot, NULL);
	int64_t end_boot_ms = plan_end(poller, entry, now);
	int64_t due_boot_ms;

	/* Evidence in certificates comes with the handshakes. */
	if (enclave->profile->source == PROFILE_CERTIFICATE) {
		heap_remove(&poller->polls, &entry->poll);
		enclave_unref(enclave);
		return;
	}
	due_boot_ms = schedule_next_boot_ms(&entry->schedule, &enclave->timing,
	    end_boot_ms, now, next_random(poller));
	heap_set(&poller->polls, &entry->poll, due_boot_ms);
	cache_note_poll_times(
	    entry->slot, 0, now.wall_ms + (due_boot_ms - now.boot_ms));
	enclave_unref(enclave);
}

/* Something changed; a poll in flight plans the next one when it ends. */
static void
plan_again(struct poller *poller, struct roster_entry *entry, struct moment now)
{
	if (polling_now(entry))
		(void)plan_end(poller, entry, now);
	else
		plan(poller, entry, now);
}

static struct poll *
find_poll(struct poller *poller, const struct cache_slot *slot)
{
	for (size_t i = 0; slot && i < POLLS_IN_FLIGHT_MAX; i++)
		if (poller->in_flight[i].slot == slot)
			return &poller->in_flight[i];
	return NULL;
}

static struct poll *
find_idle_poll(struct poller *poller)
{
	for (size_t i = 0; i < POLLS_IN_FLIGHT_MAX; i++)
		if (!poller->in_flight[i].slot)
			return &poller->in_flight[i];
	return NULL;
}

static void
end_poll(struct poller *poller, struct poll *poll)
{
	poll_end(poll);
	poller->in_flight_count--;
}

/* poll came to its end, with status. */
static void
conclude(
    struct poller *poller, struct poll *poll, enum enclave_client_status status)
{
	/* NULL: it was removed while it was judged. */
	struct roster_entry *entry = roster_find(&poller->roster, poll->slot);

	cache_count(poll->slot, CACHE_POLLS);
	if (status)
		cache_count(poll->slot, CACHE_POLLS_FAILED);
	end_poll(poller, poll);
	if (!entry)
		return;
	entry->generation = cache_slot_generation(entry->slot);
	schedule_finish(&entry->schedule, status == ENCLAVE_CLIENT_OK);
	plan(poller, entry, clock_now(poller->options.clock));
}

static void
drop_poll(struct poller *poller, struct poll *poll)
{
	(void)curl_multi_remove_handle(poller->multi, poll->easy);
	end_poll(poller, poll);
}

static void
start_poll(struct poller *poller, struct roster_entry *entry, struct moment now)
{
	struct poll *poll = find_idle_poll(poller);
	struct enclave_client_error error = {0};
	enum enclave_client_status status;

	/* A request learns it: what it publishes counts as this poll. */
	if (!cache_flight_begin(entry->slot)) {
		heap_set(
		    &poller->polls, &entry->poll, now.boot_ms + FLIGHT_BUSY_MS);
		return;
	}
	heap_remove(&poller->polls, &entry->poll);
	schedule_start(&entry->schedule, now);
	cache_note_poll_times(entry->slot, now.wall_ms, now.wall_ms);
	poller->in_flight_count++;
	status = poll_begin(poll, &poller->options, entry->slot, &error);
	if (!status && curl_multi_add_handle(poller->multi, poll->easy))
		status = error_set(&error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_FETCH,
		    "libcurl can't take up a transfer");
	if (!status)
		return;
	cache_note_failure(poller->options.cache, entry->slot, &error);
	conclude(poller, poll, status);
}

/* A number that was lowered stops nothing that is in flight. */
static bool
room_in_flight(struct poller *poller)
{
	return poller->in_flight_count <
	       atomic_load(poller->options.polls_in_flight);
}

static void
start_due(struct poller *poller, struct moment now)
{
	while (room_in_flight(poller)) {
		struct heap_node *node = heap_first(&poller->polls);
		if (!node || node->due_ms > now.boot_ms || stopping(poller))
			return;
		start_poll(poller, entry_of_poll(node), now);
	}
}

static void
receive(struct poller *poller, struct poll *poll, CURLcode code)
{
	struct enclave_client_error error = {0};
	enum enclave_client_status status = poll_receive(poll, code, &error);

	if (!status) {
		poll->judging = true;
		verify_queue_add(&poller->verification, poll);
		return;
	}
	cache_note_failure(poller->options.cache, poll->slot, &error);
	conclude(poller, poll, status);
}

static void
receive_done(struct poller *poller)
{
	CURLMsg *message;
	int left = 0;

	while (!stopping(poller) &&
	       (message = curl_multi_info_read(poller->multi, &left))) {
		char *poll = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, &poll);
		(void)curl_multi_remove_handle(
		    poller->multi, message->easy_handle);
		receive(poller, (void *)poll, code);
	}
}

static void
conclude_judged(struct poller *poller)
{
	struct poll *poll;

	while ((poll = verify_queue_take(&poller->verification)))
		conclude(poller, poll, poll->status);
}

static void
expire_due(struct poller *poller, struct moment now)
{
	struct heap_node *node;

	while (!stopping(poller) && (node = heap_first(&poller->ends)) &&
	       node->due_ms <= now.boot_ms) {
		struct roster_entry *entry = entry_of_end(node);
		cache_expire(poller->options.cache, entry->slot, now);
		plan_again(poller, entry, now);
	}
}

/*
 * What is live already was brought by somebody else, the parent of a forked
 * child for one, and counts as a poll: not every child asks at once.  But
 * where it ends so soon that the floor between polls would be too long.
 */
static void
inherit(struct roster_entry *entry, struct moment now)
{
	struct deadline first = {0};
	struct deadline last = {0};

	entry->generation = cache_slot_generation(entry->slot);
	if (cache_live_keys(entry->slot, now, &first, &last) &&
	    deadline_left_ms(first, now) >= 2 * POLL_INTERVAL_MS_FLOOR)
		schedule_learned(&entry->schedule, now);
}

/* Borrows slot.  False when memory is short. */
static bool
take_in(struct poller *poller, struct cache_slot *slot, struct moment now)
{
	size_t count = poller->roster.count + 1;
	struct roster_entry *entry;

	if (roster_find(&poller->roster, slot) || cache_slot_removed(slot))
		return true;
	if (!heap_reserve(&poller->polls, count) ||
	    !heap_reserve(&poller->ends, count))
		return false;
	entry = roster_add(&poller->roster, slot);
	if (!entry)
		return false;
	inherit(entry, now);
	plan(poller, entry, now);
	return true;
}

static void
take_in_all(struct poller *poller, struct moment now)
{
	size_t count = cache_slot_count(poller->options.cache);

	poller->slots_missed = false;
	for (size_t i = 0; i < count; i++) {
		struct cache_slot *slot =
		    cache_slot_at(poller->options.cache, i);
		if (!slot)
			break;
		if (!take_in(poller, slot, now))
			poller->slots_missed = true;
		cache_slot_unref(slot);
	}
}

static void
let_go(struct poller *poller, struct roster_entry *entry)
{
	struct poll *poll = find_poll(poller, entry->slot);

	/* What is being judged comes back, and is not published. */
	if (poll && !poll->judging)
		drop_poll(poller, poll);
	heap_remove(&poller->polls, &entry->poll);
	heap_remove(&poller->ends, &entry->end);
	roster_remove(&poller->roster, entry);
}

static void
note_published(struct roster_entry *entry, struct moment now)
{
	uint64_t generation = cache_slot_generation(entry->slot);
	struct deadline first;
	struct deadline last;

	if (generation == entry->generation)
		return;
	entry->generation = generation;
	/* A withdrawal is published too, and teaches nothing good. */
	if (!polling_now(entry) &&
	    cache_live_keys(entry->slot, now, &first, &last) > 0)
		schedule_learned(&entry->schedule, now);
}

static void
look_at(struct poller *poller, struct cache_slot *slot, unsigned int why,
    struct moment now)
{
	struct roster_entry *entry = roster_find(&poller->roster, slot);

	if (entry && cache_slot_removed(slot)) {
		let_go(poller, entry);
		return;
	}
	/* What nobody asks for waits for the store, which may know it. */
	if (!entry && why == CACHE_DIRTY_CONFIGURED && poller->slots_missed)
		return;
	if (!entry) {
		if (!take_in(poller, slot, now))
			poller->slots_missed = true;
		entry = roster_find(&poller->roster, slot);
	}
	if (!entry)
		return;
	/* Whether it was wanted before or after is not known: it still is. */
	if (why & CACHE_DIRTY_PUBLISHED)
		note_published(entry, now);
	if (why & CACHE_DIRTY_WANTED)
		schedule_want(&entry->schedule);
	plan_again(poller, entry, now);
}

/* False when more are waiting. */
static bool
take_dirty(struct poller *poller, struct moment now)
{
	for (size_t i = 0; i < DIRTY_PER_TURN_MAX; i++) {
		unsigned int why = 0;
		struct cache_slot *slot =
		    cache_next_dirty(poller->options.cache, &why);
		if (!slot)
			return true;
		look_at(poller, slot, why, now);
		cache_slot_unref(slot);
	}
	return false;
}

/*
 * Ends are due on the clock that reached them first when they were planned;
 * when either clock was set since, all are planned again.  Compared with the
 * last planning, not with the last turn, so that a slow drift adds up.
 */
static void
compare_clocks(struct poller *poller, struct moment now)
{
	int64_t wall_ms = now.wall_ms - poller->clocks_compared.wall_ms;
	int64_t boot_ms = now.boot_ms - poller->clocks_compared.boot_ms;

	if (wall_ms - boot_ms <= CLOCK_JUMP_MS &&
	    boot_ms - wall_ms <= CLOCK_JUMP_MS)
		return;
	poller->clocks_compared = now;
	for (size_t i = 0; i < poller->roster.bucket_count; i++) {
		struct roster_entry *entry = poller->roster.buckets[i];
		for (; entry && !stopping(poller); entry = entry->next) {
			cache_expire(poller->options.cache, entry->slot, now);
			plan_again(poller, entry, now);
		}
	}
}

static int64_t
nap_until(const struct heap *heap, int64_t nap_ms, struct moment now)
{
	const struct heap_node *node = heap_first(heap);

	if (!node || node->due_ms - now.boot_ms >= nap_ms)
		return nap_ms;
	return node->due_ms > now.boot_ms ? node->due_ms - now.boot_ms : 0;
}

static void
nap(struct poller *poller)
{
	struct moment now = clock_now(poller->options.clock);
	int64_t nap_ms = poller->slots_missed ? MEMORY_RETRY_MS : NAP_MAX_MS;
	struct timespec pause = {.tv_nsec = 20000000};

	nap_ms = nap_until(&poller->ends, nap_ms, now);
	if (room_in_flight(poller))
		nap_ms = nap_until(&poller->polls, nap_ms, now);
	/* Where libcurl can't wait, the thread must not spin. */
	if (curl_multi_poll(poller->multi, NULL, 0, (int)nap_ms, NULL))
		(void)nanosleep(&pause, NULL);
}

static void
turn(struct poller *poller)
{
	struct moment now = clock_now(poller->options.clock);
	int running = 0;
	bool all_taken;

	if (poller->slots_missed && verify_queue_loaded(&poller->verification))
		take_in_all(poller, now);
	all_taken = take_dirty(poller, now);
	conclude_judged(poller);
	compare_clocks(poller, now);
	expire_due(poller, now);
	start_due(poller, now);
	(void)curl_multi_perform(poller->multi, &running);
	receive_done(poller);
	if (all_taken)
		nap(poller);
}

static void *
run(void *context)
{
	struct poller *poller = context;

	(void)pthread_setname_np(pthread_self(), "enclave-poll");
	thread_serve(poller);
	seed_random(poller);
	poller->clocks_compared = clock_now(poller->options.clock);
	/* Enclaves that were configured before there was a poller: what the
	 * store holds for them may spare a fetch. */
	poller->slots_missed = true;
	while (!stopping(poller))
		turn(poller);
	verify_queue_stop(&poller->verification);
	for (size_t i = 0; i < POLLS_IN_FLIGHT_MAX; i++)
		if (poller->in_flight[i].slot)
			drop_poll(poller, &poller->in_flight[i]);
	return NULL;
}

static enum enclave_client_status
start(struct poller *poller, struct enclave_client_error *error)
{
	enum enclave_client_status status;
	int result;

	poller->multi = curl_multi_init();
	if (!poller->multi)
		return error_memory(error);
	if (curl_multi_setopt(poller->multi, CURLMOPT_MAXCONNECTS,
		(long)CONNECTIONS_KEPT_MAX) ||
	    curl_multi_setopt(
		poller->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING))
		return error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE,
		    "libcurl refuses an option of its multi handle");
	/* Before there is a thread that publishes: without it, what the store
	 * brings would not count as learned. */
	cache_set_wake(poller->options.cache, wake, poller);
	status = verify_queue_start(&poller->verification, error);
	if (status)
		return status;
	result = thread_start(run, poller, &poller->thread);
	if (result) {
		status = error_set(error, ENCLAVE_CLIENT_ERR_INTERNAL,
		    ENCLAVE_CLIENT_STEP_NONE, "can't start the poll thread");
		error_set_foreign(error, ENCLAVE_CLIENT_FOREIGN_ERRNO, result);
		return status;
	}
	poller->running = true;
	return ENCLAVE_CLIENT_OK;
}

enum enclave_client_status
poller_new(const struct poller_options *options, struct poller **ret_poller,
    struct enclave_client_error *error)
{
	struct poller *poller = calloc(1, sizeof(*poller));
	enum enclave_client_status status;

	if (!poller)
		return error_memory(error);
	poller->options = *options;
	poller->verification.options = &poller->options;
	poller->verification.wake = wake;
	poller->verification.wake_context = poller;
	atomic_init(&poller->stop, false);
	if (pthread_mutex_init(&poller->running_lock, NULL)) {
		free(poller);
		return error_memory(error);
	}
	status = start(poller, error);
	if (status) {
		poller_free(poller);
		return status;
	}
	*ret_poller = poller;
	return ENCLAVE_CLIENT_OK;
}

void
poller_wake(struct poller *poller)
{
	(void)curl_multi_wakeup(poller->multi);
}

bool
poller_on_own_thread(const struct poller *poller)
{
	return poller &&
	       (thread_serves(poller) || thread_serves(&poller->verification));
}

void
poller_stop(struct poller *poller)
{
	if (!poller)
		return;
	atomic_store_explicit(&poller->stop, true, memory_order_release);
	poller_wake(poller);
	/* It would wait for itself; so would who waits for it already. */
	if (poller_on_own_thread(poller))
		return;
	(void)pthread_mutex_lock(&poller->running_lock);
	if (poller->running) {
		(void)pthread_join(poller->thread, NULL);
		poller->running = false;
	}
	(void)pthread_mutex_unlock(&poller->running_lock);
}

void
poller_free(struct poller *poller)
{
	if (!poller)
		return;
	poller_stop(poller);
	/* Where the poll thread could not start. */
	verify_queue_stop(&poller->verification);
	cache_set_wake(poller->options.cache, NULL, NULL);
	for (size_t i = 0; i < POLLS_IN_FLIGHT_MAX; i++)
		poll_free(&poller->in_flight[i]);
	(void)curl_multi_cleanup(poller->multi);
	heap_clear(&poller->polls);
	heap_clear(&poller->ends);
	roster_clear(&poller->roster);
	(void)pthread_mutex_destroy(&poller->running_lock);
	free(poller);
}
