#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
/* A short transfer shows nothing; a long one each second, a bar more often. */
#define FIRST_SHOWN_US SECOND_US
#define BAR_STEP_US    (SECOND_US / 10)
#define BAR_COLUMNS    71

int64_t
progress_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

struct progress
progress_begin(const struct options *options, bool to_terminal)
{
	return (struct progress){
	    .wanted =
		!options->silent && !options->no_progress_meter && !to_terminal,
	    .bar = options->progress_bar,
	    .total_bytes = -1,
	    .started_us = progress_now_us(),
	};
}

/* Five columns: "12345", " 117k", "1023M". */
static void
format_bytes(char *text, size_t size, int64_t bytes)
{
	static const char units[] = "kMGTP";
	const char *unit = units;

	if (bytes < 100000) {
		(void)snprintf(text, size, "%5" PRId64, bytes);
		return;
	}
	for (bytes /= 1024; bytes >= 10000 && unit[1]; unit++)
		bytes /= 1024;
	(void)snprintf(text, size, "%4" PRId64 "%c", bytes, *unit);
}

static void
format_time(char *text, size_t size, int64_t seconds)
{
	if (seconds < 0 || seconds > 359999)
		(void)snprintf(text, size, "--:--:--");
	else
		(void)snprintf(text, size, "%2d:%02d:%02d",
		    (int)(seconds / 3600), (int)(seconds / 60 % 60),
		    (int)(seconds % 60));
}

static int
percent_of(const struct progress *progress)
{
	if (progress->total_bytes <= 0)
		return 0;
	if (progress->received_bytes >= progress->total_bytes)
		return 100;
	return (int)((double)progress->received_bytes * 100 /
		     (double)progress->total_bytes);
}

static void
show_meter(struct progress *progress, int64_t now_us)
{
	int64_t spent_us = now_us - progress->started_us;
	int64_t speed = (int64_t)((double)progress->received_bytes *
				  (double)SECOND_US / (double)(spent_us + 1));
	int64_t left_s = -1;
	char total[24], received[24], rate[24], spent[24], left[24];

	if (!progress->shown)
		(void)fputs("  %  Total  Received  Speed  Time spent  "
			    "Time left\n",
		    stderr);
	if (progress->total_bytes >= progress->received_bytes && speed > 0)
		left_s =
		    (progress->total_bytes - progress->received_bytes) / speed;
	format_bytes(total, sizeof(total),
	    progress->total_bytes > 0 ? progress->total_bytes : 0);
	format_bytes(received, sizeof(received), progress->received_bytes);
	format_bytes(rate, sizeof(rate), speed);
	format_time(spent, sizeof(spent), spent_us / SECOND_US);
	format_time(left, sizeof(left), left_s);
	(void)fprintf(stderr, "\r%3d  %s     %s  %s    %s   %s",
	    percent_of(progress), total, received, rate, spent, left);
}

static void
show_bar(const struct progress *progress)
{
	char bar[BAR_COLUMNS + 1];
	int filled = percent_of(progress) * BAR_COLUMNS / 100;

	memset(bar, ' ', BAR_COLUMNS);
	memset(bar, '#', (size_t)filled);
	bar[BAR_COLUMNS] = '\0';
	(void)fprintf(stderr, "\r%s %5.1f%%", bar,
	    progress->total_bytes > 0 ? (double)progress->received_bytes * 100 /
					    (double)progress->total_bytes
				      : 0.0);
}

static void
show(struct progress *progress, int64_t now_us)
{
	if (progress->bar)
		show_bar(progress);
	else
		show_meter(progress, now_us);
	(void)fflush(stderr);
	progress->shown = true;
	progress->shown_us = now_us;
}

void
progress_add(struct progress *progress, size_t len)
{
	int64_t now_us;

	progress->received_bytes += (int64_t)len;
	if (!progress->wanted)
		return;
	now_us = progress_now_us();
	if (now_us - progress->started_us < FIRST_SHOWN_US ||
	    now_us - progress->shown_us <
		(progress->bar ? BAR_STEP_US : SECOND_US))
		return;
	show(progress, now_us);
}

void
progress_end(struct progress *progress)
{
	if (!progress->shown)
		return;
	show(progress, progress_now_us());
	(void)fputc('\n', stderr);
	progress->shown = false;
}
