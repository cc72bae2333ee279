# shellcheck shell=bash
# One line a stage while things go well, the log when they do not.

STAGE_LOG_LINES_MAX=200

# stage NAME COMMAND...: the log goes to the folder $stage_dir, which the caller
# made, and is shown on failure.
stage()
{
	local name=$1 log start=$SECONDS
	shift

	log="${stage_dir:?}/$(printf '%s' "$name" | tr -c 'a-zA-Z0-9' '-').log"
	printf '%-36s ' "$name"
	if "$@" >"$log" 2>&1 </dev/null; then
		printf 'ok      %4d s\n' "$((SECONDS - start))"
		return 0
	fi
	printf 'FAILED  %4d s\n' "$((SECONDS - start))"
	tail -n "$STAGE_LOG_LINES_MAX" "$log" | sed 's/^/    | /'
	return 1
}
