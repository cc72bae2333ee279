/*
 * Header lines told apart, and the same by libcurl: both are given the same
 * answers, libcurl over a connection to this very process.
 */
#include <check.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/headers.h"

static struct buffer texts;

static void
setup(void)
{
	buffer_init(&texts, SIZE_MAX);
}

static void
teardown(void)
{
	buffer_clear(&texts);
}

/*
 * The strings of texts, each with a | after it.  Without CR: libcurl 7.88 keeps
 * that of an empty value.
 */
static char *
joined(const struct buffer *from)
{
	char *text = calloc(from->len + 1, 1);
	size_t len = 0;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < from->len; i++)
		if (from->data[i] != '\r')
			text[len++] = from->data[i] ? (char)from->data[i] : '|';
	return text;
}

static void
expect(const char *block, const char *expected)
{
	char *text;

	buffer_clear(&texts);
	ck_assert(headers_append(&texts, bytes_from_string(block)));
	text = joined(&texts);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(lines_become_names_and_values)
{
	expect("HTTP/1.1 200 OK\r\nA: one\r\nb:two\r\n\r\n", "A|one|b|two|");
	expect("HTTP/2 200\r\nserver: x\r\nserver: y\r\n\r\n",
	    "server|x|server|y|");
	expect("HTTP/1.1 200 OK\nA: one\n\n", "A|one|");
	expect("HTTP/1.1 200 OK\r\nA: one", "A|one|");
	expect("HTTP/1.1 200 OK\r\n\r\n", "");
	expect("HTTP/1.1 200 OK", "");
	expect("", "");
}
END_TEST

START_TEST(blanks_around_a_value_go)
{
	expect("S\r\nA:\r\nB: \t \r\nC: \t x y \t\r\n\r\n", "A||B||C|x y|");
	expect("S\r\nA: x: y:\r\n\r\n", "A|x: y:|");
}
END_TEST

START_TEST(folded_lines_go_on)
{
	expect("S\r\nA: one\r\n two\r\n\t \tthree  \r\nB: x\r\n\r\n",
	    "A|one two\tthree|B|x|");
	expect("S\r\nA: one\r\n \t \r\nB: x\r\n\r\n", "A|one|B|x|");
}
END_TEST

/* The status line is no header, whatever it holds. */
START_TEST(what_is_no_header_is_left_out)
{
	expect(
	    "HTTP/1.1 200 so: it goes\r\n  A: one\r\nnone\r\n\r\n", "A|one|");
}
END_TEST

/* Whoever walks through the strings must find pairs. */
START_TEST(nul_ends_a_line)
{
	static const uint8_t block[] = "S\r\nA: one\0two\r\nB\0: x\r\n"
				       "\0C: y\r\nD: z\0\r\n\0";
	char *text;

	ck_assert(
	    headers_append(&texts, (struct bytes){block, sizeof(block) - 1}));
	text = joined(&texts);
	ck_assert_str_eq(text, "A|one|D|z|");
	free(text);
}
END_TEST

START_TEST(what_was_there_stays)
{
	const struct bytes before = {(const uint8_t *)"url", 4};
	char *text;

	ck_assert_int_eq(buffer_append(&texts, before), 0);
	/* Not folded onto it. */
	ck_assert(
	    headers_append(&texts, bytes_from_string("S\r\n A: one\r\n\r\n")));
	text = joined(&texts);
	ck_assert_str_eq(text, "url|A|one|");
	free(text);
}
END_TEST

START_TEST(full_buffer_is_told)
{
	buffer_init(&texts, 6);
	ck_assert(
	    !headers_append(&texts, bytes_from_string("S\r\nAb: one\r\n\r\n")));
	ck_assert_uint_eq(texts.len, 0);
	ck_assert(
	    headers_append(&texts, bytes_from_string("S\r\nA: one\r\n\r\n")));
	ck_assert(
	    !headers_append(&texts, bytes_from_string("S\r\nB: x\r\n\r\n")));
}
END_TEST

/* Agreement with libcurl */

/* Answers one request. */
struct server {
	int listener;
	int port;
	const char *answer;
	pthread_t thread;
};

static void *
serve(void *argument)
{
	const struct server *server = argument;
	int connection = accept(server->listener, NULL, NULL);
	size_t len = strlen(server->answer);
	char request[1024];

	if (connection < 0 || recv(connection, request, sizeof(request), 0) < 1)
		return NULL;
	if (send(connection, server->answer, len, MSG_NOSIGNAL) < 0)
		(void)shutdown(connection, SHUT_RDWR);
	(void)close(connection);
	return NULL;
}

static void
start(struct server *server)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	ck_assert_int_eq(listen(server->listener, 1), 0);
	ck_assert_int_eq(
	    getsockname(server->listener, (struct sockaddr *)&address, &len),
	    0);
	server->port = ntohs(address.sin_port);
	ck_assert_int_eq(
	    pthread_create(&server->thread, NULL, serve, server), 0);
}

static size_t
keep(char *data, size_t size, size_t count, void *context)
{
	return buffer_append(
		   context, (struct bytes){(const uint8_t *)data, size * count})
		   ? 0
		   : size * count;
}

static size_t
swallow(char *data, size_t size, size_t count, void *context)
{
	(void)data, (void)context;
	return size * count;
}

static char *
as_libcurl_has_it(CURL *easy)
{
	struct buffer said = {.max = SIZE_MAX};
	struct curl_header *header = NULL;
	char *text;

	while ((header = curl_easy_nextheader(
		    easy, CURLH_HEADER, -1, header)) != NULL) {
		ck_assert_int_eq(
		    buffer_append(
			&said, (struct bytes){(const uint8_t *)header->name,
				   strlen(header->name) + 1}),
		    0);
		ck_assert_int_eq(
		    buffer_append(
			&said, (struct bytes){(const uint8_t *)header->value,
				   strlen(header->value) + 1}),
		    0);
	}
	text = joined(&said);
	buffer_clear(&said);
	return text;
}

static void
agree(const char *answer)
{
	struct buffer block = {.max = SIZE_MAX};
	struct server server = {.answer = answer};
	CURL *easy = curl_easy_init();
	char url[64];
	char *ours;
	char *theirs;

	ck_assert_ptr_nonnull(easy);
	start(&server);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &block);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
	theirs = as_libcurl_has_it(easy);
	buffer_clear(&texts);
	ck_assert(headers_append(&texts, buffer_bytes(&block)));
	ck_assert_ptr_null(memchr(texts.data, '\r', texts.len));
	ours = joined(&texts);
	ck_assert_str_eq(ours, theirs);
	ck_assert_uint_gt(strlen(ours), 0);
	free(ours);
	free(theirs);
	buffer_clear(&block);
	curl_easy_cleanup(easy);
	ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
	ck_assert_int_eq(close(server.listener), 0);
}

START_TEST(libcurl_reads_the_same)
{
	static const char *const blocks[] = {
	    "A: one\r\nB: two\r\n",
	    "A: one\r\nA: two\r\na: three\r\n",
	    "A:one\r\nB:\r\nC: \r\nD: \t x \t \r\nE : y\r\n",
	    "A: one\r\n two\r\n\tthree\r\n  \t four  \r\nB: x\r\n",
	    "A: one\r\n  \r\nB: x\r\n",
	    "A:\r\n one\r\n",
	    "A: a:b::c:\r\nSet-Cookie: a=b; c; d=\"e:f\"\r\n",
	    "A: one\nB: two\n c\n",
	    "A: \xc3\xa4\xff\r\n",
	};
	char answer[512];

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		(void)snprintf(answer, sizeof(answer),
		    "HTTP/1.1 200 OK\r\n%s\r\n", blocks[i]);
		agree(answer);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("headers");
	TCase *tcase = tcase_create("lines");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_become_names_and_values);
	tcase_add_test(tcase, blanks_around_a_value_go);
	tcase_add_test(tcase, folded_lines_go_on);
	tcase_add_test(tcase, what_is_no_header_is_left_out);
	tcase_add_test(tcase, nul_ends_a_line);
	tcase_add_test(tcase, what_was_there_stays);
	tcase_add_test(tcase, full_buffer_is_told);
	tcase_add_test(tcase, libcurl_reads_the_same);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
