#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "print.h"
#include "progress.h"
#include "watch_table.h"

#define FRAME_MS        1000
#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24
#define COLUMNS_MIN     20

enum urgency { URGENCY_NONE, URGENCY_SOON, URGENCY_NOW };

/* What a line was last printed for. */
struct shown {
	enum enclave_client_state state;
	enum enclave_client_status status;
	uint64_t generation;
};

struct watching {
	const struct session *session;
	bool terminal;
	bool colours;
	struct shown *shown; /* one for each enclave */
	size_t shown_count;
	struct fault *fault;
};

/* Ends the wait between two frames, so that a new size is drawn at once. */
static void
on_resize(int number)
{
	(void)number;
}

static int64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
terminal_size(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = {0};

	*ret_columns = COLUMNS_DEFAULT;
	*ret_rows = ROWS_DEFAULT;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return;
	if (size.ws_col)
		*ret_columns = size.ws_col;
	if (size.ws_row)
		*ret_rows = size.ws_row;
	if (*ret_columns < COLUMNS_MIN)
		*ret_columns = COLUMNS_MIN;
}

static const char *
colour_of(const struct watching *watching,
    const struct enclave_client_report_enclave *enclave)
{
	if (!watching->colours)
		return "";
	switch (enclave->state) {
	case ENCLAVE_CLIENT_STATE_ATTESTED:
		return enclave->last_status ? "\033[33m" : "\033[32m";
	case ENCLAVE_CLIENT_STATE_COLD:
		return "";
	default:
		return "\033[31m";
	}
}

/* What somebody must look at stands above what is well. */
static enum urgency
urgency_of(const struct enclave_client_report_enclave *enclave)
{
	if (enclave->state == ENCLAVE_CLIENT_STATE_ATTESTED)
		return enclave->last_status ? URGENCY_SOON : URGENCY_NONE;
	return enclave->state == ENCLAVE_CLIENT_STATE_COLD &&
		       !enclave->last_status
		   ? URGENCY_SOON
		   : URGENCY_NOW;
}

static void
draw_row(const struct watching *watching,
    const struct enclave_client_report_enclave *enclave, size_t columns)
{
	struct watch_line line;

	watch_row(enclave, wall_ms(), columns, &line);
	(void)printf("%s%s%s\033[K\n", colour_of(watching, enclave), line.text,
	    watching->colours ? "\033[0m" : "");
}

/* Home, each line to its end, and nothing of the last frame below. */
static void
draw(
    const struct watching *watching, const struct enclave_client_report *report)
{
	size_t count = enclave_client_report_count(report);
	size_t columns, rows, fit;
	size_t drawn = 0;
	size_t hidden_now = 0;
	struct watch_line line;

	terminal_size(&columns, &rows);
	/* A heading, the count of what does not fit, and the cursor's line. */
	fit = rows > 3 ? rows - 3 : 1;
	watch_heading(columns, &line);
	(void)printf("\033[H%s\033[K\n", line.text);
	for (int urgency = URGENCY_NOW; urgency >= URGENCY_NONE; urgency--) {
		for (size_t i = 0; i < count; i++) {
			const struct enclave_client_report_enclave *enclave =
			    enclave_client_report_at(report, i);

			if ((int)urgency_of(enclave) != urgency)
				continue;
			if (drawn++ < fit)
				draw_row(watching, enclave, columns);
			else if (urgency == URGENCY_NOW)
				hidden_now++;
		}
	}
	if (hidden_now)
		(void)printf(
		    "%zu more, %zu bad\033[K\n", count - fit, hidden_now);
	else if (count > fit)
		(void)printf("and %zu more\033[K\n", count - fit);
	(void)printf("\033[J");
}

static bool
has_changed(struct watching *watching,
    const struct enclave_client_report_enclave *enclave, size_t index)
{
	const struct shown now = {
	    enclave->state, enclave->last_status, enclave->generation};
	struct shown *before = &watching->shown[index];
	bool changed = before->state != now.state ||
		       before->status != now.status ||
		       before->generation != now.generation;

	*before = now;
	return changed;
}

/* "2026-01-31T12:00:00Z NAME STATE ..." */
static void
print_change(const struct enclave_client_report_enclave *enclave)
{
	int64_t now_ms = wall_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	char when[32] = "";
	struct tm parts;
	struct watch_line line;

	if (gmtime_r(&seconds, &parts))
		(void)strftime(
		    when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
	watch_row(enclave, now_ms, WATCH_COLUMNS_MAX, &line);
	(void)printf("%s %s\n", when, line.text);
}

static void
print_json(
    const struct watching *watching, const struct enclave_client_report *report)
{
	char *text = enclave_client_report_json(report);
	cJSON *json = text ? cJSON_Parse(text) : NULL;
	char *line = json ? cJSON_PrintUnformatted(json) : NULL;

	if (line)
		(void)print_line(line, watching->fault);
	else
		(void)fault_memory(watching->fault);
	free(line);
	cJSON_Delete(json);
	free(text);
}

static void
print_changes(
    struct watching *watching, const struct enclave_client_report *report)
{
	bool any = false;

	for (size_t i = 0; i < watching->shown_count; i++) {
		const struct enclave_client_report_enclave *enclave =
		    enclave_client_report_at(report, i);

		if (!enclave || !has_changed(watching, enclave, i))
			continue;
		any = true;
		if (!watching->session->options->json)
			print_change(enclave);
	}
	if (any && watching->session->options->json)
		print_json(watching, report);
}

/* The first that is not attested decides the exit status. */
static int
exit_status_now(const struct enclave_client_report *report)
{
	for (size_t i = 0; i < enclave_client_report_count(report); i++) {
		const struct enclave_client_report_enclave *enclave =
		    enclave_client_report_at(report, i);

		if (enclave->state == ENCLAVE_CLIENT_STATE_ATTESTED)
			continue;
		return enclave->last_status
			   ? exit_status_of(enclave->last_status, NULL)
			   : EXIT_TIMEOUT;
	}
	return EXIT_DONE;
}

static bool
grow_shown(struct watching *watching, size_t count)
{
	struct shown *grown;

	if (watching->terminal || count == watching->shown_count)
		return true;
	grown = reallocarray(watching->shown, count, sizeof(grown[0]));
	if (!grown)
		return false;
	/* No state: so the first frame prints each. */
	for (size_t i = watching->shown_count; i < count; i++)
		grown[i] = (struct shown){
		    .state = (enum enclave_client_state) - 1,
		};
	watching->shown = grown;
	watching->shown_count = count;
	return true;
}

/* Gives the exit status that the report would end with. */
static int
frame(struct watching *watching)
{
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_report *report = NULL;
	struct fault *fault = watching->fault;
	enum enclave_client_status status;
	int result = EXIT_DONE;

	status = enclave_client_report(
	    watching->session->client, NULL, &report, error);
	if (status) {
		(void)fault_set_error(fault, status, error);
		goto out;
	}
	if (!grow_shown(watching, enclave_client_report_count(report)))
		(void)fault_memory(fault);
	else if (watching->terminal)
		draw(watching, report);
	else
		print_changes(watching, report);
	if (fflush(stdout) != 0 && !fault->exit_status)
		(void)fault_set(fault, EXIT_WRITE,
		    "writing to standard output failed: %s", strerror(errno));
	result = exit_status_now(report);

out:
	enclave_client_report_free(report);
	enclave_client_error_free(error);
	return result;
}

/* A reader that went away ends it: nobody looks any more. */
static void
wait_for_frame(int64_t left_ms)
{
	struct pollfd reader = {.fd = STDOUT_FILENO};

	(void)poll(&reader, 1, left_ms < FRAME_MS ? (int)left_ms : FRAME_MS);
}

int
watch(const struct session *session, struct fault *fault)
{
	const struct sigaction resize = {.sa_handler = on_resize};
	const char *no_color = getenv("NO_COLOR");
	struct watching watching = {
	    .session = session,
	    .terminal = isatty(STDOUT_FILENO) && !session->options->json,
	    .fault = fault,
	};
	int64_t start_us = progress_now_us();
	int64_t limit_ms = session->options->timeout_ms;
	int64_t left_ms = FRAME_MS;
	int result;

	watching.colours = watching.terminal && (!no_color || !*no_color);
	if (watching.terminal) {
		(void)sigaction(SIGWINCH, &resize, NULL);
		(void)fputs("\033[2J", stdout);
	}
	for (;;) {
		if (limit_ms)
			left_ms =
			    limit_ms - (progress_now_us() - start_us) / 1000;
		result = frame(&watching);
		if (fault->exit_status || (limit_ms && left_ms <= 0))
			break;
		wait_for_frame(left_ms);
	}
	free(watching.shown);
	return fault->exit_status ? fault->exit_status : result;
}
