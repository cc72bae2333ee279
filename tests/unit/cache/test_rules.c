/*
 * What evidence, failures, clocks and maps do to the keys of one enclave:
 * each case is a sentence and the steps that show it.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "world.h"

enum op {
	OP_END,
	OP_CLOCKS,   /* wall ms, boot ms */
	OP_EVIDENCE, /* key, build, timestamp, notAfter; what publishing says */
	OP_REPLAYED, /* the same, judged at another time */
	OP_FORGED,   /* the same, but nothing vouches for it */
	OP_HOLD,     /* matched now, published later */
	OP_RELEASE,  /* what publishing what was held says */
	OP_FAIL,     /* a fetch fails with this status */
	OP_EXPIRE,
	OP_ACCEPT,  /* policy: builds, as bits */
	OP_MAX_AGE, /* of the enclave, ms */
	OP_KEEP,    /* insecure_keep_withdrawn */
	OP_INTERVAL,
	OP_REMOVE,
	OP_ADD,     /* the name again; the test goes on with the new slot */
	OP_JUDGE,   /* key, what the gate is told */
	OP_LASTING, /* key, whether bytes may go on */
	OP_LIVE,    /* how many */
	OP_TOLD,    /* events since the last time */
	OP_SAYS,    /* what the last message holds */
	OP_ENDED,   /* the last error's deadline, since the start */
	OP_MARK,    /* remembers the generation */
	OP_SAME,    /* still the marked one */
	OP_CHANGED
};

struct step {
	enum op op;
	char key;
	int build;
	int64_t ms;
	int64_t ms2;
	int want;
	const char *text;
};

struct scenario {
	const char *sentence;
	struct step steps[20];
};

#define GOOD 1 /* the accepted build */
#define BAD  2
#define MIN  INT64_C(60000)

#define STEP(...)                                                              \
	{                                                                      \
		__VA_ARGS__                                                    \
	}
#define CLOCKS(wall, boot) STEP(OP_CLOCKS, 0, 0, wall, boot, 0, NULL)
#define AT(ms)             CLOCKS(ms, ms)
#define DOC(op, key, build, ms, want)                                          \
	STEP(op, key, build, ms, 3 * HOUR_MS, want, NULL)
#define EVIDENCE(key, build, ms, want)                                         \
	DOC(OP_EVIDENCE, key, build, ms, ENCLAVE_CLIENT_##want)
#define UNTIL(key, ms, end, want)                                              \
	STEP(OP_EVIDENCE, key, GOOD, ms, end, ENCLAVE_CLIENT_##want, NULL)
#define REPLAYED(key, build, ms, want)                                         \
	DOC(OP_REPLAYED, key, build, ms, ENCLAVE_CLIENT_##want)
#define FORGED(key, build, ms, want)                                           \
	DOC(OP_FORGED, key, build, ms, ENCLAVE_CLIENT_##want)
#define HOLD(key, build, ms) DOC(OP_HOLD, key, build, ms, 0)
#define RELEASE(want)        STEP(OP_RELEASE, 0, 0, 0, 0, ENCLAVE_CLIENT_##want, NULL)
#define FAIL(status, words)                                                    \
	STEP(OP_FAIL, 0, 0, 0, 0, ENCLAVE_CLIENT_##status, words)
#define EXPIRE         STEP(OP_EXPIRE, 0, 0, 0, 0, 0, NULL)
#define ACCEPT(builds) STEP(OP_ACCEPT, 0, builds, 0, 0, 0, NULL)
#define MAX_AGE(ms)    STEP(OP_MAX_AGE, 0, 0, ms, 0, 0, NULL)
#define KEEP           STEP(OP_KEEP, 0, 0, 0, 0, 0, NULL)
#define INTERVAL(ms)   STEP(OP_INTERVAL, 0, 0, ms, 0, 0, NULL)
#define REMOVE         STEP(OP_REMOVE, 0, 0, 0, 0, 0, NULL)
#define ADD            STEP(OP_ADD, 0, 0, 0, 0, 0, NULL)
#define JUDGE(key, want)                                                       \
	STEP(OP_JUDGE, key, 0, 0, 0, ENCLAVE_CLIENT_##want, NULL)
#define LASTING(key, want) STEP(OP_LASTING, key, 0, 0, 0, want, NULL)
#define LIVE(count)        STEP(OP_LIVE, 0, 0, 0, 0, count, NULL)
#define TOLD(events)       STEP(OP_TOLD, 0, 0, 0, 0, 0, events)
#define SAYS(words)        STEP(OP_SAYS, 0, 0, 0, 0, 0, words)
#define ENDED(ms)          STEP(OP_ENDED, 0, 0, ms, 0, 0, NULL)
#define MARK               STEP(OP_MARK, 0, 0, 0, 0, 0, NULL)
#define SAME               STEP(OP_SAME, 0, 0, 0, 0, 0, NULL)
#define CHANGED            STEP(OP_CHANGED, 0, 0, 0, 0, 0, NULL)

static const struct scenario scenarios[] = {
    /* Accepting. */
    {"accepted evidence makes its key live, and only its key",
	{JUDGE('A', ERR_KEY_NOT_ATTESTED), SAYS("no evidence has come yet"),
	    MARK, EVIDENCE('A', GOOD, 0, OK), CHANGED, LIVE(1), JUDGE('A', OK),
	    JUDGE('B', ERR_KEY_NOT_ATTESTED),
	    SAYS("payments: key 4242424242424242 is in no accepted evidence; "
		 "live keys: 1"),
	    TOLD("attested")}},
    {"a further key is told as one, and both are live",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"),
	    EVIDENCE('B', GOOD, 0, OK), TOLD("key_added"), JUDGE('A', OK),
	    JUDGE('B', OK), LIVE(2)}},
    {"the same evidence again changes nothing and tells nothing",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK,
	    EVIDENCE('A', GOOD, 0, OK), SAME, TOLD("")}},
    {"newer evidence of the same key moves its end and tells nothing",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK, AT(30 * MIN),
	    EVIDENCE('A', GOOD, 30 * MIN, OK), CHANGED, TOLD(""), AT(60 * MIN),
	    JUDGE('A', OK), AT(90 * MIN - 1), JUDGE('A', OK), AT(90 * MIN),
	    JUDGE('A', ERR_TOO_OLD)}},
    {"older evidence that arrives late does not replace newer",
	{EVIDENCE('A', GOOD, 0, OK), MARK, UNTIL('A', -MIN, 10 * MIN, OK), SAME,
	    AT(30 * MIN), JUDGE('A', OK)}},
    {"older evidence does not stand in for newer that has ended",
	{UNTIL('A', 0, 10 * MIN, OK), AT(10 * MIN),
	    UNTIL('A', -MIN, 180 * MIN, ERR_EXPIRED), JUDGE('A', ERR_EXPIRED)}},
    {"newer evidence counts even when it ends earlier",
	{EVIDENCE('A', GOOD, 0, OK), UNTIL('A', 1, 10 * MIN, OK), AT(10 * MIN),
	    JUDGE('A', ERR_EXPIRED)}},

    /* What changes nothing. */
    {"a fetch that failed leaves the keys until their own end",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK,
	    FAIL(ERR_NETWORK, "no route"), SAME, JUDGE('A', OK),
	    TOLD("poll_failed"), AT(60 * MIN - 1), JUDGE('A', OK), AT(60 * MIN),
	    JUDGE('A', ERR_NETWORK)}},
    {"after the end the reason is that of the last failed attempt",
	{EVIDENCE('A', GOOD, 0, OK), FAIL(ERR_NETWORK, "no route"),
	    AT(60 * MIN + 42000), JUDGE('A', ERR_NETWORK),
	    SAYS("payments: evidence expired 42 s ago; last attempt: no route"),
	    FAIL(ERR_TIMEOUT, "too slow"), JUDGE('A', ERR_TIMEOUT), EXPIRE,
	    JUDGE('A', ERR_TIMEOUT),
	    SAYS("evidence expired 42 s ago; last attempt: too slow")}},
    {"before any evidence the reason is that of the first failed attempt",
	{FAIL(ERR_EVIDENCE_NOT_SERVED, "404"),
	    JUDGE('A', ERR_EVIDENCE_NOT_SERVED),
	    SAYS("no live key; last attempt: 404")}},
    {"replayed evidence never enters, accepted or not",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK,
	    REPLAYED('B', GOOD, 1, ERR_USAGE), REPLAYED('A', BAD, 1, ERR_USAGE),
	    SAME, JUDGE('A', OK), JUDGE('B', ERR_KEY_NOT_ATTESTED), TOLD("")}},
    {"claims that nothing vouches for never enter and never withdraw",
	{EVIDENCE('A', GOOD, 0, OK), MARK, FORGED('B', GOOD, 1, ERR_USAGE),
	    FORGED('A', BAD, 1, ERR_USAGE), SAME, JUDGE('A', OK),
	    JUDGE('B', ERR_KEY_NOT_ATTESTED)}},
    {"evidence that is refused for its time changes no key",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK,
	    EVIDENCE('A', BAD, -61 * MIN, ERR_TOO_OLD), SAME, JUDGE('A', OK),
	    TOLD("refused")}},

    /* Withdrawing. */
    {"a newer build that is not accepted withdraws its key at once",
	{EVIDENCE('A', GOOD, 0, OK), EVIDENCE('B', GOOD, 0, OK),
	    TOLD("attested key_added"), MARK,
	    EVIDENCE('A', BAD, 1, ERR_MEASUREMENT), CHANGED,
	    JUDGE('A', ERR_MEASUREMENT),
	    SAYS("payments: key 4141414141414141 is withdrawn (live keys: 1): "
		 "build 2 is not accepted"),
	    JUDGE('B', OK), LASTING('A', false), LASTING('B', true),
	    TOLD("measurement")}},
    {"a refusal of the same timestamp or an older one does not withdraw",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK,
	    EVIDENCE('A', BAD, 0, ERR_MEASUREMENT),
	    EVIDENCE('A', BAD, -1, ERR_MEASUREMENT), SAME, JUDGE('A', OK),
	    TOLD("measurement")}},
    {"a withdrawn key comes back by newer evidence only",
	{EVIDENCE('A', GOOD, 0, OK), EVIDENCE('A', BAD, 2, ERR_MEASUREMENT),
	    TOLD("attested measurement"),
	    EVIDENCE('A', GOOD, 1, ERR_MEASUREMENT),
	    SAYS("was withdrawn by newer evidence: build 2"),
	    EVIDENCE('A', GOOD, 2, ERR_MEASUREMENT),
	    JUDGE('A', ERR_MEASUREMENT), EVIDENCE('A', GOOD, 3, OK),
	    JUDGE('A', OK), LASTING('A', true),
	    TOLD("refused attested recovered")}},
    {"a withdrawal is remembered though the key was not held",
	{EVIDENCE('A', BAD, 2, ERR_MEASUREMENT),
	    EVIDENCE('A', GOOD, 1, ERR_MEASUREMENT),
	    JUDGE('A', ERR_MEASUREMENT), LIVE(0), EVIDENCE('A', GOOD, 3, OK),
	    JUDGE('A', OK)}},
    {"an older refusal does not make a withdrawal older",
	{EVIDENCE('A', BAD, 5, ERR_MEASUREMENT),
	    EVIDENCE('A', BAD, 1, ERR_MEASUREMENT),
	    EVIDENCE('A', GOOD, 3, ERR_MEASUREMENT), LIVE(0)}},
    {"a key that came back is not withdrawn by what withdrew it before",
	{EVIDENCE('A', BAD, 1, ERR_MEASUREMENT), EVIDENCE('A', GOOD, 2, OK),
	    EVIDENCE('A', BAD, 1, ERR_MEASUREMENT), JUDGE('A', OK)}},
    {"a withdrawal of an expired key is remembered too",
	{UNTIL('A', 0, 10 * MIN, OK), AT(10 * MIN), EXPIRE,
	    EVIDENCE('A', BAD, 10 * MIN, ERR_MEASUREMENT),
	    EVIDENCE('A', GOOD, 9 * MIN, ERR_MEASUREMENT), LASTING('A', false),
	    LIVE(0)}},
    {"insecure_keep_withdrawn keeps the key and still tells",
	{KEEP, TOLD(""), EVIDENCE('A', GOOD, 0, OK), TOLD("attested"),
	    EVIDENCE('A', BAD, 1, ERR_MEASUREMENT), JUDGE('A', OK),
	    TOLD("measurement"), EVIDENCE('A', GOOD, 0, OK), AT(60 * MIN),
	    JUDGE('A', ERR_TOO_OLD)}},

    /* Races: matched first, the change, published last. */
    {"race: a policy that no longer accepts, between match and publish",
	{HOLD('A', GOOD, 0), ACCEPT(1 << 3), RELEASE(ERR_MEASUREMENT), LIVE(0),
	    JUDGE('A', ERR_MEASUREMENT), TOLD("measurement")}},
    {"race: a policy that accepts now, between match and publish",
	{HOLD('A', BAD, 0), ACCEPT(1 << BAD), RELEASE(OK), JUDGE('A', OK),
	    TOLD("attested")}},
    {"race: a shorter max_age between match and publish",
	{HOLD('A', GOOD, -20 * MIN), MAX_AGE(10 * MIN), RELEASE(ERR_TOO_OLD),
	    LIVE(0)}},
    {"race: a policy changed and changed back is the same as never",
	{HOLD('A', GOOD, 0), ACCEPT(1 << 3), ACCEPT(1 << GOOD), RELEASE(OK),
	    JUDGE('A', OK)}},
    {"race: the enclave is removed between match and publish",
	{HOLD('A', GOOD, 0), REMOVE, TOLD(""), RELEASE(ERR_UNKNOWN_ENCLAVE),
	    LIVE(0), JUDGE('A', ERR_UNKNOWN_ENCLAVE), TOLD("")}},
    {"race: removed and added again is another enclave",
	{EVIDENCE('A', GOOD, 0, OK), ADD, LIVE(0),
	    JUDGE('A', ERR_KEY_NOT_ATTESTED)}},
    {"race: newer evidence was published first, the older arrives late",
	{HOLD('A', GOOD, 0), EVIDENCE('A', GOOD, 5, OK), MARK, RELEASE(OK),
	    SAME}},
    {"race: the key was withdrawn first, older evidence arrives late",
	{HOLD('A', GOOD, 0), EVIDENCE('A', BAD, 5, ERR_MEASUREMENT),
	    RELEASE(ERR_MEASUREMENT), LIVE(0)}},
    {"race: an older refusal arrives after newer accepted evidence",
	{HOLD('A', BAD, 0), EVIDENCE('A', GOOD, 5, OK),
	    RELEASE(ERR_MEASUREMENT), JUDGE('A', OK)}},
    {"race: evidence that ends between match and publish is dead",
	{HOLD('A', GOOD, 0), AT(60 * MIN - 1), RELEASE(OK), JUDGE('A', OK)}},
    {"race: at its very end it is not published any more",
	{HOLD('A', GOOD, 0), AT(60 * MIN), RELEASE(ERR_TOO_OLD), LIVE(0),
	    SAYS("has expired already"), ENDED(60 * MIN), TOLD("refused")}},
    {"race: the wall clock is set back between match and publish",
	{HOLD('A', GOOD, 0), CLOCKS(0, 60 * MIN), RELEASE(ERR_TOO_OLD),
	    LIVE(0)}},
    {"race: a certificate ends between match and publish",
	{UNTIL('A', 0, MIN, OK), HOLD('B', GOOD, 0), AT(180 * MIN),
	    RELEASE(ERR_TOO_OLD), LIVE(0)}},

    /* Ends, on both clocks. */
    {"a key ends at the very millisecond of the wall clock",
	{EVIDENCE('A', GOOD, 0, OK), CLOCKS(60 * MIN - 1, 0), JUDGE('A', OK),
	    LIVE(1), CLOCKS(60 * MIN, 0), JUDGE('A', ERR_TOO_OLD), LIVE(0)}},
    {"a key ends at the very millisecond of the boot clock",
	{EVIDENCE('A', GOOD, 0, OK), CLOCKS(0, 60 * MIN - 1), JUDGE('A', OK),
	    LIVE(1), CLOCKS(0, 60 * MIN), JUDGE('A', ERR_TOO_OLD), LIVE(0)}},
    {"a wall clock set back revives nothing",
	{EVIDENCE('A', GOOD, 0, OK), AT(60 * MIN), JUDGE('A', ERR_TOO_OLD),
	    CLOCKS(0, 60 * MIN), JUDGE('A', ERR_TOO_OLD),
	    EVIDENCE('A', GOOD, 0, ERR_TOO_OLD), EXPIRE,
	    EVIDENCE('A', GOOD, 0, ERR_TOO_OLD),
	    EVIDENCE('A', GOOD, -1, ERR_TOO_OLD), LIVE(0)}},
    {"a wall clock set back before the end lengthens nothing",
	{EVIDENCE('A', GOOD, 0, OK), CLOCKS(-HOUR_MS, 30 * MIN),
	    EVIDENCE('A', GOOD, 0, OK), ACCEPT(1 << GOOD | 1 << 3),
	    JUDGE('A', OK), CLOCKS(-30 * MIN, 60 * MIN),
	    JUDGE('A', ERR_TOO_OLD)}},
    {"a wall clock that jumped ahead and was set right costs nothing",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"),
	    CLOCKS(365 * 24 * HOUR_MS, MIN), EXPIRE, JUDGE('A', ERR_TOO_OLD),
	    TOLD("expired"), CLOCKS(2 * MIN, 2 * MIN), JUDGE('A', ERR_TOO_OLD),
	    EVIDENCE('A', GOOD, 0, OK), JUDGE('A', OK), TOLD("attested"),
	    CLOCKS(2 * MIN, 60 * MIN), JUDGE('A', ERR_TOO_OLD)}},
    {"spent evidence that comes again is counted from its first judging",
	{EVIDENCE('A', GOOD, 0, OK), CLOCKS(365 * 24 * HOUR_MS, MIN), EXPIRE,
	    CLOCKS(-50 * MIN, 2 * MIN), EVIDENCE('A', GOOD, 0, OK),
	    CLOCKS(5 * MIN, 60 * MIN), JUDGE('A', ERR_TOO_OLD)}},
    {"bytes that flow may go on after the end, with and without a sweep",
	{EVIDENCE('A', GOOD, 0, OK), AT(60 * MIN), LASTING('A', true), EXPIRE,
	    LASTING('A', true), LASTING('B', false)}},
    {"the end is told once, when the last key went",
	{UNTIL('A', 0, 10 * MIN, OK), UNTIL('B', 0, 20 * MIN, OK),
	    TOLD("attested key_added"), MARK, AT(10 * MIN), EXPIRE, TOLD(""),
	    CHANGED, JUDGE('B', OK), JUDGE('A', ERR_KEY_NOT_ATTESTED),
	    SAYS("the evidence for key 4141414141414141 expired 0 s ago; live "
		 "keys: 1"),
	    ENDED(10 * MIN), AT(20 * MIN), EXPIRE, TOLD("expired"), EXPIRE,
	    TOLD("")}},
    {"after the end it is said when that was",
	{UNTIL('A', 0, 10 * MIN, OK), AT(11 * MIN), JUDGE('A', ERR_EXPIRED),
	    SAYS("evidence expired 60 s ago; none has come since"),
	    ENDED(10 * MIN)}},
    {"an end that nobody swept is told before what follows",
	{UNTIL('A', 0, 10 * MIN, OK), AT(10 * MIN),
	    EVIDENCE('A', GOOD, 10 * MIN, OK),
	    TOLD("attested expired attested")}},
    {"a sweep before any end changes nothing",
	{EVIDENCE('A', GOOD, 0, OK), MARK, AT(60 * MIN - 1), EXPIRE, SAME,
	    JUDGE('A', OK)}},

    /* Told once. */
    {"the same failure is told once, another one again",
	{FAIL(ERR_NETWORK, "a"), FAIL(ERR_NETWORK, "a"), TOLD("poll_failed"),
	    FAIL(ERR_TIMEOUT, "b"), FAIL(ERR_TIMEOUT, "b"), TOLD("poll_failed"),
	    EVIDENCE('A', GOOD, 0, OK), TOLD("attested recovered"),
	    FAIL(ERR_TIMEOUT, "b"), TOLD("poll_failed"),
	    EVIDENCE('A', GOOD, 0, OK), TOLD("recovered")}},
    {"the same unaccepted build is told once, another one again",
	{EVIDENCE('A', BAD, 0, ERR_MEASUREMENT), TOLD("measurement"),
	    EVIDENCE('A', BAD, 1, ERR_MEASUREMENT), TOLD(""),
	    EVIDENCE('A', 3, 2, ERR_MEASUREMENT), TOLD("measurement")}},
    {"each withdrawal of a live key is told",
	{EVIDENCE('A', GOOD, 0, OK), EVIDENCE('B', GOOD, 0, OK),
	    TOLD("attested key_added"), EVIDENCE('A', BAD, 1, ERR_MEASUREMENT),
	    TOLD("measurement"), EVIDENCE('B', BAD, 1, ERR_MEASUREMENT),
	    TOLD("measurement"), EVIDENCE('B', BAD, 2, ERR_MEASUREMENT),
	    TOLD("")}},

    /* A new map. */
    {"a policy that no longer accepts a key withdraws it at once",
	{EVIDENCE('A', GOOD, 0, OK), EVIDENCE('B', 3, 0, ERR_MEASUREMENT),
	    TOLD("attested measurement"), MARK, ACCEPT(1 << 3), CHANGED,
	    JUDGE('A', ERR_MEASUREMENT), LASTING('A', false), JUDGE('B', OK),
	    LASTING('B', true), TOLD("measurement attested recovered")}},
    {"a policy that accepts it again brings the key back",
	{EVIDENCE('A', GOOD, 0, OK), ACCEPT(1 << 3), LIVE(0),
	    TOLD("attested measurement"), ACCEPT(1 << GOOD), JUDGE('A', OK),
	    TOLD("attested recovered"), AT(60 * MIN), JUDGE('A', ERR_TOO_OLD)}},
    {"a key that a policy brings back does not mend the network",
	{EVIDENCE('A', BAD, 0, ERR_MEASUREMENT), TOLD("measurement"),
	    FAIL(ERR_NETWORK, "no route"), TOLD("poll_failed"),
	    ACCEPT(1 << BAD), JUDGE('A', OK), TOLD("attested"),
	    FAIL(ERR_NETWORK, "no route"), TOLD("")}},
    {"what was remembered and has ended does not come back",
	{EVIDENCE('A', BAD, 0, ERR_MEASUREMENT), AT(60 * MIN), ACCEPT(1 << BAD),
	    LIVE(0)}},
    {"what was remembered and has ended on the boot clock does not come back",
	{EVIDENCE('A', BAD, 0, ERR_MEASUREMENT), CLOCKS(0, 60 * MIN),
	    ACCEPT(1 << BAD), LIVE(0), TOLD("measurement")}},
    {"a shorter max_age ends a key that is older",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), AT(20 * MIN),
	    MAX_AGE(10 * MIN), LIVE(0), JUDGE('A', ERR_TOO_OLD),
	    TOLD("expired")}},
    {"a longer max_age moves the end, counted from when it was judged",
	{EVIDENCE('A', GOOD, 0, OK), MAX_AGE(120 * MIN), AT(120 * MIN - 1),
	    JUDGE('A', OK), CLOCKS(0, 120 * MIN), JUDGE('A', ERR_TOO_OLD)}},
    {"a policy that changed after the end stops the bytes that flow",
	{EVIDENCE('A', GOOD, 0, OK), AT(60 * MIN), EXPIRE, LASTING('A', true),
	    INTERVAL(1000), LASTING('A', true), ACCEPT(1 << GOOD | 1 << 3),
	    LASTING('A', false)}},
    {"an unchanged enclave keeps its generation",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK, ACCEPT(1 << GOOD),
	    SAME, JUDGE('A', OK), TOLD("")}},
    {"evidence matched before an update that changed nothing is published",
	{HOLD('A', GOOD, 0), ACCEPT(1 << GOOD), RELEASE(OK)}},
    {"a changed interval keeps keys and events",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), INTERVAL(1000),
	    JUDGE('A', OK), TOLD("")}},
    {"a removed enclave has no key and no lasting verdict",
	{EVIDENCE('A', GOOD, 0, OK), TOLD("attested"), MARK, REMOVE, CHANGED,
	    JUDGE('A', ERR_UNKNOWN_ENCLAVE), LASTING('A', false), LIVE(0),
	    FAIL(ERR_NETWORK, "late"), EXPIRE, TOLD("")}},
};

struct play {
	struct world world;
	struct cache_slot *slot;
	struct fake_enclave enclave;
	struct appraisal held;
	struct enclave_client_error held_error;
	uint64_t held_generation;
	uint64_t mark;
};

static struct document
document_of(const struct step *step)
{
	return (struct document){
	    .key = step->key,
	    .build = (unsigned int)step->build,
	    .timestamp_ms = step->ms,
	    .not_after_ms = step->ms2,
	    .replayed = step->op == OP_REPLAYED,
	    .unauthentic = step->op == OP_FORGED,
	};
}

static void
configure(struct play *play, size_t count, const char *where)
{
	ck_assert_msg(world_update(&play->world, &play->enclave, count) == OK,
	    "%s", where);
}

static void
hold(struct play *play, const struct step *step)
{
	struct document document = document_of(step);
	struct enclave *enclave =
	    cache_slot_enclave(play->slot, &play->held_generation);

	(void)fake_appraise(enclave, &document, &play->held, &play->held_error);
	enclave_unref(enclave);
}

static int
release(struct play *play)
{
	int status = (int)cache_publish(play->world.cache, play->slot,
	    play->held_generation, &play->held, &play->held_error);

	play->world.error = play->held_error;
	appraisal_clear(&play->held);
	return status;
}

static void
change(struct play *play, const struct step *step, const char *where)
{
	switch (step->op) {
	case OP_ACCEPT:
		play->enclave.accepted = (unsigned int)step->build;
		break;
	case OP_MAX_AGE:
		play->enclave.max_age_ms = step->ms;
		break;
	case OP_KEEP:
		play->enclave.keep_withdrawn = true;
		break;
	case OP_INTERVAL:
		play->enclave.interval_ms = step->ms;
		break;
	case OP_ADD:
		configure(play, 0, where);
		configure(play, 1, where);
		cache_slot_unref(play->slot);
		play->slot = cache_find(play->world.cache, "payments");
		return;
	default: /* OP_REMOVE */
		configure(play, 0, where);
		return;
	}
	configure(play, 1, where);
}

static void
note_failure(struct play *play, const struct step *step)
{
	struct enclave_client_error error = {0};

	error_set(&error, (enum enclave_client_status)step->want,
	    ENCLAVE_CLIENT_STEP_FETCH, "%s", step->text);
	error_set_enclave(&error, "payments");
	cache_note_failure(play->world.cache, play->slot, &error);
}

/* A question, and its answer as a number. */
static int
ask(struct play *play, const struct step *step)
{
	struct document document = document_of(step);
	struct binding_key key = fake_key(step->key);

	switch (step->op) {
	case OP_EVIDENCE:
	case OP_REPLAYED:
	case OP_FORGED:
		return (int)world_publish(&play->world, play->slot, &document);
	case OP_RELEASE:
		return release(play);
	case OP_JUDGE:
		return (int)world_judge(&play->world, play->slot, step->key);
	case OP_LASTING:
		return cache_judge_lasting(play->slot, &key);
	default: /* OP_LIVE */
		return (int)world_live(play->slot);
	}
}

static void
take(struct play *play, const struct step *step, const char *where)
{
	int answer;

	switch (step->op) {
	case OP_CLOCKS:
		fake_clock_set(step->ms, step->ms2);
		return;
	case OP_HOLD:
		hold(play, step);
		return;
	case OP_FAIL:
		note_failure(play, step);
		return;
	case OP_EXPIRE:
		cache_expire(play->world.cache, play->slot, fake_now());
		return;
	case OP_TOLD:
		world_expect_events(&play->world, step->text, where);
		return;
	case OP_SAYS:
		ck_assert_msg(
		    strstr(play->world.error.message, step->text) != NULL,
		    "%s: it says \"%s\"", where, play->world.error.message);
		return;
	case OP_ENDED:
		ck_assert_msg(
		    enclave_client_error_deadline_ms(&play->world.error) ==
			START_WALL_MS + step->ms,
		    "%s", where);
		return;
	case OP_MARK:
		play->mark = cache_slot_generation(play->slot);
		return;
	case OP_SAME:
	case OP_CHANGED:
		ck_assert_msg((cache_slot_generation(play->slot) ==
				  play->mark) == (step->op == OP_SAME),
		    "%s: the generation", where);
		return;
	case OP_ACCEPT:
	case OP_MAX_AGE:
	case OP_KEEP:
	case OP_INTERVAL:
	case OP_ADD:
	case OP_REMOVE:
		change(play, step, where);
		return;
	default:
		answer = ask(play, step);
		ck_assert_msg(answer == step->want, "%s: %d, not %d; %s", where,
		    answer, step->want, play->world.error.message);
	}
}

START_TEST(keys_change_as_the_table_says)
{
	const struct scenario *scenario = &scenarios[_i];
	struct play play = {
	    .enclave = {.name = "payments", .host = "h", .accepted = 1 << GOOD},
	};
	char where[256];

	world_init(&play.world);
	configure(&play, 1, scenario->sentence);
	play.slot = cache_find(play.world.cache, "payments");
	for (size_t i = 0; i < COUNT(scenario->steps); i++) {
		if (scenario->steps[i].op == OP_END)
			break;
		(void)snprintf(where, sizeof(where), "%s, step %zu",
		    scenario->sentence, i + 1);
		take(&play, &scenario->steps[i], where);
	}
	cache_slot_unref(play.slot);
	world_end(&play.world);
}
END_TEST

/* Ceilings */

static const struct fake_enclave payments = {
    .name = "payments",
    .host = "h",
    .accepted = 1 << GOOD,
};

static struct cache_slot *
begin(struct world *world)
{
	world_init(world);
	ck_assert_int_eq(world_update(world, &payments, 1), OK);
	return cache_find(world->cache, "payments");
}

static enum enclave_client_status
publish(struct world *world, struct cache_slot *slot, struct document document)
{
	if (!document.not_after_ms)
		document.not_after_ms = 3 * HOUR_MS;
	return world_publish(world, slot, &document);
}

START_TEST(at_the_ceiling_the_key_that_ends_first_goes)
{
	struct world world;
	struct cache_slot *slot = begin(&world);

	for (int i = 0; i < KEYS_PER_ENCLAVE_MAX; i++)
		ck_assert_int_eq(publish(&world, slot,
				     (struct document){(char)i, GOOD, 0,
					 MIN * (10 + i % 7), false, false}),
		    OK);
	ck_assert_uint_eq(world_live(slot), KEYS_PER_ENCLAVE_MAX);
	ck_assert_int_eq(world_judge(&world, slot, 0), OK);

	/* One past it. */
	ck_assert_int_eq(
	    publish(&world, slot,
		(struct document){100, GOOD, 0, MIN * 12, false, false}),
	    OK);
	ck_assert_uint_eq(world_live(slot), KEYS_PER_ENCLAVE_MAX);
	ck_assert_int_eq(world_judge(&world, slot, 100), OK);
	ck_assert_int_eq(world_judge(&world, slot, 0), ERR(KEY_NOT_ATTESTED));

	/* One that would itself be the first to go. */
	ck_assert_int_eq(
	    publish(&world, slot,
		(struct document){101, GOOD, 0, MIN, false, false}),
	    ERR(KEY_NOT_ATTESTED));
	ck_assert_uint_eq(world_live(slot), KEYS_PER_ENCLAVE_MAX);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

START_TEST(a_key_without_room_stays_withdrawn)
{
	struct world world;
	struct cache_slot *slot = begin(&world);

	for (int i = 0; i < KEYS_PER_ENCLAVE_MAX; i++)
		ck_assert_int_eq(publish(&world, slot,
				     (struct document){(char)i, GOOD, 0,
					 20 * MIN, false, false}),
		    OK);
	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, BAD, 2, 0, false, false}),
	    ERR(MEASUREMENT));
	ck_assert_int_eq(
	    publish(&world, slot,
		(struct document){100, GOOD, 3, MIN, false, false}),
	    ERR(KEY_NOT_ATTESTED));
	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, GOOD, 1, 0, false, false}),
	    ERR(MEASUREMENT));
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

/*
 * Who owns an enclave can name any key in its evidence: he must not push a
 * withdrawal out of memory with others, and then show older evidence.
 */
START_TEST(a_withdrawal_pushed_out_by_others_still_counts)
{
	struct world world;
	struct cache_slot *slot = begin(&world);

	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, BAD, 5, 0, false, false}),
	    ERR(MEASUREMENT));
	for (int i = 0; i < WITHDRAWN_PER_ENCLAVE_MAX; i++)
		ck_assert_int_eq(publish(&world, slot,
				     (struct document){(char)i, BAD, 10 + i, 0,
					 false, false}),
		    ERR(MEASUREMENT));
	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, GOOD, 4, 0, false, false}),
	    ERR(MEASUREMENT));
	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, GOOD, 5, 0, false, false}),
	    ERR(MEASUREMENT));
	ck_assert_ptr_nonnull(
	    strstr(world.error.message, "may have been withdrawn"));
	ck_assert_uint_eq(world_live(slot), 0);
	/* At the ceiling, the others are still known by name. */
	ck_assert_int_eq(world_judge(&world, slot, 0), ERR(MEASUREMENT));
	/* Newer evidence of any key enters as ever. */
	ck_assert_int_eq(publish(&world, slot,
			     (struct document){100, GOOD, 6, 0, false, false}),
	    OK);
	ck_assert_int_eq(world_judge(&world, slot, 100), OK);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

START_TEST(a_sweep_gives_the_documents_back)
{
	struct world world;
	struct cache_slot *slot = begin(&world);
	int objects = fake_objects();

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
		    publish(&world, slot,
			(struct document){(char)i, GOOD, 0, 0, false, false}),
		    OK);
	ck_assert_int_eq(fake_objects(), objects + 4);
	fake_clock_set(HOUR_MS, HOUR_MS);
	cache_expire(world.cache, slot, fake_now());
	ck_assert_int_eq(fake_objects(), objects);
	cache_slot_unref(slot);
	world_end(&world);
}
END_TEST

Suite *
rules_suite(void)
{
	Suite *suite = suite_create("cache rules");
	TCase *rules = tcase_create("rules");
	TCase *ceilings = tcase_create("ceilings");

	tcase_add_loop_test(
	    rules, keys_change_as_the_table_says, 0, (int)COUNT(scenarios));
	suite_add_tcase(suite, rules);
	tcase_add_test(ceilings, at_the_ceiling_the_key_that_ends_first_goes);
	tcase_add_test(ceilings, a_key_without_room_stays_withdrawn);
	tcase_add_test(
	    ceilings, a_withdrawal_pushed_out_by_others_still_counts);
	tcase_add_test(ceilings, a_sweep_gives_the_documents_back);
	suite_add_tcase(suite, ceilings);
	return suite;
}
