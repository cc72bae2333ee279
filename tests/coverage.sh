#!/usr/bin/env bash
# Which lines and branches of lib, cache and poller the tests run through.
# What they do not, and why, is in tests/coverage.md.
# tests/coverage.sh [MINIMUM_LINES_PERCENT MINIMUM_BRANCHES_PERCENT]
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"
# shellcheck source=tests/lib/stage.sh
. "$top/tests/lib/stage.sh"

build=$top/build/coverage
lines_min=${1:-95}
branches_min=${2:-85}
stage_dir=$(mktemp -d)
trap 'rm -rf "$stage_dir"' EXIT
export TMPDIR="$stage_dir"

give_up()
{
	echo '0 passed, 1 failed'
	exit 1
}

# Without optimisation, or lines melt into each other.  Threads count at once:
# counters that lose steps end below zero, and gcovr takes no such figure.
# __gcov_dump is for children that end without exit handlers.
configure()
{
	[ -f "$build/build.ninja" ] || meson setup --buildtype=debug \
		-Doptimization=0 -Db_coverage=true \
		-Dc_args=-fprofile-update=atomic \
		-Dc_link_args=-Wl,-u,__gcov_dump "$build" "$top"
}

# Counts of an earlier run would add to those of this one.
run_tests()
{
	find "$build" -name '*.gcda' -delete
	meson test -C "$build" --no-rebuild --quiet --logbase run -t 5 \
		--no-suite lint --no-suite style --no-suite long
}

# A branch that only an allocator or the compiler could take is none.
report()
{
	gcovr --root "$top" --object-directory "$build" \
		--filter "$top/lib/" --filter "$top/cache/" \
		--filter "$top/poller/" --exclude-unreachable-branches \
		--exclude-throw-branches --html-details "$build/coverage.html" \
		--txt "$build/lines.txt" --json-summary "$build/coverage.json"
	gcovr --root "$top" --object-directory "$build" --branches \
		--filter "$top/lib/" --filter "$top/cache/" \
		--filter "$top/poller/" --exclude-unreachable-branches \
		--txt "$build/branches.txt"
}

# Names the figure that is too small.
enough()
{
	python3 - "$build/coverage.json" "$lines_min" "$branches_min" <<'TEXT'
import json
import sys

figures = json.load(open(sys.argv[1], encoding="utf-8"))
lines, branches = figures["line_percent"], figures["branch_percent"]
print(f"lines {lines} %, branches {branches} %")
sys.exit(lines < float(sys.argv[2]) or branches < float(sys.argv[3]))
TEXT
}

stage 'packages' packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" \
	gcovr || give_up
environment_clear
stage 'configure' configure || give_up
stage 'build' ninja -C "$build" || give_up
failed=0
stage 'tests' run_tests || failed=1
stage 'report' report || give_up
cat "$build/lines.txt"
printf 'pages: %s\n' "$build/coverage.html"
if ! enough; then
	printf 'wanted: lines %s %%, branches %s %%\n' "$lines_min" \
		"$branches_min"
	failed=$((failed + 1))
fi
printf '%d passed, %d failed\n' "$((2 - failed))" "$failed"
[ "$failed" -eq 0 ]
