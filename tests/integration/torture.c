#include "integration/torture.h"

#include "integration/failing_calls.h"
#include "integration/fixture.h"

/* Far more than any scene needs. */
#define CALLS_MAX 5000

static void
expect_clean(const struct torture_scene *scene, size_t nth,
    enum enclave_client_status status, bool failed)
{
	if (status == ENCLAVE_CLIENT_OK) {
		ck_assert_msg(!scene->refused && scene->succeeded(),
		    "%s, call %zu (%s): accepted", scene->sentence, nth,
		    failing_calls_name());
		return;
	}
	ck_assert_msg(failed || scene->refused, "%s: %s", scene->sentence,
	    enclave_client_error_message(fixture.error));
	ck_assert_msg(scene->untouched(), "%s, call %zu (%s): outputs",
	    scene->sentence, nth, failing_calls_name());
}

void
torture_run(const struct torture_scene *scene)
{
	size_t nth = 1;
	bool failed = true;

	for (; failed && nth < CALLS_MAX; nth++) {
		enum enclave_client_status status;

		if (scene->prepare)
			scene->prepare();
		failing_calls_arm(nth);
		status = scene->call();
		failed = failing_calls_disarm();
		expect_clean(scene, nth, status, failed);
		scene->clear();
	}
	ck_assert_uint_lt(nth, CALLS_MAX);
	ck_assert_msg(
	    nth > scene->calls_min, "%s: %zu calls", scene->sentence, nth);
}
