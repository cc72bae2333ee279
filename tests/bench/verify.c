/*
 * What a verification costs, in raw ES384 verifications of the same machine at
 * the same moment: each round measures all of them one after the other, and
 * the median of the rounds' ratios is printed.
 *
 *   bench-verify CATALOGUE [ROUNDS]
 *
 * A cold verification has five signatures to check: three issuers', the leaf's
 * and the document's.  In instructions (callgrind, OpenSSL 3.0 of Debian 12)
 * each is 1.01 raw ones, and d2i_X509 of a certificate is 0.19: three quarters
 * of that is OSSL_DECODER_CTX_new_for_pkey, called for the certificate's key.
 * A key out of its bytes (key_new) is 0.02, and so is all else that is done
 * with a certificate.  Together that is 5.9; in time the same is 6.4 to 6.5.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "evidence/chain_memory.h"
#include "evidence/claims_new.h"
#include "evidence/cose.h"
#include "evidence/document.h"
#include "evidence/key.h"
#include "evidence_test.h"

#define ROUNDS_DEFAULT    301
#define ROUNDS_MAX        10000
#define THREADS           2
#define THREAD_ROUNDS     41
#define THREAD_RUNS       60
#define DER_MAX_BYTES     112
#define MESSAGE_MAX_LEN   16384
#define CHEAP_RUNS        20
#define ALLOCATION_RUNS   50
#define DOCUMENTS_PER_RUN 2

/* Under one leaf, two for each thread. */
static const char *const under_one_leaf[THREADS * DOCUMENTS_PER_RUN] = {
    "good document",
    "keys in another order",
    "sparse PCRs",
    "module_id of one byte",
};
/* Under the same issuers, but of another leaf. */
static const char *const under_another_leaf = "leaf's keyUsage critical";

/* Each thread has its own, so that counting costs nothing. */
static _Thread_local size_t allocations;

/* Named by the linker. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

void *
__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

char *
__wrap_strdup(const char *text)
{
	allocations++;
	return __real_strdup(text);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return __real_malloc(size);
}

static void *
openssl_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(block, size);
}

static void
openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

_Noreturn static void
give_up(const char *what)
{
	(void)fprintf(stderr, "bench-verify: %s\n", what);
	exit(1);
}

/* One signature, with everything around it done beforehand. */
struct raw {
	EVP_PKEY *key;
	uint8_t der[DER_MAX_BYTES];
	size_t der_len;
	uint8_t message[MESSAGE_MAX_LEN];
	size_t message_len;
};

static struct raw raw;
static struct evidence_roots *roots;
static struct evidence_check check;
static struct file documents[THREADS * DOCUMENTS_PER_RUN];
static struct file other_leaf;

static void
der_from_cose(struct bytes signature)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int half = COSE_SIGNATURE_BYTES / 2;
	uint8_t *end = raw.der;
	BIGNUM *r = BN_bin2bn(signature.data, half, NULL);
	BIGNUM *s = BN_bin2bn(signature.data + half, half, NULL);
	int len;

	if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s))
		give_up("no memory");
	len = i2d_ECDSA_SIG(pair, NULL);
	if (len <= 0 || len > DER_MAX_BYTES || i2d_ECDSA_SIG(pair, &end) != len)
		give_up("the signature can't be written as DER");
	raw.der_len = (size_t)len;
	ECDSA_SIG_free(pair);
}

static void
prepare_raw(struct bytes bytes)
{
	struct envelope envelope;
	struct document document;
	const uint8_t *der;
	X509 *leaf;

	if (envelope_read(bytes, &envelope, NULL) ||
	    document_read(envelope.payload, &document, NULL))
		give_up("the document can't be read");
	der = document.certificate.data;
	leaf = d2i_X509(NULL, &der, (long)document.certificate.len);
	raw.key = X509_get_pubkey(leaf);
	X509_free(leaf);
	der_from_cose(envelope.signature);
	raw.message_len = sig_structure_head(envelope.payload.len, raw.message);
	if (!raw.key ||
	    envelope.payload.len > sizeof(raw.message) - raw.message_len)
		give_up("the document does not fit");
	memcpy(raw.message + raw.message_len, envelope.payload.data,
	    envelope.payload.len);
	raw.message_len += envelope.payload.len;
}

/* The arithmetic that nobody can go below. */
static void
verify_raw(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context ||
	    EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, raw.key) !=
		1 ||
	    EVP_DigestVerify(context, raw.der, raw.der_len, raw.message,
		raw.message_len) != 1)
		give_up("the raw signature does not fit");
	EVP_MD_CTX_free(context);
}

static void
verify(const struct file *file, struct chain_memory *memory)
{
	struct evidence_check with = check;
	struct claims *claims = NULL;

	with.memory = memory;
	if (evidence_verify(file_bytes(file), &with, &claims, NULL))
		give_up("a good document is refused");
	claims_unref(claims);
}

/*
 * A memory of one entry: of two documents that take turns it knows the issuers,
 * the leaf where they share it, and never the document itself.
 */
static struct chain_memory *
forgetful_memory(const struct file *first)
{
	struct chain_memory *memory = chain_memory_new_bounded(1);

	if (!memory)
		give_up("no memory");
	verify(first, memory);
	return memory;
}

/* Everything but signatures and certificates. */
static void
parse(struct bytes bytes)
{
	struct envelope envelope;
	struct document document;
	uint8_t sha256[DIGEST_BYTES];
	struct claims_source source = {
	    .document = &document,
	    .payload_sha256 = sha256,
	};
	struct claims *claims;

	if (envelope_read(bytes, &envelope, NULL) ||
	    document_read(envelope.payload, &document, NULL) ||
	    !digest_of(envelope.payload, sha256))
		give_up("a good document can't be read");
	claims = claims_new(&source);
	if (!claims)
		give_up("no memory");
	claims_unref(claims);
}

static double
now_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		give_up("no clock");
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* CPU time: what others do to this machine does not count. */
static double
cpu_us(void)
{
	return now_us(CLOCK_THREAD_CPUTIME_ID);
}

enum figure { COLD, NEW_LEAF, WARM, SAME, PARSE, FIGURES };

static const char *const names[FIGURES] = {
    [COLD] = "verify_cold_ratio",
    [NEW_LEAF] = "verify_new_leaf_ratio",
    [WARM] = "verify_warm_ratio",
    [SAME] = "verify_same_ratio",
    [PARSE] = "parse_ratio",
};

struct memories {
	struct chain_memory *new_leaf;
	struct chain_memory *warm;
	struct chain_memory *same;
};

static void
run_once(enum figure figure, long round, const struct memories *memories)
{
	const struct file *mine = &documents[0];
	bool odd = round % 2 != 0;

	switch (figure) {
	case COLD:
		verify(mine, NULL);
		break;
	case NEW_LEAF:
		/* The memory began with mine. */
		verify(odd ? mine : &other_leaf, memories->new_leaf);
		break;
	case WARM:
		verify(odd ? mine : &documents[1], memories->warm);
		break;
	case SAME:
		verify(mine, memories->same);
		break;
	case PARSE:
	case FIGURES:
		parse(file_bytes(mine));
		break;
	}
}

static double
cost_us(enum figure figure, long round, const struct memories *memories)
{
	int runs = figure == SAME || figure == PARSE ? CHEAP_RUNS : 1;
	double begin_us = cpu_us();

	for (int i = 0; i < runs; i++)
		run_once(figure, round, memories);
	return (cpu_us() - begin_us) / runs;
}

static double
raw_cost_us(void)
{
	double begin_us = cpu_us();

	verify_raw();
	return cpu_us() - begin_us;
}

static int
compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void
print_figure(const char *name, double value, const char *unit)
{
	(void)printf("{\"name\":\"%s\",\"value\":%.4f,\"unit\":\"%s\"}\n", name,
	    value, unit);
}

/* Each figure between two raw verifications, which it is divided by. */
static void
measure_costs(long rounds)
{
	static double ratios[FIGURES][ROUNDS_MAX];
	static double raws_us[ROUNDS_MAX];
	struct memories memories = {
	    .new_leaf = forgetful_memory(&documents[0]),
	    .warm = forgetful_memory(&documents[0]),
	    .same = forgetful_memory(&documents[0]),
	};

	for (long round = 0; round < rounds; round++) {
		double before_us = raw_cost_us();
		for (int i = 0; i < FIGURES; i++) {
			enum figure figure = (enum figure)i;
			double us = cost_us(figure, round, &memories);
			double after_us = raw_cost_us();
			ratios[i][round] = us / ((before_us + after_us) / 2);
			before_us = after_us;
		}
		raws_us[round] = before_us;
	}
	for (int i = 0; i < FIGURES; i++)
		print_figure(
		    names[i], median(ratios[i], (size_t)rounds), "ratio");
	print_figure("raw_es384_us", median(raws_us, (size_t)rounds), "us");
	chain_memory_free(memories.new_leaf);
	chain_memory_free(memories.warm);
	chain_memory_free(memories.same);
}

/* What one thread does: NULL verifies raw, else two documents in turn. */
struct work {
	const struct file *pair;
	struct chain_memory *memory;
	pthread_barrier_t *barrier;
};

static void *
work(void *argument)
{
	const struct work *mine = argument;

	(void)pthread_barrier_wait(mine->barrier);
	for (int i = 0; i < THREAD_RUNS; i++) {
		if (!mine->pair)
			verify_raw();
		else
			verify(
			    &mine->pair[i % DOCUMENTS_PER_RUN], mine->memory);
	}
	return NULL;
}

/* Verifications in a microsecond of the wall's clock. */
static double
throughput(unsigned int count, bool raw_only, struct chain_memory *memory)
{
	pthread_t threads[THREADS];
	struct work works[THREADS];
	pthread_barrier_t barrier;
	double begin_us;

	if (pthread_barrier_init(&barrier, NULL, count + 1))
		give_up("no barrier");
	for (unsigned int i = 0; i < count; i++) {
		works[i] = (struct work){
		    .pair = raw_only ? NULL : &documents[DOCUMENTS_PER_RUN * i],
		    .memory = memory,
		    .barrier = &barrier,
		};
		if (pthread_create(&threads[i], NULL, work, &works[i]))
			give_up("no thread");
	}
	begin_us = now_us(CLOCK_MONOTONIC);
	(void)pthread_barrier_wait(&barrier);
	for (unsigned int i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	begin_us = now_us(CLOCK_MONOTONIC) - begin_us;
	(void)pthread_barrier_destroy(&barrier);
	return count * THREAD_RUNS / begin_us;
}

/*
 * Known leaf, new document, one memory for both threads; a thread's pair is
 * its own, so that a memory of one entry never knows the document.
 */
static void
measure_threads(const char *name, struct chain_memory *memory)
{
	static double ratios[THREAD_ROUNDS];

	for (int round = 0; round < THREAD_ROUNDS; round++) {
		double raw_one = throughput(1, true, NULL);
		double raw_two = throughput(THREADS, true, NULL);
		double one = throughput(1, false, memory);
		double two = throughput(THREADS, false, memory);
		ratios[round] = (two / one) / (raw_two / raw_one);
	}
	print_figure(name, median(ratios, THREAD_ROUNDS), "ratio");
}

static void
measure_allocations(struct chain_memory *memory)
{
	size_t before = allocations;

	for (int i = 0; i < ALLOCATION_RUNS; i++)
		verify_raw();
	print_figure("allocations_raw",
	    (double)(allocations - before) / ALLOCATION_RUNS, "calls");
	verify(&documents[1], memory);
	before = allocations;
	for (int i = 0; i < ALLOCATION_RUNS; i++)
		verify(&documents[i % DOCUMENTS_PER_RUN], memory);
	print_figure("allocations_warm",
	    (double)(allocations - before) / ALLOCATION_RUNS, "calls");
}

static struct file
file_titled(const char *folder, const cJSON *cases, const char *title)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, cases)
	{
		if (!strcmp(json_string(item, "title"), title))
			return file_read(folder, json_string(item, "file"));
	}
	give_up(title);
}

static void
load(const char *folder)
{
	cJSON *manifest = json_read(folder, "manifest.json");
	const cJSON *cases =
	    cJSON_GetObjectItemCaseSensitive(manifest, "cases");

	roots = roots_file(folder, json_string(manifest, "root"));
	check = check_at(
	    roots, json_member_integer(cJSON_GetArrayItem(cases, 0), "now_ms"));
	for (size_t i = 0; i < THREADS * DOCUMENTS_PER_RUN; i++)
		documents[i] = file_titled(folder, cases, under_one_leaf[i]);
	other_leaf = file_titled(folder, cases, under_another_leaf);
	prepare_raw(file_bytes(&documents[0]));
	cJSON_Delete(manifest);
}

int
main(int argc, char **argv)
{
	long rounds = ROUNDS_DEFAULT;
	struct chain_memory *memory;

	if (argc < 2 || !CRYPTO_set_mem_functions(
			    openssl_malloc, openssl_realloc, openssl_free))
		return 2;
	if (argc > 2)
		rounds = strtol(argv[2], NULL, 10);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	load(argv[1]);
	measure_costs(rounds);
	memory = forgetful_memory(&documents[0]);
	measure_threads("threads_scaling_ratio", memory);
	measure_threads("threads_scaling_cold_ratio", NULL);
	measure_allocations(memory);
	chain_memory_free(memory);
	for (size_t i = 0; i < THREADS * DOCUMENTS_PER_RUN; i++)
		file_free(&documents[i]);
	file_free(&other_leaf);
	EVP_PKEY_free(raw.key);
	evidence_roots_unref(roots);
	return 0;
}
