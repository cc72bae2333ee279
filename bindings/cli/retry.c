#include "retry.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "number.h"
#include "progress.h"

#define DELAY_MS_FIRST 1000
#define DELAY_MS_MAX   600000

struct retry
retry_begin(const struct options *options)
{
	return (struct retry){
	    .options = options,
	    .left = options->retries,
	    .started_us = progress_now_us(),
	    .delay_ms = DELAY_MS_FIRST,
	};
}

/* Those that curl takes for passing: RFC 9110 15.5.9, 15.6; RFC 6585 4. */
static bool
is_passing_status(long status)
{
	return status == 408 || status == 429 || status == 500 ||
	       status == 502 || status == 503 || status == 504;
}

/* NULL: it is final. */
static const char *
passing_reason(const struct retry *retry,
    const struct enclave_client_response *response, const struct fault *fault)
{
	bool answered = response && (!fault->exit_status ||
					fault->exit_status == EXIT_HTTP_ERROR);

	if (answered &&
	    is_passing_status(enclave_client_response_status(response)))
		return "HTTP error";
	if (fault->exit_status == EXIT_TIMEOUT ||
	    fault->exit_status == EXIT_RESOLVE_HOST ||
	    fault->exit_status == EXIT_RESOLVE_PROXY)
		return "timeout";
	if (fault->exit_status == EXIT_CONNECT &&
	    retry->options->retry_connection_refused)
		return "connection refused";
	if (fault->exit_status && retry->options->retry_all_errors)
		return "(retrying all errors)";
	return NULL;
}

/* RFC 9110 10.2.3, in seconds; a date counts as none. */
static int64_t
retry_after_ms(const struct enclave_client_response *response)
{
	const char *value = NULL;
	int64_t seconds = 0;

	if (response)
		value =
		    enclave_client_response_header(response, "Retry-After", 0);
	if (!value || !number_count(value, DELAY_MS_MAX / 1000, &seconds))
		return 0;
	return seconds * 1000;
}

static void
wait_ms(int64_t ms)
{
	struct timespec left = {
	    .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000,
	};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

bool
retry_again(struct retry *retry, const struct enclave_client_response *response,
    const struct fault *fault)
{
	const struct options *options = retry->options;
	const char *reason;
	int64_t spent_ms = (progress_now_us() - retry->started_us) / 1000;
	int64_t delay_ms;

	if (retry->left <= 0)
		return false;
	if (options->retry_max_ms && spent_ms >= options->retry_max_ms)
		return false;
	reason = passing_reason(retry, response, fault);
	if (!reason)
		return false;
	delay_ms = retry_after_ms(response);
	if (!delay_ms)
		delay_ms = options->retry_delay_ms ? options->retry_delay_ms
						   : retry->delay_ms;
	options_warn(options,
	    "Problem: %s. Will retry in %" PRId64 " %s. %" PRId64
	    " retries left.",
	    reason, delay_ms % 1000 ? delay_ms : delay_ms / 1000,
	    delay_ms % 1000 ? "ms" : "seconds", retry->left);
	wait_ms(delay_ms);
	if (retry->delay_ms < DELAY_MS_MAX)
		retry->delay_ms *= 2;
	retry->left--;
	return true;
}
