#include "evidence/chain_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64

struct entry {
	uint8_t key[DIGEST_BYTES];
	void *record; /* counted */
	struct entry *next;
	struct entry *newer;
	struct entry *older;
};

struct table {
	struct entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	struct entry *newest;
	struct entry *oldest;
	void *(*ref)(void *record);
	void (*unref)(void *record);
	int64_t (*end_ms)(const void *record);
};

struct chain_memory {
	pthread_mutex_t mutex;
	size_t entries_max;
	struct table chains;
	struct table leaves;
	struct table documents; /* records are leaves */
};

static void *
ref_chain(void *record)
{
	return verified_chain_ref(record);
}

static void
unref_chain(void *record)
{
	verified_chain_unref(record);
}

static void *
ref_leaf(void *record)
{
	return verified_leaf_ref(record);
}

static void
unref_leaf(void *record)
{
	verified_leaf_unref(record);
}

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t
chain_end_ms(const void *record)
{
	const struct verified_chain *chain = record;
	int64_t end_ms = INT64_MAX;

	for (size_t i = 0; i < chain->count; i++)
		end_ms = earlier(end_ms, chain->certificates[i].not_after_ms);
	return end_ms;
}

static int64_t
leaf_end_ms(const void *record)
{
	const struct verified_leaf *leaf = record;

	return earlier(
	    leaf->certificate.not_after_ms, chain_end_ms(leaf->chain));
}

/* Keys are digests of what was verified: nobody can aim them at a bucket. */
static struct entry **
bucket_of(const struct table *table, const uint8_t *key)
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	return &table->buckets[hash & (table->bucket_count - 1)];
}

static struct entry *
find(const struct table *table, const uint8_t *key)
{
	struct entry *entry = NULL;

	if (table->bucket_count)
		entry = *bucket_of(table, key);
	while (entry && memcmp(entry->key, key, DIGEST_BYTES) != 0)
		entry = entry->next;
	return entry;
}

static void
unlink_age(struct table *table, struct entry *entry)
{
	if (table->newest == entry)
		table->newest = entry->older;
	else
		entry->newer->older = entry->older;
	if (table->oldest == entry)
		table->oldest = entry->newer;
	else
		entry->older->newer = entry->newer;
}

static void
link_newest(struct table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	if (table->newest)
		table->newest->newer = entry;
	else
		table->oldest = entry;
	table->newest = entry;
}

static void
forget(struct table *table, struct entry *entry)
{
	struct entry **link = bucket_of(table, entry->key);

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	unlink_age(table, entry);
	table->unref(entry->record);
	table->count--;
	free(entry);
}

/* Twice the buckets; when memory is short the old ones do. */
static void
grow(struct table *table)
{
	size_t count =
	    table->bucket_count ? 2 * table->bucket_count : BUCKETS_FIRST;
	struct entry **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return;
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
	for (struct entry *entry = table->newest; entry; entry = entry->older) {
		struct entry **bucket = bucket_of(table, entry->key);
		entry->next = *bucket;
		*bucket = entry;
	}
}

/* Nobody can use what has ended: its time is judged at each use. */
static void
forget_ended(struct table *table, int64_t now_ms)
{
	struct entry *entry;

	while (
	    (entry = table->oldest) && table->end_ms(entry->record) <= now_ms)
		forget(table, entry);
}

static void
insert(
    struct table *table, size_t entries_max, const uint8_t *key, void *record)
{
	struct entry *entry;
	struct entry **bucket;

	if (find(table, key))
		return;
	if (table->count >= table->bucket_count)
		grow(table);
	entry = table->bucket_count ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry)
		return;
	memcpy(entry->key, key, DIGEST_BYTES);
	entry->record = table->ref(record);
	bucket = bucket_of(table, key);
	entry->next = *bucket;
	*bucket = entry;
	link_newest(table, entry);
	table->count++;
	if (table->count > entries_max && table->oldest)
		forget(table, table->oldest);
}

static void *
look_up(struct chain_memory *memory, struct table *table, const uint8_t *key)
{
	struct entry *entry;
	void *record = NULL;

	(void)pthread_mutex_lock(&memory->mutex);
	entry = find(table, key);
	if (entry) {
		unlink_age(table, entry);
		link_newest(table, entry);
		record = table->ref(entry->record);
	}
	(void)pthread_mutex_unlock(&memory->mutex);
	return record;
}

struct chain_memory *
chain_memory_new_bounded(size_t entries_max)
{
	struct chain_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	if (pthread_mutex_init(&memory->mutex, NULL)) {
		free(memory);
		return NULL;
	}
	memory->entries_max = entries_max;
	memory->chains = (struct table){
	    .ref = ref_chain, .unref = unref_chain, .end_ms = chain_end_ms};
	memory->leaves = (struct table){
	    .ref = ref_leaf, .unref = unref_leaf, .end_ms = leaf_end_ms};
	memory->documents = memory->leaves;
	return memory;
}

struct chain_memory *
chain_memory_new(void)
{
	return chain_memory_new_bounded(CHAIN_MEMORY_ENTRIES_MAX);
}

static void
table_clear(struct table *table)
{
	while (table->oldest)
		forget(table, table->oldest);
	free(table->buckets);
}

void
chain_memory_free(struct chain_memory *memory)
{
	if (!memory)
		return;
	table_clear(&memory->documents);
	table_clear(&memory->leaves);
	table_clear(&memory->chains);
	(void)pthread_mutex_destroy(&memory->mutex);
	free(memory);
}

struct verified_chain *
chain_memory_find_chain(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES])
{
	return look_up(memory, &memory->chains, key);
}

struct verified_leaf *
chain_memory_find_leaf(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES])
{
	return look_up(memory, &memory->leaves, key);
}

struct verified_leaf *
chain_memory_find_document(
    struct chain_memory *memory, const uint8_t key[DIGEST_BYTES])
{
	return look_up(memory, &memory->documents, key);
}

void
chain_memory_remember(struct chain_memory *memory,
    const struct memory_keys *keys, struct verified_leaf *leaf, int64_t now_ms)
{
	size_t max = memory->entries_max;

	(void)pthread_mutex_lock(&memory->mutex);
	forget_ended(&memory->documents, now_ms);
	forget_ended(&memory->leaves, now_ms);
	forget_ended(&memory->chains, now_ms);
	insert(&memory->chains, max, keys->chain, leaf->chain);
	insert(&memory->leaves, max, keys->leaf, leaf);
	insert(&memory->documents, max, keys->document, leaf);
	(void)pthread_mutex_unlock(&memory->mutex);
}
