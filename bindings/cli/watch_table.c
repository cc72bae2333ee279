#include "watch_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

#define NAME_COLUMNS      16
#define NAME_COLUMNS_WIDE 28
#define SET_COLUMNS       12
/* From here on there is room for the module id. */
#define WIDE_COLUMNS 120

void
watch_span(int64_t ms, char *text, size_t size)
{
	int64_t seconds = ms / 1000;

	if (ms < 0)
		(void)snprintf(text, size, "-");
	else if (seconds < 120)
		(void)snprintf(text, size, "%" PRId64 "s", seconds);
	else if (seconds < 7200)
		(void)snprintf(text, size, "%" PRId64 "m", seconds / 60);
	else if (seconds < 172800)
		(void)snprintf(text, size, "%" PRId64 "h", seconds / 3600);
	else
		(void)snprintf(text, size, "%" PRId64 "d", seconds / 86400);
}

/* What is cut says so. */
static void
cut_text(char *text, size_t columns)
{
	static const char mark[] = "...";

	if (strlen(text) <= columns)
		return;
	text[columns] = '\0';
	if (columns >= sizeof(mark))
		memcpy(text + columns + 1 - sizeof(mark), mark, sizeof(mark));
}

/* What stands in the columns of one row. */
struct cells {
	const char *name;
	const char *state;
	const char *set;
	const char *age;
	const char *left;
	const char *module;
	const char *error;
};

static void
format_line(
    const struct cells *cells, size_t columns, struct watch_line *ret_line)
{
	bool wide = columns >= WIDE_COLUMNS;
	int name_columns = wide ? NAME_COLUMNS_WIDE : NAME_COLUMNS;
	/* One more than fits, so that what is too long is seen. */
	char name[NAME_COLUMNS_WIDE + 2];
	char set[SET_COLUMNS + 2];
	size_t len;

	(void)snprintf(name, sizeof(name), "%s", cells->name);
	cut_text(name, (size_t)name_columns);
	(void)snprintf(set, sizeof(set), "%s", cells->set);
	cut_text(set, SET_COLUMNS);

	(void)snprintf(ret_line->text, sizeof(ret_line->text),
	    "%-*s %-11.11s %-*s %5.5s %5.5s ", name_columns, name, cells->state,
	    SET_COLUMNS, set, cells->age, cells->left);
	len = strlen(ret_line->text);
	(void)snprintf(ret_line->text + len, sizeof(ret_line->text) - len,
	    "%-*.*s%s", wide ? 42 : 0, wide ? 41 : 0, cells->module,
	    cells->error);
	if (columns > WATCH_COLUMNS_MAX)
		columns = WATCH_COLUMNS_MAX;
	cut_text(ret_line->text, columns);
	/* No blanks at the end: a narrower window would wrap them. */
	for (len = strlen(ret_line->text);
	     len && ret_line->text[len - 1] == ' '; len--)
		ret_line->text[len - 1] = '\0';
	fault_keep_printable(ret_line->text);
}

void
watch_heading(size_t columns, struct watch_line *ret_line)
{
	static const struct cells heading = {"ENCLAVE", "STATE", "MEASUREMENT",
	    "AGE", "LEFT", "MODULE", "ERROR"};

	format_line(&heading, columns, ret_line);
}

/* Of several keys the one that lasts longest. */
static const struct enclave_client_report_key *
best_key(const struct enclave_client_report_enclave *enclave)
{
	const struct enclave_client_report_key *best = NULL;

	for (size_t i = 0; i < enclave->key_count; i++)
		if (!best || enclave->keys[i].deadline_ms > best->deadline_ms)
			best = &enclave->keys[i];
	return best;
}

void
watch_row(const struct enclave_client_report_enclave *enclave, int64_t now_ms,
    size_t columns, struct watch_line *ret_line)
{
	const struct enclave_client_report_key *key = best_key(enclave);
	char age[24] = "-";
	char left[24] = "-";
	char set[32] = "-";
	struct cells cells = {
	    .name = enclave->name,
	    .state = enclave_client_state_name(enclave->state),
	    .set = set,
	    .age = age,
	    .left = left,
	    .module = "",
	    .error = enclave->last_message,
	};

	if (key) {
		int64_t age_ms = now_ms - key->timestamp_ms;

		watch_span(age_ms > 0 ? age_ms : 0, age, sizeof(age));
		watch_span(key->deadline_ms - now_ms, left, sizeof(left));
		cells.module = key->module_id;
		if (key->set_label[0])
			cells.set = key->set_label;
		else
			(void)snprintf(
			    set, sizeof(set), "set %zu", key->set_index + 1);
	}
	format_line(&cells, columns, ret_line);
}
