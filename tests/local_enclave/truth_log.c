#include "truth_log.h"

#include "encoding.h"
#include "fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int
truth_log_open(const char *path)
{
	int log = open(
	    path, O_CREAT | O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	if (log < 0)
		die("cannot write %s: %s", path, strerror(errno));
	return log;
}

cJSON *
truth_event(const char *name)
{
	cJSON *event = cJSON_CreateObject();

	must(event != NULL);
	must(cJSON_AddStringToObject(event, "event", name) != NULL);
	return event;
}

void
truth_log_write(int log, cJSON *event)
{
	struct timespec now;
	int64_t at_ms;
	char *line;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	at_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	must(cJSON_AddNumberToObject(event, "at_ms", (double)at_ms) != NULL);
	line = cJSON_PrintUnformatted(event);
	must(line != NULL);
	len = strlen(line);
	line[len] = '\n';
	/* One write a line: a reader never sees half of one for long. */
	if (write(log, line, len + 1) != (ssize_t)len + 1)
		die("cannot write the log: %s", strerror(errno));
	cJSON_free(line);
	cJSON_Delete(event);
}

void
truth_add_bytes(cJSON *event, const char *name, const uint8_t *data, size_t len)
{
	char *text = readable_text(data, len);

	must(cJSON_AddStringToObject(event, name, text) != NULL);
	free(text);
}

void
truth_add_header(cJSON *headers, const char *name, const char *value)
{
	cJSON *earlier = cJSON_GetObjectItemCaseSensitive(headers, name);
	char *text = readable_text((const uint8_t *)value, strlen(value));
	char *joined;

	if (earlier == NULL) {
		must(cJSON_AddStringToObject(headers, name, text) != NULL);
		free(text);
		return;
	}
	joined = must_format("%s, %s", cJSON_GetStringValue(earlier), text);
	must(cJSON_SetValuestring(earlier, joined) != NULL);
	free(joined);
	free(text);
}
