# shellcheck shell=bash
# Stages of a CI run: each prints what it took, and all are added up. Read in
# with the project's top folder as the working directory.

stages_passed=0
stages_failed=0
stages_skipped=0

# The real documents lie beside the checkout, or the caller names them.
stages_begin()
{
	if [ -z "${ENCLAVE_CLIENT_VECTORS:-}" ] && [ -d ../shared/vectors ]; then
		ENCLAVE_CLIENT_VECTORS=$(cd ../shared/vectors && pwd)
		export ENCLAVE_CLIENT_VECTORS
	fi
	printf 'real documents: %s\n' \
		"${ENCLAVE_CLIENT_VECTORS:-none, their tests are skipped}"
	stages_log=$(mktemp)
	stages_tree=$(tree_state)
	stages_started=$SECONDS
}

# counted NAME COMMAND...: its last line says how many cases passed; a stage
# that does not say so, or contradicts itself, is one failure.
counted()
{
	local name=$1 start=$SECONDS status=0 last
	shift

	printf '\n== %s: %s\n' "$name" "$*"
	"$@" </dev/null 2>&1 | tee "$stages_log" || status=$?
	last=$(tail -n 1 "$stages_log")
	if ! [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
		stages_failed=$((stages_failed + 1))
		printf '%s ended without its count\n' "$name"
	else
		stages_passed=$((stages_passed + BASH_REMATCH[1]))
		stages_failed=$((stages_failed + BASH_REMATCH[2]))
		stages_skipped=$((stages_skipped + ${BASH_REMATCH[4]:-0}))
		if [ "$status" -ne 0 ] && [ "${BASH_REMATCH[2]}" -eq 0 ]; then
			stages_failed=$((stages_failed + 1))
			printf '%s: exit status %d\n' "$name" "$status"
		fi
	fi
	printf '== %s: %d s\n' "$name" "$((SECONDS - start))"
}

# beside NAME SECONDS COMMAND...: starts it and goes on with what follows; after
# SECONDS it is ended. One at a time; beside_counted counts it.
beside()
{
	beside_name=$1
	local seconds=$2
	shift 2

	printf '\n== %s, beside what follows: %s\n' "$beside_name" "$*"
	beside_log=$(mktemp)
	timeout --kill-after=60 "$seconds" "$@" \
		</dev/null >"$beside_log" 2>&1 &
	beside_pid=$!
	trap 'kill "$beside_pid" 2>/dev/null' EXIT
}

# The pipeline of `counted` is another shell, which could not wait for it.
beside_counted()
{
	local status=0

	wait "$beside_pid" || status=$?
	trap - EXIT
	counted "$beside_name" beside_replayed "$status"
	rm -f "$beside_log"
}

beside_replayed()
{
	cat "$beside_log"
	return "$1"
}

# named NAME COMMAND...: counts as one; its log is shown when it fails.
named()
{
	local name=$1 start=$SECONDS
	shift

	printf '\n== %s: %s\n' "$name" "$*"
	if "$@" </dev/null >"$stages_log" 2>&1; then
		stages_passed=$((stages_passed + 1))
	else
		stages_failed=$((stages_failed + 1))
		printf 'FAILED\n'
		tail -n 200 "$stages_log"
	fi
	printf '== %s: %d s\n' "$name" "$((SECONDS - start))"
}

# shown NAME COMMAND...: counts as one; what it prints is what it is for.
shown()
{
	local name=$1 start=$SECONDS
	shift

	printf '\n== %s: %s\n' "$name" "$*"
	if "$@" </dev/null 2>&1; then
		stages_passed=$((stages_passed + 1))
	else
		stages_failed=$((stages_failed + 1))
	fi
	printf '== %s: %d s\n' "$name" "$((SECONDS - start))"
}

any_benchmark()
{
	grep -rqs --include=meson.build '^ *benchmark(' tests
}

# What git sees of the tree; nothing where there is no git.
tree_state()
{
	git -c safe.directory='*' status --porcelain 2>/dev/null || true
}

# A run leaves nothing behind that a commit would pick up.
tree_is_clean()
{
	diff <(printf '%s\n' "$stages_tree") <(printf '%s\n' "$(tree_state)")
}

build_with_clang()
{
	[ -f build/clang/build.ninja ] ||
		CC=clang meson setup build/clang || return 1
	ninja -C build/clang
}

stages_end()
{
	rm -f "$stages_log"
	printf '\nreal documents: %s\n' "${ENCLAVE_CLIENT_VECTORS:-none}"
	printf 'took %d s; skips: %d\n' "$((SECONDS - stages_started))" \
		"$stages_skipped"
	printf '%d passed, %d failed, %d skipped\n' "$stages_passed" \
		"$stages_failed" "$stages_skipped"
	[ "$stages_failed" -eq 0 ]
}
