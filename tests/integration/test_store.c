/*
 * The evidence store: what it spares, and what whoever writes there can't do.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "integration/fixture.h"

#define FILES_SEEN_MAX 16
#define NAME_LEN       102 /* origin, key, ".cose" */
#define HEX48                                                                  \
	"777777777777777777777777777777777777777777777777"                     \
	"777777777777777777777777777777777777777777777777"

static char directory[128];
static char names[FILES_SEEN_MAX][NAME_LEN + 1];

static void
setup(void)
{
	fixture_setup();
	ck_assert(snprintf(directory, sizeof(directory), "%s/store",
		      fixture.state) < (int)sizeof(directory));
	fixture.evidence_store = directory;
}

/* Fills names with the documents' files, in no order; how many there are. */
static size_t
list(void)
{
	DIR *opened = opendir(directory);
	struct dirent *file;
	size_t count = 0;

	ck_assert_ptr_nonnull(opened);
	while ((file = readdir(opened))) {
		if (strlen(file->d_name) != NAME_LEN)
			continue;
		ck_assert_uint_lt(count, FILES_SEEN_MAX);
		memcpy(names[count], file->d_name, NAME_LEN + 1);
		count++;
	}
	(void)closedir(opened);
	return count;
}

static const char *
path_of(const char *name)
{
	static char path[512];

	ck_assert(snprintf(path, sizeof(path), "%s/%s", directory, name) <
		  (int)sizeof(path));
	return path;
}

/* Another name for the same file. */
static void
move(const char *from, const char *to)
{
	char source[512];

	(void)snprintf(source, sizeof(source), "%s", path_of(from));
	ck_assert_int_eq(rename(source, path_of(to)), 0);
}

static size_t
read_file(const char *name, unsigned char *data, size_t size)
{
	FILE *file = fopen(path_of(name), "rb");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(data, 1, size, file);
	(void)fclose(file);
	return len;
}

static void
write_file(const char *name, const void *data, size_t len)
{
	FILE *file = fopen(path_of(name), "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static void
next_client(const char *pcr0, const char *members, bool polling)
{
	enclave_client_free(fixture.client);
	enclave_client_config_free(fixture.config);
	fixture.client = NULL;
	fixture.config = NULL;
	fixture.event_count = 0;
	fixture_client(pcr0, members, polling);
}

static bool
live(void)
{
	return enclave_client_wait(fixture.client, NULL, 0, fixture.error) ==
	       ENCLAVE_CLIENT_OK;
}

/* A first run that learns; its one document's file is names[0]. */
static void
run_once(void)
{
	fixture_client(NULL, "", false);
	fixture_get_ok("/first");
	ck_assert_uint_eq(list(), 1);
}

START_TEST(the_next_run_needs_no_fetch)
{
	unsigned char document[16384];
	size_t len;

	run_once();
	/* The raw COSE_Sign1: an array of four, and no more than it. */
	len = read_file(names[0], document, sizeof(document));
	ck_assert_uint_gt(len, 2000);
	ck_assert_uint_eq(document[0], 0x84);
	next_client(NULL, "", false);
	ck_assert(live());
	fixture_get_ok("/second");
	ck_assert_uint_eq(fixture_evidence(), 1);
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_ATTESTED), 1);
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 0);
}
END_TEST

START_TEST(a_poll_fills_it_and_the_poll_thread_reads_it)
{
	fixture_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	for (int i = 0; i < 500 && !list(); i++)
		(void)nanosleep(
		    &(const struct timespec){.tv_nsec = 10000000}, NULL);
	ck_assert_uint_eq(list(), 1);
	fixture_set("{\"evidence\":\"never\"}");
	next_client(NULL, "", true);
	ck_assert_int_eq(
	    enclave_client_wait(fixture.client, NULL, 10000, fixture.error), 0);
	ck_assert_uint_eq(fixture_evidence(), 1);
}
END_TEST

START_TEST(each_key_has_its_file)
{
	run_once();
	fixture_rotate();
	next_client(NULL, "", false);
	fixture_get_ok("/second");
	ck_assert_uint_eq(list(), 2);
	next_client(NULL, "", false);
	fixture_get_ok("/third");
	ck_assert_uint_eq(fixture_evidence(), 2);
}
END_TEST

/* What may lie in the place of a document, and what is said about it. */

static void
corrupt_truncated(void)
{
	ck_assert_int_eq(truncate(path_of(names[0]), 1000), 0);
}

static void
corrupt_empty(void)
{
	ck_assert_int_eq(truncate(path_of(names[0]), 0), 0);
}

static void
corrupt_signature(void)
{
	unsigned char document[16384];
	size_t len = read_file(names[0], document, sizeof(document));

	document[len - 1] ^= 1;
	write_file(names[0], document, len);
}

static void
corrupt_too_long(void)
{
	ck_assert_int_eq(truncate(path_of(names[0]), 16385), 0);
}

static void
corrupt_huge(void)
{
	ck_assert_int_eq(truncate(path_of(names[0]), (off_t)1 << 40), 0);
}

static void
corrupt_json(void)
{
	static const char json[] = "{\"attestation_doc\":\"hEShATgioFkR\"}";

	write_file(names[0], json, sizeof(json) - 1);
}

/* The very document, reached by a link: still not followed. */
static void
replace_symlink(void)
{
	char moved[256];

	ck_assert(snprintf(moved, sizeof(moved), "%s/elsewhere",
		      fixture.state) < (int)sizeof(moved));
	ck_assert_int_eq(rename(path_of(names[0]), moved), 0);
	ck_assert_int_eq(symlink(moved, path_of(names[0])), 0);
}

static void
replace_pipe(void)
{
	ck_assert_int_eq(unlink(path_of(names[0])), 0);
	ck_assert_int_eq(mkfifo(path_of(names[0]), 0600), 0);
}

static void
replace_directory(void)
{
	ck_assert_int_eq(unlink(path_of(names[0])), 0);
	ck_assert_int_eq(mkdir(path_of(names[0]), 0700), 0);
}

static const struct {
	void (*spoil)(void);
	const char *message;
} spoilt[] = {
    {corrupt_truncated, "skipped"},
    {corrupt_empty, "skipped"},
    {corrupt_signature, "not signed"},
    {corrupt_too_long, "File too large"},
    {corrupt_huge, "File too large"},
    {corrupt_json, "skipped"},
    {replace_symlink, "symbolic links"},
    {replace_pipe, "no regular file"},
    {replace_directory, "no regular file"},
};

START_TEST(spoilt_content_is_skipped_with_one_event)
{
	run_once();
	spoilt[_i].spoil();
	next_client(NULL, "", false);
	ck_assert(!live());
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 1);
	ck_assert_msg(strstr(fixture.store_message, spoilt[_i].message) != NULL,
	    "%s", fixture.store_message);
	/* It is no failure of the enclave's. */
	ck_assert_ptr_nonnull(strstr(
	    enclave_client_error_message(fixture.error), "no attempt has"));
	fixture_get_ok("/second");
	ck_assert_uint_eq(fixture_evidence(), 2);
}
END_TEST

START_TEST(a_spoilt_file_is_replaced)
{
	run_once();
	corrupt_signature();
	next_client(NULL, "", false);
	fixture_get_ok("/second");
	next_client(NULL, "", false);
	ck_assert(live());
}
END_TEST

START_TEST(a_link_is_replaced_and_not_written_through)
{
	struct stat status;
	char target[256];

	run_once();
	replace_symlink();
	ck_assert(snprintf(target, sizeof(target), "%s/elsewhere",
		      fixture.state) < (int)sizeof(target));
	ck_assert_int_eq(truncate(target, 0), 0);
	next_client(NULL, "", false);
	fixture_get_ok("/second");
	ck_assert_int_eq(stat(target, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	ck_assert_int_eq(lstat(path_of(names[0]), &status), 0);
	ck_assert(S_ISREG(status.st_mode));
}
END_TEST

START_TEST(files_are_for_their_owner_alone)
{
	struct stat status;

	(void)umask(0);
	run_once();
	ck_assert_int_eq(stat(directory, &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(path_of(names[0]), &status), 0);
	ck_assert_int_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(other_names_are_left_alone)
{
	static const char *const others[] = {
	    "README", "..hidden", "00000000000000000000000000000000-x.cose"};

	run_once();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		write_file(others[i], "anything", 8);
	next_client(NULL, "", false);
	ck_assert(live());
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_int_eq(access(path_of(others[i]), F_OK), 0);
}
END_TEST

START_TEST(what_a_killed_writer_left_goes_after_an_hour)
{
	const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	run_once();
	write_file(".unfinished-1-1", "half", 4);
	write_file(".unfinished-1-2", "half", 4);
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, path_of(".unfinished-1-1"), old, 0), 0);
	next_client(NULL, "", false);
	ck_assert_int_ne(access(path_of(".unfinished-1-1"), F_OK), 0);
	ck_assert_int_eq(access(path_of(".unfinished-1-2"), F_OK), 0);
}
END_TEST

/* Time and policy are judged as they are now. */

START_TEST(aged_documents_serve_nobody)
{
	run_once();
	fixture_advance_ms(3600001);
	next_client(NULL, "", false);
	ck_assert(!live());
	ck_assert_uint_eq(list(), 1);
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 0);
}
END_TEST

START_TEST(expired_documents_are_removed)
{
	run_once();
	fixture_advance_ms(10804000);
	next_client(NULL, "", false);
	ck_assert(!live());
	ck_assert_uint_eq(list(), 0);
}
END_TEST

/* Who holds the lock may be putting newer evidence in its place. */
START_TEST(expired_documents_are_removed_under_the_lock)
{
	int held;

	run_once();
	fixture_advance_ms(10804000);
	held = open(directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	next_client(NULL, "", false);
	(void)close(held);
	ck_assert_uint_eq(list(), 1);
}
END_TEST

static void
make_old(const char *name)
{
	const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path_of(name), old, 0), 0);
}

START_TEST(what_is_good_for_nobody_goes_whoevers_it_is)
{
	char old[NAME_LEN + 1];
	char recent[NAME_LEN + 1];

	run_once();
	(void)snprintf(old, sizeof(old), "%.32s-%.64s.cose", HEX48, HEX48);
	(void)snprintf(
	    recent, sizeof(recent), "%.32s-%.63s8.cose", HEX48, HEX48);
	write_file(old, "anything", 8);
	write_file(recent, "anything", 8);
	make_old(old);
	next_client(NULL, "", false);
	ck_assert(live());
	ck_assert_int_ne(access(path_of(old), F_OK), 0);
	ck_assert_int_eq(access(path_of(recent), F_OK), 0);
}
END_TEST

START_TEST(keys_that_come_and_go_leave_no_files)
{
	run_once();
	for (int i = 0; i < 4; i++) {
		make_old(names[0]);
		fixture_rotate();
		/* The other clock stays, for the enclave's stays too. */
		fixture.boot_offset_ms += 3600001;
		fixture_get_ok("/next");
		ck_assert_uint_eq(list(), 1);
	}
}
END_TEST

START_TEST(documents_from_the_future_are_skipped)
{
	run_once();
	fixture.wall_offset_ms -= 60000;
	next_client(NULL, "", false);
	ck_assert(!live());
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 1);
}
END_TEST

START_TEST(another_policy_does_not_accept_them)
{
	run_once();
	next_client(HEX48, "", false);
	ck_assert(!live());
	fixture_expect(
	    fixture_get("/second"), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert(!fixture_saw("/second"));
}
END_TEST

START_TEST(another_root_does_not_accept_them)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	const char *map = fixture_map(NULL, "");

	run_once();
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_polling(config, false);
	enclave_client_config_set_evidence_store(config, directory);
	ck_assert_int_eq(enclave_client_config_load_text(
			     config, map, strlen(map), fixture.error),
	    0);
	ck_assert_int_eq(enclave_client_new(config, &client, fixture.error), 0);
	ck_assert_int_eq(enclave_client_wait(client, NULL, 0, fixture.error),
	    ENCLAVE_CLIENT_ERR_TIMEOUT);
	enclave_client_free(client);
	enclave_client_config_free(config);
}
END_TEST

/* A document of another enclave, under this one's name, binds its own key. */
START_TEST(another_enclaves_document_lets_nothing_through)
{
	unsigned char document[16384];
	size_t len;

	run_once();
	len = read_file(names[0], document, sizeof(document));
	fixture_rotate();
	fixture_set("{\"evidence\":\"never\",\"keep_alive\":false}");
	names[0][NAME_LEN - 6] = names[0][NAME_LEN - 6] == '0' ? '1' : '0';
	write_file(names[0], document, len);
	next_client(NULL, ",\"fetch_timeout_ms\":200", false);
	ck_assert(live());
	ck_assert_int_ne(fixture_get("/second"), ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/second"));
}
END_TEST

/* Newer evidence. */

START_TEST(newer_evidence_is_not_replaced)
{
	unsigned char newer[16384];
	unsigned char after[16384];
	size_t len;

	/* Another process has stored a document of a later moment. */
	run_once();
	fixture_set("{\"clock_offset_ms\":3000}");
	next_client(NULL, "", false);
	ck_assert_int_eq(unlink(path_of(names[0])), 0);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	next_client(NULL, "", false);
	fixture_get_ok("/newer");
	len = read_file(names[0], newer, sizeof(newer));
	/* This one gets an older one, and keeps it for itself. */
	move(names[0], "aside");
	fixture_set("{\"clock_offset_ms\":0}");
	next_client(NULL, "", false);
	ck_assert(!live());
	move("aside", names[0]);
	fixture_get_ok("/older");
	ck_assert_uint_eq(read_file(names[0], after, sizeof(after)), len);
	ck_assert_int_eq(memcmp(newer, after, len), 0);
}
END_TEST

START_TEST(older_evidence_is_replaced)
{
	unsigned char before[16384];
	unsigned char after[16384];
	struct enclave_client_document *document = NULL;
	size_t len;

	run_once();
	len = read_file(names[0], before, sizeof(before));
	fixture_set("{\"clock_offset_ms\":3000}");
	ck_assert_int_eq(enclave_client_attest(fixture.client, FIXTURE_NAME,
			     10000, &document, fixture.error),
	    0);
	enclave_client_document_free(document);
	ck_assert_uint_eq(list(), 1);
	ck_assert(read_file(names[0], after, sizeof(after)) != len ||
		  memcmp(before, after, len) != 0);
}
END_TEST

/* Forging a later timestamp does not hold the place: it is judged first. */
START_TEST(unauthentic_newer_content_is_replaced)
{
	run_once();
	corrupt_signature();
	fixture_set("{\"clock_offset_ms\":-3000}");
	next_client(NULL, "", false);
	fixture_get_ok("/second");
	next_client(NULL, "", false);
	ck_assert(live());
}
END_TEST

/* Withdrawals. */

#define OTHER_BUILD ",\"keep_alive\":false,\"pcrs\":{\"0\":\"" HEX48 "\"}}"

static enum enclave_client_status
attest(void)
{
	struct enclave_client_document *document = NULL;
	enum enclave_client_status status = enclave_client_attest(
	    fixture.client, FIXTURE_NAME, 10000, &document, fixture.error);

	enclave_client_document_free(document);
	return status;
}

/* The same key, and a build that is not accepted. */
static void
withdraw(void)
{
	fixture_set("{\"clock_offset_ms\":2000" OTHER_BUILD);
	fixture_expect(attest(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	/* Nothing but the store tells the next run. */
	fixture_set("{\"evidence\":\"status\"}");
}

static void
expect_no_revival(bool polling)
{
	next_client(NULL, "", polling);
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED));
	ck_assert(!live());
	ck_assert_int_ne(
	    fixture_get("/secret-after-restart"), ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/secret-after-restart"));
}

START_TEST(a_restart_does_not_revive_a_withdrawn_key)
{
	run_once();
	withdraw();
	ck_assert_uint_eq(list(), 1);
	expect_no_revival(_i == 1);
}
END_TEST

/* The polling client finds the document too old, and so polls at once; for the
 * one after it, it would be young enough. */
START_TEST(a_poll_that_withdraws_tells_the_next_run)
{
	run_once();
	fixture_advance_ms(61000);
	fixture_set("{\"clock_offset_ms\":61000" OTHER_BUILD);
	next_client(NULL, ",\"max_age_ms\":60000", true);
	ck_assert(fixture_wait_event(ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED));
	fixture_set("{\"evidence\":\"status\"}");
	expect_no_revival(false);
}
END_TEST

START_TEST(a_withdrawal_waits_for_no_lock)
{
	int held;

	run_once();
	held = open(directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	withdraw();
	(void)close(held);
	expect_no_revival(false);
}
END_TEST

/* Whoever answers polls does not choose what is on the disk. */
START_TEST(a_withdrawal_makes_no_file)
{
	fixture_set("{\"clock_offset_ms\":0" OTHER_BUILD);
	fixture_client(NULL, "", false);
	fixture_expect(attest(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(list(), 0);
}
END_TEST

START_TEST(where_nothing_is_withdrawn_documents_stay)
{
	fixture_client(NULL, ",\"insecure_keep_withdrawn\":true", false);
	fixture_get_ok("/first");
	withdraw();
	next_client(NULL, "", false);
	ck_assert(live());
}
END_TEST

/* Another process, which never saw the withdrawal, gets older evidence. */
START_TEST(older_evidence_does_not_replace_a_withdrawal)
{
	run_once();
	withdraw();
	move(names[0], "aside");
	fixture_set("{\"evidence\":\"good\",\"clock_offset_ms\":0,"
		    "\"pcrs\":null}");
	next_client(NULL, "", false);
	ck_assert(!live());
	move("aside", names[0]);
	fixture_get_ok("/older");
	fixture_set("{\"evidence\":\"status\"}");
	expect_no_revival(false);
}
END_TEST

START_TEST(newer_evidence_replaces_a_withdrawal)
{
	run_once();
	withdraw();
	fixture_set("{\"evidence\":\"good\",\"clock_offset_ms\":4000,"
		    "\"pcrs\":null}");
	fixture_get_ok("/again");
	ck_assert_uint_eq(list(), 1);
	next_client(NULL, "", false);
	ck_assert(live());
}
END_TEST

#define LIST                                                                   \
	",\"profile\":{\"encoding\":\"raw\","                                  \
	"\"path\":\"/attestation/raw\",\"binding\":{\"field\":"                \
	"\"user_data\",\"object\":\"spki\",\"transform\":\"sha256\","          \
	"\"keys\":8}}"

/* A document of two keys lies under the name of the first. */
START_TEST(a_withdrawn_key_goes_wherever_it_is_named)
{
	char settings[512];
	const char *key;

	run_once();
	key = names[0] + 33;
	(void)snprintf(settings, sizeof(settings),
	    "{\"user_data\":\"%.64s%.64s\"}", HEX48, key);
	ck_assert_int_eq(unlink(path_of(names[0])), 0);
	fixture_set(settings);
	next_client(NULL, LIST, false);
	fixture_get_ok("/of-two");
	(void)snprintf(settings, sizeof(settings),
	    "{\"clock_offset_ms\":2000,\"user_data\":\"%.64s\"" OTHER_BUILD,
	    key);
	fixture_set(settings);
	fixture_expect(attest(), ENCLAVE_CLIENT_ERR_MEASUREMENT, NULL);
	ck_assert_uint_eq(list(), 1);
	fixture_set("{\"evidence\":\"status\"}");
	next_client(NULL, LIST, false);
	ck_assert(!live());
	ck_assert_int_ne(
	    fixture_get("/secret-after-restart"), ENCLAVE_CLIENT_OK);
	ck_assert(!fixture_saw("/secret-after-restart"));
}
END_TEST

/* What no later run could use. */
START_TEST(answers_to_a_nonce_are_not_kept)
{
	static const char profile[] = ",\"profile\":\"nitriding\"";

	run_once();
	fixture_set("{\"service\":\"nitriding\"}");
	next_client(NULL, profile, false);
	ck_assert(!live());
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 0);
	fixture_get_ok("/second");
	ck_assert_uint_eq(list(), 1);
	ck_assert_int_eq(unlink(path_of(names[0])), 0);
	ck_assert_int_eq(attest(), ENCLAVE_CLIENT_OK);
	ck_assert_uint_eq(list(), 0);
}
END_TEST

/* Directories that are refused. */

static void
spoil_open_to_others(void)
{
	ck_assert_int_eq(mkdir(directory, 0700), 0);
	ck_assert_int_eq(chmod(directory, 0750), 0);
}

static void
spoil_symlink(void)
{
	char target[256];

	ck_assert(snprintf(target, sizeof(target), "%s/target", fixture.state) <
		  (int)sizeof(target));
	ck_assert_int_eq(mkdir(target, 0700), 0);
	ck_assert_int_eq(symlink(target, directory), 0);
}

/* The same link, by names that mean what it points to. */

static void
spoil_symlink_followed_by(const char *end)
{
	size_t len;

	spoil_symlink();
	len = strlen(directory);
	ck_assert_int_lt(
	    snprintf(directory + len, sizeof(directory) - len, "%s", end),
	    (int)(sizeof(directory) - len));
}

static void
spoil_symlink_slash(void)
{
	spoil_symlink_followed_by("//");
}

static void
spoil_symlink_dot(void)
{
	spoil_symlink_followed_by("/./");
}

static void
spoil_file(void)
{
	int file = open(directory, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_ge(file, 0);
	(void)close(file);
}

static void
spoil_no_parent(void)
{
	ck_assert(snprintf(directory, sizeof(directory), "%s/none/store",
		      fixture.state) < (int)sizeof(directory));
}

static const struct {
	void (*spoil)(void);
	const char *message;
} refused[] = {
    {spoil_open_to_others, "0700"},
    {spoil_symlink, "it is a symbolic link"},
    {spoil_symlink_slash, "it is a symbolic link"},
    {spoil_symlink_dot, "it is a symbolic link"},
    {spoil_file, "Not a directory"},
    {spoil_no_parent, "No such file"},
};

START_TEST(unfit_directories_are_refused)
{
	struct enclave_client_config *config = NULL;
	struct enclave_client *client = NULL;
	const char *map = fixture_map(NULL, "");

	refused[_i].spoil();
	ck_assert_int_eq(enclave_client_config_new(&config), 0);
	enclave_client_config_set_evidence_store(config, directory);
	ck_assert_int_eq(enclave_client_config_load_text(
			     config, map, strlen(map), fixture.error),
	    0);
	fixture_expect(enclave_client_new(config, &client, fixture.error),
	    ENCLAVE_CLIENT_ERR_CONFIG, refused[_i].message);
	ck_assert_ptr_null(client);
	enclave_client_config_free(config);
}
END_TEST

/* Several processes. */

#define SHARERS 6

static int
share(int index)
{
	(void)index;
	if (client_new(fixture.config, &fixture.clock, &fixture.client, NULL))
		return 1;
	for (int i = 0; i < 5; i++) {
		struct enclave_client_document *document = NULL;
		if (enclave_client_attest(
			fixture.client, FIXTURE_NAME, 20000, &document, NULL))
			return 2;
		enclave_client_document_free(document);
	}
	enclave_client_free(fixture.client);
	return 0;
}

START_TEST(several_processes_share_it)
{
	pid_t children[SHARERS];
	int status;

	fixture_client(NULL, "", false);
	enclave_client_free(fixture.client);
	fixture.client = NULL;
	for (int i = 0; i < SHARERS; i++) {
		children[i] = fork();
		ck_assert_int_ge(children[i], 0);
		if (!children[i]) {
			(void)alarm(60);
			fixture_end_child(share(i));
		}
	}
	for (int i = 0; i < SHARERS; i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(list(), 1);
	next_client(NULL, "", false);
	ck_assert(live());
	ck_assert_uint_eq(fixture_events(ENCLAVE_CLIENT_EVENT_STORE), 0);
}
END_TEST

/* Who holds the lock for ever costs us the writing, and nothing else. */
START_TEST(a_held_lock_holds_up_no_request)
{
	int held;

	ck_assert_int_eq(mkdir(directory, 0700), 0);
	held = open(directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	fixture_client(NULL, "", false);
	fixture_get_ok("/first");
	ck_assert_uint_eq(list(), 0);
	(void)close(held);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *cases = tcase_create("store");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, fixture_teardown);
	tcase_add_test(cases, the_next_run_needs_no_fetch);
	tcase_add_test(cases, a_poll_fills_it_and_the_poll_thread_reads_it);
	tcase_add_test(cases, each_key_has_its_file);
	tcase_add_loop_test(cases, spoilt_content_is_skipped_with_one_event, 0,
	    sizeof(spoilt) / sizeof(spoilt[0]));
	tcase_add_test(cases, a_spoilt_file_is_replaced);
	tcase_add_test(cases, a_link_is_replaced_and_not_written_through);
	tcase_add_test(cases, files_are_for_their_owner_alone);
	tcase_add_test(cases, other_names_are_left_alone);
	tcase_add_test(cases, what_a_killed_writer_left_goes_after_an_hour);
	tcase_add_test(cases, aged_documents_serve_nobody);
	tcase_add_test(cases, expired_documents_are_removed);
	tcase_add_test(cases, expired_documents_are_removed_under_the_lock);
	tcase_add_test(cases, what_is_good_for_nobody_goes_whoevers_it_is);
	tcase_add_test(cases, keys_that_come_and_go_leave_no_files);
	tcase_add_test(cases, documents_from_the_future_are_skipped);
	tcase_add_test(cases, another_policy_does_not_accept_them);
	tcase_add_test(cases, another_root_does_not_accept_them);
	tcase_add_test(cases, another_enclaves_document_lets_nothing_through);
	tcase_add_test(cases, newer_evidence_is_not_replaced);
	tcase_add_test(cases, older_evidence_is_replaced);
	tcase_add_test(cases, unauthentic_newer_content_is_replaced);
	tcase_add_loop_test(
	    cases, a_restart_does_not_revive_a_withdrawn_key, 0, 2);
	tcase_add_test(cases, a_poll_that_withdraws_tells_the_next_run);
	tcase_add_test(cases, a_withdrawal_waits_for_no_lock);
	tcase_add_test(cases, a_withdrawal_makes_no_file);
	tcase_add_test(cases, where_nothing_is_withdrawn_documents_stay);
	tcase_add_test(cases, older_evidence_does_not_replace_a_withdrawal);
	tcase_add_test(cases, newer_evidence_replaces_a_withdrawal);
	tcase_add_test(cases, a_withdrawn_key_goes_wherever_it_is_named);
	tcase_add_test(cases, answers_to_a_nonce_are_not_kept);
	tcase_add_loop_test(cases, unfit_directories_are_refused, 0,
	    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(cases, several_processes_share_it);
	tcase_add_test(cases, a_held_lock_holds_up_no_request);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
